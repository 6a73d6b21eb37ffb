"""Reads the header fields of a mail that anybody may have written: decoded, cleaned, cut. Pure, never raises.

RFC 5322, RFC 2047 (other letters), RFC 2231 (parameters), RFC 3834 (what is automatic).
"""

import codecs
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email._policybase import Compat32
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime
from enum import Enum

LOOP_MARKER = "X-Callbridge-Loop"
MAX_SUBJECT = 500
_MAX_FIELD = 32 * 1024  # 400 recipients
_MAX_CONTENT_FIELD = 4 * 1024  # the library's own reading of parameters takes the square of its length
_MAX_NAME = 120
_MAX_ADDRESS = 254  # RFC 5321
_MAX_ADDRESSES = 200
_MAX_REFERENCES = 50
_MAX_COMMENTS = 50  # the library reads comments within comments by calling itself

_ID = re.compile(r"<([!-;=?-~]{1,900})>")
_TOKEN = re.compile(r"\[#([0-9A-Z]{12})\]", re.IGNORECASE)
_ADDRESS = re.compile(r"[^\s<>@\"(),:;\\\[\]]{1,64}@[^\s<>@\"(),:;\\\[\]]{1,253}")
# What turns a line round: invoice\u202efdp.exe is read as “invoiceexe.pdf”.
_TURNING = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# Codecs that are no character sets, and two that take the square of their input's length.
_NO_CHARSETS = frozenset(
    {"idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape", "mbcs", "oem"}
)
_UNTOLD = "windows-1251"  # 8-bit text that says nothing of itself and is no UTF-8


class Automatic(Enum):
    """Why nobody wrote this mail by hand."""

    OWN = "own"  # it is ours, come back
    REPORT = "report"  # a mail server's: not delivered (RFC 3464), or one that speaks for it
    RECEIPT = "receipt"  # it was read (RFC 8098)
    REPLY = "reply"  # out of office
    GENERATED = "generated"  # a monitor, a form, or it asks for no answers
    BULK = "bulk"  # a list, a newsletter


@dataclass(frozen=True, slots=True)
class Party:
    address: str  # "" for what is no address; the domain in lower case
    name: str = ""


class HostilePolicy(Compat32):
    """Cuts fields before the library looks into them."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        name, _, rest = sourcelines[0].partition(":")
        most = _MAX_CONTENT_FIELD if name.lower().startswith("content-") else _MAX_FIELD
        value = rest.lstrip(" \t")[:most]
        for line in sourcelines[1:]:
            if len(value) >= most:
                break
            value += line[: most - len(value)]
        return name, value.rstrip("\r\n")


HOSTILE = HostilePolicy()


class Fields:
    """The fields of one part; a field that is there twice counts the first time."""

    def __init__(self, message: "Message[str, str]") -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in message.raw_items():
            self._values.setdefault(name.strip().lower(), []).append(str(value))

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._values

    def raw(self, name: str) -> str:
        values = self._values.get(name.lower())
        return values[0] if values else ""

    def all(self, name: str) -> Sequence[str]:
        return self._values.get(name.lower(), ())

    def words(self, name: str) -> str:
        """Of a field with a fixed vocabulary: in lower case, without its parameters and comments."""
        return re.split(r"[;(]", self.raw(name), maxsplit=1)[0].strip().lower()

    def text(self, name: str, most: int) -> str:
        return decoded(self.raw(name), most)

    def parties(self, *names: str) -> tuple[Party, ...]:
        found = dict.fromkeys(
            party for name in names for value in self.all(name) for party in _parties(value)
        )
        return tuple(found)[:_MAX_ADDRESSES]

    def ids(self, name: str) -> tuple[str, ...]:
        """Message ids with their brackets, the first one and the last ones of a long list."""
        found = tuple(dict.fromkeys(f"<{one}>" for one in _ID.findall(printable(self.raw(name)))))
        return found if len(found) <= _MAX_REFERENCES else (found[0], *found[1 - _MAX_REFERENCES :])

    def date(self) -> datetime | None:
        try:
            found = parsedate_to_datetime(self.raw("Date")[:100])
            found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
        except (ValueError, TypeError, OverflowError, IndexError, AttributeError):
            return None
        return found if 1990 <= found.year < 2100 else None

    def parameter(self, name: str, parameter: str) -> str:
        """As RFC 2231 writes it, or as RFC 2047 does although it must not."""
        alone: Message[str, str] = Message()
        alone[name] = " ".join(printable(self.raw(name)[:_MAX_CONTENT_FIELD]).split())
        try:
            found = alone.get_param(parameter, header=name)
        except (ValueError, TypeError, LookupError, AttributeError):  # the library's, on broken numbering
            return ""
        if isinstance(found, tuple):
            charset, _, value = found
            raw = value.encode("latin-1" if charset else "utf-8", "replace")
            return cleaned(to_text(raw, charset or ""), _MAX_FIELD)
        return decoded(found, _MAX_FIELD) if isinstance(found, str) else ""


def token_in(subject: str) -> str | None:
    """Of the last one that stands there: replies may quote an older subject."""
    found = _TOKEN.findall(subject)
    return found[-1].upper() if found else None


def without_tokens(subject: str) -> str:
    return " ".join(_TOKEN.sub(" ", subject).split())


def automatic(fields: Fields, sender: str, own_marker: str) -> Automatic | None:
    content, report = fields.words("Content-Type"), fields.parameter("Content-Type", "report-type").lower()
    submitted, precedence = fields.words("Auto-Submitted"), fields.words("Precedence")
    local = sender.partition("@")[0].lower()
    if own_marker and any(value.strip() == own_marker for value in fields.all(LOOP_MARKER)):
        return Automatic.OWN
    if content == "multipart/report" and report == "disposition-notification":
        return Automatic.RECEIPT
    if (content == "multipart/report" and report != "feedback-report") or local in {
        "mailer-daemon",
        "mailer_daemon",
    }:
        return Automatic.REPORT
    if (
        submitted in {"auto-replied", "auto-notified"}
        or precedence in {"auto_reply", "auto-reply"}
        or any(name in fields for name in ("X-Autoreply", "X-Autorespond", "X-Autoresponder"))
        or fields.raw("Return-Path").strip() == "<>"
    ):
        return Automatic.REPLY
    if precedence in {"bulk", "junk", "list"} or "List-Id" in fields:
        return Automatic.BULK
    suppressed = {word.strip() for word in fields.raw("X-Auto-Response-Suppress").lower().split(",")}
    if submitted not in {"", "no"} or suppressed & {"all", "autoreply", "oof"}:
        return Automatic.GENERATED
    return None


# ── words ────────────────────────────────────────────────────────────────────


def to_text(raw: bytes, charset: str) -> str:
    """By its own word if that is a character set, else UTF-8, else what such mails are in; never fails."""
    for name in (charset, "utf-8"):
        codec = _codec(name)
        if codec is not None:
            try:
                return raw.decode(codec)
            except (UnicodeError, ValueError):
                continue
    told = _codec(charset)
    return raw.decode(told if told and told not in {"utf-8", "ascii"} else _UNTOLD, "replace")


def _codec(charset: str) -> str | None:
    try:
        found = codecs.lookup(charset.strip().strip("\"'")[:40])
    except (LookupError, ValueError, UnicodeError):  # unknown, with a NUL, not ASCII
        return None
    # Not public, but what bytes.decode() itself asks: "hex" and "zlib" are codecs as well.
    usable = getattr(found, "_is_text_encoding", True) and found.name not in _NO_CHARSETS
    return found.name if usable else None


def printable(text: str) -> str:
    """Without lone surrogates: bytes of no said character set were kept as such."""
    if text.isascii():
        return text
    return to_text(text.encode("utf-8", "surrogateescape" if _escaped(text) else "replace"), "")


def _escaped(text: str) -> bool:
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


def cleaned(text: str, most: int) -> str:
    """One line for people's eyes: nothing invisible, nothing that turns it round, not without end."""
    shown = (
        " " if character.isspace() else character
        for character in text[: most * 4]
        if character.isspace()
        or (unicodedata.category(character) not in {"Cc", "Cs", "Co", "Cn"} and character not in _TURNING)
    )
    return " ".join("".join(shown).split())[:most].rstrip()


def decoded(value: str, most: int) -> str:
    value = printable(value[:_MAX_FIELD])
    try:
        pieces = decode_header(value) if "=?" in value else [(value, None)]
    except (HeaderParseError, ValueError):  # broken base64: shown as it came
        pieces = [(value, None)]
    return cleaned("".join(_piece(part, charset) for part, charset in pieces), most)


def _piece(part: bytes | str, charset: str | None) -> str:
    if isinstance(part, str):
        return part
    # What stands between encoded words comes in the library's own way of writing bytes.
    return to_text(part, charset) if charset else _unescaped(part)


def _unescaped(part: bytes) -> str:
    try:
        return part.decode("raw-unicode-escape")
    except UnicodeError:
        return to_text(part, "")


def _parties(value: str) -> Iterator[Party]:
    value = printable(value[:_MAX_FIELD]).replace("\r", " ").replace("\n", " ")
    if value.count("(") > _MAX_COMMENTS:
        value = value.replace("(", " ").replace(")", " ")
    try:
        found: Iterable[tuple[str, str]] = getaddresses([value])
    except (ValueError, IndexError, TypeError, AttributeError):
        found = ()
    for name, address in found:
        address = "".join(address.split())
        if not address and not name:
            continue
        shown = decoded(name, _MAX_NAME)
        yield Party(_address(address), shown)


def _address(written: str) -> str:
    if len(written) > _MAX_ADDRESS or _ADDRESS.fullmatch(written) is None or not written.isprintable():
        return ""
    local, _, domain = written.rpartition("@")
    return f"{local}@{domain.lower()}"
