"""An agent calls a number from his screen, or a program has him call it: what is refused, and why."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from bridge.centre.facts import CallWished, Fact, LegEnded, LegJoined, LegRinging, Verdict
from bridge.centre.ids import AgentId, LegId, agent_leg_id, is_wished, wished_call_id
from bridge.centre.orders import CallRecord
from bridge.centre.plan import Outside, Plan
from bridge.web import dialling
from bridge.web.context import PARTS
from tests.integration.web.web_house import API, House, csrf_of
from tests.integration.web.web_samples import card, record

CALLS = f"{API}/agents/1001/calls"
NUMBER = "+74951112233"


SAVED_AFTER = 0.1  # seconds


@pytest.fixture(autouse=True)
def _permitted(house: House) -> None:
    permit(house, Outside("lab", ("+7495", "+7499")))


@pytest.fixture(autouse=True)
def saved(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that is wished is in the store a moment later."""
    submit = house.desk.submit

    async def kept(fact: Fact) -> None:
        await submit(fact)
        if isinstance(fact, CallWished):
            saving.append(asyncio.create_task(save(fact)))

    async def save(fact: CallWished) -> None:
        await asyncio.sleep(SAVED_AFTER)
        await talked(house, record(fact.call, number=fact.number))

    saving: list[asyncio.Task[None]] = []
    monkeypatch.setattr(house.desk, "submit", kept)


def permit(house: House, outside: Outside | None) -> None:
    plan: Plan = house.server.app[PARTS].plan()
    object.__setattr__(plan, "outside", outside)


async def ordered(house: House, body: object, *, path: str = CALLS) -> tuple[int, dict[str, Any]]:
    client, token = await house.visitor(), await house.token("agents:write")
    answer = await client.post(path, json=body, headers=token)
    return answer.status, await answer.json()


async def talked(house: House, *calls: CallRecord) -> None:
    async with house.store.unit() as unit:
        for call in calls:
            await unit.calls.save(call)


def wished(house: House) -> list[tuple[str, str]]:
    assert all(isinstance(fact, CallWished) for fact in house.desk.submitted)
    return [(fact.agent, fact.number) for fact in house.desk.submitted if isinstance(fact, CallWished)]


# ── API ──────────────────────────────────────────────────────────────────────


async def test_a_program_has_an_agent_call_a_number(house: House) -> None:
    status, told = await ordered(house, {"number": "+7 (495) 111-22-33"})
    assert status == 202, told
    assert wished(house) == [("1001", NUMBER)]
    assert is_wished(told["call_id"])
    (fact,) = house.desk.submitted
    assert isinstance(fact, CallWished)
    assert fact.call == told["call_id"]


async def test_its_record_can_be_read_at_once(house: House) -> None:
    _, told = await ordered(house, {"number": NUMBER})
    client, token = await house.visitor(), await house.token("calls:read")
    answer = await client.get(f"{API}/calls/{told['call_id']}", headers=token)
    assert answer.status == 200, await answer.text()
    assert (await answer.json())["number"] == NUMBER


async def test_a_store_that_is_away_keeps_nobody_from_calling(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialling, "_READABLE_WITHIN", SAVED_AFTER / 4)
    status, told = await ordered(house, {"number": NUMBER})
    assert status == 202
    async with house.store.view() as unit:
        assert await unit.calls.get(told["call_id"]) is None


async def test_every_call_has_its_own_id(house: House) -> None:
    ids = {(await ordered(house, {"number": NUMBER}))[1]["call_id"] for _ in range(3)}
    assert len(ids) == 3


@pytest.mark.parametrize("number", ["+78005553535", "112@evil.example", "+7495x", "112&1001"])
async def test_a_number_that_is_not_permitted_is_refused_with_the_prefixes(house: House, number: str) -> None:
    status, told = await ordered(house, {"number": number})
    assert status == 422
    assert told["errors"][0]["pointer"] == "#/number"
    assert "+7495, +7499" in told["detail"]
    assert house.desk.submitted == []


@pytest.mark.parametrize(
    "number", ["8 495 111-22-33", "84951112233", "tel:+7-495-111-22-33", "sip:84951112233@pbx.example"]
)
async def test_a_number_may_be_written_as_people_do(house: House, number: str) -> None:
    status, told = await ordered(house, {"number": number})
    assert status == 202, told
    assert wished(house) == [("1001", NUMBER)]


@pytest.mark.parametrize("number", ["112", "1-1-2", "tel:112", "911", "103", "urn:service:sos"])
async def test_an_emergency_number_is_refused_as_such(house: House, number: str) -> None:
    permit(house, Outside("lab", ("+7495", "1", "9"), region="RU"))
    status, told = await ordered(house, {"number": number})
    assert status == 422
    assert told["errors"][0]["pointer"] == "#/number"
    assert "emergency number" in told["detail"]
    assert house.desk.submitted == []


async def test_what_is_an_emergency_number_the_trunks_country_says(house: House) -> None:
    permit(house, Outside("lab", ("999",), region="RU"))
    assert (await ordered(house, {"number": "999"}))[0] == 202
    permit(house, Outside("lab", ("999",), region="GB"))
    assert (await ordered(house, {"number": "999"}))[0] == 422


async def test_where_nothing_is_permitted_that_is_said(house: House) -> None:
    permit(house, None)
    status, told = await ordered(house, {"number": NUMBER})
    assert status == 422
    assert "transfers:" in told["detail"]


@pytest.mark.parametrize("body", [{}, {"number": NUMBER, "redial": True}, {"redial": False}, {"number": ""}])
async def test_exactly_one_of_number_and_redial(house: House, body: dict[str, object]) -> None:
    status, _ = await ordered(house, body)
    assert status in (400, 422)
    assert house.desk.submitted == []


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"state": "talking"}, "in a call"),
        ({"state": "ringing"}, "in a call"),
        ({"state": "paused"}, "ready"),
        ({"state": "wrap_up"}, "ready"),
        ({"reachable": False}, "not connected"),
    ],
)
async def test_who_is_not_free_calls_nobody(house: House, fields: dict[str, Any], words: str) -> None:
    house.desk.change("1001", **fields)
    status, told = await ordered(house, {"number": NUMBER})
    assert status == 409
    assert words in told["detail"]
    assert house.desk.submitted == []


async def test_while_asterisk_is_away_nobody_is_called(house: House) -> None:
    house.desk.up["ari"] = False
    status, _ = await ordered(house, {"number": NUMBER})
    assert status == 409
    assert house.desk.submitted == []


async def test_no_such_agent_and_no_right(house: House) -> None:
    status, _ = await ordered(house, {"number": NUMBER}, path=f"{API}/agents/9999/calls")
    assert status == 404
    client, token = await house.visitor(), await house.token("agents:read")
    answer = await client.post(CALLS, json={"number": NUMBER}, headers=token)
    assert answer.status == 403
    assert house.desk.submitted == []


async def test_redial_is_the_last_number_that_may_be_called(house: House) -> None:
    first = record("1.1", number="+74991110000", answered=True, ended=True)
    withheld = replace(
        record("1.2", number=None, answered=True, ended=True), offered_at=first.offered_at.replace(hour=10)
    )
    forbidden = replace(
        record("1.3", number="+78005553535", answered=True), offered_at=first.offered_at.replace(hour=11)
    )
    other = replace(
        record("1.4", agent="1002", number=NUMBER, answered=True),
        offered_at=first.offered_at.replace(hour=12),
    )
    await talked(house, first, withheld, forbidden, other)
    status, told = await ordered(house, {"redial": True})
    assert (status, told.get("number")) == (202, "+74991110000")
    assert wished(house) == [("1001", "+74991110000")]


async def test_redial_without_a_last_number(house: House) -> None:
    status, told = await ordered(house, {"redial": True})
    assert status == 409
    assert "last number" in told["detail"]


# ── page ─────────────────────────────────────────────────────────────────────


async def test_an_agent_calls_from_his_desktop(house: House) -> None:
    anna = await house.sign_in("1001")
    html = await (await anna.get("/")).text()
    assert 'id="dial-number"' in html
    assert "Begins with: +7495, +7499" in html
    csrf = await csrf_of(anna)
    answer = await anna.post("/dial", data={"csrf": csrf, "number": NUMBER}, headers={"HX-Request": "true"})
    assert answer.status == 204
    answer = await anna.post("/dial", data={"csrf": csrf, "number": NUMBER}, allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/")
    assert wished(house) == [("1001", NUMBER)] * 2


async def test_without_permitted_numbers_there_is_no_form(house: House) -> None:
    permit(house, None)
    anna = await house.sign_in("1001")
    assert 'id="dial-number"' not in await (await anna.get("/")).text()


async def test_what_is_refused_is_said_in_his_language(house: House) -> None:
    anna = await house.sign_in("1001", language="ru")
    csrf = await csrf_of(anna)
    await anna.post("/language", data={"csrf": csrf, "language": "ru", "next": "/"})
    answer = await anna.post("/dial", data={"csrf": csrf, "number": "+78005553535"})
    assert answer.status == 400
    assert "разрешены только номера" in await answer.text()
    assert house.desk.submitted == []


async def test_a_supervisor_without_a_phone_calls_nobody(house: House) -> None:
    chief = await house.sign_in("chief")
    answer = await chief.post("/dial", data={"csrf": await csrf_of(chief), "number": NUMBER})
    assert answer.status == 404
    assert house.desk.submitted == []


async def test_his_last_contacts_can_be_called_again_where_that_is_permitted(house: House) -> None:
    await talked(
        house,
        *(
            record(id, number=number, answered=True)
            for id, number in (("1.1", NUMBER), ("1.2", "+78005553535"))
        ),
    )
    anna = await house.sign_in("1001")
    html = await (await anna.get("/")).text()
    assert html.count('action="/dial"') == 2  # the form, and one of the two contacts
    assert f'value="{NUMBER}"' in html
    answer = await anna.post("/dial", data={"csrf": await csrf_of(anna), "number": "", "again": "last"})
    assert answer.status == 200
    assert wished(house) == [("1001", NUMBER)]


async def test_the_card_of_a_call_that_is_over_and_the_call_s_page(house: House) -> None:
    call = record("1.1", number=NUMBER, verdict=Verdict.UNKNOWN, answered=True, ended=True)
    await talked(house, call)
    await house.screens.open_card(card(call, "1001"))
    anna = await house.sign_in("1001")
    html = await (await anna.get("/")).text()
    assert html.count("Call again") == 2
    html = await (await anna.get("/calls/1.1")).text()
    assert html.count("Call again") == 1


# ── events ───────────────────────────────────────────────────────────────────


async def test_what_becomes_of_it_is_told_in_events(house: House) -> None:
    client, token = await house.visitor(), await house.token("events:read")
    stream = await house.listen(client, f"{API}/events", **token)
    call = wished_call_id(1_764_000_000_000, 1)
    agent, number = agent_leg_id(call, 1), LegId(call)
    await house.log(
        CallWished(call, AgentId("1001"), NUMBER),
        LegRinging(call, agent),
        LegRinging(call, number),
        LegJoined(call, agent),
        LegEnded(call, number, 17),
    )
    sent = [await stream.next() for _ in range(5)]
    assert [one.event for one in sent if one] == [
        "call.wished",
        "call.ringing",
        "call.dialled",
        "call.answered",
        "call.ended",
    ]
    assert [json.loads(one.data)["call_id"] for one in sent if one] == [call] * 5
    told = json.loads(sent[0].data)["data"] if sent[0] else {}
    assert (told["agent"], told["number"]) == ("1001", NUMBER)
