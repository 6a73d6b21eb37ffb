"""Owns the page that asks what to keep where two people changed the same field. Nothing is saved before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from aiohttp import web

from bridge.web import labels
from bridge.web.edits import Edit, marks
from bridge.web.pages.views import page


@dataclass(frozen=True, slots=True)
class Met:
    """``words`` are what people see, by field and value; ``titles`` of fields that have no label of ours."""

    action: str
    name: str
    given: Mapping[str, object]
    kept: Mapping[str, object]
    found: Sequence[Edit]
    words: Mapping[str, Mapping[str, str]]
    titles: Mapping[str, str] = field(default_factory=dict)


def conflict(request: web.Request, met: Met) -> web.Response:
    """The form again, drawn with what is kept now and with what its owner changed."""
    return page(request, "conflict.html", status=HTTPStatus.CONFLICT, **conflict_context(met))


def conflict_context(met: Met) -> dict[str, Any]:
    asked = [edit for edit in met.found if edit.met]
    names = {edit.name for edit in asked}
    mine = {edit.name for edit in met.found} - names
    others = {name: met.given[name] if name in mine else value for name, value in met.kept.items()}
    return {
        "action": met.action,
        "name": met.name,
        "shown": marks(met.kept),
        "others": {
            name: "" if value is None else value for name, value in others.items() if name not in names
        },
        "met": [
            {
                "name": edit.name,
                "label": labels.FIELDS.get(edit.name, ""),
                "title": met.titles.get(edit.name, edit.name),
                "kept": edit.kept,
                "given": edit.given,
                "kept_words": _words(met, edit.name, edit.kept),
                "given_words": _words(met, edit.name, edit.given),
            }
            for edit in asked
        ],
    }


def _words(met: Met, name: str, value: str) -> str:
    """Of a field with several values, one a line, each."""
    words = met.words.get(name, {})
    return "\n".join(words.get(line, line) for line in value.split("\n"))
