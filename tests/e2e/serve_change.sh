#!/bin/sh
# authplug serve: the change of a password that has expired, at login.
# shellcheck disable=SC2016 # words in single quotes are for the other side
. "${0%/*}/lib.sh"
. "${0%/*}/serve_lib.sh"
need_built authplug-passwd
: >"$W/hosts"
: >"$W/known_hosts"
password_file
client_config
passwd=$BUILD/authplug-passwd

pw="PasswordFile $W/passwords"
fast="AuthInteractiveFailureTimeout 0"
slow="AuthInteractiveFailureTimeout 1"
expired="Your password has expired and must be changed."
another="Choose another one."
told="change \"$expired\" \"\""
forced='banner "Your password has expired: change it now, then log in anew.\r\n"'
failure="failure keyboard-interactive,password"
ask='ask "Password authentication" "" "" "Password: "'

# What keyboard-interactive asks for a new password with, and the method
# password, after words.
ask_new () {
    printf 'ask "Password change" "%s" "" "New password: " "Retype new password: "' \
        "$1"
}
again () { printf 'change "%s %s" ""' "$1" "$another"; }

# A plugin that has authplug passwd change the password in the file.
cat >"$W/change" <<END
#!/bin/sh
. "$SRC/sdk/tectia/plugin.sh"
ssh_plugin_params || { ssh_plugin_failure; exit 2; }
user=\$(ssh_plugin_get user_name)
old=\$(ssh_plugin_get old_password) new=\$(ssh_plugin_get new_password)
if said=\$(printf '%s\\n' "\$old" "\$new" "\$new" |
        "$passwd" -- "$W/passwords" "\$user" 2>&1); then
    ssh_plugin_success
else
    ssh_plugin_send error_msg "\$(printf '%s\\n' "\$said" | tail -n 1)"
    ssh_plugin_failure
    exit 1
fi
END
chmod +x "$W/change"
ln -s "$W/change" "$W/plugin_change" # by this name want_idle finds it
changes="AuthPassword.ChangePlugin exec $W/plugin_change"

# -------------------------------------------------------------- it works

serve_start change "$pw" "$fast" "$changes"

it "who gives a new password is logged in, in the same connection"
talk change "password expired sesame" "change expired sesame stoat-weasel" \
    "run echo there"
want_rc 0
want_out_is "$told" success there
want_serve_log change '"event":"password-change","outcome":"accepted","user":"expired","rhost":"127.0.0.1","plugin":"exec [^"]*/plugin_change","reason":"the plugin changed the password","ms":'
want_serve_log change '"event":"password","outcome":"accepted"'
want_serve_log change '"event":"login","outcome":"accepted","user":"expired","rhost":"127.0.0.1","ms":'
want [ "$(grep -c password-change "$W/s/change/log")" = 1 ]
want_idle change

it "the password is the new one then, and is not asked for again"
talk change "password expired sesame" "password expired stoat-weasel" \
    "run echo there"
want_out_is "$failure" success there

it "a password that has not expired is a login as ever"
talk change "password alice sesame" "run echo there"
want_out_is success there

it "stock ssh says that it has expired, and asks"
password_file
run 30 --pty --on "password: " 'type:sesame\n' --on "$expired" 'type:' \
    --on "old password: " 'type:sesame\n' \
    --on "new password: " 'type:stoat-weasel\n' \
    --on "Retype" 'type:stoat-weasel\n' -- \
    ssh -F "$W/ssh_config" -o PreferredAuthentications=password \
    expired@change 'echo there; exit 7'
want_rc 7
want_screen there
want_nothing_left

it "stock ssh shows why a new password is refused, and asks again"
password_file
run 30 --pty --on "password: " 'type:sesame\n' \
    --on "old password: " 'type:sesame\n' \
    --on "new password: " 'type:stoat\n' --on "Retype" 'type:stoat\n' \
    --on "The password is too short. $another" 'type:' \
    --on "old password: " 'type:sesame\n' \
    --on "new password: " 'type:stoat-weasel\n' \
    --on "Retype" 'type:stoat-weasel\n' -- \
    ssh -F "$W/ssh_config" -o PreferredAuthentications=password \
    expired@change 'echo there; exit 7'
want_rc 7
want_screen there
want_nothing_left

it "plink does both"
serve_start methods "$pw" "$fast" "$changes" "AllowedAuthentications password"
if command -v plink >/dev/null; then
    password_file
    PUTTYDIR=$W/putty
    export PUTTYDIR
    run 30 --pty --on "password: " 'type:sesame\n' --on "$expired" 'type:' \
        --on "Current password" 'type:\n' \
        --on "new password: " 'type:stoat\n' \
        --on "new password: " 'type:stoat\n' \
        --on "The password is too short. $another" 'type:' \
        --on "Current password" 'type:sesame\n' \
        --on "new password: " 'type:stoat-weasel\n' \
        --on "new password: " 'type:stoat-weasel\n' -- \
        plink -P "$(serve_port methods)" -l expired -no-antispoof -hostkey \
        "$(ssh-keygen -lf "$W/ed25519.pub" | cut -d' ' -f2)" \
        127.0.0.1 'echo there; exec >&- 2>&-; sleep 1; exit 7'
    want_rc 7
    want_screen there
else
    lacking "plink (Debian: putty-tools)"
fi

it "asyncssh does both"
password_file
printf '%s\n' sesame stoat stoat-weasel >"$W/given"
run 30 "$PY" "$E2E/serve_change.py" "$(serve_port change)" expired \
    "$W/given" 'echo there'
want_rc 0
want_out_is "asked '$expired' ''" "not changed" \
    "asked 'The password is too short. $another' ''" changed there

it "keyboard-interactive asks in the same dialogue"
password_file
talk change "kbdint expired" "reply sesame" "reply stoat-weasel stoat-weasel" \
    "run echo there"
want_rc 0
want_out_is "$ask" "$(ask_new "$expired")" success there
talk change "password expired stoat-weasel" "run echo there"
want_out_is success there

it "and shows there what is wrong with a new password"
password_file
talk change "kbdint expired" "reply sesame" "reply stoat-weasel stoat" \
    "reply stoat stoat" "reply stoat-weasel stoat-weasel" "run echo there"
want_out_is "$ask" "$(ask_new "$expired")" \
    "$(ask_new "The new passwords do not match. $another")" \
    "$(ask_new "The password is too short. $another")" success there

it "three times"
password_file
talk change "kbdint expired" "reply sesame" "reply stoat-weasel stoat" \
    "reply sesame sesame" "reply stoat stoat" "password expired stoat"
want_out_is "$ask" "$(ask_new "$expired")" \
    "$(ask_new "The new passwords do not match. $another")" \
    "$(ask_new "The new password is the old one. $another")" \
    "$failure" "$failure"

it "stock ssh shows it all"
password_file
run 30 --pty --on "Password: " 'type:sesame\n' \
    --on "Password change" 'type:' --on "$expired" 'type:' \
    --on "New password: " 'type:stoat\n' --on "Retype" 'type:stoat\n' \
    --on "The password is too short." 'type:' \
    --on "New password: " 'type:stoat-weasel\n' \
    --on "Retype" 'type:stoat-weasel\n' -- \
    ssh -F "$W/ssh_config" expired@change 'echo there; exit 7'
want_rc 7
want_screen there

it "a change is no way round what else is required"
password_file
serve_start all "$pw" "$fast" "$changes" \
    "AuthKbdInt.Plugin $(plugin params failure)" \
    "RequiredAuthentications password,keyboard-interactive" \
    "ExternalAuthorizationProgram $(plugin record "$W/all.record" params \
    failure)"
talk all "password expired sesame" "change expired sesame stoat-weasel" \
    "kbdint expired"
want_out_is "$told" "partial keyboard-interactive" \
    "failure keyboard-interactive"
want [ ! -e "$W/all.record" ]
serve_start all "$pw" "$fast" "$changes" \
    "ExternalAuthorizationProgram $(plugin params failure)"
talk all "change expired stoat-weasel ferret-marten" "run true"
want_rc 9
want_out_is "closed Access denied"

it "one that the plugin made leaves nothing to be forced"
password_file
serve_start forced "$pw" "$fast" "PasswdPath echo forced" \
    "AuthPassword.ChangePlugin $(plugin params success)"
talk forced "password expired sesame" "change expired sesame stoat-weasel" \
    "run echo there"
want_out_is "$told" success there
talk forced "kbdint expired" "reply sesame" \
    "reply stoat-weasel stoat-weasel" "run echo there"
want_out_is "$ask" "$(ask_new "$expired")" success there

# ---------------------------------------------------------------- refusals

it "an optional submethod whose change fails forces nothing on the next one"
serve_start next "$pw" "$fast" "PasswdPath echo forced" \
    "AuthPassword.ChangePlugin $(plugin params die)" \
    "AuthKbdInt.Plugin $(plugin params success)" \
    "AuthKbdInt.Optional password,plugin"
talk next "kbdint expired" "reply sesame" "reply stoat-weasel stoat-weasel" \
    "run echo there"
want_out_is "$ask" "$(ask_new "$expired")" success there

serve_start say "$pw" "$slow" "AuthPassword.ChangePlugin $(plugin params \
    say "error_msg:Not_$(printf '\033')[7m_good_enough" \
    say "error_log:In_a_dictionary" failure)"

it "error_msg is for the user, made harmless, error_log for the log"
talk say "password expired sesame" "change expired sesame stoat-weasel"
want_out_is "$told" "$(again 'Not_\\x1b[7m_good_enough.')"
want_serve_log say '"event":"password-change","outcome":"rejected",.*"reason":"the plugin refused the new password","message":"Not_.u001b.7m_good_enough","detail":"In_a_dictionary"'

it "as many changes are refused as PasswordGuesses says, then the login is"
times=yes
talk say "password expired sesame" "change expired sesame stoat-weasel" \
    "change expired sesame stoat-weasel" "change expired sesame stoat-weasel"
want [ "$(grep -c "$another" "$W/out")" = 2 ]
want_ms 1000 2500 "$failure"
times=
talk say "password expired sesame" "change expired sesame stoat-weasel" \
    "change expired sesame stoat-weasel" "change expired sesame stoat-weasel" \
    "change expired sesame stoat-weasel" "password expired sesame"
want [ "$(grep -c "$another" "$W/out")" = 2 ]
want [ "$(grep -c "^failure" "$W/out")" = 3 ]
want_serve_log say 'there were too many changes'
serve_start few "$pw" "$fast" "PasswordGuesses 1" \
    "AuthPassword.ChangePlugin $(plugin params failure)"
talk few "password expired sesame" "change expired sesame stoat-weasel" \
    "password expired sesame"
want_out_is "$told" "failure keyboard-interactive" \
    "failure keyboard-interactive"

it "stock ssh ends then, too"
run 30 --pty --on "password: " 'type:sesame\n' \
    --on "old password: " 'type:sesame\n' \
    --on "new password: " 'type:stoat-weasel\n' \
    --on "Retype" 'type:stoat-weasel\n' -- \
    ssh -F "$W/ssh_config" -o PreferredAuthentications=password \
    expired@few true
want_rc 255
want_screen "Permission denied (keyboard-interactive)"

it "a plugin that says no more than failure is spoken for"
serve_start mute "$pw" "$fast" "AuthPassword.ChangePlugin $(plugin params \
    failure)"
talk mute "password expired sesame" "change expired sesame stoat-weasel"
want_out_is "$told" "$(again "The password was not changed.")"

it "so is one that says too much"
serve_start much "$pw" "$fast" "AuthPassword.ChangePlugin printf \
'error_msg:%05000d\\nfailure\\n' 0; cat >/dev/null"
talk much "password expired sesame" "change expired sesame stoat-weasel"
want_out_is "$told" "$(again "The password was not changed.")"
talk much "kbdint expired" "reply sesame" "reply stoat-weasel stoat-weasel"
want_out "$(ask_new "The password was not changed. $another")"

it "words that repeat a password are the user's alone"
serve_start echo "$pw" "$fast" "AuthPassword.ChangePlugin read -r a; \
read -r b; read -r c; echo \"error_msg:'\${c#*:}' is bad\"; \
echo \"error_log:'\${b#*:}' was good\"; echo failure"
talk echo "password expired sesame" "change expired sesame stoat-weasel"
want_out_is "$told" "$(again "'stoat-weasel' is bad.")"
want_serve_log echo '"event":"password-change","outcome":"rejected"'
want_no_serve_log echo 'stoat|sesame'

it "an old password that is none by now changes nothing"
cat >"$W/moves" <<END
#!/bin/sh
printf '%s\\n' ferret-marten ferret-marten |
    "$passwd" --reset "$W/passwords" expired 2>/dev/null
echo run >>"$W/moved"
echo failure
END
chmod +x "$W/moves"
serve_start moves "$pw" "$fast" "AuthPassword.ChangePlugin exec $W/moves"
talk moves "kbdint expired" "reply sesame" "reply stoat-weasel stoat-weasel" \
    "reply stoat-weasel stoat-weasel"
want_out_is "$ask" "$(ask_new "$expired")" \
    "$(ask_new "The password was not changed. $another")" "$failure"
password_file
talk moves "password expired sesame" "change expired sesame stoat-weasel" \
    "change expired sesame stoat-weasel"
want_out_is "$told" "$(again "The password was not changed.")" "$failure"
want [ "$(grep -c run "$W/moved")" = 2 ]
password_file

while IFS='|' read -r deeds reason; do
    it "a plugin that does this has not changed it: $deeds"
    # shellcheck disable=SC2086
    serve_start bad "$pw" "$slow" \
        "AuthPassword.ChangePlugin $(plugin $deeds)"
    times=yes
    talk bad "password expired sesame" "change expired sesame stoat-weasel"
    want_ms 1000 2500 "$failure"
    times=
    talk bad "kbdint expired" "reply sesame" "reply stoat-weasel stoat-weasel"
    want_out "$failure"
    want [ "$(grep -Ec "\"event\":\"password-change\",\"outcome\":\"error\",.*\"reason\":\"$reason" \
        "$W/s/bad/log")" = 2 ]
    want_no_serve_log bad 'stoat|sesame|accepted'
    want_idle bad
    serve_stop bad
done <<'END'
die|the plugin was killed by signal 9 before its verdict
params|the plugin ended without a verdict
params say hello|the plugin ended without a verdict
params success say more|the plugin went on talking
params success failure|the plugin went on talking
params success sleep 0.5 failure|the plugin went on talking
params say req:A say end_of_requests|the plugin
params long 20000|line 1 of the plugin
END

it "nor has one that is not there"
serve_start none "$pw" "$fast" "AuthPassword.ChangePlugin exec $W/no-such"
talk none "password expired sesame" "change expired sesame stoat-weasel"
want_out_is "$told" "$failure"
want_serve_log none '"event":"password-change","outcome":"error",.*was not found by the shell'

it "nor has one that is silent, before the login's time is over"
serve_start silent "$pw" "$slow" "LoginGraceTime 4" \
    "AuthPassword.ChangePlugin $(plugin ignore params sleep 60)"
times=yes
talk silent "password expired sesame" "change expired sesame stoat-weasel" \
    "password alice sesame"
want_ms 1500 3300 "$failure"
times=
want_idle silent

it "one whose client goes away is ended"
talk silent "password expired sesame" "+change expired sesame stoat-weasel" \
    "sleep 0.3" "end"
want_idle silent
want_serve_log silent '"event":"password-change",.*"reason":"the client went away"'

it "its environment is PATH and PasswdPath, its parameters are three"
serve_start env "$pw" "$fast" "PasswdPath /bin/some \"\$user_name\$\" \$\$" \
    "AuthPassword.ChangePlugin env >$W/environ; exec $(plugin \
    record "$W/record" params success | sed 's/^exec //')"
talk env "password expired sesame" "change expired sesame stoat-weasel"
want_out_is "$told" success
want [ "$(grep -vE '^(PWD|OLDPWD|SHLVL|_)=' "$W/environ" | cut -d= -f1 | sort |
    tr '\n' ' ')" = "PATH SSH2_PASSWD_PATH " ]
want grep -qxF 'SSH2_PASSWD_PATH=/bin/some "$user_name$" $$' "$W/environ"
printf '%s\n' user_name:expired old_password:sesame \
    new_password:stoat-weasel end_of_params >"$W/expected"
want cmp "$W/expected" "$W/record"

# ------------------------------------------------- changes nobody asked for

password_file
serve_start asked "$pw" "$fast" "$changes"

it "a change that was not asked for is one"
talk asked "change alice sesame stoat-weasel" "run echo there"
want_out_is success there
talk asked "password alice sesame" "password alice stoat-weasel"
want_out_is "$failure" success
talk asked "change alice stoat-weasel stoat" \
    "change alice stoat-weasel ferret-marten"
want_out_is "$(again "The password is too short.")" success

it "a wrong old password is a wrong password, and a guess"
talk asked "change alice wrong stoat-weasel" "change alice wrong stoat-weasel" \
    "change alice wrong stoat-weasel" "password alice ferret-marten"
want_out_is "$failure" "$failure" "failure keyboard-interactive" \
    "failure keyboard-interactive"
talk asked "password expired sesame" "change expired wrong stoat-weasel"
want_out_is "$told" "$failure"

it "so it is for somebody who is not there, at the same time"
serve_start times "$pw" "$slow" "$changes"
run 60 "$PY" "$E2E/serve_times.py" "$(serve_port times)" 5 1000 25 \
    password:alice change:alice change:expired change:nobody password:nobody
want_rc 0
sed 's/^/# /' "$W/out"
# said_of USER - what the log says of a user's changes, but for time and name.
said_of () {
    grep '"event":"password-change"' "$W/s/times/log" |
        sed -n "s/\"ms\":.*//; s/.*\"id\":[^,]*,\\(.*\\)\"$1\"/\\1/p" | sort -u
}
want [ "$(said_of nobody)" = "$(said_of expired)" ]
want [ -n "$(said_of nobody)" ]

it "nothing is told of a new password before the old one is right"
for user in alice nobody; do
    talk asked "change $user wrong -" "change $user wrong wrong"
    want_out_is "$failure" "$failure"
done

# a request for alice, ssh-connection and password, up to the flag
head=$("$PY" -c '
import struct
print(b"".join(struct.pack(">I", len(w)) + w
               for w in (b"alice", b"ssh-connection", b"password")).hex())')
for flag in 01 02 ff; do
    it "with this flag the old password is never a login: $flag"
    password_file
    body=$head${flag}00000006$("$PY" -c 'print(b"sesame".hex())')
    talk asked "body 50 $body"
    want_rc 9
    want_out closed
    talk asked "body 50 ${body}0000000573746f6174" "none alice"
    want_no_out success
    talk asked "body 50 ${body}00000000" "none alice"
    want_no_out success
    talk asked "body 50 ${body}0000000073" "none alice"
    want_no_out success
    talk asked "body 50 ${body}ffffffff73" "none alice"
    want_no_out success
done

it "without a plugin a change is none"
serve_start plain "$pw" "$fast"
talk plain "change alice sesame stoat-weasel" "change alice sesame sesame"
want_out_is "$failure" "$failure"
talk plain "change expired sesame stoat-weasel"
want_out_is "$failure"
talk plain "password alice sesame"
want_out_is success

it "the answer is the user's who was asked, or the end"
talk asked "password expired sesame" "change alice sesame stoat-weasel"
want_rc 9
want_out_is "$told" "closed Change of username or service not allowed"

it "what else is asked for instead of an answer is handled as ever"
talk asked "password expired sesame" "none expired" "kbdint expired" \
    "reply sesame" "password expired x" "password expired sesame" \
    "change expired sesame stoat-weasel"
want_out_is "$told" "$failure" "$ask" "$(ask_new "$expired")" \
    "$failure" "$told" success

it "changes in one go are handled one by one"
password_file
talk asked "+change alice sesame stoat" "+change alice stoat x" \
    "+change alice sesame stoat-weasel" "sleep 1"
want_out_is "$(again "The password is too short.")" "$failure" success

it "a reply that nobody asked for is the end"
talk asked "password expired sesame" "reply stoat-weasel"
want_rc 9
want_no_out success

# ------------------------------------------------------------- odd passwords

password_file
serve_start odd "$pw" "$fast" "PasswordGuesses 9" \
    "AuthPassword.ChangePlugin $(plugin record "$W/odd.record" params success)"
while IFS='|' read -r name word said; do
    it "a new password like this is none, and no plugin hears of it: $name"
    rm -f "$W/odd.record"
    talk odd "change expired sesame $word" "password expired x"
    want_out_is "$(again "The new password $said.")" "$failure"
    want [ ! -e "$W/odd.record" ]
    talk odd "change expired sesame $word" \
        "change expired sesame stoat-weasel"
    want_out_is "$(again "The new password $said.")" success
done <<END
LF|stoat\\nend_of_params|holds a line end
LF-alone|\\n|holds a line end
CR|stoat\\rweasel|holds a line end
NUL|stoat\\0weasel|holds a NUL
NUL-behind|stoat-weasel\\0|holds a NUL
nothing|-|is empty
the-old-one|sesame|is the old one
512-bytes|$(printf '%0512d' 0)|is too long
100-KB|$(printf '%0100000d' 0)|is too long
END

it "511 bytes are one, and so is what no terminal shows"
talk odd "change expired sesame $(printf '%0511d' 0)"
want_out_is success
rm -f "$W/odd.record"
talk odd "change expired sesame \\xc3\\xa9\\x1b:\\x20'\\x22\$"
want_out_is success
want grep -qaxF "$(printf "new_password:\\303\\251\\033: '\"\$")" "$W/odd.record"

it "in keyboard-interactive it is no different"
rm -f "$W/odd.record"
talk odd "kbdint expired" "reply sesame" "reply a\\nb a\\nb" "reply - -" \
    "reply a\\0b a\\0c"
want_out_is "$ask" "$(ask_new "$expired")" \
    "$(ask_new "The new password holds a line end. $another")" \
    "$(ask_new "The new password is empty. $another")" "$failure"
want [ ! -e "$W/odd.record" ]
talk odd "kbdint expired" "reply sesame" "reply stoat-weasel" "none expired"
want_out_is "$ask" "$(ask_new "$expired")" "$failure" "$failure"
want [ ! -e "$W/odd.record" ]

it "no password is in the log, in an argument, or in the environment"
password_file
secret=secret-$$ # of no other test that runs now
printf '%s\n' "$secret-old" "$secret-old" |
    "$passwd" --reset --expire "$W/passwords" expired 2>/dev/null
cat >"$W/look" <<END
for d in /proc/[0-9]*; do
    tr '\\0' '\\n' <"\$d/cmdline" >>"$W/seen"
    tr '\\0' '\\n' <"\$d/environ" >>"$W/seen"
done 2>/dev/null
exec "$W/plugin_change"
END
serve_start look "$pw" "$fast" "AuthPassword.ChangePlugin exec sh $W/look"
printf '%s\n' "$secret-old" x "$secret-new" >"$W/given"
run 30 "$PY" "$E2E/serve_change.py" "$(serve_port look)" expired \
    "$W/given" 'echo there'
want_out there
want grep -qF "$W/look" "$W/seen"
want grep -q '^SSH2_PASSWD_PATH=' "$W/seen"
want_not grep -qF "$secret" "$W/seen"
want_no_serve_log look "$secret"
for name in change odd asked say; do
    want_no_serve_log $name 'sesame|stoat'
done

# ------------------------------------------------- with ssh-passwd-plugin

need_built plugins/ssh-passwd-plugin/ssh-passwd-plugin
cp "$SRC/plugins/ssh-passwd-plugin/rules/authplug" "$W/rules"
chmod 600 "$W/rules"
key=$(ssh-keygen -lf "$W/ed25519.pub" | cut -d' ' -f2)
serve_start ready "$pw" "$fast" "AllowedAuthentications password" \
    "AuthPassword.ChangePlugin exec \
$BUILD/plugins/ssh-passwd-plugin/ssh-passwd-plugin --config $W/rules"

it "ssh-passwd-plugin changes it by authplug passwd, which nobody has named"
password_file
talk ready "password expired sesame" "change expired sesame stoat" \
    "change expired sesame stoat-weasel" "run echo there"
want_rc 0
want_out_is "$told" "$(again 'The password is too short.')" success there
talk ready "password expired stoat-weasel" "run echo there"
want_out_is success there
want_idle ready

for client in ssh plink; do
    it "$client has it changed, and its command runs"
    password_file
    case $client in
    ssh) run 30 --pty --on "password: " 'type:sesame\n' \
        --on "old password: " 'type:sesame\n' \
        --on "new password: " 'type:stoat-weasel\n' \
        --on "Retype" 'type:stoat-weasel\n' -- ssh -F "$W/ssh_config" \
        -o PreferredAuthentications=password expired@ready 'echo there' ;;
    plink) run 30 --pty --on "password: " 'type:sesame\n' \
        --on "Current password" 'type:\n' \
        --on "new password: " 'type:stoat-weasel\n' \
        --on "new password: " 'type:stoat-weasel\n' -- \
        plink -ssh -P "$(serve_port ready)" -hostkey "$key" -noagent \
        -no-antispoof -l expired 127.0.0.1 'echo there' ;;
    esac
    want_rc 0
    want_screen there
done

# -------------------------------------------------------- the forced command

# names that would be more than one word, or a command
odd_file="$W/pass  'words\" \$HOME"
odd_user="o'b \"r\" \$(id) \\"
typed="o'b\\x20\\x22r\\x22\\x20\$(id)\\x20\\x5c"
odd_passwords () {
    password_file
    "$PY" - "$W/passwords" "$odd_file" "$odd_user" <<'END'
import os, sys
old, new, user = sys.argv[1:]
hash = open(old).read().split(":")[1]
old = os.umask(0o077)
with open(new, "w") as file:
    file.write(f"{user}:{hash}:0:\n-x:{hash}:0:\n")
END
}
odd_passwords
serve_start path "PasswordFile $odd_file" "$fast"

it "without a plugin authplug passwd is the only session, whatever the names"
talk path "password $typed sesame" \
    "input sesame\\nstoat-weasel\\nstoat-weasel\\n" "run echo there"
want_rc 0
want_out_is "$forced" success 'Current password: ' 'New password: ' \
    'Retype new password: ' 'The password was changed.'
talk path "password $typed stoat-weasel" "run echo there"
want_out_is success there

it "a name that looks like an option is none"
talk path "password -x sesame" \
    "input sesame\\nstoat-weasel\\nstoat-weasel\\n" "run echo there"
want_rc 0
want_out 'The password was changed.'
talk path "password -x stoat-weasel" "run echo there"
want_out_is success there

it "stock ssh shows the dialogue, and the connection closes"
password_file
serve_start here "$pw" "$fast"
run 30 --pty --on "password: " 'type:sesame\n' \
    --on "Your password has expired: change it now, then log in anew." \
    'type:' --on "Current password: " 'type:sesame\n' \
    --on "New password: " 'type:stoat-weasel\n' \
    --on "Retype new password: " 'type:stoat-weasel\n' -- \
    ssh -F "$W/ssh_config" -o PreferredAuthentications=password expired@here
want_rc 0
want_screen "The password was changed."
want_nothing_left

it "a file that is named from here is found from there"
password_file
cd "$W" || exit 1
serve_start here "PasswordFile passwords" "$fast"
cd "$SRC" || exit 1
talk here "password expired sesame" \
    "input sesame\\nstoat-weasel\\nstoat-weasel\\n" "run echo there"
want_rc 0
want_out 'The password was changed.'

it "plugins find the program in words of their own"
odd_passwords
serve_start path "PasswordFile $odd_file" "$fast" \
    "AuthPassword.ChangePlugin printenv SSH2_PASSWD_PATH >$W/path; echo success"
talk path "password $typed sesame" "change $typed sesame stoat-weasel"
want_out_is "$told" success
printf '"%s" -- "%s" $user_name$\n' "$passwd" \
    "$W/pass  'words\"'\"'\" \$\$HOME" >"$W/expected"
want cmp "$W/expected" "$W/path"

it "password_too_old runs the program, and no plugin"
password_file
serve_start old "$pw" "$fast" \
    "AuthPassword.ChangePlugin $(plugin record "$W/old.record" params success)" \
    "ExternalAuthorizationProgram $(plugin params failure \
    say error_code:password_too_old)"
talk old "password alice sesame" \
    "input sesame\\nstoat-weasel\\nstoat-weasel\\n" "run echo there"
want_rc 0
want_out_is "$forced" success 'Current password: ' 'New password: ' \
    'Retype new password: ' 'The password was changed.'
want [ ! -e "$W/old.record" ]

while IFS='|' read -r said value; do
    it "a PasswdPath that makes no words is refused at the start: $value"
    printf '%s\n' "$pw" "PasswdPath $value" >"$W/conf"
    # shellcheck disable=SC2086
    run 10 "$BUILD/authplug" serve --config "$W/conf" --port 0 $root
    want_rc 111
    want_err "$W/conf:2: PasswdPath: $said"
done <<'END'
a '$' that begins no token|/bin/p $user_name$ $
no token that is known here|/bin/p $user_name$ $old_password$
quotes in this word are not closed|/bin/p '$user_name$
END

finish
