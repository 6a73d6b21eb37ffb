"""The least that a queue on ARI takes: one event loop, no rule, no ticket, no recording. For comparison only.

It runs in a container like Callbridge's, for its aiohttp and its way to Asterisk. Every caller gets music in
one holding bridge; an agent whose leg is gone is given the first who waits, by create and dial at once.

    argv    JSON: {"url": Asterisk's HTTP address, "username", "app", "agents": [number, …]}
    stdin   the password on a line; its end means quit
    stdout  {"event": "up" | "asked", …} when create is sent: to which agent, the time in ns of CLOCK_REALTIME
"""

import asyncio
import json
import sys
import time
from collections import deque
from typing import Any

import aiohttp

WANTED = ("StasisStart", "ChannelStateChange", "ChannelDestroyed")


class Floor:
    def __init__(self, session: aiohttp.ClientSession, app: str, agents: list[str]) -> None:
        self.session = session
        self.app = app
        self.free = deque(agents)
        self.waiting: deque[str] = deque()
        self.legs: dict[str, tuple[str, str]] = {}  # agent's leg → agent, caller
        self.serial = 0
        self.tasks: set[asyncio.Task[None]] = set()

    async def ask(self, method: str, path: str, **query: str) -> int:
        async with self.session.request(method, f"/ari/{path}", params=query) as reply:
            await reply.read()
            return reply.status

    def start(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def match(self) -> None:
        while self.free and self.waiting:
            agent, caller = self.free.popleft(), self.waiting.popleft()
            self.serial += 1
            leg = f"{self.app}-{time.time_ns()}-{self.serial}"
            self.legs[leg] = agent, caller
            query = {"endpoint": f"PJSIP/{agent}", "app": self.app, "appArgs": "agent"}
            print(json.dumps({"event": "asked", "agent": agent, "at": time.time_ns()}), flush=True)
            self.start(self.create(leg, {**query, "channelId": leg, "originator": caller}))

    async def create(self, leg: str, query: dict[str, str]) -> None:
        if await self.ask("POST", "channels/create", **query) >= 300:
            agent, _ = self.legs.pop(leg)
            self.free.append(agent)
            self.match()

    async def wait(self, caller: str) -> None:
        await self.ask("POST", f"bridges/{self.app}/addChannel", channel=caller, role="holding_participant")

    async def connect(self, leg: str) -> None:
        bridge, caller = f"{leg}-bridge", self.legs[leg][1]
        await self.ask("POST", f"bridges/{bridge}", type="mixing")
        await self.ask("POST", f"bridges/{bridge}/addChannel", channel=f"{caller},{leg}")

    async def end(self, leg: str, caller: str) -> None:
        await self.ask("DELETE", f"channels/{caller}")
        await self.ask("DELETE", f"bridges/{leg}-bridge")

    def on_event(self, event: dict[str, Any]) -> None:
        channel = event.get("channel", {})
        one = channel.get("id", "")
        match event["type"]:
            case "StasisStart" if one in self.legs:
                self.start(self.dial(one))
            case "StasisStart":
                self.waiting.append(one)
                self.start(self.wait(one))
                self.match()
            case "ChannelStateChange" if one in self.legs and channel["state"] == "Up":
                self.start(self.connect(one))
            case "ChannelDestroyed" if one in self.legs:
                agent, caller = self.legs.pop(one)
                self.free.append(agent)
                self.match()
                self.start(self.end(one, caller))
            case "ChannelDestroyed" if one in self.waiting:
                self.waiting.remove(one)
            case _:
                pass

    async def dial(self, leg: str) -> None:
        await self.ask("POST", f"channels/{leg}/dial", timeout="20")


async def main() -> None:
    given = json.loads(sys.argv[1])
    login = aiohttp.encode_basic_auth(given["username"], sys.stdin.readline().strip())
    app = given["app"]
    async with aiohttp.ClientSession(given["url"], headers={"Authorization": login}) as session:
        floor = Floor(session, app, given["agents"])
        async with session.ws_connect("/ari/events", params={"app": app}) as socket:
            allowed = {"allowed": [{"type": name} for name in WANTED], "disallowed": []}
            async with session.put(f"/ari/applications/{app}/eventFilter", json=allowed) as reply:
                reply.raise_for_status()
            await floor.ask("POST", f"bridges/{app}", type="holding")
            print(json.dumps({"event": "up"}), flush=True)
            ended = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
            reading = asyncio.create_task(read(socket, floor))
            await asyncio.wait([ended, reading], return_when=asyncio.FIRST_COMPLETED)
            reading.cancel()
            await floor.ask("DELETE", f"bridges/{app}")


async def read(socket: aiohttp.ClientWebSocketResponse, floor: Floor) -> None:
    async for message in socket:
        floor.on_event(json.loads(message.data))


if __name__ == "__main__":
    asyncio.run(main())
