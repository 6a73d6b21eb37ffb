"""Owns the house that the web room's tests live in: opened for each, and nothing left over."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.web.web_house import House, close_house, open_house


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    house = await open_house(tmp_path)
    yield house
    await close_house(house)
