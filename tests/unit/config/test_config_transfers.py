"""Whom agents may pass clients on to: what is planned, and what the file may not say."""

from datetime import timedelta

import pytest

from bridge.centre.ids import AgentId
from bridge.centre.plan import NO_AGENTS, Outside, Target, TargetKind, ToNumber
from bridge.config import check, load, plan_of
from tests.unit.config.rendering_of import Write
from tests.unit.config.test_config_targets import SENDING

TRANSFERS = """
transfers: {trunk: lab, prefixes: ["+7495", "112"], ring_seconds: 9, supervisor: "700"}
"""
QUEUE = "support: {title: Support, "
WHOLE = SENDING.replace(QUEUE, QUEUE + 'extension: "71", department: help, ') + TRANSFERS
HELP = "departments: {help: {title: Help, supervisors: [1002, 1001]}}\n"


@pytest.mark.parametrize(
    ("dialled", "target"),
    [
        ("1001", Target(TargetKind.AGENT, "1001")),
        ("71", Target(TargetKind.QUEUE, "support")),
        ("700", Target(TargetKind.SUPERVISOR)),
        ("+74951112233", Target(TargetKind.NUMBER, "+74951112233")),
        ("+7 (495) 111-22-33", Target(TargetKind.NUMBER, "+74951112233")),
        ("112", Target(TargetKind.NUMBER, "112")),
        ("9999", None),
        ("+78005553535", None),  # begins with none of the prefixes
        ("+7495x", None),
        ("", None),
        ("+7495" + "1" * 20, None),
        ("112@evil.example", None),
        ("112&1001", None),
    ],
)
def test_where_what_an_agent_dials_leads(write: Write, dialled: str, target: Target | None) -> None:
    plan = plan_of(load(write(WHOLE + HELP)))
    assert plan.target_of(dialled) == target
    if target is not None:
        assert plan.leads(target)


def test_how_a_number_outside_is_called(write: Write) -> None:
    plan = plan_of(load(write(WHOLE + HELP)))
    first = next(iter(plan.numbers))
    assert plan.outside == Outside(
        "lab", ("+7495", "112"), timedelta(seconds=9), caller_id=first, region="RU"
    )
    called = plan.outside_number("+74951112233")
    assert called == ToNumber(
        "+74951112233", called.endpoint if called else None, timedelta(seconds=9), NO_AGENTS
    )
    assert called is not None
    assert called.endpoint == "PJSIP/+74951112233@lab"


def test_what_whom_an_agent_calls_is_shown(write: Write) -> None:
    own = 'trunk: lab, caller_id: "+74950000009", '
    plan = plan_of(load(write((WHOLE + HELP).replace("trunk: lab, p", own + "p"))))
    assert plan.outside is not None
    assert plan.outside.caller_id == "+74950000009"


@pytest.mark.parametrize(
    ("said", "recorded"), [("", False), ("record_calls: false, ", False), ("record_calls: true, ", True)]
)
def test_whom_an_agent_calls_is_recorded_only_if_it_is_said_so(
    write: Write, said: str, *, recorded: bool
) -> None:
    """Nothing tells him that he is recorded."""
    plan = plan_of(load(write((WHOLE + HELP).replace("trunk: lab, p", f"trunk: lab, {said}p"))))
    assert plan.outside is not None
    assert plan.outside.record is recorded


def test_a_caller_id_that_is_no_number(write: Write) -> None:
    (fault,) = check(write((WHOLE + HELP).replace("trunk: lab, p", 'trunk: lab, caller_id: "us;x", p')), {})
    assert "not a number to dial" in str(fault)


def test_without_a_trunk_nothing_leads_outside(write: Write) -> None:
    plan = plan_of(load(write(SENDING)))
    assert plan.outside is None
    assert plan.target_of("+74951112233") is None


def test_supervisors_are_those_of_the_queues_department(write: Write) -> None:
    plan = plan_of(load(write(WHOLE + HELP)))
    (queue,) = plan.queues.values()
    assert queue.supervisors == (AgentId("1002"), AgentId("1001"))


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        (SENDING + "transfers: {trunk: lab}\n", "transfers", "go together"),
        (SENDING + 'transfers: {prefixes: ["+7"]}\n', "transfers", "go together"),
        (SENDING + 'transfers: {trunk: lob, prefixes: ["+7"]}\n', "transfers.trunk", "did you mean"),
        (
            SENDING.replace(', send_to: "sip:203.0.113.9"', "")
            + 'transfers: {trunk: lab, prefixes: ["+7"]}\n',
            "transfers.trunk",
            "no call goes out",
        ),
        (SENDING + 'transfers: {supervisor: "1001"}\n', "transfers.supervisor", "agent 1001 already"),
        (
            SENDING + "departments: {help: {title: Help, supervisors: [1009]}}\n",
            "departments.help.supervisors[0]",
            "no agent",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_place(write: Write, text: str, place: str, words: str) -> None:
    (fault,) = check(write(text), {})
    assert fault.path == place
    assert words in str(fault)
