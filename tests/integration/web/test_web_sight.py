"""Who sees a call and its recording: the same answer from every page and from the API."""

from dataclasses import replace

import pytest
from aiohttp.test_utils import TestClient

from bridge.centre.facts import Verdict
from bridge.centre.ids import AgentId, QueueName
from bridge.centre.orders import CallRecord
from bridge.centre.plan import Member, Plan, Queue
from bridge.web.context import PARTS
from bridge.web.sight import HIDDEN
from tests.integration.web.web_house import House, csrf_of
from tests.integration.web.web_samples import add_client, add_ticket, card, record

TICKET_BLOCK = "About the call"


def sales_call(client: int | None = None) -> CallRecord:
    """Boris's, of a queue that he alone is a member of."""
    call = record(agent="1002", client=client, verdict=Verdict.KNOWN, answered=True, ended=True)
    return replace(call, queue=QueueName("sales"))


async def sees(client: TestClient, call: CallRecord, ticket: int) -> bool:
    """What every door says; they must agree."""
    recording = f"{call.id}-rec-1"
    statuses = {
        (await client.get(path)).status
        for path in (
            f"/calls/{call.id}",
            f"/recordings/{recording}.wav",
            f"/recordings/{recording}.wav?download=1",
            f"/api/v1/recordings/{recording}",
            f"/api/v1/recordings/{recording}/file",
        )
    }
    assert statuses in ({200}, {403}), statuses
    seen = statuses == {200}
    html = await (await client.get(f"/tickets/{ticket}")).text()
    assert "Не включается телефон" in html, "the ticket itself is open to everybody"
    for word in (TICKET_BLOCK, "<audio", recording, "SIP 200"):
        assert (word in html) == seen, word
    assert (HIDDEN in html) != seen
    api = await (await client.get(f"/api/v1/tickets/{ticket}")).json()
    assert (len(api["recordings"]) == 1) == seen
    (listed,) = (await (await client.get("/api/v1/tickets")).json())["items"]
    assert listed.items() <= api.items()
    return seen


async def test_a_call_of_another_queue_is_hidden_from_an_agent_everywhere(house: House) -> None:
    call = sales_call()
    ticket = await add_ticket(house, call)
    assert not await sees(await house.sign_in("1001"), call, ticket)
    assert await sees(await house.sign_in("chief"), call, ticket)


async def test_whoever_was_on_a_leg_sees_the_call(house: House) -> None:
    call = replace(sales_call(), agent=AgentId("1002"))
    rang = replace(call.legs[1], agent=AgentId("1003"), id=type(call.legs[1].id)("other-leg"))
    call = replace(call, legs=(*call.legs, rang))
    ticket = await add_ticket(house, call)
    assert await sees(await house.sign_in("1003"), call, ticket)
    assert not await sees(await house.sign_in("1001"), call, ticket)


async def test_a_member_of_the_queue_sees_its_calls_as_long_as_he_is_one(house: House) -> None:
    call = replace(sales_call(), agent=AgentId("1003"))
    call = replace(call, legs=(call.legs[0], replace(call.legs[1], agent=AgentId("1003"))))
    ticket = await add_ticket(house, call)
    boris = await house.sign_in("1002")
    assert await sees(boris, call, ticket)
    plan: Plan = house.server.app[PARTS].plan()
    queues = dict(plan.queues)
    sales: Queue = queues[QueueName("sales")]
    plan.queues[sales.name] = replace(sales, members=(Member(AgentId("1001")),))  # type: ignore[index]
    assert not await sees(boris, call, ticket)
    assert await sees(await house.sign_in("1001"), call, ticket)


async def test_the_ticket_s_assignee_sees_its_call(house: House) -> None:
    call = sales_call()
    ticket = await add_ticket(house, call)
    async with house.store.unit() as unit:
        await unit.tickets.update(ticket, assignee="1001")
    anna = await house.sign_in("1001")
    assert await sees(anna, call, ticket)
    async with house.store.unit() as unit:
        await unit.tickets.update(ticket, assignee=None)
    assert not await sees(anna, call, ticket)


async def test_a_token_with_the_scope_sees_every_recording(house: House) -> None:
    call = sales_call()
    await add_ticket(house, call)
    token = await house.token("recordings:read", "tickets:read")
    client = await house.visitor()
    for path in (f"/api/v1/recordings/{call.id}-rec-1", f"/api/v1/recordings/{call.id}-rec-1/file"):
        assert (await client.get(path, headers=token)).status == 200
    (ticket,) = (await (await client.get("/api/v1/tickets", headers=token)).json())["items"]
    assert len(ticket["recordings"]) == 1


@pytest.mark.parametrize(
    ("language", "words"), [("en", "Ask a supervisor."), ("ru", "Обратитесь к супервизору.")]
)
async def test_the_refusal_says_why_and_whom_to_ask(house: House, language: str, words: str) -> None:
    call = sales_call()
    await add_ticket(house, call)
    anna = await house.sign_in("1001")
    await anna.post("/language", data={"language": language, "csrf": await csrf_of(anna)})
    for path in (f"/calls/{call.id}", f"/recordings/{call.id}-rec-1.wav"):
        answer = await anna.get(path)
        assert (answer.status, answer.content_type) == (403, "text/html")
        assert words in await answer.text()
    answer = await anna.get(f"/api/v1/recordings/{call.id}-rec-1/file")
    assert (answer.status, answer.content_type) == (403, "application/problem+json")
    assert (await answer.json())["detail"] == HIDDEN
    assert (await anna.get("/recordings/nothing.wav")).status == 404


async def test_a_client_s_history_names_hidden_calls_without_a_way_to_them(house: House) -> None:
    who = await add_client(house.store, "Мария", "+79161234567")
    call = sales_call(who)
    await add_ticket(house, call)
    now = record("2.2", client=who, verdict=Verdict.KNOWN)
    await house.screens.open_card(card(now, "1001", who))
    await house.screens.open_card(card(now, "1002", who))
    anna, boris = await house.sign_in("1001"), await house.sign_in("1002")
    for path in ("/", f"/clients/{who}"):
        html = await (await boris.get(path)).text()
        assert f"/recordings/{call.id}-rec-1.wav" in html, path
        html = await (await anna.get(path)).text()
        assert f"{call.id}-rec-1" not in html, path
        assert f"/calls/{call.id}" not in html, path
        assert "Last contacts" in html
        assert "Answered" in html, path
