"""The catalogues: whole, translated, and true to the messages in use."""

import re
from enum import Enum
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

import bridge
from bridge.ami import phones
from bridge.centre.agent import PHONE, UNANSWERED, AgentState
from bridge.centre.call import CallState
from bridge.centre.decision import Hindrance, OfferEnd
from bridge.centre.explain import Verdict
from bridge.centre.orders import LegKind, Outcome
from bridge.centre.plan import Strategy
from bridge.config import features
from bridge.web import labels
from bridge.web.i18n import LOCALES, NAMES, Languages
from bridge.web.rendering import TEMPLATES

ROOT = Path(bridge.__file__).parent
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "N_": None}


def _catalogue(code: str) -> Catalog:
    with (LOCALES / code / "LC_MESSAGES" / "messages.po").open("rb") as source:
        return read_po(source, locale=code, abort_invalid=True)


def _used() -> set[str | tuple[str, ...]]:
    methods = [("**.py", "python"), ("web/templates/**.html", "jinja2.ext:babel_extract")]
    found = extract_from_dir(ROOT, methods, keywords=KEYWORDS)
    return {tuple(message) if isinstance(message, tuple | list) else message for _, _, message, _, _ in found}


@pytest.mark.parametrize("code", list(NAMES))
def test_the_catalogue_holds_exactly_the_messages_in_use(code: str) -> None:
    used = _used()
    assert len(used) > 150
    held = {
        tuple(message.id) if isinstance(message.id, list | tuple) else message.id
        for message in _catalogue(code)
        if message.id
    }
    assert held == used


@pytest.mark.parametrize("code", list(NAMES))
def test_every_message_is_translated_and_none_is_fuzzy(code: str) -> None:
    for message in _catalogue(code):
        if not message.id:
            continue
        assert not message.fuzzy, message.id
        forms = message.string if isinstance(message.string, list | tuple) else (message.string,)
        assert all(forms), message.id
        source = message.id[0] if isinstance(message.id, list | tuple) else message.id
        for form in forms:
            assert sorted(re.findall(r"%\(\w+\)s", form)) == sorted(re.findall(r"%\(\w+\)s", source))


def test_the_russian_words_are_russian_and_the_glossary_s() -> None:
    russian = Languages()["ru"]
    for word, meant in (
        ("Agent", "Оператор"),
        ("Supervisor", "Супервизор"),
        ("Queue", "Очередь"),
        ("Wrap-up", "Постобработка"),
        ("Pause", "Перерыв"),
        ("Ticket", "Обращение"),
        ("Client card", "Карточка клиента"),
        ("Recording", "Запись разговора"),
        ("In progress", "В процессе"),
        ("Critical", "Критично"),
        ("Assignee", "Ответственный"),
    ):
        assert russian.gettext(word) == meant
    plural = "Too many attempts. Try again in %(num)s minute."
    forms = {number: russian.ngettext(plural, "", number) for number in (1, 3, 5)}
    assert len(set(forms.values())) == 3


def test_every_word_for_a_value_has_a_translation() -> None:
    russian = Languages()["ru"]
    for kind, words in labels.ALL.items():
        for value, word in words.items():
            assert russian.gettext(word) != word, (kind, value)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("outcome", Outcome),
        ("leg", LegKind),
        ("strategy", Strategy),
        ("offer_end", OfferEnd),
        ("verdict", Verdict),
        ("hindrance", Hindrance),
        ("call_state", CallState),
        ("agent_state", AgentState),
    ],
)
def test_every_value_of_the_centre_has_a_word(kind: str, values: type[Enum]) -> None:
    shown = {str(one.value) for one in values} - {CallState.PRESENTED.value}  # no page has such a call
    assert shown <= labels.ALL[kind].keys()


def test_every_word_that_others_write_has_a_translation() -> None:
    away = {*phones._UNREACHABLE.values(), phones._SILENT}
    assert {*phones._IN_WORDS.values(), *away} <= labels.PHONES.keys()
    assert away <= labels.PHONE_REMEDIES.keys()
    assert set(features.PAUSES.values()) <= labels.PAUSE_REASONS.keys()
    assert set(features.DISPOSITIONS.values()) <= labels.DISPOSITIONS.keys()
    assert {PHONE, UNANSWERED} <= labels.IMPOSED_REASONS.keys()


def test_templates_hold_no_words_of_their_own() -> None:
    """Text between tags that is no expression would stay English on a Russian screen."""
    allowed = {"Callbridge", "API", "OpenAPI", "Authorization: Bearer cb_…", "Q.850", "SIP"}
    for path in TEMPLATES.glob("*.html"):
        text = re.sub(r"{#.*?#}|{%.*?%}|{{.*?}}", " ", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        text = re.sub(r"<kbd[^>]*>.*?</kbd>|<[^>]*>", "\n", text, flags=re.DOTALL)
        for phrase in (phrase.strip(" ·,:№×▶☎–\t") for phrase in text.split("\n")):
            known = phrase in allowed or not re.search(r"[A-Za-z]{2,}", phrase)
            assert known or re.sub("|".join(allowed), "", phrase).strip(" ·") == "", (path.name, phrase)
