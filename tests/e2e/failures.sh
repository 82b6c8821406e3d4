#!/bin/sh
# Everything that can go wrong with a plugin or a server: each has a message of
# its own, ends within its deadline, and leaves nothing behind.
. "${0%/*}/lib.sh"
need ssh openssh-client
login_program
behaviours="normal fail drop dropfirst many silent stall badbody trailing refuse
    nul change mute"
# shellcheck disable=SC2086
asyncssh_start $behaviours
# shellcheck disable=SC2086
client_config $behaviours

# plugin_fails SENTENCE REGEX DEED... - the message says REGEX, soon.
plugin_fails () {
    it "$1"
    expected=$2
    shift 2
    run 15 "$login" --timeout 10 --plugin "$(hostile "$@" -- stoat weasel)" \
        normal 'echo no'
    want_failure "$expected"
    want_within 4000
    want_out_none
    want_harmless
}

# plugin_late SENTENCE REGEX DEED... - so it does at the deadline of 2 seconds.
plugin_late () {
    it "$1"
    expected=$2
    shift 2
    run 15 "$login" --timeout 2 --plugin "$(hostile "$@" -- stoat weasel)" \
        normal 'echo no'
    want_failure "$expected"
    want_at_least 1500
    want_within 5500
    want_out_none
}

# ------------------------------------------------------------- plugin: start

it "a plugin that does not exist is said not to be found"
run 15 "$login" --plugin "$W/no-such-plugin --with args" normal 'echo no'
want_failure "(not found|could not be started)"
want_within 4000

it "a plugin that may not be executed is said so"
echo "not a program" >"$W/not-executable"
run 15 "$login" --plugin "$W/not-executable" normal 'echo no'
want_failure "may not be executed"
want_within 4000

it "an empty plugin command is a mistake, not a plugin"
run 15 "$login" --plugin '' normal 'echo no'
want_rc 255
want_err "authplug ssh: "
want_within 4000
want_nothing_left

it "a plugin given as a directory is said so"
run 15 "$login" --plugin "$W" normal 'echo no'
want_failure "may not be executed"

# -------------------------------------------------------------- plugin: ends

plugin_fails "a plugin that exits before it says anything: its exit status" \
    "exit status 3" start:exit=3
plugin_fails "a plugin that exits instead of its first answer" \
    "exit status 4.*PLUGIN_INIT_RESPONSE" init:exit=4
plugin_fails "a plugin that exits when it is asked to take part" \
    "exit status 5.*PLUGIN_PROTOCOL_ACCEPT" protocol:exit=5
plugin_fails "a plugin that dies during the dialogue" \
    "exit status 6.*PLUGIN_KI_SERVER_RESPONSE" request:exit=6
plugin_fails "a plugin that is killed in its second round" \
    "(signal 9|exit status 137)" request2:signal=9
plugin_fails "a plugin that crashes" \
    "(signal 11|exit status 139)" init:signal=11
plugin_fails "a plugin that exits in the middle of a message" \
    "middle of" request:half

it "without a shell around it the signal is named"
run 15 "$login" --plugin "$(hostile_alone init:signal=11)" normal 'echo no'
want_failure "signal 11"

# ------------------------------------------------------------ plugin: writes

plugin_fails "a plugin that prints a traceback on standard output" \
    "printed text on its standard output" \
    'init:text=Traceback (most recent call last):\n'
plugin_fails "a plugin that prints two letters there, and then waits" \
    "printed text on its standard output" 'init:text=hi\n'
plugin_fails "a plugin that prints in the middle of the dialogue" \
    "printed text on its standard output" 'request:text=debug: here\n'
plugin_fails "a plugin that claims a message of 4 GiB" \
    "longer than 262144 bytes" init:length=4294967295
plugin_fails "a plugin that claims a message of one byte too many" \
    "longer than 262144 bytes" request:length=262145
plugin_fails "a plugin that claims an empty message" \
    "empty" init:length=0
plugin_fails "a plugin that sends a message of an unknown type" \
    "unknown type" init:type=42
plugin_fails "a plugin that sends a message where it does not belong" \
    "PLUGIN_PROTOCOL_ACCEPT where it does not belong" init:type=4
plugin_fails "a plugin that answers a request with a rejection" \
    "PLUGIN_PROTOCOL_REJECT where it does not belong" request:reject=
plugin_fails "a plugin that gives too few answers" \
    "number of answers" request:count=1
plugin_fails "a plugin that gives too many answers" \
    "number of answers" request:count=3
plugin_fails "a plugin that answers a request without prompts" \
    "number of answers" request2:count=1
plugin_fails "a plugin that wants version 3" "version" init:version=3
plugin_fails "a plugin that wants version 0" "version" init:version=0
plugin_fails "a plugin whose message goes on after its end" \
    "PLUGIN_INIT_RESPONSE" init:trailing
plugin_fails "a plugin whose message ends too soon" \
    "PLUGIN_INIT_RESPONSE ends too soon" init:type=2
plugin_fails "a plugin that speaks before it is asked" \
    "before it was asked" init:early
plugin_fails "a plugin that says hello before the client" \
    "(before it was asked|does not belong)" \
    start:bytes=000000090200000002000000000000000104
plugin_fails "a plugin whose username holds control characters" \
    "username" 'init:user=al\x1b[31mice'
plugin_fails "a plugin whose username holds a NUL" \
    "username" 'init:user=alice\x00root'
plugin_fails "a plugin that asks the user without end" "." request:pester

it "a plugin whose answer holds a NUL is refused, not cut"
forget normal
run 15 "$login" --timeout 10 --plugin "$(hostile -- 'sto\x00at' weasel)" \
    normal 'echo no'
want_failure "NUL"
want_no_log normal '"event": "answered"'

# ----------------------------------------------------------- plugin: silence

plugin_late "a plugin that never answers at the start" \
    "in time" init:sleep=3600
plugin_late "a plugin that never says whether it takes part" \
    "in time" protocol:sleep=3600
plugin_late "a plugin that never answers the server's request" \
    "in time" request:sleep=3600
plugin_late "a plugin that answers after the deadline" \
    "in time" request:sleep=3
plugin_late "a plugin that closed its standard input" \
    "." init:closein
plugin_late "a plugin that ignores TERM and has a child that keeps its pipes" \
    "in time" init:stubborn
plugin_late "a message that never gets to its end" \
    "in time" init:bytes=0000000902000000

it "a plugin that closed its standard output is not waited for"
run 15 "$login" --timeout 10 --plugin "$(hostile_alone init:closeout)" \
    normal 'echo no'
want_failure "closed its output"
want_within 5000

it "a plugin that does not end with the conversation is ended"
run 15 "$login" --plugin "$(hostile end:linger -- stoat weasel)" \
    normal 'echo hi'
want_rc 0
want_out "hi"
want_within 5000
want_nothing_left

it "a child that the plugin left with its pipes is ended, too"
run 15 "$login" --plugin "$(hostile end:stubborn -- stoat weasel)" \
    normal 'echo hi'
want_rc 0
want_out "hi"
want_within 6000
want_nothing_left

it "a flood on standard error neither blocks nor hides the login"
run 15 "$login" --plugin "$(hostile init:flood=20000 -- stoat weasel)" \
    normal 'echo hi'
want_rc 0
want_out "hi"
want_err "plugin| "
want_nothing_left

# --------------------------------------------------------- plugin: its words

it "a plugin that gives up at the start is quoted"
run 15 "$login" --plugin "$(hostile 'init:refuse=the card is blocked')" \
    normal 'echo no'
want_failure .
want_err "plugin| the card is blocked"

it "a plugin that gives up in the dialogue is quoted"
run 15 "$login" --plugin "$(hostile 'request:tell=no code for this' \
    request:exit=1)" normal 'echo no'
want_rc 255
want_err "plugin| "
want_err "no code for this"
want_nothing_left

it "hello with too few answers says why"
run 15 "$login" --plugin "'$hello' stoat" normal 'echo no'
want_rc 255
want_err "the server asks more than I was told"
want_within 5000
want_nothing_left

it "hello.py with too few answers says why"
run 15 "$login" --plugin "'$hello_py' stoat" normal 'echo no'
want_rc 255
want_err "the server asks more than I was told"
want_within 5000
want_nothing_left

it "a question of the plugin where nobody can be asked is an error"
run 15 "$login" --batch --plugin "$(hostile 'request:ask=Who? ')" \
    normal 'echo no'
want_failure .
want_within 4000

it "control and bidirectional characters in a plugin's words are made visible"
for deed in init:refuse protocol:reject request:tell init:stderr; do
    run 15 "$login" --batch --plugin "$(hostile \
        "$deed=\\x1b[2Jred\\x07\\xe2\\x80\\xae\\x9b5n\\x00" request:exit=1)" \
        normal 'echo no'
    want_rc 255
    want_err "red"
    want_harmless
    want_nothing_left
done

# -------------------------------------------------------------------- server

it "a server that goes away in the dialogue"
run 15 "$login" --plugin "'$hello' stoat" drop 'echo no'
want_failure "(closed|connection|lost|gone)"
want_within 4000

it "a server that goes away where its first prompt should be"
run 15 "$login" --plugin "'$hello' stoat" dropfirst 'echo no'
want_failure "(closed|connection|lost|gone)"
want_within 4000

it "a server that sends 300 prompts"
run 15 "$login" --timeout 10 --plugin "'$hello' stoat" many 'echo no'
want_failure "more than 100"
want_within 4000

it "a server whose request is cut short"
run 15 "$login" --timeout 10 --plugin "'$hello' stoat weasel" badbody 'echo no'
want_failure "server"
want_within 4000

it "a server whose request goes on after its end"
run 15 "$login" --timeout 10 --plugin "'$hello' stoat weasel" trailing 'echo no'
want_failure "server"
want_within 4000

it "a server that never answers the request"
run 15 "$login" --timeout 2 --plugin "'$hello' stoat" silent 'echo no'
want_failure "(in time|deadline|seconds)"
want_at_least 1500
want_within 5500

it "a server that asks and never says whether the answer was right"
run 15 "$login" --timeout 2 --plugin "'$hello' stoat" stall 'echo no'
want_failure "(in time|deadline|seconds)"
want_within 5500

it "a server that accepts the connection and never says a word"
run 15 "$login" --timeout 2 --plugin "'$hello' stoat" mute 'echo no'
want_failure "(in time|deadline|seconds)"
want_within 5500

it "a server that refuses without a question"
run 15 "$login" --batch --plugin "'$hello' stoat" refuse 'echo no'
want_failure .
want_within 4000

it "a server for which no answer is right is not tried again and again"
run 15 "$login" --batch --plugin "'$hello' stoat" fail 'echo no'
want_failure .
want_within 6000
want [ "$(grep -c '"answered"' "$W/srv/fail.log")" = 1 ]

it "of a socket that is closed our line says all, and libssh's only with -vv"
for way in "-o ProxyCommand=false" "-J 127.0.0.1:1"; do
    # shellcheck disable=SC2086
    run 15 "$login" --batch $way drop 'echo no'
    want_failure "no SSH connection to 127.0.0.1: is it"
    want_not grep "^libssh|" "$W/err"
    # shellcheck disable=SC2086
    run 15 "$login" -vv --batch $way drop 'echo no'
    want_err "libssh| Socket error"
done
run 15 "$login" --plugin "'$hello' stoat" drop 'echo no'
want_not grep "^libssh|" "$W/err"

it "nobody listens there"
port=$(free_port)
run 15 "$login" -p "$port" --plugin "'$hello' stoat" 127.0.0.1 'echo no'
want_failure "[Rr]efused"
want_within 4000

it "a host that does not exist"
run 15 "$login" --timeout 8 --plugin "'$hello' stoat" \
    no-such-host.invalid 'echo no'
want_failure "no-such-host.invalid"

it "a name that is too long is not quoted whole"
run 15 "$login" "$(printf 'h%0300d' 0)" 'echo no'
want_failure "'h0{56}\.\.\.' is no host name that can be connected"

it "a server that wants the password changed does not hang a batch login"
run 15 "$login" --batch --timeout 5 --plugin "'$hello' stoat" change 'echo no'
want_failure "log in without --batch"
want_within 9000
want_nothing_left

# -------------------------------------------------------------------- people

it "Ctrl-C while the plugin thinks ends both"
run 15 --pty --after 1 'type:\x03' -- "$login" --plugin \
    "$(hostile request:sleep=3600 -- stoat weasel)" normal 'echo no'
want_not [ "$rc" = 0 ]
want_within 4000
want_nothing_left

it "Ctrl-C at the plugin's question leaves the terminal as it was found"
run 15 --pty --on 'Secret' 'type:\x03' -- "$login" --plugin \
    "$(hostile 'request:ask=Secret: ' -- stoat weasel)" normal 'echo no'
want_not [ "$rc" = 0 ]
want_within 4000
want_nothing_left

it "TERM while the plugin asks does as well"
run 15 --pty --on 'Secret' kill:TERM -- "$login" --plugin \
    "$(hostile 'request:ask=Secret: ' -- stoat weasel)" normal 'echo no'
want_not [ "$rc" = 0 ]
want_within 4000
want_nothing_left

it "TERM while the plugin thinks leaves no plugin"
run 15 --after 1 kill:TERM -- "$login" --plugin \
    "$(hostile request:sleep=3600 -- stoat weasel)" normal 'echo no'
want_not [ "$rc" = 0 ]
want_within 4000
want_nothing_left

it "a terminal that goes away ends the login"
run 15 --pty --on 'Secret' kill:HUP -- "$login" --plugin \
    "$(hostile 'request:ask=Secret: ' -- stoat weasel)" normal 'echo no'
want_not [ "$rc" = 0 ]
want_within 4000
want_nothing_left

it "a user who takes longer than the deadline is not waited for"
run 15 --pty -- "$login" --timeout 2 --plugin \
    "$(hostile 'request:ask=Secret: ' -- stoat weasel)" normal 'echo no'
want_rc 255
want_screen "authplug ssh: "
want_within 5500
want_nothing_left

it "the end of input at a question is an answer not given"
run 15 --pty --on 'Secret' 'type:\x04' -- "$login" --plugin \
    "$(hostile 'request:ask=Secret: ' -- stoat weasel)" normal 'echo no'
want_rc 255
want_screen "authplug ssh: "
want_nothing_left

finish
