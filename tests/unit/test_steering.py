"""Where a receiver's wish for a call may lead: to what the plan has, and to numbers that agents may call."""

import pytest
from structlog.testing import capture_logs

from bridge.callbacks import steering
from bridge.centre.facts import CallSteered, Fact
from bridge.centre.ids import CallId
from bridge.centre.plan import Target, TargetKind
from bridge.centre.wish_facts import Refusal
from bridge.crm.formats import Dial, Reject, Steer, ToQueue
from tests.unit.centre.test_steer import the_plan

CALL = CallId("1.1")


def wished(wish: Steer) -> list[Fact]:
    put: list[Fact] = []
    steering(put.append, the_plan, lambda: "RU")(CALL, wish, "crm")
    return put


def test_a_refusal_and_a_queue_are_what_they_say() -> None:
    assert wished(Reject("busy")) == [CallSteered(CALL, "crm", refusal=Refusal.BUSY)]
    assert wished(ToQueue("nowhere")) == [CallSteered(CALL, "crm", Target(TargetKind.QUEUE, "nowhere"))]


@pytest.mark.parametrize(
    ("number", "target"),
    [
        ("1001", Target(TargetKind.AGENT, "1001")),
        ("1", Target(TargetKind.QUEUE, "common")),  # the company's own number, by where it leads
        ("8 (495) 111-22-33", Target(TargetKind.NUMBER, "+74951112233")),
        ("+74951112233", Target(TargetKind.NUMBER, "+74951112233")),
    ],
)
def test_a_number_is_an_agent_a_queue_or_one_that_agents_may_call(number: str, target: Target) -> None:
    assert wished(Dial(number)) == [CallSteered(CALL, "crm", target)]


@pytest.mark.parametrize("number", ["112", "+39 06 1234567", "anonymous", "", "x" * 128, "9999"])
def test_any_other_number_is_refused_with_the_remedy(number: str) -> None:
    with capture_logs() as logs:
        assert wished(Dial(number)) == []
    assert [one["remedy"] for one in logs] == ["see transfers.prefixes"]


def test_the_number_to_be_shown_stays_the_trunks_and_the_log_says_so() -> None:
    with capture_logs() as logs:
        assert wished(Dial("1001", "+4930123456"))
    assert [(one["action"], one["caller_id"]) for one in logs] == [("callback.steer", "+4930123456")]
