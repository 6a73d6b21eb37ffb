"""Templates: what may stand in them, and that no value breaks out of its place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.crm.ticketing.templates import Slip, Variable, checked, filled, filled_line, mentioned, slips
from bridge.errors import BadInput

VALUES = {
    Variable.CLIENT_NAME: "Анна Смирнова",
    Variable.TICKET: "42",
    Variable.AGENT: "Olivia",
}


def test_filled() -> None:
    text = "Здравствуйте, {client_name}!\r\n\r\nYour ticket {ticket} {{a}} is done{solution}.\n{agent}\n"
    assert filled(text, VALUES) == "Здравствуйте, Анна Смирнова!\n\nYour ticket 42 {a} is done.\nOlivia\n"
    assert mentioned(text) == {Variable.CLIENT_NAME, Variable.TICKET, Variable.SOLUTION, Variable.AGENT}
    assert filled("{{{ticket}}}", VALUES) == "{42}"
    assert filled("{{ticket}}", VALUES) == "{ticket}"
    assert filled("", VALUES) == ""


def test_every_variable_is_filled() -> None:
    text = "|".join(f"{{{variable.value}}}" for variable in Variable)
    values = {variable: variable.name for variable in Variable}
    assert filled(text, values) == "|".join(variable.name for variable in Variable)


@pytest.mark.parametrize(
    "text",
    [
        "{name}",
        "{}",
        "{client name}",
        "{client_name.__class__}",
        "{client_name!r}",
        "{client_name:>10}",
        "{0}",
        "{Client_Name}",
        "{ client_name }",
        "{priority}",
        "{\x1b}",
    ],
)
def test_an_unknown_variable_is_refused_with_those_there_are(text: str) -> None:
    for use in (mentioned, lambda wrong: filled(wrong, VALUES), lambda wrong: checked("x", wrong)):
        with pytest.raises(BadInput, match="template"):
            use(text)
    with pytest.raises(BadInput, match="there are: client_name, client_number, ticket, subject") as caught:
        mentioned(text)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "text", ["{", "}", "a { b", "{client_name", "client_name}", "{a\nb}", "{" + "x" * 100 + "}"]
)
def test_a_brace_that_is_left_over_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="a single"):
        mentioned(text)


@pytest.mark.parametrize(
    ("subject", "body", "words"),
    [
        ("x" * 201, "x", "template subject: 201 characters"),
        ("x", "x" * 20_001, "template body: 20001 characters"),
        ("a\nBcc: all@example.org", "x", "must be one line"),
        ("a\rBcc: all@example.org", "x", "U\\+000D"),
        ("a\u2028b", "x", "U\\+2028"),
        ("x", "a\x00b", "U\\+0000"),
        ("x", "a\u202eb", "U\\+202E"),
        ("x", " \n ", "it is empty"),
        ("{nothing}", "x", "there is no variable"),
    ],
)
def test_what_cannot_be_kept(subject: str, body: str, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        checked(subject, body)


def test_what_can_be_kept() -> None:
    checked("Re: {subject} [{ticket}]", "Hello {client_name},\r\n\tit is 🙂 done.\r\n\u200d")
    checked("", "x")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("Anna\r\nBcc: all@example.org", "Anna Bcc: all@example.org"),
        ("Anna\n\n.\nDear boss,", "Anna . Dear boss,"),
        ("{ticket} {{x}} {nothing}", "{ticket} {{x}} {nothing}"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),  # plain text: escaped by who shows it
        ("a\x00b\x1b[31mc\u202ed\u2028e", "ab[31mcd e"),
        ("x" * 100_000, "x" * 2_000),
    ],
)
def test_no_value_breaks_out(value: str, shown: str) -> None:
    assert filled("<{client_name}>", {Variable.CLIENT_NAME: value}) == f"<{shown}>"


@given(st.text(max_size=50), st.text(max_size=50))
def test_whatever_the_values_are_the_lines_are_the_templates(name: str, subject: str) -> None:
    values = {Variable.CLIENT_NAME: name, Variable.SUBJECT: subject}
    body = filled("Dear {client_name},\nas to {subject}:\n", values)
    assert body.count("\n") == 2
    assert body.startswith("Dear ")
    line = filled_line("Re: {subject} {client_name}", values)
    assert line.splitlines() in ([line], [])
    assert len(line) <= 200


@given(st.text(max_size=60))
def test_any_text_can_be_written_with_its_braces_doubled(text: str) -> None:
    doubled = text.replace("{", "{{").replace("}", "}}")
    assert mentioned(doubled) == frozenset()
    assert [one for one in filled(doubled, {}) if one in "{}"] == [one for one in text if one in "{}"]
    if text.isprintable():
        assert filled(doubled, {}) == text


def test_every_slip_is_named_with_what_may_be_meant() -> None:
    text = "{Client_Nam} {colour} {{ok}} {x\n} {colour} {agent}"
    assert slips(text) == (Slip("“{Client_Nam}”"), Slip("“{colour}”"), Slip("{"), Slip("}"))
    assert [slip.near for slip in slips(text)] == [Variable.CLIENT_NAME, None, None, None]
    assert len(slips("".join(f"{{x{number}}}" for number in range(5_000)))) == 10
    assert [slip.is_brace for slip in slips(text)] == [False, False, True, True]


@given(st.text(alphabet="{}\n agent_x", max_size=40))
def test_what_has_no_slip_is_a_template(text: str) -> None:
    if slips(text):
        with pytest.raises(BadInput, match="template"):
            mentioned(text)
    else:
        mentioned(text)
