"""What headers mean, and what is said when one is missing."""

import pytest

from bridge.ami.headers import MissingHeader, joined, read
from bridge.ami.messages import (
    AttendedTransfer,
    BridgeEnter,
    Channel,
    DeviceStateChange,
    DialBegin,
    Hangup,
    Newchannel,
    Newstate,
)

CHANNEL = {"channel": "PJSIP/1001-0000000a", "uniqueid": "1.1", "linkedid": "1.0", "channelstate": "5"}


def test_a_channel() -> None:
    message = read({"event": "Newchannel", **CHANNEL, "calleridnum": "<unknown>", "calleridname": "Иван"})

    assert isinstance(message, Newchannel)
    assert (message.channel.name, message.channel.uniqueid) == ("PJSIP/1001-0000000a", "1.1")
    assert (message.channel.number, message.channel.caller_name, message.channel.state) == ("", "Иван", 5)


def test_names_of_events_in_any_case() -> None:
    assert isinstance(read({"event": "HANGUP", **CHANNEL}), Hangup)


@pytest.mark.parametrize("headers", [{}, {"response": "Success"}, {"event": "VarSet"}, {"event": ""}])
def test_what_is_not_ours(headers: dict[str, str]) -> None:
    assert read(headers) is None


def test_a_missing_header_is_named_with_its_event() -> None:
    with pytest.raises(MissingHeader, match="Hangup: header uniqueid"):
        read({"event": "Hangup", "channel": "PJSIP/1-1"})
    with pytest.raises(MissingHeader, match="BridgeEnter: header bridgeuniqueid"):
        read({"event": "BridgeEnter", **CHANNEL})


@pytest.mark.parametrize("state", ["", "x", "-1", "٣", "99999999999999"])
def test_a_number_that_is_none(state: str) -> None:
    message = read({"event": "Newstate", **CHANNEL, "channelstate": state})

    assert message is not None
    assert message.channel.state is None  # type: ignore[union-attr]


def test_originate_and_ari_dial_without_a_source() -> None:
    dest = {f"dest{name}": value for name, value in CHANNEL.items()}
    message = read({"event": "DialBegin", **dest})

    assert isinstance(message, DialBegin)
    assert message.source is None
    assert message.dest.uniqueid == "1.1"


def test_a_holding_bridge_is_told_apart() -> None:
    message = read(
        {"event": "BridgeEnter", **CHANNEL, "bridgeuniqueid": "b", "bridgetechnology": "holding_bridge"}
    )

    assert isinstance(message, BridgeEnter)
    assert message.holding


def test_an_attended_transfer_that_names_nobody() -> None:
    headers = {
        f"{prefix}{name}": value
        for prefix in ("origtransferer", "secondtransferer")
        for name, value in CHANNEL.items()
    }
    message = read({"event": "AttendedTransfer", **headers, "result": "Fail", "desttype": "Bridge"})

    assert isinstance(message, AttendedTransfer)
    assert (message.success, message.transferee, message.target) == (False, None, None)


def test_device_state() -> None:
    assert read({"event": "DeviceStateChange", "device": "PJSIP/1001", "state": "Unavailable"}) == (
        DeviceStateChange("PJSIP/1001", "UNAVAILABLE")
    )


def test_a_caller_who_withholds_his_number() -> None:
    channel = _newstate({"chanvariable": "CALLBRIDGE_PRESENTATION=withheld"})

    assert channel.withheld


@pytest.mark.parametrize(
    "variable",
    [
        "",
        "CALLBRIDGE_PRESENTATION=",
        "CALLBRIDGE_PRESENTATION=allowed",
        "CALLBRIDGE_PRESENTATION",
        "OTHER=withheld",
        "OTHER=CALLBRIDGE_PRESENTATION=withheld",
    ],
)
def test_a_caller_who_does_not(variable: str) -> None:
    assert not _newstate({"chanvariable": variable}).withheld


def test_one_of_several_variables() -> None:
    value = joined("chanvariable", ["A=1", "CALLBRIDGE_PRESENTATION=withheld", "Z=2"])

    assert _newstate({"chanvariable": value}).withheld


def test_variables_that_name_their_channel() -> None:
    withheld = "CALLBRIDGE_PRESENTATION=withheld"

    assert _newstate({"chanvariable(pjsip/1001-0000000a)": withheld}).withheld
    assert not _newstate({"chanvariable(pjsip/1002-0000000b)": withheld}).withheld


def test_of_two_channels_the_one_that_withholds() -> None:
    dest = {f"dest{name}": value for name, value in CHANNEL.items()}
    variables = {"chanvariable": "CALLBRIDGE_PRESENTATION=withheld", "destchanvariable": "A=1"}
    message = read({"event": "DialBegin", **CHANNEL, **dest, **variables})

    assert isinstance(message, DialBegin)
    assert message.source is not None
    assert (message.source.withheld, message.dest.withheld) == (True, False)


@pytest.mark.parametrize("name", ["chanvariable", "destchanvariable", "chanvariable(sip/a-1)"])
def test_of_variables_every_value_is_kept(name: str) -> None:
    assert joined(name, ["A=1", "B=2"]) == "A=1\nB=2"


def test_of_other_headers_the_last_value_is_kept() -> None:
    assert joined("variable", ["a", "b"]) == "b"
    assert joined("variable", []) == ""


def _newstate(headers: dict[str, str]) -> Channel:
    message = read({"event": "Newstate", **CHANNEL, **headers})
    assert isinstance(message, Newstate)
    return message.channel
