"""Files of tickets: what may be kept, what it really is, and how it is given out. Pure.

There is no virus scan: a file is checked for its kind only, and given out as something to save, never to run
or to show (but four kinds of pictures).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from urllib.parse import quote

import puremagic

from bridge.crm.letters import file_name
from bridge.errors import N_, BadInput

HEAD = 4096  # bytes of a file, to see what it is

# Shown in the page; a browser that takes their bytes for something else is told not to (nosniff).
_PICTURES: Mapping[bytes, str] = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}
_PROGRAMS = (
    b"MZ",  # Windows, DOS
    b"\x7fELF",
    b"\xfe\xed\xfa\xce",  # Mach-O
    b"\xfe\xed\xfa\xcf",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",  # Java, and Mach-O for several processors
    b"dex\n",
    b"\0asm",
    b"#!",
    b"L\0\0\0\x01\x14\x02\0",  # a Windows shortcut
)
# What Windows, macOS or a mail program would run or mount at a click.
# fmt: off
_PROGRAM_ENDINGS = frozenset((
    "ade", "adp", "apk", "app", "appref-ms", "appx", "appxbundle", "bat", "cab", "chm", "cmd", "com",
    "command", "cpl", "desktop", "diagcab", "dll", "dmg", "exe", "gadget", "hta", "img", "inf", "ins",
    "iso", "isp", "jar", "jnlp", "job", "js", "jse", "lnk", "mde", "msc", "msi", "msix", "msp", "mst",
    "nsh", "ocx", "pif", "ps1", "ps1xml", "psc1", "psm1", "reg", "scf", "scr", "sct", "settingcontent-ms",
    "sh", "shb", "shs", "sys", "url", "vb", "vbe", "vbs", "vhd", "vhdx", "vxd", "wsc", "wsf", "wsh", "xll",
))
# fmt: on
_MARKUP = re.compile(
    rb"<(!doctype|html|head|body|script|svg|iframe|style|title|table|div|font|h1|p|a|b|br|img|\?xml|!--|xsl:|math)[\s>/]",
    re.IGNORECASE,
)


class Unfit(Enum):
    """Why a file is not kept; ``value`` is kept with the mail that it came with."""

    PROGRAM = "program"
    ENDING = "ending"
    TOO_LARGE = "too_large"
    EMPTY = "empty"
    KIND = "kind"
    MISNAMED = "misnamed"
    NO_ROOM = "no_room"  # the ticket has as much as it may have


class BadAttachment(BadInput):
    """This file is not kept. The message names it and the remedy."""

    def __init__(self, unfit: Unfit, message: str, *, file: str, **values: object) -> None:
        super().__init__(message, file=file, **values)
        self.name, self.unfit = file, unfit


@dataclass(frozen=True, slots=True)
class Limits:
    file_bytes: int = 20 * 2**20
    ticket_bytes: int = 200 * 2**20
    refused_endings: frozenset[str] = frozenset()  # beside those of programs, in lower case, without the dot


@dataclass(frozen=True, slots=True)
class Kept:
    name: str
    media_type: str  # what it is, not what was said
    bytes: int
    sha256: str
    file: str  # below the directory


# ── what it is ───────────────────────────────────────────────────────────────


def media_type_of(head: bytes, name: str) -> str:
    """By the first bytes; the name only tells kinds apart that begin alike (a ZIP and a .docx)."""
    for magic, kind in _PICTURES.items():
        if head.startswith(magic):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if _looks_like_markup(head):
        return "image/svg+xml" if b"<svg" in head.lower() else "text/html"
    if _is_text(head):
        return "text/plain"
    ending = f".{_ending(name)}"
    try:
        found = puremagic.magic_string(head)
    except (puremagic.PureError, ValueError):
        return "application/octet-stream"
    named = [one for one in found if one.extension == ending]
    kind = (named or found)[0].mime_type
    # Markup and pictures were told apart above, by rules that browsers share.
    safe = re.fullmatch(r"(application|audio|video|image)/[a-z0-9.+-]{1,80}", kind) and "xml+" not in kind
    return (
        kind
        if safe and kind not in {"image/svg+xml", "application/xhtml+xml"}
        else "application/octet-stream"
    )


def check(name: str, head: bytes, limits: Limits) -> None:
    """Raises BadAttachment for what nobody should get from a client by a click."""
    ending = _ending(name)
    if head.startswith(_PROGRAMS) or ending in _PROGRAM_ENDINGS:
        raise BadAttachment(
            Unfit.PROGRAM,
            N_("%(file)s: is a program; ask for it in another way, or in a ZIP file"),
            file=name,
        )
    if ending in limits.refused_endings:
        raise BadAttachment(
            Unfit.ENDING,
            N_("%(file)s: .%(ending)s files are not kept here; send it as another kind of file"),
            file=name,
            ending=ending,
        )


def _ending(name: str) -> str:
    return name.rpartition(".")[2].strip().lower() if "." in name else ""


def _looks_like_markup(head: bytes) -> bool:
    if head[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        head = head.replace(b"\0", b"")[2:]
    return _MARKUP.search(head.lstrip(b"\xef\xbb\xbf \t\r\n\f")) is not None and not _is_binary(head)


def _is_binary(head: bytes) -> bool:
    return re.search(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]", head) is not None


def _is_text(head: bytes) -> bool:
    return not _is_binary(head) and not head.startswith((b"%PDF", b"%!PS", b"{\\rtf"))


# ── how it is given out ──────────────────────────────────────────────────────


def download_headers(name: str, media_type: str, *, inline: bool = False) -> dict[str, str]:
    """Of the reply that carries the file. ``inline`` is obeyed for the four kinds of pictures only."""
    shown = inline and media_type in {*_PICTURES.values(), "image/webp"}
    name = file_name(name) or "file"
    ascii_name = re.sub(r"[^A-Za-z0-9._ -]", "_", name)
    return {
        "Content-Type": media_type if shown else "application/octet-stream",
        "Content-Disposition": f'{"inline" if shown else "attachment"}; filename="{ascii_name}";'
        f" filename*=UTF-8''{quote(name, safe='')}",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "private, no-store",
    }
