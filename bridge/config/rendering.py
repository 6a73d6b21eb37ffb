"""Renders Asterisk's configuration files from the settings, and leaves the engineer's own files alone.

Whose file it is, its first line says: what begins with the mark is Callbridge's, everything else the
engineer's. Nothing is written before it is certain that everything may be.
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, PrefixLoader, StrictUndefined

from bridge.config.secretfile import Secrets
from bridge.config.settings import Settings
from bridge.config.view import View
from bridge.errors import ConfigurationError, InternalError

MARK = "; Rendered by Callbridge"
_HEADER = (
    MARK + " from its YAML file: do not edit, the next “callbridge render” replaces it.\n"
    "; Your own lines belong in custom/{name}, which is read at the end of this file.\n\n"
)
_FOOTER = '\n; Your own lines; a file that is not there is no fault.\n#tryinclude "custom/{name}"\n'
_WITH_SECRETS = frozenset({"ari.conf", "manager.conf", "pjsip.conf"})
_MOST_LINE = 8000  # Asterisk reads lines of 8192 bytes (config.c, buf[8192]) and cuts off the rest


@dataclass(frozen=True, slots=True)
class Rendered:
    written: tuple[Path, ...]
    unchanged: tuple[Path, ...]
    removed: tuple[Path, ...] = ()  # rendered once, not wanted any more
    kept: tuple[Path, ...] = ()  # the engineer's own, by asterisk.keep


def render(settings: Settings, secrets: Secrets, target: Path) -> Rendered:
    """Render into ``target``, a directory that Asterisk uses as /etc/asterisk."""
    _need_secrets(settings, secrets)
    texts = dict(_texts(settings, secrets))
    keep = set(settings.asterisk.keep)
    unknown = keep - texts.keys()
    if unknown:
        wrong, rendered = ", ".join(sorted(unknown)), ", ".join(sorted(texts))
        raise ConfigurationError(f"asterisk.keep: {wrong}: not rendered anyway; rendered are {rendered}")
    try:
        return _put(texts, keep, target)
    except OSError as error:
        raise ConfigurationError(
            f"{error.filename or target}: cannot be written: {error.strerror}; check who owns {target}"
        ) from error


def _put(texts: dict[str, str], keep: set[str], target: Path) -> Rendered:
    target.mkdir(parents=True, exist_ok=True)
    _refuse_to_overwrite([target / name for name in texts if name not in keep])
    (target / "custom").mkdir(exist_ok=True)
    written, unchanged, removed = [], [], []
    for name, text in sorted(texts.items()):
        if name in keep:
            continue
        file = target / name
        mode = 0o640 if name in _WITH_SECRETS else 0o644
        if file.is_file() and file.read_bytes() == text.encode() and file.stat().st_mode & 0o777 == mode:
            unchanged.append(file)
        else:
            _write(file, text, mode)
            written.append(file)
    for file in sorted(target.glob("*.conf")):
        if file.name not in texts and _is_ours(file):
            file.unlink()
            removed.append(file)
    kept = tuple(target / name for name in sorted(keep))
    return Rendered(tuple(written), tuple(unchanged), tuple(removed), kept)


def _refuse_to_overwrite(files: list[Path]) -> None:
    foreign = [file for file in files if (file.exists() or file.is_symlink()) and not _is_ours(file)]
    if foreign:
        raise ConfigurationError(
            "\n".join(
                f"{file}: is not Callbridge's and stays as it is; move your own lines to custom/{file.name},"
                f" or list {file.name} under asterisk.keep, or render into another directory"
                for file in foreign
            )
        )


def _is_ours(file: Path) -> bool:
    if not file.is_file():
        return False
    with file.open("rb") as opened:
        return opened.read(len(MARK.encode())) == MARK.encode()


def _need_secrets(settings: Settings, secrets: Secrets) -> None:
    faults = [
        f"agents.{agent}: SIP_PASSWORD_{agent} is missing in the secrets file; “callbridge render” adds it"
        for agent, given in settings.agents.items()
        if given.endpoint is None and agent not in secrets.sip
    ]
    faults += [
        f"trunks.{name}: TRUNK_PASSWORD_{name.upper()} is missing in the secrets file:"
        " add the password that the operator gave you"
        for name, trunk in settings.trunks.items()
        if trunk.username is not None and name not in secrets.trunks
    ]
    if faults:
        raise ConfigurationError("\n".join(faults))


# ── templates ────────────────────────────────────────────────────────────────


def _roots() -> tuple[Path, Path]:
    """asterisk-config/ and dialplan/: beside the package in a checkout, else where a wheel puts them."""
    here = Path(__file__).resolve().parents[2]
    for root in (here, Path(sys.prefix) / "share" / "callbridge"):
        if (root / "asterisk-config").is_dir() and (root / "dialplan").is_dir():
            return root / "asterisk-config", root / "dialplan"
    raise ConfigurationError(
        f"no templates in {here} or {sys.prefix}/share/callbridge: install Callbridge with its data files"
    )


def _texts(settings: Settings, secrets: Secrets) -> Iterator[tuple[str, str]]:
    config, dialplan = _roots()
    environment = Environment(  # noqa: S701  no HTML; _guarded refuses what would be syntax
        loader=PrefixLoader(
            {"asterisk-config": FileSystemLoader(config), "dialplan": FileSystemLoader(dialplan)}
        ),
        undefined=StrictUndefined,
        finalize=_guarded,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    view = View.of(settings, secrets)
    templates = [f"asterisk-config/{path.name}" for path in sorted(config.glob("*.conf.j2"))]
    for template in [*templates, "dialplan/extensions.conf.j2"]:
        name = template.split("/")[1].removesuffix(".j2")
        body = environment.get_template(template).render(view=view, settings=settings)
        text = _HEADER.format(name=name) + body.strip("\n") + "\n" + _FOOTER.format(name=name)
        for line in text.splitlines():
            if len(line.encode()) > _MOST_LINE:
                raise ConfigurationError(f"{name}: a line is longer than Asterisk reads: {line[:60]}…")
        yield name, text


def _guarded(value: object) -> object:
    """The second lock: the models refuse these characters, and nothing gets past here if one forgot to."""
    match value:
        case bool() | None:
            raise InternalError(f"a template wants to write {value}")
        case int():
            return value
        case str():
            if not value.isprintable() or any(character in value for character in ';[]"\\`') or "${" in value:
                raise InternalError("a template wants to write what would be syntax in Asterisk's files")
            return value
        case _:
            raise InternalError(f"a template wants to write a {type(value).__name__}")


def _write(file: Path, text: str, mode: int) -> None:
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    new = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
            opened.write(text)
            opened.flush()
            os.fsync(opened.fileno())
            # Asterisk reads it by its group: that of the directory, as Debian's package sets it up.
            group = file.parent.stat().st_gid
            if os.geteuid() == 0 or group in {os.getegid(), *os.getgroups()}:
                os.fchown(opened.fileno(), -1, group)
            os.fchmod(opened.fileno(), mode)
        new.replace(file)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
