"""The agent's desktop: his state, the card on his screen and on nobody else's, who is calling."""

import asyncio
from dataclasses import replace

import pytest

from bridge.centre.facts import (
    AgentLoggedOut,
    AgentPaused,
    AgentReady,
    RecordingAttached,
    TicketOpened,
    Verdict,
    WrapUpEnded,
)
from bridge.centre.ids import AgentId, CallId, RecordingId, TicketId
from bridge.centre.orders import CloseCard
from bridge.engine.ports import FloorView, WaitingCaller
from tests.integration.web.test_web_talks import talks
from tests.integration.web.web_house import T0, House, csrf_of
from tests.integration.web.web_samples import add_client, add_recording, add_ticket, card, record

HOSTILE = "<script>alert(1)</script>\"'&{{7*7}}"


# ── the card, live ───────────────────────────────────────────────────────────


async def test_the_card_opens_on_that_agent_s_screen_and_on_nobody_else_s(house: House) -> None:
    anna, boris, chief = (
        await house.sign_in("1001"),
        await house.sign_in("1002"),
        await house.sign_in("chief"),
    )
    hers = await house.listen(anna, "/events?page=desktop")
    hers_too = await house.listen(anna, "/events?page=desktop")
    his = await house.listen(boris, "/events?page=desktop")
    floor = await house.listen(chief, "/events?page=floor")
    await hers.until("card", "No call")
    await hers_too.until("card", "No call")
    await his.until("contacts")
    await floor.until("floor")
    client = await add_client(house.store, "Мария Кузнецова", "+79161234567", company="Ромашка")
    call = record(verdict=Verdict.KNOWN, client=client)
    await house.screens.open_card(card(call, "1001", client))
    for listener in (hers, hers_too):
        sent = await listener.until("card", "Мария Кузнецова")
        assert 'data-state="ringing"' in sent.data
        assert "+7 916 123-45-67" in sent.data
        assert "Ромашка" in sent.data
        await listener.until("ring", "Your phone rings")
    # Whatever else comes to the others after it, the card did not: this mark comes last.
    house.desk.show(
        FloorView(
            (WaitingCaller(CallId("w"), "support", "+74951112233", "", T0),), (), house.desk.view.agents
        )
    )
    await his.until("waiting", "+7 495 111-22-33")
    await floor.until("floor", "+7 495 111-22-33")
    assert all("Мария" not in sent.data and call.id not in sent.data for sent in his.seen + floor.seen)
    assert "Мария" not in await (await boris.get("/")).text()
    assert "Мария" in await (await anna.get("/")).text()


async def test_the_card_follows_the_call_until_it_is_put_away(house: House) -> None:
    anna = await house.sign_in("1001")
    stream = await house.listen(anna, "/events?page=desktop")
    call = record(verdict=None)
    await house.screens.open_card(card(call))
    await stream.until("card", "being looked up")
    call = record(verdict=Verdict.UNKNOWN)
    await house.screens.open_card(card(call))
    await stream.until("card", "Unknown caller")
    await house.screens.open_card(card(record(answered=True)))
    await stream.until("card", 'data-state="talking"')
    ended = record(answered=True, ended=True)
    await house.screens.open_card(card(ended))
    sent = await stream.until("card", 'data-state="ended"')
    assert "Put the card away" in sent.data
    answer = await anna.post(
        f"/card/{call.id}/put-away", headers={"X-CSRF-Token": await csrf_of(anna), "HX-Request": "true"}
    )
    assert "No call" in await answer.text()
    await stream.until("card", "No call")
    await house.screens.open_card(card(ended))
    assert house.screens.current(AgentId("1001")) is None, "late news must not bring it back"


async def test_a_ring_that_ends_elsewhere_takes_the_card_away(house: House) -> None:
    anna = await house.sign_in("1001")
    stream = await house.listen(anna, "/events?page=other")
    call = record()
    await house.screens.open_card(card(call))
    await stream.until("ring", "Your phone rings")
    await house.screens.close_card(CloseCard(CallId("another"), AgentId("1001")))
    assert house.screens.current(AgentId("1001")) is not None
    await house.screens.close_card(CloseCard(call.id, AgentId("1001")))
    sent = await stream.next()
    assert sent is not None
    assert (sent.event, sent.data.strip()) == ("ring", "")


async def test_a_page_that_connects_again_gets_the_open_card_again(house: House) -> None:
    anna = await house.sign_in("1001")
    stream = await house.listen(anna, "/events?page=desktop")
    await house.screens.open_card(card(record()))
    await stream.until("card", "Unknown caller")
    stream.close()
    again = await house.listen(anna, "/events?page=desktop")
    sent = await again.next()
    assert sent is not None
    assert sent.event == "card", "the card comes before all else"
    assert "Unknown caller" in sent.data


async def test_the_last_news_of_a_call_do_not_hide_the_one_that_rings(house: House) -> None:
    first = record("1.1", answered=True)
    await house.screens.open_card(card(first))
    second = record("2.2")
    await house.screens.open_card(card(second))
    await house.screens.open_card(card(record("1.1", answered=True, ended=True)))
    opened = house.screens.current(AgentId("1001"))
    assert opened is not None
    assert opened.call == "2.2"


async def test_a_slow_store_does_not_hold_the_card_back(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = await house.sign_in("1001")
    stream = await house.listen(anna, "/events?page=desktop")
    await stream.until("contacts")
    from bridge.web import screens

    real, gate = screens.card_of, asyncio.Event()

    async def slow(*args: object) -> object:
        await gate.wait()
        return await real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(screens, "card_of", slow)
    call = record(verdict=Verdict.UNKNOWN)
    opening = asyncio.create_task(house.screens.open_card(card(call)))
    sent = await stream.until("card", "+7 916 123-45-67")
    assert "being looked up" in sent.data
    gate.set()
    await opening
    await stream.until("card", "New client")


async def test_a_ticket_or_a_recording_that_comes_later_is_on_the_card(house: House) -> None:
    anna = await house.sign_in("1001")
    stream = await house.listen(anna, "/events?page=desktop")
    call = record(answered=True)
    await house.screens.open_card(card(call))
    await stream.until("card", 'data-state="talking"')
    ticket = await add_ticket(house, call, recorded=False)
    await house.log(TicketOpened(call.id, TicketId(ticket)))
    await stream.until("card", f'href="/tickets/{ticket}"')
    recording = await add_recording(house, call, ticket)
    await house.log(RecordingAttached(call.id, RecordingId(recording), TicketId(ticket)))
    await stream.until("contacts", f"{call.id}-rec-1.wav")


async def test_a_refused_line_break_cannot_forge_an_event(house: House) -> None:
    anna = await house.sign_in("1001")
    stream = await house.listen(anna, "/events?page=desktop")
    await house.screens.open_card(card(record(name="x\r\n\r\nevent: signed-out\rdata: evil")))
    await stream.until("card", "Unknown caller")
    assert {sent.event for sent in stream.seen} <= {
        "card",
        "ring",
        "state",
        "talk",
        "disposition",
        "waiting",
        "contacts",
        "notices",
    }


@pytest.mark.parametrize("verdict", list(Verdict))
async def test_what_comes_from_outside_is_text_and_never_markup(house: House, verdict: Verdict) -> None:
    anna = await house.sign_in("1001")
    first = await add_client(house.store, HOSTILE, "+79161234567", company=HOSTILE, notes=HOSTILE, tier="<b>")
    second = await add_client(house.store, HOSTILE + "2", "+79161234567")
    withheld = verdict is Verdict.WITHHELD
    call = record(number=None if withheld else "+79161234567", name=HOSTILE, verdict=verdict)
    candidates = {Verdict.KNOWN: (first,), Verdict.SEVERAL: (first, second)}.get(verdict, ())
    if verdict is Verdict.KNOWN:
        call = replace(call, client=first)
    await house.screens.open_card(card(call, "1001", *candidates))
    html = await (await anna.get("/")).text()
    assert "<script>alert" not in html
    assert "<b>" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    if withheld:
        assert "Number withheld" in html
        assert "The caller hides the number" in html


# ── who is calling ───────────────────────────────────────────────────────────


async def test_several_clients_are_a_choice_that_call_and_ticket_keep(house: House) -> None:
    anna = await house.sign_in("1001")
    first = await add_client(house.store, "Мария", "+79161234567")
    second = await add_client(house.store, "Пётр", "+79161234567")
    call = record(verdict=Verdict.SEVERAL, answered=True)
    ticket = await add_ticket(house, call, recorded=False)
    await house.screens.open_card(card(call, "1001", first, second))
    html = await (await anna.get("/")).text()
    assert "Who is calling?" in html
    assert "Мария" in html
    assert "Пётр" in html
    answer = await anna.post(
        f"/card/{call.id}/client",
        data={"client": str(second)},
        headers={"X-CSRF-Token": await csrf_of(anna), "HX-Request": "true"},
    )
    fragment = await answer.text()
    assert "Who is calling?" not in fragment
    assert "It is somebody else with this number" in fragment
    async with house.store.view() as unit:
        kept = await unit.calls.get(call.id)
        assert kept is not None
        assert kept.client == second
        row = await unit.tickets.get(ticket)
        assert row is not None
        assert row.client == second


async def test_the_choice_holds_even_before_the_call_was_kept(house: House) -> None:
    anna = await house.sign_in("1001")
    client = await add_client(house.store, "Мария", "+79161234567")
    call = record(verdict=Verdict.SEVERAL)
    await house.screens.open_card(card(call, "1001", client))
    data = {"client": str(client), "csrf": await csrf_of(anna)}
    answer = await anna.post(f"/card/{call.id}/client", data=data, allow_redirects=False)
    assert answer.status == 303, "without scripts the page is shown again"
    async with house.store.view() as unit:
        kept = await unit.calls.get(call.id)
    assert kept is not None
    assert kept.client == client


async def test_an_unknown_caller_becomes_a_client_with_the_number_filled_in(house: House) -> None:
    anna = await house.sign_in("1001")
    call = record(verdict=Verdict.UNKNOWN)
    await house.screens.open_card(card(call))
    html = await (await anna.get("/")).text()
    assert 'value="+79161234567"' in html
    headers = {"X-CSRF-Token": await csrf_of(anna), "HX-Request": "true"}
    answer = await anna.post(
        f"/card/{call.id}/new-client",
        data={"name": "Новый Клиент", "number": "8 (916) 123-45-67", "notes": "a\r\nb\x00c"},
        headers=headers,
    )
    assert "Новый Клиент" in await answer.text()
    async with house.store.view() as unit:
        (client,) = await unit.clients.by_e164("+79161234567")
        assert client.notes == "a\nbc"
        kept = await unit.calls.get(call.id)
    assert kept is not None
    assert kept.client == client.id
    wrong = await anna.post(
        f"/card/{call.id}/new-client", data={"name": "x", "number": "not a number"}, headers=headers
    )
    assert wrong.status == 400
    assert "not a number" in await wrong.text()


async def test_only_the_own_card_can_be_worked_on(house: House) -> None:
    boris = await house.sign_in("1002")
    client = await add_client(house.store, "Мария")
    call = record()
    await house.screens.open_card(card(call, "1001"))
    data = {"client": str(client), "name": "x", "csrf": await csrf_of(boris)}
    for action in ("client", "new-client", "put-away"):
        assert (await boris.post(f"/card/{call.id}/{action}", data=data)).status == 404


async def test_a_client_is_found_while_somebody_types(house: House) -> None:
    anna = await house.sign_in("1001")
    await add_client(house.store, "Мария Кузнецова", "+79161234567")
    assert "Мария" in await (await anna.get("/clients/options?q=кузн")).text()
    assert 'type="radio"' in await (await anna.get("/clients/options?q=%2B7916123&as=radio")).text()
    assert "Nobody was found" in await (await anna.get("/clients/options?q=zzz")).text()
    assert (await (await anna.get("/clients/options?q=")).text()).strip() == ""


# ── the agent's state ────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("fields", "fact"),
    [
        ({"action": "ready"}, AgentReady(AgentId("1001"))),
        ({"action": "log_out"}, AgentLoggedOut(AgentId("1001"))),
        ({"action": "end_wrap_up"}, WrapUpEnded(AgentId("1001"))),
        ({"action": "pause", "reason": "lunch"}, AgentPaused(AgentId("1001"), "lunch")),
    ],
)
async def test_the_agent_changes_his_own_state(house: House, fields: dict[str, str], fact: object) -> None:
    anna = await house.sign_in("1001")
    stream = await house.listen(anna, "/events?page=desktop")
    await stream.until("contacts")
    house.desk.set_agent("1001", "wrap_up")
    await stream.until("state", "Finish wrap-up")
    answer = await anna.post(
        "/state", data=fields, headers={"X-CSRF-Token": await csrf_of(anna), "HX-Request": "true"}
    )
    assert answer.status == 200
    assert house.desk.submitted == [fact]
    await stream.until("state", "Lunch" if "reason" in fields else "Ready")


async def test_what_is_no_state_is_refused_and_named(house: House) -> None:
    anna = await house.sign_in("1001")
    csrf = await csrf_of(anna)
    for fields, word in (({"action": "fly"}, "Action"), ({"action": "pause", "reason": "<x>"}, "Reason")):
        answer = await anna.post("/state", data={**fields, "csrf": csrf})
        assert answer.status == 400
        assert word in await answer.text()
    assert house.desk.submitted == []


async def test_a_supervisor_without_a_phone_goes_to_the_floor(house: House) -> None:
    chief = await house.sign_in("chief")
    answer = await chief.get("/", allow_redirects=False)
    assert answer.headers["Location"] == "/floor"
    answer = await chief.post("/state", data={"action": "ready", "csrf": await csrf_of(chief)})
    assert answer.status == 404


# ── his call ─────────────────────────────────────────────────────────────────

STEERING = (
    'action="/talk"',
    "/talk/transfer",
    *(f'data-key="{key}"' for key in ("hold", "mute", "transfer")),
)


async def test_a_call_that_is_not_steered_has_no_buttons_for_it(house: House) -> None:
    anna = await house.sign_in("1001")
    for steered in (True, False):
        talks(house, steered=steered)
        page = await (await anna.get("/")).text()
        assert "My call" in page
        assert [words in page for words in STEERING] == [steered] * len(STEERING)
        assert ("steered by the phone itself" in page) is not steered
    csrf = await csrf_of(anna)
    for path, form in (("/talk", {"wish": "hold"}), ("/talk/transfer", {"to": "agent:1002", "way": "blind"})):
        answer = await anna.post(path, data={"csrf": csrf, **form}, headers={"HX-Request": "true"})
        assert (answer.status, "own keys" in await answer.text()) == (409, True)
    assert house.desk.submitted == []
