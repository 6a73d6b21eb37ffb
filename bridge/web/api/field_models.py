"""Owns what the API says and takes of a company's own fields, of tickets and of clients."""

from typing import Annotated

from pydantic import Field, StringConstraints

from bridge.config.custom_fields import FieldSettings, FieldType, Required
from bridge.config.fields import LabelSettings
from bridge.web.api.models import Said

Text = Annotated[str, StringConstraints(max_length=20_000)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Chosen = Annotated[list[Annotated[str, StringConstraints(max_length=200)]], Field(max_length=100)]
Values = Annotated[
    dict[
        Annotated[str, StringConstraints(min_length=1, max_length=60)],
        Text | bool | int | Number | Chosen | None,
    ],
    Field(max_length=200),
]


class Label(Said):
    en: str
    ru: str


class Option(Said):
    value: str
    title: Label


class CustomField(Said):
    key: str
    title: Label
    type: FieldType
    required: Required = Field(description="What cannot be done while it is empty.")
    options: list[Option] | None = Field(description="Of `dropdown` and `multi_select`.")
    depends_on: str | None = Field(description="Of `dependent_dropdown`: the key of the field above it.")
    options_by_parent: dict[str, list[Option]] | None = Field(
        description="Of `dependent_dropdown`: value of that field → what may be chosen."
    )
    decimals: int = Field(description="Of `number`: places after the point, at most.")
    at_least: float | None
    at_most: float | None


def field_said(field: FieldSettings) -> CustomField:
    by_parent = field.options_by_parent
    return CustomField(
        key=field.key,
        title=label_said(field.title),
        type=field.type,
        required=field.required,
        options=None if field.options is None else _options(field.options),
        depends_on=field.depends_on,
        options_by_parent=None
        if by_parent is None
        else {value: _options(options) for value, options in by_parent.items()},
        decimals=field.decimals,
        at_least=field.at_least,
        at_most=field.at_most,
    )


def _options(options: dict[str, LabelSettings]) -> list[Option]:
    return [Option(value=value, title=label_said(title)) for value, title in options.items()]


def label_said(label: LabelSettings) -> Label:
    return Label(en=label.en, ru=label.ru)
