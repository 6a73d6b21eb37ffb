"""The API's agents and queues: live state and figures, orders in the plan's own words, refusals."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bridge.centre.facts import (
    AgentLoggedIn,
    AgentLoggedOut,
    AgentPaused,
    AgentReady,
    CallDisposed,
    WrapUpEnded,
    WrapUpExtended,
)
from bridge.centre.ids import AgentId
from bridge.centre.plan import Plan
from bridge.engine.ports import LiveQueue
from bridge.web.context import PARTS
from tests.integration.web.web_house import API, T0, House, get

# ── agents and queues ────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("body", "fact"),
    [
        ({"state": "ready"}, AgentReady(AgentId("1002"))),
        ({"state": "pause", "reason": "training"}, AgentPaused(AgentId("1002"), "training")),
        ({"state": "end_wrap_up"}, WrapUpEnded(AgentId("1002"))),
        ({"state": "dispose", "disposition": "доставка"}, CallDisposed(AgentId("1002"), "доставка")),
        ({"state": "log_in"}, AgentLoggedIn(AgentId("1002"))),
        ({"state": "log_out"}, AgentLoggedOut(AgentId("1002"))),
    ],
)
async def test_an_agent_is_told_what_to_do(house: House, body: dict[str, str], fact: object) -> None:
    client, token = await house.visitor(), await house.token("agents:write")
    answer = await client.post(f"{API}/agents/1002/state", json=body, headers=token)
    assert answer.status == 202
    assert (await answer.json())["id"] == "1002"
    assert house.desk.submitted == [fact]


async def test_a_pause_has_a_reason_and_an_agent_exists(house: House) -> None:
    client, token = await house.visitor(), await house.token("agents:write")
    answer = await client.post(f"{API}/agents/1002/state", json={"state": "pause"}, headers=token)
    assert answer.status == 422
    assert (await answer.json())["errors"][0]["pointer"] == "#/reason"
    answer = await client.post(f"{API}/agents/1099/state", json={"state": "ready"}, headers=token)
    assert answer.status == 404
    assert house.desk.submitted == []


async def test_a_wrap_up_tells_its_end_and_is_extended(house: House) -> None:
    client, token = await house.visitor(), await house.token("agents:write", "agents:read")
    until = T0 + timedelta(seconds=15)
    house.desk.change("1002", state="wrap_up", until=until, may_extend=True, phone="in use")
    agent = await get(client, "/agents/1002", token)
    assert (datetime.fromisoformat(agent["wrap_up_until"]), agent["may_extend"]) == (until, True)
    assert agent["phone"] == "in use"
    assert agent["skills"] == {"english": 2}
    assert agent["penalties"] == {"support": 1, "sales": 0}
    order = {"state": "extend_wrap_up"}
    answer = await client.post(f"{API}/agents/1002/state", json=order, headers=token)
    assert answer.status == 202
    assert (await answer.json())["may_extend"] is False
    assert house.desk.submitted == [WrapUpExtended(AgentId("1002"))]


def plan_of(house: House) -> Plan:
    return house.server.app[PARTS].plan()


@pytest.mark.parametrize(
    ("order", "pointer", "words"),
    [
        ({"state": "pause", "reason": "sleep"}, "#/reason", "break, lunch, training"),
        ({"state": "dispose"}, "#/disposition", "resolved, follow_up, wrong_number, доставка"),
        ({"state": "dispose", "disposition": "<b>"}, "#/disposition", "resolved, follow_up"),
    ],
)
async def test_a_word_that_the_plan_has_not_is_refused(
    house: House, order: dict[str, str], pointer: str, words: str
) -> None:
    client, token = await house.visitor(), await house.token("agents:write")
    answer = await client.post(f"{API}/agents/1002/state", json=order, headers=token)
    assert answer.status == 422
    (fault,) = (await answer.json())["errors"]
    assert fault["pointer"] == pointer
    assert words in fault["detail"]
    assert house.desk.submitted == []


async def test_a_plan_without_words_of_its_own_takes_any_reason_and_no_disposition(house: House) -> None:
    client, token = await house.visitor(), await house.token("agents:write")
    plan_of(house).pause_reasons.clear()  # type: ignore[attr-defined]
    plan_of(house).dispositions.clear()  # type: ignore[attr-defined]
    path = f"{API}/agents/1002/state"
    answer = await client.post(path, json={"state": "pause", "reason": "sleep"}, headers=token)
    assert answer.status == 202
    answer = await client.post(path, json={"state": "dispose", "disposition": "resolved"}, headers=token)
    assert answer.status == 422
    assert "the engineer lists them" in (await answer.json())["detail"]
    assert house.desk.submitted == [AgentPaused(AgentId("1002"), "sleep")]


async def test_queues_tell_their_live_figures(house: House) -> None:
    client, token = await house.visitor(), await house.token("queues:read")
    live = LiveQueue("sales", 3, T0, 2, 1, timedelta(seconds=95.4))
    house.desk.show(replace(house.desk.view, queues=(live,)))
    sales = await get(client, "/queues/sales", token)
    assert datetime.fromisoformat(sales["longest_since"]) == T0
    assert {name: sales[name] for name in ("waiting", "logged_in", "ready", "expected_wait_seconds")} == {
        "waiting": 3,
        "logged_in": 2,
        "ready": 1,
        "expected_wait_seconds": 95,
    }
    assert (sales["strategy"], sales["weight"], sales["needs"]) == ("rrmemory", 5, {"english": 2})
    assert sales["service_level_seconds"] == 20
    support = await get(client, "/queues/support", token)
    assert (support["waiting"], support["longest_since"], support["expected_wait_seconds"]) == (0, None, None)


async def test_queues_tell_members_and_who_waits(house: House) -> None:
    client, token = await house.visitor(), await house.token("queues:read", "agents:read")
    support = await get(client, "/queues/support", token)
    assert support["title"] == "Поддержка"
    assert [(one["agent"], one["penalty"]) for one in support["members"]] == [
        ("1001", 0),
        ("1002", 1),
        ("1003", 2),
    ]
    assert support["waiting"] == 0
    assert len((await get(client, "/queues", token))["items"]) == 2
    assert (await get(client, "/agents/1001", token))["state"] == "ready"
