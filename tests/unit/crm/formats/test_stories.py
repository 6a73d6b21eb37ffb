"""Whole calls told over real HTTP to receivers that know their own rules: none is broken, none told twice."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from bridge.crm.formats import Dial, Reject, Target, ToQueue
from bridge.crm.formats.placetel import Placetel
from bridge.crm.formats.sipgate import Sipgate
from bridge.crm.formats.voys import Voys
from bridge.crm.formats.zammad import Zammad as ZammadFormat
from tests.fakes.call_stories import CALL, changed, stories
from tests.fakes.receivers.placetel import SECRET, PlacetelReceiver
from tests.fakes.receivers.receiver import serving
from tests.fakes.receivers.sipgate import SipgateServer
from tests.fakes.receivers.voys import VoysReceiver
from tests.fakes.receivers.zammad import TOKEN, Zammad
from tests.fakes.telling import Teller, checked

ALL = stories()
IDS = list(ALL)


@pytest.fixture
async def zammad() -> AsyncIterator[Zammad]:
    phones = {"1001": "anna", "1002": "boris", "1003": "carla"}
    async with serving(Zammad(phones=phones, logins=("anna", "boris"))) as receiver:
        yield receiver


@pytest.fixture
async def sipgate() -> AsyncIterator[SipgateServer]:
    async with serving(SipgateServer()) as receiver:
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
