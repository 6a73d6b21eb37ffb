"""A session of its own that says what Asterisk's queues are, whatever the adapter believes."""

import asyncio
import time
import uuid

from bridge.ami.headers import Headers, read
from bridge.ami.listener import Listener
from bridge.ami.messages import QueueMember, QueueStatusComplete
from bridge.ami.native_queues import Had
from tests.unit.ami.fake_ami import until

Members = dict[str, dict[str, Had]]


class Witness:
    def __init__(self, host: str, port: int, username: str = "callbridge") -> None:
        self._lists: dict[str, Members] = {}
        self._ended: set[str] = set()
        self.listener = Listener(
            host=host, port=port, username=username, secret="right", handle=self._take, on_login=self._nothing
        )

    async def _take(self, headers: Headers) -> None:
        match read(headers):
            case QueueMember(list_id, queue, phone, penalty, is_paused, reason, dynamic):
                members = self._lists.setdefault(list_id, {}).setdefault(queue, {})
                members[phone] = Had(penalty, is_paused, reason, dynamic)
            case QueueStatusComplete(list_id):
                self._ended.add(list_id)
            case _:
                pass

    async def _nothing(self) -> None:
        pass

    async def members(self) -> Members:
        list_id = f"witness-{uuid.uuid4().hex}"
        await self.listener.ask("QueueStatus", ActionID=list_id)
        await until(lambda: list_id in self._ended)
        return self._lists.get(list_id, {})

    async def sees(self, expected: Members) -> None:
        deadline = time.monotonic() + 10
        while (seen := await self.members()) != expected:
            assert time.monotonic() < deadline, f"Asterisk has {seen}"
            await asyncio.sleep(0.02)
