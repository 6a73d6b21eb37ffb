"""How numbers are written down: URIs, display names, brackets, extensions, words for a withheld one.

It takes a writing apart and knows no numbering plan: what the digits are, numbers.py says.
"""

import ipaddress
import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import unquote

MAX_LENGTH = 128
_LONGEST_EXTENSION = 8

# What networks and Asterisk put in the place of a withheld number (RFC 3323 and 3325 say "anonymous"), and
# what phones, carriers and people write for it: folded, without marks between the words.
_WITHHELD = frozenset(
    """
    anonymous|anon|unknown|restricted|private|unavailable|withheld|blocked|hidden|not available|na|n a|none
    id unavailable|number unavailable|number withheld|withheld number|private number|private caller|no number
    no caller id|caller id blocked|unknown number|unknown caller|blocked number|hidden number|out of area
    anonymous caller|anonymous call|caller unknown|unavailable number|number not available
    anonym|unterdrückt|rufnummer unterdrückt|nummer unterdrückt|unbekannt|unbekannter teilnehmer
    unbekannte nummer|unbekannter anrufer|anonymer anrufer|privat|keine nummer|nicht verfügbar
    rufnummer nicht verfügbar|keine rufnummer
    аноним|анонимно|анонимный|анонимный вызов|анонимный номер|скрыт|скрыто|скрытый|скрытый номер|номер скрыт
    неизвестно|неизвестный|неизвестный номер|номер неизвестен|неизвестен|номер не определен|не определен
    не определился|номер не определился|без номера|нет номера|приватный|закрытый номер|недоступен
    прихований|прихований номер|невідомий|невідомий номер|анонім
    masqué|numéro masqué|numéro inconnu|inconnu|appel masqué|anonyme|privé
    oculto|número oculto|desconocido|número desconocido|privado|número privado|anónimo
    sconosciuto|numero sconosciuto|numero privato|privato|anonimo|nascosto
    """.strip()
    .replace("\n", "|")
    .replace("    ", "")
    .split("|")
)
# The same words on a keypad, as gateways send them: ANONYMOUS, RESTRICTED, BLOCKED, UNAVAILABLE.
_WITHHELD_KEYS = frozenset({"266696687", "7378742833", "2562533", "86282452253"})

_NAME_ADDR = re.compile(r"^[^<>]*<([^<>]*)>\s*(?:;[^<>]*)?$")
_URI = re.compile(r"^(?P<scheme>sips?|tel|callto):", re.IGNORECASE)
_URGENT = re.compile(r"^urn:service:sos(?:\.[a-z.-]+)?$", re.IGNORECASE)  # RFC 5031
_TITLE = re.compile(
    r"^(?:telephone|telefon|téléphone|teléfono|tel|tél|phone|fon|mobile|mobil|mob|cell|handy|"
    r"телефон|тел|мобильный|моб|сотовый|сот)[\s.:]*[.:]\s*(?=[+(\d])"
)
_EXTENSION = re.compile(
    r"""
    (?:
        [\s,;.(]* (?:\b|(?<=\d))
        (?:extension|extn|ext|durchwahl|dw|apparat|nebenstelle|nst|app|poste|anexo|interno|int|toestel|tst
          |anknytning|ankn|wewn|wew|klapka|kl|linka|dahili
          |добавочный|добавочн|добав|доб|внутренний|внутр|вн|x)
        [.:=\s№\#]* (?P<worded>[0-9]{1,8})
      | [\s,;]* (?:;\s*ext\s*=|[,;\#]) \s* (?P<marked>[0-9]{1,6})
    )
    \#? \)? \s* $
    """,
    re.VERBOSE,
)
# A writing in which nothing else can be: no words, no extension, no address (which has dots or colons).
_PLAINLY_WRITTEN = re.compile(r"\+?[0-9][0-9 ()\-/]*")
_DIGITS = re.compile("[0-9]+")
_WRITTEN = re.compile(r"^\+?[\d\s().\-/]*$")
# "(+49) 30": the bracket before the plus.
_BRACKETED = re.compile(r"^\(\s*\+\s*(\d{1,3})\s*\)")
# Dashes, dots and spaces that people and spreadsheets write between groups; "8~10" of Russian tables.
_GROUPING = str.maketrans(
    {
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u02d7\u30fc~", "-"),
        **dict.fromkeys("\u00b7\u2022\u2027\u2219", "."),
    }
)
_LETTERS = re.compile(r"^\+?[\d\s().\-]*\d{3}[\s).\-]*[A-Za-z][A-Za-z\d\s.\-]*$")


@dataclass(frozen=True, slots=True)
class Writing:
    """``letters``: of one that is spelt, which has no digits then. ``private``: of a local context."""

    digits: str = ""
    international: bool = False  # a + or a country's context is written
    extension: str = ""
    letters: str = ""
    withheld: bool = False
    urgent: bool = False
    private: bool = False


def taken_apart(raw: str) -> Writing:
    """Of up to ``MAX_LENGTH`` characters. What is no number has neither digits nor letters."""
    if _PLAINLY_WRITTEN.fullmatch(raw):  # nearly all that networks signal and files hold
        return _of_digits("".join(_DIGITS.findall(raw)), international=raw.startswith("+"))
    return _of_text(raw)


def _of_digits(digits: str, *, international: bool, extension: str = "", private: bool = False) -> Writing:
    if international and digits in _WITHHELD_KEYS:
        return Writing(withheld=True)
    return Writing(digits, international, extension, private=private)


def _of_text(raw: str) -> Writing:
    text = _plain(raw)
    if len(text) > MAX_LENGTH:  # one character may stand for eighteen
        return Writing()
    named = _NAME_ADDR.match(text)
    if named:
        text = named[1].strip()
    if _URGENT.match(text):
        return Writing(urgent=True)
    extension, private = "", False
    scheme = _URI.match(text)
    if scheme is not None:
        rest = text[scheme.end() :]
        if scheme["scheme"].lower() in {"sip", "sips"}:
            text, host = _user_of(rest)
            if host.casefold().rstrip(".").endswith("anonymous.invalid"):  # RFC 3323, 4.1.1.3
                return Writing(withheld=True)
        else:
            text = unquote(rest.removeprefix("//"))
        text, extension, private = _parameters(_plain(text))
    folded = text.strip(" \t\"'").casefold()
    words = " ".join(re.split(r"[\s\-_.,:]+", folded.replace("ё", "е"))).strip()
    if not words or words in _WITHHELD:
        return Writing(withheld=True)
    if _is_address(text):
        return Writing()
    text = _TITLE.sub("", folded)
    found = _EXTENSION.search(text)
    if found is not None and len(text[: found.start()].strip()) > 2:
        text, extension = text[: found.start()], extension or found["worded"] or found["marked"]
    text = _BRACKETED.sub(r"+\1 ", text.strip())
    digits = "".join(mark for mark in text if mark.isdecimal())
    if not _WRITTEN.match(text):
        return Writing(letters=text.upper()) if _LETTERS.match(text) else Writing()
    return _of_digits(digits, international=text.startswith("+"), extension=extension, private=private)


def _plain(text: str) -> str:
    """One form of what looks the same, decimal digits as ASCII, without marks of writing direction."""
    shown = unicodedata.normalize("NFKC", text).translate(_GROUPING)
    return "".join(
        str(unicodedata.decimal(mark)) if mark.isdecimal() else mark
        for mark in shown
        if unicodedata.category(mark) != "Cf"
    ).strip()


def _user_of(rest: str) -> tuple[str, str]:
    """User part, unescaped, and host of a SIP URI (RFC 3261, 19.1.1); a lone number is taken for a user."""
    user, at, host = rest.rpartition("@")
    if not at:
        user, host = rest, ""
    host = host.partition(";")[0].partition("?")[0]
    return unquote(user.partition(":")[0]), host.partition(":")[0]


def _parameters(text: str) -> tuple[str, str, bool]:
    """The number, its extension, and whether its context is a domain's: no network outside knows it then.

    RFC 3966, 5.1.5: the context of a local number, when it is a prefix, goes before the number.
    """
    number, *parameters = text.split(";")
    extension, private = "", False
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        name, value = name.strip().lower(), value.strip()
        if name == "ext" and len(value) <= _LONGEST_EXTENSION and value.isdecimal():
            extension = value
        elif name == "phone-context" and not number.startswith("+"):
            if value.startswith("+"):
                number = value + number.strip()
            else:
                private = True
    return number.strip(), extension, private


def _is_address(text: str) -> bool:
    """192.168.1.5 is written like a number and is none."""
    try:
        ipaddress.ip_address(text.strip())
    except ValueError:
        return False
    return True
