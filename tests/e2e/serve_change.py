#!/usr/bin/python3
"""serve_change.py PORT USER FILE [COMMAND] - logs in with asyncssh's own method
`password`. FILE has a password in each line: the first is the user's, the
others are new ones, given one by one as the server asks for them. Prints what
the server says, then what the command does.
"""
import asyncio
import sys
import warnings

warnings.simplefilter("ignore")
import asyncssh                                              # noqa: E402


class Client(asyncssh.SSHClient):
    def __init__(self, passwords):
        self.old, *self.new = passwords
        self.asked = False

    def password_auth_requested(self):
        asked, self.asked = self.asked, True
        return None if asked else self.old

    def password_change_requested(self, prompt, lang):
        print("asked %r %r" % (prompt, lang))
        return (self.old, self.new.pop(0)) if self.new else NotImplemented

    def password_changed(self):
        print("changed")

    def password_change_failed(self):
        print("not changed")


async def main(port, user, passwords, command):
    with open(passwords) as file:
        client = Client(file.read().splitlines())
    connection, _ = await asyncssh.create_connection(
        lambda: client, "127.0.0.1", int(port), username=user,
        known_hosts=None, client_keys=[], agent_path=None, config=[],
        preferred_auth="password")
    async with connection:
        result = await connection.run(command)
        print(result.stdout, end="")


try:
    asyncio.run(main(*sys.argv[1:]))
except asyncssh.Error as error:
    sys.exit("refused: %s" % error.reason)
