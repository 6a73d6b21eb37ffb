"""The rights matrix by HTTP: role × department × action, by every page and every request of the API.

What each cell is stands in rights_matrix.txt, and how an action is taken in ticket_ways.py. What is allowed
is done, by what the store says; what is refused changes nothing in it; and no page offers what is refused.
"""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest
import pytest_asyncio

from bridge.config import Settings
from bridge.config.rights import Action, Role
from bridge.store.ticket_rows import NewEntry
from bridge.web.guard import ROUTES
from tests.fakes.mail_server import MailServer
from tests.integration.web import ticket_ways as ways
from tests.integration.web.rights_scene import Scene, by_api, by_page, judged
from tests.integration.web.ticket_ways import Made, Way
from tests.integration.web.web_house import API, close_house, open_house
from tests.integration.web.web_samples import add_client
from tests.integration.web.web_tickets import until_shown
from tests.unit.crm.ticketing.test_rights import DEPARTMENTS, PEOPLE, RIGHTS, SETTINGS, table

pytestmark = pytest.mark.asyncio(loop_scope="module")
ASKED = {
    "classification": {"hardware": {"title": "Hardware"}},
    "fields": [{"key": "serial", "title": "Serial", "type": "text"}],
}
CELLS = [(department, role) for department, people in PEOPLE.items() for role in people]
RUNG = [(department, role) for department, role in CELLS if PEOPLE[department][role].agent is not None]
MATRIX = {
    (department, Role(role), Action(name)): cell == "yes"
    for department, (roles, *rows) in table().items()
    for name, *cells in rows
    for role, cell in zip(roles, cells, strict=True)
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    path = tmp_path_factory.mktemp("rights")
    house = await open_house(path, mailer=MailServer(port=9).mailer())
    departments = {name: {**one, **ASKED} for name, one in DEPARTMENTS.items()}
    mail = {"host": "mail.example.org", "sender": "desk@example.org"}
    house.settings = Settings.model_validate(
        {**SETTINGS.model_dump(exclude_unset=True), "departments": departments, "mail": mail}
    )
    scene = Scene(house, path)
    await scene.prepare()
    yield scene
    scene.close()
    await close_house(house)


# ── every cell ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("department", "role", "way"),
    [(*cell, way) for cell in CELLS for way in ways.PAGES if cell in RUNG or not way.is_card],
    ids=str,
)
async def test_every_cell_by_its_page(scene: Scene, department: str, role: Role, way: Way) -> None:
    who, allowed = PEOPLE[department][role], MATRIX[department, role, way.action]
    made = await scene.make(way, department)
    if way.is_card and who.agent is not None:
        await scene.show_card(made, who.agent)
    await scene.person(department, role)
    before = scene.kept()
    answer = await by_page(scene, way, made, department, role)
    await judged(scene, way, made, answer, allowed)
    assert allowed or scene.kept() == before


@pytest.mark.parametrize("way", ways.API_READS, ids=str)
@pytest.mark.parametrize(("department", "role"), CELLS)
async def test_every_cell_that_the_api_lets_a_person_have(
    scene: Scene, department: str, role: Role, way: Way
) -> None:
    made, (client, _) = await scene.make(way, department), await scene.person(department, role)
    before = scene.kept()
    answer = await by_api(client, way, made, {})
    await judged(scene, way, made, answer, MATRIX[department, role, way.action])
    assert scene.kept() == before


@pytest.mark.parametrize("way", [*ways.API_READS, *ways.API_WRITES], ids=str)
@pytest.mark.parametrize("department", list(DEPARTMENTS))
async def test_what_the_api_lets_a_program_do(scene: Scene, department: str, way: Way) -> None:
    """All of it, whatever the department, by its scope; a person changes nothing there, whoever he is."""
    client, _ = await scene.person("reception", Role.SUPERVISOR)
    made, reads = await scene.make(way, department), way.method == "GET"
    scope, other = ("tickets:read", "tickets:write") if reads else ("tickets:write", "tickets:read")
    good, refused = await scene.token(scope), [await scene.token(other), await scene.token("clients:write")]
    before = scene.kept()
    for headers in (*refused, *([] if reads else [{}])):
        answer = await by_api(client, way, made, headers)
        assert answer.status == 403, await answer.text()
        assert scene.kept() == before
    await judged(scene, way, made, await by_api(client, way, made, good), allowed=True)


@pytest.mark.parametrize(("department", "role"), CELLS)
async def test_the_api_says_what_somebody_may(scene: Scene, department: str, role: Role) -> None:
    client, _ = await scene.person(department, role)
    expected = [action.value for action in Action if MATRIX[department, role, action]]
    told = (await (await client.get(f"{API}/departments")).json())["items"]
    assert {one["name"]: one["may"] for one in told}[department] == expected
    id = (await scene.make(ways.API_READS[0], department)).id
    answer = await client.get(f"{API}/tickets/{id}")
    assert (await answer.json()).get("may", []) == (expected if "read" in expected else [])


# ── who has the ticket, or talked about it ───────────────────────────────────


@pytest.mark.parametrize("department", ["support", "billing"])
@pytest.mark.parametrize(
    "way", [one for one in ways.PAGES if one.action is not Action.CREATE and not one.hides], ids=str
)
async def test_who_has_the_ticket_may_what_line_1_may(scene: Scene, department: str, way: Way) -> None:
    """A call that was passed on brings its ticket to somebody of another department."""
    role = Role.OTHERS
    agent = PEOPLE[department][role].agent
    assert agent is not None
    made = await scene.make(way, department, assignee=agent)
    if way.is_card:
        await scene.show_card(made, agent)
    await scene.person(department, role)
    before = scene.kept()
    answer = await by_page(scene, way, made, department, role)
    allowed = MATRIX[department, Role.LINE1, way.action] or MATRIX[department, Role.OTHERS, way.action]
    await judged(scene, way, made, answer, allowed)
    assert allowed or scene.kept() == before


@pytest.mark.parametrize("queue", ["first", "night", None])
async def test_who_talked_in_a_departments_call_opens_its_ticket(scene: Scene, queue: str | None) -> None:
    """Of his own call: not of one where he was only rung, and not in another department."""
    role, way = Role.OTHERS, next(way for way in ways.PAGES if way.route == "/card/{call}/open-ticket")
    agent = PEOPLE["support"][role].agent
    assert agent is not None
    for answered in (True, False):
        made = await scene.make(way, "support")
        await scene.show_card(made, agent, queue=queue, answered=answered)
        answer = await by_page(scene, way, made, "support", role)
        await judged(scene, way, made, answer, allowed=answered and queue == "first")


# ── what pages offer ─────────────────────────────────────────────────────────


class Forms(HTMLParser):
    """Where the forms of a page lead, with the names and the values that can be sent by them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.sent: dict[str, dict[str, set[str]]] = {}
        self.links: set[str] = set()
        self._form = self._select = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        if tag == "form":
            self._form = said.get("action") or said.get("hx-post") or ""
            self.sent.setdefault(self._form, {})
        elif tag == "a":
            self.links.add(said.get("href") or "")
        elif tag == "option" and self._select:
            self.sent[self._form][self._select].add(said.get("value") or "")
        elif self._form and (name := said.get("name")) and said.get("type") != "hidden":
            self.sent[self._form].setdefault(name, set()).add(said.get("value") or "")
            self._select = name if tag == "select" else ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = self._select = ""


def offered(forms: Forms, made: Made, *, closed: bool) -> set[Action]:
    """By what is on the page of a ticket, or beside the card."""
    at, found = f"/tickets/{made.id}", set()
    whole = {**forms.sent.get(at, {}), **forms.sent.get(f"/card/{made.call}/ticket", {})}
    by_name = {
        Action.EDIT: {"subject", "solution", "disposition", "client", "field_serial"},
        Action.ASSIGN: {"assignee"},
        Action.REDIRECT: {"department", "line"},
        Action.PRIORITISE: {"priority"},
        Action.CLASSIFY: {"classification"},
        Action.NOTE: {"note"},
    }
    found |= {action for action, names in by_name.items() if names & whole.keys()}
    statuses = whole.get("status", set())
    if closed:
        found |= {Action.REOPEN} if statuses & {"open", "in_progress"} else set()
    else:
        found |= {Action.CLOSE} if "done" in statuses else set()
        found |= {Action.EDIT} if "in_progress" in statuses else set()
    modes = forms.sent.get(f"{at}/entries", {}).get("kind", set())
    kinds = {"note": Action.NOTE, "partner": Action.PARTNER, "mail_out": Action.REPLY}
    found |= {action for kind, action in kinds.items() if kind in modes}
    leads = {
        f"{at}/merge": Action.MERGE,
        f"{at}/links": Action.LINK,
        f"{at}/tags": Action.TAG,
        f"{at}/files": Action.ATTACH,
        f"{at}/files/{made.file}/remove": Action.DELETE_ATTACHMENT,
        f"/card/{made.call}/open-ticket": Action.CREATE,
        f"/card/{made.call}/take": Action.EDIT,
    }
    return found | {action for where, action in leads.items() if where in forms.sent}


FILES = "/tickets/{id}/files/{file}"
OF_A_PAGE = frozenset(Action) - {Action.READ, Action.CREATE, Action.EXPORT}


@pytest.mark.parametrize(("department", "role"), CELLS)
async def test_a_page_offers_what_may_be_done_and_nothing_else(
    scene: Scene, department: str, role: Role
) -> None:
    client, _ = await scene.person(department, role)
    allowed = {action for action in Action if MATRIX[department, role, action]}
    linked = next(way for way in ways.PAGES if way.linked)
    for way, closed in (
        (replace(linked, route=FILES), False),
        (replace(linked, route=FILES, closed=True), True),
    ):
        made = await scene.make(way, department)
        answer = await client.get(f"/tickets/{made.id}")
        forms = Forms(await answer.text())
        expected = allowed & OF_A_PAGE if Action.READ in allowed else set()
        expected -= {Action.CLOSE if closed else Action.REOPEN}
        assert offered(forms, made, closed=closed) == expected
    who = PEOPLE[department][role]
    opens = any(RIGHTS.may(who, name, Action.CREATE) for name in (*DEPARTMENTS, "night"))
    for path in ("/tickets", f"/clients/{made.client}"):
        forms = Forms(await (await client.get(path)).text())
        assert any(link.startswith("/tickets/new") for link in forms.links) == opens, path


@pytest.mark.parametrize(("department", "role"), RUNG)
async def test_the_card_offers_what_may_be_done_and_nothing_else(
    scene: Scene, department: str, role: Role
) -> None:
    """First of another ticket of the client's, then of the call's own, in which he has a part by it."""
    who = PEOPLE[department][role]
    assert who.agent is not None
    allowed = {action for action in Action if MATRIX[department, role, action]}
    involved = allowed | {action for action in Action if MATRIX[department, Role.LINE1, action]}
    involved = allowed if role is not Role.OTHERS else involved
    client, _ = await scene.person(department, role)
    take = next(way for way in ways.PAGES if way.route == "/card/{call}/take")
    caller = await add_client(scene.house.store, "Пётр")
    made = await scene.make(take, department, client=caller)
    async with scene.house.store.unit() as unit:
        entry = NewEntry("mail_in", "he@there.example", datetime.now(UTC), "Nobody else's business", "of it")
        letter = await unit.entries.append(made.id, entry)
    await scene.show_card(made, who.agent, client=caller)
    text = await until_shown(client, f'id="tickets-{made.call.replace(".", "-")}"')
    forms = Forms(text)
    assert (f"/tickets/{made.id}" in forms.links) == (Action.READ in allowed)
    for page in (text, await (await client.get(f"/clients/{caller}")).text()):
        assert "Mail from the client" in page, "that he wrote is for all who see him"
        assert ("Nobody else&#39;s business" in page) == (Action.READ in allowed)
        assert Action.READ in allowed or "he@there.example" not in page
        assert (f"/tickets/{made.id}#entry-{letter.id}" in Forms(page).links) == (Action.READ in allowed)
    assert (f"/card/{made.call}/take" in forms.sent) == (Action.EDIT in allowed)
    await scene.take(made)
    forms = Forms(await until_shown(client, f'id="ticket-{made.call.replace(".", "-")}-{made.id}"'))
    beside = {Action.EDIT, Action.PRIORITISE, Action.CLASSIFY, Action.CLOSE, Action.NOTE}
    assert offered(forms, made, closed=False) & beside == involved & beside


# ── nothing is left out ──────────────────────────────────────────────────────


async def test_every_action_has_ways_by_page_and_by_api() -> None:
    by_api = {way.action for way in (*ways.API_READS, *ways.API_WRITES)}
    assert by_api == set(Action)
    assert {way.action for way in ways.PAGES} == set(Action)


async def test_every_route_is_in_the_table_or_has_a_reason(scene: Scene) -> None:
    tried = {f"{way.method} {way.route}" for way in (*ways.PAGES, *ways.API_READS, *ways.API_WRITES)}
    served = {
        f"{route.method} {route.path}"
        for route in scene.house.server.app[ROUTES]
        if route.path in ("/tickets.csv", f"{API}/tickets.csv")
        or route.path.startswith(tuple(f"{one}/" for one in ways.BELOW))
        or route.path in ways.BELOW
    }
    assert served - tried - ways.NO_CELL.keys() == set(), "how is it guarded? put it into ticket_ways.py"
    assert (tried | ways.NO_CELL.keys()) - served == set(), "there is no such route any more"
    assert not tried & ways.NO_CELL.keys()
