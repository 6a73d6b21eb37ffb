"""The exception tree of Callbridge.

    CallbridgeError
    ├── BadInput                     what came in is wrong; names the place and the remedy (Told)
    │   ├── ConfigurationError       the YAML file, or what was rendered from it
    │   ├── BadNumber                a telephone number that cannot be read
    │   ├── NoSuchTicket             there is none of this number
    │   ├── NoSuchEntry              its thread has none of this number
    │   ├── NoMailServer             nobody would send the letter
    │   ├── NoSuchAttachment         a ticket or a template has no file of this number
    │   ├── NoSuchTemplate           there is none of this number
    │   ├── TemplateNameTaken        there is one of this name in its set already
    │   ├── WrongFields              values of a company's own fields; ``faults`` says which, and why
    │   └── BadTrace                 a recorded AMI trace that cannot be read
    ├── NotAllowed                   who asks may not do this; the message says who may (Told)
    ├── RemoteError                  the peer's fault, or the way to it
    │   ├── LinkDown                 not connected (retryable)
    │   ├── RequestTimeout           no reply in time (retryable: every order may be sent twice)
    │   ├── Refused                  the peer said no; ``status`` and its words are kept
    │   │   ├── Gone                 the channel, bridge or file is not there any more: a normal race
    │   │   └── Unreachable          no channel to this phone could be made
    │   ├── JournalBusy              another process keeps the journal (retryable: until that one ends)
    │   └── Unsupported              the peer is too old, or lacks a module
    └── InternalError                our own fault: ends one call safely, never the process

What is ``Told`` is a message of the catalogues and what fills it: web/ tells it in each one's language.

Local errors (``BadInput``, ``InternalError``) are not retryable; remote ones say so in ``retryable``.
"""

from collections.abc import Callable, Mapping


def N_(message: str) -> str:
    """Marks a message that people read, to be found for the catalogues in web/locale."""
    return message


class Word(str):
    """A value that is a message of the catalogue itself, as a role's name is."""

    __slots__ = ()


OR = N_(" or ")


def worded(
    message: str, values: Mapping[str, object], translated: Callable[[str], str] = lambda one: one
) -> str:
    """The message with its values, in a language. A tuple of Words is a choice between them."""
    words = translated(message) if message else ""
    return words % {name: _value(value, translated) for name, value in values.items()} if values else words


def _value(value: object, translated: Callable[[str], str]) -> object:
    if isinstance(value, tuple):
        return translated(OR).join(str(_value(one, translated)) for one in value)
    return translated(value) if isinstance(value, Word) else value


class CallbridgeError(Exception):
    """Anything that Callbridge raises on purpose."""

    retryable: bool = False


class Told(CallbridgeError):
    """What people are told, each in his language: a marked message, with the values that fill it.

    Without values it may be any text; then it is told as it is.
    """

    def __init__(self, message: str = "", **values: object) -> None:
        super().__init__(worded(message, values))
        self.message = message
        self.values: Mapping[str, object] = values


class BadInput(Told):
    """What came in is wrong. The message names the place and the remedy."""


class ConfigurationError(BadInput):
    """The configuration cannot be used."""


class BadNumber(BadInput):
    """A telephone number that cannot be read."""


class ForbiddenTarget(BadInput):
    """A foreign host that Callbridge must not reach: it is, or leads to, a network of our own."""


class NoSuchTicket(BadInput):
    """There is no ticket of this number."""


class NoSuchEntry(BadInput):
    """There is no such entry in this ticket's thread."""


class NoMailServer(BadInput):
    """The configuration names no mail server: nobody would send the letter."""


class NoSuchAttachment(BadInput):
    """There is no such file on this ticket or template."""


class NoSuchTemplate(BadInput):
    """There is no template of this number."""


class TemplateNameTaken(BadInput):
    """There is a template of this name in the set already."""


class WrongFields(BadInput):
    """Values of a company's own fields are wrong or missing. ``faults``: key of the field → what is wrong."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"field {key}: {fault}" for key, fault in faults.items()))
        self.faults = dict(faults)


class BadTrace(BadInput):
    """A recorded AMI trace that cannot be read."""


class NotAllowed(Told):
    """Who asks may not do this. The message says who may."""


class RemoteError(CallbridgeError):
    """The peer's fault, or the way to it."""


class LinkDown(RemoteError):
    """Not connected."""

    retryable = True


class RequestTimeout(RemoteError):
    """No reply in time."""

    retryable = True


class Refused(RemoteError):
    """The peer said no."""

    def __init__(self, message: str, *, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class Gone(Refused):
    """The channel, bridge or file is not there any more: a normal race."""


class Unreachable(Refused):
    """No channel to this phone could be made."""


class JournalBusy(RemoteError):
    """Another process keeps the journal. The message names it."""

    retryable = True


class Unsupported(RemoteError):
    """The peer is too old."""


class InternalError(CallbridgeError):
    """Our own fault."""
