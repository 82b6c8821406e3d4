#!/bin/sh
# What authplug askpass does not answer, and whom it does not believe.
. "${0%/*}/lib.sh"
behaviours="one exact imitate fail"
. "$E2E/askpass_lib.sh"

# ------------------------------------------------------------------ refusals

it "a wrong answer is sent once, and the plugin hears of it"
rm -f "$W/record"
forget fail
run 20 "$ask" --plugin "$(recorded -- wrong)" -- $ssh fail 'echo no'
want_rc 255
want_err "Permission denied"
want [ "$(grep -c '"event": "answered"' "$W/srv/fail.log")" = 1 ]
want [ "$(tail -n 1 "$W/record")" = "7 " ]
want_nothing_left

it "it is sent once where ssh would try again"
rm -f "$W/record"
forget fail
run 20 "$ask" --plugin "$(recorded -- wrong)" -- sh -c "$ssh fail 'echo no'; exit"
want_refusal "no answer is given twice"
want_err "server| Password:"
want [ "$(grep -c '"event": "answered"' "$W/srv/fail.log")" = 1 ]
want [ "$(grep -c '^1 ' "$W/record")" = 1 ]
want [ "$(tail -n 1 "$W/record")" = "7 " ]

it "nobody but ssh itself tells the plugin that it is logged in"
rm -f "$W/record"
forget fail
run 20 "$ask" --plugin "$(recorded request:sleep=2 -- wrong)" -- sh -c \
    "$ssh fail 'echo no' & sleep 1; '$helper' outcome success; wait"
want grep -q '^20 ' "$W/record"
want_not grep -q '^6 ' "$W/record"
want_nothing_left

it "a hop that is refused ends the chain, and its answer is sent once"
sshd_start last
run 20 "$ask" --plugin "'$hello' wrong" -- $ssh -J pam last 'echo no'
want_rc 255
want_err "no answer is given twice"
want [ "$(grep -c 'Failed keyboard-interactive' "$W/pam/log")" = 1 ]
want_not grep -q "Failed keyboard-interactive" "$W/last/log"
want_nothing_left

it "a command that goes on after a refusal ends as it wants"
run 20 "$ask" --plugin "'$hello' wrong" -- sh -c "$ssh fail 'echo no'; exit 0"
want_rc 0
want_err "no answer is given twice"

for how in 'init:refuse=Not today' 'start:exit=3' 'request:exit=3' \
    'request:signal=9' 'request:text=hello' 'request:count=2' \
    'request:length=9999999' 'request:long=1024' 'request:half' \
    'init:user=somebody'; do
    it "a plugin that does $how ends ssh, and nothing is sent"
    forget one
    run 20 "$ask" --plugin "$(hostile_alone "$how" -- stoat)" -- $ssh -l alice \
        one 'echo no'
    want_refusal .
    want_no_log one '"event": "answered"'
done

it "an answer of two lines is not cut"
forget one
run 20 "$ask" --plugin "$(hostile -- 'stoat\n')" -- $ssh one 'echo no'
want_refusal "more than the one line"
want_no_log one '"event": "answered"'

it "one of 1023 bytes arrives whole"
forget fail
run 20 "$ask" --plugin "$(hostile request:long=1023)" -- $ssh fail 'echo no'
want_rc 255
want grep -q "\"answers\": \[\"x\{1023\}\"\]" "$W/srv/fail.log"

it "a plugin that hangs is waited for no longer than --timeout says"
run 20 "$ask" --timeout 2 --plugin "$(hostile request:sleep=100)" -- $ssh one \
    'echo no'
want_refusal "--timeout"
want_within 8000

it "a plugin that will not go is ended"
run 20 "$ask" --timeout 1 --plugin "$(hostile request:stubborn)" -- $ssh one \
    'echo no'
want_refusal "--timeout"

it "a plugin that waits for an outcome nobody tells is let go in time"
run 20 "$ask" --timeout 1 --plugin "$(hostile end:stderr=over -- "$password")" \
    -- sh -c "$ssh pam 'sleep 3'; echo ended"
want_rc 0
want_err "plugin| over"
want_nothing_left

# --------------------------------------------------------- what a server may do

it "prompts in ssh's own words, or for another host, are the server's"
rm -f "$W/record"
run 20 "$ask" --plugin "$(recorded -- stoat)" -- $ssh imitate 'echo hi'
want_rc 0
want_out_is hi
want [ "$(grep -c '^20 ' "$W/record")" = 4 ]
hex () { printf %s "$1" | od -An -v -tx1 | tr -d ' \n'; }
want grep -q "$(hex "(root@other) Password: ")00\$" "$W/record"
want grep -q "$(hex "Enter passphrase for key ")" "$W/record"

it "nor does the user take them for ssh's"
run 20 --pty --on '[fingerprint])?' 'type:a\n' --on "id':" 'type:b\n' \
    --on "password:" 'type:c\n' --on "other) Password:" 'type:d\n' -- \
    env -u AUTHPLUG_PLUGIN "$ask" -- $ssh imitate 'echo hi'
want_rc 0
want_screen "server| Are you sure"
want_screen "server| Enter passphrase"
want_screen "server| (root@other) Password:"
want_no_screen ")? a"
want_nothing_left

for locale in C C.UTF-8; do
    it "a prompt beyond ASCII arrives as it was sent, with LC_ALL=$locale"
    rm -f "$W/record"
    forget exact
    run 20 env LC_ALL=$locale "$ask" --plugin "$(recorded -- 'Gr\xc3\xbc\xc3\x9fe')" -- \
        $ssh exact 'echo hi'
    want_rc 0
    want grep -q "$(hex "Frage „eins“: ")00\$" "$W/record"
    want_log exact "$(hex 'Grüße')"
done

it "the user's name may be beyond ASCII, or hold backslashes"
for user in 'jürgen' 'DOM\101user' 'a@b'; do
    for locale in C C.UTF-8; do
        run 20 env LC_ALL=$locale "$ask" --plugin "'$hello' stoat" -- $ssh \
            -l "$user" one 'echo hi'
        want_rc 0
        want_out_is hi
    done
done

finish
