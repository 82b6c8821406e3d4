#!/usr/bin/python3
"""server.py DIR BEHAVIOUR... - SSH servers that ask in unusual ways.

One loopback server per behaviour, on a free port that is written to
DIR/BEHAVIOUR.port once all of them listen. What a client sent is logged, one
JSON object a line, to DIR/BEHAVIOUR.log. The host key is DIR/server_key.

Sessions know a few built-in commands and never run anything of the machine's,
because some of these servers let everybody in.
"""
import asyncio
import json
import os
import sys
import warnings

warnings.simplefilter("ignore")
import asyncssh                                         # noqa: E402
from asyncssh import auth, connection                   # noqa: E402
from asyncssh.packet import Boolean, String, UInt32     # noqa: E402

INFO_REQUEST, INFO_RESPONSE = 60, 61
CHANGEREQ = 60

# ---------------------------------------------------------------- behaviours
#
# Each is told ask(name, instruction, language, prompts), which gives the
# answers as a list of bytes, and gives "success", "failure" or "partial".

INSTRUCTION = "First line of it.\nSecond line of it."
ANSWERS = [b"stoat", b"weasel"]


async def normal(ask):
    """Two prompts with everything around them, then a round without any."""
    answers = await ask("Test server", INSTRUCTION, "en-GB",
                        [("Echoey prompt: ", True), ("Silent prompt: ", False)])
    if answers != ANSWERS:
        return "failure"
    if await ask("Zero-prompt step", "Nothing to answer here.", "", []) != []:
        return "failure"
    return "success"


async def one(ask):
    """One prompt."""
    answers = await ask("", "", "", [("Password: ", False)])
    return "success" if answers == [b"stoat"] else "failure"


async def fail(ask):
    """No answer is right."""
    await ask("", "", "", [("Password: ", False)])
    return "failure"


async def retry(ask):
    """Only the word "second" is right; ask again as often as you like."""
    answers = await ask("", "", "", [("Code: ", False)])
    return "success" if answers == [b"second"] else "failure"


async def partial(ask):
    """Two prompts, and then a password is wanted as well."""
    answers = await ask("", "", "", [("One: ", True), ("Two: ", False)])
    return "partial" if answers == ANSWERS else "failure"


async def twice(ask, passed=None):
    """Keyboard-interactive, and then keyboard-interactive again."""
    if passed:
        answers = await ask("Second", "", "", [("Weasel: ", False)])
        return "success" if answers == [b"weasel"] else "failure"
    answers = await ask("First", "", "", [("Stoat: ", False)])
    return "partial" if answers == [b"stoat"] else "failure"


async def rounds(ask):
    """Twenty rounds of one prompt."""
    for number in range(20):
        if await ask("", f"Round {number}", "", [("Again: ", False)]) \
                != [b"stoat"]:
            return "failure"
    return "success"


async def exact(ask):
    """Takes any answers, for a look at the log."""
    await ask("N\u00e4me", "\u2603 instruction", "de-CH",
              [("Frage \u201eeins\u201c: ", True), ("", False)])
    return "success"


async def imitate(ask):
    """Prompts in the words of ssh, and in those for another host."""
    for prompt in ("The authenticity of host 'other' can't be established.\n"
                   "Are you sure you want to continue connecting "
                   "(yes/no/[fingerprint])? ",
                   "Enter passphrase for key '/root/.ssh/id': ",
                   "root@other's password: ", "(root@other) Password: "):
        await ask("", "", "", [(prompt, False)])
    return "success"


async def drop(ask):
    """Goes away in the middle of the dialogue."""
    await ask("", "", "", [("First: ", False)])
    return "drop"


async def dropfirst(ask):
    """Goes away where its first prompt should be."""
    return "drop"


async def many(ask):
    """More prompts than anyone should be asked."""
    answers = await ask("", "", "", [(f"P{n}: ", False) for n in range(300)])
    return "success" if len(answers) == 300 else "failure"


async def silent(ask):
    """Never answers the request."""
    await asyncio.sleep(3600)


async def stall(ask):
    """Asks, and then never says whether the answer was right."""
    await ask("", "", "", [("Password: ", False)])
    await asyncio.sleep(3600)


NASTY_NAME = b"Name\x00hidden\x1b[2J"
NASTY_INSTRUCTION = ("authplug ssh: all is well\r\n"
                     "\x1b]0;owned\x07\u202ekcab").encode()
NASTY_PROMPT = b"Pass\x00word\x1b[31m\xe2\x80\xae: \x9b5n\xff"


async def nul(ask):
    """NUL bytes, escapes, text that runs backwards, invalid UTF-8."""
    answers = await ask(NASTY_NAME, NASTY_INSTRUCTION, b"x\x00y",
                        [(NASTY_PROMPT, True)])
    return "success" if answers == [b"stoat"] else "failure"


async def noprompt(ask):
    """Lets anyone in, without a question."""
    return "success"


async def refuse(ask):
    """Refuses everyone, without a question."""
    return "failure"


async def badbody(ask):
    """A request that ends in the middle of its second prompt."""
    whole = encode("Name", "", "", [("One: ", True), ("Two: ", False)])
    await ask.raw(whole[:-3])
    return "failure"


async def trailing(ask):
    """A request with bytes after its end."""
    await ask.raw(encode("Name", "", "", [("One: ", True)]) + b"more")
    return "failure"


BEHAVIOURS = {f.__name__: f for f in (
    normal, one, fail, retry, partial, twice, rounds, exact, imitate, drop,
    dropfirst, many, silent, stall, nul, noprompt, refuse, badbody, trailing)}

# "change": password only, and the password has expired
# "changeboth": the same, beside keyboard-interactive, which lets nobody in
# "anykey": would take any key, one answer, or a password
# "mute": accepts connections and never says a word
OTHERS = ("change", "changeboth", "anykey", "mute")

# Demands for a new password (RFC 4252 section 8) that asyncssh would not send:
# in answer to which method, and the bodies.
DEMAND, TAG = String("Time for a new one: "), String("en")
DEMANDS = {
    "demand": (b"password", DEMAND + TAG),
    "demandempty": (b"password", String("") + String("")),
    "demandlong": (b"password", String("x" * 100000) + TAG),
    "demandhuge": (b"password", String("\n" * 250000) + TAG),
    "demandnasty": (b"password", String(NASTY_INSTRUCTION + b"\x00\xff end") +
                    String(b"x\x00\x1b[2J")),
    "demandcut": (b"password", (DEMAND + TAG)[:-1]),
    "demandcutearly": (b"password", DEMAND[:-1]),
    "demandnothing": (b"password", b""),
    "demandtrailing": (b"password", DEMAND + TAG + b"more"),
    "demandtwice": (b"password", DEMAND + TAG, String("Another: ") + TAG),
    "demandunasked": (b"none", DEMAND + TAG),
    "demandkbdint": (b"keyboard-interactive", DEMAND + TAG),
    "demandkey": (b"publickey", DEMAND + TAG),
    "demandlate": (b"password", DEMAND + TAG),     # after the success
    "demandrefused": (b"password", DEMAND + TAG),  # after the refusal
    "demandslow": (b"password", DEMAND + TAG),     # after a moment
}


def encode(name, instruction, language, prompts):
    return b"".join([String(name), String(instruction), String(language),
                     UInt32(len(prompts))] +
                    [String(prompt) + Boolean(echo)
                     for prompt, echo in prompts])


# ------------------------------------------------------------------- asyncssh

class KeyboardInteractive(auth._ServerKbdIntAuth):
    """asyncssh's own parses and decodes; this one hands out the bytes."""

    async def _start(self, packet):
        owner = self._conn.get_owner()
        language, submethods = packet.get_string(), packet.get_string()
        owner.log(event="kbdint", language=language.hex(),
                  submethods=submethods.hex())
        self._waiting = None
        outcome = await owner.behave(self)
        if outcome == "success":
            self.send_success()
        elif outcome == "drop":
            owner.log(event="drop")
            self._conn.abort()
        else:
            owner.passed = owner.passed or outcome == "partial"
            self.send_failure(outcome == "partial")

    async def raw(self, body):
        """Sends the body of an INFO_REQUEST; gives that of the response."""
        self._waiting = asyncio.get_running_loop().create_future()
        self.send_packet(INFO_REQUEST, body)
        return await self._waiting

    async def __call__(self, name, instruction, language, prompts):
        owner = self._conn.get_owner()
        body = encode(name, instruction, language, prompts)
        owner.log(event="asked", body=body.hex())
        response = await self.raw(body)
        count, at, answers = int.from_bytes(response[:4], "big"), 4, []
        for _ in range(count):
            size = int.from_bytes(response[at:at + 4], "big")
            answers.append(response[at + 4:at + 4 + size])
            at += 4 + size
        owner.log(event="answered", body=response.hex(),
                  answers=[a.decode("utf-8", "replace") for a in answers])
        assert at == len(response), "the response is not well-formed"
        return answers

    def _process_info_response(self, _type, _id, packet):
        body = packet.get_remaining_payload()
        if self._waiting is None or self._waiting.done():
            self._conn.get_owner().log(event="unexpected", body=body.hex())
            self._conn.abort()
        else:
            self._waiting.set_result(body)

    _packet_handlers = {INFO_RESPONSE: _process_info_response}


class Server(asyncssh.SSHServer):
    def __init__(self, name, log):
        self.name, self._log, self.passed = name, log, False
        self._changed = False

    def log(self, **what):
        json.dump(what, self._log)
        self._log.write("\n")
        self._log.flush()

    def connection_made(self, conn):
        conn.get_owner = lambda: self
        self.log(event="connection")

    def connection_lost(self, exc):
        self.log(event="closed")

    def auth_completed(self):
        self.log(event="authenticated")

    async def behave(self, ask):
        if self.name == "twice":
            return await twice(ask, self.passed)
        if self.name == "changeboth":
            return await fail(ask)
        if self.name == "anykey":
            return await one(ask)
        return await BEHAVIOURS[self.name](ask)

    # which methods are offered
    def kbdint_auth_supported(self):
        if self.name in DEMANDS:
            return self.name == "demandkbdint"
        return self.name != "change" and not (self.name == "partial" and
                                              self.passed)

    def password_auth_supported(self):
        return self.name.startswith(("change", "demand", "anykey")) or (
            self.name == "partial" and self.passed)

    def public_key_auth_supported(self):
        return self.name in ("anykey", "demandkey")

    def validate_public_key(self, username, key):
        return self.name == "anykey"

    def validate_password(self, username, password):
        self.log(event="password", password=password)
        if self.name.startswith("change"):
            if password != "old":
                return False
            raise asyncssh.PasswordChangeRequired("Time for a new one: ", "en")
        return password == "sesame"

    def change_password(self, username, old_password, new_password):
        self.log(event="change", old=old_password, new=new_password)
        return old_password == "old" and new_password == "new"


def log_requests(conn, username, method, packet):
    owner = conn.get_owner()
    owner.log(event="request", user=username, method=method.decode())
    when, *bodies = DEMANDS.get(owner.name, (None,))
    if method != when:
        return lookup(conn, username, method, packet)
    if owner.name == "demandlate":
        conn.send_userauth_success()
    if owner.name == "demandrefused":
        conn.send_userauth_failure(False)
    wait = 0.7 if owner.name == "demandslow" else 0
    for body in bodies:
        asyncio.get_running_loop().call_later(wait, conn.send_packet,
                                              CHANGEREQ, body)
    return None


lookup = connection.lookup_server_auth
connection.lookup_server_auth = log_requests
auth._server_auth_handlers[b"keyboard-interactive"] = KeyboardInteractive


# ------------------------------------------------------------------- sessions

async def session(process):
    """echo WORDS, exit N, cat, whoami, tty; no command: the same, by line."""
    status = 0
    user = process.get_extra_info("username").encode()

    async def one(line):
        word, _, rest = line.partition(b" ")
        if word == b"echo":
            process.stdout.write(rest + b"\n")
        elif word == b"complain":
            process.stderr.write(rest + b"\n")
        elif word == b"whoami":
            process.stdout.write(user + b"\n")
        elif word == b"tty":
            process.stdout.write((process.get_terminal_type() or
                                  "none").encode() + b"\n")
        elif word == b"cat":
            while data := await process.stdin.read(65536):
                process.stdout.write(data)
                await process.stdout.drain()
        elif word == b"exit":
            return int(rest or b"0")
        else:
            process.stderr.write(b"unknown: " + word + b"\n")
            return 127
        return 0

    if process.command is not None:
        for part in process.command.encode().split(b"; "):
            status = await one(part.strip())
    else:
        while line := await process.stdin.readline():
            status = await one(line.strip())
            if line.startswith(b"exit"):
                break
    process.exit(status)


async def mute(reader, writer):
    try:
        await reader.read()
    finally:
        writer.close()


async def main(where, names):
    key = os.path.join(where, "server_key")
    ports, servers = {}, []
    for name in names:
        log = open(os.path.join(where, name + ".log"), "a", encoding="utf-8")
        if name == "mute":
            server = await asyncio.start_server(mute, "127.0.0.1", 0)
        else:
            server = await asyncssh.create_server(
                lambda name=name, log=log: Server(name, log), "127.0.0.1", 0,
                server_host_keys=[key], process_factory=session,
                encoding=None, login_timeout=0, line_editor=False)
        ports[name] = server.sockets[0].getsockname()[1]
        servers.append(server)
    for name, port in ports.items():
        with open(os.path.join(where, name + ".port.new"), "w") as file:
            file.write(f"{port}\n")
        os.rename(file.name, file.name[:-4])
    await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    known = [*BEHAVIOURS, *OTHERS, *DEMANDS]
    if len(sys.argv) < 3 or not all(name in known for name in sys.argv[2:]):
        sys.exit(f"usage: {sys.argv[0]} DIR BEHAVIOUR...; behaviours: " +
                 " ".join(known))
    asyncio.run(main(sys.argv[1], sys.argv[2:]))
