"""A labelled set of writings of numbers of thirty countries: what each is by its country's numbering plan.

``writings.tsv``: the writing (``\\u00a0`` for what cannot be seen), its home region, the number or its kind,
the extension, a note. The expectations are the plans', not the code's: no row is changed to please it.
"""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.crm import writings
from bridge.crm.numbers import NumberKind, Reading, is_withheld, read, to_e164
from bridge.errors import BadNumber

SET = Path(__file__).with_name("writings.tsv")
KINDS = {kind.value for kind in NumberKind} - {NumberKind.E164.value}
# (region, writing) → why it is read wrongly, knowingly.
WRONG = {
    (
        "FR",
        "639981234",
    ): "a lost zero is only put back where the library knows the range: 06 39 98 is for films",
}


@dataclass(frozen=True)
class Row:
    writing: str
    region: str
    expected: str
    extension: str

    @property
    def is_number(self) -> bool:
        return self.expected not in KINDS

    @property
    def got(self) -> tuple[str, str]:
        reading = read(self.writing, self.region)
        return reading.e164 or reading.kind.value, reading.extension

    @property
    def is_right(self) -> bool:
        return self.got == (self.expected, self.extension)


def rows() -> list[Row]:
    with SET.open(encoding="utf-8", newline="") as file:
        found = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [Row(_seen(row["writing"]), row["region"], row["expected"], row["extension"]) for row in found]


def _seen(text: str) -> str:
    first, *more = text.split("\\u")
    return first + "".join(chr(int(part[:4], 16)) + part[4:] for part in more)


def figures(of: Iterable[Row]) -> tuple[int, int, float, float]:
    """Rows, wrong ones, precision and recall: of the numbers that are given, and that should be."""
    of = list(of)
    given_ = [row for row in of if row.got[0].startswith("+")]
    right = sum(row.is_right for row in given_)
    wanted = sum(row.is_number for row in of)
    return (
        len(of),
        sum(not row.is_right for row in of),
        right / len(given_) if given_ else 1.0,
        right / wanted if wanted else 1.0,
    )


def test_the_set_is_what_it_says() -> None:
    found = rows()
    assert len(found) >= 500
    assert len({row.region for row in found}) >= 20
    assert len({(row.writing, row.region) for row in found}) == len(found)
    assert all(row.expected in KINDS or row.expected.startswith("+") for row in found)
    assert {row.expected for row in found if not row.is_number} == KINDS
    assert WRONG.keys() <= {(row.region, row.writing) for row in found}
    assert len(WRONG) < len(found) / 100


def test_every_writing_is_read_as_its_plan_says() -> None:
    found = rows()
    count, wrong, precision, recall = figures(found)
    summary = f"{count} writings, {wrong} wrong, precision {precision:.2%}, recall {recall:.2%}"
    print(f"\n{summary}")
    for region in sorted({row.region for row in found}):
        one = figures(row for row in found if row.region == region)
        print(f"  {region}: {one[0]:4} writings, {one[1]} wrong, precision {one[2]:.2%}, recall {one[3]:.2%}")
    strange = [
        f"{row.region} {row.writing!r}: {row.got}, not {(row.expected, row.extension)}"
        for row in found
        if row.is_right == ((row.region, row.writing) in WRONG)
    ]
    assert not strange, "\n".join([summary, *strange])


def test_what_is_given_is_told_with_the_writing() -> None:
    assert read("8 495 123-45-67 доб. 12", "RU") == Reading(
        NumberKind.E164, "8 495 123-45-67 доб. 12", "+74951234567", "12"
    )
    assert read("112", "DE") == Reading(NumberKind.EMERGENCY, "112", digits="112")
    assert read(None, "DE") == Reading(NumberKind.WITHHELD, "")


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        ("112", "emergency"),
        ("116117", "short"),
        ("1001", "extension"),
        ("anonymous", "withheld"),
        ("+7", "plan"),
    ],
)
def test_what_is_no_number_is_refused_by_its_name(raw: str, says: str) -> None:
    with pytest.raises(BadNumber, match=says):
        to_e164(raw, "DE")


MARKS = st.sampled_from(list("+0123456789 ()-./,;#x*<>@:=\"'%~абдоext\u00a0\u202a７٣\ufdfa"))
REGIONS = st.sampled_from(
    ["RU", "DE", "US", "IT", "BR", "AR", "MX", "BY", "HU", "JP", "AU", "CN", "", "XX", "de"]
)


@given(st.text(max_size=200) | st.text(MARKS, max_size=40), REGIONS)
def test_any_text_is_something(raw: str, region: str) -> None:
    reading = read(raw, region)
    assert (reading.e164 is not None) == (reading.kind is NumberKind.E164)
    assert (reading.why != "") == (reading.kind is NumberKind.UNREADABLE)
    assert (reading.digits != "") == (
        reading.kind in {NumberKind.EMERGENCY, NumberKind.SHORT, NumberKind.INTERNAL}
    )
    assert is_withheld(raw) == (reading.kind is NumberKind.WITHHELD)
    if reading.e164 is None:
        with pytest.raises(BadNumber):
            to_e164(raw, region)
    else:
        assert to_e164(reading.e164, region) == reading.e164 == to_e164(raw, region)
        assert read(reading.e164, "").extension == ""
        assert reading.e164[1:].isdecimal()
        assert len(reading.e164) <= 16


@given(st.sampled_from(rows()), REGIONS)
def test_a_number_stays_what_it_is_wherever_it_is_read_again(row: Row, region: str) -> None:
    e164 = read(row.writing, row.region).e164
    if e164 is not None:
        assert to_e164(e164, region) == e164


@given(st.text(alphabet="+0123456789 ()-/.:;,#xа\u202a", max_size=24))
def test_what_is_plainly_written_is_read_as_all_else_is(raw: str) -> None:
    assert writings.taken_apart(raw) == writings._of_text(raw)


@pytest.mark.parametrize(
    "raw", ["+266696687", "+7 (916) 123-45/67", "8", "+", "1-800-FLOWERS", "12 ", "192.168.1.5"]
)
def test_plain_writings_and_their_neighbours(raw: str) -> None:
    assert writings.taken_apart(raw) == writings._of_text(raw)
