#!/bin/sh
# authplug answer: which prompt gets which answer, from where, and what becomes
# of those that no rule knows.
# shellcheck disable=SC2016 # dollars are the rules'
. "${0%/*}/lib.sh"
need_built authplug
need oathtool oathtool
authplug=$BUILD/authplug

# rules LINE... - the file's.
rules () {
    printf '%s\n' "$@" >"$W/answers"
}

# client [OPTION]... - a client that asks what the options say; run.py's come
# first, before --.
client () {
    case " $* " in
    *" -- "*) ;;
    *) set -- -- "$@" ;;
    esac
    pty=
    while [ "$1" != -- ]; do
        pty="$pty '$1'"
        shift
    done
    shift
    eval 'run 20 '"$pty"' -- "$authplug" try putty --host h.example --port 2222 \
        "$@" -- "$authplug" answer --config "$W/answers"'
}

want_answer () {
    want_rc 0
    for answer; do want_out "    answer \"$answer\""; done
    [ "$(grep -c '^    answer' "$W/out")" = $# ] || wrong "not $# answers"
    want_nothing_left
}

# ------------------------------------------------------------------- matching

it "a rule answers the prompt that it is for"
rules 'Host h.example' 'Request "Password:"' 'Response sesame'
client --prompt "Password: "
want_answer sesame

it "it must match the whole prompt, blanks at its end aside"
for prompt in "Your Password:" "Password: again" "assword:" "password:"; do
    client --batch --prompt "$prompt"
    want_rc 111
    want_out "PLUGIN_KI_USER_REQUEST"
done
client --prompt "Password:	  "
want_answer sesame
rules 'Host h.example' 'Request "Password: "' 'Response sesame'
client --prompt "Password: "
want_answer sesame

it "all prompts of a request are matched on their own"
rules 'Host h.example' 'Request "Password:"' 'Response sesame' \
    'Request "Code:"' 'Response "123 456"'
client --prompt-echo "Code: " --prompt "Password: "
want_answer "123 456" sesame

it "a request without prompts is answered"
client --round
want_rc 0
want_out "PLUGIN_KI_SERVER_RESPONSE"

it "the first rule that matches counts, of all blocks that do"
rules 'Host *.other' 'Request "P:"' 'Response wrong' \
    'Host h.*' 'Request "Q:"' 'Response q' 'Host *' 'Request "P:"' \
    'Response right' 'Request "P:"' 'Response wrong'
client --prompt "P:" --prompt "Q:"
want_answer right q

for host in h.example "h.example:2222" "H.Example" "*" "h.*:*" "x h.example" \
    "h?example"; do
    it "the pattern $host is about this host"
    rules "Host $host" 'Request "P:"' 'Response yes'
    client --prompt "P:"
    want_answer yes
done
for host in example "h.example:22" "*:22" "* !h.*" "[h.example]:22"; do
    it "the pattern $host is not"
    rules "Host $host" 'Request "P:"' 'Response yes'
    client --batch --prompt "P:"
    want_out 'PLUGIN_PROTOCOL_REJECT ""'
done

it "an address with a port"
rules 'Host [::1]:2222' 'Request "P:"' 'Response yes'
run 20 "$authplug" try putty --host ::1 --port 2222 --prompt P: -- \
    "$authplug" answer --config "$W/answers"
want_answer yes
rules 'Host ::1' 'Request "P:"' 'Response yes'
run 20 "$authplug" try putty --host ::1 --port 2222 --prompt P: -- \
    "$authplug" answer --config "$W/answers"
want_answer yes

it "a user's block is about that user, where the client names one"
rules 'Host *' 'User al*' 'Request "P:"' 'Response yes'
client --user alice --prompt "P:"
want_answer yes
client --batch --user bob --prompt "P:"
want_out PLUGIN_PROTOCOL_REJECT
client --batch --prompt "P:"
want_out PLUGIN_PROTOCOL_REJECT

it "Username is given where the client names none, and counts from then on"
rules 'Host *' 'Username alice' 'Host *' 'User alice' 'Request "P:"' \
    'Response $user_name$@$host_name$'
client --prompt "P:"
want_out 'PLUGIN_INIT_RESPONSE user "alice"'
want_answer alice@h.example
client --batch --user bob --prompt "P:"
want_out 'PLUGIN_INIT_RESPONSE user ""'

it "Echo and Instruction say which of two prompts it is"
rules 'Host *' 'Request "P:"' 'Echo yes' 'Response shown' 'Request "P:"' \
    'Instruction "Card .*"' 'Response card' 'Request "P:"' 'Response other'
client --prompt-echo "P:"
want_answer shown
client --instruction "Card 7" --prompt "P:"
want_answer card
client --instruction "A Card 7" --prompt "P:"
want_answer other

it "groups choose an option by its text in a menu"
rules 'Host *' 'Request "(.*[^0-9])?([0-9]+)[.] Push .*option.*:"' \
    'Response $2$'
client --prompt '1. SMS\n22. Push to phone\n3. Call\nPasscode or option: '
want_rc 0
want_out 'answer "22"'

# ------------------------------------------------------------------- the user

rules 'Host *' 'Request "Password:"' 'Response sesame' \
    'Request "PIN [+] token:"' 'Response "1234$ask:Token: $"' \
    'Request "Code:"' 'Response $ask$'

it "a prompt that no rule matches is the user's"
client --pty --on 'plugin| Colour' 'type:blue\n' -- --prompt-echo "Colour: " \
    --prompt "Password: "
want_rc 0
want_screen 'answer "blue"'
want_screen 'answer "sesame"'

it "with --batch it is refused, and the reason names it"
run 20 "$authplug" try putty --host h.example --prompt "Colour: " -- \
    "$authplug" answer --batch --config "$W/answers"
want_out 'no rule matches "Colour:"; nobody is asked in batch mode'

it "the user has a part in an answer, by the server's words or the file's"
client --pty --on 'plugin| Token' 'type:999\n' -- --prompt "PIN + token: "
want_screen 'answer "1234999"'
client --pty --on 'plugin| Code' 'type:42\n' -- --prompt "Code: "
want_screen 'answer "42"'

it "a rule answers once in a login; then the user does"
client --pty --on 'may not be again' 'type:typed\n' -- --prompt "Password: " \
    --round --prompt "Password: "
want_screen 'answer "sesame"'
want_screen 'answer "typed"'
want_screen 'the rule in line 2 was used 1 time in this login'

# The messages of a client, in hex: PLUGIN_INIT, the method, "P:".
init='01 00000002 00000001 68 00000016 00000000'
method='03 00000014 6b6579626f6172642d696e746572616374697665'
request='14 00000000 00000000 00000000 00000001 00000002 503a 00'

it "what was answered counts when the client tries again, though all is forgotten"
rules 'Host *' 'Username u' 'Host *' 'User u' 'Request "P:"' 'Response sesame'
run 10 "$PY" "$E2E/converse.py" "$init" "$method" "$request" '!07' "$method" \
    "$request" -- "$authplug" answer --config "$W/answers"
want_rc 1
[ "$(grep -c '^1500000001000000067365736[0-9a-f]*$' "$W/out")" = 1 ] ||
    wrong "not one answer"
want grep -q '^16' "$W/out"

it "nor does a rule that comes in before it make it another one"
cat >"$W/other" <<'END'
Host *
Username u
Request "Q:"
Response other
Host *
User u
Request "P:"
Response sesame
END
run 10 "$PY" "$E2E/converse.py" "$init" "$method" "$request" '!07' \
    "@cp $W/other $W/answers" "$method" "$request" -- \
    "$authplug" answer --config "$W/answers"
want_rc 1
[ "$(grep -c '^1500000001000000067365736[0-9a-f]*$' "$W/out")" = 1 ] ||
    wrong "not one answer"
want grep -q '^16' "$W/out"

it "a client that tries again after the file has gone is told so"
run 10 "$PY" "$E2E/converse.py" "$init" "$method" "$request" '!07' \
    "@rm $W/answers" "$method" -- "$authplug" answer --config "$W/answers"
want_rc 1
hex=$(printf %s "$W/answers" | od -An -tx1 | tr -d ' \n')
want grep -q "^05.*$hex" "$W/out"

it "or as often as Limit says"
rules 'Host *' 'Request "Password:"' 'Limit 2' 'Response sesame'
client --prompt "Password: " --round --prompt "Password: "
want_answer sesame sesame
rules 'Host *' 'Request "Password:"' 'Limit 0' 'Response sesame'
client --batch --prompt "Password: "
want_out PLUGIN_KI_USER_REQUEST
want_out 'the rule in line 2 has Limit 0, and is never used by itself'
want_not grep -q 'used 0 times' "$W/out"

it "Confirm says all that will be sent, and to whom, and waits"
echo filed >"$W/secret"
chmod 600 "$W/secret"
rules 'Host *' 'Request "Password:"' 'Confirm yes' \
    "Response 99\$file:$W/secret\$\$ask:PIN: \$"
all='fixed text, a secret of a file and what you type then'
client --pty \
    --on "Send $all (line 2) for \"Password:\" to alice@h.example? [y/N]" \
    'type:YES\n' --on 'PIN:' 'type:7\n' -- --user alice --prompt "Password: "
want_rc 0
want_screen 'answer "99filed7"'
rm "$W/secret"
rules 'Host *' 'Request "Password:"' 'Confirm yes' 'Response sesame'
client --pty --on 'y/N' 'type:\n' -- --prompt "Password: "
want_not [ "$rc" = 0 ]
want_screen 'did not confirm'
want_no_screen sesame

it "what the server says beside is shown"
rules 'Host *' 'Request ".*Password:"' 'Response sesame'
client --instruction 'Approve 42' --prompt "Motd
Password: "
want_out 'instruction "Approve 42\x0aMotd\x0aPassword: \x0a(the rule in line 2'
want_out 'answer "sesame"'

# -------------------------------------------------------------------- sources

it "a command's first line"
rules 'Host *' 'Request "C ([0-9]+):"' \
    "Exec sh -c 'echo \"got \$\$1 \$\$2\"; echo more' - \$1\$ \$user_name\$" \
    'Response <$exec$>'
client --user alice --prompt "C 4711:"
want_answer "<got 4711 alice>"

it "a group that would be an option is refused"
rules 'Host *' 'Request "C (.*):"' 'Exec echo $1$' 'Response $exec$'
client --batch --prompt "C -n:"
want_out 'would be taken for an option'
client --prompt "C a -n:"
want_answer "a -n"

for case in "exit 3|ended with exit status 3" \
    "echo why it failed >&2; exit 1|why it failed" \
    "kill -9 \$\$\$\$|was killed by signal 9" "true|wrote nothing" \
    "echo|wrote nothing"; do
    it "a command that fails is said to, and the user asked: ${case##*|}"
    rules 'Host *' 'Request "P:"' "Exec sh -c '${case%%|*}'" 'Response $exec$'
    client --batch --prompt "P:"
    want_out "PLUGIN_KI_USER_REQUEST"
    want_out "${case##*|}"
    want_nothing_left
done

it "a command that is not there"
rules 'Host *' 'Request "P:"' "Exec /no/such/program" 'Response $exec$'
client --batch --prompt "P:"
want_out "/no/such/program could not be started: No such file"

it "a command that writes without end"
rules 'Host *' 'Request "P:"' "Exec cat /dev/zero" 'Response $exec$'
client --batch --prompt "P:"
want_out "wrote a line that is too long"
want_nothing_left

it "a file that nobody else can read"
echo filed >"$W/secret"
rules 'Host *' 'Request "P:"' "Response \$file:$W/secret\$"
client --prompt "P:"
want_answer filed
chmod 644 "$W/secret"
client --batch --prompt "P:"
want_out "chmod"
rm "$W/secret"
client --batch --prompt "P:"
want_out "$W/secret"
: >"$W/secret"
client --batch --prompt "P:"
want_out "is empty"

# ---------------------------------------------------------- one-time codes

# RFC 4226 appendix D, RFC 6238 appendix B
secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ
hotp () {
    rm -rf "$XDG_STATE_HOME"
    rules 'Host *' 'Request "C:"' 'Limit 9' 'Response $hotp:x$' 'Hotp x' "$@"
}
rounds="--prompt C: --round --prompt C: --round --prompt C:"

it "codes by a counter come in order, over several logins"
hotp "Secret $secret"
client $rounds
want_answer 755224 287082 359152
client --prompt C:
want_answer 969429
want grep -rqx 'authplug-used 1 hotp 4 [0-9]*' "$XDG_STATE_HOME"

it "Counter is where they begin, and counts more than that of a URI"
hotp "Secret $secret" 'Counter 5'
client $rounds
want_answer 254676 287922 162583
hotp "Secret \"otpauth://hotp/c?secret=$secret&counter=7\"" 'Counter 0'
client --prompt C:
want_answer 755224

it "the record counts where it is beyond it, and it where it is beyond the record"
hotp "Secret $secret"
client $rounds
echo 'Counter 2' >>"$W/answers"
client --prompt C:
want_answer 969429
sed -i 's/^Counter.*/Counter 9/' "$W/answers"
client --prompt C:
want_answer 520489

it "the counter of a URI is where they begin"
hotp "Secret \"otpauth://hotp/A%20B:c?secret=$secret&issuer=x&counter=7\""
client --prompt C:
want_answer 162583

it "secrets may be in groups, in small letters"
hotp 'Secret "gezd gnbv-GY3T qojq gezd gnbv gy3t qojq"'
client --prompt C:
want_answer 755224

it "they come from a file or a command, too"
echo "$secret" >"$W/seed"
hotp "Secret \$file:$W/seed\$"
client --prompt C:
want_answer 755224
hotp "Exec cat $W/seed" 'Secret $exec$'
client --prompt C:
want_answer 755224

for fault in "Secret 1|neither base32" \
    "Secret AAA|see whether a part is missing" \
    "Secret \"otpauth://totp/x?secret=AA\"|a Totp block was expected" \
    "Secret \"otpauth://hotp/x?digits=6\"|has no secret" \
    "Secret \"otpauth://hotp/x?secret=AA&secret=AB\"|says something twice" \
    "Secret \"otpauth://hotp/x?secret=AA&digits=99\"|other digits than 6" \
    "Secret \"otpauth://hotp/x?secret=%4\"|two digits of hex"; do
    it "a secret that is none is said to be, without being shown: ${fault##*|}"
    hotp "${fault%%|*}"
    client --batch --prompt C:
    want_out PLUGIN_KI_USER_REQUEST
    want_out "Hotp x: "
    want_out "${fault##*|}"
    want_not grep -q 'instruction.*secret=' "$W/out"
done

it "codes by time are those that oathtool gives"
for case in SHA1 SHA256 SHA512; do
    rm -rf "$XDG_STATE_HOME"
    rules 'Host *' 'Request "C:"' 'Response $totp:x$' 'Totp x' \
        "Secret $secret" "Algorithm $case" 'Digits 8' 'Period 3600'
    client --prompt C:
    want_answer "$(oathtool --totp=$case -b -d 8 -s 3600 $secret)"
done

it "a code by time is given once; who is next waits, and is told how long"
rm -rf "$XDG_STATE_HOME"
rules 'Host *' 'Request "C:"' 'Limit 9' 'Response $totp:x$' 'Totp x' \
    "Secret $secret" 'Period 2'
client --prompt C: --round --prompt C:
want_rc 0
[ "$(sed -n 's/^    answer //p' "$W/out" | sort -u | wc -l)" = 2 ] ||
    wrong "there are not two codes"
want_within 5000

it "or is sent away, with the time to come back"
rm -rf "$XDG_STATE_HOME"
# a period whose end is no end of a wait
for period in 3600 3500 3300; do
    [ $((period - $(date +%s) % period)) -lt 180 ] || break
done
rules 'Host *' 'Request "C:"' 'Limit 9' 'Response $totp:x$' 'Totp x' \
    "Secret $secret" "Period $period"
client --batch --prompt C: --round --prompt C:
want_out 'the next code of x can be used at '
want_within 5000

it "ten logins at once get ten codes, each another"
hotp "Secret $secret"
sed -i 's/Hotp/Totp/; s/hotp/totp/' "$W/answers"
echo "Period 1" >>"$W/answers"
many () {
    for i in 0 1 2 3 4 5 6 7 8 9; do
        "$authplug" try putty --host h --prompt C: -- "$authplug" answer \
            --config "$W/answers" >"$W/many.$i" 2>&1 &
    done
    wait
    cat "$W"/many.? | sed -n 's/^    answer //p' | sort -u | wc -l
}
want [ "$(many)" = 10 ]

it "so do ten by a counter"
hotp "Secret $secret"
want [ "$(many)" = 10 ]

it "who is killed at any moment leaves no code to be used again, and no lock"
hotp "Secret $secret"
: >"$W/codes"
for ms in 001 002 003 004 005 006 008 010 012 015; do
    "$authplug" try putty --host h --prompt C: -- "$authplug" answer \
        --config "$W/answers" >"$W/killed" 2>&1 &
    sleep "0.$ms"
    kill -9 $! 2>/dev/null
    pkill -9 -f "answer --config $W/answers"
    wait
    sed -n 's/^    answer //p' "$W/killed" >>"$W/codes"
done 2>/dev/null
client --prompt C:
want_rc 0
sed -n 's/^    answer //p' "$W/out" >>"$W/codes"
want [ "$(sort "$W/codes" | uniq -d | wc -l)" = 0 ]
want_within 2000

it "a code is not used where it cannot be noted"
hotp "Secret $secret"
mkdir -p "$XDG_STATE_HOME/authplug"
chmod 755 "$XDG_STATE_HOME/authplug"
client --batch --prompt C:
want_out "chmod 700 $XDG_STATE_HOME/authplug"
hotp "Secret $secret"
client --prompt C:
for f in "$XDG_STATE_HOME"/authplug/*.hotp; do echo nonsense >"$f"; done
client --batch --prompt C:
want_out "cannot be understood"
for f in "$XDG_STATE_HOME"/authplug/*.hotp; do
    rm "$f"
    ln -s /etc/passwd "$f"
done
client --batch --prompt C:
want_out "is a symbolic link: remove it"

it "the records tell no secret"
hotp "Secret $secret"
client --prompt C:
want_not grep -rq "$secret" "$XDG_STATE_HOME"
want_not grep -rq 12345678901234567890 "$XDG_STATE_HOME"

# ---------------------------------------------------------------- the file

# faulty LINE TEXT LINE... - the file's fault is named.
faulty () {
    number=$1 text=$2
    shift 2
    rules "$@"
    run 10 "$authplug" answer --config "$W/answers" --check
    want_rc 1
    want_err_like "^authplug answer: .*/answers:$number: .*$text"
    client --batch
    want_out PLUGIN_INIT_FAILURE
}

it "what is wrong in the file is said with its line"
faulty 1 'Host, Totp or Hotp was expected first' 'Request x'
faulty 2 'unknown in a Host block' 'Host *' 'Colour blue'
faulty 3 'unknown between a Request and its Response' 'Host *' 'Request x' \
    'User x'
faulty 2 'no Response after it' 'Host *' 'Request x'
faulty 2 'no Response after it' 'Host *' 'Request x' 'Host y'
faulty 3 'no token' 'Host *' 'Request x' 'Response $password$'
faulty 3 'no Exec after' 'Host *' 'Request x' 'Response $exec$'
faulty 4 'which the Exec is for' 'Host *' 'Request x' 'Exec y' 'Response z'
faulty 2 'uses the code work' 'Host *' 'Request x' 'Response $totp:work$'
faulty 3 'yes, no or any' 'Host *' 'Request x' 'Echo maybe'
faulty 3 'number from 0' 'Host *' 'Request x' 'Limit -1'
faulty 1 'no host' 'Host'
faulty 1 'no Secret' 'Totp x'
faulty 3 'of this name already' 'Totp x' 'Secret A' 'Totp x'
faulty 2 'unknown in a block of one-time' 'Hotp x' 'Period 30'
faulty 2 'unknown in a block of one-time' 'Totp x' 'Counter 1'
faulty 2 'number from 0 to 9223372036854775807' 'Hotp x' \
    'Counter 9223372036854775808'
faulty 2 'number from 6' 'Totp x' 'Digits 9'
faulty 1 'h:ssh: .*no port' 'Host h:ssh'
faulty 2 'several words' 'Host *' 'User alice bob'
faulty 4 'given before' 'Host *' 'Request x' 'Limit 2' 'Limit 3'
faulty 3 'nothing follows' 'Host *' 'Request x' 'Response'
faulty 1 'belong together' 'Totp x' 'Secret $exec$'
for line in 'Confirm yes' 'Limit 2' 'Cache 9'; do
    faulty 4 'it stands behind a Response' 'Host *' 'Request x' 'Response y' \
        "$line"
done
faulty 2 'its value in double quotes' 'Host *' 'Request Password:'
faulty 4 'a token in the first word' 'Host *' 'Request (x)' 'Echo any' \
    'Exec $1$ y' 'Response $exec$'
faulty 3 'a token behind the name of a shell' 'Host *' 'Request (x)' \
    "Exec sh -c 'echo \$1\$'" 'Response $exec$'
faulty 3 '[$]3[$].*a group that the Request has not' 'Host *' 'Request (x)(y)' \
    'Response $3$'

it "--check finds a rule that is never used, which is no harm to others"
rules 'Host *' 'Request "P:"' 'Response a' 'Request "P:"' 'Limit 2' \
    'Response b'
run 10 "$authplug" answer --config "$W/answers" --check
want_rc 1
want_err "answers:4: Request: the rule in line 2 has the same one"
client --prompt "P:"
want_answer a
rules 'Host *' 'Request "P:"' 'Instruction x' 'Response a' 'Request "P:"' \
    'Echo yes' 'Response b' 'Request "P:"' 'Response c' 'Host y' \
    'Request "P:"' 'Response d'
run 10 "$authplug" answer --config "$W/answers" --check
want_rc 0

it "--check names a code once"
rules 'Totp x' 'Secret 1'
run 10 "$authplug" answer --config "$W/answers" --check
want_rc 1
want_err "answers:1: Totp x: "
want_not grep -q 'Totp x: Totp x' "$W/err"

it "a file that others can read is refused, with the remedy"
rules 'Host *'
chmod 644 "$W/answers"
run 10 "$authplug" answer --config "$W/answers" --check
want_rc 1
want_err chmod
chmod 600 "$W/answers"

it "a file that is not there: the message says what makes one"
run 10 "$authplug" answer --check
want_rc 1
want_err "$HOME/.config/authplug/answers"
want_err "authplug answer init"

# ------------------------------------------------------------------- explain

it "--explain says which rules were tried, and shows no secret"
rules 'Host *.other' 'Request "P:"' 'Response hidden' 'Host h.*' \
    'Request "Q:"' 'Response hidden' 'Request "P:"' 'Confirm yes' \
    'Response $keyring:x$' 'Request "P:"' 'Response hidden'
run 10 "$authplug" answer --config "$W/answers" --explain --host h.example \
    --prompt "P: "
want_rc 0
want_out 'line 1: Host *.other: not this login'
want_out 'line 5: no: its Request is not the whole prompt'
want_out 'line 7: matches'
want_out 'would send: <keyring x>'
want_out 'the user is asked first'
run 10 "$authplug" answer --config "$W/answers" --explain --host h.example \
    --prompt "Q:"
want_out 'would send: <text>'
want_not grep -q hidden "$W/out"
run 10 "$authplug" answer --config "$W/answers" --explain --host h.example \
    --prompt "R:"
want_rc 1
want_out 'no rule matches'
want_not grep -q parentheses "$W/out"
run 10 "$authplug" answer --config "$W/answers" --explain --host h.example \
    --prompt "(alice@h.example) Q:"
want_rc 1
want_out "in parentheses is ssh's own"
run 10 "$authplug" answer --config "$W/answers" --explain --host x \
    --prompt "R:"
want_out 'no Host block is about this login'

# explain OPTION... - of this host.
explain () {
    run 10 "$authplug" answer --config "$W/answers" --explain --host h "$@"
}

it "--explain logs in as the rules say"
rules 'Host *' 'Username alice' 'Host *' 'User alice' 'Request "P:"' \
    'Exec show $user_name$' 'Response $exec$'
explain --prompt P:
want_rc 0
want_out 'logs in as alice (line 2)'
want_out 'line 3: Host *, User alice: this login'
want_out 'would run: show alice'
explain --user bob --prompt P:
want_rc 1
want_not grep -q 'logs in as' "$W/out"
want_out 'line 3: Host *, User alice: not this login'

it "--explain names all pieces in their order, text without its words"
rules 'Host *' 'Request "P:"' 'Response 1234$totp:x$5$keyring:a b$$$' \
    'Request "E:"' 'Response ""' 'Totp x' 'Secret AA'
explain --prompt P:
want_rc 0
want_out 'would send: <text><totp x><text><keyring a b><text>'
explain --prompt E:
want_out 'would send: an empty answer'

it "--explain knows what is not sent"
rules 'Host *' 'Request "C (.*):"' 'Exec echo a $1$' 'Response $exec$' \
    'Request "L:"' 'Limit 0' 'Response a' 'Request "(a)|(b)"' 'Response $1$'
for case in "C -n:|would run nothing, and send nothing: word 3 of Exec" \
    "L:|would send nothing: Limit 0" "b|would send nothing: the group \$1\$"; do
    explain --prompt "${case%%|*}"
    want_rc 1
    want_out "${case##*|}"
    want_not grep -q 'would send:\|at most' "$W/out"
done

it "--explain passes no control character on"
esc=$(printf '\033')
rules "Host *.$esc(B" 'Request "P:"' 'Response a' 'Host *' \
    'Request "P:"' 'Response a'
for user in "" "u$esc[1m"; do
    run 10 "$authplug" answer --config "$W/answers" --explain \
        --host "h$esc[31m" --user "$user" --prompt P:
    want_rc 0
    want_not grep -q "$esc" "$W/out" "$W/err"
done
want_out 'h\x1b[31m'

it "misuse, with the word that is wrong"
rules 'Host *'
# misuse TEXT OPTION...
misuse () {
    text=$1
    shift
    run 10 "$authplug" answer --config "$W/answers" "$@"
    want_rc 2
    want_err "$text"
}
misuse '--explain takes --host and --prompt' --explain --host h
misuse '--port takes 1 to 65535, not 0' --port 0
misuse 'one too many: word' word
misuse '--explain does not go with --check' --check --explain --forget
misuse '--forget does not go with --check' --check --forget
misuse '--forget does not go with --explain' --forget --explain --host h \
    --prompt p
misuse '--host goes with --explain, which is missing' --host h --prompt p
misuse '--user does not go with --check' --check --user u
misuse '--batch does not go with --forget' --batch --forget
misuse '--forget does not go with init' init --forget --host x
misuse '--host does not go with init' init --host x
misuse 'there is no such option: --colour' --colour
misuse 'there is no such option: -x' -xy
misuse 'this option lacks its value: --prompt' --explain --prompt
misuse 'this option takes no value: --batch=3' --batch=3
run 10 --pty -- "$authplug" answer --config "$W/answers"
want_rc 2
want_screen "authplug try putty"

finish
