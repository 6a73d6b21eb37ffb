"""Renders the small example, changed as a test wants it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from bridge.config import Secrets, load, render
from tests.unit.config.examples import SMALL

Write = Callable[[str], Path]


def render_small(write: Write, tmp_path: Path, old: str = "", new: str = "", more: str = "") -> Path:
    settings = load(write((SMALL.replace(old, new) if old else SMALL) + more), {})
    secrets = Secrets.load_or_create(tmp_path / "secrets.env", settings)
    secrets = replace(secrets, trunks={"mango": "p@ss"})
    render(settings, secrets, tmp_path / "small")
    return tmp_path / "small"
