#!/usr/bin/python3
"""passwd_program.py DEED [ARGUMENT...] - a program that changes passwords, as
ssh-passwd-plugin may meet one. It runs in the plugin's terminal.

  change OLD         asks as passwd does; OLD is the password
  play FILE [STATUS] writes a transcript, waiting at the lines that say so, and
                     ends with the status
  split              asks one question, cut in two at each byte of it
  slow SECONDS       asks, a byte each so many seconds
  flood BYTES [LINE] writes so much that no rule knows, in lines of LINE bytes
  expire             says that the password will expire, then asks
  echo               turns echo on, asks, and says nothing more
  odd                asks between NULs and what is no UTF-8
  unended WORDS      asks, says WORDS without a newline, and ends
  early [STATUS]     ends before it has asked for all
  orphan             asks, leaves a child behind that holds the terminal
  stubborn           asks, and ends for nothing less than KILL
  endless            asks again and again
  hex                asks, and says what it got in hexadecimal
  look               says what terminal and environment it has
  mute               closes its terminal and stays
"""
import os
import signal
import subprocess
import sys
import termios
import time


def say(data):
    if isinstance(data, str):
        data = data.encode()
    while data:
        data = data[os.write(1, data):]


def hear():
    line = b""
    while not line.endswith(b"\n"):
        got = os.read(0, 1)
        if not got:
            sys.exit(3)
        line += got
    say("\n")
    return line[:-1]


def ask(prompt):
    say(prompt)
    return hear()


def ask_new():
    return ask("New password: "), ask("Retype new password: ")


def change(old):
    say("Changing password for somebody.\n")
    if ask("Current password: ") != os.fsencode(old):
        say("passwd: Authentication token manipulation error\n")
        sys.exit(10)
    new, again = ask_new()
    if new != again:
        say("Sorry, passwords do not match.\n")
        sys.exit(10)
    if len(new) < 6:
        say("You must choose a longer password.\n")
        sys.exit(10)
    say("passwd: password updated successfully\n")


def play(path, status="0"):
    for line in open(path, "rb"):
        for mark in b"$user_name$", b"$old_password$", b"$new_password$":
            if line.rstrip(b"\n").endswith(mark):
                ask(line.rstrip(b"\n")[:-len(mark)])
                break
        else:
            say(line)
    sys.exit(int(status))


def split():
    prompt = "New password: "
    for i in range(1, len(prompt)):
        say(prompt[:i])
        time.sleep(0.03)
        if ask(prompt[i:]) != b"newpassw0rd":
            sys.exit(1)
    ask("Retype new password: ")
    say("passwd: password updated successfully\n")


def slow(seconds):
    for prompt in "New password: ", "Retype new password: ":
        for byte in prompt:
            time.sleep(float(seconds))
            say(byte)
        hear()
    say("passwd: password updated successfully\n")


def flood(count, line="80"):
    piece = (b"x" * (int(line) - 1) + b"\n") * max(1, 65536 // int(line))
    count = int(count)
    while count > 0:
        say(piece)
        count -= len(piece)
    ask_new()
    say("passwd: password updated successfully\n")


def expire():
    say("Your password will expire in 3 days.\n")
    time.sleep(0.3)
    new, again = ask_new()
    say("got %s\n" % (b"%s %s" % (new, again)).hex())
    say("passwd: password updated successfully\n")


def echo():
    t = termios.tcgetattr(0)
    t[3] |= termios.ECHO
    termios.tcsetattr(0, termios.TCSANOW, t)
    ask_new()
    time.sleep(30)


def odd():
    say(b"\0\xff\xfe\x1b[2J\n\0\0\xc3(\n\xe2\x80\xae")
    say("\n")
    ask_new()
    say(b"\0\xffpasswd: password updated successfully\xff\0\n")


def unended(*words):
    ask_new()
    say(" ".join(words))


def early(status="0"):
    ask("Current password: ")
    sys.exit(int(status))


def orphan():
    ask_new()
    if os.fork() == 0:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        time.sleep(60)
        sys.exit()
    say("passwd: password updated successfully\n")


def stubborn():
    for number in signal.SIGHUP, signal.SIGTERM, signal.SIGINT:
        signal.signal(number, signal.SIG_IGN)
    ask_new()
    while True:
        time.sleep(60)


def endless():
    while True:
        ask("New password: ")


def in_hex():
    new = ask("New password: ")
    ask("Retype new password: ")
    say("<%s>\n" % new.hex())


def look(*words):
    tty = os.ttyname(0)
    flags = termios.tcgetattr(0)[3]
    say("sid %s\n" % (os.getsid(0) == os.getpid()))
    say("ctty %s\n" % (os.open("/dev/tty", os.O_RDWR) > 2))
    say("same %s\n" % (tty == os.ttyname(1) == os.ttyname(2)))
    say("echo %s\n" % bool(flags & termios.ECHO))
    say("fds %s\n" % sorted(int(f) for f in os.listdir("/proc/self/fd"))[:3])
    for name in sorted(os.environ):
        say("%s=%s\n" % (name, os.environ[name]))
    say("args %s\n" % list(words))
    # all that other users could see, of us and of who started us
    for pid in os.getpid(), os.getppid():
        for what in "cmdline", "environ":
            try:
                data = open("/proc/%d/%s" % (pid, what), "rb").read()
            except OSError:
                continue
            if b"newpassw0rd" in data or b"oldpassw0rd" in data:
                say("seen in %s\n" % what)
    sys.exit(4)


def mute():
    for fd in 0, 1, 2:
        os.close(fd)
    time.sleep(60)


if __name__ == "__main__":
    deed = in_hex if sys.argv[1] == "hex" else globals()[sys.argv[1]]
    deed(*sys.argv[2:])
