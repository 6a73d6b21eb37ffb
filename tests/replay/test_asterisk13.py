"""The forms of Asterisk 13 traces that Asterisk 22 does not write any more, as JSON events."""

import json

from bridge.ami import replay
from tests.replay.asterisk13 import Pbx13, lines


def test_local_channels_are_seen_through() -> None:
    pbx = Pbx13()
    a = pbx.caller("201", "201", "202", "Alice")
    ring = pbx.ring(a, "202", "202")
    bridge = ring.answered()
    pbx.leave(bridge, ring.phone)
    pbx.leave(bridge, a)
    pbx.hangup(ring.phone)
    pbx.hangup(a)

    assert lines(pbx) == [
        ("ringing", a.uniqueid, a.name, [ring.phone.name], None),
        ("answered", a.uniqueid, a.name, [ring.phone.name], None),
        ("ended", a.uniqueid, a.name, [], "completed"),
    ]


def test_busy_rejected_and_no_answer() -> None:
    for status, cause, reason in (
        ("BUSY", 17, "busy"),
        ("BUSY", 21, "rejected"),
        ("NOANSWER", 19, "no-answer"),
        ("CONGESTION", 34, "failed"),
    ):
        pbx = Pbx13()
        a = pbx.caller("201", "201", "202")
        ring = pbx.ring(a, "202", "202")
        ring.ended(status, cause)
        pbx.hangup(a, cause)

        assert lines(pbx)[1:] == [
            ("ring_ended", a.uniqueid, a.name, [ring.phone.name], reason),
            ("ended", a.uniqueid, a.name, [], reason),
        ]


def test_the_caller_cancels_and_hangs_up_before_the_phone_is_told() -> None:
    pbx = Pbx13()
    a = pbx.caller("201", "201", "202")
    ring = pbx.ring(a, "202", "202")
    pbx.dial_end(a, ring.one, "CANCEL")
    pbx.hangup(ring.one, 0)
    pbx.hangup(a, 0)
    pbx.dial_end(ring.two, ring.phone, "CANCEL")
    pbx.hangup(ring.phone, 16)
    pbx.hangup(ring.two, 0)

    assert lines(pbx)[1:] == [
        ("ring_ended", a.uniqueid, a.name, [ring.phone.name], "cancelled"),
        ("ended", a.uniqueid, a.name, [], "cancelled"),
    ]


def test_group_one_answers_the_other_ends_elsewhere() -> None:
    pbx = Pbx13()
    a = pbx.caller("201", "201", "401")
    b, c = pbx.ring(a, "202", "401"), pbx.ring(a, "203", "401")
    pbx.state(b.phone, 6)
    pbx.dial_end(b.two, b.phone, "ANSWER")
    c.cancelled()
    bridge = b.answered()
    pbx.leave(bridge, a)
    pbx.hangup(a)
    pbx.hangup(b.phone)

    assert lines(pbx) == [
        ("ringing", a.uniqueid, a.name, [b.phone.name], None),
        ("ringing", a.uniqueid, a.name, [c.phone.name], None),
        ("ring_ended", a.uniqueid, a.name, [c.phone.name], "answered-elsewhere"),
        ("answered", a.uniqueid, a.name, [b.phone.name], None),
        ("ended", a.uniqueid, a.name, [], "completed"),
    ]


def test_group_nobody_answers() -> None:
    pbx = Pbx13()
    a = pbx.caller("201", "201", "401")
    b, c = pbx.ring(a, "202", "401"), pbx.ring(a, "203", "401")
    b.ended("BUSY", 17)
    c.ended("NOANSWER", 19)
    pbx.hangup(a, 19)

    assert [(line[0], line[4]) for line in lines(pbx)[2:]] == [
        ("ring_ended", "busy"),
        ("ring_ended", "no-answer"),
        ("ended", "no-answer"),
    ]


def test_queue_with_local_members_is_abandoned() -> None:
    pbx = Pbx13()
    a = pbx.caller("trunk", "+31150010001", "+31150010004")
    pbx.state(a, 6)
    rings = [pbx.ring(a, name, "+31150010004", string="Local/route@route") for name in ("202", "203")]
    for ring in rings:
        ring.cancelled()
    pbx.hangup(a, 0)

    assert lines(pbx)[-1] == ("ended", a.uniqueid, a.name, [], "abandoned")
    assert [line[4] for line in lines(pbx)[2:4]] == ["cancelled", "cancelled"]


def test_attended_transfer_without_named_parties() -> None:
    pbx = Pbx13()
    a = pbx.caller("trunk", "+31501234567", "201")
    first = pbx.ring(a, "201", "201")
    first_bridge = first.answered()
    b = pbx.caller("201", "201", "202")
    second = pbx.ring(b, "202", "202")
    second_bridge = second.answered()
    pbx.leave(first_bridge, a)
    pbx.leave(second_bridge, b)
    pbx.enter(second_bridge, a, SwapUniqueid=b.uniqueid)
    pbx.tell(
        "AttendedTransfer",
        ("OrigTransferer", first.phone),
        ("SecondTransferer", b),
        Result="Success",
        DestType="Bridge",
        DestBridgeUniqueid=second_bridge,
    )
    pbx.leave(first_bridge, first.phone)
    pbx.hangup(b)
    pbx.hangup(first.phone)
    pbx.hangup(second.phone)
    pbx.hangup(a)

    assert lines(pbx)[2:] == [
        ("ringing", b.uniqueid, b.name, [second.phone.name], None),
        ("answered", b.uniqueid, b.name, [second.phone.name], None),
        ("transferred", a.uniqueid, a.name, [second.phone.name], "attended"),
        ("ended", b.uniqueid, b.name, [], "completed"),
        ("ended", a.uniqueid, a.name, [], "completed"),
    ]


def test_attended_transfer_whose_transferee_is_still_a_local_channel() -> None:
    pbx = Pbx13()
    a = pbx.caller("trunk", "+31501234567", "201")
    first = pbx.ring(a, "201", "201")
    first.answered(optimised=False)
    b = pbx.caller("201", "201", "202")
    second = pbx.ring(b, "202", "202")
    second.answered()
    pbx.tell(
        "AttendedTransfer",
        ("OrigTransferer", first.phone),
        ("SecondTransferer", b),
        ("Transferee", first.two),
        ("TransferTarget", second.phone),
        Result="Success",
        DestType="Bridge",
    )

    assert lines(pbx)[-2] == ("transferred", a.uniqueid, a.name, [second.phone.name], "attended")


def test_blonde_transfer_dials_are_handed_over() -> None:
    pbx = Pbx13()
    a = pbx.caller("trunk", "+31260010001", "201")
    first = pbx.ring(a, "201", "201")
    bridge = first.answered()
    b = pbx.caller("201", "201", "202")
    second = pbx.ring(b, "202", "202")
    pbx.tell(
        "AttendedTransfer",
        ("OrigTransferer", first.phone),
        ("SecondTransferer", b),
        ("Transferee", a),
        Result="Success",
        DestType="App",
        DestApp="Dial",
    )
    pbx.leave(bridge, first.phone)
    pbx.leave(bridge, a)
    pbx.hangup(first.phone)
    pbx.dial_end(b, second.one, "NOANSWER")
    pbx.dial(a, second.one)
    pbx.hangup(b)
    second.caller = a
    second.answered()
    pbx.hangup(second.phone)
    pbx.hangup(a)

    assert lines(pbx)[2:] == [
        ("ringing", b.uniqueid, b.name, [second.phone.name], None),
        ("transferred", a.uniqueid, a.name, [second.phone.name], "blonde"),
        ("ended", b.uniqueid, b.name, [], "completed"),
        ("answered", a.uniqueid, a.name, [second.phone.name], None),
        ("ended", a.uniqueid, a.name, [], "completed"),
    ]


def test_blind_transfer_by_the_caller_leaves_the_other_two() -> None:
    pbx = Pbx13()
    a = pbx.caller("201", "201", "202")
    first = pbx.ring(a, "202", "202")
    bridge = first.answered()
    b = first.phone
    pbx.tell("BlindTransfer", ("Transferer", a), ("Transferee", b), Result="Success", Extension="203")
    pbx.leave(bridge, a)
    pbx.leave(bridge, b)
    pbx.hangup(a)
    second = pbx.ring(b, "203", "203")
    second.answered()
    pbx.hangup(second.phone)
    pbx.hangup(b)

    assert lines(pbx)[2:] == [
        ("passed_on", a.uniqueid, b.name, [], None),
        ("transferred", a.uniqueid, b.name, [second.phone.name], "blind"),
        ("ringing", a.uniqueid, b.name, [second.phone.name], None),
        ("answered", a.uniqueid, b.name, [second.phone.name], None),
        ("ended", a.uniqueid, b.name, [], "completed"),
    ]


def test_pickup_without_a_pickup_event() -> None:
    pbx = Pbx13()
    a = pbx.caller("201", "201", "202")
    ring = pbx.ring(a, "202", "202")
    c = pbx.caller("203", "203", "*8")
    pbx.state(c, 6)
    pbx.dial_end(ring.two, ring.phone, "CANCEL")
    pbx.dial(ring.two, c)
    pbx.hangup(ring.phone, 0)
    pbx.dial_end(ring.two, c, "ANSWER")
    taken = ring.phone
    ring.phone = c
    ring.answered()
    pbx.hangup(c)
    pbx.hangup(a)

    assert lines(pbx) == [
        ("ringing", a.uniqueid, a.name, [taken.name], None),
        ("ring_ended", a.uniqueid, a.name, [taken.name], "answered-elsewhere"),
        ("answered", a.uniqueid, a.name, [c.name], None),
        ("ended", a.uniqueid, a.name, [], "completed"),
    ]


def test_forwarding_before_the_phone_rings() -> None:
    pbx = Pbx13()
    a = pbx.caller("trunk", "+31260010001", "201")
    one, two = pbx.local(a.linkedid)
    pbx.dial(a, one)
    b = pbx.phone("201", "201", a.linkedid)
    pbx.dial(two, b)
    onward, further = pbx.local(a.linkedid, "202")
    pbx.dial_end(two, b, "CANCEL", Forward="202")
    pbx.dial(two, onward)
    pbx.hangup(b)
    ring = pbx.ring(further, "202", "202")
    ring.answered()
    pbx.state(onward, 6)
    pbx.enter("b-1", onward)
    pbx.state(two, 6)
    pbx.enter("b-1", two)
    pbx.state(one, 6)
    pbx.enter("b-2", one)
    pbx.state(a, 6)
    pbx.enter("b-2", a)
    pbx.hangup(a)

    assert lines(pbx) == [
        ("ringing", a.uniqueid, a.name, [ring.phone.name], None),
        ("answered", a.uniqueid, a.name, [ring.phone.name], None),
        ("ended", a.uniqueid, a.name, [], "completed"),
    ]


def test_early_media_counts_as_ringing_once() -> None:
    pbx = Pbx13()
    a = pbx.caller("201", "201", "+4915223069667")
    trunk = pbx.phone("trunk", "+4915223069667", a.linkedid)
    pbx.dial(a, trunk)
    pbx.tell("DialState", ("", a), ("Dest", trunk), DialStatus="PROGRESS")
    pbx.state(trunk, 5)
    pbx.dial_end(a, trunk, "CANCEL")
    pbx.hangup(trunk, 16)
    pbx.hangup(a, 16)

    assert [line[0] for line in lines(pbx)] == ["ringing", "ring_ended", "ended"]
    assert lines(pbx)[-1][4] == "cancelled"


def test_a_phone_that_answers_without_ringing_is_still_announced() -> None:
    pbx = Pbx13()
    a = pbx.caller("201", "201", "202")
    b = pbx.phone("202", "202", a.linkedid)
    pbx.dial(a, b)
    pbx.state(b, 6)
    pbx.enter("b", b)
    pbx.enter("b", a)
    pbx.hangup(a)

    assert [line[0] for line in lines(pbx)] == ["ringing", "answered", "ended"]


def test_events_out_of_order() -> None:
    pbx = Pbx13()
    a = pbx.caller("201", "201", "202")
    b = pbx.phone("202", "202", a.linkedid)
    pbx.state(b, 5)
    pbx.dial(a, b)
    pbx.enter("b", a)
    pbx.enter("b", b)
    pbx.state(b, 6)
    pbx.dial_end(a, b, "ANSWER")
    pbx.hangup(a)

    assert [line[0] for line in lines(pbx)] == ["ringing", "answered", "ended"]


def test_call_confirmation_that_is_refused_is_no_answer() -> None:
    pbx = Pbx13()
    a = pbx.caller("trunk", "+31150010001", "201")
    b = pbx.phone("mobile", "+31260010001", a.linkedid)
    pbx.dial(a, b)
    pbx.state(b, 5)
    pbx.state(b, 6)
    pbx.dial_end(a, b, "ANSWER")
    pbx.hangup(b)
    pbx.hangup(a, 16)

    assert [(line[0], line[4]) for line in lines(pbx)[1:]] == [
        ("ring_ended", "no-answer"),
        ("ended", "no-answer"),
    ]


def test_headers_in_any_case_and_values_that_are_lists() -> None:
    pbx = Pbx13()
    a = pbx.caller("201", "201", "202")
    pbx.ring(a, "202", "202").ended("BUSY", 17)
    pbx.hangup(a, 17)
    odd = [
        {name.upper(): [value, value] if name == "Channel" else value for name, value in event.items()}
        for event in pbx.events
    ]

    assert [event.to_dict() for event in replay(odd)] == [event.to_dict() for event in replay(pbx.events)]
    assert [event.to_dict() for event in replay("\n".join(map(json.dumps, odd)))]
