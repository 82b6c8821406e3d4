#!/usr/bin/python3
"""cache_peer.py SOCKET DEED - whoever else may be at the socket of kept answers.

As a client, which prints what it is replied to, or that nothing came:
  garbage     packets that are no questions, a connection each
  half        a question without its end
  name        one whose name claims to be longer than it is
  hold        connects, says nothing, and prints when it was let go
  flood       two hundred that say nothing, while the parent lives
  other       a sound question
  fill COUNT  keeps as many, each for longer than the one before, and prints
              which of them are there
As a server in the helper's place, until it is killed; prints "ready":
  silent      takes everybody, and replies to nobody
  deaf        takes nobody
  wrong       replies with what is no reply
  long        with more than a reply may have
  claim       with a string that claims to be longer than it is
  gone        ends each connection
  stranger    listens as another user
As a reader of a process's memory:
  scan PID TEXT   prints how often the text is there
"""
import os
import socket
import struct
import sys
import time


def string(data):
    return struct.pack(">I", len(data)) + data


def question(what=b"f", name=b"n", answer=b"", seconds=60):
    return b"\1" + what + struct.pack(">I", seconds) + string(name) + \
        string(answer)


def connect(path):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.settimeout(5)
    s.connect(path)
    return s


def ask(path, packet):
    with connect(path) as s:
        try:
            s.send(packet)
            return s.recv(65536)
        except (ConnectionResetError, BrokenPipeError):
            return b""


def garbage(path):
    packets = [b"\0", b"\xff" * 10, os.urandom(4096), b"\1", b"\1f",
               question(b"z"), b"\2" + question()[1:], question() + b"x",
               question(name=b"n" * 9000), question(b"k", answer=b"a" * 5000),
               b"\1k\xff\xff\xff\xff" + string(b"n") + string(b"a"),
               b"\1f\0\0\0\1\xff\xff\xff\xff"]
    print({ask(path, packet)[:2] for packet in packets})


def flood(path):
    parent, held = os.getppid(), []
    print("ready", flush=True)
    while os.getppid() == parent:
        try:
            held.append(connect(path))
        except BlockingIOError:     # its queue is full
            time.sleep(0.001)
        if len(held) > 200:
            held.pop(0).close()


def fill(path, count):
    names = [b"%d" % i for i in range(int(count))]
    kept = [ask(path, question(b"k", name, name, 1000 + i))[:2]
            for i, name in enumerate(names)]
    there = [int(name) for name in names
             if ask(path, question(b"f", name, b"", 1000))[6:] == name]
    whole = there == list(range(there[0], there[-1] + 1))
    print(kept.count(b"\1y"), "kept, there:",
          f"{there[0]} to {there[-1]}" if whole else there)


def hold(path):
    with connect(path) as s:
        start = time.monotonic()
        got = s.recv(10)
        print(got, 0.5 < time.monotonic() - start < 3)


def serve(path, deed):
    if os.path.exists(path):
        os.unlink(path)
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.bind(path)
    if deed == "stranger":
        os.seteuid(65534)
    s.listen(0 if deed == "deaf" else 100)
    held = [connect(path)] if deed == "deaf" else []
    print("ready", flush=True)
    while deed == "deaf":
        time.sleep(1)
    while True:
        one, _ = s.accept()
        if deed == "gone":
            one.close()
            continue
        held.append(one)
        if deed == "silent":
            continue
        one.recv(65536)
        one.send({"wrong": b"yes", "long": b"\1y" + string(b"a" * 60000),
                  "claim": b"\1y\0\0\xff\xffabc",
                  "stranger": b"\1y" + string(b"stranger")}[deed])


def scan(pid, text):
    found = 0
    with open(f"/proc/{pid}/maps") as maps, \
            open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            area, rights = line.split()[:2]
            if "r" not in rights or "[v" in line:
                continue
            start, end = (int(x, 16) for x in area.split("-"))
            if end - start > 1 << 28:   # what sanitizers only reserve
                continue
            memory.seek(start)
            found += memory.read(end - start).count(text.encode())
    print(found)


def main(path, deed, *rest):
    if path == "scan":
        scan(deed, *rest)
    elif deed == "garbage":
        garbage(path)
    elif deed == "half":
        print(ask(path, question()[:-2])[:2])
    elif deed == "name":
        print(ask(path, b"\1f\0\0\0\1\0\0\0\xff" + b"n" * 9)[:2])
    elif deed == "other":
        print(ask(path, question())[:2])
    elif deed in ("hold", "flood", "fill"):
        globals()[deed](path, *rest)
    else:
        serve(path, deed)


if __name__ == "__main__":
    main(*sys.argv[1:])
