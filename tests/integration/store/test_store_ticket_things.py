"""Tags, links, attachments, saved filters and templates, on both databases."""

from datetime import timedelta

import pytest

from bridge.errors import BadInput
from bridge.store import Store, Unit
from bridge.store.ticket_rows import TemplateConflict, TemplateRow
from tests.integration.store.conftest import START

LATER = START + timedelta(hours=1)


async def new(unit: Unit) -> int:
    return (await unit.tickets.create(source="web", fields={"subject": "s"}, by="anna", at=START)).id


async def test_tags(store: Store) -> None:
    async with store.unit() as unit:
        one, two = await new(unit), await new(unit)
        marks = unit.ticket_marks
        assert await marks.set_tags(one, ["  Срочно ", "VIP", "vip"], by="anna", at=LATER) == (
            "vip",
            "срочно",
        )
        await marks.set_tags(one, ["vip", "paper"], by="anna", at=LATER)
        await marks.set_tags(one, ["paper", "vip"], by="anna", at=LATER)
        await marks.set_tags(two, ["vest"], by="anna", at=LATER)
        assert await marks.tags([one, two, 99]) == {one: ("paper", "vip"), two: ("vest",)}
        assert await marks.known_tags("V", 10) == ["vest", "vip"]
        assert await marks.known_tags("", 2) == ["paper", "vest"]
        log = (await unit.ticket_changes.page(one, None, 10)).items
        assert [(row.action, row.before, row.after) for row in log[:2]] == [
            ("tag", "vip, срочно", "paper, vip"),
            ("tag", "", "vip, срочно"),
        ]
        row = await unit.tickets.get(one)
        assert row is not None
        assert row.version == 3
        for bad in (["a,b"], [" "], ["x" * 61], [str(number) for number in range(51)]):
            with pytest.raises(BadInput, match="tag"):
                await marks.set_tags(one, bad, by="anna", at=LATER)
        with pytest.raises(BadInput, match="no such ticket"):
            await marks.set_tags(99, ["x"], by="anna", at=LATER)


async def test_links(store: Store) -> None:
    async with store.unit() as unit:
        one, two = await new(unit), await new(unit)
        marks = unit.ticket_marks
        assert await marks.link(two, one, "related", by="anna", at=LATER)
        assert not await marks.link(one, two, "related", by="anna", at=LATER), "it is the same either way"
        assert await marks.link(one, two, "parent", by="anna", at=LATER)
        assert [(link.kind, link.ticket.id) for link in await marks.links(one)] in (
            [("related", two), ("parent", two)],
            [("parent", two), ("related", two)],
        )
        assert {link.kind for link in await marks.links(two)} == {"related", "child"}
        assert await marks.unlink(one, two, "parent", by="anna", at=LATER)
        assert not await marks.unlink(two, one, "parent", by="anna", at=LATER)
        assert [link.kind for link in await marks.links(two)] == ["related"]
        for a, b, kind in (
            (one, one, "related"),
            (one, two, "friend"),
            (one, 99, "related"),
            (one, 0, "parent"),
        ):
            with pytest.raises(BadInput, match="ticket"):
                await marks.link(a, b, kind, by="anna", at=LATER)


async def test_attachments_and_what_names_a_file(store: Store) -> None:
    async with store.unit() as unit:
        ticket = await new(unit)
        template = await unit.templates.save(set_name="mail", name="hello", subject="", body="")
        assert template is not None
        file = {"name": "ä.pdf", "media_type": "application/pdf", "bytes": 7, "sha256": "s", "file": "s/s"}
        one = await unit.attachments.add(**file, by="anna", at=START, ticket=ticket)  # type: ignore[arg-type]
        two = await unit.attachments.add(**file, by="anna", at=START, template=template.id)  # type: ignore[arg-type]
        assert await unit.attachments.of_ticket(ticket) == [one]
        assert await unit.attachments.get(two.id) == two
        whole = await unit.templates.get(template.id)
        assert whole is not None
        assert whole.attachments == (two,)
        assert await unit.attachments.remove(one.id, by="anna", at=LATER) == one
        assert await unit.attachments.remove(one.id, by="anna", at=LATER) is None
        assert await unit.attachments.named("s/s")
        assert await unit.templates.remove(template.id) == whole
        assert not await unit.attachments.named("s/s")
        with pytest.raises(BadInput, match="attachment"):
            await unit.attachments.add(**file, by="anna", at=START)  # type: ignore[arg-type]
        log = (await unit.ticket_changes.page(ticket, None, 10)).items
        assert [row.action for row in log] == ["delete_attachment", "attach", "create"]


async def test_filters_of_people_and_roles(store: Store) -> None:
    async with store.unit() as unit:
        filters = unit.filters
        mine = [await filters.save(name, "{}", owner="anna") for name in ("b", "a")]
        common = await filters.save("all", "{}", role="line1")
        await filters.save("other", "{}", role="line2")
        await filters.save("secret", "{}", owner="boris")
        assert await filters.seen_by("anna", {"line1"}) == [common, *mine]
        again = await filters.save("b", '{"x":1}', owner="anna")
        assert (again.id, again.query) == (mine[0].id, '{"x":1}')
        await filters.order([mine[1].id, mine[0].id, common.id, 2**70], owner="anna")
        assert [one.name for one in await filters.seen_by("anna", set())] == ["a", "b"]
        renamed = await filters.change(again, name=" c ", query="{}")
        assert await filters.get(again.id) == renamed
        assert (renamed.name, renamed.query, renamed.owner) == ("c", "{}", "anna")
        assert await filters.change(renamed, query='{"x":2}') == await filters.get(again.id)
        for wrong in ({"name": "a"}, {"name": " "}, {"query": "x" * 10_001}):
            with pytest.raises(BadInput, match="filter"):
                await filters.change(renamed, **wrong)
        assert not await filters.remove(mine[0].id, owner="boris")
        assert await filters.remove(mine[0].id, owner="anna")
        assert await filters.get(mine[0].id) is None
        for owner, role, name in (("", "", "x"), ("anna", "line1", "x"), ("anna", "", " ")):
            with pytest.raises(BadInput, match="filter"):
                await filters.save(name, "{}", owner=owner, role=role)


async def test_templates(store: Store) -> None:
    async with store.unit() as unit:
        save = unit.templates.save
        one = await save(set_name="mail", name="hello", subject="Re", body="Dear", language="en")
        two = await save(
            set_name="mail", name="hello", subject="Re", body="Уважаемый", language="ru", department="s"
        )
        assert await unit.templates.all() == [one, two]
        assert await unit.templates.all({"sales"}) == [one]
        assert one is not None
        assert two is not None
        changed = await save(id=one.id, set_name="mail", name="bye", subject="", body="B", language="en")
        assert isinstance(changed, TemplateRow)
        assert (changed.id, changed.name, changed.version) == (one.id, "bye", 2)
        met = await save(id=one.id, set_name="mail", name="x", subject="", body="C", if_version=1)
        assert met == TemplateConflict(changed) == await unit.templates.remove(one.id, if_version=1)
        with pytest.raises(BadInput, match="already"):
            await save(id=one.id, set_name="mail", name="hello", subject="", body="", language="ru")
        with pytest.raises(BadInput, match="template"):
            await save(set_name=" ", name="x", subject="", body="")
        assert await save(id=999, set_name="m", name="x", subject="", body="") is None
