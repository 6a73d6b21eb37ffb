"""What a SIP message says in its headers, as far as a phone shows it (RFC 3261, 7.3 and 20.10)."""

import re


def headers_of(message: str) -> dict[str, str]:
    """The headers of a SIP message by lower-case name; of a repeated one, the first."""
    head = message.replace("\r\n", "\n").split("\n\n", 1)[0]
    found: dict[str, str] = {}
    for line in head.split("\n")[1:]:
        name, colon, value = line.partition(":")
        if colon:
            found.setdefault(name.strip().lower(), value.strip())
    return found


def party_of(uri: str) -> tuple[str, str]:
    """Number and display name of a name-addr: '"Anna" <sip:+79…@host>' → ('+79…', 'Anna')."""
    match = re.match(r'^\s*(?:"((?:[^"\\]|\\.)*)"|([^<"]*?))\s*<?sips?:(?:([^@>;]*)@)?', uri)
    if match is None:
        return "", ""
    return match[3] or "", (match[1] or match[2] or "").strip()
