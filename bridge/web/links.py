"""Owns making, mailing and revoking links to recordings, for pages and API. Opening them is pages/links.py's.

A link opens one recording to whoever has it, until it expires or is revoked. Its token is in the mail, or on
the screen of who made it, once; here only its hash is kept.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

import structlog
from aiohttp import web

from bridge.config.mail import mail_address
from bridge.crm.access import new_link_token
from bridge.crm.mail import Letter, Mailer
from bridge.errors import CallbridgeError
from bridge.store import Unit
from bridge.store.rows import LinkRow, RecordingRow
from bridge.web.context import parts_of
from bridge.web.i18n import Language
from bridge.web.labels import N_
from bridge.web.moves import by_whom
from bridge.web.principal import PRINCIPAL, Person, Role
from bridge.web.problems import Problem, not_found
from bridge.web.sight import sight_of

log = structlog.get_logger(__name__)

HOURS, MOST_HOURS = 72, 720
MOST_GOOD = 20  # of one recording: nobody needs more, and a program that runs wild is stopped
NO_ADDRESS = N_("give one mail address, as name@example.org.")
NO_HOURS = N_("give a number from 1 to %(highest)s.")

_SUBJECT = N_("Recording of a call · %(company)s")
_TEXT = N_(
    "Hello,\n\n"
    "here is a recording of a phone call with %(company)s. You can listen to it or download it:\n\n"
    "%(url)s\n\n"
    "The link works until %(until)s UTC. Whoever has it hears the recording: please do not pass it on.\n"
)


@dataclass(frozen=True, slots=True)
class Made:
    """``url`` cannot be told again."""

    link: LinkRow
    call: str
    url: str


async def recording_to_share(request: web.Request, unit: Unit) -> RecordingRow:
    """The one whose id is in the path. Whoever may hear it may share it."""
    recording = await unit.recordings.get(request.match_info["id"])
    if recording is None:
        raise not_found(N_("There is no such recording."))
    await sight_of(request).demand(unit, await unit.calls.get(recording.call))
    return recording


async def make_link(request: web.Request, recipient: str, hours: int, language: Language) -> Made:
    """With a recipient it is mailed to him; what is right about the address and the hours is checked before.

    Raises Problem: 403, 404, 409, and 502 when the mail was not sent; then the link is good for nobody.
    """
    parts = parts_of(request)
    if recipient and parts.mailer is None:
        raise Problem(
            HTTPStatus.CONFLICT,
            N_("No mail server is set up. Leave the address empty, and pass the link on by hand."),
        )
    token, digest = new_link_token()
    now = datetime.now(UTC)
    async with parts.store.unit() as unit:
        recording = await recording_to_share(request, unit)
        if recording.state != "attached":
            raise Problem(
                HTTPStatus.CONFLICT, N_("The recording is not there yet; it is fetched soon after the call.")
            )
        if await unit.links.good(recording.id, now) >= MOST_GOOD:
            raise Problem(
                HTTPStatus.CONFLICT, N_("There are many links to this recording already. Revoke one first.")
            )
        link = await unit.links.add(
            recording.id,
            digest,
            by=by_whom(request),
            recipient=recipient,
            expires_at=now + timedelta(hours=hours),
        )
        detail = f"{recipient}, {hours} h" if recipient else f"{hours} h"
        await _note(request, unit, "recording.link", recording, detail)
    made = Made(link, recording.call, f"{parts.public_url}/r/{token}")
    if recipient and parts.mailer is not None:
        await _mail(request, parts.mailer, made, recording, language)
    return made


async def revoke_link(request: web.Request, id: int | None) -> LinkRow:
    """His own, or any as a supervisor or a program. Revoking twice changes nothing."""
    async with parts_of(request).store.unit() as unit:
        recording = await recording_to_share(request, unit)
        link = await unit.links.get(id) if id is not None else None
        if link is None or link.recording != recording.id:
            raise not_found(N_("There is no such link."))
        if not may_revoke(request, link):
            raise Problem(
                HTTPStatus.FORBIDDEN,
                N_("Somebody else made this link. Ask him, or a supervisor, to revoke it."),
            )
        if await unit.links.revoke(link.id):
            await _note(request, unit, "recording.link_revoked", recording, link.recipient)
        return await unit.links.get(link.id) or link


def may_revoke(request: web.Request, link: LinkRow) -> bool:
    match request.get(PRINCIPAL):
        case Person() as person if person.role is not Role.SUPERVISOR:
            return link.created_by == person.user.login
        case _:
            return True


def checked_recipient(written: str) -> str:
    """Raises ValueError. Empty for a link that is passed on by hand."""
    return mail_address(written) if written else ""


async def _mail(
    request: web.Request, mailer: Mailer, made: Made, recording: RecordingRow, language: Language
) -> None:
    words = {
        "company": mailer.name,
        "url": made.url,
        "until": language.dated(made.link.expires_at.astimezone(UTC)),
    }
    letter = Letter(made.link.recipient, language.gettext(_SUBJECT) % words, language.gettext(_TEXT) % words)
    try:
        await mailer.send(letter)
    except CallbridgeError as error:
        # Servers like to repeat the address; people's addresses are not for the log.
        reason = str(error).replace(made.link.recipient, "…")
        log.warning(
            "mail not sent", action="mail", recording_id=recording.id, link=made.link.id, reason=reason
        )
        async with parts_of(request).store.unit() as unit:
            await unit.links.revoke(made.link.id)
            await _note(request, unit, "recording.link_revoked", recording, f"{made.link.recipient}: {error}")
        raise Problem(
            HTTPStatus.BAD_GATEWAY,
            N_("The mail was not sent, and its link is revoked. What the mail server says: %(reason)s"),
            values={"reason": str(error)},
        ) from error
    log.info("link sent by mail", action="mail", recording_id=recording.id, link=made.link.id)


async def _note(request: web.Request, unit: Unit, action: str, recording: RecordingRow, detail: str) -> None:
    await unit.audit.note(
        by=by_whom(request), action=action, about=recording.id, call=recording.call, detail=detail
    )
