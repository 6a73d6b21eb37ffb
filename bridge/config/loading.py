"""Loads the YAML file: reads, lets the environment override what a deployment decides, validates.

It never returns a half-valid configuration: either Settings, or every fault at once.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from bridge.config import keyfile
from bridge.config.contradictions import check_contradictions
from bridge.config.explain import explain
from bridge.config.faults import Fault
from bridge.config.field_checks import check_client_fields
from bridge.config.references import check_references
from bridge.config.settings import Settings
from bridge.config.source import Source, WrittenInt, read
from bridge.config.staffing import check_staffing
from bridge.config.ticket_checks import check_tickets
from bridge.errors import ConfigurationError

# Deployment only: what differs between two installations of one and the same contact centre.
OVERRIDES: Mapping[str, tuple[str, ...]] = {
    "CALLBRIDGE_ARI_URL": ("asterisk", "ari", "url"),
    "CALLBRIDGE_AMI_HOST": ("asterisk", "ami", "host"),
    "CALLBRIDGE_AMI_PORT": ("asterisk", "ami", "port"),
    "CALLBRIDGE_HTTP_PORT": ("asterisk", "http", "port"),
    "CALLBRIDGE_SIP_PORT": ("asterisk", "sip", "port"),
    "CALLBRIDGE_RTP_START": ("asterisk", "rtp", "start"),
    "CALLBRIDGE_RTP_END": ("asterisk", "rtp", "end"),
    "CALLBRIDGE_STORE_URL": ("store", "url"),
    "CALLBRIDGE_JOURNAL": ("store", "journal"),
    "CALLBRIDGE_WEB_HOST": ("web", "host"),
    "CALLBRIDGE_WEB_PORT": ("web", "port"),
    "CALLBRIDGE_WEB_PUBLIC_URL": ("web", "public_url"),
    "CALLBRIDGE_ATTACHMENTS": ("tickets", "attachments", "directory"),
    "CALLBRIDGE_RECORDINGS": ("recordings", "directory"),
    "CALLBRIDGE_RECORDINGS_KEY": ("recordings", "key_file"),
}


def check(path: Path, environ: Mapping[str, str] | None = None, *, with_key: bool = False) -> list[Fault]:
    """Every fault of the file, in the order of its lines; none when it can be used.

    ``with_key``: whether the recordings' key can be used as well. Without it calls are served all the same.
    """
    source = read(path)
    settings, faults = _checked(source, environ)
    if with_key and settings is not None and settings.recordings.key is not None:
        trouble = keyfile.trouble(settings.recordings.key)
        faults += [source.fault(("recordings", "key_file"), trouble)] if trouble else []
    return sorted(faults)


def load(path: Path, environ: Mapping[str, str] | None = None) -> Settings:
    """The settings; raises ConfigurationError with every fault, a line each."""
    settings, faults = _load(path, environ)
    if settings is None or faults:
        raise ConfigurationError("\n".join(str(fault) for fault in faults))
    return settings


def _load(path: Path, environ: Mapping[str, str] | None) -> tuple[Settings | None, list[Fault]]:
    return _checked(read(path), environ)


def _checked(source: Source, environ: Mapping[str, str] | None) -> tuple[Settings | None, list[Fault]]:
    if source.faults and not source.tree:
        return None, sorted(source.faults)
    _override(source, os.environ if environ is None else environ)
    faults = list(source.faults)
    settings: Settings | None = None
    try:
        settings = Settings.model_validate(source.tree)
    except ValidationError as error:
        faults.extend(explain(error, source))
    for check_further in (
        check_references,
        check_contradictions,
        check_staffing,
        check_tickets,
        check_client_fields,
    ):
        faults.extend(check_further(source))
    return settings, sorted(set(faults))


def _override(source: Source, environ: Mapping[str, str]) -> None:
    for variable, path in OVERRIDES.items():
        value = environ.get(variable, "").strip()
        if not value:
            continue
        wants_number = path[-1] in {"port", "start", "end"}
        is_number = wants_number and value.isascii() and value.isdecimal() and len(value) < 9
        source.override(path, WrittenInt(int(value), value) if is_number else value, f"${variable}")
