"""The supervisor's floor: queues with their figures and warnings, agents with their phones."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bridge.centre.ids import AgentId
from bridge.engine.ports import FloorView, LiveParty, LiveQueue
from tests.integration.web.web_house import House, csrf_of
from tests.integration.web.web_samples import busy_floor

SECOND = timedelta(seconds=1)


async def floor(house: House, language: str = "en") -> str:
    chief = await house.sign_in("chief")
    await chief.post("/language", data={"language": language, "csrf": await csrf_of(chief)})
    return await (await chief.get("/floor")).text()


def row_of(html: str, title: str) -> str:
    """The queue's row, without the rest of the page."""
    rows = re.findall(r"<tr.*?</tr>", html[html.index('class="queues"') :], re.DOTALL)
    return next(row for row in rows if f'<th scope="row">{title}</th>' in row)


@pytest.mark.parametrize(
    ("language", "late", "spoken"),
    [
        ("en", "too long", "Поддержка: waits longer than the service level"),
        ("ru", "слишком долго", "Поддержка: ждут дольше уровня сервиса"),
    ],
)
async def test_a_queue_shows_its_figures_and_warns(
    house: House, language: str, late: str, spoken: str
) -> None:
    now = datetime.now(UTC)
    house.desk.show(busy_floor(now))
    html = await floor(house, language)
    support, sales = row_of(html, "Поддержка"), row_of(html, "Продажи")
    text = " ".join(re.sub(r"<[^>]*>", " ", support).split())
    assert re.search(r"^Поддержка 2 .* 0 / 2 1:35 0:20$", text), text
    assert 'class="is-late"' in support
    assert f"</span> {late}</span>" in support, "told by a word too, not by colour alone"
    assert f'data-late="{spoken}"' in support
    mark = re.search(r'data-late-at="(\d+)" data-late="[^"]*" (hidden)?>', support)
    assert mark
    assert not mark[2]
    assert int(mark[1]) == round((now - 27 * SECOND).timestamp() * 1000), "when the longest wait passed 20 s"
    assert 'class="is-late"' not in sales
    assert re.search(r'data-late-at="\d+" data-late="[^"]*" hidden>', sales), "the page's own clock shows it"


async def test_a_queue_without_callers_is_calm(house: House) -> None:
    view = busy_floor(datetime.now(UTC))
    quiet = LiveQueue("support", 0, None, 2, 1, timedelta(0))
    house.desk.show(type(view)((), (), view.agents, (quiet,)))
    html = await floor(house)
    support = row_of(html, "Поддержка")
    assert "data-late-at" not in support
    assert "1 / 2" in support
    assert ">0:00<" in support, "an expected wait of nothing is known, and is none"
    assert "Продажи</th>" not in html, "what the floor does not know yet is not made up"


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("Pause · Lunch", "Signed out · Phone away", "not registered", "in use", "idle")),
        ("ru", ("Перерыв · Обед", "Не в системе · Нет телефона", "не зарегистрирован", "используется")),
    ],
)
async def test_agents_show_state_reason_and_phone(
    house: House, language: str, words: tuple[str, ...]
) -> None:
    house.desk.show(busy_floor(datetime.now(UTC)))
    html = await floor(house, language)
    for word in words:
        assert word in html, word


# ── what they do in a call ───────────────────────────────────────────────────


def in_call(now: datetime, *parties: LiveParty, **call: Any) -> FloorView:
    """Anna has talked for 190 s; these are in her call now."""
    view = busy_floor(now)
    first = replace(view.calls[0], parties=parties, **call)
    return replace(view, calls=(first, *view.calls[1:]))


def lines_of(html: str, heading: str, now: datetime) -> list[str]:
    """The words of each row in the table below it, with the seconds that its clock tells."""
    table = html[html.index(f'id="{heading}"') :].partition("</table>")[0]
    clock = r'<time[^>]*data-since="(\d+)"[^>]*>[^<]*'
    table = re.sub(clock, lambda since: f"{now.timestamp() - int(since[1]) / 1000:.0f} s", table)
    rows = re.findall(r"<tr.*?</tr>", table, re.DOTALL)[1:]
    return [" ".join(re.sub(r"<[^>]*>", " ", row).split()) for row in rows]


@pytest.mark.parametrize(
    ("language", "doing", "words"),
    [
        ("en", "talk", "With the client"),
        ("en", "hold", "The client hears music"),
        ("en", "consult", "In consultation"),
        ("en", "held", "Waits on hold"),
        ("en", "conference", "All together"),
        ("ru", "hold", "Клиент слушает музыку"),
        ("ru", "talk", "С клиентом"),
    ],
)
async def test_what_an_agent_does_is_told_in_words_and_since_it_began(
    house: House, language: str, doing: str, words: str
) -> None:
    now = datetime.now(UTC)
    house.desk.show(in_call(now, LiveParty(AgentId("1001"), doing, now - 65 * SECOND)))
    html = await floor(house, language)
    assert re.search(rf"^Анна Смирнова 1001 {words} 65 s ", lines_of(html, "floor-agents", now)[0])
    assert re.search(
        rf"^\+7 916 123-45-67 {words} Поддержка Анна Смирнова 65 s ", lines_of(html, "floor-calls", now)[0]
    )


async def test_each_of_several_in_a_call_has_a_line_and_a_clock(house: House) -> None:
    now = datetime.now(UTC)
    parties = (
        LiveParty(AgentId("1001"), "talk", now - 20 * SECOND),
        LiveParty(None, "held", now - 40 * SECOND),
    )
    house.desk.show(in_call(now, *parties, state="consulting"))
    html = await floor(house)
    first, second, *_ = lines_of(html, "floor-calls", now)
    assert re.search("With the client Поддержка Анна Смирнова 20 s ", first)
    assert re.search("^Waits on hold Number outside 40 s$", second), (
        "caller, queue and recording are the first's"
    )
    assert html.count('rowspan="2"') == 3


async def test_whose_phone_rings_is_told_beside_who_waits_for_it(house: House) -> None:
    now = datetime.now(UTC)
    anna = LiveParty(AgentId("1001"), "hold", now - 8 * SECOND)
    house.desk.show(in_call(now, anna, state="ringing", agent=AgentId("1002")))
    first, second, *_ = lines_of(await floor(house), "floor-calls", now)
    assert "The client hears music Поддержка Анна Смирнова" in first
    assert second.startswith("Ringing Борис Орлов")


async def test_where_no_doing_is_known_the_state_is_shown(house: House) -> None:
    now = datetime.now(UTC)
    house.desk.show(in_call(now))
    html = await floor(house)
    assert re.search(r"^Анна Смирнова 1001 Talking 190 s ", lines_of(html, "floor-agents", now)[0])
    assert "Talking Поддержка Анна Смирнова 190 s" in lines_of(html, "floor-calls", now)[0]


@pytest.mark.parametrize(("language", "words"), [("en", "Outside the queues"), ("ru", "Вне очередей")])
async def test_a_call_known_from_ami_alone_is_told_from_one_without_a_queue(
    house: House, language: str, words: str
) -> None:
    """Nobody can be beside its agent: why there is no button is not left to be guessed."""
    now = datetime.now(UTC)
    anna = LiveParty(AgentId("1001"), "talk", now)
    for steered, shown in ((True, "–"), (False, words)):
        house.desk.show(in_call(now, anna, steered=steered, queue=None))
        first, *_ = lines_of(await floor(house, language), "floor-calls", now)
        assert f" {shown} Анна Смирнова" in first
