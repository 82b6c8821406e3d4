#!/bin/sh
# authplug answer: what becomes of each source that fails, and with which words.
# With nobody to ask the prompt is refused; nothing is sent that is half right.
# shellcheck disable=SC2016 # dollars are the rules'
. "${0%/*}/lib.sh"
need_built authplug
authplug=$BUILD/authplug

# rules LINE... - the file's; a Host block for everybody stands above them.
rules () {
    printf '%s\n' 'Host *' "$@" >"$W/answers"
}

# client [OPTION]... - nobody can be asked; try prints the reason.
client () {
    run 45 "$authplug" try putty --host h.example "$@" -- \
        "$authplug" answer --batch --config "$W/answers"
}

want_answer () {
    want_rc 0
    for answer; do want_out "    answer \"$answer\""; done
    [ "$(grep -c '^    answer' "$W/out")" = $# ] || wrong "not $# answers"
    want_nothing_left
}

# want_refused REASON - the server gets nothing, and the user this line.
want_refused () {
    want_not [ "$rc" = 0 ]
    want_out "$1"
    want_out "nobody is asked in batch mode"
    want_not grep -q '^    answer' "$W/out"
    want_nothing_left
}

# program NAME - a program of standard input, for Exec.
program () {
    { echo '#!/bin/sh'; cat; } >"$W/$1"
    chmod 755 "$W/$1"
}

# exec_is - the command is a script of standard input.
exec_is () {
    program cmd
    rules 'Request "P:"' "Exec $W/cmd" 'Response $exec$'
    client --prompt P:
}

# One that hangs takes its whole time, in which the others are tested.
mkdir "$W/hang"
cat >"$W/hang/cmd" <<END
#!/bin/sh
echo "Touch your key" >&2
sleep 60 &
echo \$! >$W/hang/pid
sleep 60
END
chmod 755 "$W/hang/cmd"
printf '%s\n' 'Host *' 'Request "P:"' "Exec $W/hang/cmd" 'Response $exec$' \
    >"$W/hang/answers"
{
    date +%s >"$W/hang/begin"
    timeout 45 "$authplug" try putty --prompt P: -- "$authplug" answer --batch \
        --config "$W/hang/answers" >"$W/hang/out" 2>&1
    date +%s >"$W/hang/end"
} &
hang=$!

# -------------------------------------------------------------------- commands

it "a command that is missing"
rules 'Request "P:"' 'Exec no-such-program-here x' 'Response $exec$'
client --prompt P:
want_refused 'no-such-program-here could not be started: No such file'

it "one that may not be run, one that is no program, a folder"
echo secret >"$W/cmd"
chmod 644 "$W/cmd"
rules 'Request "P:"' "Exec $W/cmd" 'Response $exec$'
client --prompt P:
want_refused "$W/cmd could not be started: Permission denied"
chmod 755 "$W/cmd"
client --prompt P:
want_refused "$W/cmd could not be started: Exec format error"
rules 'Request "P:"' "Exec $W/home" 'Response $exec$'
client --prompt P:
want_refused "$W/home could not be started: Permission denied"

it "one that fails: its status, and its last words"
exec_is <<'END'
echo first words >&2
echo "Error: vault is locked" >&2
echo half an answer
exit 7
END
want_refused "$W/cmd ended with exit status 7: Error: vault is locked"
want_not grep -q "half\|first" "$W/out"

it "what it says cannot touch the terminal, and is not the secret's line"
exec_is <<'END'
printf 'bad \033[31m\r\007 word\n\n' >&2
exit 1
END
want_refused 'exit status 1: bad '
want_harmless

it "one that is killed"
exec_is <<'END'
echo hunter2
kill -9 $$
END
want_refused "$W/cmd was killed by signal 9"
want_not grep -q hunter2 "$W/out"

it "one that writes nothing, or an empty line"
exec_is </dev/null
want_refused "$W/cmd wrote nothing"
exec_is <<'END'
echo
echo hunter2
END
want_refused "$W/cmd wrote nothing"

it "one that writes megabytes behind its line: the line"
exec_is <<'END'
echo sesame
head -c 20000000 /dev/zero | tr '\0' x
END
want_answer sesame

it "one that writes megabytes instead of a line"
exec_is <<'END'
head -c 20000000 /dev/zero | tr '\0' x
END
want_refused "$W/cmd wrote a line that is too long"

it "the longest line is whole, one that is longer is nothing"
exec_is <<'END'
head -c 4096 /dev/zero | tr '\0' x
END
want_rc 0
want grep -qE '^    answer "x{4096}"' "$W/out"
exec_is <<'END'
head -c 4097 /dev/zero | tr '\0' x
END
want_refused "wrote a line that is too long"

it "a line end of Windows is none of the answer's"
exec_is <<'END'
printf 'sesame\r\nmore\r\n'
END
want_answer sesame

it "no newline is needed, and blanks are the answer's"
exec_is <<'END'
printf ' two  words '
END
want_answer ' two  words '

for bytes in 'a\000b' 'a\rb' 'a\033b' '\010'; do
    it "what cannot be typed is not sent: $bytes"
    exec_is <<END
printf '$bytes\\n'
END
    want_refused "$W/cmd wrote a control character"
done

it "other bytes are sent as they are"
exec_is <<'END'
printf 'p\303\244ss\377\n'
END
want_rc 0
want_out 'answer "p'

it "one that ends, and leaves somebody who holds its output"
exec_is <<'END'
sleep 60 &
echo sesame
END
want_answer sesame
want_within 4000

it "it has no input to wait for, and no part in the dialogue"
exec_is <<'END'
if read -r line; then exit 3; fi
ls /proc/self/fd | tr '\n' ' '
END
want_answer '0 1 2 3 '

it "it has a session of its own, without a terminal"
program cmd <<'END'
if (: </dev/tty) 2>/dev/null; then echo a terminal; else echo none; fi
END
rules 'Request "P:"' "Exec $W/cmd" 'Response $exec$'
run 20 --pty -- "$authplug" try putty --host h.example --prompt P: -- \
    "$authplug" answer --config "$W/answers"
want_rc 0
want_screen 'answer "none"'

it "a client that hangs up ends it, and what it started"
program cmd <<END
sleep 50 &
echo \$! >$W/pid
sleep 50
END
init='01 00000002 00000001 68 00000016 00000000'
method='03 00000014 6b6579626f6172642d696e746572616374697665'
request='14 00000000 00000000 00000000 00000001 00000002 503a 00'
# the end of its input comes 1 s after the request
run 20 "$PY" "$E2E/converse.py" "$init" "$method" "!$request" '@sleep 1' -- \
    "$authplug" answer --batch --config "$W/answers"
want_within 5000
want [ -s "$W/pid" ]
want_not grep -qs '^State:.[^Z]' "/proc/$(cat "$W/pid")/status"

it "its words are words, whatever a group holds"
program cmd <<'END'
printf '%s.' "$#" "$@"
END
rules 'Request "C (.*):"' "Exec $W/cmd \$1\$ 'a b' \$host_name\$" \
    'Response $exec$'
client --prompt 'C $(id) "x'"'"' *:'
want_rc 0
want_out 'answer "3.$(id) '
want_out ' *.a b.h.example."'

for word in '-rf' '--'; do
    it "a word that would be an option is refused: $word"
    rules 'Request "C (.*):"' "Exec $W/cmd \$1\$" 'Response $exec$'
    client --prompt "C $word:"
    want_refused "word 2 of Exec would be taken for an option"
done

it "behind other text, or a -- of one's own, it is none"
rules 'Request "C (.*):"' "Exec $W/cmd --code=\$1\$" 'Response $exec$'
client --prompt "C -rf:"
want_answer 1.--code=-rf.

it "beside other text a group leads no path elsewhere"
rules 'Request "C (.*):"' "Exec $W/cmd show ssh/\$1\$" 'Response $exec$'
for group in ../bank a/b / .. .; do
    client --prompt "C $group:"
    want_refused "word 3 of Exec would be another path"
done
client --prompt 'C a..b:'
want_answer 2.show.ssh/a..b.
rules 'Request "C (.*):"' "Exec $W/cmd \$1\$" 'Response $exec$'
client --prompt 'C a/b:'
want_answer 1.a/b.

it "nor does an empty one, or the name of an unknown user, end it early"
rules 'Request "C (.*):"' "Exec $W/cmd show ssh/\$1\$" 'Response $exec$' \
    'Request "P:"' "Exec $W/cmd ssh/\$user_name\$" 'Response $exec$' \
    'Request "Q:(.*)"' "Exec $W/cmd \$1\$" 'Response $exec$'
client --prompt 'C :'
want_refused "word 3 of Exec would be another path: what stands beside other \
text may not be empty"
client --prompt P:
want_refused "word 2 of Exec would be another path"
client --prompt Q:
want_answer 1..

it "a group that matched nothing"
rules 'Request "(A )?P:"' "Exec $W/cmd \$1\$" 'Response $exec$'
client --prompt P:
want_refused 'the group $1$ matched nothing'
rules 'Request "(A )?P:"' 'Response <$1$>'
client --prompt P:
want_refused 'the group $1$ matched nothing'
client --prompt 'A P:'
want_answer '<A >'

it "the name of a user whom nobody knows is empty, not an option"
rules 'Request "P:"' "Exec $W/cmd \$user_name\$" 'Response $exec$'
client --prompt P:
want_answer 1..
client --prompt P: --user -x
want_not [ "$rc" = 0 ]

# ----------------------------------------------------------------------- files

# file_is REASON - the file $W/secret is refused with it.
file_is () {
    rules 'Request "P:"' "Response \$file:$W/secret\$"
    client --prompt P:
    want_refused "$1"
    want_within 3000
    rm -rf "$W/secret"
}

it "a file that is missing"
file_is "$W/secret: No such file"

it "one that others can read"
echo hunter2 >"$W/secret"
chmod 640 "$W/secret"
file_is "chmod go= $W/secret"

it "an empty one, one with an empty first line"
: >"$W/secret"
file_is "$W/secret is empty"
printf '\nhunter2\n' >"$W/secret"
file_is "$W/secret is empty"
printf '\r\n' >"$W/secret"
file_is "$W/secret is empty"

it "a folder, a device, a pipe that nobody writes to"
mkdir "$W/secret"
file_is "$W/secret: not a file"
ln -s /dev/zero "$W/secret"
file_is "$W/secret: not a file"
mkfifo "$W/secret"
file_is "$W/secret: not a file"

it "one without end, and one with a line that is too long"
head -c 100000 /dev/zero | tr '\0' x >"$W/secret"
file_is "too large: at most 64 KiB"
head -c 5000 /dev/zero | tr '\0' x >"$W/secret"
file_is "$W/secret begins with a line that is too long"

it "one with a byte that cannot be typed"
printf 'a\000b\n' >"$W/secret"
file_is "$W/secret holds a control character"

it "a link counts as what it points at; a line end of Windows is none"
printf 'sesame\r\nmore\r\n' >"$W/really"
ln -s really "$W/secret"
rules 'Request "P:"' "Response \$file:$W/secret\$"
client --prompt P:
want_answer sesame
chmod 644 "$W/really"
file_is "chmod go="

it "a home in its path"
echo sesame >"$HOME/secret"
rules 'Request "P:"' 'Response $file:~/secret$'
client --prompt P:
want_answer sesame

# ------------------------------------------------------------------- a keyring

it "a keyring that cannot be reached is not one that lacks the secret"
rules 'Request "P:"' 'Response $keyring:x$'
DBUS_SESSION_BUS_ADDRESS=unix:path=$W/none client --prompt P:
want_refused "the keyring cannot be reached"
want_out "log in to a desktop session, or set DBUS_SESSION_BUS_ADDRESS"
want_not grep -q "no such secret" "$W/out"

# ------------------------------------------------------------- several of them

# asked [run.py's OPTION]... -- [OPTION]... - somebody can be asked.
asked () {
    pty=
    while [ "$1" != -- ]; do
        pty="$pty '$1'"
        shift
    done
    shift
    eval 'run 20 --pty '"$pty"' -- "$authplug" try putty --host h.example \
        "$@" -- "$authplug" answer --config "$W/answers"'
}

it "a challenge in the prompt is handed to a command"
program respond <<'END'
echo "$1" | tr 0-9 9876543210
END
rules 'Request "Challenge: ([0-9]+)
Response:"' "Exec $W/respond \$1\$" 'Response $exec$'
# a file's line holds no newline: any byte stands for it
rules 'Request "Challenge: ([0-9]+).Response:"' "Exec $W/respond \$1\$" \
    'Response $exec$'
client --prompt 'Challenge: 4711\nResponse: '
want_answer 5288

it "each prompt of a request has its own source, in its order"
echo filed >"$W/secret"
chmod 600 "$W/secret"
rules 'Request "A:"' 'Response fixed' 'Request "B:"' "Exec $W/respond 12" \
    'Response $exec$' 'Request "C:"' "Response \$file:$W/secret\$" \
    'Request "D:"' 'Response $host_name$'
client --prompt D: --prompt C: --prompt B: --prompt A:
want_answer h.example filed 87 fixed

it "of several, one that fails is the user's alone, and the reason is shown"
rm "$W/secret"
asked --on "$W/secret: No such file" type: --on 'C:' 'type:typed\n' -- \
    --prompt A: --prompt C: --prompt B:
want_rc 0
for answer in fixed typed 87; do want_screen "answer \"$answer\""; done

it "\$ask\$ amid an automatic dialogue: before, between, and behind"
rules 'Request "Password:"' 'Response sesame' 'Request "Token:"' \
    'Response "<$ask:Number on the token: $>"' 'Request "PIN:"' \
    'Response $ask$' 'Request "Code:"' "Exec $W/respond 12" 'Response $exec$'
asked --on 'Number on the token' 'type:42\n' --on 'PIN' 'type:9\n' -- \
    --prompt "Password: " --round --prompt "Token: " --prompt "Code: " \
    --round --prompt "PIN: "
want_rc 0
grep -o 'answer "[^"]*"' "$W/screen" | tr '\n' ' ' >"$W/answered"
want [ "$(cat "$W/answered")" = \
    'answer "sesame" answer "<42>" answer "87" answer "9" ' ]
client --prompt "PIN: "
want_refused "wants the user's answer for"

it "both are asked at once where both are asked in a request"
rules 'Request "A:"' 'Response 1$ask:First: $' 'Request "B:"' \
    'Response 2$ask:Second: $'
asked --on 'First: ' 'type:a\n' --on 'Second: ' 'type:b\n' -- --prompt A: \
    --prompt B:
want_screen 'answer "1a"'
want_screen 'answer "2b"'
want [ "$(grep -c KI_USER_REQUEST "$W/screen")" = 1 ]

it "words above a prompt whose question is the rule's own are shown"
rules 'Request ".*Response:"' 'Response "$ask:Your calculator says: $"'
asked --on 'Challenge 4711' type: --on 'calculator says' 'type:5\n' -- \
    --prompt 'Challenge 4711\nResponse: '
want_rc 0
want_screen 'answer "5"'

it "a name is supplied before anything is asked, also where nothing is"
rules 'Username alice' 'Request "P:"' 'Response $user_name$'
client --outcome none
want_out 'PLUGIN_INIT_RESPONSE user "alice"'
client --prompt P:
want_answer alice
client --user bob --prompt P:
want_out 'PLUGIN_INIT_RESPONSE user ""'
want_answer bob

it "a source is not asked a second time in a login, failed or not"
program cmd <<END
echo x >>$W/ran
exit 1
END
: >"$W/ran"
rules 'Request "P:"' "Exec $W/cmd" 'Response $exec$'
asked --on 'exit status 1' type: --on 'P:' 'type:one\n' \
    --on 'may not be again' type: --on 'P:' 'type:two\n' -- --prompt P: \
    --round --prompt P:
want_rc 0
want [ "$(wc -l <"$W/ran")" = 1 ]

it "nor started before the user has said yes"
: >"$W/ran"
rules 'Request "P:"' 'Confirm yes' "Exec $W/cmd" 'Response $exec$'
asked --on 'Send what a command gives (line 2) for "P:" to ' 'type:n\n' -- \
    --prompt P:
want_not [ "$rc" = 0 ]
want [ ! -s "$W/ran" ]
client --prompt P:
want_not [ "$rc" = 0 ]
want [ ! -s "$W/ran" ]

it "what goes with \$ask\$ by itself is counted: then the user answers all"
program cmd <<END
echo x >>$W/ran
echo 1234
END
: >"$W/ran"
rules 'Request "P:"' "Exec $W/cmd" 'Response "$exec$$ask:Token: $"'
asked --on 'Token: ' 'type:one\n' --on 'was used 1 time' type: \
    --on 'P:' 'type:two\n' -- --prompt P: --round --prompt P:
want_rc 0
want_screen 'answer "1234one"'
want_screen 'answer "two"'
want [ "$(wc -l <"$W/ran")" = 1 ]
rules 'Request "P:"' 'Response "PIN$ask:Token: $"'
asked --on 'Token: ' 'type:one\n' --on 'was used 1 time' type: \
    --on 'P:' 'type:two\n' -- --prompt P: --round --prompt P:
want_screen 'answer "PINone"'
want_screen 'answer "two"'

it "and confirmed with the question, or nothing is started"
: >"$W/ran"
rules 'Request "P:"' 'Confirm yes' "Exec $W/cmd" \
    'Response "$exec$$ask:Token: $"'
asked --on 'and what you type then (line 2) for "P:" to ' 'type:n\n' \
    --on 'Token: ' 'type:one\n' -- --prompt P:
want_not [ "$rc" = 0 ]
want [ ! -s "$W/ran" ]
asked --on '[y/N]' 'type:y\n' --on 'Token: ' 'type:one\n' -- --prompt P:
want_rc 0
want_screen 'answer "1234one"'
want [ "$(grep -c KI_USER_REQUEST "$W/screen")" = 1 ]
client --prompt P:
want_refused "the rule in line 2 wants the user's consent for \"P:\""

it "what is the user's alone is neither counted nor confirmed"
rules 'Request "P:"' 'Confirm yes' 'Limit 0' 'Response $ask$'
asked --on 'P:' 'type:one\n' --on 'P:' 'type:two\n' -- --prompt P: --round \
    --prompt P:
want_rc 0
want_screen 'answer "one"'
want_screen 'answer "two"'
want_no_screen 'y/N'

it "a part of a secret answer is not shown, whatever the server says of it"
rules 'Request "P:"' "Exec $W/cmd" 'Response "$exec$$ask:Token: $"' \
    'Request "Q:"' 'Response $ask:Number: $'
asked --on 'Token: ' 'type:one\n' -- --prompt-echo P:
want_screen 'answer "1234one"'
want_no_screen 'Token: one'
asked --on 'Number: ' 'type:two\n' -- --prompt-echo Q:
want_screen 'Number: two'

it "a server that asks without end is refused, with that reason"
rules 'Request "P:"' 'Limit 100' 'Response y'
rounds=$(n=0; while [ $((n += 1)) -le 50 ]; do echo --round --prompt P:; done)
# shellcheck disable=SC2086 # words
client --prompt P: $rounds
want_not [ "$rc" = 0 ]
want [ "$(grep -c '^    answer "y"' "$W/out")" = 50 ]
want_out "the server asks without end"

it "in batch no rule is asked about, and the prompt is named"
rules 'Request "A:"' 'Response a'
client --prompt A: --prompt 'Motd\nWhat now? '
want_refused 'no rule matches "What now?"'

it "a command that hangs is ended in time, and what it started, too"
wait $hang
cp "$W/hang/out" "$W/out"
want_out "$W/hang/cmd did not end in time: Touch your key"
took=$((($(cat "$W/hang/end") - $(cat "$W/hang/begin")) * 1000))
want_at_least 29000
want_within 35000
want_not grep -qs '^State:.[^Z]' "/proc/$(cat "$W/hang/pid")/status"

finish
