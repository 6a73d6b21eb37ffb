"""Messages of the event socket that this version has never seen, and those that are broken."""

import pytest

from bridge.ari import models
from bridge.ari.decoding import MalformedEvent, UnknownEvent, decode_event


def test_timestamp_as_asterisk_writes_it() -> None:
    event = decode_event(
        b'{"type":"ApplicationReplaced","application":"callbridge","timestamp":"2026-11-23T10:00:00.000+0000"}'
    )
    assert isinstance(event, models.ApplicationReplaced)
    assert event.timestamp == "2026-11-23T10:00:00.000+0000"


def test_unknown_fields_are_ignored() -> None:
    event = decode_event(
        '{"type":"ApplicationReplaced","application":"a","timestamp":"t","mood":{"good":[1,2]},"x":null}'
    )
    assert event == models.ApplicationReplaced(application="a", timestamp="t")


def test_unknown_type_keeps_its_name() -> None:
    assert decode_event('{"type":"ChannelTelepathy","application":"a"}') == UnknownEvent("ChannelTelepathy")


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"application":"a"}',
        b'{"type":7}',
        b'{"type":"StasisStart","application":"a","timestamp":"t"}',
        b'{"type":"ChannelDestroyed","application":"a","timestamp":"t","cause":"many"}',
    ],
)
def test_malformed(message: bytes) -> None:
    with pytest.raises(MalformedEvent):
        decode_event(message)


def test_a_fault_does_not_quote_the_caller() -> None:
    with pytest.raises(MalformedEvent) as caught:
        decode_event(b'{"type":"StasisStart","application":"a","timestamp":"t","caller":"+79161234567"}')
    assert "79161234567" not in str(caught.value)
