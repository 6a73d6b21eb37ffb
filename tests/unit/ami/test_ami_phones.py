"""Agents' phones: reachable and why not, and back again.

The orders of device states and contacts are those that Asterisk 22.10.1 gave, both of them where it varies.
"""

import pytest

from bridge.ami.headers import Headers
from bridge.ami.phones import endpoint_of
from bridge.centre.facts import EndpointChanged
from bridge.centre.ids import Endpoint
from tests.unit.ami.told import PLAN, Told, agent, plan

PHONE = Endpoint("PJSIP/1001")


def device(state: str, name: str = PHONE) -> Headers:
    return {"event": "DeviceStateChange", "device": name, "state": state}


def contact(status: str, endpoint: str = "1001") -> Headers:
    return {
        "event": "ContactStatus",
        "uri": "sip:1001@192.0.2.7:5060",
        "contactstatus": status,
        "aor": endpoint,
        "endpointname": endpoint,
    }


def listed(status: str, endpoint: str = "1001") -> Headers:
    return {"event": "ContactList", "objectname": f"{endpoint};@7814", "endpoint": endpoint, "status": status}


BOOTED, DEVICES_END = {"event": "FullyBooted"}, {"event": "DeviceStateListComplete"}
BACK = EndpointChanged(PHONE, True, "idle")


def gone(detail: str) -> EndpointChanged:
    return EndpointChanged(PHONE, False, detail)


# ── reachable ────────────────────────────────────────────────────────────────


def test_a_phone_comes_and_goes_and_talking_is_no_change() -> None:
    states = ("UNAVAILABLE", "NOT_INUSE", "RINGING", "INUSE", "NOT_INUSE", "UNAVAILABLE", "UNAVAILABLE")

    assert Told()(*map(device, states)) == [gone("not registered"), BACK, gone("not registered")]


def test_devices_that_are_no_agents() -> None:
    told = Told()

    assert told(device("UNAVAILABLE", "PJSIP/trunk1"), device("INUSE", "Queue:support_avail")) == []
    assert told(contact("Reachable", "trunk1"), contact("Unreachable", ""), contact("Removed", "")) == []


def test_a_phone_that_asterisk_does_not_know_is_told_after_the_list() -> None:
    told = Told()
    told(device("NOT_INUSE"))

    assert told(DEVICES_END) == [
        EndpointChanged(Endpoint("PJSIP/1002"), False, "unknown to Asterisk"),
        EndpointChanged(Endpoint("PJSIP/1003"), False, "unknown to Asterisk"),
    ]


def test_a_phone_that_is_not_in_the_next_list_is_not_there_any_more() -> None:
    told = Told(plan(agent("1001")))
    told(device("NOT_INUSE"), DEVICES_END)

    assert told(BOOTED, DEVICES_END) == [gone("unknown to Asterisk")]


def test_an_agent_who_comes_with_a_new_plan() -> None:
    told = Told(plan(agent("1001")))
    told(device("NOT_INUSE"), device("NOT_INUSE", "PJSIP/1002"), DEVICES_END)
    told.plan = PLAN

    assert told({}) == [
        EndpointChanged(Endpoint("PJSIP/1002"), True, "idle"),
        EndpointChanged(Endpoint("PJSIP/1003"), False, "unknown to Asterisk"),
    ]
    assert told({}) == []


@pytest.mark.parametrize(
    ("name", "endpoint"), [("PJSIP/1001-0000002a", "PJSIP/1001"), ("PJSIP/a-b-1", "PJSIP/a-b"), ("Local", "")]
)
def test_endpoint_of(name: str, endpoint: str) -> None:
    assert endpoint_of(name) == endpoint


# ── back again ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "events",
    [
        [contact("NonQualified"), device("NOT_INUSE"), contact("Reachable")],
        [contact("NonQualified"), contact("Reachable"), device("NOT_INUSE")],
    ],
)
def test_a_phone_registers(events: list[Headers]) -> None:
    told = Told()
    assert told(device("UNAVAILABLE"), DEVICES_END)[0] == gone("not registered")

    facts = told(*events)

    assert set(facts) == {BACK}


@pytest.mark.parametrize("status", ["Reachable", "NonQualified", "Created", "Updated"])
def test_a_phone_that_registers_anew_is_told_again(status: str) -> None:
    told = Told()
    told(device("NOT_INUSE"))

    assert told(contact(status)) == [BACK]
    assert told(contact(status)) == [BACK]


def test_the_state_of_a_phone_that_is_back_is_told_as_it_is() -> None:
    told = Told()
    told(device("INUSE"))

    assert told(contact("Reachable")) == [EndpointChanged(PHONE, True, "in use")]


def test_what_asterisk_remembers_after_its_start_is_no_sign_of_life() -> None:
    told = Told(plan(agent("1001")))
    told(device("NOT_INUSE"), contact("Reachable"), DEVICES_END)

    assert told(contact("NonQualified")) == []
    assert told(BOOTED, device("UNAVAILABLE"), contact("NonQualified"), DEVICES_END) == [
        gone("not registered")
    ]
    assert told(contact("NonQualified")) == []
    assert told(contact("Reachable"), device("NOT_INUSE")) == [BACK]


def test_a_phone_that_registers_from_another_place() -> None:
    told = Told()
    told(device("NOT_INUSE"), contact("Reachable"))

    assert told(contact("NonQualified"), contact("Reachable"), contact("Removed")) == [BACK]


def test_a_sign_of_life_is_not_undone_by_a_new_plan() -> None:
    told = Told()
    told(device("UNAVAILABLE"), DEVICES_END, contact("Reachable"))
    told.plan = plan(agent("1001"))

    assert told({}) == []


# ── why not ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "events",
    [[device("UNAVAILABLE"), contact("Removed")], [contact("Removed"), device("UNAVAILABLE")]],
)
def test_a_phone_that_unregisters_is_told_once(events: list[Headers]) -> None:
    told = Told()
    told(device("NOT_INUSE"), contact("Reachable"))

    assert told(*events) == [gone("not registered")]


def test_a_phone_that_does_not_answer_its_qualify() -> None:
    told = Told()
    told(device("NOT_INUSE"), contact("Reachable"))

    assert told(contact("Unreachable"), device("UNAVAILABLE")) == [gone("registered, but does not answer")]
    assert told(contact("Removed")) == [gone("not registered")]


def test_the_reason_may_come_after_the_state() -> None:
    told = Told()
    told(device("NOT_INUSE"), contact("Reachable"))

    assert told(device("UNAVAILABLE"), contact("Unreachable"), contact("Unreachable")) == [
        gone("not registered"),
        gone("registered, but does not answer"),
    ]


def test_one_of_two_contacts_that_does_not_answer_changes_nothing() -> None:
    told = Told()
    told(device("NOT_INUSE"), contact("Reachable"))

    assert told(contact("Unreachable")) == []


def test_the_reason_is_known_after_a_login() -> None:
    told = Told(plan(agent("1001"), agent("1002")))

    assert told(
        BOOTED,
        listed("Unreachable"),
        listed("Reachable", "1002"),
        {"event": "ContactListComplete"},
        device("UNAVAILABLE"),
        device("NOT_INUSE", "PJSIP/1002"),
        DEVICES_END,
    ) == [gone("registered, but does not answer"), EndpointChanged(Endpoint("PJSIP/1002"), True, "idle")]
