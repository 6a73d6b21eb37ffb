"""What the dispatch's tests begin with."""

import pytest

from bridge.centre import facts as f
from bridge.centre import orders as o
from bridge.engine.dispatch import Dispatch, Handlers
from tests.unit.engine.hands import Hands


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def reports() -> list[f.Fact]:
    return []


@pytest.fixture
def dispatch(hands: Hands, reports: list[f.Fact]) -> Dispatch:
    return Dispatch(Handlers(dict.fromkeys(o.Lane, hands.carry_out)), reports.append)
