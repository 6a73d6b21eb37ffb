"""What we wait for and what we started: arrivals, rings, prompts and music that play. Fed by every event.

Owns this memory only; it sends nothing and decides nothing. It is what makes an order that is sent twice
harmless where Asterisk itself would do it twice: a second dial kills the first one, a second play with the
same id plays again (22.10). Memory of a call goes when it is cleared.
"""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum

from bridge.ari import models
from bridge.ari.decoding import UnknownEvent
from bridge.centre.ids import (
    CallId,
    ConversationId,
    LegId,
    PromptId,
    call_of,
    conversation_id,
    is_dialled_leg,
    is_room,
)

_REMEMBERED_ENDS = 20_000
UNKNOWN_MUSIC = ""


class Arrival(Enum):
    """How the wait for a leg's StasisStart ended."""

    ENTERED = "it entered the application"
    ENDED = "the leg ended before it was dialled"
    CALLER_GONE = "the caller hung up before the phone was dialled"
    TAKEN_BACK = "the ring was taken back before the phone was dialled"
    LINK_LOST = "the link to ARI was lost before it entered the application"


class Prompt(Enum):
    RUNNING = "running"
    FINISHED = "finished"
    UNSURE = "unsure"  # the request failed in a way that leaves open whether it was carried out


@dataclass(slots=True)
class _Wait:
    originator: LegId
    future: "asyncio.Future[Arrival]"


@dataclass(slots=True)
class _Memory:
    """Of one call."""

    rung: set[LegId] = field(default_factory=set)
    made: set[LegId] = field(default_factory=set)  # and not known to ring; by whichever process
    alive: set[LegId] = field(default_factory=set)  # agents' legs that Asterisk may have
    prompts: dict[LegId, dict[PromptId, Prompt]] = field(default_factory=dict)
    music: dict[LegId, str] = field(default_factory=dict)
    wanted: dict[LegId, str] = field(default_factory=dict)  # the class that it was to be
    rings_back: set[LegId] = field(default_factory=set)
    rooms: set[ConversationId] = field(default_factory=set)  # bridges that it may have
    inside: set[str] = field(default_factory=set)  # channels that are in one of them, whoever's


@dataclass(slots=True)
class _Watcher:
    ear: LegId | None = None
    muted: bool | None = None  # None: not known


@dataclass(frozen=True, slots=True)
class Cleared:
    """What Asterisk may still have of a call that is forgotten now."""

    legs: tuple[LegId, ...]  # agents'
    rooms: tuple[ConversationId, ...]
    empty: bool  # all of these, as far as events have told


class Interest:
    def __init__(self) -> None:
        self._waits: dict[LegId, _Wait] = {}
        self._calls: dict[CallId, _Memory] = {}
        self._seats: dict[LegId, ConversationId] = {}  # where a leg was last brought to
        self._sitting: dict[ConversationId, set[LegId]] = {}  # the same, by room
        self._watchers: dict[LegId, _Watcher] = {}
        self._ended: dict[str, None] = {}  # channels that are gone and calls that are cleared; oldest first

    # ── arrivals ─────────────────────────────────────────────────────────────

    def begin(self, call: CallId) -> None:
        """Its client came to us just now: what is not remembered of it, it does not have."""
        self._calls.setdefault(call, _Memory())

    def expect(self, leg: LegId, originator: LegId) -> "asyncio.Future[Arrival]":
        """Register before the request goes out: the event can overtake its reply."""
        future: asyncio.Future[Arrival] = asyncio.get_running_loop().create_future()
        self._waits[leg] = _Wait(originator, future)
        if self.is_over(originator):
            future.set_result(Arrival.CALLER_GONE)
        return future

    def forget(self, leg: LegId) -> None:
        wait = self._waits.pop(leg, None)
        if wait is not None:
            wait.future.cancel()

    def take_back(self, leg: LegId) -> None:
        self._settle(leg, Arrival.TAKEN_BACK)

    def link_lost(self) -> None:
        """Nobody will tell whether they have come."""
        for leg in self._waits:
            self._settle(leg, Arrival.LINK_LOST)

    # ── rings ────────────────────────────────────────────────────────────────

    def begin_ring(self, leg: LegId) -> bool:
        """False when this leg was rung before: the order came twice."""
        memory = self._of(call_of(leg))
        if leg in memory.rung:
            return False
        memory.rung.add(leg)
        memory.alive.add(leg)
        return True

    def note_made(self, leg: LegId) -> None:
        """It is there, and not dialled."""
        memory = self._of(call_of(leg))
        memory.made.add(leg)
        memory.alive.add(leg)

    def has(self, leg: LegId) -> bool:
        """Whether it is made, dialled or not."""
        memory = self._of(call_of(leg))
        return leg in memory.made or leg in memory.rung

    def take_made(self, leg: LegId) -> bool:
        """Whether this leg is made and, as far as is known, not dialled; True once."""
        memory = self._of(call_of(leg))
        made = leg in memory.made
        memory.made.discard(leg)
        return made

    def ring_failed(self, leg: LegId, *, retryable: bool) -> None:
        memory = self._calls.get(call_of(leg))
        if memory is not None:
            memory.alive.discard(leg)
            if retryable:
                memory.rung.discard(leg)

    def adopt(
        self,
        legs: Mapping[LegId, str],
        bridges: Mapping[str, Collection[str]],
        playing: Mapping[PromptId, LegId],
    ) -> None:
        """What Asterisk has. A call that this process did not know, it has from now on."""
        known = set(self._calls)
        rooms: dict[CallId, list[ConversationId]] = {}
        for bridge in bridges:
            if is_room(bridge):
                rooms.setdefault(call_of(bridge), []).append(ConversationId(bridge))
        for leg, state in legs.items():
            call = call_of(leg)
            if self.is_over(leg) or self.is_over(call):
                continue
            memory = self._of(call)
            if is_dialled_leg(leg):
                memory.alive.add(leg)
                # One that was dialled and has not rung yet looks the same, and a second dial ends it. (22.10)
                if state == "Down" and leg not in memory.rung:
                    memory.made.add(leg)
                else:
                    memory.rung.add(leg)
            elif call not in known:
                memory.music[leg] = UNKNOWN_MUSIC
            for bridge in rooms.get(call, ()):
                memory.rooms.add(bridge)
                memory.inside.update(bridges[bridge])
                if leg in bridges[bridge]:
                    self.note_seat(leg, bridge)
        for prompt, leg in playing.items():
            if not self.is_over(leg):
                self.note_prompt(leg, prompt, Prompt.RUNNING)

    # ── prompts ──────────────────────────────────────────────────────────────

    def prompt(self, leg: LegId, prompt: PromptId) -> Prompt | None:
        memory = self._calls.get(call_of(leg))
        return memory.prompts.get(leg, {}).get(prompt) if memory is not None else None

    def note_prompt(self, leg: LegId, prompt: PromptId, state: Prompt) -> None:
        prompts = self._of(call_of(leg)).prompts.setdefault(leg, {})
        # PlaybackFinished may have come before the reply to the request that started it.
        if prompts.get(prompt) is not Prompt.FINISHED:
            prompts[prompt] = state

    def running_prompts(self, leg: LegId) -> tuple[PromptId, ...]:
        """The latest first: to stop those that are queued before they begin."""
        memory = self._calls.get(call_of(leg))
        prompts = memory.prompts.get(leg, {}) if memory is not None else {}
        return tuple(one for one, state in reversed(prompts.items()) if state is not Prompt.FINISHED)

    # ── music and bridges ────────────────────────────────────────────────────

    def music(self, leg: LegId) -> str | None:
        """The class that plays to it, or will again after its prompts; "" when only that it may is known."""
        memory = self._calls.get(call_of(leg))
        return memory.music.get(leg) if memory is not None else None

    def music_wanted(self, leg: LegId) -> str:
        """The class that it hears or was to hear; "" for none, or when it is not known."""
        memory = self._calls.get(call_of(leg))
        return memory.wanted.get(leg, "") if memory is not None else ""

    def note_music(self, leg: LegId, music: str | None, *, confirmed: bool = True) -> None:
        """Until it is confirmed it may play or not."""
        memory = self._of(call_of(leg))
        if music is None:
            memory.music.pop(leg, None)
            memory.wanted.pop(leg, None)
        else:
            memory.music[leg] = music if confirmed else UNKNOWN_MUSIC
            memory.wanted[leg] = music

    def rings_back(self, leg: LegId) -> bool:
        memory = self._calls.get(call_of(leg))
        return memory is not None and leg in memory.rings_back

    def note_ring_back(self, leg: LegId, *, rings: bool) -> None:
        memory = self._of(call_of(leg))
        if rings:
            memory.rings_back.add(leg)
        else:
            memory.rings_back.discard(leg)

    def note_room(self, call: CallId, room: ConversationId) -> None:
        self._of(call).rooms.add(room)

    def rooms(self, call: CallId) -> tuple[ConversationId, ...]:
        """Those that it may have. Of a call that we know nothing of, its own Conversation."""
        memory = self._calls.get(call)
        return (conversation_id(call),) if memory is None else tuple(sorted(memory.rooms))

    def note_seat(self, leg: LegId, room: ConversationId | None) -> None:
        """Before it is brought there: whether that succeeds is not known yet."""
        former = self._seats.pop(leg, None)
        if former is not None:
            self._sitting[former].discard(leg)
            if not self._sitting[former]:
                del self._sitting[former]
        if room is not None:
            self._seats[leg] = room
            self._sitting.setdefault(room, set()).add(leg)

    def seats(self, call: CallId, leg: LegId) -> tuple[ConversationId, ...]:
        """In which of the call's rooms it may be."""
        if call not in self._calls:
            return (conversation_id(call),)
        room = self._seats.get(leg)
        return () if room is None else (room,)

    def is_private(self, leg: LegId) -> bool:
        """Whether it has been brought to where somebody else is. A supervisor's digits are for us."""
        room = self._seats.get(leg)
        return room is not None and len(self._sitting[room]) > 1 and leg not in self._watchers

    # ── who listens to whom ──────────────────────────────────────────────────

    def note_watcher(self, leg: LegId) -> None:
        self._watchers.setdefault(leg, _Watcher())

    def hears(self, leg: LegId, ear: LegId) -> bool:
        """Whether it has been brought together with this ear, which lives."""
        watcher = self._watchers.get(leg)
        return watcher is not None and watcher.ear == ear and not self.is_over(ear)

    def note_ear(self, leg: LegId, ear: LegId | None) -> None:
        watcher = self._watchers.get(leg)
        if watcher is not None:
            watcher.ear = ear

    def is_muted(self, leg: LegId) -> bool | None:
        """None: an earlier process may have muted it."""
        watcher = self._watchers.get(leg)
        return watcher.muted if watcher is not None else None

    def note_muted(self, leg: LegId, *, muted: bool) -> None:
        watcher = self._watchers.get(leg)
        if watcher is not None:
            watcher.muted = muted

    # ── ends ─────────────────────────────────────────────────────────────────

    def is_over(self, channel_or_call: str) -> bool:
        return channel_or_call in self._ended

    def clear(self, call: CallId) -> Cleared:
        """Forget the call. Of one that we know nothing of, everything may be there."""
        memory = self._calls.pop(call, None)
        unknown = memory is None
        memory = memory or _Memory(rooms={conversation_id(call)})
        for room in memory.rooms:
            for leg in tuple(self._sitting.get(room, ())):
                self.note_seat(leg, None)
        # ChannelDestroyed comes when a channel has left its bridge.
        empty = not (unknown or memory.alive or memory.inside) and self.is_over(call)
        for leg in [leg for leg in self._waits if call_of(leg) == call]:
            self._settle(leg, Arrival.CALLER_GONE)
        self._note_end(call)
        return Cleared(tuple(sorted(memory.alive)), tuple(sorted(memory.rooms)), empty)

    def observe(self, event: models.AnyEvent | UnknownEvent) -> LegId | None:
        """Returns an agent's leg that entered the application with nobody waiting for it: a stray."""
        match event:
            case models.StasisStart(channel=channel) if not is_dialled_leg(LegId(channel.id)):
                self._ended.pop(channel.id, None)  # the dialplan may send a client to us a second time
                self._settle(LegId(channel.id), Arrival.ENTERED)  # a snoop
            case models.StasisStart(channel=channel):
                if LegId(channel.id) not in self._waits:
                    return LegId(channel.id)
                self._settle(LegId(channel.id), Arrival.ENTERED)
            case models.PlaybackFinished(playback=playback):
                leg = LegId(playback.target_uri.removeprefix("channel:"))
                if call_of(leg) in self._calls:
                    self.note_prompt(leg, PromptId(playback.id), Prompt.FINISHED)
            case models.ChannelEnteredBridge(channel=channel, bridge=bridge) if channel is not None:
                self._note_inside(channel.id, bridge.id, inside=True)
            case models.ChannelLeftBridge(channel=channel, bridge=bridge):
                self._note_inside(channel.id, bridge.id, inside=False)
            case models.ChannelDestroyed(channel=channel):
                self._destroyed(LegId(channel.id))
            case _:
                pass
        return None

    def _note_inside(self, channel_id: str, bridge_id: str, *, inside: bool) -> None:
        call = call_of(bridge_id)
        memory = self._calls.get(call)
        if memory is None or not is_room(bridge_id):
            return
        if inside:
            memory.inside.add(channel_id)
        else:
            memory.inside.discard(channel_id)

    def _destroyed(self, leg: LegId) -> None:
        self._note_end(leg)
        self.note_seat(leg, None)
        self._watchers.pop(leg, None)
        self._settle(leg, Arrival.ENDED)
        for other in [one for one, wait in self._waits.items() if wait.originator == leg]:
            self._settle(other, Arrival.CALLER_GONE)
        memory = self._calls.get(call_of(leg))
        if memory is not None:
            memory.alive.discard(leg)
            memory.prompts.pop(leg, None)
            memory.made.discard(leg)
            memory.music.pop(leg, None)
            memory.wanted.pop(leg, None)
            memory.rings_back.discard(leg)

    def _settle(self, leg: LegId, arrival: Arrival) -> None:
        wait = self._waits.get(leg)
        if wait is not None and not wait.future.done():
            wait.future.set_result(arrival)

    def _of(self, call: CallId) -> _Memory:
        return self._calls.setdefault(call, _Memory())

    def _note_end(self, one: str) -> None:
        self._ended[one] = None
        if len(self._ended) > _REMEMBERED_ENDS:
            del self._ended[next(iter(self._ended))]
