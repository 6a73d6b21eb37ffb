"""What is not a trace is refused, and the message names the place and the remedy."""

from typing import Any

import pytest

from bridge.ami import replay
from bridge.errors import BadTrace


@pytest.mark.parametrize(
    ("trace", "place"),
    [
        (b"", "line 1: the trace is empty"),
        (b" \r\n\r\n", "line 1: the trace is empty"),
        (b"hello\nworld\n", "line 1: 'hello' is not an AMI header"),
        (b"Asterisk Call Manager/5.0\r\n", "line 1: no event of AMI"),
        (b"Host: example.org\r\nAccept: */*\r\n\r\n", "line 1: no event of AMI"),
        (b"Event: Hangup\r\n???\r\nUniqueid: 1\r\n\r\n", "line 2: '???' is not an AMI header"),
        (
            b"Event: FullyBooted\n\nEvent: Hangup\nChannel: SIP/1-1\n\nEvent: Reload\n\n",
            "line 3: Hangup: header uniqueid",
        ),
        (b"\x00\x01\x02\n", "line 1: "),
        (b"Event: " + b"x" * 70_000 + b"\r\n\r\n", "line 1: longer than anything"),
        (b"Event: X\n" + b"H: 1\n" * 2_100 + b"\n", "line 2001: longer than anything"),
        (b"[", "line 1, column 2: "),
        (b'[\n  {"Event": "Hangup"},\n  nonsense\n]', "line 3, column 3: "),
        (b"[1]", "event 1: expected an object"),
        (b'[{"Event": "Hangup"}]', "event 1: Hangup: header uniqueid"),
        (b'[{"a": 1}]', "event 1: there is neither Event nor Response"),
        (b'[{"Event": {"a": 1}}]', "event 1: header Event is an object"),
        (b'{"Event": "FullyBooted"}\n{"Event": oops}\n', "line 2, column 11: "),
        (b"[" * 100_000, "line 1"),
        (b'"Event"', "line 1: "),
    ],
)
def test_bad_trace(trace: bytes, place: str) -> None:
    with pytest.raises(BadTrace) as caught:
        list(replay(trace))

    assert str(caught.value).startswith(place)


def test_something_that_is_neither_text_nor_event() -> None:
    odd: list[Any] = [{"Event": "FullyBooted"}, 7]
    with pytest.raises(BadTrace, match="event 2: int is not an event"):
        list(replay(odd))


def test_what_was_understood_before_the_fault_is_given_out() -> None:
    call = (
        b"Event: Newchannel\nChannel: SIP/1-1\nUniqueid: 1\nChannelState: 4\n\n"
        b"Event: Hangup\nChannel: SIP/1-1\nUniqueid: 1\nCause: 17\n\n"
    )
    events = replay(call + b"garbage\n")

    assert next(events).to_dict()["reason"] == "busy"
    with pytest.raises(BadTrace, match="line 11"):
        next(events)


def test_invalid_utf8_is_replaced() -> None:
    trace = (
        b"Event: Newchannel\nChannel: SIP/1-1\nUniqueid: 1\nChannelState: 4\nCallerIDName: \xd0\xff\n\n"
        b"Event: Hangup\nChannel: SIP/1-1\nUniqueid: 1\nCause: 17\n\n"
    )

    assert "\ufffd" in next(replay(trace)).caller.name


def test_output_of_a_command_and_telnet_lines_are_passed_over() -> None:
    trace = (
        b"Trying 127.0.0.1...\nConnected to localhost.\nEscape character is '^]'.\n"
        b"Asterisk Call Manager/2.8.0\n"
        b"Action: Login\nUsername: x\n\nResponse: Follows\nPrivilege: Command\nany text\n\nat all: yes\n"
        b"--END COMMAND--\n\nEvent: FullyBooted\n\nConnection closed by foreign host.\n"
    )

    assert list(replay(trace)) == []
