"""The API's call of an agent: what is told of it, what may be asked of it, and when that is refused."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from bridge.centre.facts import AgentWished, Fact, TransferWished, Wish
from bridge.centre.ids import AgentId, CallId
from bridge.centre.plan import Outside, Plan, Target, TargetKind
from bridge.centre.record import TransferEnd, TransferKind, TransferRecord
from bridge.engine.ports import LiveCall, LiveParty
from bridge.web.context import PARTS
from tests.integration.web.web_house import API, T0, House, get

ANNA, BORIS, VERA = AgentId("1001"), AgentId("1002"), AgentId("1003")
CALL, TRANSFER = f"{API}/agents/1001/call", f"{API}/agents/1001/transfer"
CONSULTED = (LiveParty(ANNA, "consult", T0), LiveParty(BORIS, "consult", T0))
CONFERENCE = (LiveParty(ANNA, "conference", T0), LiveParty(BORIS, "conference", T0))


def talks(
    house: House,
    *parties: LiveParty,
    stage: str = "",
    transfers: tuple[TransferRecord, ...] = (),
    steered: bool = True,
) -> None:
    """Anna's phone is in a call, and so are whoever else is given."""
    call = LiveCall(CallId("c1"), "+79161234567", "", "+74950000001", "talking", "support", ANNA, T0)
    parties = parties or (LiveParty(ANNA, "talk", T0),)
    call = replace(call, parties=parties, stage=stage, transfers=transfers, steered=steered)
    other = replace(call, call=CallId("c2"), agent=None, parties=(LiveParty(None, "talk", T0),), stage="")
    house.desk.show(replace(house.desk.view, calls=(other, call)))


def passed_on(number: int, **fields: Any) -> TransferRecord:
    return replace(TransferRecord(number, ANNA, TransferKind.ATTENDED, "agent 1002", T0), **fields)


def permit(house: House, *prefixes: str) -> None:
    plan: Plan = house.server.app[PARTS].plan()
    object.__setattr__(plan, "outside", Outside("lab", prefixes))


async def refused(
    house: House, path: str, body: object, *statuses: int, scope: str = "agents:write"
) -> dict[str, Any]:
    """The problem; and nothing was submitted."""
    client, token = await house.visitor(), await house.token(scope)
    answer = await client.post(path, json=body, headers=token)
    assert answer.status in statuses, await answer.text()
    assert answer.content_type == "application/problem+json"
    assert house.desk.submitted == []
    problem: dict[str, Any] = await answer.json()
    return problem


async def ordered(house: House, path: str, body: dict[str, object]) -> list[Fact]:
    client, token = await house.visitor(), await house.token("agents:write")
    answer = await client.post(path, json=body, headers=token)
    assert answer.status == 202, await answer.text()
    assert (await answer.json())["call_id"] == "c1"
    return house.desk.submitted


# ── what is told ─────────────────────────────────────────────────────────────


async def test_his_call_is_told_with_everybody_in_it(house: House) -> None:
    client, token = await house.visitor(), await house.token("agents:read")
    end = T0 + timedelta(seconds=30)
    talks(
        house,
        LiveParty(ANNA, "held", T0, muted=True),
        LiveParty(BORIS, "talk", end),
        LiveParty(None, "consult", T0),
        stage="swapped",
        transfers=(passed_on(1, ended_at=end, end=TransferEnd.COMPLETED, to=BORIS),),
    )
    told = await get(client, "/agents/1001/call", token)
    assert (told["call_id"], told["state"], told["queue"]) == ("c1", "talking", "support")
    assert [(one["agent"], one["doing"], one["muted"]) for one in told["parties"]] == [
        ("1001", "held", True),
        ("1002", "talk", False),
        (None, "consult", False),
    ]
    assert datetime.fromisoformat(told["parties"][1]["since"]) == end
    assert (told["stage"], told["many_transfers"]) == ("swapped", False)
    (transfer,) = told["transfers"]
    assert {name: datetime.fromisoformat(transfer[name]) for name in ("begun_at", "ended_at")} == {
        "begun_at": T0,
        "ended_at": end,
    }
    assert {name: transfer[name] for name in ("number", "by", "kind", "target", "end", "to")} == {
        "number": 1,
        "by": "1001",
        "kind": "attended",
        "target": "agent 1002",
        "end": "completed",
        "to": "1002",
    }
    assert await get(client, "/agents/1002/call", token) == told


async def test_who_is_in_no_call_has_none_and_who_does_not_exist_neither(house: House) -> None:
    client, token = await house.visitor(), await house.token("agents:read")
    assert "in no call" in (await get(client, "/agents/1001/call", token, status=404))["detail"]
    talks(house)
    await get(client, "/agents/1003/call", token, status=404)
    assert "no such agent" in (await get(client, "/agents/1099/call", token, status=404))["detail"]
    await get(client, "/agents/1001/call?deep=1", token, status=400)


# ── wishes ───────────────────────────────────────────────────────────────────

RINGING, OPEN = ("ringing",), ("consulting", "swapped")
FITS = {
    Wish.HOLD: ("",),
    Wish.RESUME: ("",),
    Wish.MUTE: ("", *RINGING, *OPEN),
    Wish.UNMUTE: ("", *RINGING, *OPEN),
    Wish.COMPLETE: (*RINGING, *OPEN),
    Wish.GIVE_UP: (*RINGING, *OPEN),
    Wish.SWAP: OPEN,
    Wish.CONFERENCE: OPEN,
}
STAGES = ("", *RINGING, *OPEN, "alone", "returning")


@pytest.mark.parametrize("wish", FITS)
async def test_a_wish_is_submitted_where_it_fits_and_nowhere_else(house: House, wish: Wish) -> None:
    for stage in STAGES:
        house.desk.submitted.clear()
        held = (LiveParty(ANNA, "hold", T0),) if wish is Wish.RESUME else ()
        passing = (passed_on(1),) if stage else ()
        talks(house, *(CONSULTED if stage in OPEN else held), stage=stage, transfers=passing)
        if stage in FITS[wish]:
            assert await ordered(house, CALL, {"do": wish.value}) == [AgentWished(ANNA, wish)]
        else:
            problem = await refused(house, CALL, {"do": wish.value}, 409)
            assert "does not fit the call" in problem["detail"]


async def test_who_is_consulted_wishes_for_himself(house: House) -> None:
    talks(house, *CONSULTED, stage="consulting", transfers=(passed_on(1),))
    path = f"{API}/agents/1002/call"
    assert await ordered(house, path, {"do": "mute"}) == [AgentWished(BORIS, Wish.MUTE)]
    house.desk.submitted.clear()
    for wish in ("complete", "give_up", "swap", "conference"):
        await refused(house, path, {"do": wish}, 409)


async def test_who_is_not_held_cannot_be_brought_back(house: House) -> None:
    talks(house)
    await refused(house, CALL, {"do": "resume"}, 409)


async def test_who_is_out_of_the_call_meanwhile_is_told_it_as_it_was(house: House) -> None:
    talks(house, *CONSULTED, stage="consulting", transfers=(passed_on(1),))
    submit = house.desk.submit

    async def and_he_is_out(fact: Fact) -> None:
        await submit(fact)
        talks(house, LiveParty(BORIS, "talk", T0))

    house.desk.submit = and_he_is_out  # type: ignore[method-assign]
    client, token = await house.visitor(), await house.token("agents:write")
    answer = await client.post(CALL, json={"do": "complete"}, headers=token)
    assert (answer.status, (await answer.json())["stage"]) == (202, "consulting")


async def test_a_client_is_not_held_out_of_a_conference(house: House) -> None:
    talks(house, *CONFERENCE)
    await refused(house, CALL, {"do": "hold"}, 409)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"do": "dance"}, 422),
        ({}, 422),
        ({"do": "hold", "please": True}, 422),
        ([], 422),
        ({"do": None}, 422),
    ],
)
async def test_what_is_no_wish_is_refused(house: House, body: object, status: int) -> None:
    talks(house)
    await refused(house, CALL, body, status)


@pytest.mark.parametrize(
    ("path", "body"), [(CALL, {"do": "hold"}), (TRANSFER, {"queue": "sales", "attended": True})]
)
async def test_refusals_that_both_have_in_common(house: House, path: str, body: dict[str, object]) -> None:
    problem = await refused(house, path, body, 409)
    assert "in no call" in problem["detail"]
    await refused(house, path.replace("1001", "1099"), body, 404)
    talks(house)
    await refused(house, path.replace("1001", "1003"), body, 409)
    await refused(house, f"{path}?x=1", body, 400)
    await refused(house, path, body, 403, scope="agents:read")
    client, token = await house.visitor(), await house.token("agents:write")
    answer = await client.post(path, data=b"{", headers=token | {"Content-Type": "application/json"})
    assert answer.status == 400
    answer = await client.post(path, data="do=hold", headers=token)
    assert answer.status == 415
    answer = await client.post(path, json=body)
    assert answer.status == 401
    assert house.desk.submitted == []


async def test_reading_has_a_scope_of_its_own_and_is_for_supervisors(house: House) -> None:
    talks(house)
    client = await house.visitor()
    await get(client, "/agents/1001/call", await house.token("agents:write"), status=403)
    await get(client, "/agents/1001/call", await house.token("agents:read"))
    assert (await (await house.sign_in("chief")).get(CALL)).status == 200
    assert (await (await house.sign_in("1001")).get(CALL)).status == 403


async def test_a_signed_in_person_orders_nothing_by_the_api(house: House) -> None:
    talks(house)
    chief = await house.sign_in("chief")
    for path, body in ((CALL, {"do": "hold"}), (TRANSFER, {"queue": "sales"})):
        answer = await chief.post(path, json=body)
        assert answer.status in (401, 403)
    assert house.desk.submitted == []


# ── transfers ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("attended", [None, False, True])
@pytest.mark.parametrize(
    ("body", "target"),
    [
        ({"agent": "1002"}, Target(TargetKind.AGENT, "1002")),
        ({"queue": "sales"}, Target(TargetKind.QUEUE, "sales")),
        ({"number": "+7 (495) 111-22-33"}, Target(TargetKind.NUMBER, "+74951112233")),
        ({"number": "+74951112233"}, Target(TargetKind.NUMBER, "+74951112233")),
        ({"number": "8 495 111-22-33"}, Target(TargetKind.NUMBER, "+74951112233")),
        ({"supervisor": True}, Target(TargetKind.SUPERVISOR)),
    ],
)
async def test_a_client_is_passed_on(
    house: House, body: dict[str, object], target: Target, attended: bool | None
) -> None:
    permit(house, "+7495")
    talks(house)
    given = body if attended is None else body | {"attended": attended}
    assert await ordered(house, TRANSFER, given) == [TransferWished(ANNA, target, bool(attended))]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"attended": True},
        {"agent": "1002", "queue": "sales"},
        {"number": "+74951112233", "supervisor": True},
        {"agent": None},
        {"agent": ""},
        {"queue": "x" * 101},
        {"number": "1" * 41},
        {"supervisor": False},
        {"agent": "1002", "whisper": True},
        {"agent": "1002", "attended": "perhaps"},
    ],
)
async def test_exactly_one_target_is_given(house: House, body: dict[str, object]) -> None:
    permit(house, "+7495")
    talks(house)
    problem = await refused(house, TRANSFER, body, 422)
    assert problem["errors"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"agent": "1001"}, "the agent himself"),
        ({"agent": "1099"}, "permitted number"),
        ({"agent": "sales"}, "permitted number"),
        ({"queue": "1002"}, "permitted number"),
        ({"queue": "nosuch"}, "permitted number"),
        ({"number": "+4915112345678"}, "permitted number"),
        ({"number": "+7495x1"}, "permitted number"),
        ({"number": "1002"}, "permitted number"),
        ({"number": "+74951112233@evil"}, "permitted number"),
    ],
)
async def test_a_client_is_passed_on_only_where_the_plan_leads(
    house: House, body: dict[str, object], words: str
) -> None:
    permit(house, "+7495")
    talks(house)
    problem = await refused(house, TRANSFER, body, 400, 422)
    assert words in problem["detail"]
    (fault,) = problem["errors"]
    assert words in fault["detail"]


async def test_a_plan_without_numbers_outside_permits_none(house: House) -> None:
    talks(house)
    await refused(house, TRANSFER, {"number": "+74951112233"}, 400, 422)


@pytest.mark.parametrize("body", [{"agent": "1099"}, {"queue": "nosuch"}, {"number": "1"}, {"agent": "1001"}])
async def test_a_target_that_is_refused_is_pointed_at(house: House, body: dict[str, object]) -> None:
    talks(house)
    problem = await refused(house, TRANSFER, body, 422)
    assert [fault["pointer"] for fault in problem["errors"]] == [f"#/{name}" for name in body]


@pytest.mark.parametrize("stage", STAGES[1:])
async def test_a_client_who_is_being_passed_on_is_not_passed_on_again(house: House, stage: str) -> None:
    talks(house, stage=stage)
    problem = await refused(house, TRANSFER, {"agent": "1003"}, 409)
    assert "being passed on" in problem["detail"]


async def test_a_client_is_not_passed_on_out_of_a_conference(house: House) -> None:
    talks(house, *CONFERENCE)
    await refused(house, TRANSFER, {"agent": "1003"}, 409)
    await refused(house, f"{API}/agents/1002/transfer", {"agent": "1003"}, 409)


# ── the document ─────────────────────────────────────────────────────────────


async def test_the_document_has_them(house: House) -> None:
    document = await (await (await house.visitor()).get(f"{API}/openapi.json")).json()
    call, transfer = (document["paths"][path.replace("1001", "{id}")] for path in (CALL, TRANSFER))
    assert (set(call), set(transfer)) == ({"get", "post"}, {"post"})
    assert set(call["get"]["responses"]) >= {"200", "304", "400", "401", "403", "404"}
    for ordering, model in ((call["post"], "TalkWish"), (transfer["post"], "TransferOrder")):
        assert set(ordering["responses"]) >= {"202", "400", "401", "403", "404", "409", "415", "422"}
        assert ordering["requestBody"]["content"]["application/json"]["schema"]["$ref"].endswith(f"/{model}")
        assert ordering["x-scope"] == "agents:write"
    assert call["get"]["x-scope"] == "agents:read"
    schemas = document["components"]["schemas"]
    assert set(schemas["Wish"]["enum"]) == {wish.value for wish in Wish}
    assert set(schemas["TransferOrder"]["properties"]) == {
        "agent",
        "queue",
        "number",
        "supervisor",
        "attended",
    }
