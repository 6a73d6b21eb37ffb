"""Owns a client's form: what it asks, what stands in it, and what its sender wishes by it.

One form for the client's page, for a new client, and for the card. Fields of the company's own are named
``client_field_KEY`` in it: a ticket's form may stand beside.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bridge.centre.orders import CallRecord
from bridge.config.custom_fields import FieldSettings
from bridge.crm import custom_fields as custom
from bridge.store.rows import ClientRow
from bridge.web.edits import marks
from bridge.web.forms import Fields, clean
from bridge.web.labels import N_
from bridge.web.own_fields import Asked, asked_fields, words_of_fault

OWN = "client_field_"
_TO_SAVE = N_("Fill this in before the client is saved.")
_BLANK = dict.fromkeys(("name", "company", "tier", "notes", "numbers", "number", "emails", "tags"), "")


@dataclass(frozen=True, slots=True)
class ClientForm:
    """What is drawn. ``values`` are as typed where somebody typed; ``faults``: name of a field → words."""

    values: Mapping[str, str]
    shown: Mapping[str, str]
    fields: tuple[Asked, ...]
    former: Mapping[str, str]
    faults: Mapping[str, str]

    @property
    def may(self) -> frozenset[str]:
        return frozenset(field.name for field in self.fields)

    @property
    def first_fault(self) -> str:
        """Where the eye goes first."""
        return next((field.name for field in self.fields if field.name in self.faults), "")


@dataclass(frozen=True, slots=True)
class Shown:
    """One of a client's own fields as it is read. ``former``: the file has lost it."""

    title: str
    words: str
    former: bool = False


def shown_fields(fields: Sequence[FieldSettings], values: Mapping[str, str], language: str) -> list[Shown]:
    """Those that are filled."""
    found = [
        Shown(field.title.text(language), custom.shown(field, value, values, language))
        for field in fields
        if (value := values.get(field.key, ""))
    ]
    return found + [Shown(key, value, former=True) for key, value in custom.former(fields, values).items()]


def kept_of(fields: Sequence[FieldSettings], client: ClientRow, numbers: str) -> dict[str, object]:
    """The fields of the form as they are now."""
    return {
        "name": client.name,
        "company": client.company,
        "tier": client.tier,
        "notes": client.notes,
        "numbers": numbers,
        "emails": "\n".join(client.emails),
        "tags": ", ".join(client.tags),
        **{OWN + field.key: client.fields.get(field.key, "") for field in fields},
    }


def own_given(fields: Sequence[FieldSettings], form: Fields) -> dict[str, str]:
    """The company's own as a form has them; those that it did not ask for are not there."""
    names = (OWN + field.key for field in fields)
    return {
        name: clean(form.values.get(name, ""), multiline=True)  # an empty box sends nothing
        for name in names
        if name in form.values or f"shown_{name}" in form.values
    }


def by_key(given: Mapping[str, object]) -> dict[str, object]:
    """Of what is given, the company's own."""
    return {name.removeprefix(OWN): value for name, value in given.items() if name.startswith(OWN)}


def faults_of(fields: Sequence[FieldSettings], faults: Mapping[str, str]) -> dict[str, str]:
    """What the rules say is wrong, by the form's names and in words of the catalogue."""
    known = {field.key: field for field in fields}
    return {OWN + key: words_of_fault(fault, known.get(key), _TO_SAVE) for key, fault in faults.items()}


def form_of_client(
    fields: Sequence[FieldSettings],
    language: str,
    kept: Mapping[str, object] | None = None,
    stored: Mapping[str, str] | None = None,
    *,
    typed: Mapping[str, str] | None = None,
    faults: Mapping[str, str] | None = None,
) -> ClientForm:
    """``kept``, ``stored``: of a client who is there. ``typed``: what came and is asked again."""
    known = kept if kept is not None else _BLANK | {OWN + field.key: "" for field in fields}
    values = {name: str(value) for name, value in known.items()}
    shown = marks(known)
    if typed is not None:
        for name in values:
            if name in typed or f"shown_{name}" in typed:
                values[name] = clean(typed.get(name, ""), multiline=True)
            shown[name] = typed.get(f"shown_{name}", shown[name])
    own = {str(key): str(value) for key, value in by_key(values).items()}
    return ClientForm(
        values=values,
        shown=shown,
        fields=asked_fields(fields, own, language, prefix=OWN, lost=typed is None),
        former=custom.former(fields, stored or {}),
        faults=faults or {},
    )


def caller_in_form(record: CallRecord) -> dict[str, str]:
    """What is known of somebody who calls and is new."""
    is_name = record.name and not record.name.lstrip("+").isdigit()
    return {
        "name": record.name if is_name else "",
        "number": "" if record.withheld else record.e164 or record.number or "",
    }
