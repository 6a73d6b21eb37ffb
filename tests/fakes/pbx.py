"""What the fake Asterisk is inside: channels, bridges, prompts and phones, and the events that they send.

Owns their state and what happens to it by itself; what requests do to it is ari_handlers.py's.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

NOW = "2026-11-23T10:00:00.000+0000"


class Phone(Enum):
    """What an agent's phone does with an INVITE. One that is not in ``phones`` is not registered."""

    ANSWERS = "answers"
    RINGS = "rings"
    EARLY_MEDIA = "183 instead of 180"
    BUSY = "busy"


@dataclass
class Request:
    operation: str
    ids: tuple[str, ...]
    query: dict[str, str]
    body: dict[str, Any]


@dataclass
class FakeChannel:
    id: str
    state: str
    args: list[str] = field(default_factory=list)
    number: str = ""
    name: str = ""
    endpoint: str = ""
    linkedid: str = ""  # "" for its own id
    in_app: bool = False
    bridge: str | None = None
    variables: dict[str, str] = field(default_factory=dict)
    prompts: list[str] = field(default_factory=list)
    music: str | None = None  # what it hears; also in a bridge, and instead of it
    music_next: list[str | None] = field(default_factory=list)  # once no prompt plays
    rings_back: bool = False  # it hears that a phone rings
    muted: bool = False
    timers: list[asyncio.TimerHandle] = field(default_factory=list)
    spied: str = ""  # the channel that it snoops on
    recorded_as: str = ""


@dataclass
class FakePlayback:
    id: str
    channel: str
    media: list[str]
    language: str
    state: str = "queued"


class Pbx(ABC):
    """The attributes in the first paragraph may be changed at any time."""

    def __init__(self, app: str) -> None:
        self.app = app
        self.version = "22.10.1"
        self.started_at = NOW
        self.phones: dict[str, Phone] = {}
        self.sounds = {"hello", "vm-goodbye", "callbridge/please-wait"}
        self.sound_seconds = 0.02
        self.global_variables: dict[str, str] = {}
        self.recordings: dict[str, bytes] = {}
        self.mute_arrivals = False  # a created leg never enters the application

        self.filters: list[dict[str, Any]] = []
        self.subscriptions: list[str] = []
        self.continued: dict[str, dict[str, str]] = {}
        self.channels: dict[str, FakeChannel] = {}
        self.bridges: dict[str, list[str]] = {}
        self.bridge_types: dict[str, str] = {}
        self.bridge_names: dict[str, str] = {}
        self.playbacks: dict[str, FakePlayback] = {}
        self._ids = 0
        self._tasks: set[asyncio.Task[None]] = set()

    @abstractmethod
    async def emit(self, type_: str, **fields: Any) -> None:
        """One event to the application."""

    # ── what a test lets happen ──────────────────────────────────────────────

    async def call_in(
        self,
        *,
        args: list[str] | None = None,
        number: str = "+79161234567",
        name: str = "Ivan",
        state: str = "Ring",
    ) -> str:
        channel = self._new_channel(state, number=number, name=name)
        await self._enter(channel, args or ["inbound", "+74950000001", "trunk", "allowed"])
        return channel.id

    async def press(self, channel_id: str, digit: str) -> None:
        channel = self.channels[channel_id]
        await self.emit("ChannelDtmfReceived", channel=self._shown(channel), digit=digit, duration_ms=100)

    async def hang_up(self, channel_id: str, cause: int = 16, tech_cause: int | None = None) -> None:
        channel = self.channels.pop(channel_id)
        for timer in channel.timers:
            timer.cancel()
        for prompt in channel.prompts:
            await self._finish(prompt, "failed")
        await self._leave_bridge(channel)
        if channel.recorded_as:
            live = {"name": channel.recorded_as, "format": "wav", "target_uri": f"channel:{channel_id}"}
            await self.emit("RecordingFinished", recording=live | {"state": "done"})
        if channel.in_app:
            await self.emit("StasisEnd", channel=self._shown(channel))
        extra = {} if tech_cause is None else {"tech_cause": tech_cause}
        await self.emit(
            "ChannelDestroyed", channel=self._shown(channel), cause=cause, cause_txt=f"cause {cause}", **extra
        )
        for snoop in [one.id for one in self.channels.values() if one.spied == channel_id]:
            await self.hang_up(snoop)

    async def answer_phone(self, channel_id: str) -> None:
        await self._set_state(self.channels[channel_id], "Up")

    # ── what happens by itself ───────────────────────────────────────────────

    def _new_channel(self, state: str, *, number: str, name: str) -> FakeChannel:
        self._ids += 1
        channel = FakeChannel(f"fake-1795000000.{self._ids}", state, number=number, name=name)
        self.channels[channel.id] = channel
        return channel

    async def _enter(self, channel: FakeChannel, args: list[str]) -> None:
        channel.in_app, channel.args = True, args
        await self.emit("StasisStart", channel=self._shown(channel), args=args)

    async def _set_state(self, channel: FakeChannel, state: str) -> None:
        channel.state = state
        if state == "Up":
            for timer in channel.timers:
                timer.cancel()
        await self.emit("ChannelStateChange", channel=self._shown(channel))

    async def _dialled(self, channel: FakeChannel, status: str) -> None:
        await self.emit("Dial", peer=self._shown(channel), dialstatus=status)

    async def _leave_bridge(self, channel: FakeChannel) -> None:
        bridge, channel.bridge = channel.bridge, None
        if bridge in self.bridges:
            self.bridges[bridge].remove(channel.id)
            await self.emit("ChannelLeftBridge", channel=self._shown(channel), bridge=self._bridge(bridge))

    def _later(self, channel: FakeChannel, seconds: float, action: Callable[[], Awaitable[None]]) -> None:
        async def act() -> None:
            if channel.id in self.channels:
                await action()

        def begin() -> None:
            task = asyncio.get_running_loop().create_task(act())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        channel.timers.append(asyncio.get_running_loop().call_later(seconds, begin))

    def _shown(self, channel: FakeChannel) -> dict[str, Any]:
        # A leg that was just created shows no application; a client's channel what its dialplan executes.
        executes = "Stasis" if channel.in_app else ("" if channel.endpoint else "Wait")
        return {
            "id": channel.id,
            "name": f"PJSIP/trunk-{channel.id}",
            "state": channel.state,
            "protocol_id": "",
            "caller": {"name": channel.name, "number": channel.number},
            "connected": {"name": "", "number": ""},
            "accountcode": "",
            "dialplan": {
                "context": "from-trunk",
                "exten": "s",
                "priority": 1,
                "app_name": executes,
                "app_data": ",".join([self.app, *channel.args]) if channel.in_app else "",
            },
            "creationtime": NOW,
            "language": "en",
            "channelvars": {
                "CHANNEL(linkedid)": channel.linkedid or channel.id,
                "CALLBRIDGE_CALL": channel.variables.get("CALLBRIDGE_CALL", ""),
                "CALLBRIDGE_STATE": "",
            },
        }

    async def _begin(self, channel: FakeChannel) -> None:
        playback = self.playbacks[channel.prompts[0]]
        playback.state = "playing"
        channel.music, channel.rings_back = None, False  # a prompt ends it, and does not begin it again
        await self.emit("PlaybackStarted", playback=self._playback(playback))
        last_is_missing = playback.media[-1].removeprefix("sound:") not in self.sounds
        seconds = self.sound_seconds * len(playback.media)
        self._later(
            channel, seconds, lambda: self._finish(playback.id, "failed" if last_is_missing else "done")
        )

    async def _finish(self, playback_id: str, state: str) -> None:
        playback = self.playbacks.pop(playback_id, None)
        if playback is None:
            return
        playback.state = state
        await self.emit("PlaybackFinished", playback=self._playback(playback))
        channel = self.channels.get(playback.channel)
        if channel is not None:
            was_first = channel.prompts[:1] == [playback_id]
            channel.prompts.remove(playback_id)
            if was_first and channel.prompts:
                await self._begin(channel)
            elif not channel.prompts and channel.music_next:
                channel.music = channel.music_next.pop()

    @staticmethod
    def _playback(playback: FakePlayback) -> dict[str, Any]:
        return {
            "id": playback.id,
            "media_uri": playback.media[0 if playback.state == "queued" else -1],
            "target_uri": f"channel:{playback.channel}",
            "language": playback.language,
            "state": playback.state,
        }

    def _bridge(self, bridge: str) -> dict[str, Any]:
        kind = self.bridge_types[bridge]
        return {
            "id": bridge,
            "technology": "simple_bridge",
            "bridge_type": kind,
            "bridge_class": "stasis",
            "creator": "Stasis",
            "name": self.bridge_names.get(bridge, ""),
            "channels": list(self.bridges[bridge]),
            "creationtime": NOW,
            "video_mode": "talker",
        }
