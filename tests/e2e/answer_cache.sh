#!/bin/sh
# authplug answer's Cache in memory: what the user typed is kept if the server
# took it, for a while, by a helper that nobody can make anything of.
# shellcheck disable=SC2016 # dollars are the rules'
. "${0%/*}/lib.sh"
need_built authplug
authplug=$BUILD/authplug
place=$XDG_RUNTIME_DIR/authplug
socket=$place/answers

# The helpers that were not there before; the user may have one.
helpers () {
    pgrep -u "$me" -f '^authplug answer cache-helper$' | grep -vxF "$others"
}
others=$(pgrep -u "$me" -f '^authplug answer cache-helper$' || echo none)

rules () {
    printf '%s\n' "$@" >"$W/answers"
}

# login WORD... - alice's, with options of try; first those of run.py, up to --
login () {
    pty=
    while [ "$1" != -- ]; do
        pty="$pty '$1'"
        shift
    done
    shift
    eval 'run 20 --keep '"$pty"' -- "$authplug" try putty \
        --user alice --host h.example --port 2222 "$@" -- \
        "$authplug" answer $batch --config "$W/answers"'
}

# typed TEXT [OPTION]... - a login in which the user types it.
typed () {
    batch=
    words="type:$1\\n"
    shift
    login --pty --on 'plugin| ' "$words" -- "$@"
    cat "$W/screen" >"$W/out"
}

# untyped [OPTION]... - one in which nobody is there to type; without run.py, as
# there are many.
untyped () {
    began=$(date +%s%3N)
    timeout 20 "$authplug" try putty --user alice --host h.example \
        --port 2222 --batch "$@" -- \
        "$authplug" answer --config "$W/answers" >"$W/out" 2>"$W/err"
    rc=$?
    took=$(($(date +%s%3N) - began))
}

want_answer () {
    want_rc 0
    for answer; do want_out "    answer \"$answer\""; done
}

want_asked () {
    want_rc 111
    want_err "the plugin's question was not answered"
    want_not grep -q '^    answer' "$W/out"
}

forget_all () {
    run 10 "$authplug" answer --config "$W/answers" --forget
    want_rc 0
    want_quiet
    gone
}

# gone - no helper is there, or will be in a moment.
gone () {
    n=0
    while [ -n "$(helpers)" ] || [ -e "$socket" ]; do
        n=$((n + 1))
        if [ "$n" -ge 200 ]; then
            wrong "a helper, or its socket, is still there"
            return
        fi
        sleep 0.02
    done
}

P='--prompt P:'
rules 'Host *' 'Request "P:"' 'Cache 60' 'Response $ask$'

# ------------------------------------------------------------- the outcome

it "what the server took is given by itself the next time"
typed stoat $P
want_answer stoat
want [ "$(helpers | wc -l)" = 1 ]
untyped $P
want_answer stoat
untyped $P
want_answer stoat

it "with --batch it is given as well, and without one the prompt is refused"
batch=--batch
login -- $P
want_answer stoat
login -- $P --user bob
want_rc 111
want_out "wants the user's answer for \"P:\"; nobody is asked in batch mode"

it "--forget forgets it, and the helper ends"
forget_all
untyped $P
want_asked

it "what the server refused is not kept"
typed weasel $P --outcome failure
want_answer weasel
untyped $P
want_asked

it "nor what nobody knows the fate of"
typed weasel $P --outcome none
untyped $P
want_asked
want [ -z "$(helpers)" ]

it "a kept answer that is refused is forgotten"
typed stoat $P
untyped $P --outcome failure
want_answer stoat
untyped $P
want_asked

it "one whose fate is unknown stays"
typed stoat $P
untyped $P --outcome none
want_answer stoat
untyped $P
want_answer stoat

it "within a login it is not given twice, whatever Limit says"
rules 'Host *' 'Request "P:"' 'Cache 60' 'Limit 5' 'Response $ask$'
untyped $P --round $P
want_rc 111
want_out 'answer "stoat"'
want_err "the plugin's question was not answered"
[ "$(grep -c '    answer' "$W/out")" = 1 ] || wrong "not one answer"

it "of two answers in a login nobody knows which was right: none is kept"
typed weasel $P --round $P
want_answer stoat weasel
untyped $P
want_asked

it "it is an automatic answer: not with Limit 0, and asked about with Confirm"
typed stoat $P
rules 'Host *' 'Request "P:"' 'Cache 60' 'Limit 0' 'Response $ask$'
untyped $P
want_asked
rules 'Host *' 'Request "P:"' 'Cache 60' 'Confirm yes' 'Response $ask$'
untyped $P
want_asked
batch=
login --pty --on 'Send what you typed before (line 2) for "P:" to ' \
    'type:y\n' -- $P
want_screen 'answer "stoat"'
login --pty --on '[y/N]' 'type:n\n' -- $P
want_screen 'did not confirm'
want_no_screen stoat
forget_all

it "only what was typed is kept, not what the Response makes of it"
rules 'Host *' 'Request "P:"' 'Cache 60' 'Response "1234$ask:Rest: $"'
typed stoat $P
want_answer 1234stoat
rules 'Host *' 'Request "P:"' 'Cache 60' 'Response "99$ask:Rest: $"'
untyped $P
want_answer 99stoat
forget_all

it "what cannot be kept is in nobody's way"
rules 'Host *' 'Request "P:"' 'Cache 60 keyring' 'Response $ask$' \
    'Request "Q:"' 'Cache 60' 'Response $ask$'
batch=
DBUS_SESSION_BUS_ADDRESS=unix:path=$W/none
export DBUS_SESSION_BUS_ADDRESS
# the last is settled first
login --pty --on 'plugin| Q:' 'type:one\n' --on 'plugin| P:' 'type:two\n' -- \
    --prompt Q: --prompt P:
unset DBUS_SESSION_BUS_ADDRESS
want_screen 'answer "two"'
untyped --prompt Q:
want_answer one
rules 'Host *' 'Request "P:"' 'Cache 60' 'Response $ask$'
forget_all

# ----------------------------------------------------------------- the name

it "it is for this user, host, port, rule and prompt"
rules 'Host *' 'Request "P[12]?:"' 'Cache 60' 'Response $ask$'
typed stoat $P
for other in "--user bob $P" "--host other $P" "--port 22 $P" \
    "--prompt P1:" "--prompt P2:" "--prompt-echo P1:"; do
    # shellcheck disable=SC2086
    untyped $other
    want_asked
done
for other in 'Request "P:|Q"' 'Echo no' 'Instruction ".*"'; do
    case $other in
    Request*) rules 'Host *' "$other" 'Cache 60' 'Response $ask$' ;;
    *) rules 'Host *' 'Request "P[12]?:"' "$other" 'Cache 60' \
        'Response $ask$' ;;
    esac
    untyped $P
    want_asked
done
rules 'Host *' 'Request "P[12]?:"' 'Cache 60' 'Response $ask:Other$'
untyped $P
want_asked

it "edits elsewhere in the file are nothing to it"
rules '# more' 'Host other' 'Request x' 'Response y' 'Host *' \
    'Request "X"' 'Response y' 'Request "P[12]?:"' 'Limit 2' 'Cache 70' \
    'Response $ask$'
untyped $P
want_answer stoat

it "without a user's name nothing is kept, and the user is told what helps"
batch=
login --pty --on 'plugin| P:' 'type:weasel\n' -- --user '' $P
want_screen "the client does not say for which user: Username does"
untyped --user '' $P
want_asked
rules 'Host *' 'Username alice' 'Request "P[12]?:"' 'Cache 60' 'Response $ask$'
untyped --user '' $P
want_answer stoat
forget_all

it "several prompts of a request are kept one by one"
rules 'Host *' 'Request "P:"' 'Cache 60' 'Response $ask$' 'Request "Q:"' \
    'Response q' 'Request "R:"' 'Cache 60' 'Response $ask$'
batch=
login --pty --on 'plugin| P:' 'type:one\n' --on 'plugin| R:' 'type:two\n' -- \
    $P --prompt Q: --prompt R:
untyped $P --prompt R: --prompt Q:
want_answer one two q
forget_all

# ------------------------------------------------------------------ the time

it "its time is over when it is, and the helper ends with the last"
rules 'Host *' 'Request "P:"' 'Cache 1' 'Response $ask$'
typed stoat $P
want_answer stoat
want [ -n "$(helpers)" ]
sleep 2.1
untyped $P
want_asked
gone

it "a shorter time in the file counts for what is there"
rules 'Host *' 'Request "P:"' 'Cache 60' 'Response $ask$'
typed stoat $P
sleep 2.1
rules 'Host *' 'Request "P:"' 'Cache 1' 'Response $ask$'
untyped $P
want_asked
gone

# ---------------------------------------------------------------- the helper

rules 'Host *' 'Request "P:"' 'Cache 60' 'Response $ask$' 'Request "Q:"' \
    'Cache 60' 'Response $ask$'

it "the helper holds on to nothing, and shows nothing"
typed stoat $P
helper=$(helpers)
want [ "$(stat -c %a "$place") $(stat -c %a "$socket")" = "700 600" ]
want [ "$(ps -o sid= -o pgid= -o tty= -p "$helper" | tr -d ' ')" \
    = "$(ps -o sid= -o sid= -o tty= -p "$helper" | tr -d ' ')" ]
want [ "$(ps -o tty= -p "$helper")" = '?' ]
want grep -q 'Max core file size  *0  *0 ' "/proc/$helper/limits"
if [ "$(id -u)" = 0 ]; then
    want [ "$(readlink "/proc/$helper/cwd")" = / ]
    want [ ! -s "/proc/$helper/environ" ]
    find "/proc/$helper/fd" -type l -printf '%l\n' | sort -u >"$W/fds"
    # its own, and the directory for the lock
    grep -vE '^/dev/null$|^socket:|^anon_inode:(\[(timer|signal)fd\]|inotify)$' \
        "$W/fds" >"$W/more"
    want [ "$(cat "$W/more")" = "$place" ]
    want [ "$(stat -c %u:%a "/proc/$helper/mem")" = 0:600 ]
    # with sanitizers nothing can be locked
    grep -q __asan_init "$authplug" ||
        want_not grep -q '^VmLck:[[:space:]]*0 ' "/proc/$helper/status"
fi

# held TEXT - how often the helper has it.
held () {
    "$PY" "$E2E/cache_peer.py" scan "$helper" "$1"
}

it "what it forgot is not in its memory"
if [ "$(id -u)" = 0 ]; then
    typed gyrfalcon-1 --prompt Q:
    want [ "$(held gyrfalcon-1)" = 1 ]
    untyped --prompt Q:
    want_answer gyrfalcon-1
    want [ "$(held gyrfalcon-1)" = 1 ]
    untyped --prompt Q: --outcome failure
    want_answer gyrfalcon-1
    want [ "$(held gyrfalcon-1)" = 0 ]
    want [ "$(held stoat)" = 1 ]
else
    lacking "root, who can read its memory"
fi

it "it minds no signal but TERM, at which it ends in good order"
kill -HUP "$helper"
kill -INT "$helper"
kill -USR1 "$helper"
untyped $P
want_answer stoat
kill "$helper"
gone

it "killed, it is replaced when there is something to keep"
typed stoat $P
kill -9 "$(helpers)"
untyped $P
want_asked
want [ -S "$socket" ]
typed weasel $P
untyped $P
want_answer weasel

it "it ends when its socket is removed"
rm "$socket"
gone

it "a plugin that is killed leaves no harm"
for ms in 002 005 010 015 020 030; do
    "$authplug" try putty --user alice $P --batch -- "$authplug" answer \
        --batch --config "$W/answers" >/dev/null 2>&1 &
    sleep "0.$ms"
    kill -9 $! 2>/dev/null
    pkill -9 -f "answer --batch --config $W/answers"
    wait
done 2>/dev/null
typed stoat $P
untyped $P
want_answer stoat
forget_all

it "ten at once make one helper, which keeps all they have"
for i in 0 1 2 3 4 5 6 7 8 9; do
    "$PY" "$E2E/run.py" --within 20 --keep --screen "$W/s.$i" \
        --pty --on 'plugin| P:' "type:typed$i\\n" -- \
        "$authplug" try putty --user "u$i" $P -- \
        "$authplug" answer --config "$W/answers" &
done
wait
want [ "$(helpers | wc -l)" = 1 ]
for i in 0 1 2 3 4 5 6 7 8 9; do
    untyped --user "u$i" --host example.com --port 22 $P
    want_answer "typed$i"
done

it "no helper is made while another has the lock, and nobody hangs for it"
forget_all
flock -s -F "$place/answers.lock" sleep 60 &
locker=$!
servers="$servers $locker"
n=0
while flock -n "$place/answers.lock" true; do
    n=$((n + 1))
    [ "$n" -lt 200 ] || break
    sleep 0.02
done
AUTHPLUG_LOG=$W/log
export AUTHPLUG_LOG
typed stoat $P
unset AUTHPLUG_LOG
want_answer stoat
want_within 5000
want [ -z "$(helpers)" ]
want grep -q 'the lock beside .* cannot be had' "$W/log"
kill "$locker"
wait "$locker" 2>/dev/null

# ------------------------------------------------------------------ attacked

peer="$PY $E2E/cache_peer.py $socket"

it "garbage, and less or more than a question, gets nothing and breaks nothing"
typed stoat $P
run 10 --keep -- $peer garbage
want_out_is "{b'\\x01r'}"
run 10 --keep -- $peer half
want_out_is "b'\\x01r'"
run 10 --keep -- $peer name
want_out_is "b'\\x01r'"
untyped $P
want_answer stoat

it "one more than there is room for takes the place of what ends first"
run 10 --keep -- $peer fill 70
want_out_is "70 kept, there: 6 to 69"
untyped $P
want_asked
forget_all
typed stoat $P
untyped $P
want_answer stoat

it "who says nothing is let go in a second"
run 10 --keep -- $peer hold
want_out_is "b'' True"

it "a crowd that says nothing is in nobody's way"
: >"$W/flood"
$peer flood >"$W/flood" 2>&1 &
flood=$!
servers="$servers $flood"
n=0
until grep -q ready "$W/flood"; do
    n=$((n + 1))
    [ "$n" -lt 200 ] || break
    sleep 0.02
done
untyped $P
want_answer stoat
want_within 4000
want kill "$flood"
wait "$flood" 2>/dev/null
untyped $P
want_answer stoat

it "another user is not listened to"
if [ "$(id -u)" != 0 ]; then
    lacking "root, who can be another user"
elif ! setpriv --reuid=65534 --clear-groups --inh-caps=-all,+dac_override \
    --ambient-caps=-all,+dac_override true 2>/dev/null; then
    lacking "capabilities that can be passed on"
else
    run 10 --keep -- $peer other
    want_out_is "b'\\x01n'"
    run 10 --keep -- setpriv --reuid=65534 --clear-groups \
        --inh-caps=-all,+dac_override --ambient-caps=-all,+dac_override \
        $peer other
    want_out_is "b''"
fi
forget_all

# posing DEED - somebody else is in the helper's place.
posing () {
    : >"$W/posing"
    $peer "$1" >"$W/posing" 2>&1 &
    posing=$!
    servers="$servers $posing"
    n=0
    until grep -q ready "$W/posing"; do
        n=$((n + 1))
        [ "$n" -lt 200 ] || break
        sleep 0.02
    done
}

for deed in silent deaf wrong long claim gone; do
    it "who poses as the helper, and is $deed, is not believed or waited for"
    posing $deed
    untyped $P
    want_asked
    want_within 3000
    kill "$posing" 2>/dev/null
    wait "$posing" 2>/dev/null
done

it "nor is another user"
if [ "$(id -u)" = 0 ]; then
    posing stranger
    untyped $P
    want_asked
    want_out "is somebody else's"
    kill "$posing" 2>/dev/null
    wait "$posing" 2>/dev/null
else
    lacking "root, who can be another user"
fi

it "after all of them there is a helper again"
typed stoat $P
untyped $P
want_answer stoat
forget_all

it "a directory that others may read is not used, and the remedy is told"
chmod 755 "$place"
batch=
login --pty --on 'plugin| P:' 'type:stoat\n' -- $P
want_screen "chmod go= $place"
want_screen 'answer "stoat"'
want [ -z "$(helpers)" ]
chmod 700 "$place"

it "nor is one that is somebody else's, or a link"
if [ "$(id -u)" = 0 ]; then
    chown 65534 "$place"
    untyped $P
    want_out "is not a directory that is yours alone"
    chown 0 "$place"
fi
mv "$place" "$place.real"
ln -s "$place.real" "$place"
untyped $P
want_out "is not a directory that is yours alone"
rm "$place"
mv "$place.real" "$place"

it "without a runtime directory it is one at home"
run 20 --keep --pty --on 'plugin| P:' 'type:stoat\n' -- \
    env -u XDG_RUNTIME_DIR "$authplug" try putty --user alice $P -- \
    "$authplug" answer --config "$W/answers"
want_screen 'answer "stoat"'
want [ -S "$HOME/.authplug/answers" ]
want [ "$(stat -c %a "$HOME/.authplug")" = 700 ]
run 10 env -u XDG_RUNTIME_DIR "$authplug" answer --config "$W/answers" --forget
want_rc 0
gone
want [ ! -e "$HOME/.authplug/answers" ]

it "the helper by hand is misuse, and nothing is written to a file"
run 10 "$authplug" answer cache-helper
want_rc 2
want_not grep -rqE 'stoat|weasel|gyrfalcon' "$HOME" "$XDG_RUNTIME_DIR" \
    "$W/tmp"

# ------------------------------------------------------------------ the file

faulty () {
    number=$1 text=$2
    shift 2
    rules "$@"
    run 10 "$authplug" answer --config "$W/answers" --check
    want_rc 1
    want_err_like "^authplug answer: .*/answers:$number: .*$text"
}

it "a rule with a one-time code, or without \$ask\$, has nothing to keep"
faulty 4 'code, and Cache' 'Host *' 'Request x' 'Cache 9' \
    'Response "$ask$$totp:x$"' 'Totp x' 'Secret A'
faulty 4 'code, and Cache' 'Host *' 'Request x' 'Cache 9' \
    'Response $hotp:x$' 'Hotp x' 'Secret A'
faulty 4 'no \$ask\$' 'Host *' 'Request x' 'Cache 9' 'Response y'
faulty 3 'number from 1 to 604800' 'Host *' 'Request x' 'Cache 0'
faulty 3 'number from 1 to 604800' 'Host *' 'Request x' 'Cache 604801'
faulty 3 'number from 1 to 604800' 'Host *' 'Request x' 'Cache'
faulty 3 'the word keyring' 'Host *' 'Request x' 'Cache 9 file'
faulty 3 'the word keyring' 'Host *' 'Request x' 'Cache 9 keyring x'

it "--explain says that a rule keeps, and where"
rules 'Host *' 'Request "P:"' 'Cache 600' 'Response $ask$' 'Request "Q:"' \
    'Cache 60 keyring' 'Response $ask$'
run 10 "$authplug" answer --config "$W/answers" --explain --host h --user u \
    --prompt P:
want_rc 0
want_out "what the user types is kept for 600 s after a login that succeeded, in memory"
run 10 "$authplug" answer --config "$W/answers" --explain --host h --user u \
    --prompt Q:
want_out "in the keyring"

it "or that it does not, where nobody says for which user"
run 10 "$authplug" answer --config "$W/answers" --explain --host h --prompt P:
want_rc 0
want_out "what the user types is not kept"
want_not grep -q "in memory" "$W/out"
sed -i 's/^Host.*/&\nUsername u/' "$W/answers"
run 10 "$authplug" answer --config "$W/answers" --explain --host h --prompt P:
want_out "is kept for 600 s"

finish
