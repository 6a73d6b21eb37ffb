"""Who may call what: every route, headers on every answer, hostile requests at the door."""

import asyncio
import re

import pytest
from aiohttp import web

from bridge.errors import ConfigurationError, InternalError
from bridge.web import assets, limits, make_app
from bridge.web.access import SUPERVISORS, Nearby, Open, Routes, Scoped, SignedIn, Vouched
from bridge.web.bodies import MAX_BODY
from bridge.web.guard import ROUTES
from bridge.web.principal import Role
from tests.integration.web.web_house import GENEROUS, House, csrf_of

_UNSAFE = ("POST", "PATCH", "PUT", "DELETE")


def _path(template: str) -> str:
    return re.sub(r"{\w+}", "1", template)


async def test_every_route_has_its_access_and_nothing_went_round_the_table(house: House) -> None:
    routes = house.server.app[ROUTES]
    assert len(list(routes)) > 40
    assert {route.resource.canonical for route in house.server.app.router.routes()} == {
        route.path for route in routes
    }


async def test_a_route_without_access_stops_the_app() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return web.Response()

    app, routes = web.Application(), Routes()
    app.router.add_get("/hole", handler)
    with pytest.raises(InternalError, match="no declared access"):
        routes.install(app)


async def test_a_handler_has_one_access() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return web.Response()

    routes = Routes()
    routes.get("/a", handler, SignedIn(SUPERVISORS))
    with pytest.raises(InternalError, match="two different"):
        routes.get("/b", handler, Open())


async def test_nobody_gets_in_anonymously(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_FAILURES", GENEROUS)  # more requests than one address may send in vain
    client = await house.visitor()
    closed = 0
    for route in house.server.app[ROUTES]:
        if isinstance(route.access, Open | Nearby | Vouched):
            continue
        closed += 1
        answer = await client.request(route.method, _path(route.path), allow_redirects=False)
        if route.method == "GET" and isinstance(route.access, SignedIn):
            assert answer.status == 303, route
            assert answer.headers["Location"].startswith("/login?next=/"), route
        else:
            assert answer.status == 401, route
    assert closed > 35


async def test_the_open_routes_are_these(house: House) -> None:
    open_ones = {route.path for route in house.server.app[ROUTES] if isinstance(route.access, Open)}
    assert open_ones == {
        "/login",
        "/language",
        "/assets/{name}",
        "/healthz",
        "/readyz",
        "/api/docs",
        "/api/v1/openapi.json",
        "/r/{token}",
        "/r/{token}/recording.wav",
    }


async def test_the_routes_that_check_for_themselves_are_these(house: House) -> None:
    vouched = {route.path for route in house.server.app[ROUTES] if isinstance(route.access, Vouched)}
    assert vouched == {"/crm/bitrix24/{id}"}


async def test_an_agent_does_not_get_what_is_the_supervisor_s(house: House) -> None:
    client = await house.sign_in("1001")
    csrf = await csrf_of(client)
    seen = 0
    for route in house.server.app[ROUTES]:
        roles = route.access.roles if isinstance(route.access, SignedIn | Scoped) else frozenset(Role)
        if Role.AGENT in roles:
            continue
        seen += 1
        answer = await client.request(route.method, _path(route.path), headers={"X-CSRF-Token": csrf})
        assert answer.status == 403, route
    assert seen >= 10
    assert (await client.get("/floor")).status == 403


async def test_a_session_never_writes_through_the_api(house: House) -> None:
    client = await house.sign_in("chief")
    csrf = await csrf_of(client)
    writes = [
        route
        for route in house.server.app[ROUTES]
        if route.method in _UNSAFE and isinstance(route.access, Scoped)
    ]
    assert len(writes) == 38
    for route in writes:
        answer = await client.request(
            route.method, _path(route.path), json={}, headers={"X-CSRF-Token": csrf}
        )
        assert answer.status == 403, route


async def test_every_answer_carries_the_security_headers(house: House) -> None:
    client = await house.sign_in("1001")
    for path in (
        "/",
        "/login",
        "/nothing",
        "/healthz",
        "/api/v1/tickets",
        "/api/v1/nothing",
        "/assets/app.css",
    ):
        answer = await client.get(path, allow_redirects=False)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "same-origin"


async def test_no_page_holds_a_script_or_a_style_of_its_own(house: House) -> None:
    agent, chief = await house.sign_in("1001"), await house.sign_in("chief")
    for client, path in (
        (agent, "/"),
        (agent, "/tickets"),
        (agent, "/clients"),
        (chief, "/floor"),
        (chief, "/floor/agents/1001"),
        (agent, "/x"),
    ):
        html = await (await client.get(path)).text()
        assert not re.search(r"<script(?![^>]*\bsrc=)", html)
        assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", html), path


async def test_too_large_a_body_is_refused(house: House) -> None:
    client = await house.sign_in("1001")
    csrf = await csrf_of(client)
    answer = await client.post("/clients", data={"csrf": csrf, "name": "x" * (MAX_BODY + 1)})
    assert answer.status == 413

    async def endless() -> object:
        for _ in range(MAX_BODY // 4096 + 1):
            yield b"name=" + b"x" * 4096 + b"&"

    answer = await client.post(
        "/clients", data=endless(), headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert answer.status == 413
    token = await house.token("clients:write")
    answer = await client.post("/api/v1/clients", data=b" " * (MAX_BODY + 1), headers=token)
    assert answer.status == 413
    assert answer.content_type == "application/problem+json"


async def test_broken_requests_end_in_an_answer(house: House) -> None:
    """What no client library would send: each gets an answer, and the server goes on."""
    attempts = (
        b"GET / HTTP/1.1\r\nHost: x\r\nCookie: callbridge_session=\xff\xfe\r\n\r\n",
        b"GET /%ff%fe HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /assets/..%2f..%2fapp.py HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /tickets?status=%00 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
        b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n"
        b"Content-Type: multipart/form-data\r\n\r\nabc",
        b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\n\r\n\xff=1",
        b"POST /login HTTP/1.1\r\nHost: x\r\nX-CSRF-Token: \xff\r\nContent-Length: 0\r\n\r\n",
        b"GET /api/v1/tickets HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \xff\xfe\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    )
    for attempt in attempts:
        reader, writer = await asyncio.open_connection(house.server.host, house.server.port)
        writer.write(attempt)
        async with asyncio.timeout(10):
            status = await reader.readline()
        assert re.match(rb"HTTP/1\.[01] (30|4)\d+ ", status), (attempt[:80], status)
        writer.close()
        await writer.wait_closed()
    assert (await (await house.visitor()).get("/healthz")).status == 200


async def test_headers_cannot_be_injected(house: House) -> None:
    client = await house.sign_in("1001")
    data = {"csrf": await csrf_of(client), "language": "en", "next": "/a\r\nSet-Cookie: evil=1"}
    answer = await client.post("/language", data=data, allow_redirects=False)
    assert answer.headers["Location"] == "/"
    assert "evil" not in answer.headers.getall("Set-Cookie")[0]


async def test_people_get_a_page_in_their_language_and_htmx_a_notice(house: House) -> None:
    client = await house.sign_in("1001")
    answer = await client.get("/tickets/999")
    assert answer.status == 404
    assert "There is no such ticket." in await answer.text()
    csrf = await csrf_of(client)
    await client.post("/language", data={"csrf": csrf, "language": "ru"})
    assert "Такого обращения нет." in await (await client.get("/tickets/999")).text()
    answer = await client.get("/clients/999", headers={"HX-Request": "true"})
    assert answer.headers["HX-Retarget"] == "#notice"
    assert (await answer.text()).startswith('<div class="notice">')
    answer = await client.post("/clients", data={"csrf": csrf, "name": ""})
    assert answer.status == 400
    assert "Имя: заполните это поле." in await answer.text()


async def test_our_own_fault_is_told_without_its_details(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await house.sign_in("chief")

    def broken() -> object:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(house.desk, "floor", broken)
    answer = await client.get("/floor")
    assert answer.status == 500
    text = await answer.text()
    assert "secret detail" not in text
    assert re.search(r"reference: [0-9a-f]{8}", text)


async def test_without_the_bundled_scripts_the_app_says_what_to_do(
    house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setattr(assets, "_VENDOR", {"absent.js": "text/javascript"})
    parts = house.server.app
    from bridge.web.context import PARTS

    with pytest.raises(ConfigurationError, match="npm ci && npm run build"):
        make_app(parts[PARTS], house.screens)


async def test_assets_are_kept_by_their_content(house: House) -> None:
    client = await house.visitor()
    html = await (await client.get("/login")).text()
    url = re.search(r'href="(/assets/app\.css\?v=\w+)"', html)
    assert url
    answer = await client.get(url[1])
    assert "immutable" in answer.headers["Cache-Control"]
    assert (await client.get("/assets/app.css")).headers["Cache-Control"] == "no-cache"
    assert (await client.get("/assets/package.json")).status == 404
