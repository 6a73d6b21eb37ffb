"""The receiver by Standard Webhooks 1.0 is as strict as the specification, whose own example it knows."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import aiohttp
import pytest

from tests.fakes.receivers.receiver import serving
from tests.fakes.receivers.standard_webhooks import StandardWebhooks

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
# The example that the specification's libraries are tested with.
EXAMPLE = ("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b'{"test": 2432232314}')
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def signed(identity: str, stamp: str, body: bytes, secret: str = SECRET) -> dict[str, str]:
    signature = StandardWebhooks._signature(secret, identity, stamp, body)
    return {"webhook-id": identity, "webhook-timestamp": stamp, "webhook-signature": signature}


def test_the_specifications_own_example() -> None:
    assert StandardWebhooks._signature(SECRET, *EXAMPLE) == SIGNATURE


NOW = 1_772_442_000
BODY = b'{"type":"call.offered","timestamp":"2026-03-02T09:00:00+00:00","data":{}}'


@pytest.fixture
async def receiver() -> AsyncIterator[StandardWebhooks]:
    async with serving(StandardWebhooks(secrets=(SECRET,), now=datetime.fromtimestamp(NOW, UTC))) as receiver:
        yield receiver


async def sent(receiver: StandardWebhooks, headers: dict[str, str], body: bytes = BODY) -> int:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{receiver.url}/", data=body, headers=headers) as response,
    ):
        return response.status


async def test_what_is_signed_is_taken_and_a_repeat_done_once(receiver: StandardWebhooks) -> None:
    for stamp in (NOW, NOW + 200):
        assert await sent(receiver, signed("evt_1", str(stamp), BODY)) == 204
    assert (receiver.transcript, receiver.repeats, receiver.problems) == (["call.offered"], 1, [])


async def test_of_several_signatures_one_that_fits_is_enough(receiver: StandardWebhooks) -> None:
    headers = signed("evt_1", str(NOW), BODY)
    headers["webhook-signature"] = f"v1,AAAA {headers['webhook-signature']}"
    assert await sent(receiver, headers) == 204


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"webhook-signature": "v1,AAAA"}, "signature"),
        ({"webhook-signature": SIGNATURE.replace("v1", "v2")}, "signature"),
        ({"webhook-id": "evt_2"}, "signature"),
        ({"webhook-timestamp": str(NOW - 301)}, f"timestamp {NOW - 301}: 301 s off"),
        ({"webhook-timestamp": "soon"}, "webhook-id 'evt_1', webhook-timestamp 'soon'"),
        ({"webhook-id": ""}, f"webhook-id '', webhook-timestamp '{NOW}'"),
    ],
)
async def test_what_is_wrong_is_refused(
    receiver: StandardWebhooks, change: dict[str, str], problem: str
) -> None:
    assert await sent(receiver, signed("evt_1", str(NOW), BODY) | change) == 400
    assert (receiver.problems, receiver.transcript) == ([problem], [])


async def test_a_body_of_another_shape_or_size_is_a_problem(receiver: StandardWebhooks) -> None:
    long = b'{"a":"%s"}' % (b"x" * 20_000)
    bodies = [b'{"type":"a"}', BODY.replace(b"+00:00", b""), BODY.replace(b"{}", long)]
    for number, body in enumerate(bodies):
        await sent(receiver, signed(f"evt_{number}", str(NOW), body), body)
    assert receiver.problems == [
        "body with ['type']",
        "timestamp '2026-03-02T09:00:00' without a zone",
        "20079 bytes",
    ]
