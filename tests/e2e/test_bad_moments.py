"""Asterisk restarted under the service, and a caller who means harm."""

import aiohttp
import pytest
from playwright.async_api import Browser, Dialog, expect

from tests.e2e.parts import Api, Lab, caller, eventually, log_in, phone

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(180)]

SUPPORT = "+74950000002"


async def test_both_links_come_back_after_asterisk_was_restarted(lab: Lab, api: Api) -> None:
    async def links() -> dict[str, bool]:
        try:
            async with api.session.get(f"{lab.web}/readyz") as reply:
                return {name: link["up"] for name, link in (await reply.json())["links"].items()}
        except aiohttp.ClientError:
            return {}

    async with caller(lab, SUPPORT, talk=60) as client:
        await client.event("answered")
        await lab.restart_asterisk()
        await eventually(links, lambda seen: seen and all(seen.values()), 60)

    async def outcomes() -> list[str | None]:
        return [call["outcome"] for call in (await api.get("/calls", limit=1))["items"]]

    # The caller's channel died with Asterisk, and nobody told: his call is closed all the same.
    await eventually(outcomes, lambda seen: seen == ["abandoned"])
    async with phone(lab, "1001") as anna, caller(lab, SUPPORT, talk=1) as client:
        await anna.event("answered", seconds=30)
        await client.event("done", seconds=30)
    assert client.events[-1]["calls"] == 1


async def test_hostile_name_is_only_a_name(lab: Lab, api: Api, chromium: Browser) -> None:
    name = "<img src=x onerror=alert(1)>{{7*7}}"
    alerts: list[Dialog] = []
    async with phone(lab, "1001") as anna:
        await api.agent_is("1001", "ready")
        page = await log_in(chromium, lab, "1001")
        page.on("dialog", lambda dialog: alerts.append(dialog))
        async with caller(lab, SUPPORT, number="+4930123456789", name=name, talk=2) as client:
            await anna.event("incoming")
            await expect(page.locator("article[data-call]")).to_contain_text(name)
            await client.event("done", seconds=30)
    assert alerts == []
