"""Owns how an operation of the API is declared, and reading its parameters and body by that declaration."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Generic, TypeVar

import pydantic
from aiohttp import hdrs, web
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic_core import ErrorDetails

from bridge.web.access import EVERYBODY
from bridge.web.api.etags import tag_of
from bridge.web.bodies import read_body
from bridge.web.principal import Role
from bridge.web.problems import Fault, Problem

M = TypeVar("M", bound=BaseModel)

PREFIX = "/api/v1"


def _written_out(value: object) -> object:
    # Else a number would be taken for the seconds since 1970.
    if isinstance(value, str) and "-" not in value[1:]:
        raise ValueError("write a date with its time and zone, as 2026-03-14T09:00:00Z")
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_written_out)]
SEVERAL = "One, or several with commas between them"
Words = Annotated[str, StringConstraints(min_length=1, max_length=2_000, pattern=r"^[^\x00-\x1f\x7f]+$")]


def several(words: str | None) -> frozenset[str] | None:
    """Of a parameter that is ``SEVERAL``."""
    if words is None:
        return None
    return frozenset(one.strip() for one in words.split(","))


_COUNTED = frozenset({"clients", "tickets", "imports", "filters", "templates"})


class Query(BaseModel):
    """Query parameters. One that is not declared is refused: a misspelt filter must not return everything."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Paged(Query):
    limit: int = Field(50, ge=1, le=200, description="How many at most.")
    cursor: str | None = Field(None, max_length=400, description="`next` of the page before.")


class NoQuery(Query):
    pass


@dataclass(frozen=True, slots=True)
class Operation:
    method: str
    path: str  # below the prefix, with {placeholders}
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    scope: str
    summary: str
    answer: type[BaseModel] | str  # a model, or a content type for what is no JSON
    query: type[Query] = NoQuery
    body: type[BaseModel] | None = None
    status: int = 200
    roles: frozenset[Role] = EVERYBODY
    problems: frozenset[str] = frozenset()  # statuses besides those that follow from path and body
    told_once: bool = False  # its answer holds a secret that is kept nowhere
    takes: str = "application/json"  # the content type of what is no model
    conditional: bool = False  # takes If-Match
    located: bool = False  # answers with the Location of what it made
    anew: str = ""  # why it answers 201 with the Location of another thing instead, if it may

    @property
    def name(self) -> str:
        return self.handler.__name__

    @property
    def numbered(self) -> frozenset[str]:
        """Those of its placeholders that are numbers, of which the store counts the rows."""
        own = {"id"} if self.path.split("/")[1] in _COUNTED else set()
        return frozenset({"link", "other", "attachment", "entry"} | own)

    @property
    def takes_key(self) -> bool:
        """An Idempotency-Key. A file is no body to be compared, and to send it again does no harm."""
        return self.method == "POST" and self.takes == "application/json"

    @property
    def tagged(self) -> bool:
        """Answers with an ETag."""
        known = self.method == "GET" or self.conditional
        return self.status == 200 and isinstance(self.answer, type) and known


@dataclass(frozen=True, slots=True)
class Read(Generic[M]):
    """A body with what was really sent in it: absent and null differ in a PATCH."""

    value: M

    def sent(self, name: str) -> bool:
        return name in self.value.model_fields_set


def query(request: web.Request, model: type[M]) -> M:
    repeated = [name for name in request.query if len(request.query.getall(name)) > 1]
    if repeated:
        raise Problem(
            HTTPStatus.BAD_REQUEST,
            f"{repeated[0]}: give it once.",
            faults=(Fault(repeated[0], "give it once."),),
        )
    try:
        return model.model_validate(dict(request.query))
    except pydantic.ValidationError as error:
        faults = tuple(Fault(_parameter(fault), _words(fault, model)) for fault in _faults(error))
        raise Problem(HTTPStatus.BAD_REQUEST, _summary(faults), faults=faults) from error


async def body(request: web.Request, model: type[M]) -> Read[M]:
    if request.content_type != "application/json":
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Send the body as JSON, with `Content-Type: application/json`."
        )
    raw = await read_body(request)
    try:
        return Read(model.model_validate_json(raw))
    except pydantic.ValidationError as error:
        found = _faults(error)
        if any(fault["type"] == "json_invalid" for fault in found):
            detail = f"The body is no JSON: {found[0]['msg']}"
            raise Problem(HTTPStatus.BAD_REQUEST, detail, faults=(Fault("#", found[0]["msg"]),)) from error
        faults = tuple(Fault(_pointer(fault), _words(fault, model)) for fault in found)
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, _summary(faults), faults=faults) from error


def answer(
    model: BaseModel, *, status: int = 200, headers: dict[str, str] | None = None, row: object = None
) -> web.Response:
    """``row`` is the state of what is shown, where it can be changed under a condition."""
    text = model.model_dump_json()
    said = headers if row is None else {**(headers or {}), hdrs.ETAG: tag_of(text, row)}
    return web.Response(text=text, status=status, content_type="application/json", headers=said)


def _faults(error: pydantic.ValidationError) -> list[ErrorDetails]:
    return error.errors(include_url=False, include_context=False, include_input=False)[:20]


def _words(fault: ErrorDetails, model: type[BaseModel]) -> str:
    if fault["type"] == "extra_forbidden":
        return f"there is none of this name; there are: {', '.join(model.model_fields) or 'none at all'}."
    return fault["msg"].removeprefix("Value error, ")


def _parameter(fault: ErrorDetails) -> str:
    return ".".join(str(part) for part in fault["loc"]) or "query"


def _pointer(fault: ErrorDetails) -> str:
    escaped = (str(part).replace("~", "~0").replace("/", "~1") for part in fault["loc"])
    return "#" + "".join(f"/{part}" for part in escaped)


def _summary(faults: tuple[Fault, ...]) -> str:
    return "; ".join(f"{fault.place}: {fault.detail}" for fault in faults)
