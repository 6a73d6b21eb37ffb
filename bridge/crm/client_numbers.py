"""A client's numbers as people write them → rows of the store. What was written is kept, extensions too."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from bridge.crm.numbers import read, to_e164
from bridge.store.rows import NumberRow


def row_of(written: str, region: str, label: str = "") -> NumberRow:
    """Raises BadNumber for what no client can be found by."""
    return NumberRow(to_e164(written, region), written, label)


def merged(rows: Iterable[NumberRow], region: str) -> list[NumberRow]:
    """One row for each number. Of one that is there with several extensions, its writing has them all."""
    found: dict[str, NumberRow] = {}
    for one in (one for row in rows for one in _apart(row)):
        first = found.setdefault(one.e164, one)
        known = _apart(first)
        if any(one.as_dialled == other.as_dialled for other in known):
            continue  # to read a number costs more than all else here
        if _extension(one, region) not in {_extension(other, region) for other in known}:
            found[one.e164] = replace(first, as_dialled=f"{first.as_dialled} | {one.as_dialled}")
    return list(found.values())


def edited(lines: Sequence[str], before: Iterable[NumberRow], region: str) -> list[NumberRow]:
    """What a form's lines say, where ``lines_of(before)`` stood: a number that is as it was keeps its row."""
    known = {line: one for row in before for one in _apart(row) for line in lines_of([one], region)}
    labels = {row.e164: row.label for row in known.values()}
    rows = []
    for line in filter(None, map(str.strip, lines)):
        row = known.get(line) or row_of(line, region)
        rows.append(replace(row, label=row.label or labels.get(row.e164, "")))
    return merged(rows, region)


def lines_of(rows: Iterable[NumberRow], region: str) -> list[str]:
    """For a form: +74951234567, or +74951234567 ext. 12; one for each extension."""
    return [
        f"{row.e164} ext. {extension}" if (extension := _extension(one, region)) else row.e164
        for row in rows
        for one in _apart(row)
    ]


def _apart(row: NumberRow) -> list[NumberRow]:
    if " | " not in row.as_dialled:
        return [row]
    return [replace(row, as_dialled=one) for one in row.as_dialled.split(" | ")]


def _extension(row: NumberRow, region: str) -> str:
    return read(row.as_dialled, region).extension
