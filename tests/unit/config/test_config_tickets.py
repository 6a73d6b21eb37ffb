"""The rules of tickets in the file: what may be said, and what contradicts itself."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import jsonschema
import pytest

from bridge.config import Settings, check, json_schema, load
from bridge.config.custom_fields import FieldType, Required
from bridge.config.hours import days_of, minutes_of
from bridge.config.loading import _checked
from bridge.config.rights import Action, Role
from bridge.config.source import read
from bridge.config.tickets import Policy, StatusKind
from tests.unit.config.examples import ROOT, SMALL
from tests.unit.config.rendering_of import Write

FULL = """\
tickets:
  statuses:
    open: {title: {en: New, ru: Новое}}
    waiting: {title: Waiting, kind: waiting}
    answered: {title: Answered, kind: temporary, closes_after_hours: 72, closes_as: refused}
    refused: {title: Refused, kind: closed}
  reopen_days: 7
departments:
  support:
    title: Support
    supervisors: ["1002"]
    lines: {1: ["1001"], 2: ["1002"], 3: []}
    rights:
      line1: {deny: [close]}
      others: [read]
    classification:
      hardware:
        title: {en: Hardware, ru: Оборудование}
        below: {printer: Printer}
      access: {en: Access, ru: Доступ}
    classification_required: close
    fields:
      - {key: note, title: Note, type: text}
      - {key: story, title: Story, type: long_text}
      - {key: floor, title: Floor, type: number, at_least: -2, at_most: 40}
      - {key: since, title: Since, type: date}
      - {key: urgent, title: Urgent, type: checkbox}
      - {key: make, title: Make, type: dropdown, options: [HP, Canon], required: create}
      - key: model
        title: Model
        type: dependent_dropdown
        depends_on: make
        options_by_parent: {HP: [12, 14]}
      - key: parts
        title: Parts
        type: multi_select
        options: {toner: {en: Toner, ru: Тонер}}
        required: close
    hours: {week: {mon-fri: [09:00-13:00, 14:00-18:00]}, holidays: {country: RU, extra: [2026-12-30]}}
    sla:
      - {reaction_hours: 3, resolution_hours: 48}
      - {classification: hardware/printer, priority: critical, reaction_hours: 0.5}
"""


def faults_of(write: Write, old: str, new: str) -> list[str]:
    assert FULL.count(old) == 1, old
    return [f"{fault.path}: {fault.message}" for fault in check(write(SMALL + FULL.replace(old, new)), {})]


@pytest.fixture
def full(write: Write) -> Settings:
    return load(write(SMALL + FULL), {})


def test_a_department_with_everything(full: Settings) -> None:
    support = full.departments["support"]
    assert support.lines == {"1": ("1001",), "2": ("1002",), "3": ()}
    assert support.rights[Role.LINE1].deny == (Action.CLOSE,)
    assert support.rights[Role.OTHERS].only == (Action.READ,)
    assert support.classification["hardware"].below["printer"].title.text("ru") == "Printer"
    assert support.classification["access"].title.text("ru") == "Доступ"
    assert support.classification["access"].title.text("en") == "Access"
    assert [field.type for field in support.fields] == list(FieldType)
    fields = {field.key: field for field in support.fields}
    assert fields["make"].required is Required.CREATE
    assert list(fields["model"].options_for("HP")) == ["12", "14"]
    assert fields["model"].options_for("Canon") == {}
    assert list(fields["parts"].options_for("whatever")) == ["toner"]
    assert support.hours is not None
    assert support.hours.spans() == (((540, 780), (840, 1080)),) * 5 + ((), ())
    assert support.hours.holidays.extra == ("2026-12-30",)
    assert support.sla[1].reaction_hours == 0.5


def test_the_given_statuses_are_always_there(full: Settings, small: Settings) -> None:
    assert [(one.name, one.kind) for one in small.tickets.all_statuses()] == [
        ("open", StatusKind.OPEN),
        ("in_progress", StatusKind.WORKING),
        ("done", StatusKind.CLOSED),
    ]
    statuses = {one.name: one for one in full.tickets.all_statuses()}
    assert list(statuses) == ["in_progress", "open", "waiting", "answered", "refused", "done"]
    assert statuses["open"].title.text("ru") == "Новое"
    assert statuses["in_progress"].title.text("ru") == "В процессе"
    assert statuses["answered"].closes_after == timedelta(days=3)
    assert statuses["answered"].closes_as == "refused"
    assert statuses["waiting"].closes_after is None


def test_every_call_of_a_queue_becomes_a_ticket_unless_it_says_otherwise(write: Write) -> None:
    assert load(write(SMALL), {}).queues["support"].tickets is Policy.EVERY_CALL
    text = SMALL.replace("title: Support", "title: Support, tickets: unresolved")
    assert load(write(text), {}).queues["support"].tickets is Policy.UNRESOLVED
    (fault,) = check(write(SMALL.replace("title: Support", "title: Support, tickets: never")), {})
    assert fault.path == "queues.support.tickets"
    assert "none of 'every_call', 'unresolved' or 'on_request'" in fault.message


@pytest.mark.parametrize(
    ("old", "new", "path", "words"),
    [
        (
            "{title: Waiting, kind: waiting}",
            "{title: Waiting}",
            "tickets.statuses.waiting.kind",
            "is missing",
        ),
        ("title: Refused, ", "", "tickets.statuses.refused.title", "is missing: add “title:”"),
        (
            "{title: {en: New, ru: Новое}}",
            "{kind: waiting}",
            "tickets.statuses.open.kind",
            "open is always open",
        ),
        ("72, closes_as", "0, closes_as", "tickets.statuses.answered.closes_after_hours", "at least 1"),
        (
            "closes_after_hours: 72, closes_as: refused",
            "closes_as: refused",
            "tickets.statuses.answered",
            "add closes_after_hours",
        ),
        (
            "kind: waiting",
            "kind: waiting, closes_after_hours: 2",
            "tickets.statuses.waiting",
            "only a temporary status",
        ),
        ("closes_as: refused", "closes_as: refusd", "tickets.statuses.answered.closes_as", "“refused”?"),
        (
            "closes_as: refused",
            "closes_as: waiting",
            "tickets.statuses.answered.closes_as",
            "is not of kind: closed: write done or refused",
        ),
        (", ru: Новое", "", "tickets.statuses.open.title.ru", "is missing"),
        ("reopen_days: 7", "resolved: [resolvd]", "tickets.resolved[0]", "did you mean “resolved”?"),
        ("reopen_days: 7", "resolved: [xyzzy]", "tickets.resolved[0]", "add it under dispositions"),
        ("reopen_days: 7", "reopen_days: -1", "tickets.reopen_days", "at least 0"),
        ("reopen_days: 7", "reopens_days: 7", "tickets.reopens_days", "did you mean “reopen_days”?"),
        ('{1: ["1001"]', '{1: ["1009"]', "departments.support.lines.1[0]", "no agent “1009”"),
        ('2: ["1002"]', '2: ["1001"]', "departments.support.lines.2[0]", "is in line 1 already"),
        ("{1: [", "{4: [", "departments.support.lines.4", "is not a line of support: 1, 2 or 3"),
        ("deny: [close]", "deny: [closing]", "departments.support.rights.line1.deny[0]", "is none of"),
        ("deny: [close]", "deny: [close], allow: [close]", "departments.support.rights.line1", "and denied"),
        ("deny: [close]", "only: [read], allow: [tag]", "departments.support.rights.line1", "the whole list"),
        ("others: [", "other: [", "departments.support.rights.other", "is none of"),
        (
            "{printer: Pr",
            "{Printer: Pr",
            "departments.support.classification.hardware.below.Printer",
            "usable",
        ),
        ("hardware/printer", "hardware/prnter", "departments.support.sla[1].classification", "/printer”?"),
        (
            "hardware/printer",
            "Hardware",
            "departments.support.sla[1].classification",
            "not the way to a class",
        ),
        ("priority: critical", "priority: high", "departments.support.sla[1].priority", "is none of"),
        (
            "{classification: hardware/printer, priority: critical, reaction_hours: 0.5}",
            "{reaction_hours: 1}",
            "departments.support.sla[1]",
            "the same tickets",
        ),
        (
            "reaction_hours: 3,",
            "reaction_hours: soon,",
            "departments.support.sla[0].reaction_hours",
            "a number",
        ),
        (
            "reaction_hours: 3,",
            "reaction_hours: 0,",
            "departments.support.sla[0].reaction_hours",
            "more than 0",
        ),
        (
            "{en: Toner, ru: Тонер}",
            "{en: Toner, ru: Тонер, de: x}",
            "departments.support.fields[7].options.toner.de",
            "known here: en, ru",
        ),
        (
            "{printer: Printer}",
            "{printer: {title: Printer, blow: {}}}",
            "departments.support.classification.hardware.below.printer.blow",
            "did you mean “below”?",
        ),
        (", reaction_hours: 0.5", "", "departments.support.sla[1]", "watches nothing"),
        (
            "[09:00-13:00, 14:00-18:00]",
            '"09:00-09:01"',
            "departments.support.sla[0].resolution_hours",
            "takes more than 10 years with 0.0833333 working hours a week",
        ),
        ("key: story", "key: note", "departments.support.fields", "“note” is given twice"),
        ("key: note,", "key: Note,", "departments.support.fields[0].key", "not a usable name"),
        ("type: date", "type: day", "departments.support.fields[3].type", "is none of"),
        (
            "type: date",
            "type: date, decimals: 2",
            "departments.support.fields[3]",
            "means nothing for a date",
        ),
        (
            "type: date",
            "type: date, options: [x]",
            "departments.support.fields[3]",
            "means nothing for a date",
        ),
        ("at_least: -2", "at_least: 50", "departments.support.fields[2]", "more than at_most"),
        ("options: [HP, Canon], ", "", "departments.support.fields[5]", "needs options"),
        ("[HP, Canon]", "[HP, Canon, HP]", "departments.support.fields[5].options", "given twice"),
        ("[HP, Canon]", "[HP, true]", "departments.support.fields[5].options", "put them in quotes"),
        ("[HP, Canon]", '[HP, "a\\nb"]', 'departments.support.fields[5].options."a\\nb"', "U+000A"),
        ("        depends_on: make\n", "", "departments.support.fields[6]", "needs depends_on"),
        ("depends_on: make", "depends_on: mak", "departments.support.fields[6].depends_on", "“make”?"),
        ("depends_on: make", "depends_on: model", "departments.support.fields[6].depends_on", "on itself"),
        ("depends_on: make", "depends_on: parts", "departments.support.fields[6].depends_on", "comes later"),
        (
            "depends_on: make",
            "depends_on: note",
            "departments.support.fields[6].depends_on",
            "is a text: only",
        ),
        (
            "{HP: [12",
            "{Hp: [12",
            "departments.support.fields[6].options_by_parent.Hp",
            "no option of make “Hp”: add it under the options of make",
        ),
        ("mon-fri: [09", "monday: [09", "departments.support.hours.week.monday", "is not a day"),
        ("09:00-13:00, 14", "09:00-15:00, 14", "departments.support.hours.week.mon-fri", "overlaps"),
        ("14:00-18:00", "22:00-06:00", "departments.support.hours.week.mon-fri[1]", "and 00:00-06:00 for"),
        ("14:00-18:00", "14:00-25:00", "departments.support.hours.week.mon-fri[1]", "not a span of hours"),
        ("mon-fri: [09:00-13:00, 14:00-18:00]", "mon: []", "departments.support.hours", "no hour is worked"),
        ("{mon-fri: [", "{fri: [], mon-fri: [", "departments.support.hours", "fri is named twice"),
        ("country: RU", "country: XX", "departments.support.hours.holidays", "is not known"),
        ("country: RU", "country: RU, part: BY", "departments.support.hours.holidays", "no part of RU"),
        ("country: RU", "part: BY", "departments.support.hours.holidays", "without country"),
        ("2026-12-30", "30.12.2026", "departments.support.hours.holidays.extra[0]", "not a date"),
        (
            "2026-12-30]",
            "2026-12-30], working: [2026-12-30]",
            "departments.support.hours.holidays",
            "in working",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(
    write: Write, old: str, new: str, path: str, words: str
) -> None:
    told = faults_of(write, old, new)
    assert [fault for fault in told if fault.startswith(f"{path}: ") and words in fault], told


def test_a_tree_without_end_is_refused(write: Write) -> None:
    deep = "{title: x, below: {ab: " * 9 + "x" + "}}" * 9
    told = faults_of(write, "{printer: Printer}", "{ab: " + deep + "}")
    assert [fault for fault in told if "classes deep" in fault], told


def test_dispositions_of_the_companys_own_may_resolve(write: Write) -> None:
    text = SMALL + FULL.replace("reopen_days: 7", "resolved: [sold]") + 'dispositions: {"1": sold}\n'
    assert check(write(text), {}) == []


def test_a_wrong_field_hides_no_other_fault(write: Write) -> None:
    told = faults_of(write, "        options_by_parent: {HP: [12, 14]}\n", "")
    assert len(told) == 1
    assert "needs options_by_parent" in told[0]


def test_the_schema_takes_what_check_takes_and_refuses_what_it_refuses() -> None:
    validator = jsonschema.Draft202012Validator(json_schema())

    def file(department: object = None, **top: object) -> dict[str, object]:
        given = (
            {"departments": {"support": {"title": "x", **department}}} if isinstance(department, dict) else {}
        )
        return {"company": {"name": "Daisy", "region": "RU"}, **given, **top}

    for good in (
        file(
            {"classification": {"a1": "x", "b1": {"en": "x", "ru": "y"}, "c1": {"title": "x", "below": {}}}}
        ),
        file({"rights": {"line1": ["read"], "line2": {"deny": ["close"]}}}),
        file({"lines": {"1": ["1001"]}, "hours": {"week": {"sat": "10:00-24:00"}}}),
        file({"fields": [{"key": "k1", "title": "x", "type": "dropdown", "options": {"a": "x"}}]}),
        file(tickets={"statuses": {"waiting": {"title": "x", "kind": "waiting"}}}),
    ):
        assert validator.is_valid(good), next(validator.iter_errors(good))
    for wrong in (
        file({"classification": {"a1": 7}}),
        file({"classification": {"a1": {"title": "x", "under": {}}}}),
        file({"rights": {"line1": ["fly"]}}),
        file({"rights": {"line9": ["read"]}}),
        file({"lines": {"4": ["1001"]}}),
        file({"hours": {"week": {"sat": "10-12"}}}),
        file({"hours": {"week": {"someday": "10:00-12:00"}}}),
        file({"fields": [{"key": "k1", "title": "x", "type": "colour"}]}),
        file(tickets={"statuses": {"waiting": {"title": {"en": "x"}, "kind": "waiting"}}}),
    ):
        assert not validator.is_valid(wrong), wrong


def places(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(tree, dict | list):
        for step, inner in tree.items() if isinstance(tree, dict) else enumerate(tree):
            yield from places(inner, (*path, step))


def test_whatever_stands_in_any_place_is_right_or_a_fault(write: Write) -> None:
    source = read(write(SMALL + FULL))
    before = len(source.faults)
    for path in list(places(source.tree)):
        if len(path) < 2 or path[0] not in {"tickets", "departments"}:
            continue
        here = source.tree
        for step in path[:-1]:
            here = here[step]
        right = here[path[-1]]
        for odd in (None, 7, "\x00", [None], {"a": None}, [{}]):
            here[path[-1]] = odd
            settings, faults = _checked(source, {})
            assert settings is not None or len(faults) > before, (path, odd)
        here[path[-1]] = right
    assert _checked(source, {})[1] == []


EXAMPLES = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "tickets.md").read_text(), re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_examples_of_the_documentation_are_right(write: Write, example: str) -> None:
    if example.startswith(" "):
        example = f"departments:\n  support:\n    title: Support\n{example}"
    if "company:" not in example:
        example = "company: {name: Daisy, region: RU}\n" + example
    agents = "".join(f'  "{number}": {{name: Anna}}\n' for number in range(1001, 1011))
    assert check(write(f"{example}agents:\n{agents}"), {}) == []


def test_days_go_round_the_week() -> None:
    assert days_of("sat-mon") == ("sat", "sun", "mon")
    assert days_of("wed") == ("wed",)
    assert len(days_of("mon-sun")) == 7
    assert minutes_of("00:00-24:00") == (0, 1440)
