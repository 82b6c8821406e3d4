#!/bin/sh
# Forwards of stock ssh through a libssh connection (client/mux), against a real
# sshd: -W, -L, -D, -R, -A, and ssh's -O.
#
# BUILD is the build directory, with tests/tools/mux_harness. Prints TAP.
# shellcheck disable=SC1091,SC2016,SC2012,SC2154,SC2317
set -u
here=$(dirname "$0")
. "$here/mux_lib.sh"

# ends CHECK ADDRESS...: the two ends of a connection, see mux_forward.py
ends() { timeout "${LIMIT:-40}" "$py" "$here/mux_forward.py" "$@"; }

start_sshd main 'MaxSessions 20' 'RekeyLimit 16M' 'GatewayPorts clientspecified' ||
    { cat "$T/main.log"; exit 1; }
main=$port
start_sshd none 'AllowTcpForwarding no' 'AllowStreamLocalForwarding no' \
    'AllowAgentForwarding no' || exit 1
none=$port
mkdir "$T/targets"
"$py" "$here/mux_forward.py" serve "$T/targets" >"$T/targets.log" 2>&1 &
started="$! $started"
until_true 10 test -s "$T/targets/ports" || exit 1
. "$T/targets/ports" # echo, sink, source, closed
export LC_ALL=C

start_harness ours -d "$main"
ours=$pid

# ask ARGUMENT...: what ssh -O asks of ours; its words are in $T/out and $T/err
ask() { LIMIT=10 via ours "$@" x >"$T/out" 2>"$T/err" </dev/null; }

# ---------------------------------------------------------------------- -W

head -c 50000000 /dev/urandom >"$T/big"
sum=$(sha256sum <"$T/big")

[ "$(via ours -W "127.0.0.1:$echo" x <"$T/big" 2>"$T/err" | sha256sum)" = "$sum" ]
report '-W carries 50 MB there and back'

# shellcheck disable=SC2002
cat "$T/big" | via ours -W "localhost:$sink" x 2>"$T/err" | od -An -tx1 |
    tr -d ' \n' >"$T/out"
[ "$(cat "$T/out")  -" = "$sum" ]
report 'and the end of what goes there alone'

[ "$(via ours -W "127.0.0.1:$source" x </dev/null 2>"$T/err" | wc -c)" = 20000032 ]
report 'and the end of what comes back'

LIMIT=10 via ours -W "127.0.0.1:$closed" x >"$T/out" 2>"$T/err" </dev/null
[ $? -eq 255 ] && grep -q 'the server refused: connect failed: Connection refused' "$T/err"
report '-W to where nobody listens is refused with a reason'

ssh -F none -S none -o ProxyCommand="ssh -F none -S '$T/ours' -o \
    ProxyCommand=false -W 127.0.0.1:$main x" -i "$T/key" -o IdentitiesOnly=yes \
    -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
    127.0.0.1 'exit 5' >"$T/out" 2>"$T/err" </dev/null
[ $? -eq 5 ]
report 'a login jumps through -W'

# ---------------------------------------------------------------------- -L

l=$(free_port)
ask -O forward -L "$l:127.0.0.1:$echo" && ends echo "$l" 2>"$T/err"
report '-O forward -L carries 50 MB there and back'

ends echo "::1,$l" 1000 2>"$T/err" && ends refused "127.0.0.2,$l" 2>>"$T/err"
report 'it listens on the loopback addresses alone'

ask -O forward -L "$l:127.0.0.1:$echo" && ask -O check && ends echo "$l" 1000
report 'a forward that there is already is granted once more'

ends many "$l" 100 2>"$T/err"
report 'a hundred connections at once'

ends limit "$l" 2>"$T/err"
report 'the 257th connection is closed, the others live'
until_true 10 ends echo "$l" 10
report 'and there is room again when they have gone'

ends reset "$l" 2>"$T/err" && ends echo "$l" 1000 2>"$T/err"
report 'a connection that is reset harms no other'

{ printf 1; sleep 1; printf 2; } | ends hold "$l" >"$T/hold" 2>"$T/err" &
one=$!
until_true 5 test -s "$T/hold"
ask -O cancel -L "$l:127.0.0.1:$echo" && ends refused "$l" 2>"$T/err" &&
    wait $one && grep -qx 12 "$T/hold"
report '-O cancel closes the port; its connections go on'

ask -O cancel -L "$l:127.0.0.1:$echo"
grep -q 'port not forwarded' "$T/err"
report 'what is not forwarded cannot be cancelled'

ask -O forward -L "127.0.0.2:$l:localhost:$sink" &&
    ends sink "127.0.0.2,$l" 2>"$T/err" && ends refused "$l" 2>>"$T/err"
report '-L listens on the address that it is told, and half-closes'

l=$(free_port)
ask -O forward -L "*:$l:127.0.0.1:$source" &&
    ends source "127.0.0.3,$l" "$T/targets/heard" 2>"$T/err"
report '-L listens on all addresses if told so, and half-closes'

LIMIT=50 ends slow "$l" "$T/targets/echo" 2>"$T/err" &
one=$!
[ "$(via ours x "cat '$T/big'" </dev/null 2>"$T/err" | sha256sum)" = "$sum" ] &&
    wait $one
report 'slow readers hold up nobody else'

ask -O forward -L "$main:127.0.0.1:$echo"
[ $? -eq 255 ] && grep -q "cannot listen on 127.0.0.1 port $main: Address already" "$T/err"
report 'a port that is taken is refused with a reason'

l=$(free_port)
ask -O forward -L "$l:127.0.0.1:$closed" && ends closed "$l" 2>"$T/err"
report 'where nobody listens at the other end, the connection is closed'

l=$(free_port)
ask -O forward -L "LOCALHOST:$l:127.0.0.1:$echo" && ends echo "$l" 1000 2>"$T/err"
report '-L listens on an address that is looked up'

l=$(free_port)
ask -O forward -L "$l.invalid:$l:127.0.0.1:$echo"
[ $? -eq 255 ] && grep -q 'the address to listen on is not found' "$T/err"
report 'an address that is none is refused with a reason'

ask -O forward -L "$T/local:127.0.0.1:$echo" &&
    [ "$(stat -c %a "$T/local")" = 600 ] && ends echo "$T/local" 2>"$T/err"
report '-L listens on a UNIX socket of mode 0600'

ask -O forward -L "$T/local:127.0.0.1:$sink"
[ $? -eq 255 ] && grep -q "cannot listen on $T/local: Address already" "$T/err"
report 'a path that is there already is refused with a reason'

ask -O cancel -L "$T/local:127.0.0.1:$echo" && [ ! -e "$T/local" ]
report 'and it is removed when that is cancelled'

l=$(free_port)
ask -O forward -L "$l:$T/targets/sink" && ends sink "$l" 2>"$T/err"
report '-L reaches a UNIX socket'

l=$(free_port)
via ours -L "$l:127.0.0.1:$echo" x 'exit 3' >"$T/out" 2>"$T/err" </dev/null
[ $? -eq 3 ] && ends echo "$l" 1000 2>"$T/err"
report 'what a session forwards stays when the session has ended'

set --
for i in $(seq 70); do set -- "$@" -L "$T/many.$i:127.0.0.1:$echo"; done
ask -O forward "$@"
[ $? -eq 255 ] && grep -q 'too many forwards' "$T/err" && [ -S "$T/many.50" ]
report 'the 65th forward is refused'
ask -O cancel "$@"
[ ! -e "$T/many.1" ] && [ ! -e "$T/many.50" ]
report 'and all can be cancelled'

# ---------------------------------------------------------------------- -D

d=$(free_port)
ask -O forward -D "$d" && ends socks "$d" "$echo" "$closed" 2>"$T/err"
report '-D speaks SOCKS 4, 4a and 5'

ends garbage "$d" 2>"$T/err" && ends socks "$d" "$echo" "$closed" 2>"$T/err"
report 'and refuses what is none'

"$py" - "$d" "$echo" >"$T/out" 2>"$T/err" <<'END'
import socket, struct, sys, os, threading
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 20)
s.sendall(b"\5\1\0\5\1\0\3\x09localhost" + struct.pack(">H", int(sys.argv[2])))
data = os.urandom(50_000_000)
got = b""
while len(got) < 12:
    got += s.recv(12 - len(got))
def feed():
    s.sendall(data)
    s.shutdown(socket.SHUT_WR)
threading.Thread(target=feed, daemon=True).start()
back = bytearray()
while True:
    part = s.recv(1 << 16)
    if not part:
        break
    back += part
assert back == data
END
report '-D carries 50 MB there and back'

ask -O cancel -D "$d" && ends refused "$d" 2>"$T/err"
report '-D is cancelled'

# ---------------------------------------------------------------------- -R

r=$(free_port)
ask -O forward -R "$r:127.0.0.1:$echo" && ends echo "$r" 2>"$T/err"
report '-R carries 50 MB there and back'

ends many "$r" 100 2>"$T/err"
report 'a hundred connections at once'

ask -O forward -R "$r:127.0.0.1:$echo" && ask -O cancel -R "$r:127.0.0.1:$echo" &&
    ends refused "$r" 2>"$T/err"
report '-R is asked for once, and cancelled'

ask -O forward -R "0:localhost:$sink" && r=$(cat "$T/out") && [ "$r" -gt 0 ] &&
    ends sink "$r" 2>"$T/err" && ask -O forward -R "0:localhost:$sink" &&
    [ "$(cat "$T/out")" = "$r" ]
report '-R 0 tells the port, and half-closes'
ask -O cancel -R "0:localhost:$sink" && ends refused "$r" 2>"$T/err"
report 'and is cancelled'

# the answer that says the port comes among much else
via ours x "cat '$T/big' '$T/big'" </dev/null 2>/dev/null | wc -c >"$T/sum" &
one=$!
good=0
r=0
for i in 1 2 3 4 5 6; do
    ask -O forward -R "0:127.0.0.$i:$source" && r=$(cat "$T/out") &&
        [ "$r" -gt 0 ] && ! ends refused "$r" 2>/dev/null && good=$((good + 1))
done
wait $one
[ $good = 6 ] && [ "$(cat "$T/sum")" = 100000000 ]
report '-R 0 tells the port while the connection is busy'

r=$(free_port)
rm -f "$T/targets/heard"
ask -O forward -R "127.0.0.2:$r:$T/targets/source" &&
    ends source "127.0.0.2,$r" "$T/targets/heard" 2>"$T/err"
report '-R reaches a UNIX socket, and half-closes'

r=$(free_port)
ask -O forward -R "$r:LOCALHOST:$echo" && ends echo "$r" 1000 2>"$T/err"
report '-R reaches a host that is looked up'

r=$(free_port)
ask -O forward -R "$r:127.0.0.1:$closed" && ends closed "$r" 2>"$T/err"
report 'where nobody listens on this side, the connection is closed'

r=$(free_port)
ask -O forward -R "$r:no-such-host.invalid:9" && ends closed "$r" 2>"$T/err"
report 'nor for a host that there is not'

ask -O forward -R "127.0.0.1:$main:127.0.0.1:$echo"
[ $? -eq 255 ] && grep -q "remote port forwarding failed for listen port $main" "$T/err"
report 'a port that is taken there is refused'

ask -O forward -R "$T/there:127.0.0.1:$echo"
[ $? -eq 255 ] && grep -q 'UNIX sockets on the server.s side are not served' "$T/err"
report 'a UNIX socket there is refused with a reason'

r=$(free_port)
ask -O forward -R "$r" && ends socks "$r" "$echo" "$closed" 2>"$T/err" &&
    ends garbage "$r" 2>"$T/err"
report '-R without a target speaks SOCKS'

# ------------------------------------------------------------- an unwilling server

start_harness none -d -a "$T/agent" "$none"
l=$(free_port)
r=$(free_port)
LIMIT=10 via none -O forward -L "$l:127.0.0.1:$echo" x 2>"$T/err" &&
    ends closed "$l" 2>"$T/err"
report 'where the server refuses -L, the connection is closed'
LIMIT=10 via none -W "127.0.0.1:$echo" x >"$T/out" 2>"$T/err" </dev/null
[ $? -eq 255 ] && grep -q 'the server refused: administratively prohibited' "$T/err"
report '-W is refused with a reason'
LIMIT=10 via none -O forward -R "$r:127.0.0.1:$echo" x 2>"$T/err"
[ $? -eq 255 ] && grep -q 'remote port forwarding failed' "$T/err"
report '-R is refused'

# ------------------------------------------------------------------- the agent

ssh-agent -D -a "$T/agent" >/dev/null 2>&1 &
started="$! $started"
until_true 5 test -S "$T/agent"
SSH_AUTH_SOCK=$T/agent ssh-add -q "$T/key" 2>"$T/err"
export SSH_AUTH_SOCK="$T/agent"
start_harness with -d -a "$T/agent" "$main"
key=$(ssh-keygen -lf "$T/key.pub" | cut -d' ' -f2)

via with -a x 'echo "<${SSH_AUTH_SOCK-}>"' >"$T/out" 2>"$T/err" </dev/null &&
    grep -qx '<>' "$T/out" &&
    via ours -A x 'echo "<${SSH_AUTH_SOCK-}>"' >"$T/out" 2>"$T/err" </dev/null &&
    grep -qx '<>' "$T/out"
report 'no agent for who does not ask, nor where the master has none'
via with -A x 'ssh-add -l && ssh-add -l' >"$T/out" 2>"$T/err" </dev/null &&
    [ "$(grep -c "$key" "$T/out")" = 2 ]
report 'a session that asks for it has the agent'
# sshd makes its socket known to all later sessions
! via with -a x 'ssh-add -l' >"$T/out" 2>"$T/err" </dev/null &&
    ! grep -q "$key" "$T/out"
report 'but nobody when that has ended'
via none -A x 'exit 4' </dev/null 2>"$T/err"
[ $? -eq 4 ]
report 'where the server does not allow it, the session runs without'

# --------------------------------------------------------- a server gone bad

if "$py" -W ignore -c 'import asyncssh' 2>/dev/null; then
    "$py" -W ignore "$here/mux_forward_server.py" "$T/host" "$T/pushy.port" \
        >"$T/pushy.log" 2>&1 &
    started="$! $started"
    until_true 10 test -s "$T/pushy.port"
    start_harness pushy -d -a "$T/agent" "$(cat "$T/pushy.port")"
    via pushy -a x run >"$T/out" 2>"$T/err" </dev/null
    [ "$(cat "$T/out")" = 'port denied
zero denied
path denied
agent denied' ]
    report 'channels that nobody has asked for are denied'
else
    count=$((count + 1))
    echo "ok $count - channels that nobody has asked for are denied" \
        "# SKIP no asyncssh"
fi

# ------------------------------------------------------- clients gone bad

"$py" - "$T" "$echo" >"$T/out" 2>"$T/err" <<'END'
import array, os, socket, struct, sys, time
t, echo = sys.argv[1], int(sys.argv[2])
def connect():
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(10)
    s.connect(t + "/ours")
    assert s.recv(12) == struct.pack(">III", 8, 1, 4)
    s.send(packet(1, 4))
    return s
def string(b): return struct.pack(">I", len(b)) + b
def packet(*parts):
    body = b"".join(struct.pack(">I", p) if isinstance(p, int) else string(p)
                    for p in parts)
    return string(body)
def answer(s):
    n, kind, rid = struct.unpack(">III", s.recv(12))
    return kind, s.recv(n - 8)
OPEN, CLOSE, STDIO = 0x10000006, 0x10000007, 0x10000008
PATH = 0xfffffffe
s = connect()
for parts in ((4, b"", 9, b"h", 9), (0, b"", 9, b"h", 9),
              (1, b"", 0, b"h", 9), (1, b"", 65536, b"h", 9),
              (1, b"", 9, b"", 9), (1, b"", 9, b"h", 0),
              (1, b"", PATH, b"h", 9), (1, b"x" * 1025, 9, b"h", 9),
              (3, b"/x", PATH, b"", 0), (3, b"", 0, b"", 0),
              (1, b"x" * 200, PATH, b"h", 9), (2, b"/x", PATH, b"h", 9),
              (2, b"", 9, b"", 9), (1, b"", 9, b"", PATH)):
    s.send(packet(OPEN, 7, *parts))
    kind, reason = answer(s)
    assert kind == 0x80000003 and len(reason) > 4, (parts, kind, reason)
    s.send(packet(CLOSE, 8, *parts))
    assert answer(s)[0] == 0x80000003, parts
# a NUL, a cut packet, something behind the end
for bad in (packet(OPEN, 7, 1, b"a\0b", 9, b"h", 9), packet(OPEN, 7, 1, b""),
            packet(OPEN, 7, 1, b"", 9, b"h", 9, 1), packet(0x10000005, 7, 1),
            packet(0x10000009, 7, 1), packet(STDIO, 7, b"", b"h", 9, 1)):
    s = connect()
    s.send(bad)
    assert s.recv(100) == b"", bad
# gone before the answer; asking for much at once
for i in range(20):
    s = connect()
    s.send(packet(OPEN, 1, 2, b"", 0, b"localhost", 1 + i))
    s.close()
s = connect()
s.send(b"".join(packet(OPEN, i, 2, b"", 0, b"localhost", 100 + i)
                for i in range(5)) + packet(0x10000004, 9))
for i in range(5):
    n, kind, rid, port = struct.unpack(">IIII", s.recv(16))
    assert (kind, rid) == (0x80000007, i) and port > 0
assert s.recv(16)[4:12] == struct.pack(">II", 0x80000005, 9)
# standard input and output reach a UNIX socket there
s = connect()
r, w = os.pipe()
R, W = os.pipe()
s.send(packet(STDIO, 3, b"", t.encode() + b"/targets/echo", PATH))
for fd in r, W:
    s.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                        array.array("i", [fd]))])
    os.close(fd)
assert s.recv(16)[4:12] == struct.pack(">II", 0x80000006, 3)
os.write(w, b"hello")
assert os.read(R, 5) == b"hello"
os.close(w)
assert os.read(R, 5) == b"" and s.recv(1) == b""
# the client of -W goes at once; its connection goes with it
for i in range(20):
    s = connect()
    r, w = os.pipe()
    s.send(packet(STDIO, 3, b"", b"127.0.0.1", echo))
    for fd in r, w:
        s.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                            array.array("i", [fd]))])
        os.close(fd)
    if i % 2:
        s.recv(4)
    s.close()
END
report 'clients that talk nonsense or go away harm nobody but themselves'

# --------------------------------------------------------- short of descriptors

printf '#!/bin/sh\nulimit -n 32\nexec "%s" "$@"\n' "$harness" >"$T/short"
chmod +x "$T/short"
(harness=$T/short; start_harness short.sock -d "$main"; echo "$pid" >"$T/short.pid")
started="$(cat "$T/short.pid") $started"
l=$(free_port)
LIMIT=10 via short.sock -O forward -L "$l:127.0.0.1:$echo" x 2>"$T/err" &&
    ends crowd "$l" 100 2>"$T/err"
report 'without descriptors, connections wait for others to end'
LIMIT=10 via short.sock x 'exit 7' </dev/null 2>"$T/err"
[ $? -eq 7 ]
report 'and clients are served again'

# -------------------------------------------------------------------- -O stop

start_harness stopped -d "$main"
stopped=$pid
mkfifo "$T/go"
via_exec stopped x 'read x; echo "$x"; exit 6' <"$T/go" >"$T/session" 2>&1 &
one=$!
exec 8>"$T/go"
l=$(free_port)
via stopped -O forward -L "$l:127.0.0.1:$echo" x 2>"$T/err"
sleep 0.3
LIMIT=10 via stopped -O stop x 2>"$T/err" && [ ! -e "$T/stopped" ] &&
    ends echo "$l" 1000
report '-O stop removes the socket; sessions and forwards go on'
echo word >&8
exec 8>&-
wait $one
[ $? -eq 6 ] && grep -qx word "$T/session" && wait "$stopped"
report 'and serving ends with the last session'

start_harness idle -d "$main"
stopped=$pid
LIMIT=10 via idle -O stop x 2>"$T/err" && wait "$stopped"
report 'at once where there is none'

# -------------------------------------------------------------------- -O exit

start_harness ended -d "$main"
ended=$pid
l=$(free_port)
via_exec ended -L "$l:127.0.0.1:$echo" -L "$T/ended.sock:localhost:$echo" x \
    'sleep 30' </dev/null >/dev/null 2>&1 &
one=$!
until_true 5 test -S "$T/ended.sock"
LIMIT=10 via ended -O exit x 2>"$T/err" && grep -q 'Exit request sent' "$T/err"
report '-O exit is answered'
wait "$ended"
[ $? -eq 4 ] && [ ! -e "$T/ended" ] && [ ! -e "$T/ended.sock" ] &&
    ends refused "$l" && { wait $one; [ $? -eq 255 ]; }
report 'and ends the sessions, the forwards and the serving'

# ------------------------------------------------------------------ one client

start_harness once -1 -d "$main"
once=$pid
l=$(free_port)
mkfifo "$T/go2"
via_exec once -L "$l:127.0.0.1:$echo" -R "0:127.0.0.1:$echo" x cat \
    <"$T/go2" >/dev/null 2>&1 &
one=$!
exec 8>"$T/go2"
until_true 5 ends echo "$l" 1000 2>"$T/err" && [ ! -e "$T/once" ]
report 'serving one client, its forwards are served'
exec 8>&-
wait $one && wait "$once" && ends refused "$l"
report 'and end with it'

# ----------------------------------------------------------------------- ends

# connected PID: its sockets that do not listen
connected() {
    "$py" - "$1" <<'END'
import os, sys
d = "/proc/%s/fd/" % sys.argv[1]
ours = {os.readlink(d + fd)[8:-1] for fd in os.listdir(d)
        if os.readlink(d + fd).startswith("socket:[")}
for kind in "tcp", "tcp6", "unix":
    for line in open("/proc/%s/net/%s" % (sys.argv[1], kind)):
        words = line.split()
        if kind == "unix":
            inode, listens = words[6], words[3] == "00010000"
        else:
            inode, listens = words[9], words[3] == "0A"
        if inode in ours and not listens:
            print(line.strip())
END
}
# the connection to the server
as_before() { connected "$ours" >"$T/out" && [ "$(wc -l <"$T/out")" -eq 1 ]; }
until_true 10 as_before
report 'no descriptor of a connection is left'

kill "$ours"
wait "$ours"
[ $? -eq 2 ] && [ ! -e "$T/ours" ]
report 'SIGTERM ends the serving'

if grep -l 'Sanitizer' "$T"/*.log >"$T/out" 2>/dev/null; then
    cat "$T"/*.log >"$T/err"
    false
fi
report 'no sanitizer complained'

echo "1..$count"
exit "$failed"
