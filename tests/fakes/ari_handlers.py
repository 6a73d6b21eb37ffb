"""ARI's operations on the fake Asterisk, one method each, named as in the table of operations.

Owns the replies that our requests rely on, as tests/contract finds them in a real Asterisk.
"""

import asyncio
import re
from typing import Any

from aiohttp import web

from tests.fakes.pbx import NOW, FakeChannel, FakePlayback, Pbx, Phone, Request

_NOT_IN_APP = "Channel not in Stasis application"


class AriHandlers(Pbx):
    # ── asterisk, applications ───────────────────────────────────────────────

    async def _asterisk_getInfo(self, _: Request) -> web.Response:
        system = {"version": self.version, "entity_id": "fake"}
        status = {"startup_time": self.started_at, "last_reload_time": self.started_at}
        return web.json_response({"system": system, "status": status})

    async def _asterisk_ping(self, _: Request) -> web.Response:
        return web.json_response({"ping": "pong", "timestamp": NOW, "asterisk_id": "fake"})

    async def _asterisk_getGlobalVar(self, request: Request) -> web.Response:
        return web.json_response({"value": self.global_variables.get(request.query["variable"], "")})

    async def _asterisk_setGlobalVar(self, request: Request) -> web.Response:
        self.global_variables[request.query["variable"]] = request.query["value"]
        return _done()

    async def _applications_get(self, request: Request) -> web.Response:
        if request.ids != (self.app,):
            return refusal(404, "Application not found")
        return web.json_response(self._application())

    async def _applications_filter(self, request: Request) -> web.Response:
        self.filters.append(request.body)
        return web.json_response(self._application())

    async def _applications_subscribe(self, request: Request) -> web.Response:
        source = request.query["eventSource"]
        if source.removeprefix("channel:") not in self.channels:
            return refusal(404, "Event source does not exist")
        self.subscriptions.append(source)
        return web.json_response(self._application())

    def _application(self) -> dict[str, Any]:
        return {
            "name": self.app,
            "channel_ids": [one.id for one in self.channels.values() if one.in_app],
            "bridge_ids": list(self.bridges),
            "endpoint_ids": [],
            "device_names": [],
            "events_allowed": [],
            "events_disallowed": [],
        }

    # ── channels ─────────────────────────────────────────────────────────────

    async def _channels_list(self, _: Request) -> web.Response:
        return web.json_response([self._shown(one) for one in self.channels.values()])

    async def _channels_get(self, request: Request) -> web.Response:
        channel = self.channels.get(request.ids[0])
        return web.json_response(self._shown(channel)) if channel else refusal(404, "Channel not found")

    async def _channels_originate(self, request: Request) -> web.Response:
        """Local/EXTEN@probe, whose other half runs ``extension``: what the contract's dialplan does."""
        exten = request.query["endpoint"].removeprefix("Local/").split("@")[0]
        presentation = "withheld" if exten == "withheld" else "allowed"
        args = ["inbound", "+74950000001", "trunk", presentation]
        found = re.fullmatch(r"(.*?) ?<(.*)>", request.query.get("callerId", ""))
        name, number = (found[1], found[2]) if found is not None else ("", "")
        channel = self._new_channel("Ring", number=number, name=name)
        channel.variables["probe"] = request.query.get("extension", "")
        await self._enter(channel, ["who", "knows"] if exten == "malformed" else args)
        return web.json_response(self._shown(channel))

    async def _channels_create(self, request: Request) -> web.Response:
        query = request.query
        # It compares no further than the new id goes (22.10).
        if any(living.startswith(query["channelId"]) for living in self.channels):
            return refusal(409, "Channel with given unique ID already exists")
        if query["endpoint"] not in self.phones:
            return web.json_response({"error": "Allocation failed"}, status=500)
        channel = FakeChannel(query["channelId"], "Down", endpoint=query["endpoint"])
        channel.linkedid = query.get("originator", "")
        channel.variables = dict(request.body.get("variables", {}))
        self.channels[channel.id] = channel
        if not self.mute_arrivals:
            # Before the reply: an event may overtake it.
            await self._enter(channel, query["appArgs"].split(","))
        return web.json_response(self._shown(channel))

    async def _channels_dial(self, request: Request) -> web.Response:
        channel = self.channels.get(request.ids[0])
        if channel is None:
            return refusal(404, "Channel not found")
        if not channel.in_app:
            return refusal(409, _NOT_IN_APP)
        if channel.state != "Down":
            await self.hang_up(channel.id)  # a second dial kills the first
            return _done()
        seconds = float(request.query["timeout"])
        self._later(channel, seconds, lambda: self.hang_up(channel.id, 19, 480))
        await self._dialled(channel, "")
        match self.phones[channel.endpoint]:
            case Phone.BUSY:
                await self.hang_up(channel.id, 17, 486)
            case Phone.EARLY_MEDIA:
                await self._dialled(channel, "PROGRESS")
            case behaviour:
                await self._dialled(channel, "RINGING")
                await self._set_state(channel, "Ringing")
                if behaviour is Phone.ANSWERS:
                    await self._set_state(channel, "Up")
        return _done()

    async def _channels_answer(self, request: Request) -> web.Response:
        channel = self.channels.get(request.ids[0])
        if channel is None:
            return refusal(404, "Channel not found")
        if not channel.in_app:
            return refusal(409, _NOT_IN_APP)
        if channel.state != "Up":
            await self._set_state(channel, "Up")
            if channel.variables.get("probe") == "dtmf":
                self._later(channel, 0.01, lambda: self.press(channel.id, "5"))
        return _done()

    async def _channels_hangup(self, request: Request) -> web.Response:
        if request.ids[0] not in self.channels:
            return refusal(404, "Channel not found")
        reason = request.query.get("reason", "")
        cause = {"answered_elsewhere": 26, "no_answer": 19}.get(
            reason, int(request.query.get("reason_code", 16))
        )
        await self.hang_up(request.ids[0], cause)
        return _done()

    async def _channels_continueInDialplan(self, request: Request) -> web.Response:
        channel = self.channels.get(request.ids[0])
        if channel is None:
            return refusal(404, "Channel not found")
        if not channel.in_app:
            return refusal(409, _NOT_IN_APP)
        channel.in_app = False
        self.continued[channel.id] = request.query
        await self._leave_bridge(channel)
        await self.emit("StasisEnd", channel=self._shown(channel))
        return _done()

    async def _channels_setChannelVar(self, request: Request) -> web.Response:
        channel = self.channels.get(request.ids[0])
        if channel is None:
            return refusal(404, "Channel not found")
        channel.variables[request.query["variable"]] = request.query["value"]
        return _done()

    async def _channels_getChannelVar(self, request: Request) -> web.Response:
        channel = self.channels.get(request.ids[0])
        if channel is None:
            return refusal(404, "Channel not found")
        value = channel.variables.get(request.query["variable"])
        if value is None:
            return refusal(404, "Provided variable was not found")
        return web.json_response({"value": value})

    async def _channels_snoopChannelWithId(self, request: Request) -> web.Response:
        spied, snoop = request.ids
        if spied not in self.channels:
            return refusal(404, "Channel not found")
        if snoop in self.channels:
            return refusal(500, "Snoop channel could not be created")
        channel = FakeChannel(snoop, "Up", spied=spied)
        self.channels[snoop] = channel
        if not self.mute_arrivals:
            await self._enter(channel, request.query["appArgs"].split(","))
        return web.json_response(self._shown(channel))

    async def _channels_record(self, request: Request) -> web.Response:
        channel = self.channels.get(request.ids[0])
        if channel is None:
            return refusal(404, "Channel not found")
        name = request.query["name"]
        if name in self.recordings:
            return refusal(409, f"Recording '{name}' already exists and can not be overwritten")
        channel.recorded_as = name
        self.recordings[name] = b""
        live = {"name": name, "format": "wav", "target_uri": f"channel:{channel.id}", "state": "queued"}
        return web.json_response(live, status=201)

    async def _channels_startMoh(self, request: Request) -> web.Response:
        return await self._moh(request, request.query.get("mohClass", "default"))

    async def _channels_stopMoh(self, request: Request) -> web.Response:
        return await self._moh(request, None)

    async def _moh(self, request: Request, music: str | None) -> web.Response:
        channel = self.channels.get(request.ids[0])
        if channel is None:
            return refusal(404, "Channel not found")
        if not channel.in_app:
            return refusal(409, _NOT_IN_APP)
        # Commands of one channel come one after another: this one waits for the prompts before it.
        if channel.prompts:
            channel.music_next = [music]
        else:
            channel.music = music
            channel.rings_back = False  # one thing at a time plays to a channel
        return _done()

    async def _channels_ring(self, request: Request) -> web.Response:
        return await self._indicate(request, rings_back=True)

    async def _channels_ringStop(self, request: Request) -> web.Response:
        return await self._indicate(request, rings_back=False)

    async def _channels_mute(self, request: Request) -> web.Response:
        return await self._indicate(request, muted=True)

    async def _channels_unmute(self, request: Request) -> web.Response:
        return await self._indicate(request, muted=False)

    async def _indicate(
        self, request: Request, *, rings_back: bool | None = None, muted: bool | None = None
    ) -> web.Response:
        """Twice the same is no error (22.10)."""
        channel = self.channels.get(request.ids[0])
        if channel is None:
            return refusal(404, "Channel not found")
        if not channel.in_app:
            return refusal(409, _NOT_IN_APP)
        channel.rings_back = channel.rings_back if rings_back is None else rings_back
        channel.music = None if rings_back else channel.music
        channel.muted = channel.muted if muted is None else muted
        return _done()

    # ── playbacks ────────────────────────────────────────────────────────────

    async def _channels_playWithId(self, request: Request) -> web.Response:
        channel = self.channels.get(request.ids[0])
        if channel is None:
            return refusal(404, "Channel not found")
        if not channel.in_app:
            return refusal(409, _NOT_IN_APP)
        media = request.query["media"].split(",")
        playback = FakePlayback(request.ids[1], channel.id, media, request.query.get("lang", "en"))
        self.playbacks[playback.id] = playback
        channel.prompts.append(playback.id)
        if len(channel.prompts) == 1:
            await self._begin(channel)
        return web.json_response(self._playback(playback), status=201)

    async def _playbacks_get(self, request: Request) -> web.Response:
        playback = self.playbacks.get(request.ids[0])
        return web.json_response(self._playback(playback)) if playback else refusal(404, "Playback not found")

    async def _playbacks_stop(self, request: Request) -> web.Response:
        playback = self.playbacks.get(request.ids[0])
        if playback is None:
            return refusal(404, "Playback not found")
        await self._finish(playback.id, "done")
        return _done()

    # ── bridges ──────────────────────────────────────────────────────────────

    async def _bridges_list(self, _: Request) -> web.Response:
        return web.json_response([self._bridge(one) for one in self.bridges])

    async def _bridges_get(self, request: Request) -> web.Response:
        if request.ids[0] not in self.bridges:
            return refusal(404, "Bridge not found")
        return web.json_response(self._bridge(request.ids[0]))

    async def _bridges_createWithId(self, request: Request) -> web.Response:
        bridge = request.ids[0]
        if bridge in self.bridges:
            return refusal(409, f"Bridge with id '{bridge}' already exists")
        if bridge in self.bridge_types:  # somebody else's request makes it just now
            return refusal(500, "Unable to create bridge")
        self.bridge_types[bridge] = request.query["type"]
        self.bridge_names[bridge] = request.query.get("name", "")
        await asyncio.sleep(0.002)
        self.bridges[bridge] = []
        return web.json_response(self._bridge(bridge))

    async def _bridges_addChannel(self, request: Request) -> web.Response:
        bridge = request.ids[0]
        if bridge not in self.bridges:
            return refusal(404, "Bridge not found")
        names = request.query["channel"].split(",")
        channels = [self.channels[one] for one in names if one in self.channels]
        if len(channels) < len(names):
            return refusal(400, "Channel not found")
        if not all(one.in_app for one in channels):
            return refusal(422, _NOT_IN_APP)
        for channel in channels:
            while channel.prompts:  # the command waits for the prompts
                await asyncio.sleep(0.005)
            await self._leave_bridge(channel)
            channel.bridge = bridge
            self.bridges[bridge].append(channel.id)
            await self.emit("ChannelEnteredBridge", channel=self._shown(channel), bridge=self._bridge(bridge))
        return _done()

    async def _bridges_removeChannel(self, request: Request) -> web.Response:
        if request.ids[0] not in self.bridges:
            return refusal(404, "Bridge not found")
        channel = self.channels.get(request.query["channel"])
        if channel is None:
            return refusal(400, "Channel not found")
        if channel.bridge != request.ids[0]:
            return refusal(422, "Channel not in this bridge")
        await self._leave_bridge(channel)
        return _done()

    async def _bridges_destroy(self, request: Request) -> web.Response:
        bridge = request.ids[0]
        if bridge not in self.bridges:
            return refusal(404, "Bridge not found")
        for one in list(self.bridges[bridge]):
            await self._leave_bridge(self.channels[one])
        del self.bridges[bridge], self.bridge_types[bridge]
        return _done()

    # ── recordings ───────────────────────────────────────────────────────────

    async def _recordings_listStored(self, _: Request) -> web.Response:
        return web.json_response([{"name": name, "format": "wav"} for name in sorted(self.recordings)])

    async def _recordings_getStoredFile(self, request: Request) -> web.Response:
        if request.ids[0] not in self.recordings:
            return refusal(404, "Recording not found")
        return web.Response(body=self.recordings[request.ids[0]], content_type="audio/wav")

    async def _recordings_deleteStored(self, request: Request) -> web.Response:
        if self.recordings.pop(request.ids[0], None) is None:
            return refusal(404, "Recording not found")
        return _done()


def refusal(status: int, message: str) -> web.Response:
    return web.json_response({"message": message}, status=status)


def _done() -> web.Response:
    return web.Response(status=204)
