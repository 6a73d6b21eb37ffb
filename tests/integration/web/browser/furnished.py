"""A house that has been worked in for a while: all that its pages can show is there, and much of it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bridge.centre.facts import Verdict
from bridge.config import Settings
from bridge.crm.ticketing.filters import Filter
from bridge.store.api_rows import ImportCounts
from bridge.store.client_sources import GivenClient
from bridge.store.outbox import DEAD, NewEvent
from bridge.store.rows import TicketRow
from bridge.store.ticket_rows import NewEntry
from tests.integration.web.house_plan import settings
from tests.integration.web.web_house import House
from tests.integration.web.web_samples import add_client, add_recording, busy_floor, card, record

MAKES = {"hp": ["LaserJet Pro MFP 4102fdw"], "canon": ["i-SENSYS MF754Cdw"]}
FIELDS = [
    {"key": "contract", "title": {"en": "Contract", "ru": "Договор"}, "type": "text", "required": "close"},
    {"key": "story", "title": {"en": "What happened", "ru": "Что случилось"}, "type": "long_text"},
    {"key": "pieces", "title": {"en": "Pieces", "ru": "Штук"}, "type": "number", "at_least": 1},
    {"key": "bought", "title": {"en": "Bought", "ru": "Куплено"}, "type": "date"},
    {"key": "warranty", "title": {"en": "Under warranty", "ru": "На гарантии"}, "type": "checkbox"},
    {"key": "make", "title": {"en": "Make", "ru": "Марка"}, "type": "dropdown", "options": list(MAKES)},
    {
        "key": "model",
        "title": {"en": "Model", "ru": "Модель"},
        "type": "dependent_dropdown",
        "depends_on": "make",
        "options_by_parent": MAKES,
    },
    {
        "key": "parts",
        "title": {"en": "Spare parts", "ru": "Запчасти"},
        "type": "multi_select",
        "options": ["drum", "fuser", "toner"],
    },
]
CLASSES = {
    "hardware": {
        "title": {"en": "Hardware", "ru": "Оборудование"},
        "below": {"printer": {"en": "Printers and multifunction devices", "ru": "Принтеры и МФУ"}},
    }
}
LONG = (
    "Некоммерческое партнёрство «Объединение поставщиков полиграфического и электротехнического оборудования»"
)


def plain(words: str) -> str:
    return words


def _tag(words: str) -> str:
    return words.replace(",", "")[:40].strip()


@dataclass
class Furnished:
    house: House
    client: int
    ticket: int
    other: int
    call: str
    tried: int  # an import
    filter: int

    @property
    def agent_pages(self) -> tuple[str, ...]:
        return (
            "/",
            "/tickets",
            f"/tickets?filter={self.filter}",
            "/tickets/new",
            f"/tickets/{self.ticket}",
            "/clients",
            f"/clients/{self.client}",
            "/calls",
            f"/calls/{self.call}",
            "/nowhere",
        )

    @property
    def supervisor_pages(self) -> tuple[str, ...]:
        return (
            "/floor",
            "/imports",
            f"/imports/{self.tried}",
            "/callbacks",
            "/audit",
            "/templates",
            "/templates/new",
            "/templates/1",
        )

    async def new_ticket(self, subject: str = "Не печатает") -> int:
        """Nobody's, and without what is required to close it."""
        async with self.house.store.unit() as unit:
            row = await unit.tickets.create(
                source="web",
                fields={"subject": subject, "department": "support"},
                by="1001",
                at=datetime.now(UTC),
            )
        return row.id

    async def row(self, ticket: int) -> TicketRow:
        async with self.house.store.view() as unit:
            row = await unit.tickets.get(ticket)
        assert row is not None
        return row


def rules() -> Settings:
    whole = settings().model_dump(exclude_unset=True)
    whole["departments"]["support"] |= {
        "title": "Отдел поддержки пользователей и сервисного обслуживания",
        "lines": {"1": ["1001"], "2": ["1002"]},
        "classification": CLASSES,
        "fields": FIELDS,
        "sla": [{"reaction_hours": 1, "resolution_hours": 8}],
    }
    waits = {"title": {"en": "Waits for the client", "ru": "Ждём клиента"}, "kind": "waiting"}
    whole["tickets"] = {"statuses": {"waiting": waits}}
    whole["mail"] = {"host": "mail.example.org", "sender": "help@example.org"}
    return Settings.model_validate(whole)


async def furnish(house: House, words: Callable[[str], str] = plain, tickets: int = 60) -> Furnished:
    """``words``: what stands in place of each text that people of ours or of others gave."""
    house.settings = rules()
    house.desk.show(busy_floor(datetime.now(UTC)))
    client, ticket, call = await _told(house, words)
    other = await _many(house, words, client, tickets)
    async with house.store.unit() as unit:
        await unit.ticket_marks.link(ticket, other, "parent", by="1001", at=datetime.now(UTC))
        kept = await unit.filters.save(
            words("Горящие")[:100], Filter(priorities=("urgent",)).as_json(), role="agent"
        )
        for language in ("ru", ""):
            await unit.templates.save(
                set_name=words("Вежливые")[:100],
                name=f"{words('Приняли')[:90]} {language}",
                subject="№ {ticket}",
                body="Здравствуйте, {client_name}!",
            )
        tried = await unit.imports.add("chief", 4096, dry_run=True)
        counts = ImportCounts(4096, 1200, 900, 250, 40, 10)
        await unit.imports.end(tried.id, "failed", counts, words("line 17: the file is no text"))
    await _unheard(house, words)
    return Furnished(house, client, ticket, other, call, tried.id, kept.id)


async def _told(house: House, words: Callable[[str], str]) -> tuple[int, int, str]:
    """A client with a ticket of every kind of entry, and the call that it came from."""
    now = datetime.now(UTC)
    client = await add_client(
        house.store,
        words("Константинопольский Александр Вениаминович"),
        "+79161234567",
        company=words(LONG),
        tier=words("gold"),
        notes=words("Звонить после 11:00.\nНе любит ждать."),
    )
    past = record(
        verdict=Verdict.KNOWN,
        client=client,
        answered=True,
        ended=True,
        name=words("Konstantin"),
        at=now - timedelta(hours=5),
    )
    mail = words("client.with.a.rather.long.address@subdomain.department.example.org")
    async with house.store.unit() as unit:
        await unit.clients.update(client, tags=[_tag(words("опт")), _tag(words("договор 2026"))])
        ticket = (await unit.tickets.open_for_call(past, words("Принтер дымит"), "support")).id
        await unit.tickets.change(
            ticket,
            if_version=None,
            fields={
                "subject": words("Принтер дымит, не печатает счета и зажёвывает бумагу из второго лотка"),
                "client": client,
                "assignee": "1002",
                "priority": "critical",
                "solution": words("Заменили узел закрепления."),
                "classification": "hardware/printer",
                "reaction_due_at": now - timedelta(hours=1),
                "resolution_due_at": now + timedelta(hours=7),
                "fields": {
                    "story": words("Сначала дым"),
                    "make": "hp",
                    "parts": "drum\ntoner",
                    "gone": words("прежнее"),
                },
            },
            by="1001",
            at=now,
        )
        for kind, author, body in (
            ("note", "1002", "Перезвонить после 11:00"),
            ("mail_in", "client@example.org", "Добрый день!\n\nСерийный номер A-12345.\nЖду ответа."),
            ("partner", "1001", "Поставщик обещал деталь в четверг."),
            ("message_in", "client", "Ну что там?"),
        ):
            await unit.entries.append(
                ticket, NewEntry(kind, author, now, subject=words("Re: принтер"), body=words(body))
            )
        sent = NewEntry(
            "mail_out", "1001", now, words("Ответ"), words("Высылаем мастера."), to=mail, delivery="waiting"
        )
        row = await unit.entries.append(ticket, sent)
        await unit.deliveries.settled(row.id, "failed", words("550 no such user"), now)
        await unit.ticket_marks.set_tags(
            ticket, [_tag(words("гарантия")), _tag(words("срочно"))], by="1001", at=now
        )
        found = GivenClient(words("Directory"), "https://crm.example/1", {"name": words("D"), "company": "A"})
        await unit.sources.keep("crm", "+79161234567", [found], now)
    await add_recording(house, past, ticket)
    return client, ticket, past.id


async def _many(house: House, words: Callable[[str], str], client: int, count: int) -> int:
    """So many tickets that a list has several pages; the last of them."""
    now, last = datetime.now(UTC), 0
    for place in range(count):
        async with house.store.unit() as unit:
            row = await unit.tickets.create(
                source="web",
                fields={
                    "subject": words(
                        f"{place}: не открывается личный кабинет, {LONG if place % 5 == 0 else ''}"
                    ),
                    "client": client if place % 7 == 0 else None,
                    "department": "support" if place % 3 else "sales",
                    "assignee": "1001" if place % 2 else None,
                    "priority": ("normal", "medium", "urgent", "critical")[place % 4],
                    "status": ("open", "in_progress", "waiting")[place % 3],
                },
                by="1001",
                at=now - timedelta(minutes=count - place),
            )
            last = row.id
            if place % 4 == 0:
                await unit.ticket_marks.set_tags(row.id, [_tag(words("личный кабинет"))], by="1001", at=now)
    return last


async def _unheard(house: House, words: Callable[[str], str]) -> None:
    """A receiver of call events that does not answer as it should."""
    now = datetime.now(UTC)
    subscription = await house.store.write(
        lambda unit: unit.subscriptions.add(
            words("Битрикс")[:60], "standard", "https://crm.example", "", ["call.ended"], "chief"
        )
    )
    new = NewEvent([subscription.id], "call.1", "offered", "evt_1", "call.offered", "{}")
    (due,) = await house.store.write(lambda unit: unit.outbox.add(new, now))
    answer = words("HTTP 500: internal error")
    await house.store.write(lambda unit: unit.outbox.finish(due.row, DEAD, now, status=500, error=answer))


async def talking(house: House, client: int, *, call: str = "1710406900.8", with_ticket: bool = True) -> str:
    """Anna talks with him: his card is open before her."""
    live = record(call, verdict=Verdict.KNOWN, client=client, answered=True, at=datetime.now(UTC))
    async with house.store.unit() as unit:
        if with_ticket:
            await unit.tickets.open_for_call(live, "Звонок", "support")
        else:
            await unit.calls.save(live)
    await house.screens.open_card(card(live, "1001", client))
    return live.id
