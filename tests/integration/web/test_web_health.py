"""Alive, ready, measured: what machines ask, and who may ask for numbers."""

from datetime import UTC, datetime

import pytest

from bridge.centre.facts import RecordingAttached, TicketOpened
from bridge.centre.ids import CallId, RecordingId, TicketId
from bridge.centre.orders import Outcome
from bridge.crm.directories import AnswerKind
from bridge.web import guard
from tests.integration.web.web_house import House
from tests.integration.web.web_samples import busy_floor, card, record


async def test_alive_and_ready(house: House) -> None:
    client = await house.visitor()
    assert (await client.get("/healthz")).status == 200
    answer = await client.get("/readyz")
    assert answer.status == 200
    assert set((await answer.json())["links"]) == {"ari", "ami", "journal", "store"}
    house.desk.up["ami"] = False
    answer = await client.get("/readyz")
    assert answer.status == 503
    assert (await answer.json())["links"]["ami"] == {"up": False, "detail": "refused"}


async def test_not_ready_without_its_database(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    from bridge.errors import LinkDown

    async def down() -> None:
        raise LinkDown("the database does not answer")

    monkeypatch.setattr(house.store, "ping", down)
    answer = await (await house.visitor()).get("/readyz")
    assert answer.status == 503
    assert "does not answer" in (await answer.json())["links"]["store"]["detail"]
    assert (await (await house.visitor()).get("/healthz")).status == 200


@pytest.mark.parametrize("beside", ["journal", "mailbox", "mail"])
async def test_what_calls_do_not_need_is_told_and_they_go_on(house: House, beside: str) -> None:
    house.desk.up[beside] = False
    answer = await (await house.visitor()).get("/readyz")
    assert answer.status == 200
    assert (await answer.json())["links"][beside]["up"] is False
    numbers = await (await house.visitor()).get("/metrics")
    assert f'callbridge_link_up{{link="{beside}"}} 0.0' in (await numbers.text()).splitlines()


async def test_the_numbers(house: House) -> None:
    house.metrics.call_ended(Outcome.ANSWERED)
    house.metrics.watch_inbox(lambda: 7)
    house.metrics.watch_facts(lambda: 3, lambda: 2, lambda: 1)
    house.metrics.watch_directories(lambda: {("crm", AnswerKind.FOUND): 5, ("crm", AnswerKind.FAILED): 1})
    house.desk.happen(TicketOpened(CallId("1"), TicketId(1)))
    house.desk.happen(RecordingAttached(CallId("1"), RecordingId("r"), TicketId(1)))
    house.desk.show(busy_floor(datetime.now(UTC)))
    await house.screens.open_card(card(record()))
    text = await (await (await house.visitor()).get("/metrics")).text()
    for line in (
        'callbridge_calls_total{outcome="answered"} 1.0',
        'callbridge_calls_total{outcome="abandoned"} 0.0',
        "callbridge_tickets_opened_total 1.0",
        "callbridge_recordings_attached_total 1.0",
        'callbridge_recordings{state="pending"} 0.0',
        'callbridge_waiting{queue="support"} 2.0',
        'callbridge_agents{state="paused"} 1.0',
        'callbridge_live_calls{state="talking"} 1.0',
        'callbridge_agents_in_calls{doing="talk"} 1.0',
        'callbridge_agents_in_calls{doing="hold"} 0.0',
        'callbridge_link_up{link="ari"} 1.0',
        "callbridge_inbox_depth 7.0",
        "callbridge_facts_unwritten 3.0",
        'callbridge_facts_lost{where="journal"} 2.0',
        'callbridge_facts_lost{where="database"} 1.0',
        "callbridge_cards_opened_total 1.0",
        'callbridge_directory_answers_total{answer="found",directory="crm"} 5.0',
        'callbridge_directory_answers_total{answer="failed",directory="crm"} 1.0',
    ):
        assert line in text.splitlines(), line


async def test_from_afar_the_numbers_need_a_token(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    client = await house.visitor()
    behind_proxy = {"X-Forwarded-For": "10.0.0.1"}
    assert (await client.get("/metrics", headers=behind_proxy)).status == 401
    for scope, status in (("metrics:read", 200), ("*", 200), ("calls:read", 403)):
        token = await house.token(scope)
        assert (await client.get("/metrics", headers={**behind_proxy, **token})).status == status
    assert (await client.get("/metrics", headers={"Authorization": "Bearer x"})).status == 401
    monkeypatch.setattr(guard, "_is_near", lambda request: False)
    assert (await client.get("/metrics")).status == 401
