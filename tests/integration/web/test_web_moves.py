"""Live moves: who may, what is kept, what the floor is told, and how the floor's page shows them."""

import asyncio
import re
from typing import Any

import pytest

from bridge.centre.facts import Fact, MemberMoved, MemberRestored
from bridge.centre.ids import AgentId, QueueName
from bridge.errors import LinkDown
from bridge.store.moves import Moves as KeptMoves
from bridge.store.rows import MoveRow
from bridge.web.context import PARTS
from bridge.web.moves import MOVES, Placements
from tests.integration.web.web_house import API, DEADLINE, House, csrf_of

ANNA, SALES, SUPPORT = AgentId("1001"), QueueName("sales"), QueueName("support")
WORDS = {
    "en": {"in": "moved in", "out": "taken out", "differs": "penalty 7, planned 1", "plan": "As planned"},
    "ru": {"in": "добавлен", "out": "убран", "differs": "штраф 7, в плане 1", "plan": "Как в плане"},
}


async def kept(house: House) -> list[tuple[str, str, int | None, str]]:
    async with house.store.view() as unit:
        rows: list[MoveRow] = await unit.moves.all()
    return [(row.agent, row.queue, row.penalty, row.by) for row in rows]


# ── by the API ───────────────────────────────────────────────────────────────


async def test_an_agent_is_moved_taken_out_and_put_back(house: House) -> None:
    client, token = await house.visitor(), await house.token("queues:write")
    path = f"{API}/agents/1001/queues/sales"
    answer = await client.put(path, json={"penalty": 3}, headers=token)
    assert answer.status == 200
    assert (await answer.json())["penalties"] == {"support": 0, "sales": 3}
    assert await kept(house) == [("1001", "sales", 3, "token test")]
    answer = await client.delete(path, headers=token)
    assert (await answer.json())["queues"] == ["support"]
    assert await kept(house) == [("1001", "sales", None, "token test")]
    answer = await client.delete(f"{API}/agents/1001/queues/support", headers=token)
    assert (await answer.json())["queues"] == []
    answer = await client.post(f"{API}/agents/1001/queues/support/restore", headers=token)
    assert (await answer.json())["penalties"] == {"support": 0}
    await client.post(f"{path}/restore", headers=token)
    assert await kept(house) == []
    assert house.desk.submitted == [
        MemberMoved(ANNA, SALES, 3),
        MemberMoved(ANNA, SALES, None),
        MemberMoved(ANNA, SUPPORT, None),
        MemberRestored(ANNA, SUPPORT),
        MemberRestored(ANNA, SALES),
    ]


async def test_members_tell_what_the_plan_meant(house: House) -> None:
    client, token = await house.visitor(), await house.token("queues:write", "queues:read")
    await client.put(f"{API}/agents/1001/queues/sales", json={"penalty": 3}, headers=token)
    await client.put(f"{API}/agents/1002/queues/sales", json={"penalty": 9}, headers=token)
    sales = await (await client.get(f"{API}/queues/sales", headers=token)).json()
    members = {one["agent"]: (one["penalty"], one["planned_penalty"]) for one in sales["members"]}
    assert members == {"1001": (3, None), "1002": (9, 0)}


@pytest.mark.parametrize("path", ["1099/queues/sales", "1001/queues/nothing", "1001/queues/%00"])
async def test_nobody_is_moved_to_nowhere(house: House, path: str) -> None:
    client, token = await house.visitor(), await house.token("queues:write")
    for method, tail in (("PUT", ""), ("DELETE", ""), ("POST", "/restore")):
        answer = await client.request(
            method, f"{API}/agents/{path}{tail}", json={"penalty": 0}, headers=token
        )
        assert answer.status == 404
    assert house.desk.submitted == []
    assert await kept(house) == []


@pytest.mark.parametrize("penalty", [-1, 101, "1", 1.5, True, None, 10**30])
async def test_a_wrong_penalty_is_named(house: House, penalty: object) -> None:
    client, token = await house.visitor(), await house.token("queues:write")
    answer = await client.put(f"{API}/agents/1001/queues/sales", json={"penalty": penalty}, headers=token)
    assert answer.status == 422
    assert (await answer.json())["errors"][0]["pointer"] == "#/penalty"
    assert house.desk.submitted == []


async def test_another_right_or_a_session_does_not_move_anybody(house: House) -> None:
    chief, anna = await house.sign_in("chief"), await house.sign_in("1001")
    visitor, token = await house.visitor(), await house.token("agents:write", "queues:read")
    path = f"{API}/agents/1001/queues/sales"
    for client, headers, status in (
        (visitor, token, 403),
        (visitor, {}, 401),
        (chief, {"X-CSRF-Token": await csrf_of(chief)}, 403),
        (anna, {"X-CSRF-Token": await csrf_of(anna)}, 403),
    ):
        assert (await client.put(path, json={"penalty": 0}, headers=headers)).status == status
        assert (await client.delete(path, headers=headers)).status == status
        assert (await client.post(f"{path}/restore", headers=headers)).status == status
    assert house.desk.submitted == []


# ── kept first, told then, one after another ─────────────────────────────────


async def test_what_cannot_be_kept_is_not_told(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object) -> None:
        raise LinkDown("the database is away")

    monkeypatch.setattr(KeptMoves, "set", fail)
    client, token = await house.visitor(), await house.token("queues:write")
    answer = await client.put(f"{API}/agents/1001/queues/sales", json={"penalty": 0}, headers=token)
    assert answer.status == 503
    assert house.desk.submitted == []


async def test_store_and_floor_agree_on_the_last_of_two_moves(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    moves, told = house.server.app[MOVES], house.desk.submit
    reached, gate = asyncio.Event(), asyncio.Event()

    async def slow(fact: Fact) -> None:
        if not reached.is_set():
            reached.set()
            await gate.wait()
        await told(fact)

    monkeypatch.setattr(house.desk, "submit", slow)
    async with asyncio.timeout(DEADLINE):
        first = asyncio.create_task(moves.set(ANNA, SALES, 1, "chief"))
        await reached.wait()
        second = asyncio.create_task(moves.set(ANNA, SALES, 2, "chief"))
        while not moves._turn._waiters and not second.done():
            await asyncio.sleep(0)
        gate.set()
        await asyncio.gather(first, second)
    assert house.desk.submitted == [MemberMoved(ANNA, SALES, 1), MemberMoved(ANNA, SALES, 2)]
    assert await kept(house) == [("1001", "sales", 2, "chief")]


# ── by the floor's page ──────────────────────────────────────────────────────


async def move(client: Any, csrf: str, queue: str = "sales", **fields: str) -> Any:
    """As the dialog does it."""
    return await client.post(
        f"/floor/agents/1001/queues/{queue}",
        data=fields,
        headers={"X-CSRF-Token": csrf, "HX-Request": "true", "HX-Target": "moves-body"},
    )


@pytest.mark.parametrize("language", ["en", "ru"])
async def test_the_floor_marks_what_differs_from_the_plan(house: House, language: str) -> None:
    chief, words = await house.sign_in("chief", language=language), WORDS[language]
    await chief.post("/language", data={"language": language, "csrf": await csrf_of(chief)})
    csrf = await csrf_of(chief)
    floor = await (await chief.get("/floor")).text()
    assert "chip-moved" not in floor
    fragment = await (await move(chief, csrf, action="move", penalty="0")).text()
    assert words["in"] in fragment
    assert fragment.count('value="restore"') == 1
    assert f">{words['plan']}</button>" in fragment
    fragment = await (await move(chief, csrf, "support", action="take_out")).text()
    assert words["out"] in fragment
    await house.desk.submit(MemberMoved(AgentId("1002"), SUPPORT, 7))
    floor = await (await chief.get("/floor")).text()
    for word in (words["in"], words["out"], words["differs"]):
        assert floor.count(word) == 1, word
    assert await kept(house) == [("1001", "sales", 0, "chief"), ("1001", "support", None, "chief")]
    for queue in ("sales", "support"):
        await move(chief, csrf, queue, action="restore")
    assert await kept(house) == []
    fragment = await (await chief.get("/floor/agents/1001", headers={"HX-Request": "true"})).text()
    assert words["in"] not in fragment
    assert words["out"] not in fragment
    assert 'value="restore"' not in fragment
    assert house.desk.submitted[-1] == MemberRestored(ANNA, SUPPORT)


async def test_the_dialog_works_without_scripts(house: House) -> None:
    chief = await house.sign_in("chief")
    html = await (await chief.get("/floor/agents/1001")).text()
    assert re.search(r'<dialog id="moves"[^>]* open>', html)
    assert "Queues of Анна Смирнова" in html
    assert not re.search(r'<dialog id="moves"[^>]* open>', await (await chief.get("/floor")).text())
    data = {"action": "move", "penalty": "4", "csrf": await csrf_of(chief)}
    answer = await chief.post("/floor/agents/1001/queues/sales", data=data, allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/floor/agents/1001")
    assert house.desk.submitted == [MemberMoved(ANNA, SALES, 4)]


async def test_the_floor_s_stream_shows_a_move(house: House) -> None:
    chief = await house.sign_in("chief")
    stream = await house.listen(chief, "/events?page=floor")
    await stream.until("floor", "Анна Смирнова")
    await move(chief, await csrf_of(chief), action="move", penalty="0")
    await stream.until("floor", "moved in")


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"action": "move"}, "Penalty"),
        ({"action": "move", "penalty": "101"}, "from 0 to 100"),
        ({"action": "move", "penalty": "-1"}, "Penalty"),
        ({"action": "promote"}, "Action"),
    ],
)
async def test_a_wrong_move_is_told_in_the_dialog(house: House, fields: dict[str, str], word: str) -> None:
    chief = await house.sign_in("chief")
    answer = await move(chief, await csrf_of(chief), **fields)
    assert answer.status == 400
    assert answer.headers["HX-Retarget"] == "#moves-notice"
    assert word in await answer.text()
    assert house.desk.submitted == []


@pytest.mark.parametrize("path", ["1099/queues/sales", "1001/queues/nothing"])
async def test_the_page_moves_nobody_to_nowhere(house: House, path: str) -> None:
    chief = await house.sign_in("chief")
    data = {"action": "take_out", "csrf": await csrf_of(chief)}
    assert (await chief.post(f"/floor/agents/{path}", data=data)).status == 404
    assert (await chief.get("/floor/agents/1099")).status == 404
    assert await kept(house) == []


async def test_an_agent_moves_neither_others_nor_himself(house: House) -> None:
    anna = await house.sign_in("1001")
    csrf = await csrf_of(anna)
    assert (await anna.get("/floor/agents/1001")).status == 403
    for agent in ("1001", "1002"):
        data = {"action": "move", "penalty": "0", "csrf": csrf}
        assert (await anna.post(f"/floor/agents/{agent}/queues/sales", data=data)).status == 403
    assert house.desk.submitted == []
    assert await kept(house) == []


async def test_a_supervisor_s_form_must_be_his_own(house: House) -> None:
    chief = await house.sign_in("chief")
    answer = await chief.post("/floor/agents/1001/queues/sales", data={"action": "take_out"})
    assert answer.status == 403
    assert house.desk.submitted == []


async def test_placements_name_every_queue_of_the_plan(house: House) -> None:
    await house.desk.submit(MemberMoved(ANNA, SALES, 0))
    await house.desk.submit(MemberMoved(ANNA, SUPPORT, None))
    placements = Placements(house.server.app[PARTS].plan())
    rows = placements.all(house.desk.agent("1001"))
    assert [(row.queue, row.now, row.planned, row.differs) for row in rows] == [
        ("support", None, 0, True),
        ("sales", 0, None, True),
    ]
    assert placements.held(house.desk.agent("1001")) == rows
    vera = house.desk.agent("1003")
    assert [(row.queue, row.now, row.differs) for row in placements.all(vera)] == [
        ("support", 2, False),
        ("sales", None, False),
    ]
    assert [row.queue for row in placements.held(vera)] == ["support"], "only what concerns her"
