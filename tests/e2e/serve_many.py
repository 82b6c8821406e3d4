#!/usr/bin/python3
"""serve_many.py PORT COUNT METHOD - COUNT logins at once.

METHOD is kbdint, password or mute; those that are mute connect, say nothing,
and stay until standard input ends. Prints how many succeeded, and the time in
milliseconds from the first connection to the end of the last.
"""
import asyncio
import sys
import time

from serve_client import packet, start


async def log_in(port, method):
    client = await start(port)
    if method == "kbdint":
        client.send_packet(*packet("kbdint", [b"alice"]))
        if not (await client.said.get())[1].startswith("ask"):
            return False
        client.send_packet(*packet("reply", [b"red", b"rex", b"yes"]))
    else:
        client.send_packet(*packet("password", [b"alice", b"sesame"]))
    said = (await client.said.get())[1]
    client.abort()
    return said == "success"


async def stay(port, count):
    kept = [await asyncio.open_connection("127.0.0.1", port)
            for _ in range(count)]
    print(len(kept), "are there", flush=True)
    await asyncio.get_event_loop().run_in_executor(None, sys.stdin.read)


async def main(port, count, method):
    port, count = int(port), int(count)
    if method == "mute":
        await stay(port, count)
        return 0
    began = time.monotonic()
    came = await asyncio.gather(*(log_in(port, method) for _ in range(count)),
                                return_exceptions=True)
    took = 1000 * (time.monotonic() - began)
    print(came.count(True), "of", count, "logged in, in", int(took), "ms")
    for other in {repr(c) for c in came if c is not True}:
        print(other)
    return came.count(True) != count


sys.exit(asyncio.run(main(*sys.argv[1:])))
