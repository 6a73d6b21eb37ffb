"""The XML with which sipgate.io and Placetel have a call steered, read as what a stranger has written."""

from xml.etree.ElementTree import Element, ParseError

from defusedxml.ElementTree import fromstring

from bridge.crm.formats import Dial, Reject, Steer
from bridge.crm.formats.words import text

_MAX = 65_536


def read(body: bytes) -> Element | None:
    """The ``<Response>``; None for anything else. A document type, and with it every entity, is refused."""
    if len(body) > _MAX or not body.lstrip().startswith(b"<"):
        return None
    try:
        root = fromstring(body, forbid_dtd=True)
    except (ParseError, ValueError, LookupError):  # what defusedxml refuses is a ValueError
        return None
    return root if isinstance(root, Element) and root.tag == "Response" else None


def reject(action: Element) -> Steer:
    return Reject("busy" if action.get("reason") == "busy" else "rejected")


def dial(numbers: list[Element], caller_id: str) -> tuple[Steer | None, str]:
    """The first number that is one; several at once are not dialled here."""
    written = [word for one in numbers if (word := text(one.text or "", 128))]
    if not written:
        return None, "no number to dial: not obeyed"
    reason = f"only the first of {len(written)} numbers is dialled" if len(written) > 1 else ""
    return Dial(written[0], text(caller_id, 128)), reason
