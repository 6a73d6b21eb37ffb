"""The receivers see what breaks their rules: otherwise a story without problems would prove nothing."""

import hashlib
import hmac
from typing import Any

import aiohttp
import pytest

from tests.fakes.call_stories import START
from tests.fakes.receivers.bitrix24 import Bitrix24
from tests.fakes.receivers.placetel import SECRET, PlacetelReceiver
from tests.fakes.receivers.receiver import Receiver, serving
from tests.fakes.receivers.sipgate import SipgateServer
from tests.fakes.receivers.voys import VoysReceiver
from tests.fakes.receivers.zammad import TOKEN, Zammad

ANSWER = {"user": "Anna", "userId": "1001", "answeringNumber": "1001"}
NUMBERS = {"from": "49211580040", "to": "493023125741", "direction": "in", "callId": "1"}


async def post(receiver: Receiver, path: str, *, json: Any = None, form: Any = None, **headers: str) -> int:
    async with (
        aiohttp.ClientSession() as session,
        session.post(receiver.url + path, json=json, data=form, headers=headers) as response,
    ):
        return response.status


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"event": "answer", "user": "anna"}, "No such call_id 1"),
        ({"event": "hangup", "cause": "busy"}, "No such call_id 1"),
        ({"event": "newCall", "from": "0211580040"}, "from is '0211580040': no full international digits"),
        ({"event": "newCall", "to": "+493023125741"}, "to is '+493023125741': no full international digits"),
        ({"event": "newCall", "user": "anna"}, "newCall: user is no list"),
        ({"event": "newCall", "direction": "internal"}, "direction 'internal'"),
        ({"event": "newCall", "callId": "1" * 251}, f"callId '{'1' * 251}'"),
        (
            {"event": "answer", "user": ["anna"], "callId": "0"},
            "answer: user is no string, and downcase fails",
        ),
        ({"event": "answer", "user": "eve", "callId": "0"}, "nobody's screen pops: None, 'eve'"),
        ({"event": "hangup", "cause": "tired", "callId": "0"}, "cause 'tired'"),
    ],
)
async def test_zammad(said: dict[str, Any], problem: str) -> None:
    async with serving(
        Zammad(logins=("anna",), phones={"": "anna"} if "downcase" in problem else {})
    ) as receiver:
        receiver.calls["0"] = {"state": "newCall"}
        await post(receiver, f"/api/v1/cti/{TOKEN}", json={**NUMBERS, **said})
    assert receiver.problems == [problem]


@pytest.mark.parametrize(
    ("path", "said", "problem"),
    [
        ("/", {"event": "answer"}, "answer at the address of newCall: unsolicited"),
        ("/", {"event": "newCall", "user": "anna"}, "newCall: user[] is always a list"),
        ("/", {"event": "newCall", "from": "+49"}, "from is '+49'"),
        ("/", {"event": "newCall", "callId": "0"}, "newCall of 0 twice"),
        ("/hangup", {"cause": "busy"}, "hangup of 1, which it does not know"),
        ("/hangup", {"cause": "tired", "callId": "0"}, "cause 'tired'"),
        ("/answer", {**ANSWER, "callId": "0"}, "answer of 0 was not asked for"),
    ],
)
async def test_sipgate(path: str, said: dict[str, str], problem: str) -> None:
    async with serving(SipgateServer(wants=("hangup",), calls={"0": {"newCall"}})) as receiver:
        await post(receiver, path, form={**NUMBERS, **said})
    assert receiver.problems == [problem]


async def test_sipgate_after_the_end() -> None:
    async with serving(SipgateServer(calls={"0": {"newCall"}})) as receiver:
        for _ in range(2):
            await post(receiver, "/hangup", form={**NUMBERS, "cause": "busy", "callId": "0"})
    assert receiver.problems == ["hangup of 0 after ['hangup', 'newCall']"]


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("event=HungUp&type=busy&duration=0", "type busy in"),
        ("event=HungUp&type=missed&duration=5", "5 seconds of a call that was missed"),
        ("event=CallAccepted", "CallAccepted: ['call_id', 'direction', 'event', 'from', 'to']"),
        ("event=OutgoingCall", "OutgoingCall: ['call_id', 'direction', 'event', 'from', 'to']"),
    ],
)
async def test_placetel(said: str, problem: str) -> None:
    body = f"from=49&to=49&direction=in&call_id={'a' * 64}&{said}".encode()
    signature = hmac.new(SECRET, body, hashlib.sha256).hexdigest()
    async with serving(PlacetelReceiver()) as receiver:
        await post(receiver, "/", form=body, **{"X-PLACETEL-SIGNATURE": signature})
    assert receiver.problems == [problem]


async def test_voys() -> None:
    caller = dict.fromkeys(("number", "name", "account_number", "user_numbers", "user_emails"))
    whole = {"call_id": "1", "timestamp": START.isoformat(), "version": "v2", "direction": "inbound"}
    whole |= {"caller": caller, "destination": {"number": "+49"}}
    async with serving(VoysReceiver()) as receiver:
        for said in (
            {"status": "created", "direction": "outbound"},
            {"status": "singing"},
            {"status": "ended"},
            {"status": "ringing"},
            {"status": "ended", "reason": "tired", "call_id": "2"},
        ):
            await post(receiver, "/", json={**whole, **said})
    assert receiver.problems == [
        "created: of incoming calls only, and without targets",
        "singing v2 inbound",
        "ended: reason None",
        "ringing after ended",
        "ended: reason 'tired'",
    ]


async def test_bitrix24() -> None:
    auth = {"auth": "access-1", "USER_ID": 1, "CALL_ID": "c"}
    finish = {**auth, "STATUS_CODE": "200", "DURATION": 5}
    async with serving(Bitrix24()) as receiver:

        async def call(method: str, said: dict[str, Any]) -> int:
            return await post(receiver, f"/rest/telephony.externalCall.{method}", json=said)

        assert await call("finish", {**finish, "auth": "old"}) == 401
        assert await call("finish", finish) == 400
        assert await call("show", auth) == 200  # and false
        receiver.alive["c"] = set()
        assert await call("attachRecord", {**auth, "FILENAME": "a.wav"}) == 400
        assert await call("hide", auth) == 200
        assert await call("finish", finish) == 200
        assert await call("finish", finish) == 400
        assert await call("attachRecord", {**auth, "FILENAME": "a.ogg", "RECORD_URL": "u"}) == 400
    assert receiver.problems == [
        "finish of c, which was never registered",
        "show of c, which is not there",
        "a record of c before it was finished",
        "hide {1}, seen by set()",
    ]
