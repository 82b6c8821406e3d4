#!/usr/bin/python3
"""tectia_server.py [--cut] [--within S] -- PLUGIN [ARGUMENT...] <TRANSCRIPT

Plays the server of a Tectia plugin by a transcript, line by line:

  > TEXT     sent to the plugin; \\r, \\n, \\0 and so on are bytes, and {x*9} is
             nine of x
  >- TEXT    the same without a newline
  >>         all that follows is sent at once, without waiting
  < TEXT     the plugin's next line is this one
  eof        the plugin's input ends here; it does after the last line anyway
  $ N        the plugin's exit status

Each line of the plugin must come within S seconds (5), and none may come that
the transcript has not; its output ends when it does. Exit status 1, and what
was different, otherwise.

--cut sends the transcript again and again, each time with its input ending
earlier: before, within and after each line but the last. The plugin must end
each time, without success and with an exit status that is not 0.
"""
import concurrent.futures
import os
import re
import selectors
import subprocess
import sys
import time


class Wrong(Exception):
    pass


def text(words):
    words = re.sub(r"\{(.+?)\*(\d+)\}", lambda m: m[1] * int(m[2]), words)
    return words.encode().decode("unicode_escape").encode("latin-1")


def show(data):
    return repr(data[:100])[1:]


class Plugin:
    def __init__(self, command, within):
        self.within = within
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, bufsize=0)
        self.source = self.process.stdout
        self.buffer = b""
        os.set_blocking(self.process.stdin.fileno(), False)

    def chunk(self, deadline):
        """More of its output, b"" at its end."""
        with selectors.DefaultSelector() as ready:
            ready.register(self.source, selectors.EVENT_READ)
            if not ready.select(max(0, deadline - time.monotonic())):
                raise Wrong("nothing came within %s s" % self.within)
        return self.source.read(65536)

    def send(self, data):
        """A plugin may have ended; what it said will tell."""
        deadline = time.monotonic() + self.within
        with selectors.DefaultSelector() as ready:
            ready.register(self.process.stdin, selectors.EVENT_WRITE)
            while data:
                if not ready.select(max(0, deadline - time.monotonic())):
                    raise Wrong("it does not read")
                try:
                    data = data[os.write(self.process.stdin.fileno(), data):]
                except BrokenPipeError:
                    return

    def line(self):
        deadline = time.monotonic() + self.within
        while b"\n" not in self.buffer:
            more = self.chunk(deadline)
            if not more:
                return None
            self.buffer += more
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line

    def end(self):
        """Ends its input; the rest of its output, and its exit status."""
        self.process.stdin.close()
        deadline = time.monotonic() + self.within
        while more := self.chunk(deadline):
            self.buffer += more
        try:
            return self.buffer, self.process.wait(self.within)
        except subprocess.TimeoutExpired:
            raise Wrong("it closed its output and does not end") from None


def play(plugin, steps):
    status = None
    for number, (deed, words) in enumerate(steps):
        if deed in (">", ">-"):
            plugin.send(text(words) + (b"\n" if deed == ">" else b""))
        elif deed == ">>":
            plugin.send(b"".join(text(words) + b"\n"
                                 for deed, words in steps[number + 1:]
                                 if deed == ">"))
            steps = steps[number + 1:]
            return play(plugin, [step for step in steps if step[0] != ">"])
        elif deed == "<":
            line = plugin.line()
            if line is None:
                raise Wrong("its output ended, %s was expected" % show(text(words)))
            if line != text(words):
                raise Wrong("it said %s, %s was expected" %
                            (show(line), show(text(words))))
        elif deed == "eof":
            plugin.process.stdin.close()
        elif deed == "$":
            status = int(words)
    rest, got = plugin.end()
    if rest:
        raise Wrong("it went on: %s" % show(rest))
    if status is not None and got != status:
        raise Wrong("its exit status is %d, not %d" % (got, status))


def cut(plugin, steps):
    """Without the verdict's lines: only what leads up to it."""
    said = b""
    for deed, words in steps:
        if deed in (">", ">-"):
            plugin.send(text(words) + (b"\n" if deed == ">" else b""))
        elif deed == "<":
            line = plugin.line()
            if line is None:
                break
            said += line + b"\n"
    rest, status = plugin.end()
    if re.search(b"^success", said + rest, re.M | re.I):
        raise Wrong("it said success")
    if status == 0:
        raise Wrong("its exit status is 0")


def cuts(steps):
    """All that the transcript can be cut down to."""
    last = max(n for n, (deed, _) in enumerate(steps) if deed == ">")
    for number, (deed, words) in enumerate(steps[:last + 1]):
        if deed != ">":
            continue
        before = steps[:number]
        yield before
        for size in sorted({1, len(words) // 2, len(words) - 1, len(words)}):
            yield before + [(">-", words[:size])]


def run(command, within, steps, how):
    plugin = Plugin(command, within)
    try:
        how(plugin, steps)
        return 0
    except Wrong as wrong:
        print("%s\n  in %s" % (wrong, steps), file=sys.stderr)
        return 1
    finally:
        if plugin.process.poll() is None:
            plugin.process.kill()
            plugin.process.wait()
        plugin.source.close()


def main():
    arguments = sys.argv[1:]
    options, command = arguments[:arguments.index("--")], \
        arguments[arguments.index("--") + 1:]
    within = 5.0
    if "--within" in options:
        within = float(options[options.index("--within") + 1])
    steps = []
    for line in sys.stdin.read().splitlines():
        deed, _, words = line.partition(" ")
        if deed:
            steps.append((deed, words))
    if "--cut" not in options:
        return run(command, within, steps, play)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        return max(pool.map(lambda s: run(command, within, s, cut),
                            list(cuts(steps))))


if __name__ == "__main__":
    sys.exit(main())
