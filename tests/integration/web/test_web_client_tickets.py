"""A client's tickets, on his page and on the card: only those that the reader may read."""

import pytest

from bridge.centre.facts import Verdict
from tests.integration.web.web_house import House
from tests.integration.web.web_samples import add_client, add_ticket, card, record
from tests.integration.web.web_tickets import until_shown

OWN, TALKED, HIDDEN, SEEN = "Own ticket", "Talked about", "Hidden ticket", "Seen ticket"


async def _tickets(house: House, client: int) -> None:
    """Of support, whose lines Vera is not in; and one of sales, which she may read."""
    given = {
        OWN: ("1.1", "1001", {"assignee": "1003"}),
        TALKED: ("1.2", "1003", {"assignee": None}),
        HIDDEN: ("1.3", "1001", {"assignee": None}),
        SEEN: ("1.4", "1001", {"assignee": None, "department": "sales"}),
    }
    for subject, (call, agent, fields) in given.items():
        kept = record(call, agent=agent, answered=True, ended=True, client=client)
        async with house.store.unit() as unit:
            await unit.calls.save(kept)
        id = await add_ticket(house, kept, recorded=False)
        async with house.store.unit() as unit:
            await unit.tickets.update(id, subject=subject, client=client, **fields)


@pytest.mark.parametrize("later", [0, 40])
async def test_his_page(strict: House, later: int) -> None:
    """However many others there are that he may not read."""
    client = await add_client(strict.store, "Мария")
    await _tickets(strict, client)
    async with strict.store.unit() as unit:
        for number in range(later):
            fields = {"subject": f"Later {number}", "department": "support", "client": client}
            await unit.tickets.create(source="web", fields=fields, by="", at=record().offered_at)
    vera, anna, chief = [await strict.sign_in(login) for login in ("1003", "1001", "chief")]
    text = await (await vera.get(f"/clients/{client}")).text()
    assert all(word in text for word in (OWN, TALKED, SEEN))
    assert HIDDEN not in text
    assert "Later" not in text
    for one in (anna, chief):
        text = await (await one.get(f"/clients/{client}")).text()
        assert ("Later" if later else HIDDEN) in text


async def test_the_card(strict: House) -> None:
    client = await add_client(strict.store, "Мария", "+79161234567")
    await _tickets(strict, client)
    call = record("2.2", client=client, verdict=Verdict.KNOWN, answered=True)
    async with strict.store.unit() as unit:
        await unit.calls.save(call)
    for agent in ("1003", "1001"):
        await strict.screens.open_card(card(call, agent, client))
        text = await until_shown(await strict.sign_in(agent), SEEN)
        assert all(word in text for word in (OWN, TALKED))
        assert (HIDDEN in text) == (agent == "1001")
