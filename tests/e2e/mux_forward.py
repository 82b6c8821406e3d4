# Both ends of forwarded connections.
#
#     mux_forward.py serve DIR        targets: TCP ports are printed, sockets are
#                                     in DIR; each named for what it does
#     mux_forward.py CHECK ADDRESS ARGUMENT...
#
# ADDRESS is a port of 127.0.0.1, HOST,PORT or the path of a UNIX socket.
import hashlib
import os
import socket
import struct
import sys
import threading
import time

BIG = 50_000_000
LARGE = 20_000_000 # where one direction is looked at


def connect(address):
    if address.startswith("/"):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(20)
        s.connect(address)
        return s
    host, port = address.rsplit(",", 1) if "," in address else ("127.0.0.1", address)
    return socket.create_connection((host, int(port)), 20)


def read_all(s):
    parts = []
    while True:
        part = s.recv(1 << 16)
        if not part:
            return b"".join(parts)
        parts.append(part)


def read_exactly(s, size):
    got = b""
    while len(got) < size:
        part = s.recv(size - len(got))
        assert part, "ended after %d of %d bytes" % (len(got), size)
        got += part
    return got


# ------------------------------------------------------------------- targets


def echo(s):
    while True:
        part = s.recv(1 << 16)
        if not part:
            break
        s.sendall(part)
    s.shutdown(socket.SHUT_WR)


# Answers only after the end of what it gets.
def sink(s):
    s.sendall(hashlib.sha256(read_all(s)).digest())


# Says its end first, and then waits for the other's.
def source(s):
    data = os.urandom(LARGE)
    s.sendall(data + hashlib.sha256(data).digest())
    s.shutdown(socket.SHUT_WR)
    said = read_all(s)
    with open(where + "/heard", "wb") as f:
        f.write(said)


def serve_one(do, s):
    try:
        do(s)
    except OSError:
        pass
    s.close()


def accept_all(do, listener):
    while True:
        s, _ = listener.accept()
        threading.Thread(target=serve_one, args=(do, s), daemon=True).start()


def serve():
    names = []
    for do in echo, sink, source:
        tcp = socket.create_server(("127.0.0.1", 0), backlog=300)
        path = where + "/" + do.__name__
        unix = socket.socket(socket.AF_UNIX)
        unix.bind(path)
        unix.listen(300)
        names.append("%s=%d" % (do.__name__, tcp.getsockname()[1]))
        for listener in tcp, unix:
            threading.Thread(target=accept_all, args=(do, listener),
                             daemon=True).start()
    closed = socket.socket()  # bound, so that nobody takes it, and that is all
    closed.bind(("127.0.0.1", 0))
    names.append("closed=%d" % closed.getsockname()[1])
    with open(where + "/ports.new", "w") as f:
        f.write("\n".join(names) + "\n")
    os.rename(where + "/ports.new", where + "/ports")
    while True:
        time.sleep(60)


# -------------------------------------------------------------------- checks


def check_echo(s, size=BIG):
    data = os.urandom(size)

    def feed():
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)

    threading.Thread(target=feed, daemon=True).start()
    assert read_all(s) == data


def check_sink(s, size=LARGE):
    data = os.urandom(size)
    s.sendall(data)
    s.shutdown(socket.SHUT_WR)
    assert read_all(s) == hashlib.sha256(data).digest()


def check_source(s, heard):
    got = read_all(s)
    assert len(got) == LARGE + 32
    assert hashlib.sha256(got[:-32]).digest() == got[-32:]
    s.sendall(b"still here")  # the other direction is open yet
    s.close()
    end = time.time() + 10
    while not os.path.exists(heard) or open(heard, "rb").read() != b"still here":
        assert time.time() < end
        time.sleep(0.05)


def is_closed(s):
    try:
        return s.recv(1) == b""
    except ConnectionResetError:
        return True


def check_many(address, count):
    open_ones = [connect(address) for _ in range(count)]
    for i, s in enumerate(open_ones):
        s.sendall(b"%06d" % i)
    for i, s in enumerate(open_ones):
        assert read_exactly(s, 6) == b"%06d" % i
    for s in open_ones:
        s.shutdown(socket.SHUT_WR)
    for s in open_ones:
        assert read_all(s) == b""


# Each has its turn, in the end.
def check_crowd(address, count):
    served = []

    def visit():
        check_echo(connect(address), 1000)
        served.append(1)

    visitors = [threading.Thread(target=visit) for _ in range(int(count))]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()
    assert len(served) == len(visitors), len(served)


# More than there may be: those beyond are closed, the others live.
def check_limit(address):
    open_ones = []
    for _ in range(300):
        s = connect(address)
        try:
            s.sendall(b"x")
            alive = s.recv(1) == b"x"
        except OSError:
            alive = False
        if not alive:
            break
        open_ones.append(s)
    assert len(open_ones) == 256, len(open_ones)
    open_ones[0].sendall(b"y")
    assert read_exactly(open_ones[0], 1) == b"y"


# Readers that take nothing do not hold up another.
def check_slow(address, quick):
    stalled = [connect(address) for _ in range(3)]
    time.sleep(0.5)
    check_echo(connect(quick), 5_000_000)
    for s in stalled:
        got = read_all(s)
        assert hashlib.sha256(got[:-32]).digest() == got[-32:]


# A connection that is reset ends the other end's, too.
def check_reset(address):
    s = connect(address)
    s.sendall(b"x")
    assert read_exactly(s, 1) == b"x"
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def socks4(host, port, name=None, user=b"me"):
    head = struct.pack(">BBH", 4, 1, port)
    if name is not None:
        return head + b"\0\0\0\1" + user + b"\0" + name + b"\0"
    return head + socket.inet_aton(host) + user + b"\0"


def socks5(kind, target, port):
    return struct.pack(">BBBB", 5, 1, 0, kind) + target + struct.pack(">H", port)


def check_socks(address, port, closed):
    port, closed = int(port), int(closed)

    # the first bytes of the connection may come along, or any slower
    for slowly in False, True:
        for request in (socks4("127.0.0.1", port),
                        socks4("", port, b"localhost"),
                        socks4("127.0.0.1", port, user=b"")):
            s = connect(address)
            if slowly:
                for byte in request:
                    s.sendall(bytes([byte]))
                    time.sleep(0.001)
            else:
                s.sendall(request + b"early")
            assert read_exactly(s, 8)[:2] == b"\0\x5a"
            if not slowly:
                assert read_exactly(s, 5) == b"early"
            check_echo(s, 100_000)
    for kind, target in ((1, socket.inet_aton("127.0.0.1")),
                         (3, b"\x09localhost")):
        s = connect(address)
        s.sendall(b"\5\2\2\0" + socks5(kind, target, port) + b"early")
        assert read_exactly(s, 2) == b"\5\0"
        assert read_exactly(s, 10)[:2] == b"\5\0"
        assert read_exactly(s, 5) == b"early"
        check_echo(s, 100_000)
    # what is not reached is said
    s = connect(address)
    s.sendall(b"\5\1\0" + socks5(1, socket.inet_aton("127.0.0.1"), closed))
    assert read_exactly(s, 12)[2:4] == b"\5\4" and is_closed(s)
    s = connect(address)
    s.sendall(socks4("127.0.0.1", closed))
    assert read_exactly(s, 8)[:2] == b"\0\x5b" and is_closed(s)


def check_garbage(address):
    for junk, answer in ((b"GET / HTTP/1.0\r\n\r\n", b""),
                         (b"\5\1\2", b"\5\xff"),           # no method of ours
                         (b"\5\0", b"\5\xff"),
                         (b"\5\1\0\5\2\0\1\0\0\0\0\0\1", b"\5\0\5\7"),  # BIND
                         (b"\5\1\0\5\1\1\1\1", b"\5\0\5\1"),
                         (b"\5\1\0\5\1\0\2\0", b"\5\0\5\x08"),
                         (b"\5\1\0\5\1\0\3\0\0\1", b"\5\0\5\x08"),  # no name
                         (b"\5\1\0\5\1\0\3\3a\0b\0\1", b"\5\0\5\x08"),
                         (b"\5\1\0\4\1\0\1\0", b"\5\0\5\1"),
                         (b"\4\2\0\1\1\1\1\1\0", b"\0\x5b"),
                         (b"\4\1\0\1\1\1\1\1" + b"u" * 300, b"\0\x5b"),
                         (b"\4\1\0\1\0\0\0\1\0" + b"h" * 300, b"\0\x5b"),
                         (b"\4\1\0\0\1\1\1\1\0", b"\0\x5b")):
        s = connect(address)
        s.settimeout(5)
        s.sendall(junk)
        got = b""
        try:
            got = read_all(s)
        except ConnectionResetError:
            pass
        except TimeoutError:
            sys.exit("no end after %r" % junk)
        # a reset, because of what was not read, may overtake the answer
        assert got.startswith(answer) or len(junk) > 200, (junk, got)
    # those that say nothing, or go in the middle of it
    quiet = [connect(address) for _ in range(20)]
    for s in quiet[10:]:
        s.sendall(b"\5\1")
        s.close()
    del quiet


def main():
    global where
    what, where = sys.argv[1:3]
    more = sys.argv[3:]
    if what == "serve":
        serve()
    elif what == "echo":
        check_echo(connect(where), *map(int, more))
    elif what == "sink":
        check_sink(connect(where))
    elif what == "source":
        check_source(connect(where), *more)
    elif what == "many":
        check_many(where, int(more[0]))
    elif what == "hold":
        s = connect(where)
        while part := os.read(0, 100):
            s.sendall(part)
            os.write(1, read_exactly(s, len(part)))
    elif what == "closed":
        s = connect(where)
        assert is_closed(s)
    elif what == "refused":
        try:
            connect(where)
        except OSError:
            return
        sys.exit("it listens")
    else:
        globals()["check_" + what](where, *more)


main()
