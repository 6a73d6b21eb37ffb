"""Whatever a telephone, a person or a receiver has written: it is rendered, read, and harmless."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.centre.record import Outcome
from bridge.crm.formats import Reply, Target, kinds
from bridge.crm.formats.known import FORMATS
from bridge.crm.outside import MAX_REPLY, Request, Response
from bridge.crm.told import Person, Recording, Told
from tests.fakes.call_stories import ANNA, BORIS, Call, changed
from tests.unit.crm.formats.golden import TARGETS

MAX_BODY = 20_000  # as Standard Webhooks has it; no peer has said more
INJECTION = "Eve\r\nX-Evil: 1\r\n\r\n<Reject/>&event=hangup&cause=busy\x00\u202e\u2028\x1b[2J"

anything = st.text(max_size=60) | st.sampled_from([INJECTION, "я" * 5_000, "😀" * 5_000, "", " ", "a\x85b"])
moments = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
persons = st.builds(Person, id=anything, name=anything, extension=anything, login=anything, email=anything)
recordings = st.builds(Recording, id=anything, url=anything, file_name=anything)
events = st.builds(
    Told,
    id=st.integers(0, 2**128 - 1).map("evt_{:032x}".format),  # our own making
    type=st.sampled_from(kinds.ALL) | anything,
    at=moments,
    call_id=anything,
    direction=st.sampled_from(["in", "out", "internal"]) | anything,
    number=st.none() | anything,
    e164=st.none() | st.from_regex(r"\+[1-9][0-9]{4,14}", fullmatch=True),
    name=anything,
    withheld=st.booleans(),
    dialled=anything,
    trunk=anything,
    queue=st.none() | anything,
    queue_title=anything,
    client_name=anything,
    offered_at=moments,
    queued_at=st.none() | moments,
    answered_at=st.none() | moments,
    ended_at=st.none() | moments,
    agent=st.none() | persons,
    ringing=st.lists(persons, max_size=40).map(tuple),
    answered_by=st.none() | persons,
    from_agent=st.none() | persons,
    target=anything,
    transfer=st.sampled_from(["", "blind", "attended"]),
    outcome=st.none() | st.sampled_from([one.value for one in Outcome]) | anything,
    cause=st.none() | st.integers(-5, 300),
    reason=anything,
    recording=st.none() | recordings,
)
bodies = st.one_of(
    st.binary(max_size=200),
    st.sampled_from(
        [
            b'{"result":{"CALL_ID":"c.1"}}',
            b'{"result":{"CALL_ID":["c"]}}',
            b'{"result":true}',
            b'{"error":"expired_token"}',
            b'{"error":"ERROR_CORE","error_description":"User is not found"}',
            b'{"error":"","error_description":"Call is not found"}',
            b'{"error":"No such call_id 1"}',
            b'{"result":{"uploadUrl":"https://example.bitrix24.ru/rest/upload.json?a=1","fieldName":"file"}}',
            b'{"access_token":"a","refresh_token":"b"}',
            b'<Response onAnswer="https://crm.example.org/a" onHangup="https://crm.example.org/h"/>',
            b"{}",
        ]
    ),
)
responses = st.builds(
    Response,
    st.sampled_from([200, 204, 302, 400, 401, 403, 404, 410, 422, 429, 500, 503]),
    st.just({}),
    bodies,
)


@pytest.mark.parametrize("name", sorted(FORMATS))
@settings(max_examples=60)
@given(told=events, answers=st.lists(responses, min_size=6, max_size=6))
def test_any_event_and_any_answer(name: str, told: Told, answers: list[Response]) -> None:
    format_, target = FORMATS[name], TARGETS[name]
    state: Mapping[str, str] = {}
    for step, answer in enumerate(answers):
        request = format_.request(told, target, state, step, told.at + timedelta(seconds=1))
        if request is None:
            return
        harmless(request)
        reply = format_.reply(told, target, state, step, answer)
        harmless_reply(reply, target)
        state = reply.state if reply.state is not None else state


@pytest.mark.parametrize("name", sorted(FORMATS))
@settings(max_examples=30)
@given(told=events, answer=responses)
def test_an_answer_to_what_was_never_asked_is_read_as_well(name: str, told: Told, answer: Response) -> None:
    harmless_reply(FORMATS[name].reply(told, TARGETS[name], {}, 0, answer), TARGETS[name])


def harmless(request: Request) -> None:
    assert re.fullmatch(r"https://[\x21-\x7e]+", request.url)
    assert len(request.body) < MAX_BODY
    for name, value in request.headers.items():
        assert re.fullmatch(r"[A-Za-z-]+", name)
        assert re.fullmatch(r"[\x20-\x7e]+", value)
    if request.headers.get("Content-Type") == "application/json":
        written = strings(msgspec.json.decode(request.body))
    elif request.body:
        pairs = parse_qsl(request.body.decode("ascii"), strict_parsing=True)
        assert [name for name, _ in pairs].count("event") == 1
        written = [value for _, value in pairs]
    else:
        written = []
    for value in written:
        assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e]", value)


def strings(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for one in value.values() for text in strings(one)]
    if isinstance(value, list):
        return [text for one in value for text in strings(one)]
    return [value] if isinstance(value, str) else []


def harmless_reply(reply: Reply, target: Target) -> None:
    assert len(reply.reason) < 400
    assert "SECRET" not in reply.reason
    assert not re.search(r"[\x00-\x1f]", reply.reason)
    assert not (reply.accepted and reply.permanent)
    if reply.state is not None:
        assert all(isinstance(value, str) and len(value) < 2_200 for value in reply.state.values())


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_no_name_can_add_a_field_a_header_or_a_line(name: str) -> None:
    eve = Person(id="1001", name=INJECTION, extension=INJECTION, login=INJECTION, email=INJECTION)
    call = Call(name=INJECTION, client_name=INJECTION, number=INJECTION, e164=None, dialled=INJECTION)
    state: Mapping[str, str] = {}
    sent = 0
    for told in call.offered().queued().ringing(eve).answered(eve).ended("answered").events:
        told = changed(told, queue=INJECTION, dialled_e164=None)
        for step in range(4):
            request = FORMATS[name].request(told, TARGETS[name], state, step, told.at)
            if request is None:
                break
            sent += 1
            harmless(request)
            body = b'{"result":{"CALL_ID":"1"}}' if name == "bitrix24" else SUBSCRIBED
            reply = FORMATS[name].reply(told, TARGETS[name], state, step, Response(200, {}, body))
            state = reply.state if reply.state is not None else state
    assert sent >= 3


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_an_event_with_everything_at_its_longest_is_below_the_limit(name: str) -> None:
    long = "😀" * 5_000
    person = Person(id=long, name=long, extension=long, login=long, email=long)
    fields = {"call_id": "+" * 5_000, "name": long, "client_name": long, "number": long, "dialled": long}
    call = Call(**fields, e164=None, dialled_e164=None, from_agent=person)
    call.fields |= {"queue": long, "queue_title": long}
    call.offered().ringing(*[person] * 40).answered(person).transferred(person, person, "blind")
    call.answered(person).ended("answered")
    state: Mapping[str, str] = {"leg": "2", "onAnswer": "https://a/b", "onHangup": "https://a/b"}
    for told in call.events:
        request = FORMATS[name].request(told, TARGETS[name], state, 0, told.at)
        if request is not None:
            harmless(request)


SUBSCRIBED = b'<Response onAnswer="https://crm.example.org/a" onHangup="https://crm.example.org/h"/>'
BOMB = b"""<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
<Response><Dial><Number>&b;</Number></Dial></Response>"""


@pytest.mark.parametrize(
    "body",
    [
        BOMB,
        b'<!DOCTYPE r SYSTEM "file:///etc/passwd"><Response><Reject/></Response>',
        b'<!DOCTYPE r [<!ENTITY x SYSTEM "http://169.254.169.254/">]><Response>&x;</Response>',
        b"<Response><Reject/>",
        b"<Reject/>",
        b"<html><body>Login</body></html>",
        b'<?xml version="1.0" encoding="klingon"?><Response><Reject/></Response>',
        b'<?xml version="1.0" encoding="utf-16"?><Response><Reject/></Response>',
        b"<Response><Reject/></Response>" + b" " * 70_000,
        b"<a>" * 20_000,
        b"\xff\xfe<\x00R\x00",
        b"",
        b'{"action":"reject"}',
    ],
    ids=range(13),
)
@pytest.mark.parametrize("name", ["sipgate", "placetel"])
def test_odd_xml_is_accepted_and_asks_for_nothing(name: str, body: bytes) -> None:
    told = Call().offered().events[0]
    target = TARGETS[name]
    if name == "placetel":
        target = Target(target.url, target.secret, {"control": "on"})
    reply = FORMATS[name].reply(told, target, {}, 0, Response(200, {"content-type": "application/xml"}, body))
    assert (reply.accepted, reply.steer) == (True, None)
    assert not {"onAnswer", "onHangup"} & set(reply.state or {})


@pytest.mark.parametrize(
    "body",
    [
        b"[" * MAX_REPLY,
        b'{"a":' * 100_000,
        b'["reject"]',
        b'{"action":["reject"]}',
        b'{"action":"explode"}',
        b'{"action":"dial"}',
        b'{"action":"dial","number":{"a":1}}',
        b'{"action":"dial","number":true}',
        b"null",
        b"<Response><Reject/></Response>",
        b'{"action":"reject"',
        b"\xff",
    ],
    ids=range(12),
)
def test_odd_json_is_accepted_and_asks_for_nothing(body: bytes) -> None:
    told = Call().offered().events[0]
    reply = FORMATS["zammad"].reply(told, TARGETS["zammad"], {}, 0, Response(200, {}, body))
    assert (reply.accepted, reply.steer) == (True, None)


@pytest.mark.parametrize("name", sorted(FORMATS))
@pytest.mark.parametrize("status", [301, 302, 307, 400, 404, 413, 429, 500, 502, 503])
def test_what_is_no_2xx_is_a_failure_and_nothing_is_obeyed(name: str, status: int) -> None:
    told = Call().offered().events[0]
    body = SUBSCRIBED.replace(b"/>", b"><Reject/></Response>")
    reply = FORMATS[name].reply(told, TARGETS[name], {}, 0, Response(status, {}, body))
    assert (reply.accepted, reply.steer, reply.permanent) == (False, None, status == 413)
    assert reply.reason.startswith(f"HTTP {status}")


def test_sipgates_later_addresses_are_at_its_own_host() -> None:
    told = Call().offered().events[0]
    target = TARGETS["sipgate"]
    for url in (
        "https://evil.example.net/",
        "http://crm.example.org/plain",
        "file:///etc/passwd",
        "https://user@crm.example.org/",
        "https://crm.example.org/\r\nX: 1",
        "//crm.example.org/",
        "https://crm.example.org/" + "a" * 3_000,
    ):
        body = f'<Response onAnswer="{url}"/>'.encode().replace(b"\r\n", b"&#13;&#10;")
        reply = FORMATS["sipgate"].reply(told, target, {}, 0, Response(200, {}, body))
        assert "onAnswer" not in (reply.state or {}), url
        assert reply.reason == "onAnswer is no address at this host or at one of the option hosts: not used"
    near = Target(target.url, b"", {"hosts": "hooks.example.net"})
    body = b'<Response onAnswer="https://hooks.example.net/a" onHangUp="https://crm.example.org/b"/>'
    state = FORMATS["sipgate"].reply(told, near, {}, 0, Response(200, {}, body)).state
    assert state is not None
    assert (state["onAnswer"], state["onHangup"]) == (
        "https://hooks.example.net/a",
        "https://crm.example.org/b",
    )


def test_the_password_is_for_the_targets_own_host_only() -> None:
    target = Target("https://crm.example.org/in", b"pass", {"basic_user": "me", "hosts": "hooks.example.net"})
    offered, answered = Call().offered().ringing(ANNA).answered(ANNA).events[::2]
    first = FORMATS["sipgate"].request(offered, target, {}, 0, offered.at)
    assert first is not None
    assert first.headers["Authorization"] == "Basic bWU6cGFzcw=="
    state = {"leg": "1", "open": "1", "onAnswer": "https://hooks.example.net/a"}
    later = FORMATS["sipgate"].request(answered, target, state, 0, answered.at)
    assert later is not None
    assert (later.url, "Authorization" in later.headers) == ("https://hooks.example.net/a", False)


def test_bitrix_uploads_to_its_own_portal_only() -> None:
    told = Call().offered().ringing(BORIS).answered(BORIS).ended("answered").recorded().events[-1]
    target = TARGETS["bitrix24"]
    target = Target(target.url, target.secret, {**target.options, "record": "upload"})
    body = b'{"result":{"uploadUrl":"https://evil.example.net/x","fieldName":"file"}}'
    state = {"id": "c", "finished": "1"}
    reply = FORMATS["bitrix24"].reply(told, target, state, 0, Response(200, {}, body))
    assert (reply.accepted, "uploadUrl" in reply.reason) == (False, True)


def test_no_secret_is_in_what_is_shown_of_a_request_or_a_reply() -> None:
    told = Call().offered().events[0]
    for name, target in TARGETS.items():
        request = FORMATS[name].request(told, target, {}, 0, told.at)
        assert "TOKEN" not in repr((request, target))
        echo = Response(500, {}, b"you said ACCESS, TOKEN, REFRESH, SECRET and 12345")
        reply = FORMATS[name].reply(told, target, {}, 0, echo)
        said = [one for one in ("ACCESS", "TOKEN", "12345") if one.encode() in target.secret]
        assert not [one for one in said if one in reply.reason], reply.reason
