"""Why this agent: offers by the API and on the call's page, in the reader's language."""

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bridge.centre.decision import Decision, Hindrance, Standing
from bridge.centre.explain import Verdict as Judgement
from bridge.centre.explain import explain
from bridge.centre.ids import AgentId, CallId, LegId, QueueName, Skill
from bridge.centre.plan import Strategy
from bridge.centre.strategies import metric
from bridge.web import reasons
from bridge.web.i18n import Languages
from tests.integration.web.web_house import API, T0, House, csrf_of
from tests.integration.web.web_samples import add_offers, add_ticket, explained, record

CALL = record(answered=True, ended=True)
HOSTILE = "<img src=x onerror=alert(1)>"


async def offers(house: House, call: str = CALL.id, status: int = 200) -> Any:
    client, token = await house.visitor(), await house.token("calls:read")
    answer = await client.get(f"{API}/calls/{call}/offers", headers=token)
    assert answer.status == status
    return await answer.json()


async def page(house: House, language: str, path: str = f"/calls/{CALL.id}") -> str:
    chief = await house.sign_in("chief")
    await chief.post("/language", data={"language": language, "csrf": await csrf_of(chief)})
    return await (await chief.get(path)).text()


# ── the API ──────────────────────────────────────────────────────────────────


async def test_offers_come_in_their_order_with_their_reasons(house: House) -> None:
    await add_ticket(house, CALL)
    await add_offers(house, CALL)
    told = await offers(house)
    assert told["next"] is None
    assert [(one["agent"], one["end"], one["strategy"]) for one in told["items"]] == [
        ("1002", "no_answer", "leastrecent"),
        ("1001", "answered", "ringall"),
        ("1002", "answered_elsewhere", "ringall"),
    ]
    first = told["items"][0]
    assert (first["call_id"], first["leg"], first["queue"]) == (CALL.id, f"{CALL.id}-agent-1", "support")
    assert (first["needs"], first["highest_penalty"], first["preferred"]) == ({"english": 2}, 1, "1002")
    judged = {one["agent"]: (one["verdict"], one["rank"], one["detail"]) for one in first["candidates"]}
    assert judged == {
        "1002": ("chosen", 1, ""),
        "1001": ("skill", None, "english 1 < 2"),
        "1003": ("hindered", None, "paused lunch"),
    }


async def test_an_offer_that_rings_has_no_end_yet(house: House) -> None:
    await add_ticket(house, CALL, recorded=False)
    async with house.store.unit() as unit:
        await unit.offers.save(explained(CALL)[0])
    (offer,) = (await offers(house))["items"]
    assert (offer["end"], offer["ended_at"]) == (None, None)
    assert "Ringing" in await page(house, "en")


async def test_a_call_without_offers_and_no_call_at_all_differ(house: House) -> None:
    await add_ticket(house, CALL)
    assert (await offers(house))["items"] == []
    await offers(house, "nothing", 404)
    assert "why-title" not in await page(house, "en")


async def test_offers_are_seen_by_who_sees_the_call(house: House) -> None:
    call = replace(CALL, queue=QueueName("sales"), agent=AgentId("1002"))
    call = replace(call, legs=(call.legs[0], replace(call.legs[1], agent=AgentId("1002"))))
    await add_ticket(house, call)
    await add_offers(house, call)
    anna, boris, chief = (
        await house.sign_in("1001"),
        await house.sign_in("1002"),
        await house.sign_in("chief"),
    )
    assert (await anna.get(f"/calls/{call.id}")).status == 403
    assert "why-title" in await (await boris.get(f"/calls/{call.id}")).text()
    path = f"{API}/calls/{call.id}/offers"
    assert [(await client.get(path)).status for client in (anna, boris, chief)] == [403, 403, 200]
    visitor = await house.visitor()
    assert (await visitor.get(path, headers=await house.token("agents:read"))).status == 403


# ── the page ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "en",
            (
                "Why this agent",
                "Longest idle",
                "Did not answer",
                "Another agent was faster",
                "Chosen: 1",
                "Not free: 1",
                "Lacks a skill: 1",
                "english: has 1, needed 2",
                "pause: Lunch",
                "penalty 1, idle since",
                "after 0:20",
                "Highest penalty asked",
            ),
        ),
        (
            "ru",
            (
                "Почему этот оператор",
                "Дольше всех свободен",
                "Не ответил",
                "Другой оператор ответил раньше",
                "Выбран: 1",
                "Не свободен: 1",
                "Не хватает навыка: 1",
                "english: есть 1, нужно 2",
                "перерыв: Обед",
                "штраф 1, свободен с",
                "через 0:20",
                "Наибольший штраф",
            ),
        ),
    ],
)
async def test_the_page_explains_each_choice(house: House, language: str, words: tuple[str, ...]) -> None:
    await add_ticket(house, CALL)
    await add_offers(house, CALL)
    html = await page(house, language)
    for word in (*words, "Борис Орлов", "Vera Lind", "+0:09", "+0:29"):
        assert word in html, word
    why = html[html.index("why-title") :]
    assert why.count("<details>") == 2, "phones that rang at once are one choice"
    assert "<details open" not in why, "everybody but the chosen is folded away"
    summaries = re.findall(r"<summary>.*?</summary>", why, re.DOTALL)
    assert all("Vera Lind" not in summary for summary in summaries)


async def test_a_long_story_shows_its_end_and_the_way_to_the_rest(house: House) -> None:
    await add_ticket(house, CALL)
    first = explained(CALL)[0]
    async with house.store.unit() as unit:
        for number in range(25):
            leg, at = LegId(f"{CALL.id}-agent-{number + 1}"), first.at + timedelta(seconds=number)
            await unit.offers.save(replace(first, leg=leg, at=at))
    html = await page(house, "en")
    assert html.count('<p class="choice-when">') == 20
    assert "5 earlier choices" in html
    assert "+0:33" in html
    whole = re.search(r'href="(/calls/[^"#]*\?all=1)#why-title"', html)
    assert whole
    html = await page(house, "en", whole[1])
    assert html.count('<p class="choice-when">') == 25
    assert "earlier choices" not in html


async def test_what_people_typed_stays_text(house: House) -> None:
    await add_ticket(house, CALL)
    order = explained(CALL)[0]
    vera = order.decision.standings[2]
    paused = Standing(vera.agent, 2, 2, {}, Hindrance.PAUSED, HOSTILE)
    needs = ((Skill(HOSTILE), 1),)
    standings = (*order.decision.standings[:2], paused)
    decision = order.decision._replace(needs=needs, standings=standings)
    async with house.store.unit() as unit:
        await unit.offers.save(replace(order, agent=AgentId(HOSTILE), decision=decision))
    for language in ("en", "ru"):
        html = await page(house, language)
        assert HOSTILE not in html
        assert "&lt;img src=x" in html


# ── the centre's words in Russian ────────────────────────────────────────────


def _standing(agent: str, **fields: Any) -> Standing:
    given = {"position": 0, "penalty": 0, "skills": {}, "hindrance": None, **fields}
    return Standing(AgentId(agent), **given)


def _decision(strategy: Strategy, *standings: Standing, **fields: Any) -> Decision:
    base = Decision(
        CallId("1.1"), QueueName("q"), strategy, (), None, None, 0, 0, (standings[0].agent,), standings
    )
    return base._replace(**fields)


@pytest.mark.parametrize("strategy", list(Strategy))
@pytest.mark.parametrize("calls", [0, 1, 2, 5])
def test_whatever_a_strategy_compared_is_said_in_russian(strategy: Strategy, calls: int) -> None:
    russian = Languages()["ru"]
    fields: dict[str, Any] = {"calls": calls, "talked": timedelta(seconds=90 * calls)}
    if calls:
        fields["idle_since"] = T0
    for penalty in (0, 3):
        chosen, other = _standing("1", penalty=penalty, **fields), _standing("2", penalty=penalty, **fields)
        decision = _decision(strategy, chosen, other)
        for standing in (chosen, other):
            words = str(reasons.compared(russian, metric(decision, standing)[1], T0 + timedelta(minutes=1)))
            shown = re.sub(r"<[^>]*>|UTC", "", words)
            assert re.search("[а-я]", shown), shown
            assert not re.search("[A-Za-z]", shown), shown
            assert ("штраф 3" in shown) == (penalty == 3)


@pytest.mark.parametrize("hindrance", list(Hindrance))
def test_every_hindrance_is_said_in_russian(hindrance: Hindrance) -> None:
    out = _standing("2", hindrance=hindrance, reason="lunch" if hindrance is Hindrance.PAUSED else "")
    judged = explain(_decision(Strategy.LINEAR, _standing("1"), out))[1]
    words = reasons.detail(Languages()["ru"], judged.detail, judged.verdict.value, {})
    assert re.fullmatch("[а-яё: ]+", words, re.IGNORECASE), words


def test_every_other_verdict_is_said_in_russian() -> None:
    russian, names = Languages()["ru"], {"1": "Анна"}
    able = {Skill("english"): 2}
    chosen, unable = _standing("1", skills=able), _standing("2")
    dear, other = _standing("3", penalty=5, skills=able), _standing("4", skills=able)
    decision = _decision(
        Strategy.LINEAR,
        chosen,
        unable,
        dear,
        other,
        needs=((Skill("english"), 2),),
        highest_penalty=4,
        preferred=AgentId("1"),
    )
    said = {
        judged.verdict: reasons.detail(russian, judged.detail, judged.verdict.value, names)
        for judged in explain(decision)
    }
    assert said == {
        Judgement.CHOSEN: "",
        Judgement.SKILL: "english: есть 0, нужно 2",
        Judgement.PENALTY: "штраф 5, спрашивают до 4",
        Judgement.NOT_PREFERRED: "Анна",
    }


def test_an_idle_time_is_of_the_day_before_when_it_would_be_in_the_future() -> None:
    english = Languages()["en"]
    midnight = T0.replace(hour=0, minute=5)
    assert "2026-03-13T23:58:00" in reasons.compared(english, "idle since 23:58:00", midnight)
    assert "2026-03-14T00:01:00" in reasons.compared(english, "idle since 00:01:00", midnight)


@pytest.mark.parametrize("metric", ["", "something new", "idle since 99:99:99", "penalty 1, <b>", "place x"])
def test_words_that_nobody_knows_are_shown_as_they_are(metric: str) -> None:
    words = reasons.compared(Languages()["ru"], metric, T0)
    assert "<" not in words
    for part in metric.replace("penalty 1, ", "").replace("idle since ", "").replace("<b>", "").split():
        assert part in words
