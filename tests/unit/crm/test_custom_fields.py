"""All field types: what is taken, in which form it is kept, and what a changed file leaves of it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.config.custom_fields import FieldSettings, FieldType, Required
from bridge.crm import custom_fields as fields
from bridge.errors import WrongFields


def field(key: str, kind: str, **more: Any) -> FieldSettings:
    return FieldSettings.model_validate({"key": key, "title": key.title(), "type": kind, **more})


ALL = (
    field("line", "text"),
    field("story", "long_text"),
    field("count", "number", at_least=-5, at_most=1000),
    field("price", "number", decimals=2),
    field("since", "date"),
    field("agreed", "checkbox"),
    field("make", "dropdown", options={"hp": {"en": "HP", "ru": "ХП"}, "canon": "Canon", "other": "Other"}),
    field(
        "model",
        "dependent_dropdown",
        depends_on="make",
        options_by_parent={"hp": {"12": "LaserJet 12", "14": "LaserJet 14"}, "canon": ["12", "C5"]},
    ),
    field("parts", "multi_select", options=["toner", "drum", "paper"]),
)
BY_KEY = {one.key: one for one in ALL}


def one(key: str, raw: object, stored: dict[str, str] | None = None) -> str:
    before = {"make": "hp"} if key == "model" else {}
    return fields.changed(ALL, {**before, **(stored or {})}, {key: raw}).get(key, "")


@pytest.mark.parametrize(
    ("key", "raw", "kept"),
    [
        ("line", "  a \t b\n c ", "a b c"),
        ("line", "<b>&\"';--", "<b>&\"';--"),
        ("line", "cafe\u0301", "café"),
        ("line", "", ""),
        ("line", None, ""),
        ("line", "x" * 500, "x" * 500),
        ("story", "\r\n a  \r\n\n\tb\r\n", " a\n\n\tb"),
        ("story", "   ", ""),
        ("count", "007", "7"),
        ("count", " 1 000 ", "1000"),
        ("count", "1\u00a0000", "1000"),
        ("count", "+5", "5"),
        ("count", "-0", "0"),
        ("count", "−3", "-3"),
        ("count", 12, "12"),
        ("count", 12.0, "12"),
        ("count", "12.00", "12"),
        ("price", "12,50", "12.5"),
        ("price", "0.10", "0.1"),
        ("price", 0.1, "0.1"),
        ("price", 1e-2, "0.01"),
        ("price", "999999999999999.99", "999999999999999.99"),
        ("since", " 2026-02-28 ", "2026-02-28"),
        ("since", "", ""),
        ("agreed", True, "true"),
        ("agreed", "on", "true"),
        ("agreed", "Yes", "true"),
        ("agreed", False, ""),
        ("agreed", "0", ""),
        ("agreed", None, ""),
        ("make", "canon", "canon"),
        ("make", "", ""),
        ("model", "14", "14"),
        ("parts", ["paper", "toner", "paper"], "toner\npaper"),
        ("parts", "drum\r\ntoner", "toner\ndrum"),
        ("parts", [], ""),
        ("parts", "", ""),
    ],
)
def test_what_is_taken_and_how_it_is_kept(key: str, raw: object, kept: str) -> None:
    assert one(key, raw) == kept
    if kept:
        assert one(key, kept) == kept


@pytest.mark.parametrize(
    ("key", "raw", "words"),
    [
        ("line", "a\x00b", "holds U+0000"),
        ("line", "a\x1bb", "holds U+001B"),
        ("line", "a\udc80b", "holds U+DC80"),
        ("line", 7, "must be a text"),
        ("line", ["a"], "must be a text"),
        ("line", {"a": 1}, "must be a text"),
        ("story", "a\x07", "holds U+0007"),
        ("count", "1.5", "must be a whole number"),
        ("count", "1,234", "must be a whole number"),  # a thousand to some, and more than one to others
        ("count", "1,234,567", "must be a number"),
        ("count", "1e3", "must be a number"),
        ("count", "0x10", "must be a number"),
        ("count", "٣", "must be a number"),
        ("count", "nan", "must be a number"),
        ("count", float("nan"), "must be a number"),
        ("count", float("inf"), "must be a number"),
        ("count", 1e300, "must be a number"),
        ("count", True, "must be a number"),
        ("count", [1], "must be a number"),
        ("count", "-6", "at least -5"),
        ("count", 1001, "at most 1000"),
        ("price", "0.001", "at most 2 places"),
        ("since", "2026-02-29", "date of the calendar"),
        ("since", "28.02.2026", "as 2026-12-31"),
        ("since", "20260228", "as 2026-12-31"),
        ("since", "2026-W09-1", "as 2026-12-31"),
        ("since", "0000-01-01", "as 2026-12-31"),
        ("since", 20260228, "must be a text"),
        ("agreed", "perhaps", "true or false"),
        ("agreed", 1, "true or false"),
        ("agreed", ["true"], "true or false"),
        ("make", "HP", "one of hp, canon, other"),
        ("make", ["hp"], "must be a text"),
        ("model", "C5", "one of 12, 14"),
        ("parts", ["toner", "feed"], "some of toner, drum, paper"),
        ("parts", ["toner", 7], "must be a text"),
        ("parts", "toner,drum", "some of toner"),
        ("parts", ["toner"] * 101, "at most 100"),
        ("parts", 7, "must be a list"),
        ("nothing", "x", "there are: agreed, count, line, make"),
    ],
)
def test_what_is_refused_says_why(key: str, raw: object, words: str) -> None:
    with pytest.raises(WrongFields) as caught:
        one(key, raw)
    assert list(caught.value.faults) == [key]
    assert words in caught.value.faults[key]
    assert f"field {key}: " in str(caught.value)


def test_what_is_too_long_is_refused() -> None:
    for key, raw, words in (
        ("line", "x" * 501, "501 characters: at most 500"),
        ("story", "x" * 10_000_000, "at most 20000"),
        ("count", 10**5000, "must be a number"),
        ("count", "1" * 1_000_000, "must be a number"),
    ):
        with pytest.raises(WrongFields, match=words):
            one(key, raw)


def test_all_faults_come_at_once_and_nothing_is_changed() -> None:
    stored = {"line": "a"}
    with pytest.raises(WrongFields) as caught:
        fields.changed(ALL, stored, {"count": "x", "since": "x", "line": "b", "x" * 1000: "x"})
    assert set(caught.value.faults) == {"count", "since", "x" * 60}
    assert stored == {"line": "a"}


def test_an_edit_touches_only_what_it_names() -> None:
    stored = {"line": "a", "count": "7", "make": "hp", "model": "12"}
    assert fields.changed(ALL, stored, {}) == stored
    assert fields.changed(ALL, stored, {"line": ""}) == {"count": "7", "make": "hp", "model": "12"}
    assert fields.changed(ALL, stored, {"count": 8}) == {**stored, "count": "8"}


# ── what depends on another field ────────────────────────────────────────────


@pytest.mark.parametrize(
    ("given", "after"),
    [
        ({"make": "canon"}, {"make": "canon", "model": "12"}),  # there is a 12 of both
        ({"make": "other"}, {"make": "other"}),
        ({"make": ""}, {}),
        ({"make": None}, {}),
        ({"make": "hp"}, {"make": "hp", "model": "12"}),
        ({"make": "canon", "model": "C5"}, {"make": "canon", "model": "C5"}),
        ({"model": "C5", "make": "canon"}, {"make": "canon", "model": "C5"}),
        ({"make": "other", "model": "12"}, {"make": "other"}),  # as the form sends it back
        ({"model": ""}, {"make": "hp"}),
    ],
)
def test_when_the_parent_changes(given: dict[str, object], after: dict[str, str]) -> None:
    assert fields.changed(ALL, {"make": "hp", "model": "12"}, given) == after


@pytest.mark.parametrize(
    ("stored", "given", "words"),
    [
        ({}, {"model": "12"}, "choose make first"),
        ({"make": "other"}, {"model": "12"}, "choose make first"),
        ({"make": "hp", "model": "12"}, {"make": "canon", "model": "14"}, "one of 12, C5"),
    ],
)
def test_a_child_fits_its_parent(stored: dict[str, str], given: dict[str, object], words: str) -> None:
    with pytest.raises(WrongFields) as caught:
        fields.changed(ALL, stored, given)
    assert words in caught.value.faults["model"]


def test_dependence_goes_on_to_grandchildren() -> None:
    three = (
        field("country", "dropdown", options=["ru", "de"]),
        field(
            "city",
            "dependent_dropdown",
            depends_on="country",
            options_by_parent={"ru": ["msk"], "de": ["bln"]},
        ),
        field(
            "office",
            "dependent_dropdown",
            depends_on="city",
            options_by_parent={"msk": ["m1"], "bln": ["b1"]},
        ),
    )
    stored = {"country": "ru", "city": "msk", "office": "m1"}
    assert fields.changed(three, stored, {"country": "de"}) == {"country": "de"}
    assert fields.changed(three, stored, {"country": "de", "city": "bln"}) == {"country": "de", "city": "bln"}


# ── required ─────────────────────────────────────────────────────────────────

DEMANDING = (
    field("who", "text", required="create"),
    field("why", "dropdown", options=["a", "b"], required="close"),
    field("which", "dependent_dropdown", depends_on="why", options_by_parent={"a": ["1"]}, required="close"),
    field("sure", "checkbox", required="close"),
    field("else", "text"),
)


@pytest.mark.parametrize(
    ("values", "to_create", "to_close"),
    [
        ({}, ["who"], ["who", "why", "sure"]),
        ({"who": "x"}, [], ["why", "sure"]),
        ({"who": "x", "why": "a"}, [], ["which", "sure"]),
        ({"who": "x", "why": "b"}, [], ["sure"]),  # nothing of b's can be chosen
        ({"who": "x", "why": "a", "which": "1", "sure": "true"}, [], []),
        ({"who": "x", "why": "gone", "sure": "true"}, [], []),
    ],
)
def test_what_is_missing(values: dict[str, str], to_create: list[str], to_close: list[str]) -> None:
    assert [one.key for one in fields.missing(DEMANDING, values, Required.CREATE)] == to_create
    assert [one.key for one in fields.missing(DEMANDING, values, Required.CLOSE)] == to_close
    assert fields.missing(DEMANDING, values, Required.NO) == ()


def test_demanded() -> None:
    with pytest.raises(WrongFields) as caught:
        fields.demand(DEMANDING, {"who": "x", "why": "b"}, Required.CLOSE)
    assert caught.value.faults == {"sure": "is required to close: fill it"}
    fields.demand(DEMANDING, {"who": "x"}, Required.CREATE)


def test_what_is_required_to_create_is_not_emptied_again() -> None:
    demanding = (
        field("make", "dropdown", options=["hp", "canon", "other"], required="create"),
        field(
            "model",
            "dependent_dropdown",
            depends_on="make",
            options_by_parent={"hp": ["12"], "canon": ["C5"]},
            required="create",
        ),
    )
    stored = {"make": "hp", "model": "12"}
    for change in ({"make": ""}, {"model": None}, {"make": "canon"}):
        with pytest.raises(WrongFields, match="not emptied"):
            fields.changed(demanding, stored, change)
    assert fields.changed(demanding, stored, {"make": "canon", "model": "C5"}) == {
        "make": "canon",
        "model": "C5",
    }
    assert fields.changed(demanding, stored, {"make": "other"}) == {"make": "other"}  # of it there is none
    assert fields.changed(demanding, {}, {"make": "hp"}) == {"make": "hp"}  # a call's: not filled yet


# ── a changed file ───────────────────────────────────────────────────────────


def test_a_field_that_is_gone_keeps_its_value() -> None:
    stored = {"line": "a", "old": "kept"}
    assert fields.former(ALL, stored) == {"old": "kept"}
    assert fields.changed(ALL, stored, {"line": "b"}) == {"line": "b", "old": "kept"}
    assert fields.changed(ALL, stored, {"line": "b", "old": "kept"}) == {"line": "b", "old": "kept"}
    for raw in ("other", "", None):
        with pytest.raises(WrongFields, match="field old: is asked no more"):
            fields.changed(ALL, stored, {"old": raw})
    assert fields.missing((), stored, Required.CLOSE) == ()


def test_an_option_that_is_gone_is_good_until_changed() -> None:
    stored = {"make": "xerox", "model": "X1", "parts": "toner\nfuser", "count": "5000", "since": "yesterday"}
    assert fields.changed(ALL, stored, {**stored, "line": "b"}) == {**stored, "line": "b"}
    assert fields.changed(ALL, stored, {"parts": ["toner", "fuser"]}) == stored
    assert fields.changed(ALL, stored, {"parts": ["fuser", "drum"]})["parts"] == "drum\nfuser"
    assert fields.changed(ALL, stored, {"parts": "toner"})["parts"] == "toner"
    after = fields.changed(ALL, stored, {"make": "hp"})
    assert (after["make"], "model" in after) == ("hp", False)
    with pytest.raises(WrongFields):
        fields.changed(ALL, after, {"make": "xerox"})


def test_a_field_that_became_another_type() -> None:
    was_text = {"count": "a dozen"}
    assert fields.changed(ALL, was_text, {"count": "a dozen"}) == was_text
    with pytest.raises(WrongFields):
        fields.changed(ALL, was_text, {"count": "two dozen"})


def test_no_ticket_has_values_without_end() -> None:
    stored = {f"old{number}": "x" for number in range(fields.MOST_VALUES)}
    with pytest.raises(WrongFields, match="more than 200 values"):
        fields.changed(ALL, stored, {"line": "one more"})


# ── for people ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("key", "value", "english", "russian"),
    [
        ("make", "hp", "HP", "ХП"),
        ("make", "gone", "gone", "gone"),
        ("model", "12", "LaserJet 12", "LaserJet 12"),
        ("parts", "toner\npaper\nfuser", "toner, paper, fuser", "toner, paper, fuser"),
        ("agreed", "true", "yes", "да"),
        ("price", "12.5", "12.5", "12.5"),
        ("story", "a\nb", "a\nb", "a\nb"),
        ("make", "", "", ""),
    ],
)
def test_as_people_read_it(key: str, value: str, english: str, russian: str) -> None:
    values = {"make": "hp", key: value}
    assert fields.shown(BY_KEY[key], value, values, "en") == english
    assert fields.shown(BY_KEY[key], value, values, "ru") == russian


# ── whatever comes ───────────────────────────────────────────────────────────

_RAW = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=30),
    st.sampled_from(["hp", "canon", "12", "C5", "toner", "true", "2026-01-01", "12.5", "other"]),
    st.lists(
        st.one_of(st.sampled_from(["toner", "drum", "gone"]), st.integers(), st.text(max_size=5)), max_size=4
    ),
)
_GIVEN = st.dictionaries(st.sampled_from([*BY_KEY, "old", "odd"]), _RAW, max_size=5)
_STORED = st.fixed_dictionaries(
    {},
    optional={
        "make": st.sampled_from(["hp", "canon", "gone"]),
        "model": st.sampled_from(["12", "14", "C5", "gone"]),
        "parts": st.sampled_from(["toner", "toner\ngone"]),
        "old": st.just("kept"),
    },
)


@given(_STORED, _GIVEN)
def test_whatever_comes_is_taken_in_its_normal_form_or_refused(
    stored: dict[str, str], given: dict[str, object]
) -> None:
    after: dict[str, str] | None
    try:
        after = fields.changed(ALL, stored, given)
    except WrongFields as error:
        after, wrong = None, error.faults
    if after is None:
        assert wrong
        assert wrong.keys() <= given.keys()
        return
    assert all(isinstance(value, str) and value for value in after.values())
    assert after.get("old") == stored.get("old")
    # Sent back as it is, it stays as it is; and each new value is one that the field takes.
    assert fields.changed(ALL, after, dict(after)) == after
    for key, value in after.items():
        if value != stored.get(key) and BY_KEY[key].type is not FieldType.MULTI_SELECT:
            parent = {"make": after["make"]} if key == "model" else {}
            assert fields.changed(ALL, parent, {key: value})[key] == value


def test_of_something_new_all_is_told_at_once() -> None:
    asked = (field("contract", "text", required="create"), field("later", "text", required="close"), *ALL)
    assert fields.created(asked, {"contract": " A  1 ", "count": "007"}) == {"contract": "A 1", "count": "7"}
    with pytest.raises(WrongFields) as refused:
        fields.created(asked, {"count": "many", "colour": "x"})
    assert list(refused.value.faults) == ["colour", "count", "contract"]
    assert refused.value.faults["contract"] == "is required to create: fill it"
    with pytest.raises(WrongFields) as refused:
        fields.created((field("count", "number", required="create"),), {"count": "many"})
    assert "must be a number" in refused.value.faults["count"], "what is there is not lacking"
