"""The audit log as supervisors and programs read it: page and API, bounded by departments, never written."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from aiohttp.test_utils import TestClient

from bridge.centre.ids import QueueName
from bridge.web import labels
from tests.integration.web.web_house import API, T0, House, csrf_of, get
from tests.integration.web.web_samples import add_ticket, record

SUPPORT, SALES = "1710406800.7", "1710406800.8"
ENTRIES = [
    # by, action, about, call, detail
    ("agent 1003", "listen", "1001", SUPPORT, ""),
    ("chief", "barge", "1002", SUPPORT, ""),
    ("1001", "recording.listen", f"{SUPPORT}-rec-1", SUPPORT, "192.0.2.7"),
    ("token crm", "recording.download", f"{SALES}-rec-1", SALES, "192.0.2.9"),
    ("link", "recording.link_opened", f"{SALES}-rec-1", SALES, "maria@example.org"),
    ("retention", "recording.removed", f"{SUPPORT}-rec-1", SUPPORT, "90 d"),
    ("olga", "whisper", "1003", "", ""),
]


@pytest.fixture
async def log(house: House) -> House:
    for call, agent, queue in ((SUPPORT, "1001", "support"), (SALES, "1002", "sales")):
        await add_ticket(
            house, replace(record(call, agent=agent, answered=True, ended=True), queue=QueueName(queue))
        )
    async with house.store.unit() as unit:
        for place, (by, action, about, call, detail) in enumerate(ENTRIES):
            at = T0 + timedelta(minutes=place)
            await unit.audit.note(by=by, action=action, about=about, call=call, detail=detail, at=at)
    return house


def rows(html: str) -> list[list[str]]:
    """The table's cells as text, a row each."""
    body = re.search(r"<tbody>(.*?)</tbody>", html, re.DOTALL)
    found = re.findall(r"<tr>(.*?)</tr>", body[1], re.DOTALL) if body else []
    return [
        [
            " ".join(re.sub(r"<[^>]*>", "", cell).split())
            for cell in re.findall(r"<t[dh].*?</t[dh]>", row, re.DOTALL)
        ]
        for row in found
    ]


async def table(client: TestClient, query: str = "") -> list[tuple[str, ...]]:
    answer = await client.get(f"/audit{query}")
    assert answer.status == 200
    return [tuple(row[1:]) for row in rows(await answer.text())]


async def test_the_page_says_who_when_what_and_whom(log: House) -> None:
    chief = await log.sign_in("chief")
    html = await (await chief.get("/audit")).text()
    assert await table(chief) == [
        ("olga", "Whisper", "Vera Lind", "–", "–"),
        ("Retention period", "Recording removed", f"{SUPPORT}-rec-1", SUPPORT, "90 d"),
        ("Somebody with the link", "Link opened", f"{SALES}-rec-1", SALES, "maria@example.org"),
        ("Program crm", "Recording downloaded", f"{SALES}-rec-1", SALES, "192.0.2.9"),
        ("Анна Смирнова", "Recording heard", f"{SUPPORT}-rec-1", SUPPORT, "192.0.2.7"),
        ("chief", "Barge", "Борис Орлов", SUPPORT, "–"),
        ("Vera Lind", "Listening to a call", "Анна Смирнова", SUPPORT, "–"),
    ]
    assert f'<a href="/calls/{SALES}">' in html
    assert html.count('<th scope="col">') == 6
    assert '<caption class="visually-hidden">' in html
    assert 'href="/audit" aria-current="page"' in html
    await chief.post("/language", data={"language": "ru", "csrf": await csrf_of(chief)})
    assert (await table(chief))[-1] == (
        "Vera Lind",
        "Прослушивание разговора",
        "Анна Смирнова",
        SUPPORT,
        "–",
    )


@pytest.mark.parametrize(
    ("query", "left"),
    [
        (f"call={SALES}", [4, 3]),
        ("about=1001", [0]),
        (f"about={SUPPORT}-rec-1", [5, 2]),
        (f"about={SUPPORT}-rec-1&call={SALES}", []),
        ("about=nobody", []),
        ("call=%27%20OR%201=1--", []),
    ],
)
async def test_filters(log: House, query: str, left: list[int]) -> None:
    chief, token = await log.sign_in("chief"), await log.token("audit:read")
    found = (await get(chief, f"/audit?{query}", token))["items"]
    assert [one["action"] for one in found] == [ENTRIES[place][1] for place in left]
    shown = await table(chief, f"?{query}")
    assert [row[1] for row in shown] == [labels.ACTIONS[ENTRIES[place][1]] for place in left]
    if not left:
        assert "Nothing was written down that fits." in await (await chief.get(f"/audit?{query}")).text()


async def test_pages_follow_each_other(log: House) -> None:
    client, token = await log.visitor(), await log.token("audit:read")
    seen, cursor = [], ""
    for _ in ENTRIES:
        page = await get(client, f"/audit?limit=1{cursor}", token)
        seen += page["items"]
        cursor = f"&cursor={page['next']}"
    assert page["next"] is None
    assert seen == (await get(client, "/audit", token))["items"]
    assert [
        (one["by"], one["action"], one["about"], one["call_id"] or "", one["detail"]) for one in seen
    ] == (ENTRIES[::-1])
    assert seen[0]["at"].startswith("2026-03-14T09:06:00")
    await get(client, "/audit?cursor=nonsense", token, 400)
    await get(client, "/audit?by=chief", token, 400)
    async with log.store.unit() as unit:
        for place in range(60):
            await unit.audit.note(
                by="chief", action="listen", about="1001", at=T0 + timedelta(days=1, seconds=place)
            )
    chief = await log.sign_in("chief")
    html = await (await chief.get("/audit?about=1001")).text()
    assert len(rows(html)) == 50
    older = re.search(r'href="(/audit\?[^"]*cursor=[^"]+)"', html)
    assert older
    following = await (await chief.get(older[1].replace("&amp;", "&"))).text()
    assert len(rows(following)) == 11
    assert 'name="about" value="1001"' in following


@pytest.mark.parametrize(
    ("departments", "agent", "seen"),
    [
        ({"sales": ["1009"]}, "1009", [6, 4, 3, 1]),  # what Olga did, sales' calls, what was done to Boris
        ({"support": ["1009"]}, "1009", [6, 5, 4, 3, 2, 1, 0]),  # Boris serves support: his sales call too
        ({"night": ["1009"]}, "1009", [6]),
        ({"sales": ["1008"]}, "1009", [6, 5, 4, 3, 2, 1, 0]),  # named nowhere: the manager
        ({"sales": ["1008"]}, None, [6, 5, 4, 3, 2, 1, 0]),
    ],
)
async def test_a_supervisor_reads_what_concerns_his_departments(
    log: House, departments: dict[str, list[str]], agent: str | None, seen: list[int]
) -> None:
    log.departments.update(departments)
    olga = await log.supervisor("olga", agent)
    bounded = any(agent in named for named in departments.values())
    actions = [ENTRIES[place][1] for place in seen]
    found = (await (await olga.get(f"{API}/audit")).json())["items"]
    assert [one["action"] for one in found] == actions
    assert [row[1] for row in await table(olga)] == [labels.ACTIONS[action] for action in actions]
    html = await (await olga.get("/audit")).text()
    assert ("You see what concerns the calls and agents of your departments" in html) == bounded


async def test_only_supervisors_and_programs_with_the_scope_read_it(log: House) -> None:
    anna, visitor = await log.sign_in("1001"), await log.visitor()
    assert (await anna.get("/audit")).status == 403
    assert (await anna.get(f"{API}/audit")).status == 403
    assert 'href="/audit"' not in await (await anna.get("/")).text()
    assert (await visitor.get("/audit", allow_redirects=False)).status == 303
    assert (await visitor.get(f"{API}/audit")).status == 401
    await get(visitor, "/audit", await log.token("recordings:read"), 403)


async def test_nobody_writes_it(log: House) -> None:
    client, token = await log.visitor(), await log.token("*")
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        for path in ("/audit", "/audit/1"):
            answer = await client.request(method, API + path, headers=token, json={})
            assert answer.status in {404, 405}
    assert len(await log.audit()) == len(ENTRIES)


async def test_what_people_typed_stays_text(log: House) -> None:
    hostile = '<img src=x onerror="alert(1)">'
    async with log.store.unit() as unit:
        await unit.audit.note(by=hostile, action=hostile, about=hostile, call=hostile, detail=hostile)
    chief = await log.sign_in("chief")
    html = await (await chief.get("/audit")).text()
    assert "<img src=x" not in html
    assert html.count("&lt;img src=x") >= 5
    answer = await chief.get("/audit", params={"about": hostile, "call": '"><script>'})
    assert "<script>" not in re.sub(r"<script src=", "", await answer.text())


async def test_every_action_that_is_written_has_a_word() -> None:
    assert {
        "listen",
        "whisper",
        "barge",
        "take_over",
        "recording.listen",
        "recording.download",
        "recording.link",
        "recording.removed",
        "recording.pause",
        "recording.resume",
    } <= labels.ACTIONS.keys()
