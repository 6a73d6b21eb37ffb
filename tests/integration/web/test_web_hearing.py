"""Who hears which recording: every role, every place in the departments, every call, at every door."""

from dataclasses import dataclass, replace

import pytest
from aiohttp.test_utils import TestClient

from bridge.centre.ids import AgentId, QueueName
from bridge.centre.orders import CallRecord
from bridge.centre.plan import Member, Plan
from bridge.crm.access import new_token
from bridge.web.context import PARTS
from bridge.web.sight import HIDDEN, UNHEARD
from tests.integration.web.web_house import House, csrf_of
from tests.integration.web.web_samples import add_ticket, record

# The plan's: support is served by 1001, 1002 and 1003, sales by 1002 alone.
CALLS: dict[str, tuple[str | None, str, str | None, str | None]] = {
    # its name: queue, who took it, whose phone rang besides, the ticket's assignee
    "support, Anna": ("support", "1001", None, None),
    "support, Boris": ("support", "1002", None, None),
    "sales, Boris": ("sales", "1002", None, None),
    "sales, Vera rang": ("sales", "1002", "1003", None),
    "sales, ticket Anna's": ("sales", "1002", None, "1001"),
    "no queue, Vera": (None, "1003", None, None),
    "no queue, Boris": (None, "1002", None, None),
    "old queue, gone agent": ("closed", "1099", None, None),
    "support, nobody": ("support", "", None, None),
}
ALL = frozenset(CALLS)
SUPPORT = frozenset({"support, Anna", "support, Boris", "support, nobody"})
SALES = frozenset({"sales, Boris", "sales, Vera rang", "sales, ticket Anna's"})


@dataclass(frozen=True)
class Ear:
    role: str
    agent: str | None
    departments: tuple[str, ...]  # in which he is named
    hears: frozenset[str]


EARS = {
    # An agent: his calls, his queues', his tickets'. To be named somewhere adds nothing without the role.
    "Anna": Ear("agent", "1001", (), SUPPORT | {"sales, ticket Anna's"}),
    "Boris": Ear("agent", "1002", (), SUPPORT | SALES | {"no queue, Boris"}),
    "Vera": Ear("agent", "1003", (), SUPPORT | {"sales, Vera rang", "no queue, Vera"}),
    "Anna, named": Ear("agent", "1001", ("sales",), SUPPORT | {"sales, ticket Anna's"}),
    # A supervisor: the calls of his departments' queues and of their agents, and what is his as an agent.
    "of sales": Ear("supervisor", "1009", ("sales",), SALES | {"support, Boris", "no queue, Boris"}),
    "of support": Ear("supervisor", "1009", ("support",), ALL - {"old queue, gone agent"}),
    "of sales, in support": Ear("supervisor", "1001", ("sales",), SUPPORT | SALES | {"no queue, Boris"}),
    "of both": Ear("supervisor", "1009", ("sales", "support"), ALL - {"old queue, gone agent"}),
    "of one without queues": Ear("supervisor", "1009", ("night",), frozenset()),
    # The manager.
    "of none": Ear("supervisor", "1009", (), ALL),
    "without a phone": Ear("supervisor", None, (), ALL),
}


async def add_calls(house: House) -> dict[str, CallRecord]:
    calls = {}
    for number, (name, (queue, agent, rang, assignee)) in enumerate(CALLS.items(), start=1):
        call = record(f"100.{number}", agent=agent or "1001", answered=True, ended=True)
        client, taken = call.legs
        legs = [client, *([taken] if agent else [])]
        if rang:
            legs.append(replace(taken, id=type(taken.id)(f"{call.id}-agent-2"), agent=AgentId(rang)))
        call = replace(
            call,
            queue=QueueName(queue) if queue else None,
            agent=AgentId(agent) if agent else None,
            legs=tuple(legs),
        )
        ticket = await add_ticket(house, call)
        async with house.store.unit() as unit:
            await unit.tickets.update(ticket, assignee=assignee)
        calls[name] = call
    return calls


async def heard(client: TestClient, calls: dict[str, CallRecord]) -> set[str]:
    """By what every door says of the recordings; they must agree."""
    found = set()
    for name, call in calls.items():
        recording = f"{call.id}-rec-1"
        statuses = {
            (await client.get(path)).status
            for path in (
                f"/recordings/{recording}.wav",
                f"/recordings/{recording}.wav?download=1",
                f"/api/v1/recordings/{recording}",
                f"/api/v1/recordings/{recording}/file",
                f"/api/v1/recordings/{recording}/links",
            )
        }
        assert statuses in ({200}, {403}), (name, statuses)
        found |= {name} if statuses == {200} else set()
    return found


@pytest.mark.parametrize("whose", EARS)
async def test_who_hears_what(house: House, whose: str) -> None:
    ear = EARS[whose]
    calls = await add_calls(house)
    for department in ear.departments:
        house.departments[department] = ["1098", ear.agent or ""]
    house.departments.setdefault("elsewhere", ["1097"])
    async with house.store.unit() as unit:
        await unit.users.add("ear", (await unit.users.all())[0].password_hash, ear.role, ear.agent, "en")
    client = await house.sign_in("ear")
    assert await heard(client, calls) == ear.hears
    for name, call in calls.items():
        page = await client.get(f"/calls/{call.id}")
        sees = name in ear.hears or ear.role == "supervisor"
        assert page.status == (200 if sees else 403), name
        html = await page.text()
        assert (f"/recordings/{call.id}-rec-1" in html) == (name in ear.hears), name
        assert (UNHEARD in html) == (sees and name not in ear.hears), name
        assert (HIDDEN in html) == (not sees), name
    if ear.role == "supervisor":
        listed = (await (await client.get("/api/v1/recordings")).json())["items"]
        assert {one["call_id"] for one in listed} == {calls[name].id for name in ear.hears}
        html = await (await client.get("/calls")).text()
        for name, call in calls.items():
            assert (f"/recordings/{call.id}-rec-1.wav" in html) == (name in ear.hears), name


async def test_a_refusal_says_whom_to_ask(house: House) -> None:
    calls = await add_calls(house)
    recording = f"{calls['support, Anna'].id}-rec-1"
    house.departments["sales"] = ["1009"]
    of_sales = await house.supervisor("olga", "1009", language="ru")
    await of_sales.post("/language", data={"language": "ru", "csrf": await csrf_of(of_sales)})
    answer = await of_sales.get(f"/recordings/{recording}.wav")
    assert answer.status == 403
    assert "Обратитесь к одному из них или к супервизору всего центра." in await answer.text()
    answer = await of_sales.get(f"/api/v1/recordings/{recording}/file")
    assert (answer.status, (await answer.json())["detail"]) == (403, UNHEARD)


async def test_a_live_move_opens_no_recording_to_a_supervisor(house: House) -> None:
    """He could move himself, or an agent of his, into any queue."""
    calls = await add_calls(house)
    house.departments["sales"] = ["1009"]
    client = await house.supervisor("olga", "1009")
    before = await heard(client, calls)
    assert "support, Anna" not in before
    plan: Plan = house.server.app[PARTS].plan()
    here = tuple(Member(AgentId(agent)) for agent in ("1001", "1003", "1009"))
    moved = {name: replace(queue, members=(*queue.members, *here)) for name, queue in plan.queues.items()}
    in_force = replace(plan, queues=moved)
    object.__setattr__(house.server.app[PARTS], "in_force", lambda: in_force)
    assert await heard(client, calls) == before
    agent = await house.sign_in("1001")
    assert "sales, Boris" in await heard(agent, calls), "of an agent the move counts"


async def test_who_is_named_no_more_hears_no_more(house: House) -> None:
    calls = await add_calls(house)
    house.departments.update(sales=["1009"], support=["1008"])
    client = await house.supervisor("olga", "1009")
    assert "sales, Boris" in await heard(client, calls)
    house.departments["sales"] = []
    house.departments["support"] = ["1009"]
    assert "sales, ticket Anna's" in await heard(client, calls), "her agents' calls"
    assert "old queue, gone agent" not in await heard(client, calls)


async def test_a_program_hears_all_and_needs_the_scope(house: House) -> None:
    calls = await add_calls(house)
    client = await house.visitor()
    token = await house.token("recordings:read", "links:read")
    for call in calls.values():
        for path in ("", "/file", "/links"):
            answer = await client.get(f"/api/v1/recordings/{call.id}-rec-1{path}", headers=token)
            assert answer.status == 200
    for scopes, path in ((("calls:read",), "/file"), (("recordings:read",), "/links")):
        async with house.store.unit() as unit:
            other, digest = new_token()
            await unit.tokens.add("other", digest, scopes)
        answer = await client.get(
            f"/api/v1/recordings/100.1-rec-1{path}", headers={"Authorization": f"Bearer {other}"}
        )
        assert answer.status == 403
