"""Owns how wrong values of a body are told: 422, with a pointer to each."""

from collections.abc import Mapping
from http import HTTPStatus

from bridge.web.problems import Fault, Problem


def unfit(pointer: str, detail: str) -> Problem:
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"{pointer}: {detail}", faults=(Fault(pointer, detail),))


def wrong_fields(faults: Mapping[str, str]) -> Problem:
    """Of the company's own fields, what WrongFields says."""
    told = tuple(Fault(_pointer(key), fault) for key, fault in faults.items())
    words = "; ".join(f"{one.place}: {one.detail}" for one in told)
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, words, faults=told)


def _pointer(key: str) -> str:
    # A department's class stands beside its fields.
    escaped = key.replace("~", "~0").replace("/", "~1")
    return f"#/{key}" if key in ("classification", "fields") else f"#/fields/{escaped}"
