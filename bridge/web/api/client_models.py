"""Owns what the API says and takes of clients."""

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from bridge.store.client_emails import MOST_EMAILS
from bridge.store.client_tags import LONGEST_TAG, MOST_TAGS
from bridge.web.api.field_models import Values
from bridge.web.api.fields import Kept
from bridge.web.api.models import Change, Long, Name, Said, Short, Taken

Email = Annotated[str, Field(min_length=3, max_length=254, json_schema_extra={"format": "email"})]
Tag = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_TAG, pattern=r"^[^,\x00-\x1f\x7f]+$")]
Tags = Annotated[list[Tag], Field(max_length=MOST_TAGS)]


class Number(Said):
    e164: str
    as_dialled: str
    label: str


class NewNumber(Taken):
    number: Annotated[str, StringConstraints(min_length=1, max_length=128)] = Field(
        description="As people write it; without a country code it is read in the centre's region."
    )
    label: Annotated[str, StringConstraints(max_length=100)] = ""


class Source(Said):
    name: str = Field(description="Of the directory, by the configuration.")
    title: str
    id: str = Field(description="Of the client there.")
    url: str = Field(description="His page there, or empty.")
    fetched_at: datetime


class Client(Said):
    id: int
    name: str
    company: str
    language: str
    tier: str
    notes: str
    numbers: list[Number]
    emails: list[str]
    tags: list[str]
    fields: dict[str, str] = Field(
        description="The company's own fields that are filled, key → value as text; see GET /clients/fields."
    )
    sources: list[Source] = Field(description="Directories that know the client; nobody else changes them.")
    created_at: datetime
    updated_at: datetime


class NewClient(Taken):
    name: Name
    company: Short = ""
    language: Annotated[str, StringConstraints(max_length=35)] = ""
    tier: Annotated[str, StringConstraints(max_length=100)] = ""
    notes: Long = ""
    numbers: list[NewNumber] = Field([], max_length=50)
    emails: list[Email] = Field([], max_length=MOST_EMAILS)
    tags: Tags = Field([])
    fields: Values = Field({})


class ClientChange(Change):
    """Only what is sent is changed; `numbers`, `emails` and `tags` replace all of them.

    Of `fields` those that are named are changed; null empties one.
    """

    name: Kept[Name] = None
    company: Kept[Short] = None
    language: Kept[Annotated[str, StringConstraints(max_length=35)]] = None
    tier: Kept[Annotated[str, StringConstraints(max_length=100)]] = None
    notes: Kept[Long] = None
    numbers: Kept[list[NewNumber]] = Field(None, max_length=50)
    emails: Kept[list[Email]] = Field(None, max_length=MOST_EMAILS)
    tags: Kept[Tags] = None
    fields: Kept[Values] = None
