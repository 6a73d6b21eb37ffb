"""Owns the page that asks what to keep where two people changed the same field. Nothing is saved before."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus

from aiohttp import web

from bridge.web import labels
from bridge.web.edits import Edit, marks
from bridge.web.pages.views import page


def conflict(
    request: web.Request,
    action: str,
    name: str,
    given: Mapping[str, object],
    kept: Mapping[str, object],
    found: Sequence[Edit],
    words: Mapping[str, Mapping[str, str]],
) -> web.Response:
    """The form again, drawn with what is kept now and with what its owner changed.

    ``words`` are what people see, by field and value.
    """
    met = [edit for edit in found if edit.met]
    asked = {edit.name for edit in met}
    mine = {edit.name for edit in found} - asked
    others = {field: given[field] if field in mine else value for field, value in kept.items()}
    others = {field: value for field, value in others.items() if field not in asked}
    return page(
        request,
        "conflict.html",
        status=HTTPStatus.CONFLICT,
        action=action,
        name=name,
        shown=marks(kept),
        others={field: "" if value is None else value for field, value in others.items()},
        met=[
            {
                "name": edit.name,
                "label": labels.FIELDS.get(edit.name, edit.name),
                "kept": edit.kept,
                "given": edit.given,
                "kept_words": words.get(edit.name, {}).get(edit.kept, edit.kept),
                "given_words": words.get(edit.name, {}).get(edit.given, edit.given),
            }
            for edit in met
        ],
    )
