"""For all tests: what one leaves behind, or what else the machine does, must not fail another."""

from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import settings

settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")


@pytest.fixture(autouse=True)
def logs_of_one_test(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The command sets up the logs, on the stderr of the test that called it: no logger may keep that."""
    configure = structlog.configure

    def configure_anew(**given: Any) -> None:
        configure(**given | {"cache_logger_on_first_use": False})

    monkeypatch.setattr(structlog, "configure", configure_anew)
    yield
    structlog.reset_defaults()


def pytest_itemcollected(item: pytest.Item) -> None:
    """`make test` runs those of the lab in docker/callbridge.yml beside those that have an Asterisk."""
    if "the_lab" in getattr(item, "fixturenames", ()):
        item.add_marker(pytest.mark.lab)
