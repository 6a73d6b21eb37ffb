"""A subscription's options and address, as an engineer writes them: what is allowed, and what is not."""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from bridge.crm.formats import Target
from bridge.errors import BadInput

_MAX_URL = 2_048
PLACE = "{secret}"  # in the address: there the secret belongs, which so stays out of lists and logs


@dataclass(frozen=True, slots=True)
class Option:
    """``pattern`` is matched against the whole value; ``means`` says in words what may be written."""

    pattern: str
    means: str
    default: str = ""

    @staticmethod
    def choice(first: str, *others: str) -> "Option":
        """The first is the default."""
        all_of_them = (first, *others)
        return Option("|".join(map(re.escape, all_of_them)), " or ".join(all_of_them), first)


OWN_NUMBER = Option(r"\+?[0-9]{1,20}", "digits: the number that the called one sees on outgoing calls")
NEW_CALL_AT = Option.choice("offered", "ringing")
BASIC_USER = Option(r"[^:\x00-\x20\x7f]{1,128}", "a name without colon or space: HTTP Basic, with the secret")


def checked(target: Target, format_name: str, allowed: Mapping[str, Option]) -> None:
    """Raises BadInput for an address or an option that cannot be."""
    check_address(target.url, f"{format_name}: address")
    if PLACE in target.url and not target.secret:
        raise BadInput(f"{format_name}: the address says {PLACE}, but there is no secret; give one")
    for name, value in target.options.items():
        option = allowed.get(name)
        if option is None:
            names = ", ".join(sorted(allowed)) or "none"
            raise BadInput(f"{format_name}: option {name[:40]!r} is not known; allowed: {names}")
        if not re.fullmatch(option.pattern, value):
            raise BadInput(f"{format_name}: option {name!r} is {value[:80]!r}; write {option.means}")


def check_address(url: str, place: str) -> None:
    if not is_address(url):
        raise BadInput(f"{place}: {url[:80]!r} is none; write https://crm.example.org/… without a password")


def is_address(url: str) -> bool:
    """An absolute http or https address that may be sent as it is."""
    if len(url) > _MAX_URL or re.search(r"[^\x21-\x7e]", url):
        return False
    try:
        parts = urlsplit(url)
        named = bool(parts.hostname) and "@" not in parts.netloc and parts.port != 0
    except ValueError:
        return False
    return named and parts.scheme in ("http", "https")


def chosen(target: Target, allowed: Mapping[str, Option], name: str) -> str:
    return target.options.get(name) or allowed[name].default


def secret_text(target: Target) -> str:
    return target.secret.decode("utf-8", "replace")


def address(target: Target) -> str:
    return target.url.replace(PLACE, quote(secret_text(target), safe=""))


def basic(target: Target) -> dict[str, str]:
    """The Authorization header of HTTP Basic, where the option ``basic_user`` asks for it (RFC 7617)."""
    user = target.options.get("basic_user")
    if not user:
        return {}
    pair = user.encode() + b":" + target.secret
    return {"Authorization": "Basic " + base64.b64encode(pair).decode()}
