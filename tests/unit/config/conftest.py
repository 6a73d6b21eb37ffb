from collections.abc import Callable
from pathlib import Path

import pytest

from bridge.config import Secrets, Settings, load, render
from tests.unit.config.examples import LAB, SMALL


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    """Write a YAML file and say where it is."""

    def write(text: str) -> Path:
        path = tmp_path / "callbridge.yml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def lab() -> Settings:
    return load(LAB, {})


@pytest.fixture
def small(write: Callable[[str], Path]) -> Settings:
    return load(write(SMALL), {})


@pytest.fixture
def lab_secrets(tmp_path: Path, lab: Settings) -> Secrets:
    return Secrets.load_or_create(tmp_path / "secrets.env", lab)


@pytest.fixture
def etc(tmp_path: Path, lab: Settings, lab_secrets: Secrets) -> Path:
    render(lab, lab_secrets, tmp_path / "asterisk")
    return tmp_path / "asterisk"
