#!/bin/sh
# authplug try kbdint, passwd, authorize: a fake server for a server plugin.
# shellcheck disable=SC2016 # plugins are scripts of their own
. "${0%/*}/lib.sh"
need_built authplug
need_built examples/personal_info
personal_info=$BUILD/examples/personal_info
try=$BUILD/authplug

echo 'alice:green:Rex:yes' >"$W/people"

# plugin KIND [OPTION...] SCRIPT - tries a plugin in sh that has read its
# parameters, and has the function `ask PROMPT...`, which sets $reply to the
# last reply.
plugin () {
    for script; do :; done
    cat >"$W/plugin" <<END
while read -r line && [ "\$line" != end_of_params ]; do :; done
ask () {
    for prompt; do echo "req:\$prompt"; done; echo end_of_requests
    while read -r line && [ "\$line" != end_of_replies ]; do
        reply=\${line#reply:}
    done
}
$script
END
    kind=$1 n=$#
    shift
    while [ $n -gt 2 ]; do
        set -- "$@" "$1"
        shift
        n=$((n - 1))
    done
    shift
    run 20 "$try" try "$kind" "$@" -- /bin/sh "$W/plugin"
    want_nothing_left
}

# want_fault TEXT... - no verdict, and one line that says why.
want_fault () {
    want_rc 111
    [ "$(grep -c '^authplug try: ' "$W/err")" = 1 ] ||
        wrong "not one line of authplug try's own"
    want_err_like '^authplug try: .+: .+'
    for text; do want_err "$text"; done
    ! grep -qE '^< (success|failure)$' "$W/out" || wrong "it shows a verdict"
}

# want_misuse TEXT - nothing was begun.
want_misuse () {
    want_rc 2
    want_err "$1"
    want_err "see 'authplug try --help'"
    want_out_none
    want_nothing_left
}

# ------------------------------------------------------------- conversations

it "a dialogue is shown from the parameters to the verdict"
run 10 "$try" try kbdint --reply green --reply Rex --reply yes -- \
    "$personal_info" "$W/people"
want_rc 0
want_quiet
want_out_is '> params' '    user_name "alice"' '    host_ip "192.0.2.1"' \
    '    host_name "server.example.com"' '    remote_host_ip "192.0.2.2"' \
    '    remote_host_name "client.example.com"' '< requests' \
    '    instruction "Please provide some personal information."' \
    '    prompt "Favorite color: "' "    prompt \"Pet's name: \"" \
    '    prompt "Do you like chocolate? " (echo)' '> replies' \
    '    reply "green"' '    reply "Rex"' '    reply "yes"' '< success'
want_nothing_left

it "a failure is exit status 1"
run 10 "$try" try kbdint --reply green --reply Rex --reply no -- \
    "$personal_info" "$W/people"
want_rc 1
want_out '< failure'
want_quiet
want_nothing_left

it "the parameters are those of the options, --param behind them"
run 10 "$try" try authorize --user bob --host-ip 1 --host-name 2 \
    --client-ip 3 --client-name 4 --remote-user 5 --param user_name=carol \
    --param x=a=b --param y= --shell -- \
    'while read -r l && echo "$l" >&2 && [ "$l" != end_of_params ]; do :; done
    echo success'
want_rc 0
printf 'plugin| %s\n' user_name:bob host_ip:1 host_name:2 remote_user_name:5 \
    remote_host_ip:3 remote_host_name:4 user_name:carol x:a=b y: \
    end_of_params >"$W/expected"
want cmp "$W/expected" "$W/err"

it "an access that is denied, with its code and its reason"
plugin authorize 'echo failure; echo error_code:password_too_old
    echo error_msg:Your password is a year old.'
want_rc 1
want_out '< failure'
want_out '    error_code password_too_old'
want_out '    error_msg "Your password is a year old."'
plugin authorize 'echo failure; echo ERROR_CODE:Generic_Error'
want_rc 1
want_out '    error_code generic_error'

it "a password is changed; only its three parameters are sent"
plugin passwd --param old_password=stoat --param new_password=weasel \
    'echo success'
want_rc 0
want_out_is '> params' '    user_name "alice"' '    old_password "stoat"' \
    '    new_password "weasel"' '< success'

it "one that is not, with what the user and the log are told"
plugin passwd --param old_password=a --param new_password=b --client-ip ::1 \
    'echo error_msg:too short; echo error_log:policy 7; echo failure'
want_rc 1
want_out '    remote_host_ip "::1"'
want_out '    error_msg "too short"'
want_out '    error_log "policy 7"'

it "rounds, one of them without prompts"
plugin kbdint --reply one --reply two 'ask a; [ "$reply" = one ] || exit
    echo "instruction:Wait."; ask; ask b; [ "$reply" = two ] && echo success'
want_rc 0
sed 1,6d "$W/out" >"$W/rounds"
printf '%s\n' '< requests' '    prompt "a"' '> replies' '    reply "one"' \
    '< requests' '    instruction "Wait."' '> replies' '< requests' \
    '    prompt "b"' '> replies' '    reply "two"' '< success' >"$W/expected"
want cmp "$W/expected" "$W/rounds"

it "standard error is marked as the plugin's own"
plugin authorize 'echo thinking >&2; echo success'
want_rc 0
want_err 'plugin| thinking'

it "the environment is a server's, and nothing else"
export AUTHPLUG_X=secret
run 10 "$try" try authorize --passwd-path '/bin/pw -x' \
    --debug-level 5 --shell -- 'env | sort >&2; echo success'
unset AUTHPLUG_X
want_rc 0
want_err 'plugin| SSH2_PASSWD_PATH=/bin/pw -x'
want_err 'plugin| SSH_DEBUG_LEVEL=5'
want_err 'plugin| PATH=/usr/local/sbin:'
want_no_err AUTHPLUG_X
want_no_err HOME=

it "without --shell the words stay words"
run 10 "$try" try authorize -- sh -c '[ "$1" = "a b;c" ] && echo success' - \
    'a b;c'
want_rc 0

# -------------------------------------------------------------- at a terminal

it "prompts are asked at the terminal, with the plugin's mark"
run 10 --pty --on 'plugin| Favorite' 'type:green\n' \
    --on 'plugin| Pet' 'type:Rex\n' --on 'plugin| Do' 'type:yes\n' -- \
    "$try" try kbdint -- "$personal_info" "$W/people"
want_rc 0
want_screen 'plugin| Please provide some personal information.'
want_screen 'chocolate? yes'
want_screen '    reply (typed)'
want_screen '< success'
want_no_screen green
want_no_screen Rex
want_nothing_left

it "those for which there is a --reply are not"
run 10 --pty --on 'plugin| Pet' 'type:Rex\n' --on 'plugin| Do' 'type:yes\n' -- \
    "$try" try kbdint --reply green -- "$personal_info" "$W/people"
want_rc 0
want_screen '    reply "green"'
want_no_screen 'plugin| Favorite'
want_nothing_left

it "passwd asks for both passwords, and does not show them"
cat >"$W/passwd" <<'END'
while read -r line && [ "$line" != end_of_params ]; do
    case $line in
    old_password:*) old=${line#*:} ;;
    new_password:*) new=${line#*:} ;;
    esac
done
[ "$old/$new" = 'st oat/weasel' ] && echo success
END
run 10 --pty --on 'Old password: ' 'type:st oat\n' \
    --on 'New password: ' 'type:weasel\n' -- \
    "$try" try passwd -- sh "$W/passwd"
want_rc 0
want_screen '    old_password (typed)'
want_screen '    new_password (typed)'
want_no_screen oat
want_no_screen weasel
want_nothing_left

it "--param gives one of them"
run 10 --pty --on 'New password: ' 'type:weasel\n' -- \
    "$try" try passwd --param 'old_password=st oat' -- sh "$W/passwd"
want_rc 0
want_no_screen 'Old password'

it "the terminal is put right when the user gives up"
run 10 --pty --on 'plugin| Favorite' 'type:\x03' -- \
    "$try" try kbdint -- "$personal_info" "$W/people"
want_rc 130
want_no_screen '< success'
want_nothing_left
run 10 --pty --on 'plugin| Favorite' 'type:\x04' -- \
    "$try" try kbdint -- "$personal_info" "$W/people"
want_rc 111
want_screen 'authplug try: you cancelled: there is no verdict'
want_nothing_left

it "the user's time counts, and its end says so"
run 10 --pty -- "$try" try kbdint --timeout 1 -- "$personal_info" "$W/people"
want_rc 111
want_screen 'nobody replied in time: --timeout sets the limit'
want_within 4000
want_nothing_left

it "prompts and reasons that could move the cursor are made visible"
cat >"$W/hostile" <<'END'
while read -r line && [ "$line" != end_of_params ]; do :; done
printf 'instruction:\033[2J\342\200\256 \001\n'
printf 'req:\033]0;x\007 \302\233 \342\200\213A\n'
printf 'req_echo:\010\010B\n'
echo end_of_requests
printf '\033[31mred\n' >&2
while read -r line && [ "$line" != end_of_replies ]; do :; done
echo success
END
run 10 --pty --on 'u200bA' 'type:a\n' --on 'x08B' 'type:b\n' -- \
    "$try" try kbdint -- sh "$W/hostile"
want_rc 0
want_screen 'plugin| \x1b[2J\u202e \x01'
want_screen '    prompt "\x1b]0;x\x07 \u009b \u200bA"'
want_harmless
run 10 "$try" try kbdint --reply "$(printf '\033[2J')" --reply '' -- \
    sh "$W/hostile"
want_rc 0
want_out '    reply "\x1b[2J"'
want_harmless
plugin authorize 'printf "failure\nerror_msg:\033[2J\342\200\256\n"'
want_rc 1
want_out '    error_msg "\x1b[2J\u202e"'
want_harmless

# -------------------------------------------------------- nobody can be asked

it "--batch does not ask"
plugin kbdint --batch --reply one 'ask a; ask b; echo success'
want_fault 'the plugin asks, and no --reply is left: add one'
want_out '    reply "one"'

it "--batch with a reply for each prompt is a conversation"
plugin kbdint --batch --reply one 'ask; ask a; ask; echo success'
want_rc 0

it "without a terminal it says what to do"
plugin kbdint 'ask a; echo success'
want_fault 'the plugin asks, and there is no terminal: give --reply'

it "passwd without a terminal wants --param"
run 10 "$try" try passwd -- true
want_misuse 'nobody can be asked here: give --param'
run 10 --pty -- "$try" try passwd --batch --param old_password=x -- true
want_rc 2
want_screen 'for new_password'

# ---------------------------------------------------------------- bad plugins

it "text that nobody understands, and no verdict"
plugin kbdint 'echo hello there; echo Welcome!; exit 3'
want_fault 'the plugin ended without a verdict, with exit status 3' \
    'success or failure' 'unknown lines are passed over'

it "exit status 0 is no verdict"
plugin authorize 'exit 0'
want_fault 'without a verdict, with exit status 0'

it "a word that is nearly the verdict"
for word in sucess successful success: 'success ' ' success' success.; do
    plugin authorize "echo '$word'"
    want_fault 'without a verdict'
done

it "a crash"
plugin authorize 'kill -SEGV $$'
want_fault 'the plugin was killed by signal 11 before its verdict'

it "a verdict without its newline"
plugin authorize 'printf success'
want_fault "in the plugin's verdict the end of the line is missing" \
    'each line has a newline'

it "both verdicts"
plugin kbdint 'echo success; echo failure'
want_fault 'the plugin went on talking after its verdict'
plugin kbdint 'echo success; echo success'
want_fault 'the plugin went on talking after its verdict'
plugin kbdint 'echo failure; echo success'
want_fault 'the plugin went on talking after its verdict'

it "talk after success, at once and later"
for talk in 'echo more' 'echo' 'sleep 0.2; echo more' 'ask a'; do
    plugin kbdint "echo success; $talk"
    want_fault 'the plugin went on talking after its verdict'
done
plugin kbdint 'echo success; printf x'
want_fault "in the plugin's verdict the end of the line is missing"

it "a success whose plugin stays is one, and the plugin is ended"
plugin authorize 'trap "" TERM; echo success; while :; do sleep 1; done'
want_rc 0
want_out '< success'
want_within 5000

it "a success while a child holds the pipe is one, and the child is ended"
plugin authorize 'sleep 100 & echo success'
want_rc 0
want_within 4000

it "prompts and then the verdict, without end_of_requests"
plugin kbdint 'echo req:a; echo success'
want_fault 'end_of_requests before the verdict is missing' \
    'each round an end_of_requests'

it "it ends in the middle of a round"
plugin kbdint 'echo req:a'
want_fault "in the plugin's requests end_of_requests is missing"

it "it does not wait for the replies"
plugin kbdint --reply x 'printf "req:a\nend_of_requests\nsuccess\n"'
want_fault 'the plugin spoke before it was answered' \
    'wait for the end of each list'

it "CR at the end of lines is named, with the line"
plugin kbdint 'echo req:a; printf "req:b\r\nend_of_requests\n"; read -r x'
want_fault "line 2 of the plugin's requests holds a CR or a NUL" \
    'a newline alone'

it "a NUL is"
plugin kbdint 'printf "req:a\0\nend_of_requests\n"; read -r x'
want_fault "line 1 of the plugin's requests holds a CR or a NUL"

it "a line without end"
plugin kbdint 'head -c 1000000 /dev/zero | tr "\0" a'
want_fault "line 1 of the plugin's requests is longer than 65536 bytes" \
    'authplug-try(1) has the limits'
want_within 5000

it "prompts without end"
plugin kbdint 'while :; do echo req:x; done'
want_fault 'passed a limit in its requests: expected fewer lines'
want_within 5000

it "101 prompts in one round"
plugin kbdint 'n=0; while [ $n -le 100 ]; do echo req:$n; n=$((n + 1)); done
    echo end_of_requests; read -r x'
want_fault 'passed a limit in its requests: expected fewer prompts'

it "rounds without end"
plugin kbdint 'while :; do echo end_of_requests; read -r x; done'
want_fault 'passed a limit in its requests: expected fewer rounds'
want_within 15000

it "silence ends at --timeout"
for silence in 'while :; do sleep 1; done' 'trap "" TERM HUP; sleep 100; :'; do
    plugin authorize --timeout 1 "$silence"
    want_fault 'did not reach a verdict within 1 s' '--timeout'
    want_within 5000
done

it "so does what is said over and over"
plugin authorize --timeout 1 'while sleep 0.1; do echo x:y; done'
want_fault 'did not reach a verdict within 1 s'
want_within 5000

it "a plugin that closes its output and stays"
plugin authorize 'exec >&-; sleep 100'
want_fault 'the plugin closed its output without a verdict'
want_within 5000

it "a command that is not there"
run 10 "$try" try authorize -- "$W/none"
want_fault 'the plugin could not be started' 'check the command behind --'
want_out_none
run 10 "$try" try authorize --shell -- "$W/none"
want_fault 'not found by the shell'

it "a plugin that does not read its parameters"
head -c 60000 /dev/zero | tr '\0' a >"$W/long"
long=$(cat "$W/long")
run 10 "$try" try authorize --param "a=$long" --param "b=$long" -- \
    sh -c 'exec <&-; echo success'
want_rc 0
want_nothing_left
run 10 "$try" try authorize --timeout 1 --param "a=$long" --param "b=$long" \
    -- sh -c 'sleep 100; echo success'
want_fault 'within 1 s'
want_nothing_left

# --------------------------------------------------------------------- misuse

it "options that are wrong say what is right"
run 5 "$try" try authorize --no-such-option -- true
want_misuse 'that option is unknown or lacks its value'
run 5 "$try" try authorize --timeout 0 -- true
want_misuse '--timeout takes seconds from 1 to 86400, not 0'
run 5 "$try" try authorize --param user_name -- true
want_misuse '--param takes KEY=VALUE, not user_name'
run 5 "$try" try authorize --shell -- true more
want_misuse '--shell takes one command line: quote it'
run 5 "$try" try authorize
want_misuse 'which plugin? it goes behind --'
run 5 "$try" try
want_misuse 'which conversation? authplug try putty, kbdint, passwd'
run 5 "$try" try nonsense -- true
want_misuse 'which conversation?'

it "a parameter that would be two lines, or whose key is no word"
for param in "x=a
success" "x=$(printf 'a\rb')" 'a b=c' '=c' 'a:b=c'; do
    run 5 "$try" try authorize --param "$param" -- sh -c 'echo success'
    want_misuse 'a parameter is a word'
done

it "a reply that would be two lines"
for reply in "a
end_of_replies" "$(printf 'a\rb')"; do
    run 5 "$try" try kbdint --reply "$reply" --reply b --reply c -- \
        "$personal_info" "$W/people"
    want_rc 2
    want_err 'a reply is one line of text'
    want_nothing_left
done

it "--help is help, for each and for all"
for kind in kbdint passwd authorize; do
    run 5 "$try" try $kind --help
    want_rc 0
    want_out "authplug try $kind"
    want_out --reply
    want_quiet
done
run 5 "$try" try --help
want_rc 0
want_out 'usage: authplug try putty'
want_out --reply

finish
