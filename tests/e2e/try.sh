#!/bin/sh
# authplug try putty: the conversation with a plugin, step by step, by hand.
. "${0%/*}/lib.sh"
need_built authplug
need_built examples/hello
try="$BUILD/authplug"

it "hello's answers are shown, prompt by prompt"
run 10 "$try" try putty --prompt-echo "Who: " --prompt "What: " -- \
    "$hello" stoat weasel
want_rc 0
want_out "Who: "
want_out stoat
want_out "What: "
want_out weasel
want_nothing_left

it "hello.py's are, too"
run 10 "$try" try putty --prompt-echo "Who: " --prompt "What: " -- \
    "$hello_py" stoat weasel
want_rc 0
want_out stoat
want_out weasel

it "without options one password is asked for"
run 10 "$try" try putty -- "$hello" sesame
want_rc 0
want_out "Password: "
want_out sesame

it "the plugin gets what the options say"
run 10 "$try" try putty --host h.example --port 2222 --user alice \
    --name Title --instruction 'one\ntwo' --language de \
    --prompt "P1" --prompt-echo "P2" -- \
    "$PY" "$hostile_py" "record=$W/record" -- a b
want_rc 0
want grep -qx '1 0000000200000009682e6578616d706c65000008ae00000005616c696365' \
    "$W/record"
want grep -qx "$(printf %s '20 ' 00000005 5469746c65 00000007 6f6e650a74776f \
    00000002 6465 00000002 00000002 5031 00 00000002 5032 01)" "$W/record"
want grep -qx '6 ' "$W/record"

it "without --user none is given, as PuTTY does"
rm -f "$W/record"
run 10 "$try" try putty -- "$PY" "$hostile_py" "record=$W/record" -- a
want_rc 0
want grep -q '^1 .*00000000$' "$W/record"

it "rounds follow each other, and may be without prompts"
rm -f "$W/record"
run 10 "$try" try putty --prompt One --round --round --prompt Two -- \
    "$PY" "$hostile_py" "record=$W/record" -- a
want_rc 0
want [ "$(grep -c '^20 ' "$W/record")" = 3 ]

it "the outcome can be a failure"
rm -f "$W/record"
run 10 "$try" try putty --outcome failure -- \
    "$PY" "$hostile_py" "record=$W/record" -- a
want grep -qx '7 ' "$W/record"
want_nothing_left

it "a username that the plugin wants is shown"
run 10 "$try" try putty -- "$PY" "$hostile_py" init:user=bob -- a
want_rc 0
want_out bob

it "a refusal at the start is shown in the plugin's words"
run 10 "$try" try putty -- "$PY" "$hostile_py" 'init:refuse=no card' -- a
want_rc 1
want_out 'PLUGIN_INIT_FAILURE "no card"'
want_nothing_left

it "a rejection of the method is, too"
run 10 "$try" try putty -- "$PY" "$hostile_py" 'protocol:reject=not today' -- a
want_rc 1
want_out 'PLUGIN_PROTOCOL_REJECT "not today"'

it "another method is rejected by hello"
run 10 "$try" try putty --method password -- "$hello" a
want_rc 1

it "hello with too few answers gives its reason"
run 10 "$try" try putty --prompt A --prompt B -- "$hello" a
want_not [ "$rc" = 0 ]
want grep -q "the server asks more than I was told" "$W/out" "$W/err"
want_within 5000
want_nothing_left

it "a faulty plugin is told apart from a refusal"
run 10 "$try" try putty -- "$PY" "$hostile_py" request:exit=3 -- a
want_rc 111
want_err "exit status 3"
want_nothing_left

it "a plugin that prints text is told so"
run 10 "$try" try putty -- echo hello there
want_rc 111
want_err "standard output"
want_nothing_left

it "a plugin that is not there is told so"
run 10 "$try" try putty -- "$W/no-such-plugin"
want_rc 111
want_err "authplug try"
want_nothing_left

it "a plugin that never answers is given up at --timeout"
run 10 "$try" try putty --timeout 1 -- "$PY" "$hostile_py" init:sleep=3600 -- a
want_rc 111
want_err "in time"
want_within 4000
want_nothing_left

it "what the plugin asks is asked here, at the terminal"
run 10 --pty --on 'Key' 'type:stoat\n' -- "$try" try putty -- \
    "$PY" "$hostile_py" 'request:ask=Key: ' -- a
want_rc 0
want_screen "plugin| "
want_nothing_left

it "with --batch it is an error"
run 10 "$try" try putty --batch -- "$PY" "$hostile_py" 'request:ask=Key: ' -- a
want_not [ "$rc" = 0 ]
want_nothing_left

it "what the plugin prints on standard error is marked as its own"
run 10 "$try" try putty -- "$PY" "$hostile_py" 'init:stderr=thinking' -- a
want_rc 0
want grep -q 'plugin| thinking' "$W/out" "$W/err"

it "answers that could move the cursor are made visible"
run 10 "$try" try putty -- "$hello" "$(printf '\033[2Jx\342\200\256')"
want_rc 0
want_harmless

it "misuse says what to do"
run 10 "$try" try putty --no-such-option -- "$hello"
want_rc 2
want_err "--help"
run 10 "$try" try putty
want_rc 2
run 10 "$try" try nonsense -- "$hello"
want_rc 2

it "--help is help"
run 10 "$try" try putty --help
want_rc 0
want_out "--prompt"

finish
