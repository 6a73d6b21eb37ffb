"""What Asterisk has at this moment: the channels in our application and how they came, bridges, prompts.

Owns the questions and how their answers fit together; what follows from them is the engine's.
"""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

import structlog

from bridge.ari import models
from bridge.ari.rest import Rest
from bridge.ari.stasis import BadArguments
from bridge.ari.translate import Arrived, arrived, leg_of
from bridge.centre.ids import LegId, PromptId, is_dialled_leg
from bridge.errors import Gone, Refused

log = structlog.get_logger(__name__)

_AT_ONCE = 50  # questions about prompts: each has a connection while it is out
_LINKED_ID = "CHANNEL(linkedid)"  # of ari.conf's channelvars
_PLAYING = ("queued", "playing", "continuing", "paused")


@dataclass(frozen=True, slots=True)
class Found:
    """``legs`` and ``bridges``: our application's; ``arrivals``: in the order in which they came."""

    legs: Mapping[LegId, str]
    bridges: Mapping[str, frozenset[str]]
    channels: frozenset[str]
    calls: frozenset[str]
    arrivals: Mapping[LegId, Arrived]
    playing: frozenset[PromptId]
    started_at: datetime | None


async def find(rest: Rest, app: str, prompts: Collection[PromptId]) -> Found:
    """Raises RemoteError when a part of it cannot be had."""
    application, channels, bridges, info, playing = await asyncio.gather(
        rest.get(models.Application, "applications.get", app),
        rest.get(list[models.Channel], "channels.list"),
        rest.get(list[models.Bridge], "bridges.list"),
        rest.get(models.AsteriskInfo, "asterisk.getInfo"),
        _playing(rest, prompts),
    )
    ours = sorted(_ours(application, channels), key=lambda one: one.creationtime)
    return Found(
        legs={LegId(one.id): one.state for one in ours},
        bridges={bridge.id: frozenset(bridge.channels) for bridge in bridges if bridge.name == app},
        channels=frozenset(one.id for one in channels),
        calls=frozenset(_linked(one) for one in channels),
        arrivals=_arrivals(ours, app),
        playing=playing,
        started_at=_moment(info.status.startup_time) if info.status is not None else None,
    )


def _ours(application: models.Application, channels: list[models.Channel]) -> list[models.Channel]:
    # The application's own list is not enough: a client who went back to the dialplan may stay in it (22.10).
    # Nor is what a channel executes: an agent's leg that has just been made executes nothing that is shown.
    subscribed = set(application.channel_ids)
    return [
        one
        for one in channels
        if one.id in subscribed
        and leg_of(one.id) is not None
        and (is_dialled_leg(LegId(one.id)) or one.dialplan.app_name == "Stasis")
    ]


def _linked(channel: models.Channel) -> str:
    return str((channel.channelvars or {}).get(_LINKED_ID) or channel.id)


def _arrivals(ours: list[models.Channel], app: str) -> dict[LegId, Arrived]:
    """What their StasisStart told, once: the dialplan's own arguments are still there (22.10)."""
    arrivals: dict[LegId, Arrived] = {}
    for channel in ours:
        name, *args = channel.dialplan.app_data.split(",")
        if name != app or is_dialled_leg(LegId(channel.id)):
            continue
        try:
            fact = arrived(channel, args)
        except BadArguments as error:
            log.error(
                "channel is not served", action="ari.arguments", channel_id=channel.id, error=str(error)
            )
            continue
        if fact is not None:
            arrivals[fact.leg] = fact
    return arrivals


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)  # 2026-11-23T10:00:00.000+0000
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


async def _playing(rest: Rest, prompts: Collection[PromptId]) -> frozenset[PromptId]:
    slots = asyncio.Semaphore(_AT_ONCE)

    async def plays(prompt: PromptId) -> bool:
        async with slots:
            try:
                return (await rest.get(models.Playback, "playbacks.get", prompt)).state in _PLAYING
            except Gone:
                return False
            except Refused as error:
                # One prompt must not keep all calls from being adopted.
                log.error(
                    "a prompt's state is unknown", action="ari.survey", prompt_id=prompt, error=str(error)
                )
                return False

    asked = list(prompts)
    answers = await asyncio.gather(*map(plays, asked))
    return frozenset(prompt for prompt, answer in zip(asked, answers, strict=True) if answer)
