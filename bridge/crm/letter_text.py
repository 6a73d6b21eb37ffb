"""Text out of the bodies of mails that anybody may have written: HTML, flowed lines, quotations. Pure.

What is hidden from a reader is left out: an agent reads what the client's own mail program shows.
"""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from lxml import etree

MAX_HTML = 2 * 2**20  # characters
_PIECE = 16 * 1024
# libxml2 looks through all open elements for each end tag that has no beginning.
_MAX_DEPTH = 500

# fmt: off
_UNSHOWN = frozenset((
    "script", "style", "head", "title", "template", "noscript", "object", "embed", "applet", "iframe",
    "frame", "svg", "math", "canvas", "audio", "video", "select", "datalist", "textarea",
))
_BLOCKS = frozenset((
    "address", "article", "aside", "blockquote", "body", "center", "dd", "div", "dl", "dt", "fieldset",
    "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "html", "li", "main",
    "nav", "ol", "p", "pre", "section", "table", "tr", "ul",
))
# fmt: on
_PARAGRAPHS = frozenset(("p", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "ul", "ol", "table", "blockquote"))
_HIDDEN = re.compile(
    r"(display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?![.\d]*[1-9])|opacity\s*:\s*0(?![.\d]*[1-9])"
    r"|max-height\s*:\s*0(?![.\d]*[1-9])|mso-hide\s*:\s*all)",
    re.IGNORECASE,
)
_LINK = re.compile(r"(https?://|mailto:|tel:)\S+", re.IGNORECASE)
_ORIGINAL = re.compile(
    r"\s{0,3}[-_]{3,20} ?(Original Message|Исходное сообщение|Ursprüngliche Nachricht) ?[-_]{3,20}\s*"
)


def text_of_html(html: str) -> tuple[str, bool]:
    """What a reader would see, its links written out; and whether all of it was read."""
    target = _Reader()
    # no_network is the parser's default; entities of a DTD do not exist in its HTML.
    parser = etree.HTMLParser(target=target, recover=True, no_network=True)
    html = re.sub("[\ud800-\udfff\0]", "\ufffd", html)
    whole = len(html) <= MAX_HTML
    parser.feed("<html>")  # or nothing at all would be a document without a beginning
    for start in range(0, min(len(html), MAX_HTML), _PIECE):
        parser.feed(html[start : start + _PIECE])
        if target.depth > _MAX_DEPTH:
            whole = False
            target.cut = True  # or a tag that was cut through would come as text
            break
    parser.close()
    return target.text(), whole


class _Reader:
    """Takes libxml2's events; no tree is built, so nothing is deep."""

    def __init__(self) -> None:
        self.depth = 0
        self.cut = False
        self._lines: list[str] = []
        self._line: list[str] = []
        self._unshown_at: int | None = None  # depth of the element that hides everything in it
        self._quoted: list[int] = []  # depths of open quotations
        self._preformatted = 0
        self._links: list[tuple[int, str]] = []

    def start(self, tag: Any, attributes: Mapping[Any, Any]) -> None:
        self.depth += 1
        if self._unshown_at is not None:
            return
        name = str(tag).lower()
        if name in _UNSHOWN or _hides(attributes):
            self._unshown_at = self.depth
            return
        if name in _BLOCKS:
            self._break(paragraph=name in _PARAGRAPHS)
        match name:
            case "br":
                self._end_line()
            case "li":
                self._line.append("- ")
            case "td" | "th" if self._line:
                self._line.append(" ")
            case "blockquote":
                self._quoted.append(self.depth)
            case "pre":
                self._preformatted += 1
            case "img" if attributes.get("alt"):
                self._line.append(f"[{str(attributes['alt'])[:200]}]")
            case "a":
                self._links.append((len(self._line), str(attributes.get("href") or "").strip()))

    def end(self, tag: Any) -> None:
        name = str(tag).lower()
        if self._unshown_at is not None:
            if self.depth == self._unshown_at:
                self._unshown_at = None
        else:
            if name in _BLOCKS:
                self._break(paragraph=name in _PARAGRAPHS)
            if self._quoted and self._quoted[-1] == self.depth:
                self._quoted.pop()
            if name == "pre":
                self._preformatted -= 1
            if name == "a" and self._links:
                self._write_out(*self._links.pop())
        self.depth -= 1

    def data(self, data: str | bytes) -> None:
        if isinstance(data, bytes) or self.cut or self._unshown_at is not None:
            return
        if not self._preformatted:
            self._line.append(re.sub(r"\s+", " ", data) if data.strip("\u00a0") else data)
            return
        first, *others = data.split("\n")
        self._line.append(first)
        for line in others:
            self._end_line()
            self._line.append(line)

    def comment(self, text: str | bytes) -> None:
        pass  # nobody sees it

    def close(self) -> None:
        self._break()

    def text(self) -> str:
        while self._lines and not self._lines[-1].strip("> "):
            self._lines.pop()
        return re.sub(r"\n{3,}", "\n\n", "\n".join(self._lines)).strip("\n")

    def _write_out(self, start: int, link: str) -> None:
        """A link's address beside its words, if they are not the same: where it really leads."""
        said = "".join(self._line[start:]).strip()
        if _LINK.fullmatch(link) and said and link.removeprefix("mailto:").removeprefix("tel:") != said:
            self._line.append(f" <{link[:2000]}>")

    def _break(self, *, paragraph: bool = False) -> None:
        if "".join(self._line).strip():
            self._end_line()
        else:
            self._line.clear()
        if paragraph and self._lines and self._lines[-1].strip("> "):
            self._lines.append((">" * len(self._quoted)).strip())

    def _end_line(self) -> None:
        line = "".join(self._line)
        line = line.rstrip() if self._preformatted else line.strip()
        self._lines.append(f"{'>' * len(self._quoted)} {line}".rstrip() if self._quoted else line)
        self._line.clear()
        self._links = [(0, link) for _, link in self._links]


def _hides(attributes: Mapping[Any, Any]) -> bool:
    return "hidden" in attributes or _HIDDEN.search(str(attributes.get("style") or "")[:2000]) is not None


def plain(text: str, *, flowed: bool = False, delsp: bool = False) -> str:
    """One kind of line end, nothing invisible but blanks and tabs."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if flowed:
        text = _unflowed(text, delsp=delsp)
    if text.isascii() and text.replace("\n", "").replace("\t", "").isprintable():
        return text
    return "".join(
        one for one in text if one in "\n\t" or unicodedata.category(one) not in {"Cc", "Cs", "Co", "Cn"}
    )


def _unflowed(text: str, *, delsp: bool) -> str:
    """RFC 3676: a line that ends with a blank goes on in the next one of the same depth of quotation."""
    done: list[str] = []
    open_depth: int | None = None
    parts: list[str] = []
    for line in text.split("\n"):
        body = line.lstrip(">")
        depth = len(line) - len(body)
        body = body.removeprefix(" ")
        if open_depth is not None and depth != open_depth:
            done.append("".join(parts))
            open_depth, parts = None, []
        if open_depth is None and depth:
            parts.append(">" * depth + " ")
        flows = body.endswith(" ") and body != "-- "
        parts.append(body[:-1] if flows and delsp else body)
        open_depth = depth if flows else None
        if not flows:
            done.append("".join(parts))
            parts = []
    if parts:
        done.append("".join(parts))
    return "\n".join(done)


def quoted_from(text: str) -> int | None:
    """Where the quotation at the end begins: its lines begin with >, or an “Original Message” line opens it.

    The line before it that says who wrote belongs to it. Not in between: an answer below each
    question is no quotation at the end. None if there is none; nothing is cut off.
    """
    lines = text.split("\n")
    for index, line in enumerate(lines):
        if _ORIGINAL.fullmatch(line[:200]):
            return _offset(lines, index)
    first = len(lines)
    while first and (not lines[first - 1].strip() or lines[first - 1].startswith(">")):
        first -= 1
    while first < len(lines) and not lines[first].strip():
        first += 1
    if first == len(lines):
        return None
    before = first
    while before and not lines[before - 1].strip():
        before -= 1
    if before and lines[before - 1].rstrip().endswith(":") and len(lines[before - 1]) < 300:
        first = before - 1
    return _offset(lines, first)


def _offset(lines: list[str], index: int) -> int:
    return sum(len(line) + 1 for line in lines[:index])
