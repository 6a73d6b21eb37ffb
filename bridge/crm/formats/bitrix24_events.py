"""What Bitrix24 sends to us: click-to-call and callback, as a form with nested keys, read into events.

Source: github.com/bitrix24/b24restdocs, api-reference/telephony/events (2026). A POST with ``event``,
``data[PHONE_NUMBER]``, … and ``auth[application_token]``, which says that it is from that portal. Access
tokens come along, or not; they are not read. What a number is, and who may call it, is not judged here.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from bridge.crm.formats.words import text
from bridge.errors import BadInput

MAX_BODY = 16_384  # bytes; an event has some hundred, with the longest text some thousand
_MAX_FIELDS = 200


@dataclass(frozen=True, slots=True)
class ClickToCall:
    """ONEXTERNALCALLSTART: a user wants to be connected with ``number``. The call is registered already as
    ``call_id`` and is only to be finished (``bitrix24.registered``)."""

    call_id: str
    user: str  # his Bitrix24 id
    number: str  # international where it could be made so
    extension: str = ""  # to be dialled after the number
    line: str = ""
    entity_type: str = ""  # "CONTACT", "COMPANY", "LEAD"
    entity: str = ""
    call_list: str = ""


@dataclass(frozen=True, slots=True)
class CallbackWished:
    """ONEXTERNALCALLBACKSTART: a visitor of a web site wants to be called at ``number``."""

    number: str
    line: str = ""
    spoken: str = ""  # what the agent is to hear first; up to 500 characters
    entity_type: str = ""
    entity: str = ""


Event = ClickToCall | CallbackWished


def parse(body: bytes, application_token: bytes) -> Event:
    """Raises BadInput: too long, no such form, another token, another event, or without a number."""
    fields = _fields(body)
    said = fields.get("auth[application_token]", "").encode()
    if not application_token or not hmac.compare_digest(said, application_token):
        raise BadInput(
            "Bitrix24: auth[application_token] is not this application's; compare it in its settings"
        )
    event = fields.get("event", "").upper()
    number = _of(fields, "PHONE_NUMBER_INTERNATIONAL", 64) or _of(fields, "PHONE_NUMBER", 64)
    if event not in ("ONEXTERNALCALLSTART", "ONEXTERNALCALLBACKSTART"):
        raise BadInput(f"Bitrix24: event {event[:40]!r} is not taken here; unsubscribe it")
    if not number:
        raise BadInput("Bitrix24: data[PHONE_NUMBER] is missing")
    entity_type, entity = _of(fields, "CRM_ENTITY_TYPE", 40), _number_of(fields, "CRM_ENTITY_ID")
    if event == "ONEXTERNALCALLBACKSTART":
        return CallbackWished(
            number, _of(fields, "LINE_NUMBER", 64), _of(fields, "TEXT", 500), entity_type, entity
        )
    call, user = _of(fields, "CALL_ID", 200), _number_of(fields, "USER_ID")
    if not call or not user:
        raise BadInput("Bitrix24: data[CALL_ID] or data[USER_ID] is missing")
    return ClickToCall(
        call,
        user,
        number,
        extension=_of(fields, "EXTENSION", 32),
        line=_of(fields, "LINE_NUMBER", 64),
        entity_type=entity_type,
        entity=entity,
        call_list=_number_of(fields, "CALL_LIST_ID"),
    )


def _fields(body: bytes) -> Mapping[str, str]:
    if len(body) > MAX_BODY:
        raise BadInput(f"Bitrix24: an event of {len(body)} bytes; at most {MAX_BODY} are read")
    try:
        pairs = parse_qsl(body.decode("ascii"), max_num_fields=_MAX_FIELDS)
    except ValueError:  # UnicodeDecodeError too
        raise BadInput("Bitrix24: the body is no application/x-www-form-urlencoded form") from None
    # Of a key that comes twice the first counts, so that nothing appended overrides it.
    return dict(reversed(pairs))


def _of(fields: Mapping[str, str], name: str, limit: int) -> str:
    return text(fields.get(f"data[{name}]", ""), limit)


def _number_of(fields: Mapping[str, str], name: str) -> str:
    """An id; "0" stands for none."""
    value = _of(fields, name, 18)
    return value if value.isascii() and value.isdigit() and int(value) else ""
