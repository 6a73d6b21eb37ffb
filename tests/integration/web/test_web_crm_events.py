"""Bitrix24 wishes calls: from whom it is taken, whose phone rings, what is known of the call beforehand."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from aiohttp.test_utils import TestClient

from bridge.centre.facts import CallWished
from bridge.centre.ids import CallId
from bridge.centre.plan import Outside
from bridge.crm.formats.bitrix24 import called_back, registered
from bridge.crm.formats.bitrix24_events import MAX_BODY
from bridge.crm.subscribers import Subscribers
from bridge.store.outbox import NewEvent
from bridge.web.context import PARTS
from tests.integration.web.web_house import T0, House

TOKEN = "51610fefc120afg4b628cc82d6298cce"
NUMBER = "+74951112233"
SECRET = {
    "access_token": "a",
    "refresh_token": "b",
    "client_id": "c",
    "client_secret": "d",
    "application_token": TOKEN,
}
OPTIONS = {"user": "1", "users": "1001=7,1002=1", "callback_queue": "support"}


@pytest.fixture(autouse=True)
def _permitted(house: House) -> None:
    object.__setattr__(house.server.app[PARTS].plan(), "outside", Outside("lab", ("+7495",)))


def subscribers_of(house: House) -> Subscribers:
    subscribers = house.server.app[PARTS].subscribers
    assert subscribers is not None
    return subscribers


async def bitrix(house: House, name: str = "portal", **secret: str) -> int:
    given = json.dumps({key: value for key, value in (SECRET | secret).items() if value})
    url = "https://203.0.114.7/rest"
    made = await subscribers_of(house).add(name, "bitrix24", url, options=OPTIONS, secret=given, by="test")
    return made.row.id


def click(**changes: str) -> dict[str, str]:
    return {
        "event": "ONEXTERNALCALLSTART",
        "data[PHONE_NUMBER]": "8 (495) 111-22-33",
        "data[PHONE_NUMBER_INTERNATIONAL]": NUMBER,
        "data[USER_ID]": "7",
        "data[CALL_ID]": "externalCall.1",
        "auth[application_token]": TOKEN,
    } | changes


def callback() -> dict[str, str]:
    return {
        "event": "ONEXTERNALCALLBACKSTART",
        "data[PHONE_NUMBER]": NUMBER,
        "auth[application_token]": TOKEN,
    }


async def send(client: TestClient, id: int, fields: dict[str, str], path: str = "/crm/bitrix24/") -> int:
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": "https://portal.bitrix24.ru"}
    answer = await client.post(f"{path}{id}", data=urlencode(fields), headers=headers)
    await answer.read()
    return answer.status


def wished(house: House) -> list[tuple[CallId, str, str]]:
    return [(one.call, one.agent, one.number) for one in house.desk.submitted if isinstance(one, CallWished)]


async def known(house: House, call: CallId, id: int) -> dict[str, str]:
    """What the format will be given with the call's first event."""
    new = NewEvent([id], call, "offered", "evt_1", "call.offered", "{}")
    (due,) = await house.store.write(lambda unit: unit.outbox.add(new, T0))
    return dict(due.peer)


async def test_his_agents_phone_rings_and_the_call_is_known_to_be_registered(house: House) -> None:
    id, client = await bitrix(house), await house.visitor()
    assert await send(client, id, click()) == 200
    ((call, agent, number),) = wished(house)
    assert (agent, number) == ("1001", NUMBER)
    assert await known(house, call, id) == registered("externalCall.1", "7")


async def test_a_visitor_is_called_back_by_the_subscriptions_user(house: House) -> None:
    id, client = await bitrix(house), await house.visitor()
    assert await send(client, id, callback()) == 200
    ((call, agent, _),) = wished(house)
    assert agent == "1002"
    assert await known(house, call, id) == called_back()


async def test_else_by_who_is_free_longest_in_the_queue(house: House) -> None:
    id, client = await bitrix(house), await house.visitor()
    house.desk.change("1001", since=T0 + timedelta(minutes=1))
    house.desk.set_agent("1002", "talking")
    assert await send(client, id, callback()) == 200
    assert [agent for _, agent, _ in wished(house)] == ["1003"]
    for agent in ("1001", "1003"):
        house.desk.set_agent(agent, "paused", "lunch")
    assert await send(client, id, callback()) == 409
    assert len(wished(house)) == 1


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        (click(**{"auth[application_token]": TOKEN[:-1] + "f"}), 400),
        (click(**{"auth[application_token]": ""}), 400),
        (click(event="ONCRMLEADADD"), 400),
        (click(**{"data[USER_ID]": "8"}), 422),  # nobody here
        (click(**{"data[PHONE_NUMBER_INTERNATIONAL]": "+12025550123"}), 422),  # not permitted
        (click(**{"data[PHONE_NUMBER_INTERNATIONAL]": "112"}), 422),
        (click(**{"data[CALL_ID]": "x" * MAX_BODY}), 413),
    ],
)
async def test_what_is_refused_rings_nobody(house: House, fields: dict[str, str], status: int) -> None:
    id, client = await bitrix(house), await house.visitor()
    assert await send(client, id, fields) == status
    assert house.desk.submitted == []


async def test_who_is_busy_is_not_rung(house: House) -> None:
    id, client = await bitrix(house), await house.visitor()
    house.desk.set_agent("1001", "talking")
    assert await send(client, id, click()) == 409
    assert house.desk.submitted == []


async def test_nobody_learns_which_subscriptions_there_are(house: House) -> None:
    """Without the token all are alike: none, another format, one that is off, one without a token."""
    subscribers = subscribers_of(house)
    other = await subscribers.add("other", "standard", "https://203.0.114.7/", by="test")
    without = await bitrix(house, "without", application_token="")
    off = await bitrix(house, "off")
    await subscribers.change(off, by="test", active=False)
    client = await house.visitor()
    said = set()
    for id in (99, other.row.id, without, off):
        answer = await client.post(f"/crm/bitrix24/{id}", data=click())
        said.add((answer.status, (await answer.json())["detail"]))
    ((status, detail),) = said
    assert status == 400
    assert "application_token" in detail
    assert house.desk.submitted == []


async def test_guesses_are_slowed_down(house: House) -> None:
    id, client = await bitrix(house), await house.visitor()
    wrong = click(**{"auth[application_token]": "guess"})
    seen = {await send(client, id, wrong) for _ in range(62)}
    assert seen == {400, 429}
    assert house.desk.submitted == []
    assert await send(client, id, click()) == 200  # behind a proxy all have one address


async def test_the_right_token_does_not_ring_all_phones_at_once(house: House) -> None:
    """By its subscription: another one is not held up, and no address is."""
    id, other = await bitrix(house), await bitrix(house, "other")
    client = await house.visitor()
    unfit = click(**{"data[USER_ID]": "8"})
    seen = [await send(client, id, unfit) for _ in range(70)]
    assert seen[:60] == [422] * 60
    assert 429 in seen
    assert await send(client, other, click()) == 200
    answer = await client.post(f"/crm/bitrix24/{id}", data=unfit)
    assert answer.status in {422, 429}
    assert "RateLimit" in answer.headers
    assert ("Retry-After" in answer.headers) == (answer.status == 429)


async def test_no_more_is_kept_than_an_event_may_have(house: House) -> None:
    """Of who says how much he sends, and of who does not."""
    id, client = await bitrix(house), await house.visitor()

    async def flood() -> AsyncIterator[bytes]:
        for _ in range(MAX_BODY // 4096 + 1):
            yield b"a" * 4096

    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for body in (flood(), b"a" * (MAX_BODY + 1)):
        answer = await client.post(f"/crm/bitrix24/{id}", data=body, headers=form)
        assert answer.status == 413
    assert house.desk.submitted == []
    assert await send(client, id, click()) == 200
