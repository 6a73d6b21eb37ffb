"""One lab for the whole run; after each test nothing of its calls may be left anywhere."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator

import pytest
from playwright.async_api import Browser

from tests.e2e import lab as labs
from tests.e2e.parts import Api, Lab, api_of, browser, eventually


@pytest.fixture(scope="session")
def the_lab() -> Iterator[Lab]:
    labs.down()  # what an interrupted run left
    lab = labs.up()
    yield lab
    if os.environ.get("CALLBRIDGE_KEEP_LAB") != "1":
        labs.down()


@pytest.fixture
async def lab(the_lab: Lab, request: pytest.FixtureRequest) -> AsyncIterator[Lab]:
    async for lab in checked(the_lab, request):
        yield lab


@pytest.fixture(scope="session")
def the_routing_lab() -> Iterator[Lab]:
    """A second lab, with the queues of routing.yml; a kept one is used again, with what has changed."""
    kept = os.environ.get("CALLBRIDGE_KEEP_LAB") == "1"
    if not kept:
        labs.down(labs.ROUTING)
    lab = labs.up(labs.ROUTING)
    if kept:  # what the strategies counted in an earlier run ends with the process
        asyncio.run(lab.restart_callbridge())
    yield lab
    if not kept:
        labs.down(labs.ROUTING)


@pytest.fixture
async def routing(the_routing_lab: Lab, request: pytest.FixtureRequest) -> AsyncIterator[Lab]:
    async with api_of(the_routing_lab) as api:
        await as_planned(api)
    async for lab in checked(the_routing_lab, request):
        yield lab


@pytest.fixture
async def api(lab: Lab) -> AsyncIterator[Api]:
    async with api_of(lab) as api:
        yield api


@pytest.fixture
async def centre(routing: Lab) -> AsyncIterator[Api]:
    """The API of the routing tests' lab."""
    async with api_of(routing) as api:
        yield api


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    async with browser() as chromium:
        yield chromium


async def checked(lab: Lab, request: pytest.FixtureRequest) -> AsyncIterator[Lab]:
    before = await temporary_files(lab)
    yield lab
    try:
        await nothing_is_left(lab, before)
    finally:
        for service in ("callbridge", "asterisk"):
            request.node.add_report_section("teardown", f"{service} log", await lab.log(service, 60))


async def as_planned(api: Api) -> None:
    """No agent is paused, logged out or lent to another queue by a test that failed."""
    for agent in (await api.get("/agents"))["items"]:
        if agent["state"] in ("paused", "wrap_up") or (agent["state"], agent["reason"]) == ("logged_out", ""):
            await api.order_agent(agent["id"], "ready")
    for queue in (await api.get("/queues"))["items"]:
        for member in queue["members"]:
            if member["penalty"] != member["planned_penalty"]:
                await api.order("POST", f"/agents/{member['agent']}/queues/{queue['name']}/restore")


async def temporary_files(lab: Lab) -> set[str]:
    find = "find /var/lib/callbridge/recordings/.incoming /tmp -type f"
    return set(
        (await lab.docker("exec", lab.containers["callbridge"], "sh", "-c", f"{find} || true")).split()
    )


async def nothing_is_left(lab: Lab, before: set[str]) -> None:
    """No channel, no bridge, no call on the floor, no order under way, no temporary file."""

    async def channels() -> str:
        return (await lab.asterisk("core show channels count")).splitlines()[0]

    async def bridges() -> list[str]:
        return (await lab.asterisk("bridge show all")).splitlines()[1:]

    async def spool() -> str:
        find = "find /var/spool/asterisk/recording -type f"
        return await lab.docker("exec", lab.containers["asterisk"], *find.split())

    await eventually(channels, lambda seen: seen.startswith("0 active"), 20)
    await eventually(bridges, lambda seen: not seen, 20)
    await eventually(lambda: temporary_files(lab), lambda seen: seen <= before, 20)
    await eventually(spool, lambda seen: not seen, 30)
    async with api_of(lab) as api:
        await eventually(lambda: api.all("/calls"), lambda calls: all(call["outcome"] for call in calls), 20)
        for agent in (await api.get("/agents"))["items"]:
            assert agent["call_id"] is None
