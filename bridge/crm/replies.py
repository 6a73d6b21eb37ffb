"""Writes the mails of tickets: within their thread, known again by Message-ID and token, whatever is in them.

Nobody's text becomes a header: see ``literal`` in mail.py.
"""

import re
import secrets
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime

from bridge.config.mail import mail_address
from bridge.crm.attachments import Kept
from bridge.crm.letter_headers import LOOP_MARKER, MAX_SUBJECT, Party, without_tokens
from bridge.crm.letter_text import plain
from bridge.crm.mail import WIRE, literal, own_marker
from bridge.crm.parties import not_mail
from bridge.crm.ticket_mail import Outgoing
from bridge.errors import N_, BadInput

_MAX_RECIPIENTS = 50
_MAX_REFERENCES = 4_000  # characters
_PREFIX = re.compile(
    r"(?:(?:re|aw|antw|sv|vs|fw|fwd|wg|tr|rif|ответ|отв|на)(?:\[\d{1,3}\]|\(\d{1,3}\))?:[ ]?)+", re.IGNORECASE
)
_ID = re.compile(r"<[!-;=?-~]{1,900}>")


def new_message_id(sender: str) -> str:
    """To be kept with the entry before anything is sent."""
    return f"<{secrets.token_hex(16)}@{sender.rpartition('@')[2]}>"


def subject_of(subject: str, token: str, *, answers: bool) -> str:
    """Its token once, at the end, and one “Re:” if it answers something."""
    bare = without_tokens(literal(subject, MAX_SUBJECT))
    bare = bare[found.end() :] if (found := _PREFIX.match(bare)) else bare
    return f"{'Re: ' if answers else ''}{bare.strip()} [#{token}]"


def recipients_of(
    to: Iterable[Party], cc: Iterable[Party], own: Collection[str]
) -> tuple[Sequence[Party], Sequence[Party]]:
    """To and Cc, each address once, none of our own. Raises BadInput."""
    seen = {address.casefold() for address in own}
    found: list[list[Party]] = []
    for parties in (to, cc):
        group: list[Party] = []
        for party in parties:
            try:
                address = mail_address(party.address)
            except ValueError as error:
                raise not_mail(party.address) from error
            if address.casefold() not in seen:
                seen.add(address.casefold())
                group.append(Party(address, literal(party.name, 100)))
        found.append(group)
    if not any(found):
        raise BadInput(N_("recipient: there is none but ourselves; name the client's address"))
    if sum(map(len, found)) > _MAX_RECIPIENTS:
        raise BadInput(N_("recipients: more than %(most)s; leave some out"), most=_MAX_RECIPIENTS)
    return found[0], found[1]


def written(
    outgoing: Outgoing,
    files: Sequence[tuple[Kept, bytes]],
    *,
    sender: str,
    company: str,
    own: Collection[str],
    at: datetime,
) -> tuple[bytes, list[str]]:
    """As it goes to the mail server, and the addresses that it is for. Raises BadInput."""
    to, cc = recipients_of(outgoing.to, outgoing.cc, own)
    message = EmailMessage(policy=WIRE)
    message["From"] = Address(literal(outgoing.from_name, 100) or literal(company, 100), addr_spec=sender)
    for name, parties in (("To", to), ("Cc", cc)):
        if parties:
            message[name] = [Address(party.name, addr_spec=party.address) for party in parties]
    message["Subject"] = subject_of(outgoing.subject, outgoing.token, answers=outgoing.answers is not None)
    message["Date"] = format_datetime(at)
    message["Message-ID"] = outgoing.message_id
    answered = [one for one in (*outgoing.references, outgoing.answers) if one is not None and _is_plain(one)]
    if outgoing.answers is not None and answered:
        message["In-Reply-To"] = answered[-1]
        message["References"] = _references(answered)
    message[LOOP_MARKER] = own_marker(sender)
    if outgoing.automatic:
        message["Auto-Submitted"] = "auto-replied" if outgoing.answers is not None else "auto-generated"
        message["X-Auto-Response-Suppress"] = "All"  # RFC 3834 is not known everywhere
    message.set_content(plain(outgoing.text), cte="quoted-printable")
    for kept, content in files:
        # Neither HTML nor SVG under its own name: some programs show it at once.
        safe = kept.media_type not in {"text/html", "image/svg+xml"}
        main, _, sub = (kept.media_type if safe else "application/octet-stream").partition("/")
        message.add_attachment(content, maintype=main, subtype=sub, filename=kept.name)
    return message.as_bytes(), [party.address for party in (*to, *cc)]


def _is_plain(id: str) -> bool:
    return _ID.fullmatch(id) is not None and "=?" not in id


def _references(ids: Sequence[str]) -> str:
    """The first one, and as many of the last as fit (RFC 5322, 3.6.4)."""
    ids = tuple(dict.fromkeys(ids))
    first, last = ids[0], list(ids[1:])
    while last and len(first) + sum(len(one) + 1 for one in last) > _MAX_REFERENCES:
        last.pop(0)
    return " ".join((first, *last))
