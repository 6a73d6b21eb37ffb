"""The HTTP client against a server that does as it is told: connections kept, closed, cut, silent, wrong."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from bridge.ari import http as module
from bridge.ari.http import HttpClient, NoConnection
from tests.fakes.inbox import until

Answer = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


def reply(body: bytes = b"", *, status: str = "200 OK", headers: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body


class Server:
    """``answers`` are used one after another, the last of them for ever."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.requests: list[bytes] = []
        self.connections = 0
        self.open = 0
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
                self.requests.append(head + await reader.readexactly(length))
                answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                await answer(self.requests[-1], writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.open -= 1
            writer.close()

    def says(self, *whole: bytes) -> None:
        async def say(what: bytes, writer: asyncio.StreamWriter) -> None:
            writer.write(what)
            await writer.drain()

        self.answers = [lambda _, writer, what=what: say(what, writer) for what in whole]  # type: ignore[misc]


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()
    listening = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = listening.sockets[0].getsockname()[1]
    yield made
    listening.close()
    await until(lambda: made.open == 0)


@pytest.fixture
async def client(server: Server) -> AsyncIterator[HttpClient]:
    made = HttpClient(f"http://127.0.0.1:{server.port}", {"Authorization": "Basic x"})
    yield made
    await made.close()


async def get(client: HttpClient, seconds: float = 5) -> tuple[int, bytes]:
    found = await client.request("GET", "/a?b=c", None, seconds)
    return found.status, found.body


async def test_what_is_sent(server: Server, client: HttpClient) -> None:
    server.says(reply(status="204 No Content"))
    await client.request("POST", "/a?b=c", b'{"d":1}', 5)
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert body == b'{"d":1}'
    assert head.split(b"\r\n") == [
        b"POST /a?b=c HTTP/1.1",
        f"Host: 127.0.0.1:{server.port}".encode(),
        b"Authorization: Basic x",
        b"Content-Type: application/json",
        b"Content-Length: 7",
    ]


async def test_one_connection_for_one_request_after_another(server: Server, client: HttpClient) -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    server.says(reply(b"one"), reply(status="204 No Content"), chunked, reply(b"x" * 300_000), reply(b"end"))
    assert await get(client) == (200, b"one")
    assert await get(client) == (204, b"")
    assert await get(client) == (200, b"abcde")
    assert await get(client) == (200, b"x" * 300_000)
    assert await get(client) == (200, b"end")
    assert server.connections == 1


async def test_as_many_connections_as_requests_at_once(server: Server, client: HttpClient) -> None:
    gate = asyncio.Event()

    async def later(request: bytes, writer: asyncio.StreamWriter) -> None:
        await gate.wait()
        writer.write(reply(request.split()[1]))

    server.answers = [later]
    asked = [asyncio.create_task(client.request("GET", f"/{n}", None, 5)) for n in range(20)]
    await until(lambda: len(server.requests) == 20)
    gate.set()
    assert [found.body for found in await asyncio.gather(*asked)] == [b"/%d" % n for n in range(20)]
    assert server.connections == 20
    await get(client)
    assert server.connections == 20


async def test_no_more_than_so_many(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_CONNECTIONS", 3)
    client = HttpClient(f"http://127.0.0.1:{server.port}", {})
    server.says(reply(b"x"))
    await asyncio.gather(*(get(client) for _ in range(30)))
    assert server.connections <= 3
    await client.close()


async def test_only_a_few_connections_are_being_made_at_a_time(
    client: HttpClient, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asterisk lets ten wait to be accepted; of more the first packet is lost, and a second with it."""
    made, making, most = HttpClient._connect, 0, 0

    async def slowly(self: HttpClient) -> module._Connection:
        nonlocal making, most
        making += 1
        most = max(most, making)
        await asyncio.sleep(0.01)
        making -= 1
        return await made(self)

    monkeypatch.setattr(HttpClient, "_connect", slowly)
    server.says(reply(b"x"))
    await asyncio.gather(*(get(client) for _ in range(40)))
    assert most == 4
    # Who waited for his turn took a connection that had become free meanwhile.
    assert server.connections < 40


async def test_a_connection_counts_as_being_made_until_the_server_speaks(
    client: HttpClient, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that waits to be accepted looks made to us."""
    monkeypatch.setattr(module, "_ACCEPTED_SECONDS", 60)
    gate = asyncio.Event()

    async def later(_: bytes, writer: asyncio.StreamWriter) -> None:
        await gate.wait()
        writer.write(reply(b"x"))

    server.answers = [later]
    asked = [asyncio.create_task(get(client)) for _ in range(20)]
    await until(lambda: len(server.requests) == 4)
    await asyncio.sleep(0.1)
    assert server.connections == 4
    gate.set()
    await asyncio.gather(*asked)


async def test_connection_that_the_server_closes_is_not_used_again(
    server: Server, client: HttpClient
) -> None:
    server.says(reply(b"last", headers="Connection: close\r\n"), reply(b"new"))
    assert await get(client) == (200, b"last")
    assert await get(client) == (200, b"new")
    assert server.connections == 2


async def test_more_than_was_announced_is_not_the_next_reply(server: Server, client: HttpClient) -> None:
    server.says(reply(b"a file") + b" that grew meanwhile", reply(b"new"))
    assert await get(client) == (200, b"a file")
    assert await get(client) == (200, b"new")
    assert server.connections == 2


async def test_connection_that_ended_while_it_was_idle_is_not_used_again(
    server: Server, client: HttpClient
) -> None:
    async def answer_and_leave(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(reply(b"x"))
        writer.close()

    server.answers = [answer_and_leave]
    for _ in range(3):
        assert await get(client) == (200, b"x")
        await until(lambda: server.open == 0)
        await asyncio.sleep(0.01)


async def test_connection_that_was_idle_for_long_is_not_used_again(
    server: Server, client: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.says(reply(b"x"))
    await get(client)
    monkeypatch.setattr(module, "_KEEP_SECONDS", 0.0)
    await get(client)
    assert server.connections == 2


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x00" * 100,
    ],
)
async def test_no_whole_reply(server: Server, client: HttpClient, said: bytes) -> None:
    async def say_and_leave(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        writer.close()

    server.answers = [say_and_leave]
    with pytest.raises(NoConnection):
        await get(client)
    server.says(reply(b"well again"))
    assert await get(client) == (200, b"well again")


async def test_silence(server: Server, client: HttpClient) -> None:
    async def nothing(_: bytes, __: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0)

    server.answers = [nothing]
    with pytest.raises(TimeoutError):
        await get(client, 0.05)
    await until(lambda: server.open == 0)  # its late reply must not be taken for another's


async def test_request_that_is_given_up(server: Server, client: HttpClient) -> None:
    gate = asyncio.Event()

    async def late(_: bytes, writer: asyncio.StreamWriter) -> None:
        await gate.wait()
        writer.write(reply(b"late"))

    server.answers = [late]
    asked = asyncio.create_task(get(client))
    await until(lambda: len(server.requests) == 1)
    asked.cancel()
    await asyncio.wait([asked])
    gate.set()
    server.says(reply(b"mine"))
    assert await get(client) == (200, b"mine")


async def test_what_nobody_asked_for(server: Server, client: HttpClient) -> None:
    server.says(reply(b"one") + reply(b"two"), reply(b"three"))
    assert await get(client) == (200, b"one")
    await asyncio.sleep(0.01)
    assert await get(client) == (200, b"three")


async def test_reply_that_is_too_large(
    server: Server, client: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LARGEST_REPLY", 1000)
    server.says(reply(b"x" * 5000))
    with pytest.raises(NoConnection, match="1000"):
        await get(client)


async def test_nobody_listens(unused_tcp_port: int) -> None:
    client = HttpClient(f"http://127.0.0.1:{unused_tcp_port}", {})
    with pytest.raises(NoConnection):
        await get(client)


# ── streams ──────────────────────────────────────────────────────────────────


async def test_stream(server: Server, client: HttpClient) -> None:
    body = bytes(range(256)) * 20_000
    server.says(reply(body), reply(b"next"))
    async with client.stream("GET", "/a", 5) as stream:
        assert stream.status == 200
        chunks = [chunk async for chunk in stream.chunks()]
    assert b"".join(chunks) == body
    assert len(chunks) > 1
    assert await get(client) == (200, b"next")
    assert server.connections == 1


async def test_stream_that_is_read_slowly_is_not_kept_in_memory(
    server: Server, client: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_READ_AHEAD", 100_000)
    body = b"x" * 20_000_000
    server.says(reply(body))
    largest = found = 0
    async with client.stream("GET", "/a", 5) as stream:
        async for chunk in stream.chunks():
            largest, found = max(largest, len(chunk)), found + len(chunk)
            await asyncio.sleep(0.001)
    assert found == len(body)
    assert largest < 1_000_000


async def test_stream_that_is_left_before_its_end(server: Server, client: HttpClient) -> None:
    server.says(reply(b"x" * 5_000_000), reply(b"next"))
    with pytest.raises(KeyError):
        async with client.stream("GET", "/a", 5):
            raise KeyError
    async with client.stream("GET", "/a", 5):
        pass  # read nothing of it
    server.says(reply(b"next"))
    assert await get(client) == (200, b"next")


async def read(client: HttpClient, seconds: float) -> None:
    async with client.stream("GET", "/a", seconds) as stream:
        async for _ in stream.chunks():
            pass


async def test_stream_that_falls_silent(server: Server, client: HttpClient) -> None:
    server.says(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
    with pytest.raises(TimeoutError):
        await read(client, 0.05)


async def test_stream_that_is_cut(server: Server, client: HttpClient) -> None:
    async def cut(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        writer.close()

    server.answers = [cut]
    with pytest.raises(NoConnection):
        await read(client, 5)
