#!/usr/bin/python3
"""serve_client.py [--host H] [--within S] PORT STEP... - an SSH client, word
by word. Each step is one argument, words apart by blanks; \\n, \\0, \\x20 and
so on are bytes, "-" alone is the empty word.

  none USER [SERVICE]          password USER PASSWORD
  kbdint USER                  change USER OLD NEW
  method USER NAME             reply WORD...
  body TYPE HEX                sleep S
  run COMMAND                  end
  input TEXT   is what the next command reads; else its input does not end
  flood S      sends packets that mean nothing for so long, without reading

Each that sends a request waits for the answer and prints it:

  ask "NAME" "INSTRUCTION" "LANGUAGE" "PROMPT" "+SHOWN PROMPT"
  change "PROMPT" "LANGUAGE"
  failure METHODS              partial METHODS
  banner "TEXT"                success
  closed REASON

"+STEP" does not wait. --times begins each with the milliseconds since the last
step was sent. Words that were said without being waited for are printed, too.
--abrupt does not ask for the service of authentication.
Exit status: of the last `run`; 9 when the connection broke.
"""
import asyncio
import json
import sys
import time
import warnings

warnings.simplefilter("ignore")
import asyncssh                                              # noqa: E402
from asyncssh.packet import Boolean, Byte, NameList, String, UInt32  # noqa

options = {"--host": "127.0.0.1", "--within": "20", "--times": None,
           "--abrupt": None}


class Client(asyncssh.connection.SSHClientConnection):
    """Hands what the server says about authentication to the steps."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.said = asyncio.Queue()
        self.ready = asyncio.Event()
        self.reason = None
        self._packet_handlers = dict(self._packet_handlers)
        self._packet_handlers[1] = Client.hear_end
        for number in (51, 52, 53):
            self._packet_handlers[number] = Client.hear

    def send_service_request(self, service):
        if options["--abrupt"] is None:
            super().send_service_request(service)
        else:
            self.try_next_auth()

    def try_next_auth(self):
        self._auth = self           # for what is a method's own: 60
        self.ready.set()

    def process_packet(self, number, pktid, packet):
        if number == 60:
            self.hear(number, pktid, packet)
            return True
        return super().process_packet(number, pktid, packet)

    def cancel(self):
        pass

    def hear_end(self, number, pktid, packet):
        packet.get_uint32()
        self.reason = packet.get_string().decode()

    def hear(self, number, _, packet):
        if number == 51:
            methods = b",".join(packet.get_namelist()).decode()
            self.say(
                ("partial " if packet.get_boolean() else "failure ") + methods)
        elif number == 52:
            # what asyncssh does on success, had it authenticated by itself
            self._auth = None
            self._auth_in_progress = False
            self._auth_complete = True
            self._can_recv_ext_info = False
            self._cancel_login_timer()
            self._send_deferred_packets()
            self.say("success")
        elif number == 53:
            self.say("banner " + quote(packet.get_string()))
            packet.get_string()
        else:
            # 60 is each method's own: for a change it is two strings
            words = [packet.get_string() for _ in range(2)]
            if not packet.get_remaining_payload():
                self.say(" ".join(["change"] + [quote(w) for w in words]))
                return
            words.append(packet.get_string())
            for _ in range(packet.get_uint32()):
                text = packet.get_string()
                words.append((b"+" if packet.get_boolean() else b"") + text)
            self.say(" ".join(["ask"] + [quote(w) for w in words]))
        if number != 52:
            packet.check_end()

    def connection_lost(self, exc=None):
        self.lost(exc)
        super().connection_lost(exc)

    def _cleanup(self, exc):
        self.lost(exc)
        super()._cleanup(exc)

    def say(self, words):
        self.said.put_nowait((time.monotonic(), words))

    def lost(self, exc):
        self.ready.set()
        self.say("closed " + (self.reason or str(exc or "")))


asyncssh.connection.SSHClientConnection = Client


def quote(text):
    return json.dumps(text.decode(), ensure_ascii=False)


def unquote(word):
    return b"" if word == "-" else \
        word.encode().decode("unicode_escape").encode("latin-1")


def request(user, method, *rest, service=b"ssh-connection"):
    return String(user) + String(service) + String(method) + b"".join(rest)


def packet(verb, words):
    """The message of a step: its number and its body."""
    if verb == "none":
        return 50, request(words[0], "none",
                           service=(words + [b"ssh-connection"])[1])
    if verb == "method":
        return 50, request(words[0], words[1])
    if verb == "kbdint":
        return 50, request(words[0], "keyboard-interactive", String(""),
                           String(""))
    if verb == "password":
        return 50, request(words[0], "password", Boolean(False),
                           String(words[1]))
    if verb == "change":
        return 50, request(words[0], "password", Boolean(True),
                           String(words[1]), String(words[2]))
    if verb == "reply":
        return 61, UInt32(len(words)) + b"".join(map(String, words))
    if verb == "body":
        return int(words[0]), bytes.fromhex(words[1].decode())
    sys.exit("serve_client.py: what is " + verb)


async def start(port):
    """A connection that is ready for requests."""
    wanted = asyncssh.SSHClientConnectionOptions(
        username="x", known_hosts=None, client_keys=[], agent_path=None,
        config=[], login_timeout=0, compression_algs=["none"])
    loop = asyncio.get_event_loop()
    _, client = await loop.create_connection(
        lambda: Client(loop, wanted), options["--host"], port)
    await client.ready.wait()
    return client


class Steps:
    def __init__(self, client):
        self.client = client
        self.sent = time.monotonic()
        self.status = 0
        self.input = None

    def tell(self, when, words):
        if options["--times"] is not None:
            words = "%d %s" % (1000 * (when - self.sent), words)
        print(words, flush=True)

    async def hear(self):
        """The server's next answer; False when there will be none."""
        while True:
            when, words = await self.client.said.get()
            self.tell(when, words)
            if words.startswith("closed"):
                self.status = 9
                return False
            if not words.startswith("banner"):
                return True

    def send(self, number, body):
        # asyncssh would keep back what belongs behind the login
        kept, self.client._auth_complete = self.client._auth_complete, True
        self.client.send_packet(number, body)
        self.client._auth_complete = kept

    async def take(self, step):
        waits = not step.startswith("+")
        verb, *words = step.lstrip("+").split(" ")
        if verb == "sleep":
            await asyncio.sleep(float(words[0]))
        elif verb == "input":
            self.input = unquote(words[0]).decode()
        elif verb == "flood":
            end = time.monotonic() + float(words[0])
            while time.monotonic() < end and self.client.said.empty():
                self.client.send_packet(2, String(bytes(30000)))
                await asyncio.sleep(0)
        elif verb == "end":
            self.client.abort()
            return False
        elif verb == "run":
            result = await self.client.run(" ".join(words), input=self.input)
            print(result.stdout + result.stderr, end="", flush=True)
            self.status = result.exit_status
        else:
            self.sent = time.monotonic()
            self.send(*packet(verb, list(map(unquote, words))))
            return not waits or await self.hear()
        return True


async def talk(port, steps):
    try:
        client = await start(port)
    except OSError as error:
        print("closed", error)
        return 9
    by = Steps(client)
    for step in steps:
        if not await by.take(step):
            break
    else:
        await asyncio.sleep(0.1)
        while not client.said.empty():
            by.tell(*client.said.get_nowait())
    client.abort()
    return by.status


def main():
    words = sys.argv[1:]
    while words[0].startswith("--"):
        name = words.pop(0)
        options[name] = "" if name in ("--times", "--abrupt") else words.pop(0)
    try:
        return asyncio.run(asyncio.wait_for(talk(int(words[0]), words[1:]),
                                            float(options["--within"])))
    except asyncio.TimeoutError:
        print("nothing came within %s s" % options["--within"])
        return 8


if __name__ == "__main__":
    sys.exit(main())
