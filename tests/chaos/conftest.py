"""The lab of the fault suite's short form: fresh at the beginning, gone at the end."""

import os
from collections.abc import Iterator

import pytest

from tests.chaos import lab as labs
from tests.chaos.lab import Chaos


@pytest.fixture(scope="session")
def chaos() -> Iterator[Chaos]:
    labs.down()  # what an interrupted run left
    yield labs.up(as_built=os.environ.get("CALLBRIDGE_CHAOS_AS_BUILT") == "1")
    if os.environ.get("CALLBRIDGE_KEEP_LAB") != "1":
        labs.down()
