"""Lists of mail addresses, as entries keep and people write them: "Anna <a@example.org>, b@example.org"."""

import re
from collections.abc import Iterable

from bridge.config.mail import mail_address
from bridge.crm.letter_headers import Party, cleaned
from bridge.errors import N_, BadInput

_MAX_NAME = 100
_MAX_WRITTEN = 20_000  # characters


def listed(parties: Iterable[Party], most: int = _MAX_WRITTEN) -> str:
    """Those that have an address, as many as fit into ``most`` characters."""
    found, length = [], 0
    for party in parties:
        if not party.address:
            continue
        name = cleaned(re.sub(r'[<>,;"\r\n]', " ", party.name), _MAX_NAME)
        one = f"{name} <{party.address}>" if name else party.address
        length += len(one) + 2
        if length > most:
            break
        found.append(one)
    return ", ".join(found)


def kept(words: str) -> tuple[Party, ...]:
    """What ``listed`` has written. What is no address is left out."""
    found = []
    for one in words.split(","):
        name, address = _split(one)
        if "@" in address:
            found.append(Party(address, name))
    return tuple(found)


def recipients(words: str) -> tuple[Party, ...]:
    """What somebody has written, between commas or semicolons. Raises BadInput for what is no address."""
    if len(words) > _MAX_WRITTEN:
        raise BadInput(N_("recipients: %(length)s characters; leave some out"), length=len(words))
    found = []
    for one in re.split(r"[,;]", words):
        if not one.strip():
            continue
        name, address = _split(one)
        try:
            found.append(Party(mail_address(address), cleaned(name, _MAX_NAME)))
        except ValueError as error:
            raise not_mail(address) from error
    return tuple(found)


def emails(written: Iterable[str]) -> tuple[str, ...]:
    """A client's own addresses, one each; empty ones are passed over. Raises BadInput for what is none."""
    found = []
    for one in written:
        if not one.strip():
            continue
        try:
            found.append(mail_address(one.strip()))
        except ValueError as error:
            raise not_mail(one.strip()) from error
    return tuple(found)


def not_mail(address: str) -> BadInput:
    shown = address[:60] if address.isprintable() else ascii(address[:60])
    return BadInput(
        N_("recipient “%(address)s”: it is not a mail address: write name@example.org"), address=shown
    )


def _split(one: str) -> tuple[str, str]:
    name, opened, rest = one.strip().rpartition("<")
    if opened and rest.endswith(">"):
        return name.strip().strip('"').strip(), rest[:-1].strip()
    return "", one.strip()
