"""Whole calls told over real HTTP to receivers that know their own rules: none is broken, none told twice."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import aiohttp
import pytest

from bridge.crm.formats import Dial, Reject, Reply, Target, ToQueue, kinds
from bridge.crm.formats.bitrix24 import Bitrix24 as Bitrix24Format
from bridge.crm.formats.bitrix24 import called_back, registered
from bridge.crm.formats.placetel import Placetel
from bridge.crm.formats.sipgate import Sipgate
from bridge.crm.formats.voys import Voys
from bridge.crm.formats.zammad import Zammad as ZammadFormat
from tests.fakes.call_stories import CALL, START, Call, changed, stories
from tests.fakes.receivers.bitrix24 import Bitrix24
from tests.fakes.receivers.placetel import SECRET, PlacetelReceiver
from tests.fakes.receivers.receiver import serving
from tests.fakes.receivers.sipgate import SipgateServer
from tests.fakes.receivers.voys import VoysReceiver
from tests.fakes.receivers.zammad import TOKEN, Zammad
from tests.fakes.telling import Teller

ALL = stories()
IDS = list(ALL)
TOKENS = b'{"access_token":"access-1","refresh_token":"refresh-1","client_id":"app.1","client_secret":"s"}'


@pytest.fixture
async def zammad() -> AsyncIterator[Zammad]:
    phones = {"1001": "anna", "1002": "boris", "1003": "carla"}
    async with serving(Zammad(phones=phones, logins=("anna", "boris"))) as receiver:
        yield receiver


@pytest.fixture
async def sipgate() -> AsyncIterator[SipgateServer]:
    async with serving(SipgateServer()) as receiver:
        yield receiver


@pytest.fixture
async def bitrix() -> AsyncIterator[Bitrix24]:
    async with serving(Bitrix24()) as receiver:
        yield receiver


def to_zammad(receiver: Zammad, **options: str) -> Teller:
    url = f"{receiver.url}/api/v1/cti/{{secret}}"
    return checked(
        Teller(ZammadFormat(), Target(url, TOKEN.encode(), {"own_number": "493023125741", **options}))
    )


def to_sipgate(receiver: SipgateServer, **options: str) -> Teller:
    return checked(
        Teller(Sipgate(), Target(f"{receiver.url}/", b"", {"own_number": "493023125741", **options}))
    )


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


def checked(teller: Teller) -> Teller:
    teller.format.check(teller.target)
    return teller


def reasons(replies: list[Reply]) -> list[str]:
    return [reply.reason for reply in replies if reply.reason]


# ── Zammad ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("story", IDS)
@pytest.mark.parametrize("at", ["offered", "ringing"])
async def test_zammad_is_told_each_story(zammad: Zammad, story: str, at: str) -> None:
    replies = await to_zammad(zammad, new_call_at=at).story(ALL[story])
    assert zammad.problems == []
    assert all(reply.accepted for reply in replies)
    assert all(call["state"] == "hangup" for call in zammad.calls.values())
    assert len(zammad.calls) == (2 if "transfer" in story else 1)


async def test_zammads_screen_pops_for_whoever_answers_and_again_for_whom_the_client_is_passed_on_to(
    zammad: Zammad,
) -> None:
    await to_zammad(zammad).story(ALL["in-blind-transfer"])
    assert zammad.popped == [("anna", "49211580040"), ("boris", "49211580040")]
    assert zammad.transcript == [
        f"newCall {CALL}",
        f"answer {CALL}",
        f"hangup {CALL} forwarded",
        f"newCall {CALL}-2",
        f"answer {CALL}-2",
        f"hangup {CALL}-2 normalClearing",
    ]


async def test_zammads_screen_pops_by_the_login_where_the_phone_is_in_no_profile(zammad: Zammad) -> None:
    zammad.phones = {}
    await to_zammad(zammad).story(ALL["in-known"])
    assert (zammad.popped, zammad.problems) == ([("anna", "49211580040")], [])


@pytest.mark.parametrize(
    ("story", "done"), [("in-known", True), ("in-abandoned", False), ("in-voicemail", False)]
)
async def test_what_was_missed_stays_to_be_done_in_zammad(zammad: Zammad, story: str, done: bool) -> None:
    await to_zammad(zammad).story(ALL[story])
    assert zammad.calls[CALL]["done"] is done


async def test_zammad_rejects_and_is_told_of_the_end_all_the_same(zammad: Zammad) -> None:
    zammad.blocked = ["49211580040"]
    replies = await to_zammad(zammad).story(ALL["in-rejected"])
    assert [reply.steer for reply in replies] == [Reject("busy"), None]
    assert zammad.transcript[-1] == f"hangup {CALL} busy"


async def test_zammad_gives_the_number_to_call_with(zammad: Zammad) -> None:
    zammad.caller_id = "493055571642"
    replies = await to_zammad(zammad).story(ALL["out-answered"])
    assert replies[0].steer == Dial("49211580040", "493055571642")
    assert zammad.problems == []


@pytest.mark.parametrize("story", ["in-known", "in-blind-transfer", "out-answered"])
@pytest.mark.parametrize("lost", [1, 2])
async def test_a_new_call_whose_reply_was_lost_is_no_second_one(
    zammad: Zammad, story: str, lost: int
) -> None:
    teller = to_zammad(zammad)
    teller.lost = lost
    replies = await teller.story(ALL[story])
    assert all(reply.accepted for reply in replies)
    assert zammad.problems == [f"call_id {CALL} already exists!"] * lost  # which counts as accepted


async def test_zammad_is_told_of_a_call_whose_beginning_it_did_not_hear_of(zammad: Zammad) -> None:
    await to_zammad(zammad).story(ALL["in-known"][2:])
    assert (zammad.problems, zammad.transcript[0]) == ([], f"newCall {CALL}")


async def test_zammad_that_has_forgotten_a_call_is_told_of_it_anew_once(zammad: Zammad) -> None:
    teller = to_zammad(zammad)
    await teller.story(ALL["in-known"][:2])
    zammad.calls.clear()
    await teller.story(ALL["in-known"][2:])
    assert zammad.problems == [f"No such call_id {CALL}"]
    assert zammad.calls[CALL]["state"] == "hangup"


async def test_zammad_that_hides_its_error_is_tried_again(zammad: Zammad) -> None:
    zammad.hides_errors = True
    teller = to_zammad(zammad)
    await teller.story(ALL["in-known"][:1])
    zammad.calls.clear()
    (reply,) = (await teller.story(ALL["in-known"][2:3]))[1:]
    assert (reply.accepted, reply.permanent) == (False, False)


async def test_zammads_wrong_token_and_missing_settings(zammad: Zammad) -> None:
    teller = to_zammad(zammad)
    teller.target = replace(teller.target, secret=b"another-token")
    (reply,) = await teller.story(ALL["in-known"][:1])
    assert (reply.accepted, reply.permanent) == (False, False)
    assert reply.reason == "HTTP 401: Invalid token, please contact your admin!"
    zammad.configured = False
    (reply,) = await to_zammad(zammad).story(ALL["in-known"][:1])
    assert reply.reason == "HTTP 422: Feature not configured, please contact your admin!"


# ── sipgate.io ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize("story", IDS)
@pytest.mark.parametrize("wants", [("answer", "hangup"), ("hangup",), ("answer",), ()])
async def test_sipgate_pushes_each_story_and_nothing_unsolicited(
    sipgate: SipgateServer, story: str, wants: tuple[str, ...]
) -> None:
    sipgate.wants = wants
    replies = await to_sipgate(sipgate).story(ALL[story])
    assert sipgate.problems == []
    assert all(reply.accepted for reply in replies)
    assert {line.split()[0] for line in sipgate.transcript} <= {"newCall", *wants}


async def test_a_transferred_call_is_a_new_one_with_the_old_ones_id(sipgate: SipgateServer) -> None:
    await to_sipgate(sipgate).story(ALL["in-attended-transfer"])
    assert sipgate.origins == {CALL: "", f"{CALL}-2": CALL}
    assert sipgate.transcript == [
        f"newCall {CALL}",
        f"answer {CALL} 1001",
        f"hangup {CALL} forwarded",
        f"newCall {CALL}-2 Борис Ли",
        f"answer {CALL}-2 1002",
        f"hangup {CALL}-2 normalClearing",
    ]


async def test_a_ring_group_is_named_whole_where_new_calls_are_told_at_the_ring(
    sipgate: SipgateServer,
) -> None:
    group = changed(ALL["in-ring-group"][3], id="evt_group")  # all three ring
    await to_sipgate(sipgate, new_call_at="ringing").story([group])
    assert sipgate.transcript == [f"newCall {CALL} Anna Petrova,Борис Ли,Carla O'Neil & Co"]


@pytest.mark.parametrize(
    ("action", "steer", "reason"),
    [
        ("<Reject/>", Reject("rejected"), ""),
        ('<Reject reason="busy"/>', Reject("busy"), ""),
        ("<Hangup/>", Reject("rejected"), ""),
        ("<Dial><Number>4915799912345</Number></Dial>", Dial("4915799912345"), ""),
        ('<Dial callerId="49301"><Number>49302</Number></Dial>', Dial("49302", "49301"), ""),
        (
            "<Dial><Number>49301</Number><Number>49302</Number></Dial>",
            Dial("49301"),
            "only the first of 2 numbers is dialled",
        ),
        ("<Dial><Voicemail/></Dial>", None, "Dial to Voicemail is not supported: not obeyed"),
        ("<Dial/>", None, "no number to dial: not obeyed"),
        ("<Play><Url>http://a/b.wav</Url></Play>", None, "Play is not supported: not obeyed"),
        ("<Gather/>", None, "Gather is not supported: not obeyed"),
    ],
)
async def test_what_sipgates_xml_asks_for(
    sipgate: SipgateServer, action: str, steer: object, reason: str
) -> None:
    sipgate.action = action
    (reply,) = await to_sipgate(sipgate).story(ALL["in-known"][:1])
    assert (reply.steer, reply.reason) == (steer, reason)


async def test_sipgates_answers_to_later_events_are_thrown_away(sipgate: SipgateServer) -> None:
    replies = await to_sipgate(sipgate).story(ALL["in-known"])  # each of them says Reject
    assert [reply.steer for reply in replies] == [None] * 3


# ── Placetel, Voys ───────────────────────────────────────────────────────────


@pytest.mark.parametrize("story", IDS)
async def test_placetel_notifies_of_each_story(story: str) -> None:
    async with serving(PlacetelReceiver()) as receiver:
        await checked(Teller(Placetel(), Target(f"{receiver.url}/", SECRET))).story(ALL[story])
    assert receiver.problems == []
    assert receiver.transcript[0].split()[0] == ("IncomingCall" if story.startswith("in") else "OutgoingCall")
    assert receiver.transcript[-1].startswith("HungUp")


async def test_placetels_signature_is_checked() -> None:
    async with serving(PlacetelReceiver()) as receiver:
        (reply,) = await Teller(Placetel(), Target(f"{receiver.url}/", b"another")).story(ALL["in-known"][:1])
    assert (receiver.problems, reply.accepted) == (["signature"], False)


@pytest.mark.parametrize(
    ("answer", "control", "steer"),
    [
        ('<Response><Reject reason="busy"/></Response>', "on", Reject("busy")),
        ('<Response><Queue id="sales"/></Response>', "on", ToQueue("sales")),
        (
            "<Response><Forward><Target><Number>49301</Number></Target></Forward></Response>",
            "on",
            Dial("49301"),
        ),
        ("<Response><Hangup/></Response>", "on", Reject("rejected")),
        ('<Response><Group id="1"/></Response>', "on", None),
        ("<Response><Reject/></Response>", "off", None),
    ],
)
async def test_placetels_answer_steers_where_that_is_asked_for(
    answer: str, control: str, steer: object
) -> None:
    async with serving(PlacetelReceiver(answer=answer)) as receiver:
        target = Target(f"{receiver.url}/", SECRET, {"control": control})
        (reply,) = await checked(Teller(Placetel(), target)).story(ALL["in-known"][:1])
    assert reply.steer == steer


@pytest.mark.parametrize("story", IDS)
async def test_voys_notifies_of_each_story(story: str) -> None:
    async with serving(VoysReceiver()) as receiver:
        await checked(Teller(Voys(), Target(f"{receiver.url}/"))).story(ALL[story])
    assert receiver.problems == []
    assert receiver.transcript[-1].startswith("ended")


async def test_voys_names_all_whose_phones_ring() -> None:
    async with serving(VoysReceiver()) as receiver:
        await Teller(Voys(), Target(f"{receiver.url}/")).story(ALL["in-ring-group"])
    assert receiver.transcript[3:] == [
        "ringing Anna Petrova Борис Ли Carla O'Neil & Co",
        "in-progress Борис Ли",
        "ended Борис Ли completed",
    ]


# ── Bitrix24 ─────────────────────────────────────────────────────────────────


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
    await to_bitrix(bitrix).story(ALL["in-blind-transfer"])
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
