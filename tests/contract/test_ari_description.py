"""models.py, and every request that we send, against the description that a real Asterisk gives of itself."""

import re
from pathlib import Path

import pytest

import bridge.ari
from bridge.ari.description import Description, from_asterisk
from bridge.ari.generate import is_current, render
from tests.contract.asterisk_container import PASSWORD, USERNAME, AsteriskContainer

pytestmark = pytest.mark.asterisk

_SENT = re.compile(
    r'"((?:applications|asterisk|bridges|channels|events|playbacks|recordings)\.[a-z][A-Za-z]+)"'
)


@pytest.fixture
async def description(container: AsteriskContainer) -> Description:
    return await from_asterisk(container.url.replace("://", f"://{USERNAME}:{PASSWORD}@") + "/ari")


async def test_models_are_current(description: Description) -> None:
    assert is_current(render(description)), "run python -m bridge.ari.generate as its header says"


async def test_every_operation_that_we_send_exists(description: Description) -> None:
    folder = Path(bridge.ari.__file__).parent
    sent = {
        operation
        for file in folder.glob("*.py")
        if file.name != "models.py"
        for operation in _SENT.findall(file.read_text(encoding="utf-8"))
    }
    assert len(sent) > 15
    assert sent <= {one.key for one in description.operations}
