#!/usr/bin/python3
"""serve_plugin.py DEED... - a server plugin that does as it is told, in order.

  params             reads the parameters
  ask INSTRUCTION PROMPT... .   asks; a prompt that begins with + is shown
                     while it is typed; "" is no instruction. Reads the replies
  want REPLY... .    unless these were the last replies, fails
  success, failure   say the verdict
  say LINE           writes it
  long N             writes a line of so many bytes
  sleep S            does nothing
  err LINE           writes it to standard error
  record FILE        what is read from here on is added to FILE, and "end" when
                     the input ends
  hold               reads until its input ends
  die                kills itself
  ignore             ignores TERM and HUP
  fork               leaves a child behind that keeps all it has open
  forever LINE       writes it again and again
"""
import os
import signal
import sys
import time

deeds = sys.argv[1:]
recorded = None
replies = []


def record(text):
    if recorded:
        with open(recorded, "a") as file:
            file.write(text + "\n")


def read_list(end):
    lines = []
    for line in sys.stdin:
        line = line.rstrip("\n")
        record(line)
        if line == end:
            return lines
        lines.append(line)
    record("end")
    sys.exit(3)


def say(line):
    print(line, flush=True)


def until_dot():
    at = deeds.index(".")
    words = deeds[:at]
    del deeds[:at + 1]
    return words


while deeds:
    deed = deeds.pop(0)
    if deed == "params":
        read_list("end_of_params")
    elif deed == "ask":
        instruction, *prompts = until_dot()
        if instruction:
            say("instruction:" + instruction)
        for prompt in prompts:
            say("req_echo:" + prompt[1:] if prompt[:1] == "+"
                else "req:" + prompt)
        say("end_of_requests")
        replies = [line.partition(":")[2]
                   for line in read_list("end_of_replies")]
    elif deed == "want":
        if until_dot() != replies:
            say("failure")
            sys.exit(1)
    elif deed in ("success", "failure"):
        say(deed)
    elif deed == "say":
        say(deeds.pop(0))
    elif deed == "long":
        say("req:" + int(deeds.pop(0)) * "x")
    elif deed == "sleep":
        time.sleep(float(deeds.pop(0)))
    elif deed == "err":
        print(deeds.pop(0), file=sys.stderr, flush=True)
    elif deed == "record":
        recorded = deeds.pop(0)
    elif deed == "hold":
        for line in sys.stdin:
            record(line.rstrip("\n"))
        record("end")
    elif deed == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    elif deed == "ignore":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    elif deed == "fork":
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(60)
            os._exit(0)
    elif deed == "forever":
        while True:
            say(deeds[0])
    else:
        sys.exit("serve_plugin.py: what is " + deed)
