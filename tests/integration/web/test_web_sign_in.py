"""Signing in and out: sessions, throttle, CSRF, languages."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bridge.centre.facts import AgentLoggedIn, AgentLoggedOut
from bridge.crm.access import hash_token
from bridge.web.context import SESSIONS, THROTTLE
from bridge.web.pages.login import safe_path
from bridge.web.sessions import IDLE, LoginThrottle
from tests.integration.web.web_house import (
    PASSWORD,
    House,
    close_house,
    csrf_in,
    csrf_of,
    open_house,
    sign_in,
)


async def test_an_agent_signs_in_and_is_at_his_desk(house: House) -> None:
    house.desk.set_agent("1001", "logged_out")
    client = await house.visitor()
    answer = await sign_in(client, "1001")
    assert (answer.status, answer.headers["Location"]) == (303, "/")
    assert AgentLoggedIn("1001") in house.desk.submitted
    assert (await client.get("/")).status == 200


async def test_an_agent_who_is_at_his_desk_already_keeps_his_state(house: House) -> None:
    house.desk.set_agent("1001", "paused", "lunch")
    await house.sign_in("1001")
    assert house.desk.submitted == []


async def test_the_session_cookie_is_not_for_scripts_and_not_for_other_sites(house: House) -> None:
    client = await house.visitor()
    answer = await sign_in(client, "1001")
    cookie = answer.cookies["callbridge_session"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Strict"
    assert not cookie["secure"], "the public address is plain http here"
    async with house.store.view() as unit:
        assert await unit.sessions.get(cookie.value) is None, "the store must not hold the token itself"
        assert await unit.sessions.get(hash_token(cookie.value)) is not None


async def test_over_https_the_cookies_are_bound_to_the_host(tmp_path: Path) -> None:
    house = await open_house(tmp_path, public_url="https://calls.example")
    client = await house.visitor()
    answer = await client.get("/login")
    cookie = answer.cookies["__Host-callbridge_visitor"]
    assert cookie["secure"]
    assert cookie["path"] == "/"
    assert not cookie["domain"]
    assert "max-age" in answer.headers["Strict-Transport-Security"]
    await close_house(house)


@pytest.mark.parametrize(("login", "password"), [("1001", "wrong"), ("nobody", PASSWORD), ("", "")])
async def test_a_wrong_login_or_password_is_refused_alike(house: House, login: str, password: str) -> None:
    client = await house.visitor()
    answer = await sign_in(client, login, password)
    assert answer.status == 403
    assert "The login or the password is wrong." in await answer.text()
    assert "callbridge_session" not in answer.cookies


async def test_too_many_failures_are_throttled_for_that_login_only(house: House) -> None:
    client = await house.visitor()
    for _ in range(LoginThrottle.PER_LOGIN.failures):
        assert (await sign_in(client, "1001", "wrong")).status == 403
    answer = await sign_in(client, "1001")
    assert answer.status == 429
    assert int(answer.headers["Retry-After"]) > 0
    assert (await sign_in(client, "1002")).status == 303


def test_the_throttle_forgets_in_time_and_stays_bounded() -> None:
    now = 0.0
    throttle = LoginThrottle(lambda: now)
    for _ in range(5):
        throttle.failed("1001", "10.0.0.1")
    assert throttle.wait("1001", "10.0.0.1") == timedelta(minutes=5)
    assert throttle.wait("1001", "10.0.0.2") is None
    now = 301.0
    assert throttle.wait("1001", "10.0.0.1") is None
    for number in range(30_000):
        throttle.failed(f"login{number}", f"10.0.{number % 250}.{number // 250}")
    assert len(throttle._failures) <= 10_000


async def test_people_behind_one_address_sign_in_as_often_as_they_like(house: House) -> None:
    throttle = house.server.app[THROTTLE]
    client = await house.visitor()
    assert (await sign_in(client, "1002", "wrong")).status == 403
    for _ in range(LoginThrottle.PER_ADDRESS.failures + 1):
        assert (await sign_in(await house.visitor(), "1001")).status == 303
    (address,) = {address for address, _ in throttle._failures}
    assert len(throttle._failures[(address, None)]) == 1, "somebody else's failure still counts"


def test_a_success_takes_back_its_own_attempt_only() -> None:
    now = 0.0
    throttle = LoginThrottle(lambda: now)
    for number in range(49):
        throttle.failed(f"login{number}", "10.0.0.1")
    now = 1.0
    counted = throttle.failed("1001", "10.0.0.1")
    assert throttle.wait("1002", "10.0.0.1") is not None, "the fiftieth attempt is still being checked"
    throttle.succeeded("1001", "10.0.0.1", counted)
    assert throttle.wait("1002", "10.0.0.1") is None
    throttle.failed("1003", "10.0.0.1")
    assert throttle.wait("1002", "10.0.0.1") == timedelta(minutes=5, seconds=-1)
    alone = throttle.failed("1001", "10.0.0.2")
    throttle.succeeded("1001", "10.0.0.2", alone)
    throttle.succeeded("1001", "10.0.0.2", alone)
    assert all(address != "10.0.0.2" for address, _ in throttle._failures)


async def test_signing_out_ends_the_session_on_the_server(house: House) -> None:
    client = await house.sign_in("1001")
    token = client.session.cookie_jar.filter_cookies(house.server.make_url("/"))["callbridge_session"].value
    answer = await client.post("/logout", data={"csrf": await csrf_of(client)}, allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/login")
    assert house.desk.submitted[-1] == AgentLoggedOut("1001")
    answer = await client.get("/", cookies={"callbridge_session": token}, allow_redirects=False)
    assert answer.headers["Location"].startswith("/login")


async def test_a_session_ends_when_it_is_idle_and_when_it_is_old(house: House) -> None:
    client = await house.sign_in("1001")
    sessions = house.server.app[SESSIONS]
    digest = next(iter(sessions._used))
    sessions._used[digest] -= IDLE.total_seconds() + 1
    assert (await client.get("/", allow_redirects=False)).status == 303
    async with house.store.unit() as unit:
        assert await unit.sessions.get(digest) is None
        user = await unit.users.by_login("1001")
        assert user is not None
        await unit.sessions.add(hash_token("old"), user.id, "x", datetime.now(UTC) - timedelta(seconds=1))
    other = await house.visitor()
    answer = await other.get("/", cookies={"callbridge_session": "old"}, allow_redirects=False)
    assert answer.status == 303


async def test_signing_in_makes_a_new_session_each_time(house: House) -> None:
    client = await house.visitor()
    first = (await sign_in(client, "1001")).cookies["callbridge_session"].value
    other = await house.visitor()
    second = (await sign_in(other, "1001")).cookies["callbridge_session"].value
    assert first != second


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "/a\r\nb",
        "/" + "a" * 600,
    ],
)
async def test_signing_in_leads_nowhere_else(house: House, target: str) -> None:
    client = await house.visitor()
    answer = await sign_in(client, "1001", next=target)
    assert answer.headers["Location"] == "/"
    assert safe_path("/tickets/5?saved=1") == "/tickets/5?saved=1"


# ── CSRF ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("/logout", {}),
        ("/state", {"action": "ready"}),
        ("/language", {"language": "ru"}),
        ("/tickets/1", {"status": "done"}),
        ("/clients", {"name": "x"}),
        ("/clients/1", {"name": "x"}),
        ("/card/1/client", {"client": "1"}),
        ("/card/1/new-client", {"name": "x"}),
        ("/card/1/put-away", {}),
    ],
)
async def test_a_form_without_the_session_s_secret_is_refused(
    house: House, path: str, data: dict[str, str]
) -> None:
    client = await house.sign_in("1001")
    for wrong in ({}, {"csrf": ""}, {"csrf": "x" * 43}, {"csrf": "\udcff" + "я"}):
        fields = {
            name: value.encode("utf-8", "replace").decode() for name, value in {**data, **wrong}.items()
        }
        answer = await client.post(path, data=fields, allow_redirects=False)
        assert answer.status == 403, wrong
    assert house.desk.submitted == []


async def test_another_session_s_secret_is_refused(house: House) -> None:
    mine, other = await house.sign_in("1001"), await house.sign_in("1002")
    stolen = await csrf_of(other)
    answer = await mine.post("/state", data={"action": "ready", "csrf": stolen})
    assert answer.status == 403


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}],
)
async def test_another_site_is_refused_even_with_the_secret(house: House, headers: dict[str, str]) -> None:
    client = await house.sign_in("1001")
    data = {"action": "ready", "csrf": await csrf_of(client)}
    assert (await client.post("/state", data=data, headers=headers)).status == 403
    for origin in ("http://callbridge.test", f"http://{house.server.host}:{house.server.port}"):
        answer = await client.post("/state", data=data, headers={"Origin": origin}, allow_redirects=False)
        assert answer.status == 303, origin


async def test_signing_in_needs_the_visitor_s_own_secret(house: House) -> None:
    victim, attacker = await house.visitor(), await house.visitor()
    stolen = csrf_in(await (await attacker.get("/login")).text())
    answer = await victim.post("/login", data={"login": "1001", "password": PASSWORD, "csrf": stolen})
    assert answer.status == 403


# ── languages ────────────────────────────────────────────────────────────────


async def test_the_language_is_the_browser_s_then_the_user_s_then_what_was_chosen(house: House) -> None:
    async with house.store.unit() as unit:
        user = await unit.users.by_login("1001")
        assert user is not None
        await unit.users.add("2001", user.password_hash, "agent", "1001", "ru")
    client = await house.visitor(language="ru-RU,ru;q=0.9,en;q=0.5")
    assert '<html lang="ru">' in await (await client.get("/login")).text()
    client = await house.sign_in("2001", language="en")
    page = await (await client.get("/")).text()
    assert '<html lang="ru">' in page
    assert "Мои очереди" in page
    data = {"language": "en", "next": "/tickets", "csrf": csrf_in(page)}
    answer = await client.post("/language", data=data)
    assert str(answer.url.path) == "/tickets"
    assert '<html lang="en">' in await answer.text()
    answer = await client.post("/language", data={**data, "language": "xx"})
    assert answer.status == 400
    assert "Language" in await answer.text()


async def test_any_accept_language_is_taken(house: House) -> None:
    for odd in ("", "*", "ru;q=nan", "ru;q=x, en", ";;;", "ru" * 5000, "de, ru;q=0.1"):
        client = await house.visitor(language=odd[:2000])
        assert (await client.get("/login")).status == 200, odd[:40]
