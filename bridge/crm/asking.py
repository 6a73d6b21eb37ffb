"""How one external directory is asked about a number, and how its answer is read. Pure.

The answer is hostile until it is read: what does not fit is left out, and nothing of it is trusted to be
short, printable, or an address that may be clicked.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import jmespath
import msgspec
import phonenumbers
from jmespath.exceptions import JMESPathError

from bridge.config.directories import AnswerSettings, DirectorySettings
from bridge.crm.outside import Request, Response
from bridge.errors import Refused

MOST_CLIENTS = 20
_LONGEST_ID = 200
_LONGEST_URL = 2000
_LONGEST = {"name": 300, "company": 300, "tier": 100, "language": 35, "notes": 5000}
_PLACE = re.compile(r"\{(e164|digits|national|country|token)\}")
_NOBODY = (204, 404)


@dataclass(frozen=True, slots=True)
class Found:
    """A client as a directory knows him. ``values``: name, and what else it said of our own fields."""

    id: str
    url: str  # "" or http(s)
    values: Mapping[str, str]

    @property
    def name(self) -> str:
        return self.values["name"]


def question(directory: DirectorySettings, e164: str, token: str) -> Request:
    number = phonenumbers.parse(e164)
    places = {
        "e164": e164,
        "digits": e164.removeprefix("+"),
        "national": phonenumbers.national_significant_number(number),
        "country": str(number.country_code),
        "token": token,
    }

    def filled(text: str, *, quoted: bool = False) -> str:
        return _PLACE.sub(lambda at: quote(places[at[1]], safe="") if quoted else places[at[1]], text)

    headers = {"Accept": "application/json"}
    if directory.body is not None:
        headers["Content-Type"] = "application/json"
    headers |= {name: filled(value) for name, value in directory.headers.items()}
    body = filled(directory.body).encode() if directory.body is not None else b""
    return Request(directory.method, filled(directory.url, quoted=True), headers, body)


def answer(settings: AnswerSettings, response: Response) -> tuple[Found, ...]:
    """The clients that it knows, at most ``MOST_CLIENTS``. Raises Refused for what is no answer."""
    if response.status in _NOBODY:
        return ()
    if not 200 <= response.status < 300:
        raise Refused(f"it answered with status {response.status}", status=response.status)
    if not response.whole:
        raise Refused(f"its answer is longer than {len(response.body)} bytes", status=response.status)
    try:
        told = msgspec.json.decode(response.body)
        items = jmespath.search(settings.list, told)
        items = items if isinstance(items, list) else [items]
        found = [_client(settings, item) for item in items[:MOST_CLIENTS] if item not in (None, {})]
    except (msgspec.DecodeError, RecursionError):
        raise Refused("its answer is no JSON", status=response.status) from None
    except JMESPathError as error:
        raise Refused(f"its answer is not as configured ({type(error).__name__})") from None
    return tuple({client.id: client for client in found if client is not None}.values())


def _client(settings: AnswerSettings, item: Any) -> Found | None:
    """None for one without an id or a name: it could not be kept, or not be shown."""

    def text(path: str | None, longest: int) -> str:
        value = jmespath.search(path, item) if path is not None else None
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            return ""
        return _plain(str(value), longest)

    paths = {field: getattr(settings, field) for field in _LONGEST}
    values = {field: text(path, _LONGEST[field]) for field, path in paths.items() if path is not None}
    id_ = text(settings.id, _LONGEST_ID + 1)
    if not id_ or len(id_) > _LONGEST_ID or not values["name"]:
        return None
    return Found(id_, _link(text(settings.url, _LONGEST_URL + 1)), values)


def _plain(text: str, longest: int) -> str:
    """Without what is invisible: it could make a name look like another one."""
    kept = "".join(
        mark if mark == "\n" or unicodedata.category(mark) not in {"Cc", "Cf", "Cs", "Co", "Cn"} else " "
        for mark in text[: longest * 2]
    )
    return kept.strip()[:longest].strip()


def _link(url: str) -> str:
    """Only what a browser opens as a page."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    right = parts.scheme in {"http", "https"} and parts.hostname and not parts.username
    return url if right and len(url) <= _LONGEST_URL and not re.search(r"\s", url) else ""
