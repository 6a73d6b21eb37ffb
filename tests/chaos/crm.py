"""The CRM that the fault suite's service tells: subscribed before the load, with an address that stays."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bridge.crm.formats.standard import new_secret
from tests.chaos.lab import Chaos
from tests.e2e.neighbours import gateway
from tests.e2e.parts import api_of
from tests.fakes.receivers.noting import Noting, noting

STEPPED_S = 7_200.0  # of a service whose clock is stepped, the CRM takes the timestamps all the same


@asynccontextmanager
async def crm(chaos: Chaos, *, own_clock: bool) -> AsyncIterator[Noting]:
    """The only one: what an earlier run told another one goes with that one."""
    secret = new_secret()
    async with noting(await gateway(chaos.lab), secret) as made:
        if own_clock:
            made.tolerance = STEPPED_S
        async with api_of(chaos.lab) as api:
            for one in (await api.get("/subscriptions"))["items"]:
                await api.order("DELETE", f"/subscriptions/{one['id']}")
            wanted = {"name": "crm", "format": "standard", "url": made.url, "secret": secret}
            await api.order("POST", "/subscriptions", wanted)
        yield made
