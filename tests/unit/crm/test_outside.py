"""The way out to foreign hosts, against real servers on the loopback interface: kind ones and others."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from bridge.crm.addresses import Allowed
from bridge.crm.outside import Outside, Request, Resolve
from bridge.errors import BadInput, ForbiddenTarget, InternalError, LinkDown, RequestTimeout

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
SECRET = "s3cret"


def answers(*addresses: str) -> Resolve:
    async def resolve(host: str, port: int) -> Sequence[str]:
        return addresses

    return resolve


def only(*entries: str) -> Callable[[], Allowed]:
    return lambda: Allowed.of(entries)


@pytest.fixture
async def outside() -> AsyncIterator[Outside]:
    async with Outside(only("crm.lan"), resolve=answers("127.0.0.1")) as outside:
        yield outside


@asynccontextmanager
async def raw(talk: Talk) -> AsyncIterator[str]:
    """A server that says what ``talk`` says after the head of a request. Its address."""

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(one, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"http://crm.lan:{port}/in?key={SECRET}"
    finally:
        server.close()


@asynccontextmanager
async def web_server(handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://crm.lan:{runner.addresses[0][1]}/in?key={SECRET}"
    finally:
        await runner.cleanup()


async def test_a_request_and_its_reply(outside: Outside) -> None:
    got: list[tuple[str, str, bytes, str, str]] = []

    async def echo(request: web.Request) -> web.Response:
        body = await request.read()
        got.append(
            (request.method, request.query_string, body, request.headers["X-A"], request.headers["Host"])
        )
        assert "Content-Type" not in request.headers
        return web.Response(status=201, text="so", headers={"X-B": "1", "Set-Cookie": "a=b"})

    async with web_server(echo) as url:
        for _ in range(2):
            request = Request("POST", url, {"X-A": "ж"}, b"{}")
            response = await outside.send(request, seconds=5)
            assert (response.status, response.body, response.whole) == (201, b"so", True)
            assert response.headers["x-b"] == "1"

    assert got == [("POST", f"key={SECRET}", b"{}", "ж", url.split("/")[2])] * 2


async def test_cookies_and_proxies_are_none_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    seen: list[str | None] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Cookie"))
        return web.Response(headers={"Set-Cookie": "a=b"})

    async with (
        Outside(only("crm.lan"), resolve=answers("127.0.0.1")) as outside,
        web_server(handler) as url,
    ):
        await outside.send(Request("GET", url), seconds=5)
        await outside.send(Request("GET", url), seconds=5)
    assert seen == [None, None]


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_told_and_not_followed(outside: Outside, status: int) -> None:
    paths: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        paths.append(request.path)
        return web.Response(status=status, headers={"Location": "http://169.254.169.254/latest"})

    async with web_server(handler) as url:
        response = await outside.send(Request("GET", url), seconds=5)
    assert response.status == status
    assert paths == ["/in"]


async def test_a_large_reply_is_cut_off(outside: Outside) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=b"x" * 10_000_000)

    async with web_server(handler) as url:
        response = await outside.send(Request("GET", url), seconds=10, most_bytes=1000)
        assert (response.body, response.whole) == (b"x" * 1000, False)
        whole = await outside.send(Request("GET", url), seconds=10, most_bytes=10_000_000)
        assert (len(whole.body), whole.whole) == (10_000_000, True)


async def test_chunks_for_ever_are_cut_off(outside: Outside) -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"5\r\nhello\r\n" * 100)
            await writer.drain()

    async with raw(talk) as url:
        response = await outside.send(Request("GET", url), seconds=10, most_bytes=5000)
    assert (len(response.body), response.whole) == (5000, False)


async def test_no_reply_slow_drops_and_endless_headers_end_in_time(outside: Outside) -> None:
    async def never(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async def drops(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.02)

    async def interim(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"HTTP/1.1 102 Processing\r\n\r\n")
            await writer.drain()
            await asyncio.sleep(0.01)

    for talk in (never, drops, interim):
        async with raw(talk) as url:
            with pytest.raises(RequestTimeout) as caught:
                await outside.send(Request("GET", url), seconds=0.3)
        assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "reply",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 20_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: y\r\n" % number for number in range(500)) + b"\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
async def test_what_is_no_proper_reply(outside: Outside, reply: bytes) -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(reply)
        await writer.drain()

    async with raw(talk) as url:
        with pytest.raises(LinkDown) as caught:
            await outside.send(Request("GET", url), seconds=5)
    assert SECRET not in str(caught.value)


async def test_a_connection_that_is_refused() -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    async with Outside(only("127.0.0.1")) as outside:
        with pytest.raises(LinkDown):
            await outside.send(Request("GET", f"http://127.0.0.1:{port}/"), seconds=5)


async def test_a_plain_server_behind_https(outside: Outside) -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response()

    async with web_server(handler) as url:
        with pytest.raises(LinkDown):
            await outside.send(Request("GET", url.replace("http:", "https:")), seconds=5)


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["::1"], ["2606:4700::1111", "::ffff:192.168.0.1"]],
)
async def test_one_address_of_our_own_networks_forbids_the_host(addresses: list[str]) -> None:
    async with Outside(resolve=answers(*addresses)) as outside:
        with pytest.raises(ForbiddenTarget, match="under outside"):
            await outside.send(Request("GET", f"https://example.org/?key={SECRET}"), seconds=5)


async def test_the_name_server_is_asked_once_and_what_was_judged_is_connected_to() -> None:
    asked: list[str] = []

    async def resolve(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["169.254.169.254"]

    async def handler(_: web.Request) -> web.Response:
        return web.Response(text="here")

    async with Outside(only("127.0.0.0/8"), resolve=resolve) as outside, web_server(handler) as url:
        response = await outside.send(Request("GET", url, {}), seconds=5)
        assert response.body == b"here"
    assert asked == ["crm.lan"]


async def test_a_name_without_an_address_and_a_name_server_that_is_silent() -> None:
    async def none(host: str, port: int) -> Sequence[str]:
        raise OSError("no such name")

    async def silent(host: str, port: int) -> Sequence[str]:
        await asyncio.Event().wait()
        return []

    for resolve, error in ((none, LinkDown), (answers(), LinkDown), (silent, RequestTimeout)):
        async with Outside(resolve=resolve) as outside:
            with pytest.raises(error):
                await outside.send(Request("GET", "https://example.org/"), seconds=0.3)


@pytest.mark.parametrize(
    "url",
    [
        *(
            "http://127.0.0.1/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://017700000001/",
            "http://127.1/",
        ),
        *(
            "http://0177.0.0.1/",
            "http://0/",
            "http://localhost/",
        ),
        *("http://127.0.0.1./", "http://[::1]/", "http://[::ffff:127.0.0.1]/", "http://[fe80::1%25lo]/"),
        *("http://①②⑦.⓪.⓪.①/", "http://127。0。0。1/", "http://ⓛocalhost/", "http://10.0.0.1:8080/"),
        *("http://[64:ff9b::7f00:1]/", "http://[2002:7f00:1::]/", "http://169.254.169.254/latest/meta-data/"),
        *("ftp://example.org/", "file:///etc/passwd", "gopher://127.0.0.1/", "//example.org/", "example.org"),
        *("http://user:word@example.org/", "http://user@example.org/", "http://", "http:///x", ""),
        *(
            "http://example.org:0/",
            "http://example.org:99999/",
            "http://example.org:25/",
            "http://example.org:x/",
        ),
        *(
            "http://exa mple.org/",
            "http://example.org/\r\nX: y",
            "http://example.org/\x00",
            "http://" + "a" * 9000,
        ),
        "http://127.0.0.1:80\\@example.org/",
    ],
)
async def test_writings_that_lead_nowhere(url: str) -> None:
    async with Outside() as outside:
        with pytest.raises(BadInput):
            await outside.send(Request("GET", url), seconds=5)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST.", "crm.lan", "crm.lan.", "crm.lan.."])
async def test_dots_and_capitals_hide_no_host(host: str) -> None:
    async with Outside(only("other.lan"), resolve=answers("127.0.0.1")) as outside:
        with pytest.raises(ForbiddenTarget):
            await outside.send(Request("GET", f"http://{host}/"), seconds=5)


async def test_a_name_in_another_script_is_asked_for_in_ascii() -> None:
    asked: list[str] = []

    async def resolve(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["10.0.0.1"]

    async with Outside(resolve=resolve) as outside:
        with pytest.raises(ForbiddenTarget):
            await outside.send(Request("GET", "https://пример.рф/"), seconds=5)
    assert asked == ["xn--e1afmkfd.xn--p1ai"]


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("CONNECT", {}),
        ("GET\r\n", {}),
        ("GET", {"X": "a\r\nY: b"}),
        ("GET", {"X": "a\x00"}),
        ("GET", {"X\n": "a"}),
        ("GET", {"": "a"}),
        ("GET", {"Host": "other"}),
        ("POST", {"Transfer-Encoding": "chunked"}),
        ("POST", {"content-length": "0"}),
    ],
)
async def test_requests_that_are_not_sent(outside: Outside, method: str, headers: dict[str, str]) -> None:
    with pytest.raises(BadInput):
        await outside.send(Request(method, "http://crm.lan:8080/", headers), seconds=5)


async def test_what_was_not_opened_sends_nothing() -> None:
    with pytest.raises(InternalError):
        await Outside().send(Request("GET", "https://example.org/"), seconds=5)


def test_secrets_are_in_no_repr() -> None:
    shown = repr(Request("POST", f"https://x.example/?key={SECRET}", {"A": SECRET}, SECRET.encode()))
    assert SECRET not in shown
