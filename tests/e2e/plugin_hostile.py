#!/usr/bin/python3
"""plugin_hostile.py [record=FILE] [WHEN:WHAT[=VALUE]]... [-- ANSWER...]

A plugin that does one thing wrong, or one thing that is seldom seen, and
otherwise gives its answers as hello does.

WHEN   start (before it reads anything), init, protocol, request (instead of
       its answer to that message), outcome, end (its input has ended).
       With a number, request2:..., only the second time.
WHAT   exit=N signal=N            goes away
       text=TEXT                  prints it on standard output, then waits
       bytes=HEX                  writes these bytes, then goes on
       length=N                   the length of a message, and 16 bytes of it
       half                       half a message, then goes away
       type=N                     an empty message of this type
       version=N user=NAME        in the reply to init
       trailing                   a good reply to init, and bytes after it
       early                      a good reply to init, and one to what follows
       count=N                    N answers
       long=N                     an answer of N bytes
       sleep=S                    waits, then replies as it should
       closein closeout           closes standard input, standard output; waits
       stubborn                   ignores TERM and leaves a child that does,
                                  with the pipes open; then waits
       linger                     ignores the end of its input
       stderr=TEXT                prints it there, and goes on
       flood=N                    prints N lines there, and goes on
       refuse=TEXT reject=TEXT    PLUGIN_INIT_FAILURE, PLUGIN_PROTOCOL_REJECT
       tell=TEXT                  a user request without prompts, and goes on
       ask=PROMPT askecho=PROMPT  asks the user; gives the answers onward
       pester                     asks for ever, without prompts
VALUE and ANSWER know escapes: \\n, \\x1b, \\x00.
record=FILE: every message that came, as "TYPE HEX" lines.
"""
import os
import signal
import struct
import sys
import time

(INIT, INIT_RESPONSE, PROTOCOL, ACCEPT, REJECT,
 SUCCESS, FAILURE, INIT_FAILURE) = range(1, 9)
SERVER_REQUEST, SERVER_RESPONSE, USER_REQUEST, USER_RESPONSE = range(20, 24)

WHENS = {INIT: "init", PROTOCOL: "protocol", SERVER_REQUEST: "request",
         SUCCESS: "outcome", FAILURE: "outcome"}


def unescape(text):
    return text.encode().decode("unicode_escape").encode("latin-1")


def uint32(number):
    return struct.pack(">I", number)


def string(data):
    return uint32(len(data)) + data


def write(data):
    while data:
        data = data[os.write(1, data):]


def send(kind, body=b""):
    write(string(bytes([kind]) + body))


def read(size):
    data = b""
    while len(data) < size:
        more = os.read(0, size - len(data))
        if not more:
            return None
        data += more
    return data


def forever():
    while True:
        time.sleep(3600)


class Plugin:
    def __init__(self, words):
        self.deeds, self.times, self.asked = {}, {}, []
        self.user, self.version, self.record = b"", 2, None
        while words and words[0] != "--":
            word = words.pop(0)
            if word.startswith("record="):
                self.record = open(word[7:], "a", encoding="ascii")
                continue
            when, _, what = word.partition(":")
            if not hasattr(self, "do_" + what.partition("=")[0]):
                sys.exit(__doc__)
            self.deeds.setdefault(when, []).append(what)
        self.answers = [unescape(word) for word in words[1:]]

    # --------------------------------------------------------- conversation

    def receive(self):
        head = read(4)
        body = head and read(struct.unpack(">I", head)[0])
        if not body:
            return None, b""
        if self.record:
            print(body[0], body[1:].hex(), file=self.record, flush=True)
        return body[0], body[1:]

    def happens(self, when):
        """Does what is to be done; whether that was the reply already."""
        self.times[when] = self.times.get(when, 0) + 1
        replied = False
        for what in (self.deeds.get(when, []) +
                     self.deeds.get(f"{when}{self.times[when]}", [])):
            name, _, value = what.partition("=")
            replied = getattr(self, "do_" + name)(value) or replied
        return replied

    def reply(self, kind, body):
        if kind == INIT:
            send(INIT_RESPONSE, uint32(self.version) + string(self.user))
        elif kind == PROTOCOL:
            send(ACCEPT)
        elif kind == SERVER_REQUEST:
            answers = self.asked or self.answers
            self.give(answers[:self.prompts(body)])

    def prompts(self, body):
        for _ in range(3):
            body = body[4 + struct.unpack(">I", body[:4])[0]:]
        return struct.unpack(">I", body[:4])[0]

    def give(self, answers):
        send(SERVER_RESPONSE,
             uint32(len(answers)) + b"".join(map(string, answers)))

    def run(self):
        self.happens("start")
        while True:
            kind, body = self.receive()
            if kind is None:
                break
            if not self.happens(WHENS.get(kind, "other")):
                self.reply(kind, body)
        self.happens("end")

    # ---------------------------------------------------------------- deeds

    def do_exit(self, value):
        os._exit(int(value))

    def do_signal(self, value):
        os.kill(os.getpid(), int(value))
        forever()

    def do_text(self, value):
        write(unescape(value))
        forever()

    def do_bytes(self, value):
        write(bytes.fromhex(value))
        return True

    def do_length(self, value):
        write(uint32(int(value)) + bytes(16))
        forever()

    def do_half(self, _):
        write(uint32(100) + bytes([SERVER_RESPONSE]) + bytes(7))
        os._exit(0)

    def do_type(self, value):
        send(int(value))
        return True

    def do_version(self, value):
        self.version = int(value)

    def do_user(self, value):
        self.user = unescape(value)

    def do_trailing(self, _):
        send(INIT_RESPONSE, uint32(2) + string(b"") + b"more")
        return True

    def do_early(self, _):
        write(string(bytes([INIT_RESPONSE]) + uint32(2) + string(b"")) +
              string(bytes([ACCEPT])))
        return True

    def do_count(self, value):
        self.give([b"answer"] * int(value))
        return True

    def do_long(self, value):
        self.give([b"x" * int(value)])
        return True

    def do_sleep(self, value):
        time.sleep(float(value))

    def do_closein(self, _):
        os.close(0)
        forever()

    def do_closeout(self, _):
        os.close(1)
        forever()

    def do_stubborn(self, _):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.fork()
        forever()

    def do_linger(self, _):
        forever()

    def do_stderr(self, value):
        os.write(2, unescape(value) + b"\n")

    def do_flood(self, value):
        for number in range(int(value)):
            os.write(2, b"line %d of a flood\n" % number)

    def do_refuse(self, value):
        send(INIT_FAILURE, string(unescape(value)))
        return True

    def do_reject(self, value):
        send(REJECT, string(unescape(value)))
        return True

    def user_request(self, instruction, prompts):
        send(USER_REQUEST, string(b"Plugin's name") + string(instruction) +
             string(b"") + uint32(len(prompts)) +
             b"".join(string(p) + bytes([echo]) for p, echo in prompts))
        kind, body = self.receive()
        if kind != USER_RESPONSE:
            os._exit(0)
        count, body = struct.unpack(">I", body[:4])[0], body[4:]
        for _ in range(count):
            size = struct.unpack(">I", body[:4])[0]
            self.asked.append(body[4:4 + size])
            body = body[4 + size:]

    def do_tell(self, value):
        self.user_request(unescape(value), [])

    def do_ask(self, value):
        self.user_request(b"Plugin's instruction", [(unescape(value), 0)])

    def do_askecho(self, value):
        self.user_request(b"Plugin's instruction", [(unescape(value), 1)])

    def do_pester(self, _):
        while True:
            self.user_request(b"again", [])


if __name__ == "__main__":
    try:
        Plugin(sys.argv[1:]).run()
    except (BrokenPipeError, KeyboardInterrupt):
        os._exit(0)
