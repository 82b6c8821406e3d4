#!/bin/sh
# Servers that demand a new password in answer to the old one (RFC 4252 section
# 8): stock ssh takes over and meets it at the terminal. And servers that demand
# it where or how they may not.
. "${0%/*}/lib.sh"
need ssh openssh-client
need_built examples/hello
login_program
proxy_program
behaviours="change changeboth demand demandempty demandlong demandhuge
    demandnasty demandcut demandcutearly demandnothing demandtrailing
    demandtwice demandunasked demandkbdint demandkey demandlate demandrefused
    demandslow"
# shellcheck disable=SC2086
asyncssh_start $behaviours
# shellcheck disable=SC2086
client_config $behaviours

# The ssh that is found first: notes how it was started before it is ssh.
mkdir "$W/bin"
cat >"$W/bin/ssh" <<END
#!/bin/sh
case " \$* " in
*" -G "*) ;;
*)
    printf '%s\n' "\$@" >"$W/words"
    sed -n 's/^Sig\(Blk\|Ign\|Pnd\):\t//p' /proc/self/status >"$W/signals"
    ls -l /proc/self/fd >"$W/descriptors"
    ulimit -c >"$W/core"
    ;;
esac
exec $(command -v ssh) "\$@"
END
chmod +x "$W/bin/ssh"
PATH=$W/bin:$PATH

# change --pty|--ctty COMMAND... - the user gives the old password to authplug
# ssh and to the ssh that takes over, which then asks for it and a new one.
change () {
    how=$1
    shift
    rm -f "$W/words"
    run 30 "$how" --on "'s password: " 'type:old\n' \
        --on "'s password: " 'type:old\n' --on "old password: " 'type:old\n' \
        --on "new password: " 'type:new\n' --on "new password: " 'type:new\n' \
        -- "$@"
}

# want_words WORD... - ssh was given these, and nothing else.
want_words () {
    printf '%s\n' "$@" | cmp -s - "$W/words" ||
        wrong "ssh was started with: $(tr '\n' ' ' <"$W/words")"
}

# requests BEHAVIOUR - the methods that were asked for, in one line.
requests () {
    sed -n 's/.*"method": "\([a-z-]*\)".*/\1/p' "$W/srv/$1.log" | tr '\n' ' '
}

# type_old BEHAVIOUR - the user gives the old password, and is asked
# nothing else.
type_old () {
    b=$1
    rm -f "$W/words"
    run 15 --pty --on "'s password: " 'type:old\n' -- \
        "$login" --timeout 3 -l erin "$b" whoami
}

# hand_over BEHAVIOUR - the same, until the ssh that took over asks.
hand_over () {
    rm -f "$W/words"
    run 15 --pty --on "'s password: " 'type:old\n' \
        --on "'s password: " 'type:\x03' -- \
        "$login" --timeout 5 -l erin "$1" whoami
    want_screen "takes over"
    want [ -e "$W/words" ]
    want_within 5000
    want_nothing_left
    # what stock ssh shows is its own affair
    sed '/takes over/q' "$W/screen" >"$W/ours"
    mv "$W/ours" "$W/screen"
    want_harmless
}

# want_refused REGEX - one line said so, at once; stock ssh was not started.
want_refused () {
    want_rc 255
    tr -d '\r' <"$W/screen" | grep -Eq "^authplug ssh: .*$1" ||
        wrong "nothing on the terminal matches: $1"
    n=$(grep -c '^authplug ssh: ' "$W/screen")
    [ "$n" = 1 ] || wrong "$n lines of authplug ssh's own, not 1"
    want [ ! -e "$W/words" ]
    want_within 4000
    want_harmless
    want_nothing_left
}

# ------------------------------------------------------------- it is handed on

it "the server's demand is shown, and ssh takes over, which meets it"
forget change
change --pty "$login" -l erin change whoami
want_rc 0
want_screen "server| Time for a new one"
want_screen "stock ssh can do: it takes over"
want grep -qx erin "$W/screen"
want_log change '"event": "change", "old": "old", "new": "new"'
want_not grep -q '^old' "$W/screen"
want_nothing_left

it "our connection is closed before the next one is made"
want [ "$(sed -n 's/.*"event": "\(connection\|closed\)".*/\1/p' \
    "$W/srv/change.log" | head -n 3 | tr '\n' ' ')" = \
    "connection closed connection " ]

it "the user's options and command are ssh's; ours are not"
change --pty "$login" --plugin "exec '$hello' stoat" --timeout=20 -l erin \
    -o "ServerAliveInterval 9" -o ControlPath=none change 'echo a  b' "c'd"
want_rc 0
want_screen "a  b c'd"
want_words -oPreferredAuthentications=gssapi-with-mic,hostbased,publickey,password,keyboard-interactive,password \
    -F "$W/ssh_config" -l erin -o "ServerAliveInterval 9" \
    -o ControlPath=none -- change 'echo a  b' "c'd"
want_nothing_left

it "no socket, no signal and no limit of ours goes along"
want_not grep -q socket: "$W/descriptors"
want_not grep -q memfd "$W/descriptors"
mv "$W/signals" "$W/signals.handed"
mv "$W/core" "$W/core.handed"
run 15 --pty -- ssh -V
want cmp "$W/signals" "$W/signals.handed"
want cmp "$W/core" "$W/core.handed"

it "the remote command's exit status is ours"
change --pty "$login" -l erin change 'exit 7'
want_rc 7
want_nothing_left

it "standard input and output are the command's, and stay apart"
head -c 100000 /dev/urandom >"$W/data"
change --ctty "$login" -l erin change cat <"$W/data"
want_rc 0
want cmp "$W/data" "$W/out"
want_err "server| Time for a new one"
want_nothing_left

it "without a command there is a session"
printf 'whoami\nexit 5\n' >"$W/data"
change --ctty "$login" -T -l erin change <"$W/data"
want_rc 5
want_out_is erin

it "a proxy command is started anew, and nothing of the first is left"
rm -f "$W/went-through"
change --pty "$login" -l erin -o "ProxyCommand=$W/through %h %p" change whoami
want_rc 0
want [ -e "$W/went-through" ]
want_nothing_left

it "the plugin has been ended, and told of its own answers only"
rm -f "$W/record"
forget changeboth
change --pty "$login" --plugin "$(hostile "record=$W/record" -- stoat)" \
    -l erin changeboth whoami
want_rc 0
want [ "$(cut -d' ' -f1 "$W/record" | tr '\n' ' ')" = "1 3 20 7 " ]
want_nothing_left

it "ssh does not ask again what the plugin was asked, before the password"
want [ "$(requests changeboth)" = \
    "none keyboard-interactive password none password password " ]

it "a preference of the user's keeps its order but for that"
change --pty "$login" --plugin "'$hello' stoat" -l erin \
    -o PreferredAuthentications=keyboard-interactive,password \
    changeboth whoami
want_rc 0
want [ "$(head -n 1 "$W/words")" = \
    -oPreferredAuthentications=password,keyboard-interactive,password ]

it "and one that begins with the password is left alone"
change --pty "$login" -o PreferredAuthentications=password,publickey \
    -l erin change whoami
want_rc 0
want_words -F "$W/ssh_config" -o PreferredAuthentications=password,publickey \
    -l erin -- change whoami

it "a user that the plugin named is the one who logs in"
forget change
run 30 --pty --on "plugin named: " 'type:old\n' \
    --on "bob@127.0.0.1's password: " 'type:old\n' \
    --on "old password: " 'type:old\n' --on "new password: " 'type:new\n' \
    --on "new password: " 'type:new\n' -- \
    "$login" --plugin "$(hostile init:user=bob)" -l erin "alice@change" whoami
want_rc 0
want grep -qx bob "$W/screen"
want_no_log change '"user": "erin"'
want_nothing_left

it "a new password that is mistyped is ssh's to deal with"
run 30 --pty --on "'s password: " 'type:old\n' \
    --on "'s password: " 'type:old\n' --on "old password: " 'type:old\n' \
    --on "new password: " 'type:new\n' --on "new password: " 'type:nwe\n' \
    --on "new password: " 'type:new\n' --on "new password: " 'type:new\n' \
    -- "$login" -l erin change whoami
want_rc 0
want grep -qx erin "$W/screen"

it "Ctrl-C at ssh's question ends it, the terminal as it was found"
run 20 --pty --on "'s password: " 'type:old\n' \
    --on "'s password: " 'type:old\n' --on "old password: " 'type:\x03' -- \
    "$login" -l erin change whoami
want_not [ "$rc" = 0 ]
want_nothing_left

it "a wrong password first does no harm"
run 30 --pty --on "'s password: " 'type:wrong\n' \
    --on "'s password: " 'type:old\n' --on "'s password: " 'type:old\n' \
    --on "old password: " 'type:old\n' --on "new password: " 'type:new\n' \
    --on "new password: " 'type:new\n' -- "$login" -l erin change whoami
want_rc 0
want grep -qx erin "$W/screen"
want_nothing_left

# ------------------------------------------------------- nobody can be asked

it "with --batch no password is sent, and the remedy is named"
forget change
run 15 --pty -- "$login" --batch -l erin change whoami
want_rc 255
want_screen "log in without --batch"
want_no_log change '"event": "password"'
want_within 4000
want_nothing_left
run 15 "$login" -o BatchMode=yes -l erin change whoami
want_failure "without --batch"

it "without a terminal there is nobody either"
run 15 "$login" -l erin change whoami
want_rc 255
want_one_line
want_nothing_left

it "a terminal that is gone when the demand comes"
rm -f "$W/gone" "$W/words"
forget demandslow
cat >"$W/leave" <<END
#!/bin/sh
# a terminal is its session's as long as the first process of that lives
trap '' HUP
{ "$login" -l erin demandslow whoami 2>"$W/gone.err"; echo \$? >"$W/gone"; } &
until grep -q '"method": "password"' "$W/srv/demandslow.log"; do
    sleep 0.02
done
END
run 15 --pty --on "'s password: " 'type:old\n' -- sh "$W/leave"
await "$W/gone" || wrong "it did not end"
want [ "$(cat "$W/gone")" = 255 ]
cp "$W/gone.err" "$W/err"
want_err "server| Time for a new one"
want_err_like "run 'ssh demandslow' at a terminal and change it there"
want_one_line
want [ ! -e "$W/words" ]

# ------------------------------------------------------------ hostile servers

it "a demand without words is one"
hand_over demandempty
want_no_screen "server| "

it "words that would move the cursor, hide or pose as ours are made harmless"
hand_over demandnasty
want_screen 'server| authplug ssh: all is well'
want_not grep -q '^authplug ssh: all is well' "$W/screen"

it "a demand of 100 kB, or of as many lines, is refused and not shown"
for b in demandlong demandhuge; do
    type_old "$b"
    want_refused "malformed: at byte 0 a text of at most 8192 bytes"
    want [ "$(wc -c <"$W/screen")" -lt 400 ]
done

it "a demand that ends too soon is refused, and where is told"
type_old demandcut
want_refused "malformed: at byte 24 a language tag was expected"
type_old demandcutearly
want_refused "malformed: at byte 0 a text"
type_old demandnothing
want_refused "malformed: at byte 0 a text"

it "a demand with bytes after its end is refused"
type_old demandtrailing
want_refused "malformed: at byte 30 the end"

it "of two demands at once the first one counts"
hand_over demandtwice
want_screen "server| Time for a new one"
want_no_screen "server| Another"

it "a demand before anything was asked is no demand"
rm -f "$W/words"
run 15 "$login" --timeout 5 -l erin demandunasked whoami
want_failure "a message where it does not belong"
want_no_err "Time for"
want [ ! -e "$W/words" ]
want_within 4000

it "in answer to keyboard-interactive it is a malformed request"
run 15 "$login" --timeout 5 --plugin "'$hello' stoat" -l erin demandkbdint whoami
want_failure "request is malformed: at byte 30"
want [ ! -e "$W/words" ]
want_within 4000

ssh-keygen -q -t ed25519 -N '' -C '' -f "$W/plain_key"

it "in answer to a key it is none either"
run 15 "$login" --timeout 5 -o IdentityFile="$W/plain_key" -l erin demandkey \
    whoami
want_failure "a message where it does not belong"
want_no_err "Time for"
want [ ! -e "$W/words" ]
want_within 4000

it "after the refusal it is none"
type_old demandrefused
want_no_screen "takes over"
want_no_screen "Time for"
want_rc 255
want [ ! -e "$W/words" ]
want_nothing_left

it "after the success it is none"
type_old demandlate
want_no_screen "takes over"
want_no_screen "Time for"
want_rc 255
want_within 6000
want_nothing_left

finish
