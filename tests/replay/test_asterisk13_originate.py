"""Click-to-dial in the form of Asterisk 13: the caller's own phone is rung first, through Local channels."""

from tests.replay.asterisk13 import Pbx13, lines


def test_click_to_dial_through_nested_local_channels() -> None:
    pbx = Pbx13()
    one, two = pbx.local("", "click", originated=True)
    pbx.dial(None, one)
    first = pbx.ring(two, "201", "201")
    a = first.phone
    first.answered()
    pbx.state(one, 6)
    pbx.dial_end(None, one, "ANSWER")
    second = pbx.ring(one, "202", "202")
    second.answered()
    pbx.hangup(second.phone)
    pbx.hangup(a)

    assert lines(pbx) == [
        ("ringing", one.uniqueid, a.name, [second.phone.name], None),
        ("answered", one.uniqueid, a.name, [second.phone.name], None),
        ("ended", one.uniqueid, a.name, [], "completed"),
    ]


def test_click_to_dial_that_the_first_phone_declines() -> None:
    pbx = Pbx13()
    one, two = pbx.local("", "click", originated=True)
    pbx.dial(None, one)
    first = pbx.ring(two, "201", "201")
    first.ended("BUSY", 17)

    assert lines(pbx) == [("ended", one.uniqueid, first.phone.name, [], "busy")]


def test_click_to_dial_that_rings_two_phones_first() -> None:
    pbx = Pbx13()
    one, two = pbx.local("", "click", originated=True)
    pbx.dial(None, one)
    desk, mobile = pbx.ring(two, "201", "201"), pbx.ring(two, "mobile", "201")
    pbx.state(mobile.phone, 6)
    desk.cancelled()
    mobile.answered()
    pbx.state(one, 6)
    second = pbx.ring(one, "202", "202")
    second.answered()
    pbx.hangup(mobile.phone)

    assert lines(pbx) == [
        ("ringing", one.uniqueid, mobile.phone.name, [second.phone.name], None),
        ("answered", one.uniqueid, mobile.phone.name, [second.phone.name], None),
        ("ended", one.uniqueid, mobile.phone.name, [], "completed"),
    ]
