"""The supervisor's floor: queues with their figures and warnings, agents with their phones."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from bridge.engine.ports import LiveQueue
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
