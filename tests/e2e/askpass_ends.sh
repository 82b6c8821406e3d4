#!/bin/sh
# Whom authplug askpass answers, and how it ends and stops.
. "${0%/*}/lib.sh"
behaviours="one"
. "$E2E/askpass_lib.sh"

# ------------------------------------------------------------ who gets answers

# A login that stands: outside $W/script runs, with the socket in $1.
cat >"$W/outside" <<END
rm -f "$W/inside.out"
"$ask" -- $ssh pam 'echo in; sleep 2' >"$W/inside.out" &
broker=\$!
n=0
until grep -qs in "$W/inside.out" || [ \$n = 200 ]; do n=\$((n+1)); sleep 0.05; done
AUTHPLUG_ASKPASS=\$(ls $W/run/authplug/askpass-*)
export AUTHPLUG_ASKPASS
. "$W/script"
wait \$broker
END

it "a process that is not below the command gets nothing from the helper"
cat >"$W/script" <<END
"$helper" "($me@127.0.0.1) Password: "
echo "\$?"
END
run 20 sh "$W/outside"
want_rc 0
want_out_is 1
want_err "was not started by authplug askpass"
want_nothing_left

it "an ssh that is not gets no answer, and ends"
cat >"$W/script" <<END
SSH_ASKPASS=$helper SSH_ASKPASS_REQUIRE=force $ssh pam 'echo no' 2>/dev/null
echo "\$?"
END
run 20 sh "$W/outside"
want_rc 0
want_out_is 143
want_nothing_left

it "one that speaks to the socket gets nothing, not even a word"
cat >"$W/script" <<END
"$PY" -c 'import os, socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.connect(os.environ["AUTHPLUG_ASKPASS"])
try:
    s.send(b"\\x01($me@127.0.0.1) Password: ")
    print(s.recv(1000))
except OSError:
    print(b"")'
END
run 20 sh "$W/outside"
want_rc 0
want_out_is "b''"
want_nothing_left

it "one that left its parents gets nothing"
run 20 "$ask" -- sh -c '
    ("$0" "$1" >"$2.new"; echo "$?" >>"$2.new"; mv "$2.new" "$2") &
    exec sleep 0.1' "$BUILD/authplug-askpass" "($me@127.0.0.1) Password: " \
    "$W/stray" 2>/dev/null
want_rc 0
cat >"$W/later" <<END
(sleep 0.3; "$helper" "($me@127.0.0.1) Password: "; echo \$?) >$W/later.out 2>&1 &
END
run 20 "$ask" -- sh -c "sh $W/later; sleep 1"
want_rc 0
want tail -n 1 "$W/later.out"
want [ "$(tail -n 1 "$W/later.out")" = 1 ]
want grep -q "was not started by" "$W/later.out"

it "one below it that is no ssh does not get the plugin's answers"
run 20 "$ask" -- sh -c '"$0" "$1"; echo $?' "$helper" \
    "($me@127.0.0.1) Password: "
want_rc 0
want_out_is 1
want_nothing_left

# --------------------------------------------------------- ends and stops

cat >"$W/kill9" <<END
import os, signal, sys, time
sys.path.insert(0, "$E2E")
from run import descendants, describe
broker, who = int(sys.argv[1]), sys.argv[2]
def comm(pid):
    try:
        return open(f"/proc/{pid}/comm").read().strip()
    except OSError:
        return ""
below = descendants(broker)
found = {
    "broker": [broker],
    "ssh": [p for p in below if comm(p) == "ssh"],
    "none": ["authplug-askpas"] * any(
        comm(p) == "authplug-askpas" for p in below),
    "helper": [p for p in below if comm(p) == "authplug-askpas"],
    "plugin": [p for p in below if comm(p) == "mute"],
    "conversation": [p for p in below if comm(p) == "authplug"],
}[who]
for pid in found if who != "none" else []:
    os.kill(pid, signal.SIGKILL)
sys.exit(not found)
END

# A plugin that never answers, and ends with its input. Its last words say that it
# was asked.
cat >"$W/mute" <<END
#!$PY
import os, sys
sys.path.insert(0, "$E2E")
import plugin_hostile as p
plugin = p.Plugin([])
plugin.happens = lambda when: None
plugin.reply = lambda kind, body, reply=plugin.reply: (
    open("$W/waits", "w") if kind == p.SERVER_REQUEST else reply(kind, body))
plugin.run()
END
chmod +x "$W/mute"

for who in broker ssh helper plugin conversation; do
    it "kill -9 of the $who leaves nothing behind"
    rm -f "$W/waits"
    cat >"$W/script" <<END
"$ask" --plugin "exec $W/mute" -- $ssh one 'echo no' &
broker=\$!
n=0
until [ -e "$W/waits" ] || [ \$n = 200 ]; do
    n=\$((n + 1)); sleep 0.05
done
"$PY" "$W/kill9" \$broker $who || echo "nobody to kill"
wait \$broker
END
    run 20 sh "$W/script"
    want_not [ "$rc" = 0 ]
    want_out_none
    want_within 9000
    if [ $who = helper ]; then
        want_err_like "^authplug askpass: the program .* was killed.*: .+"
        want [ "$(grep -c '^authplug' "$W/err")" = 1 ]
    fi
    [ $who != broker ] || rm -f "$W"/run/authplug/askpass-*
    want_nothing_left
done

for where in "locked':" 'server| Password:' 'plugin| Which?'; do
    it "the terminal is as it was after a helper that asked $where was killed"
    case $where in
    locked*) set -- "$ask" -- $ssh keyonly ;;
    server*) set -- env -u AUTHPLUG_PLUGIN "$ask" -- $ssh one ;;
    *) set -- "$ask" --plugin "$(hostile 'request:ask=Which? ')" -- $ssh one ;;
    esac
    cat >"$W/script" <<'END'
(
    n=0
    until "$PY" "$W/kill9" "$$" none || [ $n = 100 ]; do
        n=$((n + 1)); sleep 0.1
    done
    sleep 1
    "$PY" "$W/kill9" "$$" helper || echo "nobody to kill"
) &
exec "$@"
END
    run 20 --pty -- env PY="$PY" W="$W" sh "$W/script" "$@" 'echo no'
    want_screen "$where"
    want_not [ "$rc" = 0 ]
    want_no_screen "nobody to kill"
    want_within 9000
    case $where in
    locked*) ;;
    *) want_screen "was killed" ;;
    esac
    want_nothing_left
done

it "the socket of a killed broker is removed by the next one"
mkdir -p -m 700 "$W/run/authplug"
"$PY" -c 'import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.bind(sys.argv[1])
os.utime(sys.argv[1], (1, 1))' "$W/run/authplug/askpass-0123456789abcdef"
run 20 "$ask" -- true
want_rc 0
want_nothing_left

it "^C in the middle ends it as it would ssh"
run 20 --pty --on waits 'type:\x03' -- "$ask" \
    --plugin "$(hostile request:stderr=waits request:sleep=100)" -- \
    $ssh one 'echo no'
want_rc 130
want_within 9000
want_nothing_left

it "TERM is passed on"
run 20 --after 1 kill:TERM -- "$ask" -- sh -c \
    'trap "echo ended; exit 5" TERM; sleep 10 & wait'
want_rc 5
want_out_is ended

# A shell that stops and goes on with a job, with a moment in between, as there is
# with people.
cat >"$W/shell" <<'END'
set -m
"$@"
echo "[$?]"
sleep 0.5
fg
echo "[$?]"
END

it "^Z at a question stops it, and it is asked again"
run 20 --pty --on "locked':" 'type:\x1a' --on "locked':" 'type:open it\n' -- \
    sh "$W/shell" "$ask" -- $ssh keyonly 'echo in'
want_screen in
want grep -q '^\[148\]' "$W/screen"
want_screen "[0]"
want_nothing_left

it "~^Z in a session stops it, and it goes on"
if [ "$(id -u)" = 0 ] || grep -q '^[^ ]* /dev/pts devpts .*gid=5' /proc/mounts
then
    run 20 --pty --on READY 'type:\r~\x1a' --after 4 'type:go on\r' -- \
        sh "$W/shell" "$ask" -- $ssh -tt pam \
        'echo READY; while [ "$x" != "go on" ]; do read x; done; echo "got $x"'
    want_screen "got go on"
    want_screen "[148]"
    want_screen "[0]"
    want_nothing_left
else
    lacking "root, or /dev/pts mounted with gid=5"
fi

finish
