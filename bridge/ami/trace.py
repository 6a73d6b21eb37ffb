"""Reads recorded AMI traffic, raw text or JSON, into headers; it knows form, not meaning.

Raw text may have Asterisk's banner, CR LF or LF, responses and our own actions in between, and may be cut off
at its end. JSON is a list of events as objects, or one object a line. Anything else is a ``BadTrace`` that
names the place.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bridge.ami.headers import Headers, joined
from bridge.errors import BadTrace

_LONGEST_LINE = 64 * 1024
_MOST_LINES = 2_000
# What telnet and Asterisk themselves say around a session.
_NOISE = re.compile(r"Asterisk Call Manager/|Trying |Connected to |Escape character |Connection closed")
_HEADER = re.compile(r"[A-Za-z][\w.()/@;, -]*:")
_KINDS = frozenset({"event", "response", "action"})
_REMEDY = "give a recorded AMI session (raw text, or a JSON list of events)"


@dataclass(frozen=True, slots=True)
class Entry:
    """One event or response of the trace. ``place`` is for people: "line 12", "event 3"."""

    place: str
    headers: Headers
    cut: bool = False  # the trace ends in the middle of it


def entries(data: bytes | str | Iterable[bytes | str | Mapping[str, Any]]) -> Iterator[Entry]:
    """All entries in order, from a whole trace, its lines or pieces, or events that are decoded already."""
    if isinstance(data, bytes | str):
        yield from _of_text(_decode(data))
        return
    pieces: list[bytes] = []
    for number, item in enumerate(data, 1):
        if isinstance(item, Mapping):
            yield _of_object(item, f"event {number}")
        elif isinstance(item, bytes | str):
            pieces.append(item.encode() if isinstance(item, str) else item)
        else:
            raise BadTrace(f"event {number}: {type(item).__name__} is not an event; {_REMEDY}")
    if pieces:
        yield from _of_text(_decode(b"".join(pieces)))


def _decode(data: bytes | str) -> str:
    # Names in calls are whatever a stranger sent: what is not UTF-8 must not stop the reading.
    text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
    return text.removeprefix("\ufeff")


def _of_text(text: str) -> Iterator[Entry]:
    start = text.lstrip()
    if not start:
        raise BadTrace(f"line 1: the trace is empty; {_REMEDY}")
    if start[0] in "[{":
        return _of_json(text, start)
    return _of_raw(text)


def _of_json(text: str, start: str) -> Iterator[Entry]:
    if start[0] == "{" and "\n" in start.strip():
        # One object a line, unless it is a single object over many lines.
        lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
        if all(line.lstrip().startswith("{") and line.rstrip().endswith("}") for _, line in lines):
            for number, line in lines:
                yield _of_object(_json(line, number), f"line {number}")
            return
    value = _json(text, 1)
    for number, item in enumerate(value if isinstance(value, list) else [value], 1):
        yield _of_object(item, f"event {number}")


def _json(text: str, first_line: int) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        line = first_line + error.lineno - 1
        raise BadTrace(f"line {line}, column {error.colno}: {error.msg}; {_REMEDY}") from error
    except RecursionError as error:
        raise BadTrace(f"line {first_line}: too deeply nested; {_REMEDY}") from error


def _of_object(item: Any, place: str) -> Entry:
    if not isinstance(item, Mapping):
        raise BadTrace(f"{place}: expected an object with the event's headers, found {type(item).__name__}")
    headers: dict[str, str] = {}
    for name, value in item.items():
        if isinstance(value, list):
            value = joined(str(name).lower(), ["" if one is None else str(one) for one in value])
        if isinstance(value, Mapping):
            raise BadTrace(f"{place}: header {name} is an object; {_REMEDY}")
        headers[str(name).lower()] = "" if value is None else str(value)
    if not headers.keys() & _KINDS:
        raise BadTrace(f"{place}: there is neither Event nor Response in it; {_REMEDY}")
    return Entry(place, headers)


def _of_raw(text: str) -> Iterator[Entry]:
    *lines, rest = text.split("\n")
    # What has no end of line was cut off in the middle, if there is anything.
    cut = len(lines) + 1 if rest.strip() else None
    lines += [rest] if cut else []
    headers: dict[str, str] = {}
    first = 1
    count = 0
    found = following = False
    for number, line in enumerate(lines, 1):
        line = line.rstrip("\r")
        if following:
            # Free text, blank lines included: the output of a command (Asterisk 13).
            following = "--END COMMAND--" not in line
            continue
        if not line.strip():
            if headers.keys() & _KINDS:
                found = True
                yield Entry(f"line {first}", headers)
            headers, count = {}, 0
            continue
        count += 1
        if len(line) > _LONGEST_LINE or count > _MOST_LINES:
            raise BadTrace(f"line {number}: longer than anything that Asterisk sends; {_REMEDY}")
        if _HEADER.match(line):
            if not headers:
                first = number
            name, _, value = line.partition(":")
            name, value = name.lower(), value.removeprefix(" ")
            headers[name] = joined(name, [headers[name], value]) if name in headers else value
            following = name == "response" and value.strip().lower() == "follows"
        elif number != cut and not _NOISE.match(line):
            raise BadTrace(f"line {number}: {line[:60]!r} is not an AMI header; {_REMEDY}")
    if headers.keys() & _KINDS:
        found = True
        yield Entry(f"line {first}", headers, cut=True)
    if not found:
        raise BadTrace(f"line 1: no event of AMI is in this trace; {_REMEDY}")
