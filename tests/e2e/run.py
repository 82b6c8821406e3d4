#!/usr/bin/python3
"""run.py [OPTION...] -- COMMAND... - runs a command and tells what it leaves.

The command runs in a session of its own, without a controlling terminal
unless one is given to it. After it ended, or was ended at its deadline, every
process that it started, however detached, is looked for, noted, and killed.

  --within S      the deadline; then the exit status is 124
  --report FILE   shell assignments: rc, took (milliseconds), left (what was
                  left behind: processes, a terminal not as it was found)
  --pty           a pseudo-terminal is its terminal, input and output; what
                  appears there is written to standard output
  --ctty          a pseudo-terminal is its terminal only; what appears there
                  goes to the file named by --screen
  --screen FILE   what appeared on the pseudo-terminal
  --size ROWSxCOLUMNS
  --on TEXT DO    once TEXT appeared (in order), DO: "type:WORDS" (with \\n,
                  \\x03 and so on) or "kill:SIGNAL"
  --after S DO    the same, S seconds after the start
  --keep          what it leaves is meant to stay

  run.py --stop PID...   ends processes and everything below them
"""
import ctypes
import fcntl
import os
import select
import shlex
import signal
import struct
import sys
import termios
import time

GRACE = 1.5     # for what ends by itself
PR_SET_CHILD_SUBREAPER = 36


def parents():
    """{pid: (parent, state)} of all processes."""
    table = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    fields = file.read().rpartition(b")")[2].split()
            except OSError:
                continue
            table[int(name)] = (int(fields[1]), fields[0])
    return table


def descendants(root):
    table, found = parents(), []
    below = [root]
    while below:
        here = below.pop()
        for pid, (parent, state) in table.items():
            if parent == here:
                below.append(pid)
                if state not in (b"Z", b"X"):
                    found.append(pid)
    return found


def describe(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = file.read().decode("utf-8", "replace").split("\0")
        return f"process {pid}: {' '.join(words).strip()}"
    except OSError:
        return f"process {pid}"


def kill_all(pids):
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def stop(pids):
    for pid in pids:
        below = descendants(pid)
        try:
            os.kill(pid, signal.SIGTERM)
        except ProcessLookupError:
            continue
        deadline = time.monotonic() + 2
        while time.monotonic() < deadline and (
                state_of(pid) not in (None, b"Z")):
            time.sleep(0.01)
        kill_all([pid] + below)


def state_of(pid):
    return parents().get(pid, (0, None))[1]


class Options:
    def __init__(self, words):
        self.within, self.report, self.screen = 60.0, None, None
        self.pty = self.ctty = self.keep = False
        self.size, self.steps, self.timed = (24, 80), [], []
        while words and words[0] != "--":
            word = words.pop(0)
            if word in ("--pty", "--ctty", "--keep"):
                setattr(self, word[2:], True)
            elif word == "--within":
                self.within = float(words.pop(0))
            elif word == "--report":
                self.report = words.pop(0)
            elif word == "--screen":
                self.screen = words.pop(0)
            elif word == "--size":
                self.size = tuple(map(int, words.pop(0).split("x")))
            elif word == "--on":
                self.steps.append((words.pop(0).encode(), words.pop(0)))
            elif word == "--after":
                self.timed.append((float(words.pop(0)), words.pop(0)))
            else:
                sys.exit(f"run.py: unknown option {word}")
        self.command = words[1:]
        if not self.command:
            sys.exit(__doc__)


class Run:
    def __init__(self, options):
        self.options = options
        self.master = self.slave = None
        self.seen, self.matched = b"", 0
        self.left = []
        self.screen = None

    def child(self):
        os.setsid()
        if self.slave is not None:
            fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)
            if self.options.pty:
                for fd in range(3):
                    os.dup2(self.slave, fd)
            os.close(self.slave)
            os.close(self.master)
        for number in (signal.SIGPIPE, signal.SIGHUP, signal.SIGINT,
                       signal.SIGQUIT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        try:
            os.execvp(self.options.command[0], self.options.command)
        except OSError as error:
            os.write(2, f"run.py: {error}\n".encode())
            os._exit(125)

    def do(self, what):
        kind, _, detail = what.partition(":")
        if kind == "type":
            os.write(self.master, detail.encode().decode("unicode_escape")
                     .encode("latin-1"))
        else:
            os.kill(self.pid, getattr(signal, "SIG" + detail))

    def look(self):
        """Reads what appeared on the terminal, and acts on it."""
        try:
            data = os.read(self.master, 65536)
        except OSError:
            data = b""
        if not data:
            return False
        self.screen.write(data.replace(b"\r\n", b"\n"))
        self.screen.flush()
        self.seen += data
        while self.options.steps:
            text, what = self.options.steps[0]
            at = self.seen.find(text, self.matched)
            if at < 0:
                break
            self.matched = at + len(text)
            self.options.steps.pop(0)
            time.sleep(0.05)    # typed by a human, once echo is off
            self.do(what)
        return True

    def go(self):
        options = self.options
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        if options.pty or options.ctty:
            self.master, self.slave = os.openpty()
            fcntl.ioctl(self.slave, termios.TIOCSWINSZ,
                        struct.pack("HHHH", *options.size, 0, 0))
            before = termios.tcgetattr(self.slave)
            self.screen = open(options.screen, "wb") if options.screen \
                else sys.stdout.buffer
        start = time.monotonic()
        self.pid = os.fork()
        if self.pid == 0:
            self.child()
        status = self.wait(start)
        took = int((time.monotonic() - start) * 1000)
        if self.slave is not None:
            while select.select([self.master], [], [], 0)[0] and self.look():
                pass
            if termios.tcgetattr(self.slave) != before:
                self.left.append("a terminal that is not as it was found")
            self.left += [f"never seen on the terminal: {text.decode()}"
                          for text, _ in options.steps]
        if not options.keep:
            self.collect()
        self.tell(status, took)
        return status

    def wait(self, start):
        deadline = start + self.options.within
        reader = [self.master] if self.master is not None else []
        while True:
            ended, status = os.waitpid(self.pid, os.WNOHANG)
            if ended:
                code = os.waitstatus_to_exitcode(status)
                return code if code >= 0 else 128 - code
            now = time.monotonic()
            if now > deadline:
                self.left.append("it did not end within its deadline")
                kill_all(descendants(os.getpid()))
                os.waitpid(self.pid, 0)
                return 124
            for when, what in [t for t in self.options.timed
                               if now - start >= t[0]]:
                self.options.timed.remove((when, what))
                self.do(what)
            if select.select(reader, [], [], 0.01)[0] and not self.look():
                reader = []

    def collect(self):
        """What is still there after a moment; then it is no more."""
        deadline = time.monotonic() + GRACE
        while True:
            try:
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            except ChildProcessError:
                pass
            living = descendants(os.getpid())
            if not living or time.monotonic() > deadline:
                break
            time.sleep(0.01)
        self.left += map(describe, living)
        kill_all(living)

    def tell(self, status, took):
        if self.options.report:
            with open(self.options.report, "w") as file:
                file.write(f"rc={status}\ntook={took}\n"
                           f"left={shlex.quote(chr(10).join(self.left))}\n")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--stop"]:
        stop([int(pid) for pid in sys.argv[2:]])
        sys.exit(0)
    sys.exit(Run(Options(sys.argv[1:])).go())
