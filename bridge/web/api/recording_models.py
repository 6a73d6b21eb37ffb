"""Owns what the API says of a recording: its file, where it was paused, who was on the agent's side when."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from bridge.centre.record import Doing
from bridge.store.rows import Found
from bridge.web.api.models import Pause, Said, TicketRecording


class RecordingPause(Pause):
    """A pause, and what became of it in the file."""

    checked_at: datetime | None = Field(description="null until the recording is attached.")
    found: Found | None = Field(
        description="`silent`: the recorder had been muted, as it said; `cut`: not for certain, so all of it "
        "was made silent. Either way it is."
    )
    from_ms: int | None = Field(description="In the file: silent from there on.")
    until_ms: int | None


class Span(Said):
    """What one on the agent's side did, in the file's time, to about a second."""

    from_ms: int
    until_ms: int
    agent: str | None = Field(description="null: a number outside.")
    doing: Doing


class Recording(TicketRecording):
    call_id: str
    ticket: int | None
    bytes: int = Field(description="Of the WAV file that it was attached as.")
    format: Literal["wav", "opus"] = Field(description="In which it is handed out now.")
    sample_rate: int
    fault: str
    created_at: datetime
    attached_at: datetime | None
    begun_at: datetime | None = Field(description="Its recorder did not run before.")
    ended_at: datetime | None = Field(description="Nor after.")
    pauses: list[RecordingPause]
    timeline: list[Span] = Field(description="Empty while there is no file.")
