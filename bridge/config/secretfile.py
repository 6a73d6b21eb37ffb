"""The secrets file: lines of KEY=value that a shell and Docker read as well. Nothing of it is ever logged.

Missing keys are made up and appended; what stands there already, comments included, stays as it is.
"""

import fcntl
import os
import re
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pyrage import IdentityError, x25519

from bridge.config.settings import Settings
from bridge.errors import ConfigurationError

_LINE = re.compile(r"(?P<key>[A-Z][A-Z0-9_]{0,63})=(?P<value>.*)")
_OUR_VALUE = re.compile(r"[A-Za-z0-9_-]{8,128}")
_TOKEN = re.compile(r"cb_[A-Za-z0-9_-]{43}")
# Others choose passwords of trunks and mailboxes, and tokens of directories; refused is only what a shell or
# Asterisk would read as syntax.
_OPERATORS_VALUE = re.compile(r"[A-Za-z0-9_.@%^+=:,/-]{1,128}")
_TOKEN_OF_OTHERS = re.compile(r"[A-Za-z0-9_.@%^+=:,/~-]{1,2000}")  # a JSON web token is long
_MOST_BYTES = 256 * 1024
_SIP, _WEB, _TRUNK = "SIP_PASSWORD_", "WEB_PASSWORD_", "TRUNK_PASSWORD_"
_MAIL, _IMAP = "MAIL_PASSWORD", "IMAP_PASSWORD"
_DIRECTORY = "DIRECTORY_TOKEN_"
_CALLBACK = "CALLBACK_KEY"
SUPERVISOR = "supervisor"


@dataclass(frozen=True, slots=True)
class Secrets:
    """All passwords and tokens. Their values never show in a repr."""

    ari: str = field(repr=False)
    ami: str = field(repr=False)
    api_token: str = field(repr=False)
    sip: Mapping[str, str] = field(repr=False)  # agent → password of his phone
    web: Mapping[str, str] = field(repr=False)  # log-in → password; agents' numbers and "supervisor"
    trunks: Mapping[str, str] = field(repr=False, default_factory=dict)  # trunk → password at the operator
    mail: str = field(repr=False, default="")  # at the mail server; "" for none
    directories: Mapping[str, str] = field(repr=False, default_factory=dict)  # external one → its token
    callback_key: str = field(repr=False, default="")  # opens what is kept of receivers; "" for none yet
    imap: str = field(repr=False, default="")  # of the mailbox; "" for none

    @classmethod
    def load(cls, path: Path) -> "Secrets":
        return _secrets_of(_parse(path, _read(path)), path)

    @classmethod
    def load_or_create(cls, path: Path, settings: Settings) -> "Secrets":
        """Load the file; make up what the settings need and it lacks. Safe when two do so at once."""
        path = path.resolve()  # so that a symbolic link stays one
        path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(path.parent):
            text = _read(path) if path.exists() else ""
            found = _parse(path, text)
            missing = {key: value for key, value in _wanted(settings) if key not in found}
            if missing:
                if text and not text.endswith("\n"):
                    text += "\n"
                text += "".join(f"{key}={value}\n" for key, value in missing.items())
                _write(path, text)
            return _secrets_of({**found, **missing}, path)


def _wanted(settings: Settings) -> Iterator[tuple[str, str]]:
    yield "ARI_PASSWORD", secrets.token_urlsafe(24)
    yield "AMI_PASSWORD", secrets.token_urlsafe(24)
    yield "API_TOKEN", "cb_" + secrets.token_urlsafe(32)
    yield _CALLBACK, str(x25519.Identity.generate())
    for agent in settings.agents:
        yield _SIP + agent, secrets.token_urlsafe(18)
    for login in (*settings.agents, SUPERVISOR):
        yield _WEB + login.upper(), secrets.token_urlsafe(12)


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(
            f"{path}: the secrets file cannot be read: {error.strerror}; “callbridge render” makes one"
        ) from None
    if len(raw) > _MOST_BYTES:
        raise ConfigurationError(f"{path}: is too large for a secrets file")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path}: is not UTF-8: write KEY=value lines") from None


def _parse(path: Path, text: str) -> dict[str, str]:
    """The keys and values. A message names the line and the key, never the value."""
    found: dict[str, str] = {}
    faults: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            faults.append(f"{path}:{number}: is no line KEY=value (no blanks around =, no quotes)")
            continue
        key, value = match["key"], match["value"]
        if key in found:
            faults.append(f"{path}:{number}: {key} is given twice: keep one of them")
        elif not _is_ours(key):
            continue  # somebody else's key, kept in the file and not looked at
        elif key.startswith(_DIRECTORY):
            if _TOKEN_OF_OTHERS.fullmatch(value) is None:
                faults.append(
                    f"{path}:{number}: the value of {key} must be 1 to 2000 of A-Z a-z 0-9 _.@%^+=:,/~-"
                )
        elif _is_operators(key) and _OPERATORS_VALUE.fullmatch(value) is None:
            faults.append(f"{path}:{number}: the value of {key} must be 1 to 128 of A-Z a-z 0-9 _.@%^+=:,/-")
        elif key == _CALLBACK and not _is_identity(value):
            faults.append(
                f"{path}:{number}: CALLBACK_KEY is no AGE-SECRET-KEY-1…: put it back from a copy of this file"
                " (without the line a new one is made, which opens nothing that is kept)"
            )
        elif key == "API_TOKEN" and _TOKEN.fullmatch(value) is None:
            faults.append(
                f"{path}:{number}: API_TOKEN must be “cb_” and 43 of A-Z a-z 0-9 _ -"
                " (without the line, a new one is made)"
            )
        elif not _is_operators(key) and _OUR_VALUE.fullmatch(value) is None:
            faults.append(
                f"{path}:{number}: the value of {key} must be 8 to 128 of A-Z a-z 0-9 _ -"
                " (without the line, a new one is made)"
            )
        found[key] = value
    if faults:
        raise ConfigurationError("\n".join(faults))
    return found


def _is_ours(key: str) -> bool:
    ours = {"ARI_PASSWORD", "AMI_PASSWORD", "API_TOKEN", _MAIL, _IMAP, _CALLBACK}
    return key in ours or key.startswith((_SIP, _WEB, _TRUNK, _DIRECTORY))


def _is_identity(value: str) -> bool:
    try:
        x25519.Identity.from_str(value)
    except IdentityError:
        return False
    return True


def _is_operators(key: str) -> bool:
    return key in {_MAIL, _IMAP} or key.startswith(_TRUNK)


def _secrets_of(found: Mapping[str, str], path: Path) -> Secrets:
    def one(key: str) -> str:
        if key not in found:
            raise ConfigurationError(f"{path}: {key} is missing; “callbridge render” adds what is missing")
        return found[key]

    def those(prefix: str) -> dict[str, str]:
        return {
            key.removeprefix(prefix).lower(): value for key, value in found.items() if key.startswith(prefix)
        }

    return Secrets(
        ari=one("ARI_PASSWORD"),
        ami=one("AMI_PASSWORD"),
        api_token=one("API_TOKEN"),
        sip=those(_SIP),
        web=those(_WEB),
        trunks=those(_TRUNK),
        mail=found.get(_MAIL, ""),
        directories=those(_DIRECTORY),
        callback_key=found.get(_CALLBACK, ""),
        imap=found.get(_IMAP, ""),
    )


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    # The directory itself is locked: the file is replaced, so a lock on it would be on the old one.
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _write(path: Path, text: str) -> None:
    """Replace the file in one step, readable by its owner only; an owner that it has already is kept."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    new = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:  # mkstemp made it 0600
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if path.exists() and os.geteuid() == 0:
            old = path.stat()
            os.chown(new, old.st_uid, old.st_gid)
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
