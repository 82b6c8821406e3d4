#!/bin/sh
# ssh-passwd-plugin: what a server gets of it, whatever the program does that it
# runs; its file, and its options.
# shellcheck disable=SC2016 # dollars are the rules'
. "${0%/*}/lib.sh"
need_built plugins/ssh-passwd-plugin/ssh-passwd-plugin
need_built authplug
plugin=$BUILD/plugins/ssh-passwd-plugin/ssh-passwd-plugin
program=$E2E/passwd_program.py
rules=$SRC/plugins/ssh-passwd-plugin/rules
old=oldpassw0rd new=newpassw0rd

# params [USER] - what the server says.
params () {
    printf 'user_name:%s\nold_password:%s\nnew_password:%s\nend_of_params\n' \
        "${1:-rebecca}" "$old" "$new" >"$W/params"
}
params

# rules LINE... - the file's, before the usual ones.
rules () {
    for line; do echo "$line"; done >"$W/rules"
    cat >>"$W/rules" <<'END'
Request "^Current password: $"
Response $old_password$\n
Request "^New password: $"
Response $new_password$\n
Request "^Retype new password: $"
FinalResponse $new_password$\n
Request "password updated successfully"
Response $SUCCESS
Request "You must choose a longer password|do not match"
Response $ERROR_DISPLAY
Request "manipulation error"
Response $ERROR_LOG
END
}

# plays DEED... - the program that the rules are for.
plays () {
    rules "PasswdPath '$program' $*" "DataTimeout 2"
}

# change [OPTION]... - the plugin is asked to.
change () {
    run 60 sh -c 'exec "$@" <"$PARAMS"' sh env PARAMS="$W/params" \
        "$plugin" --config "$W/rules" "$@"
}
PARAMS=$W/params
export PARAMS

want_success () {
    want_rc 0
    want_out_is success
    want_nothing_left
}

# want_error KEY TEXT - the server is told, and that it failed.
want_error () {
    want_rc 1
    want grep -q "^$1:.*$2" "$W/out"
    want [ "$(tail -n 1 "$W/out")" = failure ]
    want [ "$(wc -l <"$W/out")" = 2 ]
    want_nothing_left
}

want_no_password () {
    for f in "$W/out" "$W/err"; do
        if grep -qF -e "$old" -e "$new" "$f"; then
            wrong "a password is in ${f##*/}"
        fi
    done
}

# --------------------------------------------------------------- the dialogue

it "the program is answered, and says success"
plays change "$old"
change
want_success
want_quiet

it "so is one whose prompts are answered by hand, as a server would"
run 20 --pty --on 'Old password' "type:$old\n" --on 'New password' \
    "type:$new\n" -- "$BUILD/authplug" try passwd -- "$plugin" --config \
    "$W/rules"
want_rc 0

it "a wrong old password is for the log"
plays change something-else
change
want_error error_log 'manipulation error'
want_no_password

it "a refused new password is for the user, in the program's words"
plays change "$old"
new=abc; params
change
want_error error_msg "You must choose a longer password$"
want grep -qx 'error_msg:You must choose a longer password' "$W/out"
new=newpassw0rd; params

it "a prompt may come in two writes, cut at any byte"
plays split
change
want_success

it "a byte at a time is fast enough while it is one in DataTimeout"
plays slow 0.2
change
want_success

it "what ends with a newline is no prompt"
rules "PasswdPath '$program' expire" "DataTimeout 2" \
    "Request password will expire" 'Response $old_password$\n' \
    "Request <" 'Response $ERROR_LOG'
change
want_success

it "special bytes of a terminal are typed as they are"
rules "PasswdPath '$program' hex" "Request \"<[0-9a-f]+>\"" \
    'Response $ERROR_DISPLAY'
new=$(printf 'a\003b\004c\025d\177e\021f\023g\032h\034i\026j'); params
change
want_error error_msg '<610362046315647f65116613671a681c69166a>'
new=newpassw0rd; params

it "a password as long as a terminal passes on"
plays change "$old"
new=$(head -c 4000 /dev/zero | tr '\0' x); params
change
want_success

it "a longer one is not cut: the user is told"
new=$(head -c 4095 /dev/zero | tr '\0' x); params
change
want_rc 1
want grep -qx 'error_msg:The password is too long.' "$W/out"
want [ "$(tail -n 1 "$W/out")" = failure ]
new=newpassw0rd; params

# ------------------------------------------------------- hostile and broken

it "100 MB that no rule knows are passed over in constant memory"
plays flood 100000000
"$PY" - "$plugin" "$W/rules" "$W/params" "$W/answer" >"$W/out" 2>&1 <<'END'
import subprocess, sys, time
plugin = subprocess.Popen([sys.argv[1], "--config", sys.argv[2]],
                          stdin=open(sys.argv[3]), stdout=open(sys.argv[4], "w"))
most = 0
while plugin.poll() is None:
    for line in open("/proc/%d/status" % plugin.pid):
        if line.startswith("VmHWM"):
            most = max(most, int(line.split()[1]))
    time.sleep(0.01)
print(most)
END
want grep -qx success "$W/answer"
most=$(cat "$W/out")
limit=8192
# a sanitizer's own memory is not ours
! grep -q __asan "$plugin" || limit=524288
want [ "$most" -gt 0 ]
want [ "$most" -lt "$limit" ]

it "so is a line of 10 MB without an end"
plays flood 10000000 10000000
change
want_success

it "NULs, invalid UTF-8 and control characters are no obstacle"
plays odd
change
want_success

it "and are harmless in the log"
rules "PasswdPath '$program' odd" "DataTimeout 1"
sed -i 's/New password/No such prompt/' "$W/rules"
change
want_error error_log 'wrote nothing for 1 s'
want_harmless

it "what is echoed is masked in the log"
rules "PasswdPath '$program' echo" "DataTimeout 1"
change
want_error error_log 'after the FinalResponse'
want grep -q 'matched: "\$new_password\$' "$W/out"
want_no_password

it "what comes before the end of a line that has none counts"
plays unended passwd: password updated successfully
change
want_success

it "a result may be the last thing that is said"
plays unended "You must choose a longer password"
change
want_error error_msg "You must choose a longer password"

it "an early end is a failure, whatever its status"
for status in 0 1; do
    rules "PasswdPath '$program' early $status" "GetSuccessFromExit yes"
    change
    want_error error_log "exit status $status before the FinalResponse"
done

it "a child that stays does not keep the plugin"
plays orphan
change
want_success
want_within 3000

it "a program that ends for nothing is ended"
plays stubborn
change
want_error error_log 'wrote nothing for 2 s after the FinalResponse'
want_within 6000

it "a program that does not stop asking is left"
plays endless
change
want_error error_log 'does not stop asking'

it "a program that closes its terminal and stays is left"
plays mute
change
want_error error_log 'closed its terminal and did not end'
want_within 6000

it "a program that is not there"
rules "PasswdPath /no/such/program"
change
want_error error_log '/no/such/program could not be started: .* was not found'

it "a program that may not be executed"
touch "$W/passive"
rules "PasswdPath $W/passive"
change
want_error error_log 'could not be started: Permission denied'

it "a program that dies by a signal"
printf '%s\n' 'PasswdPath /bin/sh -c "kill -SEGV $$$$"' "Request x" \
    "FinalResponse x" >"$W/rules"
change
want_error error_log 'sh was killed by signal 11'

it "a user whose name would be an option"
rules "PasswdPath '$program' change \$user_name\$"
params -x
change
want_error error_log 'would be taken for an option'
params

# ------------------------------------------------- terminal and environment

it "the program has a terminal of its own, without echo, and little else"
rules "PasswdPath '$program' look 'two words' \$user_name\$"
SSH_AUTH_SOCK=x LC_MESSAGES=de_DE.UTF-8 change -d 9
for line in "sid True" "ctty True" "same True" "echo False" "fds [0, 1, 2]" \
    "LANG=C" "LC_ALL=C" "LOGNAME=rebecca" "USER=rebecca" "TERM=dumb" \
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" \
    "args ['two words', 'rebecca']"; do
    want_err "line: $line"
done
want [ "$(grep -c 'line: [A-Z_0-9]*=' "$W/err")" = 6 ]
want_no_err "seen in"
want_error error_log 'exit status 4 before the FinalResponse'

it "without PasswdPath it is what the server names"
rules
SSH2_PASSWD_PATH="'$program' change $old" change
want_success

it "with PasswdPath that does not count"
plays change "$old"
SSH2_PASSWD_PATH=/no/such/program change
want_success

it "nor may the server's show a password to everybody"
rules
SSH2_PASSWD_PATH='passwd $new_password$' change
want_error error_log 'SSH2_PASSWD_PATH: every user of the machine would see'

# --------------------------------------------------------------- its success

it "an exit status of 0 counts where the file says so"
printf '%s\n' "PasswdPath '$program' unended bye" "GetSuccessFromExit yes" \
    'Request "^New password: "' 'Response $new_password$\n' \
    'Request "^Retype new password: "' 'FinalResponse $new_password$\n' \
    >"$W/rules"
change
want_success

it "and not where it does not: the log says what is missing"
sed -i '/GetSuccess/d' "$W/rules"
change
want_error error_log 'with GetSuccessFromExit yes'

it "after the FinalResponse no Response is given"
printf '%s\n' "PasswdPath '$program' endless" "DataTimeout 1" \
    'Request "^New password: "' 'FinalResponse $new_password$\n' >"$W/rules"
change
want_error error_log 'after the FinalResponse'

it "special results are known in any case"
plays change "$old"
sed -i 's/\$SUCCESS/$success/' "$W/rules"
change
want_success

# -------------------------------------------------------------------- debug

it "-d 9 shows the whole exchange, without the passwords"
plays change "$old"
change -d 9
want_success
want_err 'debug: GenPasswdPlugin: waits at: Current password: '
want_err 'typed: $old_password$'
want_err 'typed: $new_password$'
want_err 'line: passwd: password updated successfully'
want_no_password

it "-d GenPasswdPlugin=9 and --debug do, and another module does not"
change -d GenPasswdPlugin=9
want_err 'typed: $old_password$'
change --debug=3
want_err 'the Request in line 3 matches: Response'
want_no_err typed
change -d SshAuth=9
want_quiet
change -d 'SshAuth=1,Gen*=9'
want_err 'typed: $old_password$'

it "SSH_DEBUG_LEVEL does, unless -d says otherwise"
SSH_DEBUG_LEVEL=9 change
want_err 'typed: $old_password$'
SSH_DEBUG_LEVEL=GenPasswdPlugin=9 change -d 0
want_quiet
SSH_DEBUG_LEVEL=much change
want_success
want_err 'SSH_DEBUG_LEVEL'

it "a level that is none is misuse"
change -d much
want_rc 2
want_err "-d takes"

# ------------------------------------------------------------------- the file

# faulty LINE TEXT [LINE]... - --check names the line, and the fault.
faulty () {
    number=$1 text=$2
    shift 2
    printf '%s\n' "$@" >"$W/rules"
    run 10 "$plugin" --config "$W/rules" --check
    want_rc 1
    want_err_like "^ssh-passwd-plugin: .*/rules:$number: .*$text"
    want [ "$(wc -l <"$W/err")" = 1 ]
    change
    want_error error_log "rules:$number: "
}

it "what is wrong in the file is said with its line"
faulty 1 'unknown keyword Requst' 'Requst "x"'
faulty 1 'no Response after it' 'Request "x"' 'Request "y"'
faulty 1 'no Request before it' 'Response x'
faulty 2 'a result is no response' 'Request x' 'FinalResponse $SUCCESS'
faulty 1 'byte 2' 'Request "a(b"'
faulty 2 'byte 1' 'Request x' 'Response $password$'
faulty 1 'number from 1' 'DataTimeout 10s'
faulty 1 'number from 1' 'DataTimeout 0'
faulty 1 'yes or no' 'GetSuccessFromExit maybe'
faulty 1 'would see the password' 'PasswdPath passwd $new_password$'
faulty 1 'quote' 'Request New password:'
faulty 2 'it was given before' 'DataTimeout 3' 'DataTimeout 4'
faulty 1 'can match nothing' 'Request "x*"' 'Response y'
faulty 2 'egrep' '## SSH CONFIGURATION FILE FORMAT VERSION 1.1' \
    '## REGEX-SYNTAX zsh_fileglob' '## END OF METACONFIG'

it "a file that cannot succeed is warned of"
printf '%s\n' 'Request x' 'FinalResponse y' >"$W/rules"
run 10 "$plugin" --config "$W/rules" --check
want_rc 0
want_err 'nothing in it can tell success'

it "a file that others can write is refused, with the remedy"
rules
chmod 666 "$W/rules"
run 10 "$plugin" --config "$W/rules" --check
want_rc 1
want_err 'chmod'
change
want_error error_log chmod
chmod 600 "$W/rules"

it "a file that is not there"
run 10 "$plugin" --config "$W/nowhere" --check
want_rc 1
want_err "nowhere"

it "the book's file is read as it is"
cat >"$W/rules" <<'END'
## SSH CONFIGURATION FILE FORMAT VERSION 1.1
## REGEX-SYNTAX egrep
## END OF METACONFIG
# Tectia: /etc/ssh2/plugin/passwd_config
Request "\(current\) UNIX password:"
Response $old_password$\n
Request "New password:"
Response $new_password$\n
Request "Retype new password:"
FinalResponse $new_password$\n
Request "BAD PASSWORD: it's WAY too short"
Response $ERROR_DISPLAY
Request "internal error: database corruption"
Response $ERROR_LOG
Request "all authentication tokens updated successfully"
Response $SUCCESS
GetSuccessFromExit yes
DataTimeout 10
PasswdPath /usr/local/bin/goodpasswd $user_name$
END
run 10 "$plugin" --config "$W/rules" --check
want_rc 0
want_quiet

# ------------------------------------------------------------------- --dry-run

rules
it "--dry-run says which rule each line would match"
printf '%s\n' 'Changing password for rebecca.' \
    'Current password: $old_password$' 'New password: $new_password$' \
    'Retype new password: $new_password$' \
    'passwd: password updated successfully' >"$W/transcript"
run 10 "$plugin" --config "$W/rules" --dry-run "$W/transcript"
want_rc 0
want_out 'line 1 matches: "Current password: "'
want_out 'line 5 matches: "Retype new password: "'
want [ "$(tail -n 1 "$W/out")" = success ]

it "and so of what was recorded without marks"
sed 's/\$[a-z_]*\$$//' "$W/transcript" >"$W/plain"
run 10 "$plugin" --config "$W/rules" --dry-run - <"$W/plain"
sh -c '"$1" --config "$2" --dry-run - <"$3"' sh "$plugin" "$W/rules" \
    "$W/plain" >"$W/out"
want_out 'if the program waits here'
want [ "$(tail -n 1 "$W/out")" = success ]

it "a prompt that no rule matches"
sed -i 's/Retype/Repeat/' "$W/transcript"
run 10 "$plugin" --config "$W/rules" --dry-run "$W/transcript"
want_rc 1
want_out 'no rule, and the program waits'
want_out 'failure; the rules do not fit'

it "an answer that is not the transcript's"
printf '%s\n' 'New password: $old_password$' >"$W/transcript"
run 10 "$plugin" --config "$W/rules" --dry-run "$W/transcript"
want_rc 1
want_out 'which is not the $old_password$ of the transcript'

it "a transcript that is not there"
run 10 "$plugin" --config "$W/rules" --dry-run "$W/nowhere"
want_rc 111
want_err 'nowhere cannot be read'

# -------------------------------------------------------------------- the rest

it "--help and --version"
run 10 "$plugin" --help
want_rc 0
want_out "usage: ssh-passwd-plugin"
run 10 "$plugin" --version
want_rc 0
want_out "ssh-passwd-plugin 0."

it "misuse"
run 10 "$plugin" --no-such-option
want_rc 2
run 10 "$plugin" word
want_rc 2
want_err "one too many: word"

it "at a terminal it says what it is for"
run 10 --pty -- "$plugin" --config "$W/rules"
want_rc 2
want_screen "authplug try passwd"

it "a server that gives no name, or no new password"
printf 'old_password:x\nnew_password:y\nend_of_params\n' >"$W/params"
change
want_error error_log 'gave no user_name'
printf 'user_name:x\nold_password:y\nend_of_params\n' >"$W/params"
change
want_error error_log 'gave no new_password'
printf 'user_name:x\nnew_password:y\nend_of_params\n' >"$W/params"
plays change "$old"
change
want_error error_log 'what the server did not give'
params

finish
