"""Each way in which a request can fail, as a typed error; and what is sent when it does not."""

from collections.abc import AsyncIterator

import pytest

from bridge.ari import models
from bridge.ari.rest import Rest, error_of
from bridge.errors import (
    BadInput,
    Gone,
    InternalError,
    LinkDown,
    Refused,
    RemoteError,
    RequestTimeout,
    Unreachable,
)
from tests.fakes.asterisk import PASSWORD, USERNAME, FakeAsterisk


@pytest.fixture
async def rest(fake: FakeAsterisk) -> AsyncIterator[Rest]:
    made = Rest(fake.url, USERNAME, PASSWORD, seconds=2.0)
    yield made
    await made.close()


@pytest.mark.parametrize(
    ("operation", "status", "body", "error"),
    [
        ("channels.answer", 404, b'{"message":"Channel not found"}', Gone),
        ("channels.answer", 409, b'{"message":"Channel not in Stasis application"}', Gone),
        ("channels.playWithId", 412, b'{"message":"Channel in invalid state"}', Gone),
        ("channels.create", 409, b'{"message":"Channel with given unique ID already exists"}', Refused),
        ("channels.create", 500, b'{"error":"Allocation failed"}', Unreachable),
        ("channels.answer", 500, b'{"error":"Allocation failed"}', Refused),
        ("channels.create", 500, b'{"message":"Out of memory"}', Refused),
        ("bridges.createWithId", 409, b"{}", Refused),
        ("bridges.destroy", 409, b'{"message":"Bridge not in Stasis application"}', Gone),
        ("bridges.addChannel", 400, b'{"message":"Channel not found"}', Gone),
        ("bridges.addChannel", 404, b'{"message":"Bridge not found"}', Gone),
        ("bridges.addChannel", 409, b'{"message":"Channel currently recording"}', Refused),
        ("bridges.addChannel", 422, b'{"message":"Channel not in Stasis application"}', Gone),
        ("channels.hangup", 400, b'{"message":"Invalid reason"}', Refused),
        ("asterisk.getInfo", 401, b"", Refused),
        ("channels.answer", 403, b"", Refused),
        ("asterisk.getInfo", 503, b"<html>Service Unavailable", LinkDown),
        ("asterisk.getInfo", 302, b"", Refused),
        ("channels.answer", 500, b"\xff\xfe{", Refused),
    ],
)
def test_error_of_a_reply(operation: str, status: int, body: bytes, error: type[RemoteError]) -> None:
    found = error_of(operation, status, body)
    assert type(found) is error
    assert operation in str(found)
    if isinstance(found, Refused):
        assert found.status == status


def test_login_refused_says_what_to_do() -> None:
    assert "ARI_PASSWORD" in str(error_of("asterisk.getInfo", 401, b""))


def test_error_body_is_bounded_and_on_one_line() -> None:
    words = str(error_of("channels.answer", 500, b'{"message":"' + b"a\\n" * 5000 + b'"}'))
    assert len(words) < 300
    assert "\n" not in words


async def test_huge_error_body_is_not_read_to_its_end(fake: FakeAsterisk, rest: Rest) -> None:
    fake.failures["channels.answer"] = (500, "x" * 1_000_000)
    with pytest.raises(Refused) as caught:
        await rest.call("channels.answer", "1.1")
    assert len(str(caught.value)) < 300


async def test_typed_reply(fake: FakeAsterisk, rest: Rest) -> None:
    call = await fake.call_in(number="+79161234567")
    (channel,) = await rest.get(list[models.Channel], "channels.list")
    assert (channel.id, channel.caller.number) == (call, "+79161234567")


async def test_reply_that_is_no_json(fake: FakeAsterisk, rest: Rest) -> None:
    fake.failures["channels.list"] = (200, "<html>")
    with pytest.raises(Refused, match="cannot be read"):
        await rest.get(list[models.Channel], "channels.list")


async def test_ids_and_values_arrive_as_they_were(fake: FakeAsterisk, rest: Rest) -> None:
    with pytest.raises(Gone):
        await rest.call("channels.get", "a/b ?#%2F..\u0439")
    query = {"variable": "CHANNEL(musicclass)", "value": "+7 &=%20й"}
    with pytest.raises(Gone):
        await rest.call("channels.setChannelVar", "1.1", query=query)
    assert fake.requests[0].ids == ("a/b ?#%2F..\u0439",)
    assert fake.requests[1].query == query


@pytest.mark.parametrize("one", ["", ".", ".."])
async def test_no_id_at_all(rest: Rest, one: str) -> None:
    with pytest.raises(InternalError):
        await rest.call("channels.hangup", one)


async def test_requests_that_asterisk_does_not_describe(fake: FakeAsterisk, rest: Rest) -> None:
    with pytest.raises(InternalError, match="no operation"):
        await rest.call("channels.sing", "1.1")
    with pytest.raises(InternalError, match="loudly"):
        await rest.call("channels.answer", "1.1", query={"loudly": "true"})
    with pytest.raises(InternalError, match="media"):
        await rest.call("channels.playWithId", "1.1", "p")
    with pytest.raises(InternalError, match="no body"):
        await rest.call("channels.answer", "1.1", body={})
    with pytest.raises(InternalError, match="too many"):
        await rest.call("channels.answer", "1.1", "2.2")
    assert fake.requests == []


async def test_wrong_password(fake: FakeAsterisk) -> None:
    rest = Rest(fake.url, USERNAME, "wrong")
    with pytest.raises(Refused) as caught:
        await rest.call("asterisk.ping")
    assert caught.value.status == 401
    with pytest.raises(Refused):
        await rest.connect("callbridge")
    await rest.close()


async def test_no_reply_in_time(fake: FakeAsterisk) -> None:
    fake.delays["asterisk.ping"] = 60
    rest = Rest(fake.url, USERNAME, PASSWORD, seconds=0.05)
    with pytest.raises(RequestTimeout) as caught:
        await rest.call("asterisk.ping")
    assert caught.value.retryable
    await rest.close()


async def test_nobody_there(fake: FakeAsterisk, rest: Rest) -> None:
    await fake.stop()
    with pytest.raises(LinkDown, match="is Asterisk running"):
        await rest.call("asterisk.ping")
    with pytest.raises(LinkDown):
        await rest.connect("callbridge")


async def test_closed(rest: Rest) -> None:
    await rest.close()
    with pytest.raises(LinkDown, match="closed"):
        await rest.call("asterisk.ping")


@pytest.mark.parametrize("url", ["", "asterisk:8088", "ftp://asterisk", "http://"])
def test_address_that_is_none(url: str) -> None:
    with pytest.raises(BadInput, match=r"asterisk\.ari\.url"):
        Rest(url, "a", "b")


def test_ari_at_the_end_of_the_address_is_allowed() -> None:
    assert Rest("http://asterisk:8088/ari/", "a", "b").url == "http://asterisk:8088"
