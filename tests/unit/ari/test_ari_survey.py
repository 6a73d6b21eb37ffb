"""A process that has just started: what it finds, and that it goes on as the one that made it would."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime

import pytest

from bridge.ari import AriLink
from bridge.centre.facts import CallOffered, Feature, FeatureDialled, LegEnded, LegJoined, LegRinging
from bridge.centre.ids import CallId, Endpoint, LegId, PromptId, agent_leg_id, prompt_id
from bridge.centre.orders import Answer, ClearCall, Connect, EnterWaitingRoom
from bridge.engine.ports import Survey
from tests.fakes.ari_calls import SUPPORT, connected, offered, play, ring, sent
from tests.fakes.asterisk import PASSWORD, USERNAME, FakeAsterisk, Phone
from tests.fakes.inbox import FactInbox, until
from tests.fakes.links import ari_link, running


class Successor:
    """A link of another process, with an inbox of its own."""

    def __init__(self, fake: FakeAsterisk) -> None:
        self.inbox = FactInbox()
        self.link = ari_link(fake.url, USERNAME, PASSWORD, self.inbox)


@pytest.fixture
async def first(fake: FakeAsterisk, inbox: FactInbox) -> AsyncIterator[AriLink]:
    """The process that will be killed: a second one takes the application from it."""
    link = ari_link(fake.url, USERNAME, PASSWORD, inbox)
    async with running(link):
        yield link


@pytest.fixture
def successor(fake: FakeAsterisk) -> Successor:
    return Successor(fake)


async def test_another_applications_bridge_is_not_ours_whatever_its_id(
    fake: FakeAsterisk, link: AriLink
) -> None:
    fake.bridges["1.1-talk"], fake.bridge_types["1.1-talk"] = [], "mixing"
    assert (await link.survey([])).bridges == {}


async def test_what_asterisk_has(
    fake: FakeAsterisk, first: AriLink, inbox: FactInbox, successor: Successor
) -> None:
    fake.phones["PJSIP/1002"] = Phone.RINGS
    fake.sound_seconds = 60
    talking = await connected(fake, first, inbox)
    menu = await offered(fake, inbox)
    await first.carry_out(play(menu, "hello"))
    await first.carry_out(play(menu, "hello", number=2))
    await first.carry_out(ring(menu, endpoint="PJSIP/1002"))
    dialling = await fake.call_in(args=["feature", "pause", "2"])
    stranger = fake._new_channel("Up", number="", name="")
    async with running(successor.link):
        asked = {prompt_id(menu, number): LegId(menu) for number in (1, 2, 3)}
        survey = await successor.link.survey(asked)
    assert survey.legs == {
        talking: "Ring",
        agent_leg_id(talking, 1): "Up",
        menu: "Ring",
        agent_leg_id(menu, 1): "Ringing",
        dialling: "Ring",
    }
    assert survey.bridges == {f"{talking}-talk": frozenset({talking, agent_leg_id(talking, 1)})}
    assert survey.channels == {*survey.legs, stranger.id}
    assert survey.calls == {talking, menu, dialling, stranger.id}
    assert list(survey.arrivals.values()) == [
        *inbox.of(CallOffered),
        *inbox.of(FeatureDialled),
    ]
    assert survey.arrivals[LegId(dialling)] == FeatureDialled(
        CallId(dialling),
        LegId(dialling),
        Endpoint(f"PJSIP/trunk-{dialling.rpartition('-')[0]}"),
        Feature.PAUSE,
        "2",
    )
    assert survey.playing == {prompt_id(menu, 1), prompt_id(menu, 2)}
    assert survey.started_at == datetime(2026, 11, 23, 10, tzinfo=UTC)


async def test_what_cannot_be_read_is_no_arrival_and_no_moment(
    fake: FakeAsterisk, successor: Successor
) -> None:
    call = await fake.call_in(args=["who", "knows"])
    fake.started_at = "yesterday"
    async with running(successor.link):
        survey = await successor.link.survey({})
    assert (survey.legs, survey.arrivals, survey.started_at) == ({call: "Ring"}, {}, None)


async def test_a_prompt_that_asterisk_will_not_tell_of_keeps_nobody_from_being_adopted(
    fake: FakeAsterisk, first: AriLink, inbox: FactInbox, successor: Successor
) -> None:
    call = await offered(fake, inbox)
    fake.failures["playbacks.get"] = (500, "")
    async with running(successor.link):
        survey = await successor.link.survey({prompt_id(call, 1): LegId(call)})
    assert not survey.playing
    assert set(survey.legs) == {call}


async def test_many_prompts_are_asked_for_a_few_at_a_time(fake: FakeAsterisk, successor: Successor) -> None:
    fake.delays["playbacks.get"] = 0.01
    prompts = {PromptId(f"1.{number}-prompt-1"): LegId(f"1.{number}") for number in range(200)}
    async with running(successor.link):
        assert (await successor.link.survey(prompts)).playing == frozenset()
    assert len(sent(fake, "playbacks.get")) == 200


async def test_connect_stops_what_an_earlier_process_plays(
    fake: FakeAsterisk, first: AriLink, inbox: FactInbox, successor: Successor
) -> None:
    fake.sound_seconds = 60
    fake.phones["PJSIP/1001"] = Phone.ANSWERS
    call = await offered(fake, inbox)
    await first.carry_out(EnterWaitingRoom(call, LegId(call), "jazz", SUPPORT))
    for number in (1, 2):
        await first.carry_out(play(call, "hello", number=number))
    await first.carry_out(ring(call))
    async with running(successor.link):
        await successor.link.survey({prompt_id(call, number): LegId(call) for number in (1, 2)})
        await successor.link.carry_out(Connect(call, LegId(call), agent_leg_id(call, 1)))
        await successor.inbox.wait(LegJoined, leg=call)
        assert fake.channels[call].music is None


async def test_who_waits_is_told_to_the_end_and_hears_his_music_again(
    fake: FakeAsterisk, first: AriLink, inbox: FactInbox, successor: Successor
) -> None:
    call = await offered(fake, inbox)
    enter = EnterWaitingRoom(call, LegId(call), "jazz", SUPPORT)
    await first.carry_out(enter)
    fake.sound_seconds = 60
    await first.carry_out(play(call, "hello"))
    fake.channels[call].music_next.clear()  # killed before it asked for the music behind the prompt
    async with running(successor.link):
        await successor.link.survey({prompt_id(call, 1): LegId(call)})
        await successor.link.carry_out(enter)
        await successor.link.carry_out(enter)
        assert fake.channels[call].prompts == [prompt_id(call, 1)]
        await fake._finish(prompt_id(call, 1), "done")
        await until(lambda: fake.channels[call].music == "jazz")
    assert sent(fake, "playbacks.stop") == []
    assert len(sent(fake, "bridges.removeChannel")) == 0  # there is no conversation


async def test_who_is_in_a_menu_hears_no_music_behind_what_is_said_to_him(
    fake: FakeAsterisk, first: AriLink, inbox: FactInbox, successor: Successor
) -> None:
    call = await offered(fake, inbox)
    async with running(successor.link):
        await successor.link.survey({})
        await successor.link.carry_out(play(call, "hello"))
        await until(lambda: not fake.channels[call].prompts)
    assert sent(fake, "channels.startMoh") == []


async def test_a_client_left_alone_in_his_conversation_waits_again(
    fake: FakeAsterisk, first: AriLink, inbox: FactInbox, successor: Successor
) -> None:
    call = await connected(fake, first, inbox)
    async with running(successor.link):
        await successor.link.survey({})
        await fake.hang_up(agent_leg_id(call, 1))
        await successor.link.carry_out(EnterWaitingRoom(call, LegId(call), "jazz", SUPPORT))
        assert (fake.bridges, fake.channels[call].music) == ({f"{call}-talk": []}, "jazz")


async def test_a_leg_that_was_made_and_never_dialled_is_dialled(
    fake: FakeAsterisk, first: AriLink, inbox: FactInbox, successor: Successor
) -> None:
    fake.phones["PJSIP/1001"] = Phone.RINGS
    call = await offered(fake, inbox)
    order = ring(call)
    first._interest.expect(order.leg, order.originator)
    await first._media._create(order)
    async with running(successor.link):
        await successor.link.survey({})
        await successor.link.carry_out(order)
        await successor.inbox.wait(LegRinging, leg=order.leg)
        await successor.link.survey({})
        await successor.link.carry_out(order)
    assert (len(sent(fake, "channels.create")), len(sent(fake, "channels.dial"))) == (1, 1)


@pytest.mark.parametrize("phone", [Phone.RINGS, Phone.ANSWERS])
async def test_a_leg_that_rings_or_is_up_is_not_dialled_again(
    fake: FakeAsterisk, first: AriLink, inbox: FactInbox, successor: Successor, phone: Phone
) -> None:
    fake.phones["PJSIP/1001"] = phone
    call = await offered(fake, inbox)
    await first.carry_out(ring(call))
    async with running(successor.link):
        await successor.link.survey({})
        await successor.link.carry_out(ring(call))
    assert (len(sent(fake, "channels.create")), len(sent(fake, "channels.dial"))) == (1, 1)
    assert agent_leg_id(call, 1) in fake.channels


async def test_clear_call_ends_what_an_earlier_process_made(
    fake: FakeAsterisk, first: AriLink, inbox: FactInbox, successor: Successor
) -> None:
    call = await connected(fake, first, inbox)
    async with running(successor.link):
        await successor.link.survey({})
        await successor.link.carry_out(ClearCall(call))
    assert (fake.bridges, set(fake.channels)) == ({}, {call})


async def test_a_client_is_followed_again(
    fake: FakeAsterisk, first: AriLink, inbox: FactInbox, successor: Successor
) -> None:
    call = await offered(fake, inbox)
    await until(lambda: len(fake.subscriptions) == 1)
    async with running(successor.link):
        for _ in range(2):
            await successor.link.survey({})
        await until(lambda: len(fake.subscriptions) == 2)
        await successor.link.carry_out(Answer(call, LegId(call)))
        await fake.hang_up(call)
        await successor.inbox.wait(LegEnded, leg=call)
    assert fake.subscriptions == [f"channel:{call}"] * 2


# ── arrivals while facts are held back ───────────────────────────────────────


async def test_a_client_found_before_his_event_was_read_is_told_once(
    fake: FakeAsterisk, inbox: FactInbox
) -> None:
    surveys: list[Survey] = []
    go_on = asyncio.Event()

    async def on_up() -> None:
        surveys.append(await link.survey({}))
        await go_on.wait()

    link = ari_link(fake.url, USERNAME, PASSWORD, inbox, on_up=on_up)
    channel = fake._new_channel("Ring", number="+79161234567", name="Ivan")
    channel.in_app, channel.args = True, ["inbound", "+74950000001", "trunk", "allowed"]
    async with running(link):
        await until(lambda: surveys)
        event = {"channel": fake._shown(channel), "args": channel.args}
        await fake.emit("StasisStart", **event)
        late = await fake.call_in()
        go_on.set()
        await inbox.wait(CallOffered, call=late)
        assert [fact.call for fact in inbox.of(CallOffered)] == [late]
        assert set(surveys[0].arrivals) == {channel.id}
        # Given back and sent again: that is a new arrival.
        await fake.emit("StasisEnd", channel=fake._shown(channel))
        await fake.emit("StasisStart", **event)
        await inbox.wait(CallOffered, call=channel.id)


async def unheard(fake: FakeAsterisk, link: AriLink, call: CallId) -> None:
    await until(lambda: fake.subscriptions)
    del fake.channels[call]


async def asked_for_in_vain(fake: FakeAsterisk, link: AriLink, call: CallId) -> None:
    del fake.channels[call]
    await until(lambda: link._held and isinstance(link._held[-1], LegEnded))


async def heard(fake: FakeAsterisk, link: AriLink, call: CallId) -> None:
    await until(lambda: fake.subscriptions)
    await fake.hang_up(call)
    await until(lambda: link._held and isinstance(link._held[-1], LegEnded))


@pytest.mark.parametrize("ends", [unheard, asked_for_in_vain, heard])
async def test_the_end_of_a_client_who_came_before_the_survey_is_told_once(
    fake: FakeAsterisk, inbox: FactInbox, ends: Callable[[FakeAsterisk, AriLink, CallId], Awaitable[None]]
) -> None:
    surveys: list[Survey] = []

    async def on_up() -> None:
        if ends is asked_for_in_vain:
            fake.failures["applications.subscribe"] = (404, "")
        call = await fake.call_in()
        await until(lambda: call in link._arrived)
        await ends(fake, link, call)
        surveys.append(await link.survey({}))

    link = ari_link(fake.url, USERNAME, PASSWORD, inbox, on_up=on_up)
    async with running(link):
        await inbox.wait(LegEnded)
        await until(lambda: link._held is None)
    assert [type(fact) for fact in inbox.facts] == [CallOffered, LegEnded]
    assert surveys[0].legs == {}
