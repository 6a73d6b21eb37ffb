"""An IMAP server with one mail as large as one likes, made while it is sent: what is asked for is counted."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

HEAD = b"From: Maria <maria@example.org>\r\nSubject: huge\r\nMessage-ID: <huge@example.org>\r\n\r\n"
_BLOCK = b"x" * 65_536


@dataclass
class HugeMailbox:
    """``sent``: bytes to the client, whatever they were."""

    size: int
    port: int = 0
    sent: int = 0
    fetched: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._say(writer, b"* OK ready\r\n")
            while line := await reader.readline():
                tag, _, command = line.strip().partition(b" ")
                await self._answer(writer, command.upper())
                await self._say(writer, tag + b" OK done\r\n")
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def _answer(self, writer: asyncio.StreamWriter, command: bytes) -> None:
        if command == b"CAPABILITY":
            await self._say(writer, b"* CAPABILITY IMAP4rev1\r\n")
        elif command.startswith(b"SELECT"):
            await self._say(writer, b"* 1 EXISTS\r\n* OK [UIDVALIDITY 7]\r\n* OK [UIDNEXT 2]\r\n")
        elif command.startswith(b"UID SEARCH"):
            await self._say(writer, b"* SEARCH 1\r\n")
        elif command.startswith(b"UID FETCH"):
            self.fetched.append(command)
            await self._fetch(writer, command)

    async def _fetch(self, writer: asyncio.StreamWriter, command: bytes) -> None:
        if b"RFC822.SIZE" in command:
            await self._say(writer, b"* 1 FETCH (UID 1 RFC822.SIZE %d)\r\n" % self.size)
            return
        part = re.search(rb"<0\.(\d+)>", command)
        left = min(self.size, int(part[1])) if part else self.size
        await self._say(writer, b"* 1 FETCH (UID 1 BODY[]<0> {%d}\r\n" % left)
        for block in (HEAD, *[_BLOCK] * (left // len(_BLOCK) + 1)):
            await self._say(writer, block[:left])
            left -= len(block[:left])
        await self._say(writer, b")\r\n")

    async def _say(self, writer: asyncio.StreamWriter, words: bytes) -> None:
        self.sent += len(words)
        writer.write(words)
        await writer.drain()


@asynccontextmanager
async def huge_mailbox(size: int) -> AsyncIterator[HugeMailbox]:
    mailbox = HugeMailbox(size)
    server = await asyncio.start_server(mailbox.serve, "127.0.0.1", 0)
    mailbox.port = server.sockets[0].getsockname()[1]
    async with server:
        yield mailbox
