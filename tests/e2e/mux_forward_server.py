# A server that opens channels to its client which nobody has asked for, and
# tells the session which of them were taken.
#
#     mux_forward_server.py HOST-KEY PORT-FILE
import asyncio
import os
import sys

import asyncssh


class Server(asyncssh.SSHServer):
    def begin_auth(self, username):
        return False


async def attempt(name, opening):
    try:
        await asyncio.wait_for(opening, 10)
        return "%s taken\n" % name
    except asyncssh.ChannelOpenError:
        return "%s denied\n" % name
    except asyncio.TimeoutError:
        return "%s unanswered\n" % name


async def session(process):
    connection = process.channel.get_connection()
    for name, opening in (
        ("port", connection.open_connection("localhost", 22, "127.0.0.1", 9)),
        ("zero", connection.open_connection("", 0, "127.0.0.1", 9)),
        ("path", connection.open_unix_connection("/tmp/x")),
        ("agent", connection.open_agent_connection()),
    ):
        process.stdout.write(await attempt(name, opening))
    process.exit(0)


async def main():
    key, port_file = sys.argv[1:]
    server = await asyncssh.create_server(
        Server, "127.0.0.1", 0, server_host_keys=[key],
        process_factory=session, agent_forwarding=True)
    with open(port_file + ".new", "w") as f:
        f.write("%d\n" % server.sockets[0].getsockname()[1])
    os.rename(port_file + ".new", port_file)
    await asyncio.sleep(600)


asyncio.run(main())
