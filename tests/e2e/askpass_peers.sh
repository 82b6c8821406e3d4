#!/bin/sh
# What authplug askpass makes of who asks at its socket, ssh or not.
. "${0%/*}/lib.sh"
need_built authplug
need_built authplug-askpass
need_built examples/hello

helper=$BUILD/authplug-askpass
ask="$BUILD/authplug askpass"
AUTHPLUG_PLUGIN="'$BUILD/examples/hello' stoat"
export AUTHPLUG_PLUGIN

# What such a process needs; the numbers are those of client/askpass.h.
cat >"$W/peer.py" <<'END_OF_PEER'
import array, glob, os, signal, socket, subprocess, sys, time

PROMPT, LOGGED_IN, GO, NONE = 1, 4, 6, 8

def connect(path=None):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.settimeout(10)
    s.connect(path or os.environ["AUTHPLUG_ASKPASS"])
    return s

def go(s):
    message = s.recv(4096)
    assert len(message) == 21 and message[0] == GO, message
    return message[5:]

def answer(s):
    try:
        message = s.recv(4096)
    except ConnectionResetError:
        return "nothing"
    return "type %d" % message[0] if message else "nothing"
END_OF_PEER
PYTHONPATH=$W
export PYTHONPATH

# below COMMAND... - with $W/script in Python for the command.
below () {
    # shellcheck disable=SC2086
    run 20 $ask "$@" -- "$PY" "$W/script"
}

# ------------------------------------------------------------- who is heard

it "a prompt with what the broker gave is heard"
cat >"$W/script" <<'END_OF_SCRIPT'
from peer import *
if os.fork() == 0:
    s = connect()
    s.send(bytes([PROMPT]) + go(s) + b"Question: ")
    print(answer(s), flush=True)
    os._exit(0)
os.wait()
END_OF_SCRIPT
below --batch
want_rc 0
want_out_is "type 8"
want_nothing_left

it "one without it, before or after, is not"
cat >"$W/script" <<'END_OF_SCRIPT'
from peer import *
for words in b"Question: ", b"", bytes(16) + b"Question: ":
    for early in True, False:
        if os.fork() == 0:
            s = connect()
            if early:
                s.send(bytes([PROMPT]) + words)
            go(s)
            if not early:
                s.send(bytes([PROMPT]) + words)
            print(answer(s), flush=True)
            os._exit(0)
        os.wait()
END_OF_SCRIPT
below --batch
want_rc 0
want [ "$(grep -c '^nothing$' "$W/out")" = 6 ]
want_nothing_left

# The number of a process that has connected and asked goes to a helper of the
# command; the connection is another's. The broker sleeps meanwhile.
cat >"$W/reuse" <<'END_OF_SCRIPT'
from peer import *
authplug, helper, place = sys.argv[1:]
go_on = place + "/go_on"
broker = subprocess.Popen([authplug, "askpass", "--batch", "--", sys.executable,
    "-c", "import os, sys, time\n"
    "while not os.path.exists(sys.argv[2]): time.sleep(0.02)\n"
    "if os.fork() == 0:\n"
    "    print('helper is', os.getpid(), flush=True)\n"
    "    os.execl(sys.argv[1], sys.argv[1], 'Question: ')\n"
    "os.wait()", helper, go_on])
while not (found := glob.glob(place + "/run/authplug/askpass-*")):
    time.sleep(0.02)
time.sleep(0.5)
os.kill(broker.pid, signal.SIGSTOP)
first = os.fork()
if first == 0:
    s = connect(found[0])
    s.send(bytes([PROMPT]) + b"Question: ")
    if os.fork() == 0:
        s.settimeout(5)
        got = []
        try:
            while not got or got[-1]:
                got.append(s.recv(4096))
        except ConnectionResetError:
            pass
        print("thief has", *[m[0] for m in got if m], flush=True)
    os._exit(0)
os.waitpid(first, 0)
print("first was", first, flush=True)
with open("/proc/sys/kernel/ns_last_pid", "w") as last:
    last.write(str(first - 1))
open(go_on, "w").close()
time.sleep(0.5)
os.kill(broker.pid, signal.SIGCONT)
broker.wait()
time.sleep(0.2)
END_OF_SCRIPT

it "who had the number of a process of the command before gets no answer"
if [ "$(id -u)" = 0 ] && unshare -pf --mount-proc true 2>/dev/null; then
    run 20 unshare -pf --mount-proc "$PY" "$W/reuse" "$BUILD/authplug" \
        "$helper" "$W"
    want_rc 0
    number=$(sed -n 's/^first was //p' "$W/out")
    want grep -qx "helper is $number" "$W/out"
    want grep -q '^thief has' "$W/out"
    want_not grep -q '^thief has.* 8' "$W/out"
else
    lacking "root, and a PID namespace"
fi

# ------------------------------------------------------------ questions

it "one askpass below another asks the user"
# shellcheck disable=SC2086
run 20 --pty --on 'Question:' 'type:beech\n' -- $ask -- $ask -- \
    sh -c 'echo "got $("$0" "Question: ")"' "$helper"
want_rc 0
want_screen "got beech"
want_nothing_left

for name in sh ssh; do
    it "a question of $name that comes after --timeout has its own time"
    printf '%s\n' "#!/bin/sh" "\"$helper\" 'First: '" "sleep 2.5" \
        "echo \"got \$(\"$helper\" 'Second: ')\"" >"$W/$name"
    chmod +x "$W/$name"
    # shellcheck disable=SC2086
    run 20 --pty --on 'First:' 'type:beech\n' --on 'Second:' 'type:larch\n' -- \
        $ask --timeout 2 -- sh -c '"$0"' "$W/$name"
    want_rc 0
    want_screen "got larch"
    want_nothing_left
done

# ------------------------------------------------------------ few descriptors

it "few descriptors do"
run 20 sh -c 'ulimit -n 64; exec "$@"' sh "$BUILD/authplug" askpass --batch -- \
    sh -c '"$0" "Question: "; echo $?; sleep 1; exit 3' "$helper"
want_rc 3
want_out_is 1
want_quiet
want_nothing_left

# A wait is none if it takes the processor.
cat >"$W/script" <<'END_OF_SCRIPT'
from peer import *
broker = os.getppid()
def took():
    with open(f"/proc/{broker}/stat") as stat:
        words = stat.read().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
many = []
for i in range(int(sys.argv[1])):
    if (pid := os.fork()) == 0:
        s = connect()
        time.sleep(1000)
    many.append(pid)
time.sleep(0.5)
before = took()
time.sleep(1)
print("idle" if took() - before < 0.5 else f"it took {took() - before} s")
for pid in many:
    os.kill(pid, signal.SIGKILL)
    os.wait()
if os.fork() == 0:
    s = connect()
    s.send(bytes([PROMPT]) + go(s) + b"Question: ")
    print(answer(s), flush=True)
    os._exit(0)
os.wait()
END_OF_SCRIPT

# Each who asks takes three, and any of these may be the last.
for most in 24 25 26; do
    it "with $most descriptors it waits for others, and says so"
    run 20 sh -c 'ulimit -n $0; exec "$@"' $most "$BUILD/authplug" askpass \
        --batch -- "$PY" "$W/script" 40
    want_rc 0
    want_out idle
    want_out "type 8"
    want_err_like "^authplug askpass: .+: see ulimit -n"
    want [ "$(grep -c . "$W/err")" = 1 ]
    want_nothing_left
done

it "where there is no waiting any more the command is ended, and it is said"
# a sanitizer cannot look for leaks then
ASAN_OPTIONS=detect_leaks=0:${ASAN_OPTIONS-}
export ASAN_OPTIONS
cat >"$W/script" <<'END_OF_SCRIPT'
from peer import *
import resource
resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE, (1, 1))
connect()
time.sleep(1000)
END_OF_SCRIPT
below
want_rc 255
want_err_like "^authplug askpass: .+: see ulimit -n"
want_within 5000
want_nothing_left

finish
