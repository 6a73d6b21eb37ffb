"""Tickets as the API's tests make them, and a department that asks for more than the house's own."""

import asyncio
from typing import Any

from aiohttp.test_utils import TestClient

from bridge.config import Settings
from tests.integration.web.web_house import API, DEADLINE, House

HTML = "<script>alert(1)</script>"


def make_strict(house: House) -> House:
    """A department with a class, with fields that are asked for, and with lines; line 1 may not close."""
    file = house.settings.model_dump(mode="json", exclude_unset=True)
    file["tickets"] = file.get("tickets", {}) | {"reopen_days": 7, "attachments": {"largest_mb": 1}}
    file["departments"]["support"] |= {
        "lines": {"1": ["1001"], "2": ["1002"]},
        "rights": {"line1": {"deny": ["close"]}, "others": []},
        "classification": {"hardware": {"title": "Hardware", "below": {"printer": "Printer"}}},
        "fields": [
            {"key": "serial", "title": "Serial number", "type": "text", "required": "create"},
            {"key": "colour", "title": "Colour", "type": "dropdown", "options": ["red", "blue"]},
            {"key": "cause", "title": "Cause", "type": "text", "required": "close"},
        ],
    }
    house.settings = Settings.model_validate(file)
    return house


async def send(
    client: TestClient, method: str, path: str, token: dict[str, str], body: Any = None, **headers: str
) -> tuple[int, Any]:
    answer = await client.request(method, API + path, json=body, headers={**token, **headers})
    if answer.status >= 400:
        assert answer.content_type == "application/problem+json", await answer.text()
    return answer.status, await answer.json()


async def text_of(client: TestClient, path: str, status: int = 200) -> str:
    answer = await client.get(path)
    text = await answer.text()
    assert answer.status == status, text
    return text


async def until_shown(client: TestClient, word: str) -> str:
    """The desktop with it: a card does not wait for a store that is slow, it is told of later."""
    async with asyncio.timeout(DEADLINE):
        while word not in (text := await (await client.get("/")).text()):
            await asyncio.sleep(0.05)
    return text


async def created(browser: TestClient, token: dict[str, str], **fields: Any) -> Any:
    given = {"subject": "Printer burns", "department": "support", "fields": {"serial": "A1"}, **fields}
    status, ticket = await send(browser, "POST", "/tickets", token, given)
    assert status == 201, ticket
    return ticket


async def attach(
    client: TestClient, token: dict[str, str], id: int, name: str, data: Any, **headers: str
) -> tuple[int, Any]:
    said = {"Content-Type": "application/octet-stream", **token, **headers}
    answer = await client.post(
        f"{API}/tickets/{id}/attachments", params={"name": name}, data=data, headers=said
    )
    return answer.status, await answer.json()
