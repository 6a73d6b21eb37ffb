"""Owns entity tags: what stands for a thing's state, and the conditions a request makes (RFC 9110, 13.1).

A tag is two digests: of the state that people and programs change, and of all that is shown. ``If-Match``
compares the first, so that a recording attached meanwhile is in nobody's way; ``If-None-Match`` both.
"""

import hashlib
import re
from datetime import datetime
from http import HTTPStatus

from aiohttp import hdrs, web

from bridge.web.context import parts_of
from bridge.web.problems import Problem

_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')
_LIST = re.compile(rf"[ \t]*(?:{_TAG.pattern}[ \t]*(?:,[ \t]*|$))+")
_LONGEST = 4000


def state_of(row: object) -> str:
    """A row's ``version`` where it has one, else a digest of all its values."""
    version = getattr(row, "version", None)
    return f"v{version}" if isinstance(version, int) else _digest(repr(row))


def tag_of(shown: str, row: object = None) -> str:
    """``shown`` is the representation as it is sent."""
    whole = _digest(shown)
    return f'"{state_of(row)}.{whole}"' if row is not None else f'"{whole}"'


def demand_match(request: web.Request, row: object, changed_at: datetime | None, current: str) -> bool:
    """Problem 412 where the state is not the one that the request is about, 428 where it must say so.

    To be asked within the unit that changes it; or the change is made of this very state only: whether the
    request names one is answered. ``current`` is the tag that a GET gives now.
    """
    sent = request.headers.getall(hdrs.IF_MATCH, [])
    if not sent:
        if parts_of(request).rules().demand_if_match:
            raise Problem(
                HTTPStatus.PRECONDITION_REQUIRED,
                "Send If-Match with the ETag of what you have read, so that nobody's change is overwritten.",
                headers={"ETag": current},
                kind="condition-required",
            )
        return False
    tags = _tags(hdrs.IF_MATCH, ", ".join(sent))
    state = state_of(row)
    if tags is None:
        return False
    if any(not weak and value.partition(".")[0] == state for weak, value in tags):
        return True
    raise stale(changed_at, current)


def stale(changed_at: datetime | None, current: str) -> Problem:
    """``changed_at``: None where that is not kept."""
    when = "" if changed_at is None else f" at {changed_at.isoformat(timespec='seconds')}"
    return Problem(
        HTTPStatus.PRECONDITION_FAILED,
        f"It was changed{when}, after you read it. Read it again.",
        headers={"ETag": current},
        kind="stale",
    )


def is_unchanged(request: web.Request, tag: str) -> bool:
    """Has who asks this already? By weak comparison, as If-None-Match wants it."""
    sent = request.headers.getall(hdrs.IF_NONE_MATCH, [])
    if not sent:
        return False
    tags = _tags(hdrs.IF_NONE_MATCH, ", ".join(sent))
    return tags is None or any(f'"{value}"' == tag for _, value in tags)


def _tags(header: str, text: str) -> list[tuple[bool, str]] | None:
    """Those that are listed, with whether they are weak; None for ``*``."""
    if text.strip() == "*":
        return None
    if len(text) > _LONGEST or _LIST.fullmatch(text) is None:
        raise Problem(
            HTTPStatus.BAD_REQUEST, f"{header}: give entity tags in quotes, as ETag had them, or *."
        )
    return [(bool(weak), value) for weak, value in _TAG.findall(text)]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:20]
