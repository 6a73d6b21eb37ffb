"""A subscription's options: what is wrong is said with its name, and with what may be written."""

import pytest

from bridge.crm.formats import Target
from bridge.crm.formats.known import FORMATS, format_named
from bridge.crm.told import Told, event_id
from bridge.errors import BadInput
from tests.unit.crm.formats.golden import TARGETS

TOKENS = TARGETS["bitrix24"].secret


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_the_targets_of_the_files_are_good(name: str) -> None:
    FORMATS[name].check(TARGETS[name])
    assert format_named(name) is FORMATS[name]
    assert FORMATS[name].name == name


@pytest.mark.parametrize(
    ("name", "target", "said"),
    [
        ("zammad", Target("https://a/b", b"", {"colour": "red"}),
         "zammad: option 'colour' is not known; allowed: new_call_at, own_number, to, user"),
        ("zammad", Target("https://a/b", b"", {"to": "me"}),
         "zammad: option 'to' is 'me'; write number or queue"),
        ("zammad", Target("https://a/{secret}"), "zammad: the address says {secret}, but there is no secret"),
        ("zammad", Target("a/b"), "zammad: address: 'a/b' is none; write https://"),
        ("zammad", Target("ftp://a/b"), "zammad: address"),
        ("zammad", Target("https:///b"), "zammad: address"),
        ("zammad", Target("https://user:pass@a/b"), "without a password"),
        ("zammad", Target("https://a/b\r\nX: 1"), "zammad: address"),
        ("zammad", Target("https://a:99999/"), "zammad: address"),
        ("zammad", Target("https://[a/"), "zammad: address"),
        ("sipgate", Target("https://a/b", b"", {"hosts": "a b"}),
         "sipgate: option 'hosts' is 'a b'; write host names"),
        ("sipgate", Target("https://a/b", b"", {"basic_user": "a:b"}), "HTTP Basic"),
        ("placetel", Target("https://a/b"), "placetel: there is no secret"),
        ("placetel", Target("https://a/b", b"s", {"own_number": "0x1"}), "write digits"),
        ("voys", Target("https://a/b", b"", {"ended": "Über"}), "a word of small letters"),
        ("bitrix24", Target("https://a/rest", TOKENS, {}),
         "bitrix24: option 'user' is missing; write the Bitrix24 id"),
        ("bitrix24", Target("https://a/rest", TOKENS, {"user": "anna"}), "option 'user' is 'anna'"),
        ("bitrix24", Target("https://a/rest", TOKENS, {"user": "1", "users": "1001:7"}), "1001=7,1002=9"),
        ("bitrix24", Target("https://a/rest", b"token", {"user": "1"}),
         "in it is no access_token, refresh_token"),
        ("bitrix24", Target("https://a/rest", b'{"access_token":"a"}', {"user": "1"}), "is no refresh_token"),
        ("bitrix24", Target("https://a", TOKENS, {"user": "1", "oauth_url": "https://u@h/"}), "'oauth_url'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(name: str, target: Target, said: str) -> None:
    with pytest.raises(BadInput) as error:
        FORMATS[name].check(target)
    assert said in str(error.value)


def test_an_unknown_format_is_named() -> None:
    with pytest.raises(BadInput, match="format 'salesforce' is not known; write bitrix24, placetel, sipgate"):
        format_named("salesforce")


def test_an_events_name_lasts() -> None:
    """Others have it in their data bases: it must not change."""
    assert event_id("1772442000.17", "offered") == "evt_" + "379ff1e8246d0c490bf3168e743efe57"
    assert event_id("1", "1ended") != event_id("11", "ended")


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"\xff", b'{"id":1}', b"[" * 100_000])
def test_an_event_that_cannot_be_read(body: bytes) -> None:
    with pytest.raises(BadInput, match=r"event of a call: .*written by another version of Callbridge"):
        Told.from_json(body)


def test_what_a_later_version_has_added_to_an_event_is_passed_over() -> None:
    body = (
        b'{"id":"evt_1","type":"call.sung","at":"2026-03-02T09:00:00Z","call_id":"1","direction":"in",'
        b'"offered_at":"2026-03-02T09:00:00Z","mood":"merry"}'
    )
    assert Told.from_json(body).type == "call.sung"
