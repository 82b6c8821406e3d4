# What the tests of waiting need on both sides of the connection.
#
#     mux_wait.py delay PORT MS PORT-FILE     passes all on, so much later
#     mux_wait.py server HOST-KEY PORT-FILE   closes a channel instead of
#                                             answering what it was asked
#     mux_wait.py forwards SOCKET PID         see forwards()
#     mux_wait.py echo PORT                   sends a byte through a forward
import asyncio
import os
import signal
import socket
import struct
import sys
import time


def publish(port_file, server):
    with open(port_file + ".new", "w") as f:
        f.write("%d\n" % server.sockets[0].getsockname()[1])
    os.rename(port_file + ".new", port_file)


# ------------------------------------------------------------------ the delay


async def pump(reader, writer, delay):
    chunks = asyncio.Queue()

    async def deliver():
        while True:
            due, chunk = await chunks.get()
            await asyncio.sleep(due - time.monotonic())
            if not chunk:
                writer.close()
                return
            writer.write(chunk)

    task = asyncio.create_task(deliver())
    chunk = b"-"
    while chunk:
        try:
            chunk = await reader.read(1 << 16)
        except OSError:
            chunk = b""
        chunks.put_nowait((time.monotonic() + delay, chunk))
    await task


async def delay(port, ms, port_file):
    async def serve(reader, writer):
        there = await asyncio.open_connection("127.0.0.1", int(port))
        await asyncio.gather(pump(reader, there[1], int(ms) / 1000),
                             pump(there[0], writer, int(ms) / 1000))

    publish(port_file, await asyncio.start_server(serve, "127.0.0.1", 0))
    await asyncio.sleep(600)


# ----------------------------------------------------------------- the server


async def server(key, port_file):
    import asyncssh

    class Session(asyncssh.SSHServerSession):
        def connection_made(self, channel):
            self.channel = channel

        def exec_requested(self, command):
            if command == "closed":
                self.channel.close()
            return True

        def session_started(self):
            if not self.channel.is_closing():
                self.channel.exit(7)

    class Server(asyncssh.SSHServer):
        def begin_auth(self, username):
            return True

        def public_key_auth_supported(self):
            return True

        def validate_public_key(self, username, key):
            return True

        def session_requested(self):
            return Session()

    publish(port_file, await asyncssh.create_server(
        Server, "127.0.0.1", 0, server_host_keys=[key]))
    await asyncio.sleep(600)


# ---------------------------------------------------------------- the clients


def string(text):
    return struct.pack(">I", len(text)) + text


def greet(path):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(10)
    s.connect(path)
    s.recv(12)
    s.sendall(string(struct.pack(">II", 1, 4)))
    return s


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def ask_forward(s):
    listen = string(b"127.0.0.1") + struct.pack(">I", free_port())
    connect = string(b"127.0.0.1") + struct.pack(">I", 1)
    s.sendall(string(struct.pack(">III", 0x10000006, 5, 2) + listen + connect))


# Of those who wait for the server's answer each has theirs without delay, also
# who connected before the one who asks first.
def forwards(path, pid):
    clients = [greet(path) for _ in range(4)]
    time.sleep(0.3)
    os.kill(int(pid), signal.SIGSTOP)
    for s in reversed(clients):
        ask_forward(s)
        time.sleep(0.1)
    os.kill(int(pid), signal.SIGCONT)
    start = time.monotonic()
    for s in clients:
        assert struct.unpack(">III", s.recv(100)[:12])[1] == 0x80000001
    took = time.monotonic() - start
    assert took < 0.7, "%.3f s" % took


def echo(port):
    with socket.create_connection(("127.0.0.1", int(port)), 30) as s:
        for _ in range(100):
            s.sendall(b"x")
            assert s.recv(1) == b"x"
            time.sleep(0.15)


what = globals()[sys.argv[1]](*sys.argv[2:])
if what is not None:
    asyncio.run(what)
