"""The card as external directories fill it in: who is still asked, who did not answer, who else knows him.

And what belongs to him besides: his tags, and the script that the call selects.
"""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

from aiohttp.test_utils import TestClient

from bridge.centre.facts import Verdict
from bridge.centre.ids import AgentId, ClientId
from bridge.config.scripts import ScriptSettings, WhenSettings
from bridge.store.client_sources import GivenClient
from tests.integration.web.web_house import DEADLINE, House, csrf_of
from tests.integration.web.web_samples import add_client, card, record

HOSTILE = '<script>alert("1")</script>'
NUMBER = "+79161234567"


async def page(client: TestClient, path: str = "/", *, until: str = "") -> str:
    """As soon as it has these words: a card does not wait for a store that is slow."""
    async with asyncio.timeout(DEADLINE):
        while True:
            answer = await client.get(path)
            assert answer.status == 200
            html = await answer.text()
            if until in html:
                return html


async def known_to_crm(house: House, *names: str) -> list[int]:
    given = [
        GivenClient(name, f"https://crm.example/{place}", {"name": name, "company": "Acme"})
        for place, name in enumerate(names)
    ]
    async with house.store.unit() as unit:
        kept = await unit.sources.keep("crm", NUMBER, given, datetime.now(UTC))
    return [client.id for client in kept]


async def test_the_card_fills_in_when_a_directory_answers(house: House) -> None:
    anna = await house.sign_in("1001")
    call = record()
    await house.screens.open_card(replace(card(call), asking=True))
    html = await page(anna)
    assert "Other directories are still being asked" in html
    assert "Unknown caller" in html
    (zoe,) = await known_to_crm(house, "Zoë")
    found = replace(call, verdict=Verdict.KNOWN, client=ClientId(zoe))
    await house.screens.open_card(replace(card(found, "1001", zoe), asking=True))
    html = await page(anna, until="Zoë")
    assert '<a href="https://crm.example/0" target="_blank" rel="noopener noreferrer">Our CRM</a>' in html
    await house.screens.open_card(replace(card(found, "1001", zoe), unanswered=("Old CRM",)))
    html = await page(anna)
    assert "still being asked" not in html
    assert "Directory “Old CRM” did not answer." in html


async def test_several_told_late_are_a_choice_that_is_remembered(house: House) -> None:
    anna = await house.sign_in("1001")
    call = record(answered=True)
    await house.screens.open_card(replace(card(call), asking=True))
    await page(anna, until="Unknown caller")
    zoe, quinn = await known_to_crm(house, "Zoë", "Quinn")
    several = replace(call, verdict=Verdict.SEVERAL)
    await house.screens.open_card(replace(card(several, "1001", zoe, quinn), asking=True))
    html = await page(anna, until=f'name="client" value="{zoe}"')
    assert f'name="client" value="{quinn}"' in html
    answer = await anna.post(
        f"/card/{call.id}/client", data={"client": quinn, "csrf": await csrf_of(anna)}, allow_redirects=False
    )
    assert answer.status == 303
    # What another directory says later does not undo what the agent has said.
    await house.screens.open_card(card(several, "1001", zoe, quinn))
    async with house.store.unit() as unit:
        await unit.calls.save(several)
    house.screens.refresh(call.id)
    await page(anna, until=f'<a href="/clients/{quinn}"')
    async with house.store.view() as unit:
        kept = await unit.calls.get(call.id)
    assert kept is not None
    assert kept.client == quinn


async def test_a_refreshed_client_is_drawn_anew(house: House) -> None:
    anna = await house.sign_in("1001")
    (zoe,) = await known_to_crm(house, "Zoë")
    call = record(verdict=Verdict.KNOWN, client=zoe)
    await house.screens.open_card(replace(card(call, "1001", zoe), asking=True))
    await page(anna, until="Acme")
    async with house.store.unit() as unit:
        await unit.clients.update(zoe, company="Acme & Sons")
    await house.screens.open_card(card(call, "1001", zoe))
    await page(anna, until="Acme &amp; Sons")


async def test_what_strangers_wrote_is_text(house: House) -> None:
    anna = await house.sign_in("1001")
    given = GivenClient("1", "", {"name": HOSTILE, "notes": HOSTILE})
    async with house.store.unit() as unit:
        (kept,) = await unit.sources.keep("crm", NUMBER, [given], datetime.now(UTC))
    call = record(verdict=Verdict.KNOWN, client=kept.id)
    house.scripts.append(ScriptSettings(title=HOSTILE, text=HOSTILE))
    await house.screens.open_card(replace(card(call, "1001", kept.id), unanswered=(HOSTILE,)))
    html = await page(anna, until="alert")
    assert "<script>alert" not in html
    assert HOSTILE not in await page(anna, f"/clients/{kept.id}")


async def test_the_script_of_the_call(house: House) -> None:
    anna = await house.sign_in("1001")
    house.scripts += [
        ScriptSettings(title="Gold", text="For gold", when=WhenSettings(tier=("gold",))),
        ScriptSettings(
            title="Stranger", text="Ask his name.\n\nThen his number.", when=WhenSettings(known=False)
        ),
        ScriptSettings(title="Everybody", text="Good day"),
    ]
    await house.screens.open_card(card(record()))
    html = await page(anna, until="Ask his name")
    assert "<p>Ask his name.</p><p>Then his number.</p>" in html.replace("\n", "")
    assert "For gold" not in html
    ivan = await add_client(house.store, "Иван", NUMBER, tier="gold")
    await house.screens.open_card(card(record(verdict=Verdict.KNOWN, client=ivan), "1001", ivan))
    await page(anna, until="For gold")


async def test_tags_are_kept_on_the_clients_page_and_shown_on_the_card(house: House) -> None:
    anna = await house.sign_in("1001")
    ivan = await add_client(house.store, "Иван", NUMBER)
    form = {"name": "Иван", "numbers": NUMBER, "tags": " VIP, долг ,", "csrf": await csrf_of(anna)}
    answer = await anna.post(f"/clients/{ivan}", data=form, allow_redirects=False)
    assert answer.status == 303
    assert 'value="vip, долг"' in await page(anna, f"/clients/{ivan}")
    await house.screens.open_card(card(record(verdict=Verdict.KNOWN, client=ivan), "1001", ivan))
    await page(anna, until='<span class="chip">vip</span>')
    refused = await anna.post(f"/clients/{ivan}", data={**form, "tags": "x" * 41}, allow_redirects=False)
    assert refused.status == 400
    assert house.screens.current(AgentId("1001")) is not None
