"""A small reader of Asterisk's configuration files, as config.c reads them: enough for tests."""

import re
from dataclasses import dataclass, field
from pathlib import Path

_SECTION = re.compile(r"\[(?P<name>[^\]]+)\](\((?P<options>[^)]*)\))?$")


@dataclass
class Section:
    name: str
    template: bool = False
    lines: list[tuple[str, str]] = field(default_factory=list)

    def all(self, key: str) -> list[str]:
        return [value for name, value in self.lines if name == key]

    def one(self, key: str) -> str:
        """The value that counts: the last one."""
        return self.all(key)[-1]

    def __contains__(self, key: str) -> bool:
        return bool(self.all(key))


def without_comment(line: str) -> str:
    text = ""
    for index, character in enumerate(line):
        if character == ";" and (index == 0 or line[index - 1] != "\\"):
            break
        text += character
    return text.replace("\\;", ";").strip()


def read(path: Path) -> list[Section]:
    """All sections that are no templates, each with what it inherits; sections of one name stay apart."""
    sections: list[Section] = []
    templates: dict[str, Section] = {}
    for raw in path.read_text().splitlines():
        line = without_comment(raw)
        if not line or line.startswith("#"):
            continue
        match = _SECTION.match(line)
        if match:
            options = [option for option in (match["options"] or "").split(",") if option]
            section = Section(match["name"], template="!" in options)
            for option in options:
                if option != "!":
                    section.lines.extend(templates[option].lines)
            sections.append(section)
            if section.template:
                templates[section.name] = section
            continue
        name, separator, value = line.partition("=")
        assert separator, f"{path.name}: no setting and no section: {raw!r}"
        sections[-1].lines.append((name.strip(), value.removeprefix(">").strip()))
    return [section for section in sections if not section.template]


def of_type(sections: list[Section], kind: str) -> dict[str, Section]:
    return {section.name: section for section in sections if section.all("type") == [kind]}


def dialplan(path: Path) -> dict[str, dict[str, list[str]]]:
    """context → extension → its applications in order, hints left out."""
    found: dict[str, dict[str, list[str]]] = {}
    for section in read(path):
        context = found.setdefault(section.name, {})
        extension = ""
        for name, value in section.lines:
            if name == "exten":
                extension, priority, application = value.split(",", 2)
                if priority != "hint":
                    context.setdefault(extension, []).append(application)
            elif name == "same":
                context[extension].append(value.split(",", 1)[1])
            elif name == "include":
                context.setdefault("include", []).append(value)
    return found
