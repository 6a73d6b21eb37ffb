"""The tree of classes, and what remains of it on tickets when the file changes."""

import pytest

from bridge.config.custom_fields import Required
from bridge.config.departments import DepartmentSettings
from bridge.crm.ticketing.classes import Classes, lineage
from bridge.errors import BadInput

TREE = {
    "hardware": {
        "title": {"en": "Hardware", "ru": "Оборудование"},
        "below": {"printer": "Printer", "phone": {"title": "Phone", "below": {"headset": "Headset"}}},
    },
    "access": {"en": "Access", "ru": "Доступ"},
}


def classes(**more: object) -> Classes:
    return Classes(DepartmentSettings.model_validate({"title": "x", "classification": TREE, **more}))


def test_all_in_the_files_order() -> None:
    found = [(node.path, node.depth, node.usable) for node in classes().all()]
    assert found == [
        ("hardware", 1, False),
        ("hardware/printer", 2, True),
        ("hardware/phone", 2, False),
        ("hardware/phone/headset", 3, True),
        ("access", 1, True),
    ]
    assert all(node.usable for node in classes(classify_leaves_only=False).all())


def test_titles() -> None:
    tree = classes()
    assert tree.title("hardware/phone/headset", "ru") == "Оборудование › Phone › Headset"
    assert tree.title("hardware", "en") == "Hardware"
    assert tree.title("gone/away", "en") == "gone/away"
    assert tree.title("", "en") == ""


@pytest.mark.parametrize(
    ("wanted", "before"),
    [("hardware/printer", ""), ("", "access"), ("gone", "gone"), ("hardware", "hardware"), ("", "")],
)
def test_taken(wanted: str, before: str) -> None:
    assert classes().checked(wanted, before) == wanted


@pytest.mark.parametrize(
    ("wanted", "before", "words"),
    [
        ("hardware", "", "below it, such as hardware/printer"),
        ("hardware/phone", "access", "such as hardware/phone/headset"),
        ("gone", "access", "there are: hardware/printer, hardware/phone/headset, access"),
        ("hardware/", "", "no such class"),
        ("x" * 10_000, "", "no such class"),
        ("Access", "", "no such class"),
    ],
)
def test_refused(wanted: str, before: str, words: str) -> None:
    with pytest.raises(BadInput, match="ticket classification") as caught:
        classes().checked(wanted, before)
    assert words in str(caught.value)
    assert len(str(caught.value)) < 700


def test_any_class_where_the_file_says_so() -> None:
    assert classes(classify_leaves_only=False).checked("hardware") == "hardware"


def test_a_department_without_classes() -> None:
    none = Classes(DepartmentSettings(title="x", classification_required=Required.CREATE))
    assert none.all() == ()
    assert not none.missing("", Required.CREATE)
    with pytest.raises(BadInput, match="has none at all"):
        none.checked("access")
    assert none.is_former("access")
    assert not none.is_former("")
    assert not classes().is_former("access")


@pytest.mark.parametrize(
    ("required", "at_create", "at_close"),
    [("no", False, False), ("create", True, True), ("close", False, True)],
)
def test_missing(required: str, at_create: bool, at_close: bool) -> None:
    tree = classes(classification_required=required)
    assert tree.missing("", Required.CREATE) is at_create
    assert tree.missing("", Required.CLOSE) is at_close
    assert not tree.missing("access", Required.CLOSE)
    assert not tree.missing("gone", Required.CLOSE)


def test_lineage() -> None:
    assert lineage("a/b/c") == ("a/b/c", "a/b", "a")
    assert lineage("a") == ("a",)
    assert lineage("") == ()
