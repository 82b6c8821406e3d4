#!/usr/bin/python3
"""serve_times.py PORT ROUNDS LEAST SPREAD METHOD:USER... - the times of
refusals, side by side; METHOD is kbdint, password or change, of a password.

In each round all users try to log in at the same time, with an answer that is
wrong, and the time from the reply (or the password) to the refusal is noted.
Prints the least, the median and the most of each user. Exit status 1 when a
refusal came sooner than LEAST ms, or two medians differ by more than SPREAD.
"""
import asyncio
import statistics
import sys
import time

from serve_client import packet, start


async def refusal(port, who):
    """Milliseconds, or None where there was no refusal."""
    method, user = who.split(":")
    client = await start(port)
    name = user.encode()
    if method == "kbdint":
        client.send_packet(*packet("kbdint", [name]))
        if not (await client.said.get())[1].startswith("ask"):
            return None
        sent = time.monotonic()
        client.send_packet(*packet("reply", [b"wrong"]))
    else:
        sent = time.monotonic()
        client.send_packet(*packet(method, [name, b"wrong", b"newer-one"]))
    when, said = await client.said.get()
    took = 1000 * (when - sent)
    client.abort()
    return took if said.startswith("failure") else None


async def main(port, rounds, least, spread, *users):
    times = {user: [] for user in users}
    for _ in range(int(rounds)):
        got = await asyncio.gather(*(refusal(int(port), user)
                                     for user in users))
        for user, took in zip(users, got):
            times[user].append(took)
    good = True
    for user, took in times.items():
        if None in took:
            print(user, "was not refused")
            return 1
        print("%-16s %7.1f %7.1f %7.1f" %
              (user, min(took), statistics.median(took), max(took)))
        good = good and min(took) >= float(least)
    middles = [statistics.median(took) for took in times.values()]
    return not (good and max(middles) - min(middles) <= float(spread))


sys.exit(asyncio.run(main(*sys.argv[1:])))
