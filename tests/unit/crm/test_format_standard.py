"""Standard Webhooks: the signature by the vector that its libraries are tested with, and a body that fits."""

import base64
import json
from datetime import UTC, datetime

import pytest

from bridge.crm.formats import Dial, Reject, Steer, Target, ToQueue
from bridge.crm.formats.standard import MOST_BYTES, Standard, body_of, new_secret, signature
from bridge.crm.outside import Response
from bridge.crm.told import Person, Recording, Told
from bridge.errors import BadInput

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
FORMAT = Standard()


def told(**more: object) -> Told:
    values: dict[str, object] = {
        "id": "evt_1",
        "type": "call.offered",
        "at": NOW,
        "call_id": "1700000000.1",
        "direction": "in",
        "offered_at": NOW,
    }
    return Told(**{**values, **more})  # type: ignore[arg-type]


def target(secret: str = SECRET, url: str = "https://crm.example.org/hook") -> Target:
    return Target(url, secret.encode())


def test_the_signature_is_the_libraries() -> None:
    """standard-webhooks/standard-webhooks, libraries/*: the test of ``sign``."""
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    body = b'{"test": 2432232314}'
    assert signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body) == (
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )


def test_a_request_is_signed_with_all_secrets_over_the_very_body() -> None:
    other = new_secret()
    request = FORMAT.request(told(), target(f"{SECRET} {other}"), {}, 0, NOW)
    assert request is not None
    timestamp = int(NOW.timestamp())
    assert request.headers["webhook-id"] == "evt_1"
    assert request.headers["webhook-timestamp"] == str(timestamp)
    assert request.headers["webhook-signature"].split(" ") == [
        signature(base64.b64decode(one.removeprefix("whsec_")), "evt_1", timestamp, request.body)
        for one in (SECRET, other)
    ]
    body = json.loads(request.body)
    assert set(body) == {"type", "timestamp", "data"}
    assert (body["type"], body["timestamp"]) == ("call.offered", "2026-11-29T12:00:00Z")
    assert body["data"]["call_id"] == "1700000000.1"
    assert FORMAT.request(told(), target(), {}, 1, NOW) is None


@pytest.mark.parametrize("mark", ["x", "\x01", "ы", "😀", '"', "\\", "<"])
def test_the_body_fits_whatever_the_telephone_says(mark: str) -> None:
    long = mark * 5_000
    person = Person(id=long, name=long, extension=long, login=long, email=long)
    recording = Recording(id=long, url="https://example.org/" + "x" * 500, file_name=long)
    fields = dict.fromkeys(
        ("number", "name", "dialled", "trunk", "queue", "queue_title", "client_name", "target"), long
    )
    body = body_of(
        told(
            **fields,
            ringing=(person,) * 300,
            agent=person,
            answered_by=person,
            from_agent=person,
            recording=recording,
        )
    )
    assert len(body) < MOST_BYTES
    data = json.loads(body)["data"]
    assert data["recording"]["url"] == recording.url
    assert "\x01" not in data["name"]


def test_a_usual_body_is_whole() -> None:
    anna = Person(id="1001", name="Анна", extension="1001")
    data = json.loads(body_of(told(ringing=(anna,) * 20, name="Иван")))["data"]
    assert len(data["ringing"]) == 20
    assert (data["name"], data["ringing"][0]["name"]) == ("Иван", "Анна")


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "secret",
        "whsec_",
        "whsec_!!!",
        "whsec_" + "YQ==",
        "whsec_" + "A" * 400,
        f"{SECRET} other",
        "whsec_ы",
    ],
)
def test_a_secret_that_is_none_is_refused(secret: str) -> None:
    with pytest.raises(BadInput, match="standard: "):
        FORMAT.check(target(secret))


def test_a_secret_that_was_made_up_and_two_are_good() -> None:
    FORMAT.check(target(new_secret()))
    FORMAT.check(target(f"{SECRET} {new_secret()}"))
    assert new_secret() != new_secret()


@pytest.mark.parametrize(
    ("status", "accepted"), [(200, True), (204, True), (199, False), (400, False), (500, False)]
)
def test_2xx_is_accepted(status: int, accepted: bool) -> None:
    said = Response(status, {}, SECRET.encode())
    reply = FORMAT.reply(told(), target(), {}, 0, said)
    assert reply.accepted is accepted
    assert SECRET not in reply.reason


@pytest.mark.parametrize(
    ("body", "steer"),
    [
        (b'{"action":"reject"}', Reject("rejected")),
        (b'{"action":"reject","reason":"busy"}', Reject("busy")),
        (b'{"action":"dial","number":"100","caller_id":"200"}', Dial("100", "200")),
        (b'{"action":"dial"}', None),
        (b'{"action":"queue","queue":"sales"}', ToQueue("sales")),
        (b'{"action":["reject"]}', None),
        (b"[1]", None),
        (b"\xff", None),
        (b"", None),
    ],
)
def test_the_reply_may_steer_a_new_call_alone(body: bytes, steer: Steer | None) -> None:
    response = Response(200, {}, body)
    assert FORMAT.reply(told(), target(), {}, 0, response).steer == steer
    assert FORMAT.reply(told(type="call.ended"), target(), {}, 0, response).steer is None
