"""Owns the house that the web room's tests live in: opened for each, and nothing left over."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.web.web_house import House, close_house, open_house
from tests.integration.web.web_tickets import make_strict


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    house = await open_house(tmp_path)
    yield house
    await close_house(house)


@pytest.fixture
def strict(house: House) -> House:
    """The house, with lines, a class and fields in a department."""
    return make_strict(house)
