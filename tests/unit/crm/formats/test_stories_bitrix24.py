"""Whole calls told over real HTTP to a Bitrix24 that knows its own rules: none is broken, none told twice."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import aiohttp
import pytest

from bridge.crm.formats import Target, kinds
from bridge.crm.formats.bitrix24 import Bitrix24 as Bitrix24Format
from bridge.crm.formats.bitrix24 import called_back, registered
from tests.fakes.call_stories import START, Call, changed, stories
from tests.fakes.receivers.bitrix24 import Bitrix24
from tests.fakes.receivers.receiver import serving
from tests.fakes.telling import Teller, checked

ALL = stories()
IDS = list(ALL)
TOKENS = b'{"access_token":"access-1","refresh_token":"refresh-1","client_id":"app.1","client_secret":"s"}'


@pytest.fixture
async def bitrix() -> AsyncIterator[Bitrix24]:
    async with serving(Bitrix24()) as receiver:
        yield receiver


def to_bitrix(receiver: Bitrix24, **options: str) -> Teller:
    options = {
        "user": "1",
        "users": "1001=7,1002=9",
        "oauth_url": "https://oauth.example.org/oauth/token/",
        **options,
    }
    teller = checked(Teller(Bitrix24Format(), Target(f"{receiver.url}/rest", TOKENS, options)))
    # Only https is allowed to be written there; the receiver of the test speaks http.
    teller.target = replace(teller.target, options={**options, "oauth_url": f"{receiver.url}/oauth/token/"})
    return teller


@pytest.mark.parametrize("story", [one for one in IDS if one != "in-withheld"])
@pytest.mark.parametrize("record", ["url", "upload"])
async def test_bitrix_is_told_each_story(bitrix: Bitrix24, story: str, record: str) -> None:
    replies = await to_bitrix(bitrix, record=record).story(ALL[story])
    assert bitrix.problems == []
    assert all(reply.accepted for reply in replies)
    assert (len(bitrix.statistics), bitrix.alive) == (1, {})
    assert bool(bitrix.files) is any(told.type == kinds.RECORDING_READY for told in ALL[story])
    assert bitrix.uploaded == (b"RIFF" if bitrix.files and record == "upload" else b"")


async def test_each_agent_sees_the_card_while_his_phone_rings_and_the_one_who_talks_until_the_end(
    bitrix: Bitrix24,
) -> None:
    teller = to_bitrix(bitrix)
    async with aiohttp.ClientSession() as session:
        seen = []
        for told in ALL["in-ring-group"]:
            await teller.tell(told, session)
            seen.append(sorted(*bitrix.alive.values()) if bitrix.alive else [])
    assert seen == [[], [7], [7, 9], [7, 9], [9], [9], [9], []]
    (call,) = bitrix.statistics.values()
    assert (call["seen"], call["USER_ID"]) == ({9}, 9)


async def test_a_transfer_moves_the_card(bitrix: Bitrix24) -> None:
    await to_bitrix(bitrix, record="url").story(ALL["in-blind-transfer"])
    assert bitrix.transcript[1:-2] == ["show 7", "show 9", "hide 7"]


async def test_two_calls_of_one_client_within_30_minutes_are_two(bitrix: Bitrix24) -> None:
    first = ALL["in-abandoned"]
    second = Call(call_id="1772442600.40").offered().ended("ivr").events
    await to_bitrix(bitrix).story(first[:-1])
    await to_bitrix(bitrix).story(second)
    assert len({call for call, _ in bitrix.registered.values()}) == 2
    assert bitrix.problems == []


async def test_the_receiver_knows_the_30_minutes(bitrix: Bitrix24) -> None:
    """Without EXTERNAL_CALL_ID a repeat is the old call: what the format is kept from."""
    said = {"auth": "access-1", "USER_ID": 1, "PHONE_NUMBER": "+1", "TYPE": 2, "SHOW": 0}
    said |= {"CALL_START_DATE": START.isoformat()}

    async def register(session: aiohttp.ClientSession) -> str:
        async with session.post(f"{bitrix.url}/rest/telephony.externalCall.register", json=said) as response:
            return str((await response.json())["result"]["CALL_ID"])

    async with aiohttp.ClientSession() as session:
        first = await register(session)
        assert await register(session) == first
        bitrix.now += timedelta(minutes=31)
        assert await register(session) != first


async def test_a_finish_whose_reply_was_lost_is_no_second_call(bitrix: Bitrix24) -> None:
    teller = to_bitrix(bitrix)
    await teller.story(ALL["in-known"][:3])
    teller.lost = 1
    replies = await teller.story(ALL["in-known"][3:])
    assert bitrix.problems == []
    assert all(reply.accepted for reply in replies)
    assert (len(bitrix.statistics), len(bitrix.files)) == (1, 1)


async def test_a_token_that_has_expired_is_renewed_and_kept(bitrix: Bitrix24) -> None:
    teller = to_bitrix(bitrix)
    await teller.story(ALL["in-known"][:1])
    bitrix.tokens.clear()
    await teller.story(ALL["in-known"][1:])
    assert bitrix.problems == []
    assert bitrix.transcript[1:3] == ["token", "show 7"]
    assert bitrix.transcript.count("token") == 1
    assert b'"access-new-2"' in teller.target.secret
    assert b'"client_secret":"s"' in teller.target.secret


async def test_a_refresh_token_that_is_refused_is_tried_again_later(bitrix: Bitrix24) -> None:
    bitrix.tokens.clear()
    bitrix.refresh = "another"
    replies = await to_bitrix(bitrix).story(ALL["in-known"][:1])
    assert [(reply.accepted, reply.again, reply.permanent) for reply in replies] == [
        (False, True, False),
        (False, False, False),
    ]
    assert "invalid_grant" in replies[-1].reason
    assert "refresh-1" not in replies[-1].reason


async def test_a_new_token_that_is_refused_as_well_is_not_renewed_for_ever(bitrix: Bitrix24) -> None:
    class Stubborn(set[str]):
        def __contains__(self, token: object) -> bool:
            return False

    bitrix.tokens = Stubborn()
    replies = await to_bitrix(bitrix).story(ALL["in-known"][:1])
    assert [reply.again for reply in replies] == [True, True, False]


async def test_an_agent_whom_bitrix_does_not_know_is_stood_for(bitrix: Bitrix24) -> None:
    bitrix.inner = set()
    replies = await to_bitrix(bitrix, users="1002=9").story(ALL["in-known"])
    assert bitrix.problems == []
    (call,) = bitrix.statistics.values()
    assert (call["USER_ID"], sum(not reply.accepted for reply in replies)) == (1, 1)


async def test_a_withheld_number_that_is_refused_keeps_nothing_waiting(bitrix: Bitrix24) -> None:
    replies = await to_bitrix(bitrix).story(ALL["in-withheld"])
    assert [(reply.accepted, reply.permanent) for reply in replies] == [(False, True)]
    await to_bitrix(bitrix, withheld="0").story(ALL["in-withheld"])
    assert (bitrix.problems, len(bitrix.statistics)) == ([], 1)


async def test_a_card_is_not_shown_of_a_call_that_rings_no_more(bitrix: Bitrix24) -> None:
    teller = to_bitrix(bitrix)
    async with aiohttp.ClientSession() as session:
        for told in ALL["in-abandoned"]:
            await teller.tell(told, session, now=told.at + timedelta(minutes=5))
    assert bitrix.transcript == ["register externalCall.1 TYPE=2", "finish 304 0"]
    assert bitrix.problems == []


async def test_click_to_call_is_registered_already_and_only_finished(bitrix: Bitrix24) -> None:
    bitrix.alive["externalCall.click"] = {7}
    teller = to_bitrix(bitrix)
    teller.state = registered("externalCall.click", "7")
    await teller.story(ALL["out-answered"])
    assert (bitrix.transcript, bitrix.problems) == (["finish 200 95"], [])
    teller = to_bitrix(bitrix)
    teller.state = called_back()
    await teller.story([changed(told, call_id="2.2") for told in ALL["out-answered"]])
    assert bitrix.transcript[1].endswith("TYPE=4")


async def test_a_webhook_may_not_register_unless_the_installation_lets_it(bitrix: Bitrix24) -> None:
    teller = to_bitrix(bitrix, auth="webhook")
    teller.target = replace(teller.target, url=f"{bitrix.url}/rest/1/{{secret}}", secret=b"code")
    checked(Teller(teller.format, replace(teller.target, options={"user": "1", "auth": "webhook"})))
    (reply,) = await teller.story(ALL["in-known"][:1])
    assert (reply.accepted, reply.permanent) == (False, False)  # an engineer can help it
    assert "WRONG_AUTH_TYPE" in reply.reason
    bitrix.webhooks = True
    await teller.story(ALL["in-known"])
    assert (bitrix.problems, len(bitrix.statistics)) == ([], 1)


async def test_a_call_whose_beginning_bitrix_did_not_hear_of_is_registered_at_the_end(
    bitrix: Bitrix24,
) -> None:
    await to_bitrix(bitrix).story(ALL["in-known"][3:])
    assert bitrix.transcript[:2] == ["register externalCall.1 TYPE=2", "finish 200 95"]
    assert bitrix.problems == []
