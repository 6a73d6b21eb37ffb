"""Which script a call selects: the first whose conditions all hold."""

import pytest

from bridge.centre.facts import Verdict
from bridge.config.scripts import ScriptSettings, WhenSettings
from bridge.crm.cards import Card
from bridge.crm.scripts import script_for
from bridge.store.rows import ClientRow
from tests.unit.crm.conftest import START, call_record


def card(client: ClientRow | None = None, verdict: Verdict = Verdict.UNKNOWN, **fields: object) -> Card:
    record = call_record("1.1", **{"queue": "support", "dialled": "+74950000001", **fields})
    return Card(record, None, verdict, (), client, (), (), None)


def client(tier: str = "", language: str = "") -> ClientRow:
    return ClientRow(1, "Anna", "", language, tier, "", (), START, START)


def script(**when: object) -> ScriptSettings:
    return ScriptSettings.model_validate({"title": "T", "text": "x", "when": when})


@pytest.mark.parametrize(
    ("when", "fits"),
    [
        ({}, True),
        ({"queue": "support"}, True),
        ({"queue": ["sales", "support"]}, True),
        ({"queue": "sales"}, False),
        ({"number": "+74950000001"}, True),
        ({"number": "+74950000002"}, False),
        ({"tier": "gold"}, False),
        ({"language": "ru"}, True),
        ({"language": "de"}, False),
        ({"known": False}, True),
        ({"known": True}, False),
        ({"queue": "support", "known": True}, False),
    ],
)
def test_of_a_stranger(when: dict[str, object], fits: bool) -> None:
    assert (script_for([script(**when)], card(), "ru") is not None) == fits


@pytest.mark.parametrize(
    ("when", "fits"),
    [
        ({"tier": "gold"}, True),
        ({"language": "de"}, True),
        ({"language": "ru"}, False),
        ({"known": True}, True),
    ],
)
def test_of_a_client(when: dict[str, object], fits: bool) -> None:
    found = script_for([script(**when)], card(client("gold", "de"), Verdict.KNOWN), "ru")
    assert (found is not None) == fits


def test_several_are_known_and_the_first_that_fits_wins() -> None:
    scripts = [script(known=False), script(queue="support"), script()]
    assert script_for(scripts, card(verdict=Verdict.SEVERAL), "ru") is scripts[1]
    assert script_for([], card(), "ru") is None


def test_paragraphs() -> None:
    written = ScriptSettings(title="T", text="\none\ntwo\n\n\n\nthree\n", when=WhenSettings())
    assert written.paragraphs == ("one\ntwo", "three")
