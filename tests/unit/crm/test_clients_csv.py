"""The CSV format: encodings, delimiters, headers, lines that are wrong or endless."""

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.crm.clients_csv import MAX_LINE, ClientLine, Refusal, open_clients, read_clients
from bridge.errors import BadInput


def read(text: str) -> list[ClientLine | Refusal]:
    return list(read_clients(io.StringIO(text, newline=""), "RU"))


def numbers(line: ClientLine | Refusal) -> list[str]:
    assert isinstance(line, ClientLine), line
    return [number.e164 for number in line.numbers]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1251", "utf-16"])
@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_as_offices_save_it(tmp_path: Path, encoding: str, delimiter: str, newline: str) -> None:
    rows = [
        ["name", "company", "numbers", "tier"],
        ["Анна Ёлкина", '"ООО ""Роза"""', "8 916 123-45-67|84950000001", "gold"],
    ]
    text = newline.join(delimiter.join(row) for row in rows) + newline
    file = tmp_path / "clients.csv"
    file.write_bytes(text.encode(encoding))
    with open_clients(file) as opened:
        (line,) = read_clients(opened, "RU")
    assert isinstance(line, ClientLine)
    assert (line.line, line.name, line.company, line.tier) == (2, "Анна Ёлкина", 'ООО "Роза"', "gold")
    assert numbers(line) == ["+79161234567", "+74950000001"]
    assert line.numbers[0].as_dialled == "8 916 123-45-67"


def test_numbers_in_columns_of_their_own() -> None:
    header = "Number2;NAME;number1;Phone;unheard of;notes"
    (line,) = read(f'{header}\n;Anna;+79161234567;8 916 123-45-67|+74950000001;x;"two\nlines"\n')
    assert numbers(line) == ["+79161234567", "+74950000001"]
    assert isinstance(line, ClientLine)
    assert line.notes == "two\nlines"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the file is empty"),
        ("\n\n  \n", "the file is empty"),
        ("name\nAnna\n", "a column number"),
        ("number;company\n+79161234567;X\n", "a column name"),
        ("имя;телефон\n", "the header needs"),
        ("name;number;Name\n", "two columns 'name'"),
        ("\x89PNG\r\n\x1a\n\0\0\0", "the header needs"),
        ('"name;number\nAnna;1\n', "a quote"),
        ("n" * (MAX_LINE + 5) + "\n", "longer than"),
    ],
)
def test_a_file_of_another_kind_is_refused_whole(text: str, reason: str) -> None:
    with pytest.raises(BadInput, match=reason):
        read(text)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (";+79161234567", "name: it is empty"),
        ("Anna;", "number: there is none"),
        ("Anna", "number: there is none"),
        ("Anna;1001", "number '1001'"),
        ("Anna;+79161234567|garbage", "number 'garbage'"),
        ("Anna;anonymous", "withheld"),
        ("x" * 301 + ";+79161234567", "name: 301 characters"),
        ("Anna;+79161234567;русский", "language"),
        ("Anna;+79161234567;ru;x;y", "5 columns, the header names 3"),
        ('Anna "the";+79161234567', ""),
        ('"Anna;+79161234567', "a quote"),
        ('"Anna"x;+79161234567', "no CSV"),
        ("Anna\ufffd;+79161234567", "UTF-8"),
        ("Anna;" + "|".join(f"+7916{n:07}" for n in range(51)), "at most 50"),
        ("y" * (MAX_LINE + 1), "longer than"),
    ],
)
def test_a_bad_line_is_refused_by_number_and_the_rest_comes_in(line: str, reason: str) -> None:
    before, bad, after = read(f"name;number;language\nBoris;+79160000001;en\n{line}\nClara;+79160000002;\n")
    assert numbers(before) == ["+79160000001"]
    assert numbers(after) == ["+79160000002"]
    assert bad.line == 3
    assert after.line == 4
    if reason:
        assert isinstance(bad, Refusal)
        assert reason in bad.reason
        assert len(bad.reason) < 300
    else:
        assert isinstance(bad, ClientLine)


def test_lines_count_as_an_editor_counts_them() -> None:
    text = 'name;number;notes\n\nAnna;+79160000001;"a\nb\nc"\n;;\nBad;x;\n'
    assert [line.line for line in read(text)] == [3, 7]


def test_a_quote_that_never_closes_spoils_one_line_of_many() -> None:
    good = "".join(f"Client {n};+7916{n:07}\n" for n in range(500))
    lines = read(f'name;number\n"Stray;+79160000000\n{good}')
    refused = [line for line in lines if isinstance(line, Refusal)]
    assert [line.line for line in refused] == [2]
    assert len(lines) == 501


@given(st.text(max_size=300), st.sampled_from(["name;number\n", "name,number,notes\n", ""]))
def test_any_text_is_read_or_refused(text: str, header: str) -> None:
    try:
        lines = read(header + text)
    except BadInput:
        return
    for line in lines:
        assert line.line >= 1
        assert isinstance(line, Refusal) or (line.name and line.numbers)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        open_clients(tmp_path / "none.csv")
