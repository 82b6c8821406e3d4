#!/bin/sh
# Stock ssh through a libssh connection (client/mux), against a real sshd, and
# side by side with OpenSSH's own control master where the two can be compared.
#
# BUILD is the build directory, with tests/tools/mux_harness. Prints TAP.
# shellcheck disable=SC1091,SC2016,SC2012,SC2154,SC2317
set -u
. "$(dirname "$0")/mux_lib.sh"

start_sshd main 'MaxSessions 20' 'RekeyLimit 4M' || { cat "$T/main.log"; exit 1; }
main=$port
main_sshd=$pid
start_sshd narrow 'MaxSessions 2' 'PermitTTY no' || exit 1
narrow=$port
start_harness ours -d "$main"
ours=$pid
fds=$(ls "/proc/$ours/fd" | wc -l)
ssh -F none -N -M -S "$T/theirs" -p "$main" -i "$T/key" \
    -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
    -o IdentitiesOnly=yes 127.0.0.1 >/dev/null 2>&1 &
started="$! $started"
until_true 10 test -S "$T/theirs" || echo "# OpenSSH's master did not start"

# alike ARGUMENT...: both masters give the same output, errors and status.
alike() {
    via ours "$@" >"$T/out" 2>"$T/err" </dev/null
    echo $? >>"$T/out"
    via theirs "$@" >"$T/out.theirs" 2>"$T/err.theirs" </dev/null
    echo $? >>"$T/out.theirs"
    cmp -s "$T/out" "$T/out.theirs" && cmp -s "$T/err" "$T/err.theirs"
}

# --------------------------------------------------------------- sessions

[ -S "$T/ours" ] && [ "$(stat -c %a "$T/ours" "$T/run/authplug" | tr '\n' ' ')" \
    = '600 700 ' ]
report 'the socket is 0600, in a directory of 0700'

via ours -O check x 2>"$T/err" && grep -q "pid=$ours)" "$T/err"
report 'an alive check names the serving process'

alike x 'exit 0' && alike x 'exit 7' && alike x 'exit 255'
report 'exit statuses arrive: 0, 7, 255'

alike x 'kill -TERM $$' && [ "$(tail -n 1 "$T/out")" = 255 ]
report 'a command killed by a signal gives 255'

alike x 'echo out; echo err >&2; exit 3' && grep -qx err "$T/err" &&
    ! grep -q err "$T/out"
report 'standard error comes on its own'

alike x 'exec /no/such/program'
report 'a command that is not found is reported by the remote shell'

head -c 20000000 /dev/urandom >"$T/big"
sum=$(sha256sum <"$T/big")
[ "$(via ours x cat <"$T/big" | sha256sum)" = "$sum" ]
report '20 MB go there from a file and come back into a pipe'

# shellcheck disable=SC2002
[ "$(cat "$T/big" | via ours x sha256sum)" = "$sum" ]
report '20 MB go there from a pipe'

via ours x "cat '$T/big'" >"$T/copy" </dev/null && cmp -s "$T/big" "$T/copy"
report '20 MB come back into a file'

"$py" - "$T" >"$T/out" 2>"$T/err" <<'EOF'
import hashlib, socket, subprocess, sys, threading
t = sys.argv[1]
ours, theirs = socket.socketpair()
ssh = subprocess.Popen(["timeout", "30", "ssh", "-F", "none", "-S", t + "/ours",
                        "-o", "ProxyCommand=false", "x", "cat"],
                       stdin=theirs, stdout=theirs)
theirs.close()
data = open(t + "/big", "rb").read()
def feed():
    ours.sendall(data)
    ours.shutdown(socket.SHUT_WR)
threading.Thread(target=feed, daemon=True).start()
got = b""
while True:
    part = ours.recv(65536)
    if not part:
        break
    got += part
assert ssh.wait() == 0
assert got == data, (len(got), len(data))
EOF
report '20 MB go there and back over a socket'

MUXT_A=one MUXT_B='two words' via ours -o SendEnv='MUXT_*' x \
    'printf "%s/%s\n" "$MUXT_A" "$MUXT_B"' >"$T/out" 2>"$T/err" </dev/null &&
    grep -qx 'one/two words' "$T/out"
report 'environment variables arrive'

mkdir "$T/there"
printf 'put %s %s\nget %s %s\n' "$T/big" "$T/there/big" "$T/there/big" \
    "$T/there/back" | timeout 60 sftp -F none -b - -o ControlPath="$T/ours" \
    -o ProxyCommand=false x >"$T/out" 2>"$T/err" &&
    cmp -s "$T/big" "$T/there/back"
report 'sftp puts and gets 20 MB'

pids=
for i in 1 2 3 4 5 6 7 8; do
    via ours x cat <"$T/big" 2>/dev/null | sha256sum >"$T/sum.$i" &
    pids="$pids $!"
done
# shellcheck disable=SC2086
wait $pids
[ "$(cat "$T"/sum.? | sort -u)" = "$sum" ] && [ "$(cat "$T"/sum.? | wc -l)" = 8 ]
report 'eight sessions at a time carry 20 MB each way'

# -------------------------------------------------------------- terminals

cat >"$T/window.py" <<'EOF'
# A terminal of 33 by 101 that becomes 44 by 122 while ssh runs in it.
import fcntl, os, pty, select, struct, sys, termios, time
def resize(fd, rows, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
seen = b""
def wait_for(what):
    global seen
    end = time.time() + 20
    while what not in seen:
        if not select.select([fd], [], [], max(0, end - time.time()))[0]:
            sys.exit("no %r in %r" % (what, seen))
        try:
            seen += os.read(fd, 4096)
        except OSError:
            sys.exit("ended without %r: %r" % (what, seen))
pid, fd = pty.fork()
if pid == 0:
    time.sleep(0.3)  # the size is set meanwhile
    os.execvp("ssh", ["ssh", "-F", "none", "-S", sys.argv[1], "-o",
                      "ProxyCommand=false", "-tt", "x",
                      "stty size; read x; stty size; echo $TERM; exit 5"])
resize(fd, 33, 101)
wait_for(b"33 101")
resize(fd, 44, 122)
time.sleep(0.5)
os.write(fd, b"\r")
wait_for(b"44 122")
wait_for(os.environ["TERM"].encode())
try:
    while os.read(fd, 4096):
        pass
except OSError:
    pass
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
EOF
for master in ours theirs; do
    TERM=vt220 timeout 60 "$py" "$T/window.py" "$T/$master" >"$T/out" 2>&1
    [ $? -eq 5 ]
    report "a terminal has its size and follows its changes ($master)"
done

"$py" - "$T" >"$T/out" 2>&1 <<'EOF'
# /dev/tty is the client's terminal, not that of whoever serves it.
import os, pty, sys
pid, fd = pty.fork()
if pid == 0:
    os.execvp("sh", ["sh", "-c", "timeout --foreground 20 ssh -F none -S '%s'"
                     "/ours -o ProxyCommand=false x 'read l; echo \"<$l>\"' "
                     "</dev/tty >/dev/tty 2>&1; echo status $?" % sys.argv[1]])
os.write(fd, b"typed\n")
seen = b""
try:
    while True:
        seen += os.read(fd, 4096)
except OSError:
    pass
print(seen)
os.waitpid(pid, 0)
assert b"<typed>" in seen and b"status 0" in seen
EOF
report '/dev/tty may be the input and the output'

via ours -tt x 'test -t 0 && test -t 1 && echo terminal' \
    >"$T/out" 2>"$T/err" </dev/null && grep -q terminal "$T/out"
report 'a terminal without a local one'

start_harness few "$narrow"
via few -tt x 'test -t 0 || echo none' >"$T/out" 2>"$T/err" </dev/null &&
    grep -q none "$T/out" && grep -q 'PTY allocation request failed' "$T/err"
report 'a terminal that is refused is said to be, and the command runs'

# ------------------------------------------------------------ what is odd

mkfifo "$T/open"
exec 8<>"$T/open" # input without an end
via_exec few x cat <&8 2>/dev/null &
one=$!
via_exec few x cat <&8 2>/dev/null &
two=$!
sleep 1
LIMIT=10 via few x true >"$T/out" 2>"$T/err" </dev/null
[ $? -eq 255 ] && grep -q 'refused another session: open failed' "$T/err"
report 'a session over MaxSessions is refused with a reason'
stop $one $two
until_true 5 via few x true 2>/dev/null </dev/null
report 'and there is room again when the others have gone'
exec 8<&-

mkfifo "$T/stuck"
via_exec ours x 'cat /dev/zero' </dev/null >"$T/stuck" 2>/dev/null &
one=$!
exec 9<"$T/stuck"
sleep 1
[ "$(LIMIT=10 via ours x cat <"$T/big" | sha256sum)" = "$sum" ]
report 'a stalled reader does not hold up another session'
until_true 10 test "$(awk '/VmRSS/ { print $2 }' "/proc/$ours/status")" -lt 65536
report 'and does not fill the memory'
stop $one
exec 9<&-

rss=$(via ours x "cat '$T/big' '$T/big' '$T/big' '$T/big' '$T/big'" </dev/null |
    "$py" -c 'import os, sys, time
most = 0
while os.read(0, 65536):
    time.sleep(0.001)
    for line in open("/proc/%s/status" % sys.argv[1]):
        if line.startswith("VmRSS"):
            most = max(most, int(line.split()[1]))
print(most)' "$ours")
echo "# with a slow reader: $rss KiB" >"$T/out"
[ "$rss" -gt 0 ] && [ "$rss" -lt 65536 ]
report 'nor does a slow one'

start_harness flood "$main"
via_exec flood x 'while :; do head -c 100000 /dev/zero; echo >&2; done' \
    </dev/null >"$T/stuck" 2>"$T/flood.err" &
one=$!
exec 9<"$T/stuck"
rss() { awk '/VmRSS/ { print $2 }' "/proc/$pid/status"; }
is_flooded() { [ "$(rss)" -gt 65536 ]; }
until_true 60 is_flooded
sleep 1
rss >"$T/out"
# others are served while there is room for what nobody reads, and then once it
# was ended
is_ended() {
    via flood x true </dev/null 2>"$T/err" &&
        grep -q 'nobody reads its output' "$T/flood.err"
}
[ "$(rss)" -lt 196608 ] && until_true 60 is_ended && [ "$(rss)" -lt 196608 ]
report 'nor does one whose command also writes to standard error'
stop $one "$pid"
exec 9<&-

LIMIT=10 via ours x 'cat /dev/zero' </dev/null 2>"$T/err" | head -c 1 >/dev/null
report 'an endless command ends with its reader'

{ via ours x 'sleep 0.3; echo late; exit 3' </dev/null 2>"$T/err"
    echo $? >"$T/status"; } | true
[ "$(cat "$T/status")" = 3 ]
report 'a command whose reader has gone keeps its exit status'

alike x 'exec >&- 2>&-; sleep 0.2; exit 4'
report 'a command may close its output before it ends'

via ours x 'sleep 1; echo over' >"$T/out" 2>"$T/err" <"$T/big" &&
    grep -qx over "$T/out"
report 'input that nobody reads is no obstacle'

"$py" - "$T" >"$T/out" 2>"$T/err" <<'EOF'
# The flags of what was passed stay as they were, during and after.
import fcntl, os, subprocess, sys, time
t = sys.argv[1]
r, w = os.pipe()
R, W = os.pipe()
before = [fcntl.fcntl(fd, fcntl.F_GETFL) for fd in (r, W)]
ssh = subprocess.Popen(["timeout", "20", "ssh", "-F", "none", "-S", t + "/ours",
                        "-o", "ProxyCommand=false", "x", "cat; sleep 1"],
                       stdin=r, stdout=W)
os.write(w, b"x")
assert os.read(R, 1) == b"x"
assert [fcntl.fcntl(fd, fcntl.F_GETFL) for fd in (r, W)] == before
os.close(w)
assert ssh.wait() == 0
assert [fcntl.fcntl(fd, fcntl.F_GETFL) for fd in (r, W)] == before
EOF
report 'the flags of passed descriptors stay as they were'

# ------------------------------------------------------- what is not served

LIMIT=10 via ours -O proxy x >"$T/out" 2>"$T/err" </dev/null
[ $? -eq 255 ] && grep -q 'does not serve proxies' "$T/err"
report '-O proxy is refused with a reason'

# ---------------------------------------------------------- clients gone bad

"$py" - "$T" >"$T/out" 2>"$T/err" <<'EOF'
import array, os, socket, struct, subprocess, sys, time
t = sys.argv[1]
def connect():
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(10)
    s.connect(t + "/ours")
    assert s.recv(12) == struct.pack(">III", 8, 1, 4)
    return s
def packet(*words):
    body = struct.pack(">%dI" % len(words), *words)
    return struct.pack(">I", len(body)) + body
def closes(s):
    return s.recv(100) == b""
hello = packet(1, 4)
stdio = packet(0x10000008, 1, 0, 4, 0x686f7374, 22)
half = connect()          # half a packet, and then nothing
half.send(hello + packet(0x10000004, 1)[:7])
short = connect()         # descriptors that never come
short.send(hello + stdio)
assert subprocess.run(["timeout", "10", "ssh", "-F", "none", "-S", t + "/ours",
                       "-o", "ProxyCommand=false", "x", "true"],
                      stdin=subprocess.DEVNULL).returncode == 0
s = connect(); s.send(struct.pack(">I", 262145)); assert closes(s)
s = connect(); s.send(struct.pack(">I", 3)); assert closes(s)
s = connect(); s.send(packet(1, 5)); assert closes(s)
s = connect(); s.send(packet(0x10000004, 1)); assert closes(s)
s = connect(); s.send(hello + hello); assert closes(s)
s = connect()             # a byte at a time
for byte in hello + packet(0x10000004, 9):
    s.send(bytes([byte]))
answer = s.recv(16)
assert answer[:12] == struct.pack(">III", 12, 0x80000005, 9), answer
s.send(packet(0x7fffffff, 10))
assert s.recv(100)[4:12] == struct.pack(">II", 0x80000003, 10)
# A byte without a descriptor, and two at once.
nothing = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1]))]
s = connect(); s.send(hello + stdio); s.send(b"x")
assert closes(s)
s = connect(); s.send(hello + stdio); s.sendmsg([b"x"], nothing)
assert closes(s)
s = connect()             # descriptors where none belong are dropped
s.sendmsg([hello], nothing)
s.send(packet(0x10000004, 11))
assert s.recv(16)[8:12] == struct.pack(">I", 11)
many = [connect() for i in range(250)]
for i in range(10):
    one = socket.socket(socket.AF_UNIX)
    one.settimeout(10)
    one.connect(t + "/ours")
    if one.recv(12) == b"":
        break
    many.append(one)
else:
    raise SystemExit("no limit to the number of clients")
EOF
report 'clients that stall or talk nonsense harm nobody but themselves'

as_before() { [ "$(ls "/proc/$ours/fd" | wc -l)" -eq "$fds" ]; }
until_true 10 as_before || ! ls -l "/proc/$ours/fd" >"$T/out"
report 'and leave no descriptor behind'

if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null; then
    chmod 0711 "$T" && chmod 0666 "$T/ours"
    timeout 10 setpriv --reuid=65534 --clear-groups \
        ssh -F none -S "$T/ours" -O check x >"$T/out" 2>"$T/err"
    [ $? -eq 255 ] && has ours.log 'turned away: another user'
    report 'another user is turned away'
    chmod 0700 "$T" && chmod 0600 "$T/ours"
else
    count=$((count + 1))
    echo "ok $count - another user is turned away # SKIP needs root and setpriv"
fi

# ------------------------------------------------------------------- ends

ssh -F none -S "$T/ours" -o ProxyCommand=false x \
    "echo \$\$ >'$T/victim'; exec sleep 60" </dev/null >/dev/null 2>&1 &
one=$!
until_true 10 test -s "$T/victim"
kill -9 $one
wait $one 2>/dev/null
ssh -F none -S "$T/ours" -o ProxyCommand=false -tt x \
    "echo \$\$ >'$T/victim.tty'; exec sleep 60" </dev/null >/dev/null 2>&1 &
one=$!
until_true 10 test -s "$T/victim.tty"
kill -9 $one
wait $one 2>/dev/null
until_true 10 is_gone "$(cat "$T/victim.tty")"
report 'a command on a terminal ends when its client is killed'
kill "$(cat "$T/victim")" # without one it is not told, with OpenSSH neither

ssh -F none -S "$T/ours" -o ProxyCommand=false x \
    "echo \$\$ >'$T/victim.pipe'; exec cat" <"$T/stuck" >/dev/null 2>&1 &
one=$!
exec 9>"$T/stuck"
until_true 10 test -s "$T/victim.pipe"
kill -9 $one
wait $one 2>/dev/null
until_true 10 is_gone "$(cat "$T/victim.pipe")"
report 'a command that reads ends when its client is killed'
exec 9>&-

start_harness single -1 "$main"
via single x 'sleep 0.5; exit 6' </dev/null 2>"$T/err" &
one=$!
until_true 10 test ! -e "$T/single"
report 'serving one client, the socket is gone as soon as that has come'
wait $one
[ $? -eq 6 ] && until_true 10 is_gone "$pid"
report 'and serving ends with it'

sleep 60 &
owner=$!
started="$owner $started"
"$harness" -o $owner "$main" "$T/key" "$T/owned" >"$T/owned.out" 2>/dev/null &
pid=$!
started="$pid $started"
until_true 10 has owned.out .
via owned x "touch $T/running; sleep 2; exit 8" </dev/null 2>"$T/err" &
one=$!
until_true 10 test -e "$T/running"
stop $owner
wait $one
[ $? -eq 8 ] && until_true 10 is_gone "$pid" && [ ! -e "$T/owned" ]
report 'when the owner has gone, the last client is served, and that is all'

start_harness late -t 300 "$main"
until_true 10 is_gone "$pid" && wait "$pid"
[ $? -eq 1 ] && [ ! -e "$T/late" ]
report 'without a client in time, serving ends'

children=$(pgrep -P "$main_sshd" | tr '\n' ' ')
start_harness cut "$main"
cut=$pid
LIMIT=20 via cut x 'sleep 60' </dev/null >"$T/out" 2>"$T/err" &
one=$!
sleep 1
for pid in $(pgrep -P "$main_sshd"); do
    case " $children" in
    *" $pid "*) ;;
    *)
        # shellcheck disable=SC2046
        kill -9 $(pgrep -P "$pid") "$pid"
        ;;
    esac
done
wait $one
[ $? -eq 255 ] && until_true 5 is_gone $cut && [ ! -e "$T/cut" ]
report 'when the connection breaks, the client ends with 255, and serving ends'
wait $cut
[ $? -eq 3 ]
report 'and says why'

mkdir -m 0700 "$T/bad" && mkdir "$T/bad/authplug" && chmod 0777 "$T/bad/authplug"
XDG_RUNTIME_DIR="$T/bad" timeout 10 "$harness" "$main" "$T/key" \
    >"$T/out" 2>"$T/err"
[ $? -eq 100 ] && grep -q 'not a directory that is yours alone' "$T/err"
report 'a directory that others may write to is refused'

long=$T/$(printf '%0100d' 0)
mkdir -m 0700 "$long"
XDG_RUNTIME_DIR="$long" timeout 10 "$harness" "$main" "$T/key" \
    >"$T/out" 2>"$T/err"
[ $? -eq 100 ] && grep -q 'set XDG_RUNTIME_DIR to a shorter one' "$T/err"
report 'a path that is too long for a socket is refused'

mkdir -m 0700 "$T/home"
(
    unset XDG_RUNTIME_DIR
    HOME=$T/home timeout 10 "$harness" -t 1 "$main" "$T/key" >"$T/out" 2>"$T/err"
)
grep -q "^$T/home/.authplug/" "$T/out" && [ -z "$(ls "$T/home/.authplug")" ]
report 'without XDG_RUNTIME_DIR the socket is in ~/.authplug'

kill -TERM "$ours"
wait "$ours"
[ $? -eq 2 ] && [ ! -e "$T/ours" ] && [ -z "$(ls "$T/run/authplug")" ]
report 'SIGTERM ends the serving, and no socket is left'

if grep -q -e 'ERROR: ' -e 'runtime error' "$T"/*.log; then
    grep -h -A 30 -e 'ERROR: ' -e 'runtime error' "$T"/*.log | sed 's/^/# /'
    false
fi
report 'no sanitizer complained'

echo "1..$count"
exit "$failed"
