#!/usr/bin/python3
"""record_passwd.py [OPTION...] -- COMMAND... - records a password program.

Runs the program as ssh-passwd-plugin does, answers its prompts, and writes the
dialogue as a transcript (see tests/transcripts/README.md). Standard input has
two lines, the old and the new password. The program runs as whoever runs this,
at a pseudo-terminal with echo switched off, with PATH and LC_ALL=C in its
environment and nothing else.

  --on PROMPT TOKEN  where the output pauses at a line without an end that
                     PROMPT, a regex of Python's, matches, type what TOKEN says:
                     old_password or new_password. May be repeated; the first
                     that matches counts, each time it does
  --slip N           the N-th answer is mistyped: one letter is appended
  --pause S          how long a pause is (0.3)
  --within S         the longest wait for output, and for the end (10)
  -o FILE            the transcript; standard output without it
  --notes            what happened when, on standard error: each piece of
                     output, each answer, each flush of the program's input
  --ahead            type at once, not after the pause, to see what a flush
                     of the input swallows

The exit status is the program's; 125 where a prompt had no answer, or the
program hung.
"""
import argparse
import fcntl
import os
import re
import select
import signal
import struct
import sys
import termios
import time

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
EVENTS = {1: "flushed its input", 2: "flushed its output"}


def options():
    it = argparse.ArgumentParser(usage=__doc__)
    it.add_argument("--on", nargs=2, action="append", default=[])
    it.add_argument("--slip", type=int, default=0)
    it.add_argument("--pause", type=float, default=0.3)
    it.add_argument("--within", type=float, default=10)
    it.add_argument("--notes", action="store_true")
    it.add_argument("--ahead", action="store_true")
    it.add_argument("-o", dest="file")
    it.add_argument("command", nargs="+")
    return it.parse_args()


def start(command):
    """(pid, master) of the command, at a terminal that does not echo."""
    master, slave = os.openpty()
    modes = termios.tcgetattr(slave)
    modes[3] &= ~(termios.ECHO | termios.ECHONL)
    termios.tcsetattr(slave, termios.TCSANOW, modes)
    # each read then begins with a byte that tells of flushes
    fcntl.ioctl(master, termios.TIOCPKT, struct.pack("i", 1))
    pid = os.fork()
    if pid == 0:
        try:
            os.setsid()
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
            for fd in range(3):
                os.dup2(slave, fd)
            os.closerange(3, 256)
            os.execvpe(command[0], command, {"PATH": PATH, "LC_ALL": "C"})
        finally:
            os._exit(127)
    os.close(slave)
    return pid, master


def end(pid):
    """passwd, once it has all that it asked for, outlives a hang-up."""
    try:
        os.kill(pid, signal.SIGKILL)
    except PermissionError:
        sys.stderr.write(f"process {pid} cannot be ended: waiting\n")


class Recorder:
    def __init__(self, chosen, secrets):
        self.chosen = chosen
        self.secrets = secrets
        self.answers = 0
        self.text = b""     # the transcript so far, with CRs
        self.line = ""      # the line that has no end yet
        self.typed = False  # an answer was typed, and no output came since
        self.began = self.last = time.monotonic()

    def note(self, what):
        if self.chosen.notes:
            now = time.monotonic() - self.began
            sys.stderr.write(f"{now:7.3f} {what}\n")

    def output(self, data):
        self.note(f"output {data!r}")
        if self.typed and data[:1] not in b"\r\n":
            self.note("no newline followed the answer")
            self.text += b"\n"
        self.typed = False
        self.text += data
        self.line = self.text.rpartition(b"\n")[2].decode("utf-8", "replace")

    def answer(self, master):
        """Whether the line is a prompt, and an answer was typed."""
        for prompt, token in self.chosen.on:
            if not re.search(prompt, self.line):
                continue
            self.answers += 1
            secret = self.secrets[token]
            if self.answers == self.chosen.slip:
                secret += "x"
            self.note(f"typed ${token}$ at {self.line!r}")
            os.write(master, (secret + "\n").encode())
            self.text += f"${token}$".encode()
            self.line, self.typed = "", True
            return True
        return False

    def run(self, master):
        """Until the program closes the terminal; False when it hung."""
        while True:
            wait = self.chosen.within
            if self.line and self.chosen.ahead and self.answer(master):
                continue
            if self.line:
                wait = self.chosen.pause
            if not select.select([master], [], [], wait)[0]:
                if self.line and self.answer(master):
                    continue
                waited = time.monotonic() - self.last
                if waited < self.chosen.within:
                    continue
                sys.stderr.write(f"no answer to {self.line!r}\n")
                return False
            try:
                data = os.read(master, 65536)
            except OSError: # EIO: nobody has the terminal open
                return True
            self.last = time.monotonic()
            if data[:1] == b"\0":
                self.output(data[1:])
            for bit, what in EVENTS.items():
                if data[0] & bit:
                    self.note(f"the program {what}")


def main():
    chosen = options()
    lines = sys.stdin.read().split("\n")
    if len(lines) < 2:
        sys.exit("two lines of standard input were expected")
    secrets = {"old_password": lines[0], "new_password": lines[1]}
    pid, master = start(chosen.command)
    it = Recorder(chosen, secrets)
    ended = it.run(master)
    os.close(master) # hangs up
    if not ended:
        end(pid)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    it.note(f"exit status {status}")
    text = it.text.replace(b"\r\n", b"\n")
    if chosen.file:
        with open(chosen.file, "wb") as file:
            file.write(text)
    else:
        sys.stdout.buffer.write(text)
    return status if ended else 125


sys.exit(main())
