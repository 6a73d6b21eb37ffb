"""What an agent says: texts for the card, each for the calls that it is meant for."""

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from bridge.config.fields import Name, Number, Section, Tier, Title

_INVISIBLE = frozenset(map(chr, (*range(9), *range(11, 32), 127)))


def _several(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else [value]


def _text(value: str) -> str:
    if _INVISIBLE & set(value):
        raise ValueError("holds invisible characters: write plain text, with empty lines between paragraphs")
    if not value.strip():
        raise ValueError("is empty: write what the agent says")
    return value.strip()


LanguageCode = Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{1,8})*$")]  # as on a client's card


class WhenSettings(Section):
    """All that is named must be so; what is not named may be anything."""

    queue: Annotated[tuple[Name, ...], BeforeValidator(_several), Field(max_length=50)] = ()
    number: Annotated[tuple[Number, ...], BeforeValidator(_several), Field(max_length=50)] = Field(
        default=(), description="of the company, as it stands under numbers"
    )
    tier: Annotated[tuple[Tier, ...], BeforeValidator(_several), Field(max_length=50)] = ()
    language: Annotated[tuple[LanguageCode, ...], BeforeValidator(_several), Field(max_length=10)] = Field(
        default=(), description="the client's, or that of his number's country"
    )
    known: bool | None = Field(default=None, description="whether somebody is known by the caller's number")


class ScriptSettings(Section):
    title: Title
    text: Annotated[str, Field(max_length=10_000), AfterValidator(_text)] = Field(
        description="plain text; an empty line begins a new paragraph"
    )
    when: WhenSettings = WhenSettings()

    @property
    def paragraphs(self) -> tuple[str, ...]:
        return tuple(part.strip() for part in self.text.split("\n\n") if part.strip())
