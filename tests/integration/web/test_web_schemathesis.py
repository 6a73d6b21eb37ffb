"""The API as its document describes it, tried by schemathesis over loopback: valid data, wrong ones, chains.

Each run tries the same. ``SCHEMATHESIS_EXAMPLES=200`` tries each operation that often; see `make fuzz`.
"""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from bridge.web import limits
from tests.integration.web.web_house import GENEROUS, House
from tests.integration.web.web_samples import add_client, add_offers, add_ticket, busy_floor, record

HERE = Path(__file__).parent
EXAMPLES = os.environ.get("SCHEMATHESIS_EXAMPLES", "6")


@pytest.mark.timeout(600)
async def test_the_api_keeps_what_its_document_promises(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "_FAILURES", GENEROUS)  # it asks without a token again and again
    who = await add_client(house.store, "Мария", "+79161234567")
    call = record("past", client=who, answered=True, ended=True)
    await add_ticket(house, call)
    await add_offers(house, call)
    house.desk.show(busy_floor(call.offered_at))
    token = (await house.token("*"))["Authorization"].removeprefix("Bearer ")
    tried = await asyncio.create_subprocess_exec(
        *(str(Path(sys.executable).with_name("schemathesis")), "--no-color"),
        *("--config-file", str(HERE / "schemathesis.toml")),
        *("run", str(house.server.make_url("/api/v1/openapi.json"))),
        *("--max-examples", EXAMPLES),
        cwd=tmp_path,
        env={
            **os.environ,
            "CALLBRIDGE_TOKEN": token,
            "CALLBRIDGE_HOOKS": str(HERE / "schemathesis_hooks.py"),
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await tried.communicate()
    print(said.decode())  # with -s, or where it failed: what was tried, and how to try it again
    assert tried.returncode == 0
