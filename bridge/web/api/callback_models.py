"""Owns what the API says and takes of receivers of call events, and of what is to be told to them."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from bridge.centre.orders import CallEventKind
from bridge.web.api.models import Said, Taken

Value = Annotated[str, StringConstraints(max_length=500)]
Url = Annotated[str, StringConstraints(min_length=1, max_length=2_048)]
Secret = Annotated[str, StringConstraints(max_length=2_000)]


class Subscription(Said):
    """A receiver of call events. Its address beyond the host, its secret and its options are not told."""

    id: int
    name: str
    format: str = Field(description="`standard`, `zammad`, `sipgate`, `placetel`, `bitrix24`, `voys`.")
    host: str = Field(description="`https://crm.example.org`")
    events: list[CallEventKind]
    active: bool
    disabled_reason: str = Field(description="Empty while it is active.")
    slow_until: datetime | None = Field(description="The receiver has asked to be left alone until then.")
    created_by: str
    created_at: datetime


class MadeSubscription(Subscription):
    secret: str = Field(description="One that was made up now. Told this once; empty if there is none.")


class NewSubscription(Taken):
    name: Annotated[str, StringConstraints(min_length=1, max_length=60)]
    format: Annotated[str, StringConstraints(max_length=40)] = "standard"
    url: Url = Field(description="`{secret}` in it is where the secret belongs.")
    secret: Secret = Field("", description="For `standard` one is made up if there is none.")
    events: list[CallEventKind] = Field([], description="All, if there are none.")
    options: dict[str, Value] = Field({}, max_length=30, description="Of the format.")


class ChangedSubscription(Taken):
    url: Url | None = None
    secret: Secret | None = Field(
        None, description="Empty: a new one is made up. The former one signs beside it for 24 hours."
    )
    events: list[CallEventKind] | None = None
    options: dict[str, Value] | None = Field(None, max_length=30)
    active: bool | None = Field(None, strict=True)


class Callback(Said):
    """One event for one receiver."""

    id: int
    subscription: int
    call_id: str
    event_id: str = Field(description="What the receiver knows it by, the same at every try.")
    kind: CallEventKind
    state: Literal["waiting", "delivered", "dead", "skipped"]
    tries: int
    next_at: datetime | None = Field(description="When it is tried; null while earlier ones are told.")
    last_status: int | None = Field(description="HTTP")
    last_error: str
    created_at: datetime
    done_at: datetime | None
