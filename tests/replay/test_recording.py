"""The recorder as far as it needs no Asterisk: what it keeps, how it compares, what it can play."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.replay.record import home
from tests.replay.recording import asterisk
from tests.replay.recording.asterisk import CannotRecord, heard_events, manager_conf
from tests.replay.recording.expectation import as_text, difference, said_of
from tests.replay.recording.manager import split_login
from tests.replay.recording.scenario import all_scenarios, chosen, scenario

HERE = Path(__file__).parent
TRACES = HERE / "traces"
TEMPLATE = (Path(__file__).parents[2] / "asterisk-config" / "manager.conf.j2").read_text(encoding="utf-8")
BANNER = b"Asterisk Call Manager/11.0.0\r\n"
REPLY = b"Response: Success\r\nMessage: Authentication accepted\r\n\r\n"
BOOTED = b"Event: FullyBooted\r\nPrivilege: system,all\r\n\r\n"
EVENT = b"Event: Newchannel\r\nUniqueid: 1\r\n\r\n"
# Recorded with Callbridge itself as the application, which the recorder does not start.
WITHOUT_SCENARIO = {"stasis/recorded"}


def named_traces() -> dict[str, Path]:
    whole = {str(path.relative_to(TRACES).with_suffix("")): path for path in TRACES.rglob("*.ami")}
    return whole | {f"middle/{path.stem}": path for path in (HERE / "middle").glob("*.ami")}


def told(call: str, channel: str, reason: str = "completed") -> list[dict[str, Any]]:
    caller = {"number": "1001", "name": "", "channel": channel}
    return [{"type": "ended", "call_id": call, "caller": caller, "targets": [], "reason": reason}]


def test_the_recorder_hears_what_callbridge_hears() -> None:
    rendered = manager_conf(TEMPLATE, "one", "other")

    assert {"Newchannel", "AttendedTransfer", "QueueCallerAbandon"} <= set(heard_events(TEMPLATE))
    for name in heard_events(TEMPLATE):
        assert f"eventfilter(action(include),name({name})) =\n" in rendered
    assert "read = call,system,agent,user\n" in rendered
    assert "{" not in rendered


def test_a_template_without_its_list_is_told() -> None:
    with pytest.raises(ValueError, match="no list of events"):
        heard_events("[general]\nenabled = yes\n")


def test_every_agent_has_an_endpoint_and_a_place() -> None:
    rendered = asterisk.pjsip_conf()

    for number in (*asterisk.AGENTS, asterisk.UNREACHABLE):
        assert f"\n[{number}](phone)\n" in rendered
        assert f"\n[{number}](place)\n" in rendered


def test_of_a_session_the_login_is_left_out() -> None:
    assert split_login(BANNER + REPLY + BOOTED + EVENT + b"Event: Hang") == (
        BANNER,
        BOOTED,
        EVENT + b"Event: Hang",
    )


@pytest.mark.parametrize("cut", [0, len(BANNER), len(BANNER + REPLY), len(BANNER + REPLY + BOOTED) - 1])
def test_a_login_that_is_not_through(cut: int) -> None:
    assert split_login((BANNER + REPLY + BOOTED)[:cut]) is None


def test_a_refused_login_is_told() -> None:
    with pytest.raises(CannotRecord, match="Authentication failed"):
        split_login(BANNER + b"Response: Error\r\nMessage: Authentication failed\r\n\r\n")


def test_recordings_differ_in_ids_only() -> None:
    assert difference(told("17.1", "PJSIP/1001-00000001"), told("18.9", "PJSIP/1001-0000000a")) == ""


def test_another_phone_or_reason_is_a_difference() -> None:
    usual = told("17.1", "PJSIP/1001-00000001")

    assert '+  {"type"' in difference(usual, told("17.1", "PJSIP/1002-00000001"))
    assert '"reason": "busy"' in difference(usual, told("17.1", "PJSIP/1001-00000001", "busy"))


def test_which_phone_rings_first_is_no_difference() -> None:
    usual = json.loads((TRACES / "group/nobody.json").read_text(encoding="utf-8"))
    first, second, *rest = usual

    assert (first["type"], second["type"]) == ("ringing", "ringing")
    assert difference(usual, [second, first, *rest]) == ""
    assert difference(usual, [first, *rest])


def test_the_course_of_a_call_is_compared_in_order() -> None:
    usual = json.loads((TRACES / "transfer/blonde.json").read_text(encoding="utf-8"))
    *rest, before, last = usual

    assert difference(usual, [*rest, last, before])


def test_two_channels_of_one_phone_are_two() -> None:
    same = told("1.1", "PJSIP/1001-00000001") + told("1.2", "PJSIP/1001-00000001")
    other = told("1.1", "PJSIP/1001-00000001") + told("1.2", "PJSIP/1001-00000002")

    assert difference(same, other)


def test_expectations_stand_as_the_recorder_writes_them() -> None:
    for name, path in named_traces().items():
        text = path.with_suffix(".json").read_text(encoding="utf-8")
        assert text == as_text(json.loads(text)), name


def test_every_scenario_has_a_trace_and_says_what_it_is_about() -> None:
    known = all_scenarios()

    assert {name: home(one) for name, one in known.items()} == {
        name: path for name, path in named_traces().items() if name not in WITHOUT_SCENARIO
    }
    assert all(one.about.endswith(".") for one in known.values())


def test_scenarios_are_chosen_by_name_or_topic() -> None:
    known = all_scenarios()

    assert [one.name for one in chosen(["transfer/blonde"], known)] == ["transfer/blonde"]
    assert {one.name.partition("/")[0] for one in chosen(["hold", "pickup/star"], known)} == {
        "hold",
        "pickup",
    }
    assert len(chosen([], known)) == len(known)
    with pytest.raises(KeyError, match="transfer/blond"):
        chosen(["transfer/blond"], known)


def test_a_name_is_given_once() -> None:
    def blonde(lab: object) -> None:
        """Again."""

    all_scenarios()
    with pytest.raises(ValueError, match="transfer/blonde is there twice"):
        scenario("transfer")(blonde)


def test_no_trace_has_a_login() -> None:
    for name, path in named_traces().items():
        assert not re.search(rb"(?im)^(action|secret|username|password|key)\s*:", path.read_bytes()), name


def test_a_trace_is_compared_with_its_own_expectation() -> None:
    name = "transfer/blonde"
    expected = json.loads((TRACES / f"{name}.json").read_text(encoding="utf-8"))

    assert difference(expected, said_of((TRACES / f"{name}.ami").read_bytes())) == ""
