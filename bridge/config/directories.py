"""External directories: who else is asked over HTTP who a caller is, and how the answer is read."""

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

import jmespath
from jmespath.exceptions import JMESPathError
from pydantic import AfterValidator, Field, model_validator

from bridge.config.fields import Section, Title

PLACES = ("e164", "digits", "national", "country")  # of the number; {token} is the secret
_PLACE = re.compile(r"\{([^{}]*)\}")
_HEADER = re.compile(r"[A-Za-z0-9-]{1,60}")
_VALUE = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,998}[\x21-\x7e])?")
_OURS = frozenset({"host", "content-length", "connection", "transfer-encoding", "expect", "te", "upgrade"})


def _path(written: str) -> str:
    try:
        jmespath.compile(written)
    except JMESPathError as error:
        where = str(error).splitlines()[0][:120]
        raise ValueError(f"“{written[:60]}” is no JMESPath: {where}; write data.items or name") from None
    return written


def _url(written: str) -> str:
    example = _filled(written, {*PLACES, "token"}, "url")
    try:
        parts = urlsplit(example)
        right = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        right = False
    if not right or not written.isprintable() or " " in written:
        raise ValueError("is not an address of a web server: write https://crm.example.org/find?phone={e164}")
    if "{" in written.split("/", 3)[2]:
        raise ValueError("the host must be written out: a number may not say who is asked")
    if parts.username or parts.password:
        raise ValueError("a user or password in an address: put {token} into a header")
    if parts.fragment:
        raise ValueError("has a fragment, which no server is ever sent: leave it out")
    if "{token}" in written:
        raise ValueError("{token} in an address shows it in other people's logs: put it into a header")
    return written


def _filled(written: str, known: set[str], what: str) -> str:
    for place in _PLACE.findall(written):
        if place not in known:
            raise ValueError(f"{what}: {{{place[:40]}}} is not known: one of {', '.join(sorted(known))}")
    return _PLACE.sub("1", written)


def _headers(written: dict[str, str]) -> dict[str, str]:
    for name, value in written.items():
        if _HEADER.fullmatch(name) is None or name.lower() in _OURS:
            raise ValueError(f"{name[:60]!a} is no header that may be set: write Authorization, X-Api-Key …")
        if _VALUE.fullmatch(value) is None:
            raise ValueError(f"{name}: holds what no header may hold: write printable ASCII")
        _filled(value, {*PLACES, "token"}, name)
    return written


JsonPath = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_path)]


class AnswerSettings(Section):
    """JMESPath (jmespath.org): from the whole answer to its list, and from one of the list to each field."""

    list: JsonPath = Field(default="@", description="where the clients are; one alone need not be in a list")
    id: JsonPath = Field(default="id", description="what the directory calls this client by, for ever")
    name: JsonPath = Field(default="name", examples=["join(' ', [first_name, last_name])"])
    company: JsonPath | None = None
    url: JsonPath | None = Field(default=None, description="the client's page there, http or https")
    tier: JsonPath | None = None
    language: JsonPath | None = None
    notes: JsonPath | None = None


class DirectorySettings(Section):
    title: Title | None = Field(default=None, description="as agents read it; its name if absent")
    url: Annotated[str, Field(max_length=2000), AfterValidator(_url)] = Field(
        description="{e164} +79161234567, {digits} 79161234567, {national} 9161234567, {country} 7",
        examples=["https://crm.example.org/api/clients?phone={e164}"],
    )
    method: Literal["GET", "POST"] = "GET"
    headers: Annotated[dict[str, str], Field(max_length=20), AfterValidator(_headers)] = Field(
        default_factory=dict,
        description="{token} is DIRECTORY_TOKEN_NAME of the secrets file, NAME in capitals",
        examples=[{"Authorization": "Bearer {token}"}],
    )
    body: str | None = Field(
        default=None, max_length=5000, description="JSON, with the same places; only with method: POST"
    )
    seconds: float = Field(default=3.0, ge=0.1, le=30, description="for its answer; no call waits for it")
    cache_seconds: int = Field(
        default=3600, ge=0, le=30 * 24 * 3600, description="how long an answer is good"
    )
    answer: AnswerSettings = AnswerSettings()

    @model_validator(mode="after")
    def _body_is_sent(self) -> "DirectorySettings":
        if self.body is not None and self.method != "POST":
            raise ValueError("body: nothing is sent with method: GET; write method: POST")
        return self

    @property
    def wants_token(self) -> bool:
        return any("{token}" in text for text in (*self.headers.values(), self.body or ""))
