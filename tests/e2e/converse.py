#!/usr/bin/python3
"""converse.py HEX... -- COMMAND... - a client of a plugin, word by word.

Sends each message (given without its length, blanks ignored), reads the reply
and prints it the same way; after one written as !HEX no reply is read, and
@COMMAND is run by the shell in between. Then closes, prints whatever else came,
and gives the plugin's exit status.
"""
import struct
import subprocess
import sys

at = sys.argv.index("--")
plugin = subprocess.Popen(sys.argv[at + 1:], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE)
for word in sys.argv[1:at]:
    if word.startswith("@"):
        subprocess.run(word[1:], shell=True, check=True)
        continue
    message = bytes.fromhex(word.lstrip("!"))
    plugin.stdin.write(struct.pack(">I", len(message)) + message)
    plugin.stdin.flush()
    if not word.startswith("!"):
        head = plugin.stdout.read(4)
        if len(head) < 4:
            print("end")
            break
        print(plugin.stdout.read(struct.unpack(">I", head)[0]).hex())
plugin.stdin.close()
rest = plugin.stdout.read()
if rest:
    print("more", rest.hex())
sys.exit(plugin.wait())
