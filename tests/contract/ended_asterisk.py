"""A real Asterisk whose dialplan writes down what ended: rendered contexts, native queue, manager users."""

import asyncio
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bridge.ari.rest import Rest
from bridge.centre.ids import Endpoint
from bridge.config import Secrets, load, render
from tests.contract import asterisk_container
from tests.contract.asterisk_container import AsteriskContainer
from tests.unit.config.examples import LAB

NUMBER, TRUNK, CLIENT = "+74950000002", "phones", "+79161234567"
MEMBER = Endpoint("PJSIP/2001")

_USER = """
secret = right
permit = 0.0.0.0/0.0.0.0
read = call,system,agent,user
"""
_MANAGER = f"""
[general]
enabled = yes
bindaddr = 0.0.0.0
port = 5038
timestampevents = yes
channelvars = CALLBRIDGE_PRESENTATION,CALLBRIDGE_ARRIVED

[callbridge]{_USER}
write = system,reporting,agent

[reporting]{_USER}
write = reporting

[agent]{_USER}
write = agent
"""
_QUEUES = f"""
[support]
strategy = ringall
setinterfacevar = yes
member => {MEMBER}
"""
# A phone that always answers, over SIP.
_PHONE = """
[2001]
type = endpoint
context = probe
disallow = all
allow = alaw
aors = 2001

[2001]
type = aor
contact = sip:answers@127.0.0.1:5060
"""
# In front of [phones]' own extensions: a client's channel is a real PJSIP one.
_CALLS = f"""
[phones](+)
exten => {NUMBER},1,Set(CALLBRIDGE_TRUNK={TRUNK})
 same => n,Gosub(callbridge-arrival,s,1(${{EXTEN}}))
 same => n,Goto(${{CALLERID(name)}},1)
exten => short,1,Hangup(17)
exten => waits,1,Answer()
 same => n,Wait(60)
exten => queue,1,Answer()
 same => n,Set(CALLBRIDGE_QUEUED=support)
 same => n,Queue(support,,,,30)
exten => abandons,1,Answer()
 same => n,Set(CALLBRIDGE_QUEUED=support)
 same => n,Wait(60)
exten => app,1,Stasis({asterisk_container.APP},inbound,{NUMBER},${{CALLBRIDGE_TRUNK}},allowed)
 same => n,Hangup()

"""

_RELOADS = (
    "module reload manager",
    "module reload res_pjsip.so",
    "dialplan reload",
    "module load app_queue.so",
)


def docker(*arguments: str) -> str:
    path = shutil.which("docker")
    assert path is not None
    return subprocess.run([path, *arguments], check=True, capture_output=True, text=True, timeout=60).stdout


@dataclass(frozen=True, slots=True)
class Real:
    container: AsteriskContainer
    host: str

    async def cli(self, command: str) -> str:
        asterisk = ("asterisk", "-C", "/callbridge-contract/asterisk.conf", "-rx", command)
        return await asyncio.to_thread(docker, "exec", self.container.name, *asterisk)

    async def rows(self) -> dict[str, str]:
        """Channel → value, as Asterisk's own console shows them."""
        shown = await self.cli("database show callbridge-ended")
        found = re.findall(r"^/callbridge-ended/(\S+)\s*: (.*?)\s*$", shown, re.MULTILINE)
        return {key.partition("/")[2]: value for key, value in found}

    async def shows(self, pattern: str) -> None:
        """Until a channel is listed so."""
        async with asyncio.timeout(10):
            while re.search(pattern, await self.cli("core show channels")) is None:
                await asyncio.sleep(0.05)

    async def call(self, rest: Rest, does: str, channel_id: str) -> None:
        """A client's phone calls from outside, over SIP; what the dialplan does is in his name."""
        query = {
            "endpoint": f"PJSIP/phones/sip:{NUMBER}@127.0.0.1:5060",
            "callerId": f"{does} <{CLIENT}>",
            "context": "probe",
            "extension": "wait",
            "priority": "1",
            "channelId": channel_id,
        }
        await rest.call("channels.originate", query=query)


def _contexts(extensions: Path) -> str:
    """The two contexts as they are rendered."""
    text = extensions.read_text(encoding="utf-8")
    parts = re.split(r"^(?=\[)", text, flags=re.MULTILINE)
    ours = [part for part in parts if part.startswith(("[callbridge-arrival]", "[callbridge-ended]"))]
    assert len(ours) == 2
    return "\n".join(ours)


@contextmanager
def started(directory: Path, etc: Path) -> Iterator[Real]:
    """``directory`` and ``etc`` are empty ones, for what is rendered and for what Asterisk gets."""
    settings = load(LAB, {})
    render(settings, Secrets.load_or_create(directory / "secrets.env", settings), directory / "etc")
    container = asterisk_container.start(etc)
    try:
        extensions = (etc / "extensions.conf").read_text(encoding="utf-8")
        given = {
            "pjsip.conf": (etc / "pjsip.conf").read_text(encoding="utf-8") + _PHONE,
            "manager.conf": _MANAGER,
            "queues.conf": _QUEUES,
            "extensions.conf": extensions + _CALLS + _contexts(directory / "etc" / "extensions.conf"),
        }
        for file, content in given.items():
            (etc / file).write_text(content.lstrip(), encoding="utf-8")
        docker("cp", f"{etc}/.", f"{container.name}:/callbridge-contract")
        asterisk = ("exec", container.name, "asterisk", "-C", "/callbridge-contract/asterisk.conf", "-rx")
        for command in _RELOADS:
            docker(*asterisk, command)
        yield Real(container, urlsplit(container.url).hostname or "")
    finally:
        container.stop()
