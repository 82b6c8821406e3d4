#!/usr/bin/python3
"""memory.py [OPTION]... -- COMMAND... - what a plugin's memory holds.

Holds a dialogue with the plugin as its client, stops before its end, and looks
through all of the plugin's memory that can be read.

  --host HOST       the server
  --ask PROMPT      a request of one prompt; the answer is written to standard
                    output
  --tell OUTCOME    success or failure: what became of the answers
  --has TEXT        in memory, or this looks into nothing
  --hex BYTES       must not be there
  --lacks TEXT      must not be there
  --answers         nor may any of the answers that were given

Prints what is there that must not be, and gives 1 then; 2 where what must be
there is not. What it has to do after the outcome it gets two seconds for.
"""
import re
import struct
import subprocess
import sys
import time

at = sys.argv.index("--")
options, host = [], "h.example"
words = iter(sys.argv[1:at])
for word in words:
    options.append((word, "" if word == "--answers" else next(words)))
plugin = subprocess.Popen(sys.argv[at + 1:], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE)


def text(value):
    data = value.encode()
    return struct.pack(">I", len(data)) + data


def say(kind, body=b""):
    plugin.stdin.write(struct.pack(">I", len(body) + 1) + bytes([kind]) + body)
    plugin.stdin.flush()


def hear():
    head = plugin.stdout.read(4)
    if len(head) < 4:
        sys.exit("memory.py: the plugin ended")
    return plugin.stdout.read(struct.unpack(">I", head)[0])


def ask(prompt):
    say(20, text("") + text("") + text("") + struct.pack(">I", 1) +
        text(prompt) + b"\0")
    reply = hear()
    while reply[0] == 22 or reply[0] == 23:     # a notice to the user
        say(23, struct.pack(">I", 0))
        reply = hear()
    if reply[0] != 21:
        sys.exit(f"memory.py: no answer but {reply.hex()}")
    return reply[9:]


def memory():
    with open(f"/proc/{plugin.pid}/maps") as maps, \
            open(f"/proc/{plugin.pid}/mem", "rb") as mem:
        for line in maps:
            found = re.match(r"(\w+)-(\w+) r", line)
            if not found or "[v" in line:
                continue
            start, end = (int(x, 16) for x in found.groups())
            mem.seek(start)
            try:
                yield line.split()[-1], mem.read(end - start)
            except OSError:
                pass


for name, value in options:
    if name == "--host":
        host = value
say(1, struct.pack(">I", 2) + text(host) + struct.pack(">I", 22) + text("me"))
hear()
say(3, text("keyboard-interactive"))
hear()
lacks, has, until = [], [], 0
for name, value in options:
    if name == "--ask":
        answer = ask(value)
        print(answer.decode())
        if ("--answers", "") in options:
            lacks.append(answer)
    elif name == "--tell":
        say(6 if value == "success" else 7)
        until = time.monotonic() + 2
    elif name == "--has":
        has.append(value.encode())
    elif name == "--hex":
        lacks.append(bytes.fromhex(value))
    elif name == "--lacks":
        lacks.append(value.encode())
while True:
    found, missing = [], set(has)
    for where, data in memory():
        missing -= {x for x in missing if x in data}
        found += [f"{x!r} is in {where}" for x in lacks if x in data]
    if not found or time.monotonic() > until:
        break
    time.sleep(0.05)
plugin.stdin.close()
plugin.wait()
for line in found:
    print(line)
if missing:
    print("not found:", *missing)
sys.exit(2 if missing else 1 if found else 0)
