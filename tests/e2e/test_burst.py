"""A hundred callers at once, ten agents: nobody is dropped, nobody overtakes, each leaves one ticket."""

import itertools
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.parts import Api, Lab, caller, eventually
from tests.e2e.scene import number_of, ready

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(400)]

CALLS = 100
AGENTS = ("2001", "2002", "2003", "2004", "2005", "2006", "2007", "2008", "2010", "2011")
PLAIN, PREFERRED = number_of(28), number_of(29)


def moment(of: str) -> datetime:
    return datetime.fromisoformat(of)


def inversions(times: Iterable[tuple[datetime, datetime]]) -> int:
    """How many pairs were first offered in the reverse order of their arrival."""
    offered = [offer for _, offer in sorted(times)]
    return sum(later < earlier for n, earlier in enumerate(offered) for later in offered[n + 1 :])


async def test_burst_of_a_hundred_calls(routing: Lab, centre: Api, tmp_path: Path) -> None:
    known = {ticket["id"] for ticket in await centre.all("/tickets")}
    before = {call["id"] for call in await centre.all("/calls")}
    people = tmp_path / "people.csv"
    # Every fourth one dials a number with a priority: they are served first, and in order among themselves.
    dialled = [PREFERRED if number % 4 == 3 else PLAIN for number in range(CALLS)]
    people.write_text("".join(f"+7904{number:07};;{to};\n" for number, to in enumerate(dialled)))
    async with ready(routing, centre, AGENTS, answer=0.2, talk=0.6):
        crowd = caller(routing, PLAIN, people=people, calls=CALLS, rate=100, wait=0, talk=200)
        async with crowd as clients:
            await clients.event("done", seconds=240)
        assert clients.events[-1]["calls"] == CALLS, clients.events[-1]
        assert clients.count("answered") == CALLS
        # Each was ended by an agent who had talked with him, none by himself or by a fault.
        assert [event["by"] for event in clients.events_of("ended")] == ["them"] * CALLS

        async def calls() -> list[dict[str, Any]]:
            return [call for call in await centre.all("/calls", queue="burst") if call["id"] not in before]

        ended = await eventually(
            calls, lambda seen: len(seen) == CALLS and all(call["ended_at"] for call in seen), 60
        )
        for agent in AGENTS:
            await centre.agent_is(agent, "ready", 30)
    assert sorted(call["outcome"] for call in ended) == ["answered"] * CALLS
    assert len({call["number"] for call in ended}) == CALLS
    assert {call["agent"] for call in ended} == set(AGENTS)

    tickets = await eventually(lambda: centre.tickets_since(known), lambda seen: len(seen) >= CALLS, 60)
    assert sorted(ticket["call_id"] for ticket in tickets) == sorted(call["id"] for call in ended)

    offers = {call["id"]: (await centre.get(f"/calls/{call['id']}/offers"))["items"] for call in ended}
    for call in ended:
        assert [offer["end"] for offer in offers[call["id"]]][-1:] == ["answered"], offers[call["id"]]
    first = {call["id"]: moment(offers[call["id"]][0]["at"]) for call in ended}
    queued = {call["id"]: moment(call["queued_at"]) for call in ended}
    last = max(queued.values())
    assert sum(at > last for at in first.values()) >= CALLS // 4, "they did not wait together"
    for number in (PLAIN, PREFERRED):
        line = [call["id"] for call in ended if call["dialled"] == number]
        assert len(line) == dialled.count(number)
        assert inversions((queued[call], first[call]) for call in line) == 0
    # Once one with a priority waits, nobody without it is offered before him.
    for preferred in (call["id"] for call in ended if call["dialled"] == PREFERRED):
        for plain in (call["id"] for call in ended if call["dialled"] == PLAIN):
            assert not queued[preferred] < first[plain] < first[preferred], (preferred, plain)
    for agent in AGENTS:
        legs = [leg for call in ended for leg in call["legs"] if leg["agent"] == agent]
        talks = sorted(
            (moment(leg["answered_at"]), moment(leg["ended_at"])) for leg in legs if leg["answered_at"]
        )
        # No agent talked with two callers at once.
        assert all(ended <= answered for (_, ended), (answered, _) in itertools.pairwise(talks)), talks
