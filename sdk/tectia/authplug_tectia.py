"""authplug_tectia - helper functions for Tectia server plugins in Python.

    import sys
    import authplug_tectia as plugin

    try:
        user = plugin.params()["user_name"]
        color, code = plugin.ask("Who are you?", ("req_echo", "Color: "),
                                 ("req", "Code: "))
    except (plugin.Fault, KeyError):
        plugin.failure()
        sys.exit(2)

Values come from whoever tries to log in. They are text; bytes that are no
UTF-8 go in and out unchanged, as surrogates. Standard output belongs to the
protocol: a stray print() lands in the middle of it.
"""
import os
import re
import sys

LINE_MAX = 65536    # bytes in a line
LINES_MAX = 256     # lines in a list, its end included

_broken = False     # for good, once the server's words made no sense


class Fault(Exception):
    """The list did not come whole and sound; the plugin must fail."""


def _fault(what):
    global _broken
    _broken = True
    raise Fault(what)


def _line():
    line = sys.stdin.buffer.readline(LINE_MAX + 1)
    if not line.endswith(b"\n"):
        _fault("a line is too long" if len(line) > LINE_MAX
               else "the input ended before the list did")
    if b"\r" in line or b"\0" in line:
        _fault("a line holds a CR or NUL")
    return line[:-1].decode("utf-8", "surrogateescape")


def recv(words):
    """Reads a list up to the line end_of_WORDS: [(key, value), ...], the keys
    in lower case. Lines that are no pairs are passed over."""
    pairs = []
    for _ in range(LINES_MAX):
        if _broken:
            break
        key, colon, value = _line().partition(":")
        if not colon and key.lower() == "end_of_" + words.lower():
            return pairs
        if colon and re.fullmatch("[A-Za-z0-9_]+", key):
            pairs.append((key.lower(), value))
    _fault("a list is too long, or there was a fault before")


def params():
    """Reads the list that every conversation begins with, as a dict."""
    return dict(recv("params"))


def send(key, value=None):
    """Says a word, or key:value. ValueError, and nothing said, where that
    would be more than one line."""
    line = key if value is None else key + ":" + value
    data = line.encode("utf-8", "surrogateescape")
    if not re.fullmatch("[A-Za-z0-9_]+", key) or re.search("[\r\n\0]", line) \
            or len(data) > LINE_MAX:
        raise ValueError("not to be sent as one line")
    try:
        sys.stdout.buffer.write(data + b"\n")
        sys.stdout.buffer.flush()
    except BrokenPipeError:  # the server went away; its input ends as well
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def ask(instruction, *prompts):
    """Asks the user, and returns the list of replies, exactly one for each
    prompt: ("req", TEXT), or ("req_echo", TEXT) to show what is typed."""
    if instruction:
        send("instruction", instruction)
    for key, text in prompts:
        send(key, text)
    send("end_of_requests")
    replies = [value for key, value in recv("replies") if key == "reply"]
    if len(replies) != len(prompts):
        _fault("the replies are more or fewer than the prompts")
    return replies


def success():
    """The verdict. After a fault it is failure, whatever caught it."""
    send("failure" if _broken else "success")


def failure():
    send("failure")
