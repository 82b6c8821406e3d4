#!/bin/sh
# authplug passwd: its dialogue at a terminal and through a pipe, and what it
# leaves in the file.
. "${0%/*}/lib.sh"
need_built authplug-passwd
authplug=$BUILD/authplug
passwd=$BUILD/authplug-passwd
file=$W/passwd

# accounts LINE... - the file has these lines, and alice with "old-secret".
alice='alice:$5$rounds=1000$salt$'
alice=$alice$("$PY" -W ignore -c 'import crypt
print(crypt.crypt("old-secret", "$5$rounds=1000$salt$").split("$")[-1])')
accounts () {
    printf '%s\n' '# kept' "$alice:19000:" "$@" >"$file"
    cp "$file" "$W/before"
}

# want_password USER PASSWORD - it is hers, as Python's crypt sees it.
want_password () {
    hash=$(sed -n "s/^$1:\([^:]*\):.*/\1/p" "$file")
    "$PY" -W ignore -c 'import crypt, sys
sys.exit(crypt.crypt(sys.argv[1], sys.argv[2]) != sys.argv[2])' \
        "$2" "$hash" || wrong "the password of $1 is not $2"
}

want_unchanged () {
    cmp -s "$file" "$W/before" || wrong "the file was changed"
    [ ! -e "$file.new" ] || wrong "left behind: $file.new"
}

# want_line REGEX - the file has it.
want_line () {
    grep -Eqx -- "$1" "$file" || wrong "no line of the file is: $1"
}

# piped SECONDS LINES COMMAND... - runs with the lines as standard input.
piped () {
    seconds=$1 lines=$2
    shift 2
    printf "$lines" >"$W/lines"
    run "$seconds" sh -c 'exec "$@" <"$0"' "$W/lines" "$@"
}

# dialogue CURRENT NEW AGAIN - at a terminal.
dialogue () {
    run 20 --pty --on 'Current password: ' "type:$1\\n" \
        --on 'New password: ' "type:$2\\n" \
        --on 'Retype new password: ' "type:$3\\n" -- "$passwd" "$file" alice
}

today=$(($(date +%s) / 86400))

# ---------------------------------------------------------------- the dialogue

it "a password is changed at the terminal, and is not seen there"
accounts 'bob:!:1:2'
dialogue old-secret stoat-weasel stoat-weasel
want_rc 0
want_screen "The password was changed."
want_no_screen secret
want_no_screen stoat
want_password alice stoat-weasel
want_line '# kept'
want_line 'bob:!:1:2'
want_line "alice:[^:]*:($today|$((today + 1))):"
want_nothing_left

it "the screen is that of a passwd program"
printf '%s\n' 'Current password: ' 'New password: ' 'Retype new password: ' \
    'The password was changed.' >"$W/expected"
accounts
dialogue old-secret stoat-weasel stoat-weasel
want cmp "$W/expected" "$W/screen"

it "authplug passwd is the same program"
accounts
run 20 --pty --on 'Current password: ' 'type:old-secret\n' \
    --on 'New password: ' 'type:stoat-weasel\n' \
    --on 'Retype new password: ' 'type:stoat-weasel\n' -- \
    "$authplug" passwd "$file" alice
want_rc 0
want_password alice stoat-weasel
want_nothing_left

it "a wrong password ends it before the new one is asked for"
accounts
run 20 --pty --on 'Current password: ' 'type:new-secret\n' -- \
    "$passwd" "$file" alice
want_rc 1
want_screen "Wrong password."
want_no_screen "New password"
want_unchanged
want_nothing_left

it "two that differ change nothing"
accounts
dialogue old-secret stoat-weasel stoat-weasle
want_rc 1
want_screen "The passwords do not match."
want_unchanged
want_nothing_left

it "a locked account has no right password"
accounts 'bob:!:1:2' 'carol::1:2'
for user in bob carol; do
    piped 10 '!\nstoat-weasel\nstoat-weasel\n' "$passwd" "$file" $user
    want_rc 1
    want_err "Wrong password."
    piped 10 '\nstoat-weasel\nstoat-weasel\n' "$passwd" "$file" $user
    want_rc 1
    want_err "Wrong password."
done
want_unchanged

it "without a terminal it reads standard input"
accounts
piped 10 'old-secret\nstoat-weasel\nstoat-weasel\n' "$passwd" "$file" alice
want_rc 0
want cmp "$W/expected" "$W/err"
want_out_none
want_password alice stoat-weasel

it "also where there is a terminal that is not its standard input"
accounts
printf 'old-secret\nstoat-weasel\nstoat-weasel' >"$W/lines"
run 20 --ctty -- sh -c 'exec "$@" <"$0"' "$W/lines" "$passwd" "$file" alice
want_rc 0
want_no_screen "password"
want_password alice stoat-weasel
want_nothing_left

it "lines may come in pieces"
accounts
run 20 sh -c '(printf old-; sleep 0.2; printf "secret\nstoat-"; sleep 0.2
    printf "weasel\nstoat-weasel\n") | "$@"' - "$passwd" "$file" alice
want_rc 0
want_password alice stoat-weasel

# -------------------------------------------------------------- no passwords

# refused LINES WORDS - changes nothing, and says why.
refused () {
    piped 10 "$1" "$passwd" "$file" alice
    want_rc 1
    want_err "$2"
    want_unchanged
}
many=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
many=$many$many$many$many$many$many$many$many # 512

it "a password that is too short, or none, is refused"
accounts
refused 'old-secret\n1234567\n1234567\n' "The password is too short."
refused 'old-secret\n\n\n' "No password was given."

it "8 bytes are enough, and 511 are not too many"
accounts
piped 10 'old-secret\n12345678\n12345678\n' "$passwd" "$file" alice
want_rc 0
want_password alice 12345678
piped 10 "12345678\n${many#a}\n${many#a}\n" "$passwd" "$file" alice
want_rc 0
want_password alice "${many#a}"

it "a password that is too long is refused, not cut"
accounts
refused "old-secret\n$many\n$many\n" "this password cannot be stored"
refused "old-secret\n$many$many$many\n" "The password is too long."
refused "$many$many$many\n" "The password is too long."
refused "$many\n" "Wrong password."

it "the current password is no new one"
accounts
refused 'old-secret\nold-secret\nold-secret\n' \
    "The password is the current one."

it "what is no line of text is no password"
accounts
refused 'old-secret\nstoat\000weasel\nstoat\000weasel\n' \
    "this password cannot be stored"
refused 'old-secret\nstoat-weasel\r\nstoat-weasel\r\n' \
    "this password cannot be stored"
refused 'old-secret\000\nstoat-weasel\n' "Wrong password."

it "input that ends too early changes nothing"
accounts
for lines in '' 'old-secret\n' 'old-secret\nstoat-weasel\n'; do
    piped 10 "$lines" "$passwd" "$file" alice
    want_rc 111
    want_err_like '^authplug passwd: no password: .*: nothing was changed$'
    want_unchanged
done

it "the end of input at the terminal does, too"
accounts
run 10 --pty --on 'Current password: ' 'type:\x04' -- "$passwd" "$file" alice
want_rc 111
want_screen "nothing was changed"
want_unchanged
want_nothing_left

# ------------------------------------------------------------------- signals

it "a signal leaves the terminal and the file as they were"
accounts
for prompt in Current New Retype; do
    set --
    [ $prompt = Current ] ||
        set -- --on 'Current password: ' 'type:old-secret\n'
    [ $prompt != Retype ] ||
        set -- "$@" --on 'New password: ' 'type:stoat-weasel\n'
    run 10 --pty "$@" --on "$prompt" kill:TERM -- "$passwd" "$file" alice
    want_rc 143
    want_unchanged
    want_nothing_left
    run 10 --pty "$@" --on "$prompt" 'type:\x03' -- "$passwd" "$file" alice
    want_rc 130
    want_no_screen "authplug passwd:"
    want_unchanged
    want_nothing_left
done

it "one that is killed does not hold up the next one"
accounts
run 10 --pty --on 'Current password: ' 'type:old-secret\n' \
    --on 'New password: ' kill:KILL -- "$passwd" "$file" alice
want_rc 137
echo rubbish >"$file.new"
piped 10 'old-secret\nstoat-weasel\nstoat-weasel\n' "$passwd" "$file" alice
want_rc 0
want_password alice stoat-weasel
[ ! -e "$file.new" ] || wrong "left behind: $file.new"

# ---------------------------------------------------------------------- lock

cat >"$W/hold.py" <<'END'
import fcntl, sys, time
with open(sys.argv[1], "a") as lock:
    fcntl.lockf(lock, fcntl.LOCK_EX)
    open(sys.argv[2], "w").close()
    time.sleep(float(sys.argv[3]))
END
# held SECONDS - somebody else has the lock.
held () {
    rm -f "$W/held"
    "$PY" "$W/hold.py" "$file.lock" "$W/held" "$1" &
    servers="$servers $!"
    await "$W/held" || wrong "the lock could not be taken"
}

it "another one's change is waited for"
accounts
held 1.5
piped 10 'stoat-weasel\nstoat-weasel\n' "$passwd" --reset "$file" alice
want_rc 0
want_at_least 500
want_password alice stoat-weasel

it "for ten seconds"
accounts
held 60
piped 20 'stoat-weasel\nstoat-weasel\n' "$passwd" --reset "$file" alice
want_rc 111
want_err "passwd: somebody else is changing it: try again later"
want_at_least 9500
want_within 15000
want_unchanged

it "a signal ends the waiting"
run 20 --pty --after 1 kill:TERM -- "$passwd" --expire "$file" alice
want_rc 143
want_within 5000
want_unchanged
want_nothing_left

it "the lock of one who is killed is free"
"$PY" "$E2E/run.py" --stop ${servers##* }
run 10 "$passwd" --expire "$file" alice
want_rc 0
want_within 3000
want_line 'alice:[^:]*:0:'

it "changes at the same time are all made"
accounts 'bob:!:1:2' 'carol:!:1:2' 'dave:!:1:2'
run 20 sh -c 'for user in bob carol dave; do
        printf "$user-weasel\n$user-weasel\n" |
            "$0" --reset "$1" $user & pids="$pids $!"
    done
    for pid in $pids; do wait $pid || exit; done' "$passwd" "$file"
want_rc 0
for user in bob carol dave; do want_password $user $user-weasel; done
want_password alice old-secret

# ------------------------------------------------------------------- options

it "--create makes the file and adds users"
rm -f "$file" "$file.lock"
piped 10 'stoat-weasel\nstoat-weasel\n' "$passwd" --create "$file" alice
want_rc 0
want_no_err "Current"
piped 10 'ferret-marten\nferret-marten\n' "$passwd" --create --expire \
    --maxdays 90 "$file" bob
want_rc 0
want_password alice stoat-weasel
want_password bob ferret-marten
want_line 'bob:[^:]*:0:90'
want [ "$(stat -c %a "$file")" = 600 ]
want [ "$(stat -c %a "$file.lock")" = 600 ]

it "--create does not touch one who is there"
cp "$file" "$W/before"
piped 10 'stoat-weasel\nstoat-weasel\n' "$passwd" --create "$file" alice
want_rc 1
want_err "there is such a user already: see --reset"
want_no_err "New password"
want_unchanged

# meanwhile OPTION WORDS - while the program asks for the new password, another
# one, with the option, sets stoat-weasel.
meanwhile () {
    : >"$W/asked"
    run 20 sh -c '{
        printf "$1"
        until grep -q "New password" "$2"; do sleep 0.02; done
        printf "stoat-weasel\nstoat-weasel\n" | "$3" "$4" "$5" alice 2>"$6"
        printf "ferret-polecat\nferret-polecat\n"
        } | "$3" $7 "$5" alice 2>"$2"; rc=$?; cat "$2" >&2; exit $rc' \
        sh "$2" "$W/asked" "$passwd" "$1" "$file" "$W/second" "$3"
    want grep -q "The password was changed" "$W/second"
    want_rc 1
    want_no_err "The password was changed"
    want_password alice stoat-weasel
}

it "of two who add the same user at once, one does"
rm "$file"
meanwhile --create "" --create
want_err "there is such a user already"

it "a password that was reset meanwhile is not replaced by who knew the old one"
accounts
meanwhile --reset "old-secret\n" ""
want_err "somebody else changed the password meanwhile"

it "--reset asks for no current password"
accounts 'bob:!:1:2'
piped 10 'stoat-weasel\nstoat-weasel\n' "$passwd" --reset "$file" bob
want_rc 0
want_no_err "Current"
want_password bob stoat-weasel
want_line "bob:[^:]*:($today|$((today + 1))):2"

it "--expire and --maxdays leave the password alone"
accounts
run 10 "$passwd" --maxdays 30 "$file" alice
want_rc 0
want_err "The account was changed."
want_line 'alice:[^:]*:19000:30'
run 10 "$passwd" --maxdays never --expire "$file" alice
want_rc 0
want_line 'alice:[^:]*:0:'
want_password alice old-secret

it "an expired password can be changed, and is not expired then"
piped 10 'old-secret\nstoat-weasel\nstoat-weasel\n' "$passwd" "$file" alice
want_rc 0
want_line "alice:[^:]*:($today|$((today + 1))):"

it "misuse says what to do"
accounts
run 10 "$passwd" "$file"
want_rc 2
want_err "FILE and USER were expected: see 'authplug passwd --help'"
run 10 "$passwd" "$file" alice bob
want_rc 2
run 10 "$passwd" --no-such-option "$file" alice
want_rc 2
for days in -1 x 100000 1x '' ' 1'; do
    run 10 "$passwd" --maxdays "$days" "$file" alice
    want_rc 2
done
run 10 "$passwd" --create --reset "$file" alice
want_rc 2
want_unchanged

it "--help is help, --version the version"
run 10 "$passwd" --help
want_rc 0
want_out "--maxdays"
run 10 "$passwd" --version
want_rc 0
want_out "authplug "

# ----------------------------------------------------- users and files at fault

it "an unknown user is told so, before anything is asked"
accounts
piped 10 'x\n' "$passwd" "$file" nobody
want_rc 1
want_err "passwd: there is no such user"
want_no_err "password: "
want_unchanged

it "hostile names change nothing and show nothing"
accounts
newline='
'
for name in '' 'a:b' '#a' "a${newline}root::1:" "$(printf 'a\033[2J')" \
    "$(printf 'a\tb')" "$many"; do
    piped 10 'stoat-weasel\nstoat-weasel\n' "$passwd" --create "$file" "$name"
    want_rc 1
    want_err "this user name cannot be stored"
    want_no_err "New password"
    want_harmless
    run 10 "$passwd" --reset -- "$file" "$name"
    want_rc 1
    want_unchanged
done
piped 10 'stoat-weasel\nstoat-weasel\n' "$passwd" --create -- "$file" --expire
want_rc 0
want_password --expire stoat-weasel

it "a hostile path is made harmless"
run 10 "$passwd" "$W/$(printf 'x\033[2J')" alice
want_rc 111
want_err 'x\x1b[2J'
want_harmless

it "a file that others may read is refused, with what to do"
accounts
for mode in 0644 0620 0604; do
    chmod $mode "$file"
    piped 10 'old-secret\n' "$passwd" "$file" alice
    want_rc 111
    want_err "chmod go= $file"
    want_no_err "password: "
done
chmod 600 "$file"
want_unchanged

it "a file that is none is refused at once"
mkfifo -m 600 "$W/fifo"
run 10 "$passwd" "$W/fifo" alice
want_rc 111
want_within 3000
run 10 "$passwd" "$W" alice
want_rc 111
run 10 "$passwd" "$W/nowhere" alice
want_rc 111
want_err "No such file"
piped 10 'stoat-weasel\nstoat-weasel\n' "$passwd" --create \
    "$W/nowhere/passwd" alice
want_rc 111
want_err "$W/nowhere/passwd: its folder cannot be opened"
want_no_err "password: "

it "a line that is no account is told by its number"
accounts 'bob:stoat-weasel'
piped 10 'old-secret\n' "$passwd" "$file" alice
want_rc 111
want_err "$file:3: this is no account"
want_no_err stoat
want_unchanged

finish
