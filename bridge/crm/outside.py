"""The one way out to foreign hosts: directories that are asked, receivers that are told.

An address that somebody wrote into a form, or that a name server gave out, may point at our own network. So a
host's name is resolved here, every address of it is judged, and the connection goes to the judged one: a
second answer of the name server is never asked for. Redirects are told, not followed; there are no proxies,
no cookies; a reply's size and the whole time are limited. Neither queries nor bodies show in an error.
"""

import asyncio
import ipaddress
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Self

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from bridge.crm.addresses import Allowed, IpAddress
from bridge.errors import BadInput, ForbiddenTarget, InternalError, LinkDown, RequestTimeout

MAX_REPLY = 1024 * 1024  # bytes of a reply's body
_MOST_CONNECTIONS = 256
_MOST_TO_ONE_HOST = 32
_RESOLVING_AT_ONCE = 8  # a thread each, and not those that others work in: a name server may take its time
_LONGEST_URL = 8192
_LONGEST_LINE = 8190  # of a reply's headers
_MOST_HEADERS = 100
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")  # RFC 9110, 5.6.2
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\U0010ffff]{0,8000}")
# They say where a request goes and where it ends: ours to say.
_OWN_HEADERS = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer", "expect"}
)

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""A host's name and port → its addresses as text. Raises OSError."""


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    url: str = field(repr=False)  # its query may hold a token
    headers: Mapping[str, str] = field(repr=False, default_factory=dict)
    body: bytes = field(repr=False, default=b"")


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    headers: Mapping[str, str] = field(
        repr=False
    )  # names in lower case; several of one name are joined by ", "
    body: bytes = field(repr=False)
    whole: bool = True  # False: there was more than was wanted, and it was not read


class Outside:
    """Opened and closed by the composition root. ``allowed``: what may be reached though it is not public.

    A connection that is kept for its next request stays with the address that was judged when it was made.
    """

    def __init__(self, allowed: Callable[[], Allowed] = Allowed, *, resolve: Resolve | None = None) -> None:
        self._allowed = allowed
        self._given = resolve
        self._names: ThreadPoolExecutor | None = None
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def open(self) -> None:
        """Within a running loop."""
        self._names = ThreadPoolExecutor(_RESOLVING_AT_ONCE, thread_name_prefix="names")
        connector = aiohttp.TCPConnector(
            resolver=_Judge(self._resolve, self._allowed),
            use_dns_cache=False,
            limit=_MOST_CONNECTIONS,
            limit_per_host=_MOST_TO_ONE_HOST,
            ssl=ssl.create_default_context(),
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
            max_line_size=_LONGEST_LINE,
            max_field_size=_LONGEST_LINE,
            max_headers=_MOST_HEADERS,
            headers={"User-Agent": "Callbridge", "Accept-Encoding": "identity"},
            skip_auto_headers=["Content-Type"],
        )

    async def close(self) -> None:
        session, self._session = self._session, None
        names, self._names = self._names, None
        if session is not None:
            await session.close()
        if names is not None:
            names.shutdown(wait=False, cancel_futures=True)

    async def send(self, request: Request, *, seconds: float, most_bytes: int = MAX_REPLY) -> Response:
        """One request, one reply, whatever its status. ``seconds`` are for all of it.

        Raises BadInput (the request cannot be sent as it is), ForbiddenTarget (a BadInput as well),
        LinkDown (no connection, or what came is no HTTP) and RequestTimeout.
        """
        if self._session is None:
            raise InternalError("the way outside is not open")
        url = _checked(request, self._allowed())
        try:
            async with (
                asyncio.timeout(seconds),
                self._session.request(
                    request.method,
                    url,
                    headers=request.headers,
                    data=request.body or None,
                    allow_redirects=False,
                ) as reply,
            ):
                body, whole = await _body(reply, most_bytes)
                return Response(reply.status, _headers(reply), body, whole)
        except TimeoutError:
            raise RequestTimeout(f"{_shown(url)} did not answer within {seconds:g} s") from None
        except aiohttp.ClientConnectorCertificateError:
            raise LinkDown(f"{_shown(url)} has a certificate that is not trusted") from None
        except aiohttp.InvalidURL:
            raise BadInput(f"{_shown(url)} is not an address of a web server") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # Their words may quote what was sent or received: only their kind is told.
            raise LinkDown(f"{_shown(url)}: {_reason(error)}") from None

    async def _resolve(self, host: str, port: int) -> Sequence[str]:
        if self._given is not None:
            return await self._given(host, port)
        return await asyncio.get_running_loop().run_in_executor(self._names, _addresses_of, host, port)


def _addresses_of(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise OSError(f"{host[:60]!a} is no name of a host") from error
    return list(dict.fromkeys(str(one[4][0]) for one in found))


class _Judge(AbstractResolver):
    """Gives the connector only addresses that may be reached: all of a host's, or none."""

    def __init__(self, resolve: Resolve, allowed: Callable[[], Allowed]) -> None:
        self._resolve = resolve
        self._allowed = allowed

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        addresses = [ipaddress.ip_address(one) for one in await self._resolve(host, port)]
        for address in addresses:
            _judge(self._allowed(), host, port, address)
        if not addresses:
            raise OSError(f"{host} has no address")
        return [
            ResolveResult(
                hostname=host,
                host=str(address),
                port=port,
                family=socket.AF_INET if address.version == 4 else socket.AF_INET6,
                proto=0,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        pass


def _judge(allowed: Allowed, host: str, port: int, address: IpAddress) -> None:
    fault = allowed.why_not(host, port, address)
    if fault is not None:
        raise ForbiddenTarget(
            f"{host}:{port} is {fault} ({address}): name the host under outside.allow if that is meant"
        )


def check_target(url: str, allowed: Allowed) -> URL:
    """What can be told of an address without asking a name server. Raises BadInput, ForbiddenTarget."""
    if len(url) > _LONGEST_URL or not url.isprintable() or " " in url:
        raise BadInput("an address of a web server is too long, or holds blanks or invisible characters")
    try:
        parsed = URL(url)
        host, port = parsed.raw_host, parsed.port
    except ValueError:
        raise BadInput("this is not an address of a web server: write https://example.org/path") from None
    if parsed.scheme not in {"http", "https"} or not host or not port:
        raise BadInput("this is not an address of a web server: write https://example.org/path")
    if parsed.raw_user is not None or parsed.raw_password is not None:
        raise BadInput(f"{_shown(parsed)}: a user or password in an address: leave it out")
    fault = allowed.why_not_port(host, port)
    if fault is not None:
        raise ForbiddenTarget(f"{_shown(parsed)}: {fault}: name {host}:{port} under outside.allow if it is")
    try:
        address = ipaddress.ip_address(host.rstrip("."))
    except ValueError:
        # What aiohttp takes for an address and therefore does not resolve, and so is not judged.
        if ":" in host or host.replace(".", "").isdigit():
            raise BadInput(f"{_shown(parsed)}: write the address as 203.0.113.7") from None
    else:
        _judge(allowed, host, port, address)
    return parsed.with_fragment(None)


def _checked(request: Request, allowed: Allowed) -> URL:
    if request.method not in _METHODS:
        raise BadInput(f"{request.method[:20]!a} is no method: one of {', '.join(sorted(_METHODS))}")
    for name, value in request.headers.items():
        if _HEADER_NAME.fullmatch(name) is None or _HEADER_VALUE.fullmatch(value) is None:
            raise BadInput(f"the header {name[:60]!a} holds what no header may hold")
        if name.lower() in _OWN_HEADERS:
            raise BadInput(f"the header {name} is not yours to set: leave it out")
    return check_target(request.url, allowed)


async def _body(reply: aiohttp.ClientResponse, most_bytes: int) -> tuple[bytes, bool]:
    body = bytearray()
    async for chunk in reply.content.iter_any():
        body += chunk
        if len(body) > most_bytes:
            reply.close()  # not back to those kept: the rest is still to come
            return bytes(body[:most_bytes]), False
    return bytes(body), True


def _headers(reply: aiohttp.ClientResponse) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in reply.headers.items():
        name = name.lower()
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _shown(url: URL) -> str:
    return f"{url.scheme}://{url.raw_host}:{url.port}"


def _reason(error: Exception) -> str:
    match error:
        case aiohttp.ClientConnectorDNSError():
            return "no address of this name is known"
        case aiohttp.ClientSSLError():
            return "no agreement on TLS"
        case aiohttp.ClientConnectorError():
            return f"no connection ({error.os_error.strerror or type(error.os_error).__name__})"
        case aiohttp.ServerDisconnectedError() | ConnectionError():
            return "the connection was closed before the reply"
        case aiohttp.ClientPayloadError():
            return "the reply broke off"
        case _:
            return f"what came is no proper HTTP ({type(error).__name__})"
