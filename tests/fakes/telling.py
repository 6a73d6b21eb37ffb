"""Tells a receiver over real HTTP, in order, step by step, with the state kept: what the delivery does."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import aiohttp

from bridge.crm.formats import Format, Reply, State, Target, Upload
from bridge.crm.outside import Request, Response
from bridge.crm.told import Told

_MOST_REQUESTS = 12  # of one event: more is a format that goes round in circles


@dataclass
class Teller:
    """``lost`` is how many replies are lost next: each request is sent again with the state as it was."""

    format: Format
    target: Target
    state: State = field(default_factory=dict)
    lost: int = 0
    recording: bytes = b"RIFF"
    replies: list[Reply] = field(default_factory=list)

    async def story(self, events: Sequence[Told]) -> list[Reply]:
        async with aiohttp.ClientSession() as session:
            for told in events:
                await self.tell(told, session)
        return self.replies

    async def tell(self, told: Told, session: aiohttp.ClientSession, now: datetime | None = None) -> None:
        step = 0
        for _ in range(_MOST_REQUESTS):
            moment = now or told.at + timedelta(milliseconds=20)
            request = self.format.request(told, self.target, self.state, step, moment)
            if request is None:
                return
            response = await self._sent(request, session)
            if self.lost:
                self.lost -= 1
                continue
            reply = self.format.reply(told, self.target, self.state, step, response)
            self.replies.append(reply)
            if reply.state is not None:
                self.state = reply.state
            if reply.secret is not None:
                self.target = replace(self.target, secret=reply.secret)
            if reply.accepted:
                step += 1
            elif not reply.again:
                return
        raise AssertionError(f"{self.format.name}: {told.type} has no end")

    async def _sent(self, request: Request, session: aiohttp.ClientSession) -> Response:
        data: bytes | aiohttp.FormData = request.body
        if isinstance(request, Upload):
            data = aiohttp.FormData()
            data.add_field(request.form_field, self.recording, filename=request.file_name)
        async with session.request(
            request.method, request.url, data=data, headers=request.headers, allow_redirects=False
        ) as response:
            headers = {name.lower(): value for name, value in response.headers.items()}
            return Response(response.status, headers, await response.read())


def checked(teller: Teller) -> Teller:
    """Raises BadInput for what no engineer could have subscribed either."""
    teller.format.check(teller.target)
    return teller
