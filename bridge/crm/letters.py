"""Reads a mail that anybody may have written: raw bytes (RFC 5322, MIME) become a Received. Pure.

Everything in it is text and bytes for people: nothing is trusted, followed, opened or rendered here. What is
built to cost time or memory (parts within parts, endless headers) is measured before the library reads it.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from email import message_from_bytes
from email.message import Message
from enum import Enum
from typing import TypeAlias

from bridge.crm.letter_headers import (
    HOSTILE,
    MAX_SUBJECT,
    Automatic,
    Fields,
    Party,
    automatic,
    cleaned,
    printable,
    to_text,
    token_in,
)
from bridge.crm.letter_text import plain, quoted_from, text_of_html
from bridge.errors import BadInput

MAX_BYTES = 35 * 2**20  # of a mail as a whole, attachments in base64 included
MAX_TEXT = 200_000  # characters of the body; what is longer is kept as an attachment
MAX_ATTACHMENTS = 100
HEAD_BYTES = 64 * 1024  # enough for the headers of any mail
# The library compares each line with the boundary of every part that is open.
_MAX_LINES, _MAX_CONTAINERS, _MAX_COMPARISONS = 1_000_000, 50, 10_000_000
_MAX_BOUNDARIES = 5_000
_MAX_WALK = 1_000

_CONTAINER = re.compile(rb"^content-type[ \t]*:\s{0,100}(?:multipart|message)/", re.IGNORECASE | re.MULTILINE)
_KNOWN_FIELDS = ("From", "To", "Subject", "Date", "Message-ID", "Received", "Return-Path", "Sender")

Part: TypeAlias = "Message[str, str]"


class NoMail(BadInput):
    """These bytes have no header of a mail."""


class Fault(Enum):
    """What of a mail could not be taken as it was meant; shown beside its text."""

    TOO_LARGE = "too_large"  # only its headers were read
    TOO_NESTED = "too_nested"  # only its headers; it is an attachment as a whole
    TEXT_CUT = "text_cut"  # the whole of it is an attachment
    HTML_CUT = "html_cut"  # likewise
    ATTACHMENTS_CUT = "attachments_cut"


@dataclass(frozen=True, slots=True)
class Attached:
    """``media_type`` is what the sender says: see attachments.py for what it is."""

    name: str
    media_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A mail server's report (RFC 3464) on a mail of ours."""

    message_id: str | None  # of the mail that it is about
    failed: bool  # for good; False: it is late, or was delivered
    recipients: tuple[str, ...]
    reason: str  # in that server's words


@dataclass(frozen=True, slots=True)
class Received:
    message_id: str  # with brackets; made up of the content for a mail without one
    key: str  # of id and content: the same mail again, by whatever way, has the same
    in_reply_to: tuple[str, ...]
    references: tuple[str, ...]
    token: str | None  # of a ticket, from the subject
    sender: Party
    reply_to: tuple[Party, ...]
    to: tuple[Party, ...]
    cc: tuple[Party, ...]
    subject: str  # one line
    date: datetime | None  # the sender's word, UTC
    text: str = field(repr=False)
    quoted_from: int | None  # where in ``text`` the quotation at its end begins
    attachments: tuple[Attached, ...]
    automatic: Automatic | None
    undelivered: Undelivered | None
    faults: tuple[Fault, ...]
    size: int  # bytes


def read(raw: bytes, *, own_marker: str = "") -> Received:
    """``own_marker`` is what our own mails bear (letter_headers.LOOP_MARKER). Raises NoMail, nothing else."""
    if len(raw) > MAX_BYTES:
        return read_head(raw[:HEAD_BYTES], len(raw), own_marker=own_marker)
    if not _is_affordable(raw):
        found = read_head(raw[:HEAD_BYTES], len(raw), own_marker=own_marker, fault=Fault.TOO_NESTED)
        return _with_key(replace(found, attachments=(_as_a_whole(raw),)))
    message = message_from_bytes(raw, policy=HOSTILE)
    body = _Body()
    undelivered = None
    if Fields(message).words("Content-Type") == "multipart/report":
        undelivered = _report(message)
    body.take(message)
    return _received(message, raw, len(raw), body, own_marker, undelivered)


def read_head(head: bytes, size: int, *, own_marker: str = "", fault: Fault = Fault.TOO_LARGE) -> Received:
    """A mail of which only the first bytes are to be read; ``size`` is that of all of it. Raises NoMail."""
    head = re.split(rb"\r?\n\r?\n", head[:HEAD_BYTES], maxsplit=1)[0]
    message = message_from_bytes(head + b"\r\n\r\n", policy=HOSTILE)
    return _received(message, head, size, _Body(faults=[fault]), own_marker, None)


def _received(
    message: Part, raw: bytes, size: int, body: "_Body", own_marker: str, undelivered: Undelivered | None
) -> Received:
    fields = Fields(message)
    if not any(name in fields for name in _KNOWN_FIELDS):
        raise NoMail("a mail: has no header, neither From nor Subject nor Date; look at it in the mailbox")
    sender = next(iter(fields.parties("From", "Sender")), Party(""))
    subject = fields.text("Subject", MAX_SUBJECT)
    text = body.text()
    ids = fields.ids("Message-ID")
    found = Received(
        message_id=ids[0] if ids else f"<{hashlib.sha256(raw).hexdigest()[:40]}@no-message-id.invalid>",
        key="",
        in_reply_to=fields.ids("In-Reply-To"),
        references=fields.ids("References"),
        token=token_in(subject),
        sender=sender,
        reply_to=fields.parties("Reply-To"),
        to=fields.parties("To"),
        cc=fields.parties("Cc"),
        subject=subject,
        date=fields.date(),
        text=text,
        quoted_from=quoted_from(text),
        attachments=tuple(body.attachments),
        automatic=automatic(fields, sender.address, own_marker),
        undelivered=undelivered,
        faults=tuple(dict.fromkeys(body.faults)),
        size=size,
    )
    return _with_key(found)


def _with_key(found: Received) -> Received:
    """Not the id alone: there are programs that give all their mails the same one.

    Not all bytes: the same mail that came to two of our addresses has other lines of its way.
    """
    digest = hashlib.sha256()
    for part in (found.message_id, found.sender.address, found.subject, str(found.date), found.text):
        digest.update(f"{len(part)}:".encode() + part.encode("utf-8", "replace"))
    for attached in found.attachments:
        digest.update(hashlib.sha256(attached.content).digest())
    return replace(found, key=digest.hexdigest())


def _is_affordable(raw: bytes) -> bool:
    lines = raw.count(b"\n") + raw.count(b"\r") - raw.count(b"\r\n")
    containers = len(_CONTAINER.findall(raw))
    return (
        lines <= _MAX_LINES
        and containers <= _MAX_CONTAINERS
        and lines * max(containers, 1) <= _MAX_COMPARISONS
        and (containers == 0 or sum(raw.count(end + b"--") for end in (b"\n", b"\r")) <= _MAX_BOUNDARIES)
    )


def _as_a_whole(raw: bytes) -> Attached:
    return Attached("mail.eml", "message/rfc822", raw)


# ── the body ─────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class _Body:
    texts: list[str] = field(default_factory=list)
    attachments: list[Attached] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def text(self) -> str:
        whole = "\n\n".join(text.strip("\n") for text in self.texts if text.strip())
        if len(whole) > MAX_TEXT:
            self._attach(Attached("text.txt", "text/plain", whole.encode("utf-8", "replace")))
            self.faults.append(Fault.TEXT_CUT)
        return whole[:MAX_TEXT].strip("\n")

    def take(self, message: Part) -> None:
        """Part by part, by a list of our own: how deep it goes is the sender's choice."""
        waiting: list[Part] = [message]
        steps = 0
        while waiting:
            steps += 1
            if steps > _MAX_WALK:
                self.faults.append(Fault.ATTACHMENTS_CUT)
                return
            part = waiting.pop(0)
            fields = Fields(part)
            parts, kind = _parts(part), fields.words("Content-Type")
            if parts is not None and kind == "multipart/alternative":
                waiting[:0] = _best(parts)
            elif parts is not None and not kind.startswith("message/"):
                waiting[:0] = parts
            else:
                self._leaf(part, fields, _media_type(fields))

    def _leaf(self, part: Part, fields: Fields, kind: str) -> None:
        if kind == "message/delivery-status":
            self.texts.append("\n\n".join(_blocks(part)))
            return
        if kind.startswith("multipart/"):
            kind = "text/plain"  # it has no parts
        raw = _content(part)
        name = _name(fields)
        inline = fields.words("Content-Disposition") != "attachment" and not name
        if not inline or kind not in {"text/plain", "text/html"}:
            self._attach(Attached(name or _name_by(kind, part), kind, raw))
            return
        text = to_text(raw, fields.parameter("Content-Type", "charset"))
        if kind == "text/plain":
            flowed = fields.parameter("Content-Type", "format").lower() == "flowed"
            delsp = fields.parameter("Content-Type", "delsp").lower() == "yes"
            self.texts.append(plain(text, flowed=flowed, delsp=delsp))
            return
        shown, whole = text_of_html(text)
        self.texts.append(plain(shown))
        if not whole:
            self.faults.append(Fault.HTML_CUT)
            self._attach(Attached("text.html", "text/html", raw))

    def _attach(self, attached: Attached) -> None:
        if not attached.content:
            return  # a picture that a mail program has removed
        if len(self.attachments) < MAX_ATTACHMENTS:
            self.attachments.append(attached)
        else:
            self.faults.append(Fault.ATTACHMENTS_CUT)


def _best(alternatives: list[Part]) -> list[Part]:
    """One text of several: the plain one if it says anything, else HTML; and what is no text, as a date."""
    plain_ones = [one for one in alternatives if _media_type(Fields(one)) == "text/plain"]
    said = [one for one in plain_ones if _content(one).strip()]
    others = [one for one in alternatives if one not in plain_ones]
    if not said:
        return others or plain_ones[:1]
    rich = [one for one in others if _holds_text_only(one)]
    return [said[0], *(one for one in others if one not in rich)]


def _holds_text_only(part: Part) -> bool:
    kind = _media_type(Fields(part))
    if kind == "multipart/related":
        parts = _parts(part)
        # Its pictures belong to the HTML; one that is attached as well has a name and a disposition.
        return parts is not None and not any(
            Fields(one).words("Content-Disposition") == "attachment" for one in parts
        )
    return kind in {"text/html", "text/richtext", "text/enriched", "text/x-amp-html"}


def _media_type(fields: Fields) -> str:
    kind = cleaned(fields.words("Content-Type"), 100)
    return (
        kind if re.fullmatch(r"[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9][a-z0-9!#$&^_.+-]*", kind) else "text/plain"
    )


def _parts(part: Part) -> list[Part] | None:
    """None where it has none. Asked of a leaf, get_payload() decodes it as its sender says, and raises."""
    payload = part.get_payload() if part.is_multipart() else None
    return [one for one in payload if isinstance(one, Message)] if isinstance(payload, list) else None


def _content(part: Part) -> bytes:
    parts = _parts(part)
    if parts is not None:
        return b"\n\n".join(map(_flat, parts))
    found = part.get_payload(decode=True)
    return found if isinstance(found, bytes) else b""


def _flat(message: Part) -> bytes:
    """A mail within a mail, as it is written; its headers alone where that cannot be done again."""
    try:
        return message.as_bytes()
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return "\n".join(f"{name}: {printable(str(value))}" for name, value in message.raw_items()).encode(
            "utf-8", "replace"
        )


def _name(fields: Fields) -> str:
    name = fields.parameter("Content-Disposition", "filename") or fields.parameter("Content-Type", "name")
    return file_name(name)


def _name_by(kind: str, part: Part) -> str:
    if kind == "message/rfc822":
        parts = _parts(part)
        subject = Fields(parts[0]).text("Subject", 80) if parts else ""
        return file_name(f"{subject or 'mail'}.eml")
    endings = {"text/html": "html", "text/calendar": "ics", "text/plain": "txt", "application/pdf": "pdf"}
    group, _, sort = kind.partition("/")
    return f"{group}.{endings.get(kind) or (sort if re.fullmatch('[a-z0-9]{2,5}', sort) else 'bin')}"


def file_name(written: str) -> str:
    """A name without a path, and nothing in it that a file system or a header would read as syntax."""
    name = cleaned(re.sub(r'[<>:"|?*%;]', "_", re.split(r"[/\\]", written)[-1]), 150).strip(" .")
    stem, dot, end = name.rpartition(".")
    return f"{stem[:80]}{dot}{end[:20]}" if dot else name[:80]


# ── reports ──────────────────────────────────────────────────────────────────


def _report(message: Part) -> Undelivered | None:
    parts = _parts(message) or []
    status = next((one for one in parts if _media_type(Fields(one)) == "message/delivery-status"), None)
    if status is None:
        return None
    per_recipient = [Fields(one) for one in _parts(status) or []]
    told = [one for one in per_recipient[:MAX_ATTACHMENTS] if "Action" in one]
    failed = [one for one in told if one.words("Action") == "failed"]
    reasons = [
        " ".join(filter(None, (one.text("Status", 20), one.text("Diagnostic-Code", 300))))
        for one in failed or told
    ]
    return Undelivered(
        message_id=next(_ids_of_original(parts), None),
        failed=bool(failed),
        recipients=tuple(
            one.text("Final-Recipient", 300).rpartition(";")[2].strip() for one in failed or told
        ),
        reason=next(filter(None, reasons), ""),
    )


def _ids_of_original(parts: list[Part]) -> Iterator[str]:
    for part in parts:
        kind, inner = _media_type(Fields(part)), _parts(part)
        if kind == "message/rfc822" and inner:
            yield from Fields(inner[0]).ids("Message-ID")
        elif kind in {"text/rfc822-headers", "message/rfc822-headers"}:
            head = _content(part)[:HEAD_BYTES]
            yield from Fields(message_from_bytes(head + b"\n\n", policy=HOSTILE)).ids("Message-ID")


def _blocks(status: Part) -> Iterator[str]:
    for block in (_parts(status) or [])[:MAX_ATTACHMENTS]:
        fields = Fields(block)
        yield "\n".join(f"{name}: {fields.text(name, 500)}" for name, _ in block.raw_items())
