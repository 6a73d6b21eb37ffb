"""What one leg hears from us: prompts, music, and that a phone rings. Owns how they start, stop and follow.

Asterisk plays one thing at a time to a channel: a prompt ends the music, and music that is asked for while a
prompt plays begins after it (22.10).
"""

import asyncio
import re

import structlog

from bridge.ari.interest import Interest, Prompt
from bridge.ari.rest import Rest
from bridge.centre.ids import LegId, PromptId
from bridge.centre.orders import Play
from bridge.errors import Gone, InternalError, LinkDown, Refused, RemoteError, RequestTimeout

log = structlog.get_logger(__name__)

_NOT_NOW = 500
_STOP_PAUSES = (0.005, 0.02, 0.05, 0.1, 0.2)  # seconds
_SOUND = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]*")


class Sounds:
    def __init__(self, rest: Rest, interest: Interest) -> None:
        self._rest = rest
        self._interest = interest

    async def play(self, order: Play) -> None:
        wrong = [sound for sound in order.sounds if not _SOUND.fullmatch(sound) or ".." in sound]
        if wrong or not order.sounds:
            raise InternalError(f"{order.prompt}: no sound to play, or no name of a sound: {wrong!r:.200}")
        match self._interest.prompt(order.leg, order.prompt):
            case Prompt.RUNNING | Prompt.FINISHED:
                return
            case Prompt.UNSURE if await self._exists("playbacks.get", order.prompt):
                return
            case _:
                pass
        self._interest.note_prompt(order.leg, order.prompt, Prompt.RUNNING)
        media = ",".join(f"sound:{sound}" for sound in order.sounds)
        query = {"media": media, "lang": order.language}
        try:
            await self._rest.call("channels.playWithId", order.leg, order.prompt, query=query)
        except (RequestTimeout, LinkDown):
            self._interest.note_prompt(order.leg, order.prompt, Prompt.UNSURE)
            await self._music_again(order.leg)
            raise
        except RemoteError:
            self._interest.note_prompt(order.leg, order.prompt, Prompt.FINISHED)
            raise
        await self._music_again(order.leg)

    async def _music_again(self, leg: LegId) -> None:
        """Behind a prompt, which ends it. Asked for while one plays, it starts when that has ended."""
        music = self._interest.music_wanted(leg)
        if music:
            await self.start_music(leg, music)

    async def start_music(self, leg: LegId, music: str) -> None:
        self._interest.note_music(leg, music, confirmed=False)
        await self._rest.call("channels.startMoh", leg, query={"mohClass": music})
        self._interest.note_music(leg, music)

    async def silence(self, leg: LegId) -> None:
        """Stop what plays.

        A channel's next command, addChannel above all, waits for the prompt's end; and music goes on in a
        bridge, where nobody else would be heard (22.10).
        """
        for prompt in self._interest.running_prompts(leg):
            await self.stop_prompt(prompt)
        if self._interest.music(leg) is not None:
            await self._rest.call("channels.stopMoh", leg)
            self._interest.note_music(leg, None)
        if self._interest.rings_back(leg):
            await self._rest.call("channels.ringStop", leg)
            self._interest.note_ring_back(leg, rings=False)

    async def stop_prompt(self, prompt: PromptId) -> None:
        # Between two sounds of a list Asterisk cannot stop it and says 500 (22.10): a moment later it can.
        for pause in _STOP_PAUSES:
            try:
                return await self._rest.unless_gone("playbacks.stop", prompt)
            except Refused as error:
                if error.status != _NOT_NOW:
                    raise
            await asyncio.sleep(pause)
        log.warning("prompt could not be stopped", action="ari.stop_prompt", prompt_id=prompt)
        return None

    async def ring_back(self, leg: LegId) -> None:
        """The tone of a phone that rings, on a leg that is up."""
        self._interest.note_ring_back(leg, rings=True)
        await self._rest.call("channels.ring", leg)

    async def _exists(self, operation: str, one: str) -> bool:
        try:
            await self._rest.call(operation, one)
        except Gone:
            return False
        return True
