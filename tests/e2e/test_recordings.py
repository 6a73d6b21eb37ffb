"""What a recording has and what not, on the real Asterisk: pauses, consent, a queue that does not record."""

import asyncio
import os
import subprocess
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.parts import Api, Lab
from tests.e2e.scene import (
    AGENT_HZ,
    CLEAR,
    CLIENT_HZ,
    calls,
    ends_with,
    heard_by,
    number_of,
    prompt,
    ready,
    recorded,
    stranger,
    talking,
    ticket_of,
)
from tests.e2e.sound import Sound
from tests.e2e.test_transfers import ANNA, BORIS, Begin, Talk, begin

__all__ = ["begin"]  # a fixture
pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(240)]

FIRST, SECOND = "2001", "2002"
TOLD = number_of(33)
TALK_S, PAUSE_S = 2.0, 3.0
SURE_S = 0.8
RECORDED = "/var/spool/asterisk/recording"
DISK, BYTES_S = 200 * 1024, 32_000  # of both sides together


async def test_a_pause_is_silence_on_both_sides_and_goes_on_through_a_transfer(begin: Begin) -> None:
    talk = await begin(BORIS)
    await asyncio.sleep(TALK_S)
    await talk.wish(ANNA, "pause_recording")
    await talk.hear(client={ANNA}, a1001={"client"})  # they go on talking
    await talk.pass_on(ANNA, agent=BORIS)
    await talk.talks(BORIS)
    await talk.hear(client={BORIS}, a1002={"client"})
    await talk.wish(BORIS, "resume_recording")
    await asyncio.sleep(TALK_S + SURE_S)
    await talk.ends()
    await talk.recorded(ANNA, BORIS)  # the first second and the last
    (pause,) = (await talk.api.get(f"/calls/{talk.call}"))["pauses"]
    assert pause["by"] == pause["ended_by"] == "token secrets file"  # who has wished it
    assert pause["confirmed_at"] is not None
    # The recorder was begun anew for him, and may have written before it was muted: that is cut out.
    await is_silent(talk, pause, PAUSE_S, found=("silent", "cut"), sure=2.0)


async def test_a_pause_by_desk_phone(begin: Begin) -> None:
    talk = await begin()
    await asyncio.sleep(TALK_S)
    await talk.code(ANNA, "*76")
    await talk.hear(client={ANNA}, a1001={"client"})
    await talk.code(ANNA, "*77")
    await asyncio.sleep(TALK_S + SURE_S)
    await talk.ends()
    await talk.recorded(ANNA)
    (pause,) = (await talk.api.get(f"/calls/{talk.call}"))["pauses"]
    assert pause["by"] == pause["ended_by"] == f"agent {ANNA}"
    await is_silent(talk, pause, 1.0)


async def is_silent(
    talk: Talk,
    pause: dict[str, Any],
    least: float,
    *,
    found: tuple[str, ...] = ("silent",),
    sure: float = SURE_S,
) -> None:
    """About as long as it lasted, on both sides at once; and the keeper has looked."""
    (ticket,) = await talk.api.all("/tickets", call_id=talk.call)
    (known,) = (await talk.api.get(f"/tickets/{ticket['id']}"))["recordings"]
    recording = await talk.api.get(f"/recordings/{known['id']}")
    assert [one["found"] in found for one in recording["pauses"]] == [True], recording["pauses"]
    sound = await recorded(talk.api, {"id": talk.call})
    lasted = (moment(pause["ended_at"]) - moment(pause["begun_at"])).total_seconds()
    assert lasted > least
    for side in (0, 1):
        assert lasted - SURE_S < sound.longest_silence(side) < lasted + sure, side
    begun = gap(sound, talk.ears["client"].hz)
    assert abs(begun - gap(sound, talk.ears[ANNA].hz, 1)) < SURE_S


@pytest.fixture
def small_disk(lab: Lab) -> Iterator[None]:
    """Where Asterisk records there is room for some seconds; what is there afterwards is gone."""
    find = ("docker", "inspect", "--format", "{{.State.Pid}}", lab.containers["asterisk"])
    pid = subprocess.run(find, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    inside = ("nsenter", "--target", pid, "--mount")  # a container has no right to mount
    disk = ("-t", "tmpfs", "-o", f"size={DISK},mode=1777", "tmpfs", RECORDED)
    subprocess.run([*inside, "mount", *disk], check=True)
    yield
    subprocess.run([*inside, "umount", RECORDED], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give Asterisk a small disk")
@pytest.mark.usefixtures("small_disk")
async def test_the_disk_fills_while_it_is_recorded(lab: Lab, begin: Begin) -> None:
    """They talk on, also with the next one; what was written is kept, and that it is not all is told."""
    talk = await begin(BORIS)
    await asyncio.sleep(2 * DISK / BYTES_S)
    await talk.hear(client={ANNA}, a1001={"client"})
    await talk.pass_on(ANNA, agent=BORIS)
    await talk.talks(BORIS)
    await talk.hear(client={BORIS}, a1002={"client"})
    await talk.ends()
    sound = await recorded(talk.api, {"id": talk.call})
    assert 0.5 < sound.seconds / (DISK / BYTES_S) <= 1
    assert sound.level(0, talk.ears["client"].hz) > -26
    assert sound.level(1, talk.ears[ANNA].hz) > -26
    (told,) = [line for line in (await lab.log("callbridge", 200)).splitlines() if "lacks much" in line]
    assert f"{talk.call}-rec-1" in told


def gap(sound: Sound, hertz: int, side: int = 0) -> float:
    """Where its first long one is."""
    return next(at for at, length in sound.gaps(hertz, side) if length > 0.5)


def moment(at: str) -> datetime:
    return datetime.fromisoformat(at)


async def test_he_is_told_and_recorded_and_not_where_nobody_is(
    routing: Lab, centre: Api, tmp_path: Path
) -> None:
    """All of the announcement before anybody's phone rings; then into a queue that does not record."""
    number = stranger()
    async with (
        ready(routing, centre, [FIRST, SECOND], answer=0.1, tone=AGENT_HZ) as there,
        calls(routing, TOLD, number, tmp_path / "heard.wav") as client,
    ):
        assert await talking(centre, number) == FIRST
        since = time.monotonic()
        await asyncio.sleep(TALK_S)
        call = await centre.call_from(number)
        assert call is not None
        await centre.order("POST", f"/agents/{FIRST}/transfer", {"queue": "group", "attended": False})
        talked = time.monotonic() - since  # more than TALK_S where the machine is busy
        await there[SECOND].event("answered")
        await asyncio.sleep(TALK_S + 1)
        call = await ends_with(centre, there, SECOND, number)
        heard = await heard_by(client)
    words = await prompt(routing, "callbridge/call-recorded")
    assert heard.holds(words) > CLEAR
    assert heard.after(words).level(0, AGENT_HZ) > -26
    spoken = heard.channels.shape[1] - heard.after(words).channels.shape[1]
    before = Sound(heard.rate, heard.channels[:, : spoken - heard.rate // 4])
    assert before.level(0, AGENT_HZ) < -40  # nobody before it was over
    (recording,) = (await ticket_of(centre, call))["recordings"]
    sound = Sound.read(await centre.file(recording["url"]))
    assert TALK_S - 0.5 < sound.seconds < talked + 1.8  # not a word from the queue that does not record
    assert sound.level(0, CLIENT_HZ) > -26
    assert sound.level(1, AGENT_HZ) > -26
