"""A supervisor beside an agent, by page and API: who may, what is told, and when it is refused."""

from dataclasses import replace
from typing import Any

import pytest

from bridge.centre.facts import Supervise, SupervisionWished
from bridge.centre.ids import AgentId, QueueName
from bridge.centre.plan import Member, Plan
from bridge.engine.ports import LiveWatch
from bridge.web.context import PARTS
from tests.integration.web.test_web_talks import ANNA, BORIS, VERA, passed_on, talks
from tests.integration.web.web_house import API, House, csrf_of, get

PATH = f"{API}/agents/1001/supervision"
LISTEN = {"do": "listen", "supervisor": VERA}


def supervised(house: House, *supervisors: AgentId, tells: bool = False) -> None:
    """The support queue, which Anna serves, has these supervisors; and Anna talks."""
    plan: Plan = house.server.app[PARTS].plan()
    support = QueueName("support")
    queue = replace(plan.queues[support], supervisors=supervisors, tells_watched=tells)
    object.__setattr__(plan, "queues", {**plan.queues, support: queue})
    talks(house)
    states = {ANNA: "talking"}
    agents = tuple(
        replace(one, state=states.get(one.agent, "ready"), reachable=True) for one in house.desk.view.agents
    )
    house.desk.show(replace(house.desk.view, agents=agents))


def beside(house: House, *watches: LiveWatch) -> None:
    calls = tuple(
        replace(call, watches=watches) if call.call == "c1" else call for call in house.desk.view.calls
    )
    house.desk.show(replace(house.desk.view, calls=calls))


def came_by(house: House, queue: str | None) -> None:
    """Anna's client."""
    house.desk.show(
        replace(house.desk.view, calls=tuple(replace(call, queue=queue) for call in house.desk.view.calls))
    )


def watch(how: str = "listen", who: AgentId = VERA, supervisor: AgentId = VERA) -> LiveWatch:
    return LiveWatch(who, supervisor, ANNA, how, answered=True)


async def asked(house: House, body: dict[str, Any], status: int) -> dict[str, Any]:
    client, token = await house.visitor(), await house.token("supervision:write")
    answer = await client.post(PATH, json=body, headers=token)
    assert answer.status == status, await answer.text()
    told: dict[str, Any] = await answer.json()
    return told


@pytest.mark.parametrize("do", ["listen", "whisper", "barge"])
async def test_over_an_agent_of_his(house: House, do: str) -> None:
    supervised(house, VERA)
    told = await asked(house, {**LISTEN, "do": do}, 202)
    assert told["call_id"] == "c1"
    assert house.desk.submitted == [SupervisionWished(VERA, ANNA, Supervise(do), "token test")]


@pytest.mark.parametrize("do", Supervise)
async def test_over_nobody_elses(house: House, do: Supervise) -> None:
    supervised(house, BORIS)
    problem = await asked(house, {**LISTEN, "do": do.value}, 403)
    assert "department" in problem["detail"]
    assert house.desk.submitted == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"do": "take_over", "supervisor": VERA}, 409),  # beside nobody yet
        ({"do": "leave", "supervisor": VERA}, 409),
        ({"do": "listen"}, 422),
        ({"do": "hum", "supervisor": VERA}, 422),
        ({**LISTEN, "trainee": "9999"}, 409),
        ({**LISTEN, "trainee": ANNA}, 409),
        ({**LISTEN, "loud": True}, 422),
    ],
)
async def test_what_cannot_be(house: House, body: dict[str, Any], status: int) -> None:
    supervised(house, VERA)
    await asked(house, body, status)
    assert house.desk.submitted == []


@pytest.mark.parametrize("change", [{"reachable": False}, {"state": "talking"}, {"state": "ringing"}])
async def test_whose_phone_cannot_ring(house: House, change: dict[str, Any]) -> None:
    supervised(house, VERA)
    agents = tuple(replace(one, **change) if one.agent == VERA else one for one in house.desk.view.agents)
    house.desk.show(replace(house.desk.view, agents=agents))
    problem = await asked(house, LISTEN, 409)
    assert "phone" in problem["detail"]


async def test_an_agent_in_no_call(house: House) -> None:
    supervised(house, VERA)
    house.desk.show(replace(house.desk.view, calls=()))
    assert "in no call" in (await asked(house, LISTEN, 409))["detail"]


@pytest.mark.parametrize("do", ["listen", "whisper", "barge"])
async def test_an_agent_in_a_call_that_is_not_steered(house: House, do: str) -> None:
    supervised(house, VERA)
    talks(house, steered=False)
    problem = await asked(house, {**LISTEN, "do": do}, 409)
    assert "not steered by Callbridge" in problem["detail"]
    assert house.desk.submitted == []


@pytest.mark.parametrize(("do", "status"), [("take_over", 409), ("whisper", 202), ("leave", 202)])
async def test_who_waits_for_the_client_of_one_who_is_in_such_a_call_now(
    house: House, do: str, status: int
) -> None:
    supervised(house, VERA)
    talks(house, steered=False)
    his, hers = house.desk.view.calls
    watched = replace(his, parties=(), watches=(watch(),))
    house.desk.show(replace(house.desk.view, calls=(watched, hers)))
    await asked(house, {**LISTEN, "do": do}, status)


@pytest.mark.parametrize("do", Supervise)
async def test_who_is_beside_her_already_switches(house: House, do: Supervise) -> None:
    supervised(house, VERA)
    beside(house, watch())
    await asked(house, {**LISTEN, "do": do.value}, 202)
    assert [fact.do for fact in house.desk.submitted if isinstance(fact, SupervisionWished)] == [do]


async def test_no_client_is_taken_from_who_is_only_consulted(house: House) -> None:
    supervised(house, VERA)
    talks(house, stage="consulting", transfers=(passed_on(1, by=BORIS),))
    beside(house, watch())
    await asked(house, {**LISTEN, "do": "take_over"}, 409)
    assert house.desk.submitted == []


async def test_a_trainee_only_listens_and_is_his_supervisors(house: House) -> None:
    supervised(house, VERA, BORIS)
    beside(house, watch(who=AgentId("1004")))
    trainee = {**LISTEN, "trainee": "1004"}
    await asked(house, {**trainee, "do": "barge"}, 403)
    await asked(house, {**trainee, "do": "leave", "supervisor": BORIS}, 403)
    await asked(house, {**trainee, "do": "leave"}, 202)
    assert len(house.desk.submitted) == 1


async def test_the_call_tells_who_is_with_whom(house: House) -> None:
    supervised(house, VERA)
    beside(house, watch("whisper"))
    client, token = await house.visitor(), await house.token("agents:read")
    told = await get(client, "/agents/1001/call", token)
    assert told["watches"] == [
        {"who": VERA, "supervisor": VERA, "agent": ANNA, "how": "whisper", "answered": True}
    ]


# ── the pages ────────────────────────────────────────────────────────────────


async def test_the_floor_has_a_button_for_each_agent_of_his_who_talks(house: House) -> None:
    supervised(house, VERA)
    client = await house.supervisor("vera", VERA)
    html = await (await client.get("/floor")).text()
    assert html.count('name="do" value="listen"') == 1
    assert 'id="listen-1001"' in html
    csrf = await csrf_of(client, "/floor")
    answer = await client.post(
        "/floor/agents/1001/supervision", data={"do": "listen", "csrf": csrf}, allow_redirects=False
    )
    assert answer.status == 303
    assert house.desk.submitted == [SupervisionWished(VERA, ANNA, Supervise.LISTEN, "vera")]


async def test_the_floor_has_no_button_where_nothing_is_steered(house: House) -> None:
    supervised(house, VERA)
    talks(house, steered=False)
    client = await house.supervisor("vera", VERA)
    assert 'id="listen-1001"' not in await (await client.get("/floor")).text()
    form = {"do": "listen", "csrf": await csrf_of(client, "/floor")}
    answer = await client.post("/floor/agents/1001/supervision", data=form, headers={"HX-Request": "true"})
    assert (answer.status, "not steered" in await answer.text()) == (409, True)
    assert house.desk.submitted == []


async def test_the_floor_shows_what_he_does_and_all_the_rest(house: House) -> None:
    supervised(house, VERA)
    beside(house, watch("whisper"), watch(who=BORIS))
    client = await house.supervisor("vera", VERA)
    html = await (await client.get("/floor")).text()
    for do in Supervise:
        assert f'name="do" value="{do.value}"' in html
    assert "Only the agent hears you" in html
    assert 'aria-pressed="true"' in html
    assert 'id="listen-1001"' not in html  # one at a time
    assert f'name="trainee" value="{BORIS}"' in html


async def test_a_supervisor_without_a_phone_has_no_button(house: House) -> None:
    supervised(house, VERA)
    client = await house.sign_in("chief")
    html = await (await client.get("/floor")).text()
    assert 'name="do" value="listen"' not in html
    csrf = await csrf_of(client, "/floor")
    answer = await client.post("/floor/agents/1001/supervision", data={"do": "listen", "csrf": csrf})
    assert answer.status == 404
    assert house.desk.submitted == []


async def test_an_agent_does_not_reach_it(house: House) -> None:
    supervised(house, BORIS)
    client = await house.sign_in("1002")
    csrf = await csrf_of(client)
    answer = await client.post("/floor/agents/1001/supervision", data={"do": "listen", "csrf": csrf})
    assert answer.status == 403


@pytest.mark.parametrize(
    ("how", "tells", "seen"),
    [("listen", False, False), ("listen", True, True), ("whisper", False, False), ("barge", False, True)],
)
@pytest.mark.parametrize("queue", ["support", "sales", None])
async def test_the_agent_sees_it_where_his_department_says_so(
    house: House, queue: str | None, how: str, tells: bool, seen: bool
) -> None:
    """The one by which the supervisor may be with her, however the client came."""
    supervised(house, VERA, tells=tells)
    came_by(house, queue)
    beside(house, watch(how))
    client = await house.sign_in("1001")
    html = await (await client.get("/")).text()
    assert ('<p class="note" role="status">' in html) is seen


async def test_another_department_s_supervisor_is_not_told_of(house: House) -> None:
    """Support tells, but Boris supervises sales only, which she serves as well."""
    supervised(house, VERA, tells=True)
    plan: Plan = house.server.app[PARTS].plan()
    sales = plan.queues[QueueName("sales")]
    sales = replace(sales, supervisors=(BORIS,), members=(*sales.members, Member(ANNA)))
    object.__setattr__(plan, "queues", {**plan.queues, sales.name: sales})
    beside(house, watch(who=BORIS, supervisor=BORIS))
    html = await (await (await house.sign_in("1001")).get("/")).text()
    assert '<p class="note" role="status">' not in html


@pytest.mark.parametrize(
    ("queue", "supervisors", "offered"),
    [
        ("support", (VERA,), True),
        ("sales", (VERA,), False),  # it has none
        (None, (VERA,), True),  # of her own department
        (None, (), False),
        (None, (ANNA,), False),
    ],
)
async def test_the_agent_may_pass_the_client_on_to_a_supervisor(
    house: House, queue: str | None, supervisors: tuple[AgentId, ...], offered: bool
) -> None:
    supervised(house, *supervisors)
    came_by(house, queue)
    html = await (await (await house.sign_in("1001")).get("/")).text()
    assert ('<option value="supervisor">' in html) is offered


async def test_the_departments_that_she_was_moved_to_count(house: House) -> None:
    """By the plan in force, not the engineer's: Vera supervises sales only."""
    supervised(house)
    came_by(house, None)
    parts = house.server.app[PARTS]
    sales = parts.plan().queues[QueueName("sales")]
    sales = replace(sales, supervisors=(VERA,), members=(*sales.members, Member(ANNA)))
    in_force = replace(parts.plan(), queues={**parts.plan().queues, sales.name: sales})
    object.__setattr__(parts, "in_force", lambda: in_force)
    html = await (await (await house.sign_in("1001")).get("/")).text()
    assert '<option value="supervisor">' in html
