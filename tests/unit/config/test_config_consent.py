"""Callers are told that they are recorded: the settings, and the dialplan that does it without Callbridge."""

import re
from pathlib import Path

import pytest

from bridge.centre.ids import QueueName
from bridge.config import check, load, plan_of
from tests.unit.config.asterisk_files import dialplan
from tests.unit.config.examples import SMALL
from tests.unit.config.rendering_of import Write, render_small
from tests.unit.config.test_config_faults import one_fault

# ── the settings ───────────────────────────────────────────────────────────────


def test_consent_of_queues_and_numbers(write: Write) -> None:
    text = SMALL.replace("title: Support,", "title: Support, consent: callbridge/recorded,")
    text = text.replace("{menu: main}", "{menu: main, consent: [a1, b2]}")
    plan = plan_of(load(write(text), {}))
    assert plan.queues[QueueName("support")].consent == ("callbridge/recorded",)
    assert plan.number_consents == {"+74950000001": ("a1", "b2")}


@pytest.mark.parametrize("off", ["false", '"no"'])
def test_nobody_is_told_that_he_is_recorded_where_he_is_not(write: Write, off: str) -> None:
    fault = one_fault(write, "title: Support", f"title: Support, record: {off}, consent: a1")
    assert (fault.line, fault.path) == (14, "queues.support.consent")
    assert "remove it, or record: false" in fault.message


@pytest.mark.parametrize(
    "queue", ["record: false", "record: false, consent: []", "record: true, consent: a1"]
)
def test_a_queue_that_says_what_it_does(write: Write, queue: str) -> None:
    assert check(write(SMALL.replace("title: Support", f"title: Support, {queue}")), {}) == []


@pytest.mark.parametrize("target", ["hang_up: a1", "echo: true"])
def test_a_number_where_nothing_is_recorded_says_nothing(write: Write, target: str) -> None:
    fault = one_fault(write, "{menu: main}", f"{{{target}, consent: b2}}")
    assert f"consent: does not go with {target.partition(':')[0]}" in fault.message


@pytest.mark.parametrize("sound", ["../etc/passwd", "a&b", "${X}"])
def test_a_sound_is_a_sound_there_too(write: Write, sound: str) -> None:
    fault = one_fault(write, "title: Support", f'title: Support, consent: "{sound}"')
    assert fault.path.startswith("queues.support.consent")


# ── the dialplan ─────────────────────────────────────────────────────────────

QUEUES = """
  sales: {title: Sales, consent: callbridge/recorded}
  plain: {title: Plain}
  private: {title: Private, record: false}
"""


def rendered(write: Write, tmp_path: Path, number: str = "{menu: main}") -> dict[str, dict[str, list[str]]]:
    """Support and sales say the same words, the first number as wanted."""
    text = SMALL.replace("title: Support,", "title: Support, consent: callbridge/recorded,")
    text = text.replace("{menu: main}", number).replace("queues:", "queues:" + QUEUES.rstrip())
    etc = render_small(lambda _: write(text), tmp_path)
    return dialplan(etc / "extensions.conf")


def test_without_consent_the_dialplan_knows_nothing_of_it(write: Write, tmp_path: Path) -> None:
    etc = render_small(write, tmp_path)
    assert "CONSENT" not in (etc / "extensions.conf").read_text()
    assert "callbridge-consent" not in dialplan(etc / "extensions.conf")


def test_a_queue_says_it_before_anybody_is_rung(write: Write, tmp_path: Path) -> None:
    plan = rendered(write, tmp_path)
    for queue in ("support", "sales"):
        assert plan["callbridge-fallback"][queue][:5] == [
            "Answer()",
            "Gosub(callbridge-consent,1,1)",
            "Gosub(callbridge-record,start,1(${CALLBRIDGE_CONSENT_1}))",
            f"Set(CALLBRIDGE_QUEUED={queue})",
            f"Queue({queue},,,,)",
        ], "the same words are one announcement"
    assert list(plan["callbridge-consent"]) == ["1"]


def test_each_announcement_is_said_once_in_a_call(write: Write, tmp_path: Path) -> None:
    assert rendered(write, tmp_path)["callbridge-consent"]["1"] == [
        'GotoIf($["${CALLBRIDGE_CONSENT_1}" != ""]?said)',
        "Answer()",
        "Playback(callbridge/recorded)",
        "Set(CALLBRIDGE_CONSENT=${PLAYBACKSTATUS})",
        "Set(CALLBRIDGE_CONSENT_1=${PLAYBACKSTATUS})",
        "Return()",
    ]


def test_who_could_not_be_told_is_not_recorded(write: Write, tmp_path: Path) -> None:
    plan = rendered(write, tmp_path)
    assert plan["callbridge-record"]["start"][:2] == [
        'GotoIf($["${ARG1}" = "FAILED"]?stop,1)',
        'GotoIf($["${CALLBRIDGE_MONITOR}" != ""]?done)',
    ]
    records = [step for step in plan["callbridge-fallback"]["plain"] if "callbridge-record" in step]
    assert records == ["Gosub(callbridge-record,start,1(${CALLBRIDGE_CONSENT}))"], "by the last announcement"


def test_a_queue_that_does_not_record(write: Write, tmp_path: Path) -> None:
    assert rendered(write, tmp_path)["callbridge-fallback"]["private"][:2] == [
        "Answer()",
        "Gosub(callbridge-record,stop,1)",
    ]


def test_a_number_says_it_first(write: Write, tmp_path: Path) -> None:
    plan = rendered(write, tmp_path, "{menu: main, consent: [a1, b2]}")
    assert "Set(CALLBRIDGE_FALLBACK=callbridge-told,+74950000001,1)" in plan["from-trunk"]["+74950000001"]
    assert "Set(CALLBRIDGE_FALLBACK=callbridge-fallback,support,1)" in plan["from-trunk"]["+74950000002"]
    assert plan["callbridge-told"] == {
        "+74950000001": ["Gosub(callbridge-consent,1,1)", "Goto(callbridge-menu-main,s,1)"]
    }
    assert "Playback(a1&b2)" in plan["callbridge-consent"]["1"]
    assert "Playback(callbridge/recorded)" in plan["callbridge-consent"]["2"]


def test_a_named_agents_phone_does_not_ring_before_it(write: Write, tmp_path: Path) -> None:
    plan = rendered(write, tmp_path, '{agent: "1002", queue: support, hold_seconds: 15}')
    assert plan["callbridge-number"]["+74950000001"][2:6] == [
        "Gosub(callbridge-consent,1,1)",
        "Gosub(callbridge-record,start,1(${CALLBRIDGE_CONSENT_1}))",
        "Set(MEMBERINTERFACE=PJSIP/1002)",
        "Dial(PJSIP/1002,15,U(callbridge-talking))",
    ]


def test_every_place_that_is_gone_to_is_there(write: Write, tmp_path: Path) -> None:
    plan = rendered(write, tmp_path, "{menu: main, consent: [a1, b2]}")
    lines = [line for extensions in plan.values() for steps in extensions.values() for line in steps]
    places = [
        place
        for line in lines
        for place in re.findall(r"(?:Goto|Gosub|FALLBACK=)\(?([a-z][\w-]+),([\w+*#]+),1", line)
    ]
    assert ("callbridge-told", "+74950000001") in places
    for context, extension in places:
        assert extension in plan[context]
