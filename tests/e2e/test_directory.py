"""A directory that takes its time: the phone rings all the same, and the card fills in when it answers."""

import asyncio
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from playwright.async_api import Browser, expect

from tests.e2e.neighbours import neighbours
from tests.e2e.parts import Api, Lab, caller, log_in, phone
from tests.e2e.scene import stranger
from tests.e2e.test_one_call import CARD, SUPPORT
from tests.fakes.receivers.receiver import Receiver, serving

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(180)]

ANNA = "1001"
NAME, PAGE = "Зоя Петровна", "https://book.example/z"


@dataclass
class Book(Receiver):
    """It knows everybody, and answers when it is let."""

    asked: asyncio.Event = field(default_factory=asyncio.Event)
    let: asyncio.Event = field(default_factory=asyncio.Event)

    def add_routes(self, router: web.UrlDispatcher) -> None:
        router.add_get("/clients", self._find)

    async def _find(self, request: web.Request) -> web.Response:
        self.transcript.append(request.query["phone"])
        self.asked.set()
        await self.let.wait()
        client = {"id": f"z{request.query['phone']}", "name": NAME, "url": PAGE}
        return web.json_response([client])


def directory(port: int) -> str:
    url = f"http://{{host}}:{port}/clients?phone={{e164}}"
    return f'directories: {{book: {{title: Книга, url: "{url}", seconds: 20, answer: {{url: url}}}}}}\n'


async def test_the_phone_rings_before_it_answers(lab: Lab, api: Api, chromium: Browser) -> None:
    number = stranger()
    book = Book()
    async with neighbours(lab) as host, serving(book, host):
        pass
    port = int(book.url.rpartition(":")[2])
    async with (
        neighbours(lab, directory(port)) as host,
        serving(book, host, port),
        phone(lab, ANNA, answer=None) as hers,
    ):
        await api.agent_is(ANNA, "ready")
        page = await log_in(chromium, lab, ANNA)
        card = page.locator(CARD)
        async with caller(lab, SUPPORT, number=number, talk=4) as client:
            await hers.event("incoming")
            await expect(card).to_contain_text(number[-2:])
            await book.asked.wait()
            await hers.do(do="answer")
            await expect(card).to_have_attribute("data-state", "talking")
            await expect(card).not_to_contain_text(NAME)
            book.let.set()
            await expect(card).to_contain_text(NAME)
            await expect(card).to_have_attribute("data-verdict", "known")
            await expect(card.get_by_role("link", name="Книга")).to_have_attribute("href", PAGE)
            await client.event("done", seconds=30)
    assert book.transcript == [number]
