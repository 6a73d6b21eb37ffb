"""Owns the house that the web room's tests live in: opened for each, and nothing left over."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket

from bridge.web import rendering
from tests.integration.web.web_house import House, close_house, open_house
from tests.integration.web.web_letters import make_mailing
from tests.integration.web.web_tickets import make_strict


class Compiled(BytecodeCache):
    """What templates were compiled to: each house would compile all of them anew."""

    def __init__(self) -> None:
        self._known: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._known:
            bucket.bytecode_from_string(self._known[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._known[bucket.key] = bucket.bytecode_to_string()


@pytest.fixture(scope="session", autouse=True)
def compiled_once() -> Iterator[None]:
    """A cache for each language: it is a part of what is compiled."""
    environment, caches = rendering._environment, dict[str, Compiled]()

    def with_cache(language: Any, *others: Any) -> Any:
        made = environment(language, *others)
        made.bytecode_cache = caches.setdefault(language.code, Compiled())
        return made

    rendering._environment = with_cache
    yield
    rendering._environment = environment


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    house = await open_house(tmp_path)
    yield house
    await close_house(house)


@pytest.fixture
def strict(house: House) -> House:
    """The house, with lines, a class and fields in a department."""
    return make_strict(house)


@pytest.fixture
def mailing(house: House) -> House:
    """The house, with a mail server to send by, and small files only."""
    return make_mailing(house)
