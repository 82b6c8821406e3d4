#!/usr/bin/python3 -W ignore
"""sessions_client.py PORT CASE - a client of sessions that stock ssh is not.

Logs in at 127.0.0.1 and plays the case, which is a function of that name here.
An exit status of 0 says that the server did as the case wants.
"""
import asyncio
import getpass
import os
import socket
import sys
import time

import asyncssh
from asyncssh.channel import SSHClientChannel
from asyncssh.constants import (MSG_CHANNEL_CLOSE, MSG_CHANNEL_DATA,
                                MSG_CHANNEL_EXTENDED_DATA, MSG_CHANNEL_OPEN,
                                MSG_CHANNEL_REQUEST, MSG_GLOBAL_REQUEST,
                                MSG_REQUEST_FAILURE)
from asyncssh.packet import Boolean, String, UInt32

PORT = int(sys.argv[1])
WINDOW = 2 ** 21


class Heard(asyncssh.SSHClientSession):
    """What the server says on a channel."""

    def __init__(self):
        self.out, self.err = b"", b""
        self.status = self.signal = None
        self.eof = False
        self.closed = asyncio.get_event_loop().create_future()

    def data_received(self, data, datatype):
        if datatype:
            self.err += data
        else:
            self.out += data

    def eof_received(self):
        self.eof = True
        return True         # our side stays open

    def exit_status_received(self, status):
        self.status = status

    def exit_signal_received(self, signal, core_dumped, msg, lang):
        self.signal = signal

    def connection_lost(self, exc):
        if not self.closed.done():
            self.closed.set_result(exc)


class Channel:
    """A session channel on which requests are made one by one."""

    async def open(self, conn, pktsize=32768, kind=b"session", more=()):
        self.chan = SSHClientChannel(conn, asyncio.get_event_loop(), None,
                                     "strict", WINDOW, pktsize)
        await self.chan._open(kind, *more)
        self.heard = Heard()
        self.chan._session = self.heard
        self.heard.connection_made(self.chan)
        self.chan._conn.create_task(self.chan._start_reading())
        return self

    async def ask(self, name, *words):
        return await asyncio.wait_for(
            self.chan._make_request(name, *words), 10)

    async def env(self, name, value):
        return await self.ask(b"env", String(name), String(value))

    async def pty(self, term=b"xterm", columns=80, rows=24):
        return await self.ask(b"pty-req", String(term), UInt32(columns),
                              UInt32(rows), UInt32(0), UInt32(0),
                              String(b"\0"))

    async def run(self, command):
        assert await self.ask(b"exec", String(command)), command

    def send(self, data):
        """Whatever the window says."""
        self.chan.send_packet(MSG_CHANNEL_DATA, String(data))

    def tell(self, name, *words):
        """A request that wants no reply."""
        self.chan.send_packet(MSG_CHANNEL_REQUEST, String(name),
                              Boolean(False), *words)

    async def until(self, text):
        deadline = time.monotonic() + 10
        while text not in self.heard.out:
            assert time.monotonic() < deadline, (text, self.heard.out)
            await asyncio.sleep(0.01)

    async def end(self):
        """Waits until the server has closed the channel."""
        await asyncio.wait_for(asyncio.shield(self.heard.closed), 20)
        return self.heard


async def log_in():
    return await asyncssh.connect("127.0.0.1", PORT, username=getpass.getuser(),
                                  known_hosts=None, client_keys=None,
                                  config=None, agent_path=None)


async def one(conn, command):
    channel = await Channel().open(conn)
    await channel.run(command)
    return await channel.end()


async def refuses(conn, kind, *more):
    try:
        await Channel().open(conn, kind=kind, more=more)
    except asyncssh.ChannelOpenError:
        return
    raise AssertionError(f"{kind} was not refused")


# ------------------------------------------------------------------ requests

async def environment(conn):
    channel = await Channel().open(conn)
    assert await channel.env(b"LANG", b"sv_FI.UTF-8")
    assert await channel.env(b"LC_TIME", b"C")
    assert await channel.env(b"LC_TIME", b"POSIX")
    for name, value in ((b"LD_PRELOAD", b"/x"), (b"PATH", b"/x"),
                        (b"LC_", b"C"), (b"LC_lower", b"C"),
                        (b"LC_A=B", b"C"), (b"LANGUAGE", b"C"), (b"", b"C"),
                        (b"LC_NAME", b"a\nb"), (b"LC_NAME", b"a\x1bb"),
                        (b"LC_NAME", b"a" * 128),
                        (b"LC_" + b"A" * 29, b"C")):
        assert not await channel.env(name, value), (name, value)
    for i in range(14):
        assert await channel.env(b"LC_" + bytes([65 + i]), b"C")
    assert not await channel.env(b"LC_MORE", b"C")
    await channel.run("tr '\\0' '\\n' </proc/$$/environ; :")
    heard = await channel.end()
    words = dict(line.split("=", 1)
                 for line in heard.out.decode().splitlines())
    assert words.pop("LANG") == "sv_FI.UTF-8"
    assert words.pop("LC_TIME") == "POSIX"
    assert sum(name.startswith("LC_") for name in words) == 14
    rest = sorted(name for name in words if not name.startswith("LC_"))
    assert rest == ["HOME", "LOGNAME", "PATH", "SHELL", "SSH_CLIENT",
                    "SSH_CONNECTION", "USER"], rest
    there = words["SSH_CONNECTION"].split()
    assert there[0] == there[2] == "127.0.0.1" and there[3] == str(PORT)
    assert words["SSH_CLIENT"].split() == [there[0], there[1], there[3]]


async def signals(conn):
    for name in ("TERM", "INT", "HUP", "USR1", "KILL", "QUIT", "ABRT"):
        channel = await Channel().open(conn)
        await channel.run("echo up; sleep 1000")
        await channel.until(b"up")
        channel.tell(b"signal", String(name))
        heard = await channel.end()
        # the shell may have ended by itself when its command was ended
        assert heard.signal == name or heard.status > 128, (name, vars(heard))
    heard = await one(conn, "kill -BUS $$")
    assert heard.signal == "OTHER@authplug", heard.signal
    channel = await Channel().open(conn)
    channel.tell(b"signal", String("TERM"))     # nothing runs
    await channel.run("echo up; read x; exit 4")
    await channel.until(b"up")
    channel.tell(b"signal", String("WINCH"))    # none of RFC 4254's
    channel.tell(b"signal", String("nonsense"))
    channel.send(b"\n")
    assert (await channel.end()).status == 4


async def requests(conn):
    """Odd ones, refused one by one; the session goes on."""
    channel = await Channel().open(conn)
    assert not await channel.pty(term=b"a b")
    assert not await channel.pty(term=b"x" * 64)
    assert not await channel.pty(columns=65536)
    assert await channel.pty(columns=0, rows=0)
    assert not await channel.pty()
    assert not await channel.ask(b"subsystem", String(b"netconf"))
    assert not await channel.ask(b"x11-req", Boolean(False), String(b"a"),
                                 String(b"b"), UInt32(0))
    assert not await channel.ask(b"auth-agent-req@openssh.com")
    assert not await channel.ask(b"break", UInt32(1))
    assert not await channel.ask(b"no such request")
    await channel.run("echo up; read x; stty size; exit 3")
    assert not await channel.ask(b"exec", String(b"echo again"))
    assert not await channel.ask(b"shell")
    assert not await channel.pty()
    assert not await channel.env(b"LANG", b"C")
    await channel.until(b"up")
    channel.tell(b"window-change", UInt32(101), UInt32(33), UInt32(0),
                 UInt32(0))
    channel.tell(b"window-change", UInt32(2 ** 32 - 1), UInt32(1), UInt32(0),
                 UInt32(0))
    channel.send(b"\r")
    heard = await channel.end()
    assert b"33 101" in heard.out and heard.status == 3, vars(heard)
    assert b"again" not in heard.out


async def openings(conn):
    await refuses(conn, b"direct-tcpip", String("127.0.0.1"), UInt32(22),
                  String("127.0.0.1"), UInt32(1))
    await refuses(conn, b"direct-streamlocal@openssh.com", String("/x"),
                  String(""), UInt32(0))
    await refuses(conn, b"x11", String("127.0.0.1"), UInt32(1))
    await refuses(conn, b"auth-agent@openssh.com")
    await refuses(conn, b"forwarded-tcpip", String("a"), UInt32(1),
                  String("b"), UInt32(2))
    await refuses(conn, b"tun@openssh.com", UInt32(1), UInt32(2))
    for name, *words in ((b"tcpip-forward", String("127.0.0.1"), UInt32(0)),
                         (b"cancel-tcpip-forward", String("a"), UInt32(1)),
                         (b"streamlocal-forward@openssh.com", String("/x")),
                         (b"no such request",)):
        kind, _ = await asyncio.wait_for(
            conn._make_global_request(name, *words), 10)
        assert kind == MSG_REQUEST_FAILURE, name
    # answered, one way or the other
    await asyncio.wait_for(
        conn._make_global_request(b"keepalive@openssh.com"), 10)
    assert (await one(conn, "exit 5")).status == 5


async def most(conn):
    """Three at a time, by the server's command line."""
    channels = [await Channel().open(conn) for _ in range(3)]
    await refuses(conn, b"session")
    for _ in range(100):    # asked for as soon as there is room
        await channels[0].run("exit 0")
        await channels[0].end()
        channels[0] = await Channel().open(conn)
    await refuses(conn, b"session")
    for channel in channels:
        await channel.run("exit 6")
        assert (await channel.end()).status == 6


# ---------------------------------------------------------------- both ways

async def half_closed(conn):
    """Each side's end of data is the other's, and no more than that."""
    channel = await Channel().open(conn)
    await channel.run("cat; echo end; exec >&- 2>&-; sleep 1; exit 8")
    channel.send(b"data\n")
    channel.chan.write_eof()
    await channel.until(b"data\nend\n")
    deadline = time.monotonic() + 0.8
    while not channel.heard.eof:
        assert time.monotonic() < deadline, "no end of data"
        await asyncio.sleep(0.01)
    assert channel.heard.status is None
    assert (await channel.end()).status == 8


async def early(conn):
    """What is sent before the program starts waits for it."""
    channel = await Channel().open(conn)
    channel.send(b"early\n")
    await asyncio.sleep(0.1)
    await channel.run("cat")
    channel.send(b"late\n")
    channel.chan.write_eof()
    assert (await channel.end()).out == b"early\nlate\n"


async def errors_in(conn):
    """Extended data is not for a program to read."""
    channel = await Channel().open(conn)
    await channel.run("cat")
    channel.chan.send_packet(MSG_CHANNEL_EXTENDED_DATA, UInt32(1),
                             String(b"lost"))
    channel.send(b"")
    channel.send(b"kept")
    channel.chan.write_eof()
    assert (await channel.end()).out == b"kept"


async def forgotten(conn):
    """Closed at once by a client that does not wait for the end."""
    name = os.environ["W"] + "/forgotten"
    channel = await Channel().open(conn)
    await channel.run(f"cat >{name}.new && mv {name}.new {name}")
    data = b"x" * 300000
    for at in range(0, len(data), 30000):
        channel.send(data[at:at + 30000])
    channel.chan.write_eof()
    channel.chan.send_packet(MSG_CHANNEL_CLOSE)
    deadline = time.monotonic() + 5
    while not os.path.exists(name):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
    assert os.path.getsize(name) == len(data)
    assert (await one(conn, "exit 5")).status == 5


async def told(conn):
    """Closed before and after the end of output; the status comes all the
    same, and what was left running is not ended for a mere answer."""
    mark = os.environ["MARK"]
    for command, status, signal in (
            ("echo up; sleep 0.3; exit 5", 5, None),
            ("echo up; sleep 1000", None, "HUP"),
            ("trap '' HUP; echo up; sleep 1000; :", None, "KILL"),
            (f"sleep {mark} >/dev/null 2>&1 & echo up; exec >&- 2>&-;"
             "sleep 1.5; exit 6", 6, None)):
        channel = await Channel().open(conn)
        await channel.run(command)
        await channel.until(b"up")
        if status == 6:
            await asyncio.sleep(0.3)
        channel.chan.send_packet(MSG_CHANNEL_CLOSE)
        heard = await channel.end()
        assert (heard.status, heard.signal) == (status, signal), vars(heard)
    await asyncio.sleep(1)
    heard = await one(conn, f"pgrep -fx 'sleep {mark}'")
    assert heard.out, "what was left running was ended"


async def closed(conn):
    """Nobody listens any more, though the connection goes on."""
    mark = os.environ["MARK"]
    channels = []
    for command in (f"cat /dev/zero {mark} 2>/dev/null", f"sleep {mark}",
                    f"trap '' HUP; sleep {mark}; sleep {mark}"):
        channels.append(await Channel().open(conn))
        await channels[-1].run(command)
    await asyncio.sleep(0.5)
    for channel in channels:
        channel.chan.close()
        await channel.end()
    deadline = time.monotonic() + 4
    while (await one(conn, f"pgrep -f '[ ]{mark}'")).out:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)


async def deaf(conn):
    """A program that closes its input does not stop its client."""
    channel = await Channel().open(conn)
    await channel.run("echo up; dd bs=1000 count=100 of=/dev/null 2>/dev/null;"
                      "sleep 1; exec <&-; sleep 2; exit 9")
    await channel.until(b"up")
    channel.chan.write(b"x" * 8000000)
    await asyncio.sleep(0.5)
    assert channel.chan.get_write_buffer_size() > 0, "nothing holds it back"
    deadline = time.monotonic() + 1.5
    while channel.chan.get_write_buffer_size() > 0:
        assert time.monotonic() < deadline, "the window stays shut"
        await asyncio.sleep(0.01)
    assert (await channel.end()).status == 9


async def background(conn):
    """What is left running keeps the channel open by its pipes alone."""
    mark = os.environ["MARK"]
    start = time.monotonic()
    heard = await one(conn, f"sleep {mark} >/dev/null 2>&1 & exit 3")
    assert heard.status == 3 and time.monotonic() - start < 3
    heard = await one(conn, "(sleep 1; echo late) & exit 3")
    assert heard.status == 3 and heard.out == b"late\n", vars(heard)
    heard = await one(conn, f"pgrep -fx 'sleep {mark}'")
    assert heard.out, "it did not outlive its session"


# ------------------------------------------------------------------- hostile

async def over_window(conn):
    """More than was given leave to ends the connection."""
    channel = await Channel().open(conn)
    await channel.run("echo up; sleep 1000")
    await channel.until(b"up")
    for _ in range(200):
        channel.send(b"x" * 32000)
    await asyncio.wait_for(conn.wait_closed(), 10)


async def tiny_packets(conn):
    """In packets of 10 bytes is no room for data: libssh sends them for ever."""
    channel = await Channel().open(conn, pktsize=10)
    await channel.run("echo up; sleep 1000")
    await asyncio.wait_for(conn.wait_closed(), 60)


async def small_packets(conn):
    channel = await Channel().open(conn, pktsize=64)
    await channel.run("head -c 100000 /dev/zero; exit 2")
    heard = await channel.end()
    assert heard.status == 2 and heard.out == bytes(100000)


async def unread_answers(conn):
    """Asks, and reads no answers, until it is not listened to any more."""
    conn._transport.pause_reading()
    # what the system keeps for us counts as read
    conn._transport.get_extra_info("socket").setsockopt(
        socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    packet = String(b"keepalive@openssh.com") + Boolean(True)
    while conn._transport.get_write_buffer_size() < 2 ** 19:
        for _ in range(1000):
            conn.send_packet(MSG_GLOBAL_REQUEST, packet)
        await asyncio.sleep(0)
    await asyncio.sleep(0.5)
    assert conn._transport.get_write_buffer_size() >= 2 ** 18
    print("not heard")
    sys.stdout.flush()
    os.kill(os.getpid(), 9)


async def not_closed(conn):
    """Channels that the client never closes stay counted."""
    for _ in range(3):
        channel = await Channel().open(conn)
        channel.chan._close_send = lambda: None
        channel.chan._process_close = lambda *_: None
        await channel.run("exit 0")
    await asyncio.sleep(0.5)
    await refuses(conn, b"session")


async def many_opens(conn):
    """More than there may be, without waiting for answers."""
    for _ in range(2000):
        conn.send_packet(MSG_CHANNEL_OPEN, String(b"session"), UInt32(99),
                         UInt32(1), UInt32(1000))
    conn.disconnect(11, "enough")
    await conn.wait_closed()


# ------------------------------------------------------------------ the ends

async def gone(conn):
    """Leaves without a word while programs run, some of them stubborn."""
    mark = os.environ["MARK"]
    for command in (f"sleep {mark}",
                    f"sleep {mark} & sleep {mark}",
                    f"trap '' HUP TERM; sleep {mark}; sleep {mark}",
                    f"(sleep {mark}; :) | cat; :",
                    f"kill -STOP $$; sleep {mark}",
                    f"trap 'touch $HOME/told; exit' HUP; kill -STOP $$;"
                    f"sleep {mark}"):
        channel = await Channel().open(conn)
        await channel.run(command)
    channel = await Channel().open(conn)
    assert await channel.pty()
    await channel.run(f"echo up; trap '' HUP; sleep {mark}")
    await channel.until(b"up")
    sys.stdout.write("up\n")
    sys.stdout.flush()
    os.kill(os.getpid(), 9)


async def main():
    conn = await log_in()
    await globals()[sys.argv[2]](conn)
    conn.abort()


asyncio.get_event_loop().run_until_complete(main())
