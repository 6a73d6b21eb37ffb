"""After the call: the wrap-up's time and its extension, how the call ended, why no call can come."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from bridge.centre.facts import AgentPaused, CallDisposed, Feature, FeatureDialled, Verdict, WrapUpExtended
from bridge.centre.ids import AgentId, CallId, Endpoint, LegId
from bridge.centre.plan import Plan
from bridge.web import labels
from bridge.web.context import PARTS
from tests.integration.web.web_house import House, csrf_of
from tests.integration.web.web_samples import add_client, card, record

ANNA = AgentId("1001")


def plan_of(house: House) -> Plan:
    return house.server.app[PARTS].plan()


def wrap_up(house: House, *, may_extend: bool = True) -> datetime:
    """Anna's, begun a moment ago; returns its end."""
    now = datetime.now(UTC)
    until = now + timedelta(seconds=25)
    house.desk.change("1001", state="wrap_up", since=now, until=until, may_extend=may_extend)
    return until


async def speak(client: TestClient, language: str) -> TestClient:
    await client.post("/language", data={"language": language, "csrf": await csrf_of(client)})
    return client


async def press(client: TestClient, path: str = "/state", **fields: str) -> Any:
    headers = {"X-CSRF-Token": await csrf_of(client), "HX-Request": "true"}
    return await client.post(path, data=fields, headers=headers)


# ── the wrap-up ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("language", "left", "extend", "why"),
    [
        ("en", "Time left", "Extend <kbd", "extended once, and only where"),
        ("ru", "Осталось", "Продлить <kbd", "продлить один раз"),
    ],
)
async def test_a_wrap_up_shows_its_end_and_is_extended_once(
    house: House, language: str, left: str, extend: str, why: str
) -> None:
    anna = await speak(await house.sign_in("1001"), language)
    until = wrap_up(house)
    html = await (await anna.get("/")).text()
    assert left in html
    assert f'data-until="{round(until.timestamp() * 1000)}"' in html
    assert extend in html
    assert "disabled" not in html
    assert why not in html
    html = await (await press(anna, action="extend_wrap_up")).text()
    assert house.desk.submitted == [WrapUpExtended(ANNA)]
    later = until + timedelta(seconds=30)
    assert f'data-until="{round(later.timestamp() * 1000)}"' in html
    assert 'disabled aria-describedby="extend-why"' in html
    assert why in html


async def test_where_no_queue_extends_that_is_said(house: House) -> None:
    anna, plan = await house.sign_in("1001"), plan_of(house)
    for name, queue in plan.queues.items():
        plan.queues[name] = replace(queue, wrap_up_extension=timedelta(0))  # type: ignore[index]
    wrap_up(house, may_extend=False)
    assert "Your queues do not let a wrap-up be extended." in await (await anna.get("/")).text()


async def test_no_other_state_has_an_end(house: House) -> None:
    anna = await house.sign_in("1001")
    for state in ("ready", "talking", "paused", "ringing", "logged_out"):
        house.desk.change("1001", state=state, until=None)
        html = await (await anna.get("/")).text()
        assert "data-until" not in html
        assert "extend_wrap_up" not in html
        assert 'id="disposition-title"' not in html


# ── how the call ended ───────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("How did the call end?", "Resolved", "To be continued", "Wrong number", "доставка")),
        (
            "ru",
            ("Чем закончился звонок?", "Вопрос решён", "Нужно продолжение", "Ошибочный звонок", "доставка"),
        ),
    ],
)
async def test_the_agent_says_how_the_call_ended(house: House, language: str, words: tuple[str, ...]) -> None:
    anna = await speak(await house.sign_in("1001"), language)
    who = await add_client(house.store, "Мария Кузнецова", "+79161234567")
    call = record(client=who, verdict=Verdict.KNOWN, answered=True, ended=True)
    await house.screens.open_card(card(call, "1001", who))
    wrap_up(house)
    stream = await house.listen(anna, "/events?page=desktop")
    sent = await stream.until("disposition", words[0])
    for word in (*words, "Мария Кузнецова"):
        assert word in sent.data, word
    assert 'aria-pressed="true"' not in sent.data
    html = await (await press(anna, "/disposition", disposition="wrong_number")).text()
    assert house.desk.submitted == [CallDisposed(ANNA, "wrong_number")]
    assert html.count('aria-pressed="true"') == 1
    assert 'value="wrong_number" id="disposition-3" data-digit="3" aria-pressed="true"' in html
    await house.log(CallDisposed(ANNA, "wrong_number"))
    await press(anna, action="end_wrap_up")
    await stream.until("state", "Ready" if language == "en" else "Готов")
    assert words[0] not in await (await anna.get("/")).text()


async def test_what_was_dialled_on_the_phone_is_on_the_screen(house: House) -> None:
    anna = await house.sign_in("1001")
    wrap_up(house)
    stream = await house.listen(anna, "/events?page=desktop")
    await stream.until("disposition", "How did the call end?")
    call, at = CallId("9.9"), datetime.now(UTC)

    def dial(phone: str, digit: str) -> None:
        endpoint = Endpoint(f"PJSIP/{phone}")
        fact = FeatureDialled(call, LegId(call), endpoint, Feature.DISPOSITION, digit)
        house.desk.happen(fact, at)

    dial("1099", "1")  # nobody's phone
    dial("1001", "8")  # no such digit
    dial("1002", "1")  # not hers
    dial("1001", "2")
    sent = await stream.until("disposition", 'aria-pressed="true"')
    assert 'value="follow_up" id="disposition-2" data-digit="2" aria-pressed="true"' in sent.data
    assert [one.event for one in stream.seen].count("disposition") == 2


async def test_the_word_for_an_earlier_call_is_not_this_one_s(house: House) -> None:
    anna = await house.sign_in("1001")
    wrap_up(house)
    await press(anna, "/disposition", disposition="resolved")
    assert 'aria-pressed="true"' in await (await press(anna, "/disposition", disposition="resolved")).text()
    house.desk.change("1001", since=datetime.now(UTC) + timedelta(seconds=1))  # the next call's wrap-up
    html = await (await anna.get("/")).text()
    assert "How did the call end?" in html
    assert 'aria-pressed="true"' not in html.split("<main")[1]


async def test_a_word_that_is_not_the_plan_s_is_refused(house: House) -> None:
    anna, chief = await house.sign_in("1001"), await house.sign_in("chief")
    wrap_up(house)
    for wrong in ("", "fly", "<b>"):
        answer = await press(anna, "/disposition", disposition=wrong)
        assert answer.status == 400
        assert "Disposition" in await answer.text()
    assert (await press(chief, "/disposition", disposition="resolved")).status == 404
    assert house.desk.submitted == []
    plan_of(house).dispositions.clear()  # type: ignore[attr-defined]
    assert "How did the call end?" not in await (await anna.get("/")).text()


async def test_a_disposition_without_scripts_leads_back(house: House) -> None:
    anna = await house.sign_in("1001")
    wrap_up(house)
    data = {"disposition": "resolved", "csrf": await csrf_of(anna)}
    answer = await anna.post("/disposition", data=data, allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/")


# ── pauses ───────────────────────────────────────────────────────────────────


async def test_the_reasons_are_the_plan_s(house: House) -> None:
    anna, plan = await house.sign_in("1001"), plan_of(house)
    html = await (await anna.get("/")).text()
    for digit, reason in plan.pause_reasons.items():
        assert f'name="reason" value="{reason}" data-digit="{digit}"' in html
    assert 'value="meeting"' not in html
    assert (await press(anna, action="pause", reason="meeting")).status == 400
    plan.pause_reasons["4"] = "приёмка"  # type: ignore[index]
    assert "приёмка" in await (await anna.get("/")).text()
    assert (await press(anna, action="pause", reason="приёмка")).status == 200
    plan.pause_reasons.clear()  # type: ignore[attr-defined]
    house.desk.set_agent("1001", "ready")
    html = await (await anna.get("/")).text()
    assert all(f'name="reason" value="{reason}"' in html for reason in labels.PAUSE_REASONS)
    assert 'value="unanswered"' not in html, "that one is not his own choice"
    assert (await press(anna, action="pause", reason="meeting")).status == 200
    assert house.desk.submitted == [AgentPaused(ANNA, "приёмка"), AgentPaused(ANNA, "meeting")]


@pytest.mark.parametrize(("language", "word"), [("en", "Calls not answered"), ("ru", "Не отвечал на звонки")])
async def test_an_imposed_pause_says_why(house: House, language: str, word: str) -> None:
    anna, chief = await house.sign_in("1001"), await house.sign_in("chief")
    house.desk.set_agent("1001", "paused", "unanswered")
    assert word in await (await (await speak(anna, language)).get("/")).text()
    assert word in await (await (await speak(chief, language)).get("/floor")).text()


# ── the phone ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("phone", "english", "russian"),
    [
        ("not registered", "see that it is switched on", "проверьте, что он включён"),
        ("does not answer", "is registered, but does not answer", "зарегистрирован, но не отвечает"),
        ("unknown to Asterisk", "Ask the engineer to set it up", "Попросите инженера настроить"),
        ("no state", "has no state of your phone", "не знает состояния вашего телефона"),
        ("idle", "Your phone (idle) does not take calls", "Ваш телефон (свободен) не принимает"),
        ("<b>odd</b>", "Your phone (&lt;b&gt;odd&lt;/b&gt;)", "Ваш телефон (&lt;b&gt;odd&lt;/b&gt;)"),
        ("", "Your phone is not connected", "Ваш телефон не на связи"),
    ],
)
async def test_an_absent_phone_says_why_and_what_to_do(
    house: House, phone: str, english: str, russian: str
) -> None:
    anna = await house.sign_in("1001")
    house.desk.change("1001", state="logged_out", reason="phone", reachable=False, phone=phone)
    html = await (await anna.get("/")).text()
    assert english in html
    assert "Phone away" in html
    await speak(anna, "ru")
    html = await (await anna.get("/")).text()
    assert russian in html
    assert "Нет телефона" in html
    house.desk.change("1001", state="ready", reason="", reachable=True)
    assert russian not in await (await anna.get("/")).text()
