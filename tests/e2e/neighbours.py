"""Servers on this machine that the lab's Callbridge may reach: CRMs that are told, directories it asks.

They listen at this machine's address in the lab's network. That address is named under ``outside.allow`` of
the lab's file while a test needs it, and not in docker/callbridge.yml, which people copy.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.e2e.parts import Api, Lab, eventually

_TAKEN = "configuration taken"
# Not `docker kill`: the engine would take it for a wish to end, and start nothing again after a crash.
_RELOAD = "kill -HUP $(cat /proc/1/task/1/children)"


@asynccontextmanager
async def neighbours(lab: Lab, more: str = "") -> AsyncIterator[str]:
    """The address to listen at. ``more``: YAML for the end of the lab's file, with {host} in it."""
    host = await gateway(lab)
    before = lab.config.read_text()
    await _take(lab, f'{before}\noutside: {{allow: ["{host}"]}}\n{more.replace("{host}", host)}')
    try:
        yield host
    finally:
        await _take(lab, before)


@asynccontextmanager
async def told(
    api: Api, name: str, url: str, secret: str, format: str = "standard", **options: str
) -> AsyncIterator[int]:
    """A receiver that is told everything, meanwhile."""
    body = {"name": name, "format": format, "url": url, "secret": secret, "options": options}
    made = await api.order("POST", "/subscriptions", body)
    try:
        yield made["id"]
    finally:
        await api.order("DELETE", f"/subscriptions/{made['id']}")


async def gateway(lab: Lab) -> str:
    """This machine's address in the lab's network."""
    template = "{{range .NetworkSettings.Networks}}{{.Gateway}}{{end}}"
    return (await lab.docker("inspect", "-f", template, lab.containers["callbridge"])).strip()


async def _take(lab: Lab, text: str) -> None:
    """Until Callbridge has this configuration. In place: the container has the file, not its folder."""

    async def taken() -> int:
        return (await lab.log("callbridge", 2000)).count(_TAKEN)

    before = await taken()
    lab.config.write_text(text)
    await lab.docker("exec", lab.containers["callbridge"], "sh", "-c", _RELOAD)
    await eventually(taken, lambda seen: seen > before)
