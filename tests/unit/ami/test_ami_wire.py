"""Names survive any split of the stream, bounds hold, and no value can smuggle in an action."""

import asyncio
import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.ami.headers import Headers
from bridge.ami.wire import Wire, check_action
from bridge.errors import BadInput, LinkDown

STREAM = (
    "Asterisk Call Manager/11.0.0\r\n"
    "Event: Newchannel\r\nChannel: PJSIP/1001-1\r\nCallerIDName: Иван 🎧 Петров\r\nCallerIDNum: +7916\r\n\r\n"
    "Event: Hangup\r\nChannel: PJSIP/1001-1\r\nCallerIDName: Ünïcode: with a colon\r\nCause: 16\r\n\r\n"
).encode()
NAMES = ["Иван 🎧 Петров", "Ünïcode: with a colon"]


class Transport(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.aborted = False

    def write(self, data: Any) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return self.aborted

    def abort(self) -> None:
        self.aborted = True


def wire() -> tuple[Wire, list[Headers], Transport]:
    events: list[Headers] = []
    made = Wire(events.append, lambda: None)
    transport = Transport()
    made.connection_made(transport)
    return made, events, transport


def heard(pieces: list[bytes]) -> list[Headers]:
    made, events, _ = wire()
    for piece in pieces:
        made.data_received(piece)
    return events


@pytest.mark.parametrize("cut", range(len(STREAM)))
def test_split_at_every_byte(cut: int) -> None:
    assert [event["calleridname"] for event in heard([STREAM[:cut], STREAM[cut:]])] == NAMES


def test_byte_by_byte() -> None:
    assert heard([bytes([byte]) for byte in STREAM]) == heard([STREAM])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, len(STREAM)), max_size=30))
def test_any_split_gives_the_same_messages(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(STREAM)]
    pieces = [STREAM[start:end] for start, end in itertools.pairwise(edges) if start != end]

    assert heard(pieces) == heard([STREAM])


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_at_all_are_survived(data: bytes) -> None:
    events = heard([data, b"\r\n\r\n", STREAM])

    assert events[-1]["calleridname"] == NAMES[1]


def test_invalid_utf8_becomes_a_replacement_character() -> None:
    (event,) = heard([b"Event: Newchannel\r\nCallerIDName: \xd0\xff!\r\n\r\n"])

    assert event["calleridname"] == "\ufffd\ufffd!"


def test_a_header_that_comes_twice_keeps_its_last_value() -> None:
    (event,) = heard([b"Event: X\r\nVariable: a\r\nVariable: b\r\n\r\n"])

    assert event["variable"] == "b"


def test_of_variables_every_value_is_kept() -> None:
    (event,) = heard([b"Event: X\r\nDestChanVariable: A=1\r\nDestChanVariable: B=\xd0\xb6\r\n\r\n"])

    assert event["destchanvariable"] == "A=1\nB=ж"


def test_a_message_without_an_end_breaks_the_connection() -> None:
    made, _, transport = wire()
    for _ in range(10):
        made.data_received(b"Event: X" + b"x" * 60_000)

    assert transport.aborted


def test_an_event_with_too_many_headers_is_skipped() -> None:
    many = b"".join(b"H%d: 1\r\n" % number for number in range(1_500))

    assert len(heard([b"Event: X\r\n" + many + b"\r\n", STREAM])) == 2


@pytest.mark.parametrize("value", ["a\r\nAction: Originate", "a\n", "a\r", "a\0b"])
def test_line_ends_and_nul_are_refused(value: str) -> None:
    with pytest.raises(BadInput, match="Channel"):
        check_action({"Action": "Hangup", "Channel": value})
    with pytest.raises(BadInput):
        check_action({"Action": "Hangup", value: "x"})
    with pytest.raises(BadInput):
        check_action({"Channel: x": "y"})


async def test_an_action_is_sent_as_utf8_and_gets_its_own_response() -> None:
    made, _, transport = wire()
    one = asyncio.create_task(made.ask({"Action": "Getvar", "Variable": "Имя"}, 5))
    two = asyncio.create_task(made.ask({"Action": "Ping"}, 5))
    await asyncio.sleep(0)
    ids = [line[10:] for line in transport.written.decode().split("\r\n") if line.startswith("ActionID: ")]
    for action_id, value in zip(reversed(ids), ("second", "пер"), strict=True):
        made.data_received(f"Response: Success\r\nActionID: {action_id}\r\nValue: {value}\r\n\r\n".encode())

    assert (await one)["value"] == "пер"
    assert (await two)["value"] == "second"
    assert "Variable: Имя\r\n" in transport.written.decode()
    assert not made.responses


async def test_no_reply_leaves_nothing_behind() -> None:
    made, _, _ = wire()
    with pytest.raises(TimeoutError):
        await made.ask({"Action": "Ping"}, 0.01)

    assert not made.responses


async def test_a_lost_connection_fails_what_waits_and_refuses_what_comes() -> None:
    made, _, _ = wire()
    waiting = asyncio.create_task(made.ask({"Action": "Ping"}, 5))
    await asyncio.sleep(0)
    made.connection_lost(None)

    with pytest.raises(LinkDown):
        await waiting
    with pytest.raises(LinkDown):
        await made.ask({"Action": "Ping"}, 5)
