"""Owns what is said of a letter beside its text: who may have sent it, what of it is not here. In words.

What is kept with an entry came from outside: what is not as expected is passed over.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bridge.crm.threads import Way
from bridge.store.ticket_rows import EntryRow
from bridge.web.labels import N_

# Who wrote a mail that nobody wrote by hand: bridge.crm.letter_headers.Automatic.
AUTOMATICS: Mapping[str, str] = {
    "own": N_("Our own letter, come back"),
    "report": N_("Report of a mail server"),
    "receipt": N_("Receipt"),
    "reply": N_("Automatic reply"),
    "generated": N_("Sent by a machine"),
    "bulk": N_("Mail to many"),
}
# What of a mail could not be taken: bridge.crm.letters.Fault.
FAULTS: Mapping[str, str] = {
    "too_large": N_("The letter is too large: only its head is here, neither its text nor its files."),
    "too_nested": N_("The letter is built too intricately: only its head is here. All of it is in the file."),
    "text_cut": N_("The text is too long: its beginning is here. All of it is in the file."),
    "html_cut": N_("The text could not be read as a whole: its beginning is here. All of it is in the file."),
    "attachments_cut": N_("The letter has too many files: some of them are not here."),
}
# Why a file is not kept: bridge.crm.attachments.Unfit.
UNFIT: Mapping[str, str] = {
    "program": N_("is a program; it may come in another way, or in a ZIP file"),
    "ending": N_("files of this kind are not kept here"),
    "too_large": N_("is too large; a smaller file or a link will do"),
    "empty": N_("is empty"),
    "kind": N_("files of this kind are not taken here"),
    "misnamed": N_("is not what its name says"),
    "no_room": N_("the ticket has as many files as it may have"),
}
_STRANGER = N_("Sender new to this conversation")
_NOT_ANSWERED = N_("An answer does not go to this sender by itself: write the address to whom it may go.")
_FLOOD = N_("One of many letters from this sender at once: they are held together here.")
_REPLY_TO = N_("The sender would have answers at %(address)s; nothing goes there unless you write it.")


@dataclass(frozen=True, slots=True)
class Remarks:
    """``chips`` beside who wrote it, the others below; ``place``: where all of the letter lies."""

    chips: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()  # name of a file → why
    place: str = ""
    bytes: int = 0

    @property
    def any(self) -> bool:
        return bool(self.lines or self.refused or self.place)


def remarks_of(entry: EntryRow, gettext: Callable[[str], str]) -> Remarks:
    marks = entry.marks
    chips, lines = [], []
    if marks.get("stranger"):
        chips.append(gettext(_STRANGER))
        lines.append(gettext(_NOT_ANSWERED))
    if (automatic := AUTOMATICS.get(str(marks.get("automatic")))) is not None:
        chips.append(gettext(automatic))
    if marks.get("way") == Way.FLOOD.value:
        lines.append(gettext(_FLOOD))
    if reply_to := marks.get("reply_to"):
        lines.append(gettext(_REPLY_TO) % {"address": reply_to})
    lines += [gettext(FAULTS[str(one)]) for one in _listed(marks.get("faults")) if one in FAULTS]
    size = marks.get("bytes")
    return Remarks(
        tuple(chips),
        tuple(lines),
        tuple(
            (str(one.get("name", "")), _why(one, gettext))
            for one in _listed(marks.get("refused"))
            if isinstance(one, Mapping)
        ),
        str(marks.get("place") or ""),
        size if isinstance(size, int) else 0,
    )


def _why(refused: Mapping[str, object], gettext: Callable[[str], str]) -> str:
    """Entries of an earlier release have only the words."""
    word = UNFIT.get(str(refused.get("unfit")))
    return gettext(word) if word is not None else str(refused.get("reason", ""))


def _listed(value: object) -> list[object]:
    return list(value) if isinstance(value, list | tuple) else []
