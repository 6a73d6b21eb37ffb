"""A real IMAP server within the test's loop: pymap, and before it a way that can be cut, slow or deaf."""

import asyncio
import contextlib
import ssl
from argparse import ArgumentParser
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imapclient import IMAPClient
from proxyprotocol.reader import ProxyProtocolReader
from pymap.backend.dict import DictBackend
from pymap.imap import IMAPServer, IMAPService
from pysasl.hashing import Cleartext

from bridge.crm.imap import Account

USER, PASSWORD = "help@daisy.example", "p@ss:w%rd"


@dataclass
class ImapServer:
    """``cut_after``: so many bytes to the client, then the connection breaks, once. ``deaf``: no answer."""

    port: int = 0
    behind: int = 0  # the server itself
    cut_after: int | None = None
    deaf: bool = False
    trusting: ssl.SSLContext | None = None  # the server lets in after STARTTLS only
    connections: int = 0
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    def account(self, **fields: Any) -> Account:
        values: dict[str, Any] = {
            "port": self.port,
            "security": "none",
            "username": USER,
            "password": PASSWORD,
            "context": ssl.create_default_context(),
            "connect_seconds": 2.0,
            "read_seconds": 5.0,
        }
        return Account("127.0.0.1", **{**values, **fields})

    async def put(self, raw: bytes, *flags: bytes, folder: str = "INBOX") -> None:
        await self._do(lambda client: client.append(folder, raw, flags))

    async def flags(self, folder: str = "INBOX") -> dict[bytes, set[bytes]]:
        """Subject line → flags."""

        def look(client: IMAPClient) -> dict[bytes, set[bytes]]:
            client.select_folder(folder, readonly=True)
            found = client.fetch(client.search(), ["FLAGS", "BODY.PEEK[HEADER.FIELDS (SUBJECT)]"])
            return {
                one[b"BODY[HEADER.FIELDS (SUBJECT)]"].strip().removeprefix(b"Subject: "): set(one[b"FLAGS"])
                - {b"\\Recent"}
                for one in found.values()
            }

        found: dict[bytes, set[bytes]] = await self._do(look)
        return found

    async def unmark(self, uid: int) -> None:
        def remove(client: IMAPClient) -> None:
            client.select_folder("INBOX")
            client.remove_flags([uid], [b"\\Seen"])

        await self._do(remove)

    async def made_anew(self, *mails: bytes) -> None:
        """The folder with a new UIDVALIDITY, as after a restore from a backup."""

        def again(client: IMAPClient) -> None:
            client.rename_folder("INBOX", f"Old{self.connections}")
            for raw in mails:
                client.append("INBOX", raw)

        await self._do(again)
        self.hang_up()

    def hang_up(self) -> None:
        for writer in tuple(self._open):
            writer.close()

    async def _do(self, work: Any) -> Any:
        def run() -> Any:
            client = IMAPClient("127.0.0.1", port=self.behind, ssl=False, timeout=5)
            try:
                if self.trusting is not None:
                    client.starttls(self.trusting)
                client.login(USER, PASSWORD)
                return work(client)
            finally:
                client.logout()

        return await asyncio.to_thread(run)

    async def relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._open.add(writer)
        there, back = await asyncio.open_connection("127.0.0.1", self.behind)
        try:
            async with asyncio.TaskGroup() as group:
                up = group.create_task(self._pump(reader, back))
                await self._pump(there, writer, down=True)
                up.cancel()
        except* OSError:
            pass
        finally:
            self._open.discard(writer)
            back.close()
            writer.close()

    async def _pump(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, down: bool = False
    ) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await source.read(512):
                if down and self.cut_after is not None:
                    self.cut_after -= len(data)
                    if self.cut_after < 0:
                        self.cut_after = None
                        return
                if not (down and self.deaf):
                    target.write(data)
                    await target.drain()
        if not down:
            target.close()


@asynccontextmanager
async def imap_server(
    *, tls: ssl.SSLContext | None = None, starttls: tuple[Path, ssl.SSLContext] | None = None
) -> AsyncIterator[ImapServer]:
    """``tls``: from the first byte. ``starttls``: where its certificate and key are, and who trusts them."""
    parser = ArgumentParser()
    DictBackend.add_subparser("dict", parser.add_subparsers(dest="backend"))
    IMAPService.add_arguments(parser)
    parser.set_defaults(debug=False, passlib_cfg=None)
    way = ["--no-tls"]
    if starttls is not None:
        way = ["--cert", str(starttls[0] / "certificate.pem"), "--key", str(starttls[0] / "key.pem")]
    arguments = parser.parse_args([*way, "dict", "--demo-user", USER, "--demo-password", PASSWORD])
    backend, config = await DictBackend.init(arguments, hash_context=Cleartext())
    config.apply_context()
    served = ProxyProtocolReader(config.proxy_protocol).get_callback(IMAPServer(backend.login, config))
    behind = await asyncio.start_server(served, "127.0.0.1", 0)
    server = ImapServer(
        behind=behind.sockets[0].getsockname()[1], trusting=starttls[1] if starttls is not None else None
    )
    before = await asyncio.start_server(server.relay, "127.0.0.1", 0, ssl=tls)
    server.port = before.sockets[0].getsockname()[1]
    async with behind, before:
        try:
            yield server
        finally:
            server.hang_up()
