"""A directory that takes its time: the phone rings all the same, and the card fills in when it answers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from playwright.async_api import Browser, expect

from tests.e2e.neighbours import gateway, neighbours
from tests.e2e.parts import Api, Lab, caller, log_in, phone
from tests.e2e.scene import stranger
from tests.e2e.test_one_call import CARD, SUPPORT, known_tickets, with_recording
from tests.fakes.receivers.receiver import Receiver, serving

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(180)]

ANNA = "1001"
NAME, PAGE = "Зоя Петровна", "https://book.example/z"
OTHER = "Квинт Гораций"


@dataclass
class Book(Receiver):
    """It knows everybody, by each of ``names``, and answers when it is let."""

    names: tuple[str, ...] = (NAME,)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    let: asyncio.Event = field(default_factory=asyncio.Event)

    def add_routes(self, router: web.UrlDispatcher) -> None:
        router.add_get("/clients", self._find)

    async def _find(self, request: web.Request) -> web.Response:
        self.transcript.append(request.query["phone"])
        self.asked.set()
        await self.let.wait()
        number = request.query["phone"]
        found = [{"id": f"{name} {number}", "name": name, "url": PAGE} for name in self.names]
        return web.json_response(found)


def directory(port: int) -> str:
    url = f"http://{{host}}:{port}/clients?phone={{e164}}"
    return f'directories: {{book: {{title: Книга, url: "{url}", seconds: 20, answer: {{url: url}}}}}}\n'


@asynccontextmanager
async def asked_of(lab: Lab, book: Book) -> AsyncIterator[None]:
    """The lab asks this directory, meanwhile."""
    async with serving(book, await gateway(lab)):
        pass  # now its port is known
    port = int(book.url.rpartition(":")[2])
    async with neighbours(lab, directory(port)) as host, serving(book, host, port):
        yield


async def test_the_phone_rings_before_it_answers(lab: Lab, api: Api, chromium: Browser) -> None:
    number = stranger()
    book = Book()
    async with asked_of(lab, book), phone(lab, ANNA, answer=None) as hers:
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


async def test_several_whom_it_finds_late_are_a_choice_that_the_call_remembers(
    lab: Lab, api: Api, chromium: Browser
) -> None:
    """Her phone rings long before; the choice comes to both her screens, and what she chose is on both."""
    number = stranger()
    known = await known_tickets(api)
    book = Book(names=(NAME, OTHER))
    async with asked_of(lab, book), phone(lab, ANNA, answer=None) as hers:
        await api.agent_is(ANNA, "ready")
        pages = [await log_in(chromium, lab, ANNA) for _ in range(2)]
        page, second = cards = [page.locator(CARD) for page in pages]
        async with caller(lab, SUPPORT, number=number, talk=60) as client:
            await hers.event("incoming")
            await book.asked.wait()
            for card in cards:
                await expect(card).to_contain_text(number[-2:])
                await expect(card).to_have_attribute("data-verdict", "unknown")  # by our own clients
            book.let.set()
            for card in cards:
                await expect(card).to_have_attribute("data-verdict", "several")
                await expect(card.locator(".choice button")).to_have_text([NAME, OTHER])
            await page.get_by_role("button", name=OTHER).click()
            for card in cards:
                await expect(card.get_by_role("heading", level=2)).to_have_text(OTHER)
            await hers.do(do="answer")
            await expect(second).to_have_attribute("data-state", "talking")
            await pages[0].reload()
            await expect(page).to_have_attribute("data-state", "talking")
            await expect(page.get_by_role("heading", level=2)).to_have_text(OTHER)
            await hers.do(do="hangup")
            await client.event("done", seconds=30)
        (ticket,) = await with_recording(api, known)
    assert (await api.get(f"/clients/{ticket['client']}"))["name"] == OTHER
    assert book.transcript == [number]
