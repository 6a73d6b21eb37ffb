"""Saved filters and templates: whose they are, and who may change them."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bridge.crm.ticketing.desk import Actor, TicketDesk
from bridge.crm.ticketing.filters import Filter
from bridge.crm.ticketing.rights import Who
from bridge.crm.ticketing.sets import TicketSets
from bridge.errors import BadInput, NotAllowed
from bridge.store import Store
from bridge.store.ticket_rows import TemplateConflict, TemplateRow
from tests.fakes.databases import fill_sqlite
from tests.unit.crm.ticketing.test_desk_rights import NOW
from tests.unit.crm.ticketing.test_rights import SETTINGS

ANNA, BORIS = Actor(Who("1001"), "anna"), Actor(Who("1004"), "boris")
OF_SUPPORT = Actor(Who("1010", supervisor=True), "olga")
OF_ALL = Actor(Who(None, supervisor=True), "chief")
CRM = Actor(Who(program=True), "token crm")
URGENT = Filter(priorities=("urgent",))
HELLO = TemplateRow(0, "Answers", "", "Hello", "", "Dear {client_name}", "en")


@pytest.fixture
async def sets(tmp_path: Path) -> AsyncIterator[TicketSets]:
    store = await Store.open(await fill_sqlite(tmp_path / "tickets.db"))
    async with store.unit() as unit:
        for login in ("anna", "boris"):
            await unit.users.add(login, "-", "agent", None, "en")
    yield TicketSets(store, TicketDesk(store, lambda: SETTINGS, lambda: NOW))
    await store.close()


async def names(sets: TicketSets, actor: Actor, owner: str = "") -> list[str]:
    return [row.name for row in await sets.filters(actor, owner)]


async def test_everybody_has_his_own_and_his_role_s(sets: TicketSets) -> None:
    await sets.save_filter(ANNA, "Mine", URGENT, owner="anna")
    await sets.save_filter(OF_SUPPORT, "Agents'", URGENT, role="agent")
    await sets.save_filter(OF_ALL, "Supervisors'", URGENT, role="supervisor")
    assert await names(sets, ANNA) == ["Agents'", "Mine"]
    assert await names(sets, BORIS, "anna") == ["Agents'"], "nobody asks for another one's"
    assert await names(sets, OF_ALL) == ["Agents'", "Supervisors'"]
    assert await names(sets, CRM, "anna") == ["Agents'", "Supervisors'", "Mine"]


@pytest.mark.parametrize(
    ("actor", "whose"),
    [(ANNA, {"role": "agent"}), (ANNA, {"owner": "boris"}), (OF_ALL, {"owner": "anna"}), (ANNA, {})],
)
async def test_nobody_saves_for_others(sets: TicketSets, actor: Actor, whose: Any) -> None:
    with pytest.raises(NotAllowed, match="everybody keeps his own"):
        await sets.save_filter(actor, "x", URGENT, **whose)
    assert await names(sets, CRM, "boris") == []


async def test_nobody_changes_what_is_not_his(sets: TicketSets) -> None:
    own = await sets.save_filter(ANNA, "Mine", URGENT, owner="anna")
    shared = await sets.save_filter(OF_SUPPORT, "Agents'", URGENT, role="agent")
    assert await sets.change_filter(BORIS, own.id, name="x") is None, "he does not even see it"
    assert await sets.remove_filter(OF_ALL, own.id) is None
    with pytest.raises(NotAllowed):
        await sets.change_filter(BORIS, shared.id, name="x")
    with pytest.raises(NotAllowed):
        await sets.remove_filter(ANNA, shared.id)
    changed = await sets.change_filter(ANNA, own.id, name="  My   own ", filter=Filter(text="fire"))
    assert changed is not None
    assert (changed.name, changed.query) == ("My own", '{"text":"fire"}')
    assert await names(sets, ANNA) == ["Agents'", "My own"]
    await sets.save_filter(ANNA, "Other", URGENT, owner="anna")
    with pytest.raises(BadInput, match="already"):
        await sets.change_filter(ANNA, own.id, name="Other")
    assert await sets.remove_filter(ANNA, own.id) == changed
    with pytest.raises(BadInput, match="nobody signs in"):
        await sets.save_filter(CRM, "x", URGENT, owner="vera")
    with pytest.raises(BadInput, match="one of agent, supervisor"):
        await sets.save_filter(CRM, "x", URGENT, role="king")


@pytest.mark.parametrize(
    ("actor", "department", "may"),
    [
        (ANNA, "support", False),
        (ANNA, "", False),
        (OF_SUPPORT, "support", True),
        (OF_SUPPORT, "billing", False),
        (OF_SUPPORT, "", False),
        (OF_ALL, "billing", True),
        (OF_ALL, "", True),
        (CRM, "", True),
    ],
)
async def test_supervisors_keep_templates(sets: TicketSets, actor: Actor, department: str, may: bool) -> None:
    wanted = replace(HELLO, department=department)
    there = await sets.save_template(CRM, replace(wanted, name="There"))
    assert there is not None
    if may:
        made = await sets.save_template(actor, wanted)
        assert made is not None
        assert isinstance(made, TemplateRow)
        assert department in sets.keeps(actor)
        changed = replace(made, body="Good day", version=2)
        assert await sets.save_template(actor, replace(made, body="Good day"), made.version) == changed
        met = TemplateConflict(changed)
        assert await sets.save_template(actor, replace(made, body="Hello"), made.version) == met
        assert await sets.remove_template(actor, made.id, made.version) == met
        assert await sets.remove_template(actor, made.id, changed.version) == changed
        return
    assert department not in sets.keeps(actor)
    with pytest.raises(NotAllowed, match="kept by supervisors"):
        await sets.save_template(actor, wanted)
    if await sets.template(actor, there.id) is not None:
        with pytest.raises(NotAllowed):
            await sets.remove_template(actor, there.id)
    assert await sets.template(CRM, there.id) == there


async def test_nobody_takes_another_department_s_template_over(sets: TicketSets) -> None:
    theirs = await sets.save_template(CRM, replace(HELLO, department="reception"))
    assert theirs is not None
    with pytest.raises(NotAllowed):
        await sets.save_template(OF_SUPPORT, replace(theirs, department="support"))
    assert await sets.template(CRM, theirs.id) == theirs


async def test_templates_of_departments_that_he_may_not_read_are_hidden(sets: TicketSets) -> None:
    hidden = await sets.save_template(CRM, replace(HELLO, department="billing"))
    shown = await sets.save_template(CRM, replace(HELLO, name="All"))
    assert hidden is not None
    assert await sets.templates(ANNA) == [shown]
    assert await sets.template(ANNA, hidden.id) is None
    assert await sets.remove_template(ANNA, hidden.id) is None
    assert await sets.save_template(OF_SUPPORT, replace(hidden, department="support")) is None


@pytest.mark.parametrize(
    "wrong", [{"department": "kitchen"}, {"body": "{colour}"}, {"subject": "a\nb"}, {"body": " "}]
)
async def test_what_is_no_template_is_refused(sets: TicketSets, wrong: Any) -> None:
    with pytest.raises(BadInput):
        await sets.save_template(CRM, replace(HELLO, **wrong))
    assert await sets.templates(CRM) == []
