#!/usr/bin/env python3
"""hello.py ANSWER... - the plugin of hello.c in Python, without the library.

Gives its nth argument to the nth prompt of each request. An example, not a
place for passwords: arguments can be read by others.

Three things that bite in Python: messages are bytes, so use the .buffer of
stdin and stdout; every message must be flushed; and a stray print() lands in
the middle of the protocol. Standard error stays silent as well, because some
clients mix it into the protocol. (Where yours does not, print there with
flush=True: before Python 3.9 stderr was not even line-buffered in a pipe.)
"""
import os
import struct
import sys

(INIT, INIT_RESPONSE, PROTOCOL, ACCEPT, REJECT,
 AUTH_SUCCESS, AUTH_FAILURE, INIT_FAILURE) = range(1, 9)
SERVER_REQUEST, SERVER_RESPONSE, USER_REQUEST, USER_RESPONSE = range(20, 24)

FRAME_MAX = 256 * 1024
source, sink = sys.stdin.buffer, sys.stdout.buffer


class Broken(Exception):
    """The client does not speak this protocol."""


def uint32(number):
    return struct.pack(">I", number)


def string(data):
    return uint32(len(data)) + data


def send(kind, body=b""):
    sink.write(string(bytes([kind]) + body))
    sink.flush()


def receive():
    """The next message as (type, body); None when the client closed."""
    head = source.read(4)
    if not head:
        return None
    size = take_uint32(head)[0]
    if not 0 < size <= FRAME_MAX:
        raise Broken
    message = source.read(size)
    if len(message) < size:
        raise Broken
    return message[0], message[1:]


def take_uint32(data):
    if len(data) < 4:
        raise Broken
    return struct.unpack(">I", data[:4])[0], data[4:]


def take_string(data):
    size, data = take_uint32(data)
    if len(data) < size:
        raise Broken
    return data[:size], data[size:]


def take_prompts(body):
    """A server's request as a list of (prompt, echo)."""
    for _ in ("name", "instruction", "language"):
        _, body = take_string(body)
    count, body = take_uint32(body)
    prompts = []
    while len(prompts) < count:
        prompt, body = take_string(body)
        if not body:
            raise Broken
        prompts.append((prompt, body[0] != 0))
        body = body[1:]
    return prompts


def give_up(reason):
    """Tells the user in a request without prompts, and waits until that was
    shown: a client may lose the last message of a plugin that just exits."""
    send(USER_REQUEST, string(b"hello") + string(reason.encode()) +
         string(b"") + uint32(0))
    receive()


def converse(answers):
    """Until the client closes; gives the exit status, 1 after a refusal."""
    version = 0
    while (message := receive()) is not None:
        kind, body = message
        if kind == INIT:
            version = min(2, take_uint32(body)[0])
            if version == 0:
                send(INIT_FAILURE,
                     string(b"no version of the plugin protocol in common"))
                while source.read(512):  # let the client close first
                    pass
                return 1
            # an empty username: log in as whoever was going to
            send(INIT_RESPONSE, uint32(version) + string(b""))
        elif kind == PROTOCOL:
            if take_string(body)[0] == b"keyboard-interactive":
                send(ACCEPT)
            else:  # an empty text: not for us; draft 1 had no text at all
                send(REJECT, string(b"") if version > 1 else b"")
        elif kind == SERVER_REQUEST:
            count = len(take_prompts(body))
            if count > len(answers):
                give_up("hello: the server asks more than I was told")
                return 1
            send(SERVER_RESPONSE,
                 uint32(count) + b"".join(map(string, answers[:count])))
        elif kind not in (AUTH_SUCCESS, AUTH_FAILURE):
            raise Broken
    return 0


def main():
    if sys.stdin.isatty():
        print("hello: this program is started by an SSH client",
              file=sys.stderr)
        return 2
    try:
        return converse([os.fsencode(answer) for answer in sys.argv[1:]])
    except Broken:
        return 111
    except BrokenPipeError:  # the client went away; that is its right
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0


if __name__ == "__main__":
    sys.exit(main())
