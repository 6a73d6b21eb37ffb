"""Notices of tickets on people's screens, and as events of the API."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp.test_utils import TestClient

from bridge.config import Settings
from bridge.crm.ticketing.desk import Actor, TicketDesk
from bridge.crm.ticketing.rights import Who
from bridge.engine.logged import logged
from bridge.store.rows import TicketRow
from tests.integration.web.web_house import API, House, csrf_of
from tests.integration.web.web_tickets import HTML

OTHER = "/events?page=other"
CRM = Actor(Who(program=True), "token crm")


class Clock:
    """The house's tickets, some time on."""

    def __init__(self, house: House) -> None:
        file = house.settings.model_dump(mode="json", exclude_unset=True)
        file["departments"]["support"] |= {"sla": [{"reaction_hours": 2}], "supervisors": ["1002"]}
        house.settings = Settings.model_validate(file)
        self.house, self.now = house, datetime.now(UTC)
        self.facts: list[Any] = []
        self.desk = TicketDesk(house.store, lambda: house.settings, lambda: self.now, self._tell)

    def _tell(self, fact: Any) -> None:
        self.facts.append(logged("run", self.house.desk.happen(fact)))

    async def ticket(self, **wish: Any) -> TicketRow:
        return await self.desk.create(
            CRM, {"subject": "Printer burns", "department": "support", **wish}, "web"
        )

    async def after(self, row: TicketRow, **time: float) -> None:
        self.now += timedelta(**time)
        await self.desk.sound_alarms(row.id)


async def shown(house: House, client: TestClient) -> str:
    """On a page that is opened now."""
    screen = await house.listen(client, OTHER)
    return (await screen.until("notices")).data.strip()


async def put_away(client: TestClient, path: str, *, htmx: bool = True) -> tuple[int, str]:
    headers = {"HX-Request": "true"} if htmx else {}
    answer = await client.post(
        path, data={"csrf": await csrf_of(client)}, headers=headers, allow_redirects=False
    )
    return answer.status, await answer.text()


async def test_a_notice_comes_to_the_assignee_s_screens_and_stays_until_it_is_put_away(house: House) -> None:
    clock = Clock(house)
    anna, vera = await house.sign_in("1001"), await house.sign_in("1003")
    text = await (await anna.get("/tickets")).text()
    assert 'id="notices" sse-swap="notices"' in text
    assert 'id="news" class="visually-hidden" role="status" aria-live="polite"' in text
    screen = await house.listen(anna, OTHER)
    assert (await screen.until("notices")).data.strip() == ""
    row = await clock.ticket(assignee="1001", subject=HTML)
    await clock.after(row, hours=1, minutes=50)
    sent = await screen.until("notices", f'href="/tickets/{row.id}"')
    assert "Soon due" in sent.data
    assert "&lt;script&gt;" in sent.data
    assert "autofocus" not in sent.data
    again = await house.listen(anna, "/events?page=desktop")
    assert f'href="/tickets/{row.id}"' in (await again.until("notices")).data, "a reload loses nothing"
    assert await shown(house, vera) == "", "it is not hers"
    status, text = await put_away(anna, f"/notices/{row.id}/reaction/put-away")
    assert (status, text.strip()) == (200, "")
    assert (await screen.until("notices")).data.strip() == "", "on his other screens too"
    assert await shown(house, anna) == ""
    assert (await put_away(anna, f"/notices/{row.id}/reaction/put-away", htmx=False))[0] == 303
    assert (await put_away(anna, f"/notices/{row.id}/lunch/put-away"))[0] == 404


async def test_what_is_overdue_comes_to_the_supervisors(house: House) -> None:
    clock = Clock(house)
    boris, chief = await house.supervisor("boris", "1002"), await house.sign_in("chief")
    screen = await house.listen(boris, "/events?page=floor")
    rows = [await clock.ticket(assignee="1001") for _ in range(6)]
    for row in rows:
        await clock.after(row, hours=3)
    sent = await screen.until("notices", "3 more")
    assert sent.data.count("data-news=") == 3
    assert "Overdue" in sent.data
    assert await shown(house, chief) == "", "the department has a supervisor of its own"
    status, text = await put_away(boris, "/notices/put-away")
    assert (status, text.strip()) == (200, "")


async def test_nobody_sees_a_notice_of_what_he_may_not_read(house: House) -> None:
    clock = Clock(house)
    anna = await house.sign_in("1001")
    row = await clock.ticket(assignee="1001")
    await clock.after(row, hours=1, minutes=50)
    assert str(row.id) in await shown(house, anna)
    file = house.settings.model_dump(mode="json", exclude_unset=True)
    file["departments"]["support"] |= {"lines": {"1": ["1002"]}, "rights": {"others": []}}
    house.settings = Settings.model_validate(file)
    await clock.desk.change(CRM, row.id, {"assignee": "1002"}, None)
    assert await shown(house, anna) == ""


async def test_programs_are_told_of_it_too(house: House) -> None:
    clock = Clock(house)
    client, token = await house.visitor(), await house.token("*")
    stream = await house.listen(client, f"{API}/events", **token)
    row = await clock.ticket(assignee="1001")
    await clock.after(row, hours=1, minutes=50)
    await clock.after(row, hours=1)
    await house.store.append(clock.facts)
    soon, late = await stream.until("ticket.soon_due"), await stream.until("ticket.overdue")
    told = json.loads(soon.data)
    assert soon.id is not None
    assert (told["call_id"], told["data"]["ticket"], told["data"]["clock"]) == (None, row.id, "reaction")
    assert json.loads(late.data)["data"]["ticket"] == row.id
    assert row.reaction_due_at is not None
    assert datetime.fromisoformat(told["data"]["due_at"]) == row.reaction_due_at
