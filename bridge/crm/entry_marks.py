"""What is to be said of a mail beside its text, as it is kept with its entry. Pure.

None of it is trusted more than the mail itself: pages show it, and nothing is decided by it but whom an
answer goes to when nobody says so: not to a stranger.
"""

from typing import Any, TypedDict, cast

from bridge.crm.parties import listed
from bridge.crm.ticket_mail import Incoming


class Refused(TypedDict):
    name: str
    unfit: str  # bridge.crm.attachments.Unfit
    reason: str  # in words, with the remedy


class EntryMarks(TypedDict, total=False):
    """What is not there is not so."""

    way: str  # bridge.crm.threads.Way: how it came to its ticket
    sender: str  # with his name: "Anna Smirnova <anna@example.org>"
    reply_to: str  # where its sender would have answers; nothing goes there unless an agent chooses it
    stranger: bool  # its sender was not in this thread before
    automatic: str  # bridge.crm.letter_headers.Automatic
    faults: list[str]  # bridge.crm.letters.Fault: what of it could not be taken
    refused: list[Refused]  # files that were not kept
    place: str  # where the whole of it lies, if there is more than was taken
    bytes: int  # of that
    quoted_from: int  # where in the body the quotation at its end begins
    date: str  # when its sender says that he wrote it, ISO 8601


_MOST = 2_000  # characters of a list of addresses


def marks_of(incoming: Incoming) -> dict[str, Any]:
    mail = incoming.mail
    marks: EntryMarks = {"way": incoming.thread.way.value, "sender": listed((mail.sender,), _MOST)}
    reply_to = listed(mail.reply_to, _MOST)
    if reply_to and reply_to != marks["sender"]:
        marks["reply_to"] = reply_to
    if incoming.thread.stranger:
        marks["stranger"] = True
    if mail.automatic is not None:
        marks["automatic"] = mail.automatic.value
    if mail.faults:
        marks["faults"] = [fault.value for fault in mail.faults]
    if incoming.refused:
        marks["refused"] = [
            {"name": one.name, "unfit": one.unfit.value, "reason": one.reason} for one in incoming.refused
        ]
    if mail.faults or incoming.refused:
        marks["place"], marks["bytes"] = str(incoming.place), mail.size
    if mail.quoted_from is not None:
        marks["quoted_from"] = mail.quoted_from
    if mail.date is not None:
        marks["date"] = mail.date.isoformat()
    return cast("dict[str, Any]", marks)
