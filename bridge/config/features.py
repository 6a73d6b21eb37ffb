"""What agents ask for by dialling: the codes, and the digits that say why or how.

That codes can be told apart, from each other and from agents' numbers, is checked in contradictions.py.
"""

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from bridge.centre.facts import Feature
from bridge.config.fields import Code, Section

ECHO_TEST = "*43"  # always there, for whoever sets up a phone

PAUSES = {"1": "break", "2": "lunch", "3": "training", "4": "meeting", "5": "paperwork"}
DISPOSITIONS = {"1": "resolved", "2": "follow_up", "3": "wrong_number", "4": "no_answer_needed"}


def _nothing(value: Any) -> Any:
    return None if value == "" else value


OptionalCode = Annotated[Code | None, BeforeValidator(_nothing)]


class FeatureSettings(Section):
    """A code that is empty is switched off."""

    log_in: OptionalCode = "*60"
    log_out: OptionalCode = "*61"
    ready: OptionalCode = "*62"
    pause: OptionalCode = Field(default="*63", description="a digit of pauses: follows; alone, the first one")
    end_wrap_up: OptionalCode = "*64"
    extend_wrap_up: OptionalCode = "*65"
    disposition: OptionalCode = Field(default="*66", description="a digit of dispositions: follows")
    transfer: OptionalCode = Field(
        default="*70",
        description="an agent, an extension or a number follows; on another line, while he talks",
    )
    consult: OptionalCode = Field(default="*71", description="the same, and he talks with the target first")
    complete: OptionalCode = Field(default="*72", description="the transfer under way")
    give_up: OptionalCode = Field(default="*73", description="the transfer under way")
    swap: OptionalCode = Field(default="*74", description="between the client and who is consulted")
    conference: OptionalCode = Field(default="*75", description="with the client and who is consulted")
    pause_recording: OptionalCode = Field(
        default="*76", description="nothing of the call may be heard in its recording, until it is resumed"
    )
    resume_recording: OptionalCode = "*77"
    supervise: OptionalCode = Field(
        default="*88",
        description="an agent of his groups follows; then 4 listens, 5 whispers, 6 barges, 9 takes",
    )

    def codes(self) -> Iterator[tuple[Feature, str]]:
        """Those that are switched on."""
        for feature in Feature:
            code = getattr(self, feature.value)
            if code is not None:
                yield feature, code
