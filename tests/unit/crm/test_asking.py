"""How a directory is asked, and how what it answers is read, whatever it is."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.config.directories import AnswerSettings, DirectorySettings
from bridge.crm.asking import MOST_CLIENTS, answer, question
from bridge.crm.outside import Response
from bridge.errors import Refused

NUMBER = "+442071838750"
URL = "https://crm.example.org/find?phone={e164}"


def reply(told: Any, status: int = 200, *, whole: bool = True) -> Response:
    return Response(status, {}, told if isinstance(told, bytes) else json.dumps(told).encode(), whole)


def test_a_question() -> None:
    url = "https://crm.example.org/{country}/{national}?phone={e164}&d={digits}"
    asked = question(
        DirectorySettings(url=url, headers={"Authorization": "Bearer {token}"}), NUMBER, "s3cret"
    )
    assert asked.method == "GET"
    assert asked.url == ("https://crm.example.org/44/2071838750?phone=%2B442071838750&d=442071838750")
    assert asked.headers == {"Accept": "application/json", "Authorization": "Bearer s3cret"}
    assert asked.body == b""


def test_a_question_with_a_body() -> None:
    body = '{"filter": {"phone": "{e164}"}}'
    asked = question(DirectorySettings(url=URL, method="POST", body=body), NUMBER, "")
    assert json.loads(asked.body) == {"filter": {"phone": NUMBER}}
    assert asked.headers["Content-Type"] == "application/json"


def test_a_usual_answer() -> None:
    told = {
        "data": {
            "items": [{"uid": 7, "f": "Anna", "l": "K", "firm": "Acme", "link": "https://crm/7", "vip": 2}]
        }
    }
    paths = AnswerSettings(
        list="data.items", id="uid", name="join(' ', [f, l])", company="firm", url="link", tier="vip"
    )
    (found,) = answer(paths, reply(told))
    assert (found.id, found.name, found.url) == ("7", "Anna K", "https://crm/7")
    assert found.values == {"name": "Anna K", "company": "Acme", "tier": "2"}


@pytest.mark.parametrize(
    ("told", "names"),
    [
        ([], []),
        (None, []),
        ({}, []),
        ({"id": 1, "name": "One"}, ["One"]),
        ([{"id": 1, "name": "One"}, {"id": 1, "name": "Again"}], ["Again"]),
        (
            [{"id": 1}, {"name": "no id"}, {"id": "", "name": "x"}, {"id": True, "name": "x"}, 7, "x", [[]]],
            [],
        ),
        ([{"id": "x" * 201, "name": "x"}], []),
        ([{"id": 1, "name": {"first": "x"}}], []),
        ([{"id": 1, "name": "  A\u202eB\x00C  "}], ["A B C"]),
        ([{"id": 1, "name": "A" * 5000}], ["A" * 300]),
        ([{"id": n, "name": "x"} for n in range(1000)], ["x"] * MOST_CLIENTS),
    ],
)
def test_what_is_told_is_read(told: Any, names: list[str]) -> None:
    assert [client.name for client in answer(AnswerSettings(), reply(told))] == names


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "//crm/1", "http://", "https://a:b@c/", "http://a b/", "x" * 3000]
)
def test_only_pages_are_linked(url: str) -> None:
    (found,) = answer(AnswerSettings(url="url"), reply({"id": 1, "name": "A", "url": url}))
    assert found.url == ""


@pytest.mark.parametrize("status", [204, 404])
def test_nobody(status: int) -> None:
    assert answer(AnswerSettings(), reply(b"<html>", status)) == ()


@pytest.mark.parametrize(
    "response",
    [
        *(reply([], status) for status in (301, 400, 401, 429, 500, 503)),
        *(
            reply(body)
            for body in (
                b"",
                b"<html>",
                b"[1,",
                b"[" * 100_000,
                b"\xff\xfe",
                b'{"id": 1' + b"0" * 6000 + b"}",
            )
        ),
        reply(b"[]", whole=False),
    ],
)
def test_what_is_no_answer(response: Response) -> None:
    with pytest.raises(Refused):
        answer(AnswerSettings(), response)


def test_a_field_that_is_not_as_configured() -> None:
    with pytest.raises(Refused, match="not as configured"):
        answer(AnswerSettings(name="join(' ', [a, b])"), reply([{"id": 1, "a": None, "b": 2}]))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["id", "name", "url", "x"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(JSON)
def test_any_json_is_read_or_refused(told: Any) -> None:
    try:
        found = answer(AnswerSettings(url="url", notes="x"), reply(told))
    except Refused:
        return
    for client in found:
        assert client.id
        assert client.name.strip() == client.name != ""
        assert client.url == "" or client.url.startswith(("http://", "https://"))
