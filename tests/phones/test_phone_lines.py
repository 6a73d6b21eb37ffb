"""What a desk phone with two lines can do: phones that call each other, with nothing in between."""

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.hearing import TONES, Ear, hears, picture
from tests.e2e.parts import Program
from tests.e2e.sound import Sound

NAMES = ("ann", "bob", "cid")


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@dataclass
class Desk:
    """A phone, and where it is called."""

    ear: Ear
    uri: str

    async def do(self, do: str, **more: Any) -> None:
        await self.ear.program.do(do=do, **more)

    async def event(self, name: str, number: int = 1) -> dict[str, Any]:
        return await self.ear.program.event(name, number)

    def told(self, name: str, *fields: str) -> list[tuple[Any, ...]]:
        return [tuple(one[part] for part in fields) for one in self.ear.program.events_of(name)]


@dataclass
class Office:
    folder: Path
    desks: list[Desk] = field(default_factory=list)

    async def desk(self, *options: str) -> Desk:
        """The next one."""
        name, hertz, port = NAMES[len(self.desks)], TONES[len(self.desks)], free_port()
        file = self.folder / f"{name}.wav"
        given = ["--trunk", "--user", name, "--local-port", str(port), "--tone", str(hertz)]
        program = await Program.start(name, "phone.py", *given, "--record", str(file), *options)
        self.desks.append(Desk(Ear(name, program, hertz, file), f"sip:{name}@127.0.0.1:{port}"))
        await program.event("started")
        return self.desks[-1]

    async def hear(self, **expected: set[str]) -> None:
        found = await hears([desk.ear for desk in self.desks], 1.0)
        assert found == expected, f"\n{picture(expected, found)}"


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    office = Office(tmp_path)
    yield office
    await asyncio.gather(*(desk.ear.program.stop() for desk in office.desks))
    for desk in office.desks:
        assert not desk.told("error", "reason")


ANSWERS = ("--auto-answer", "0.1")


async def test_who_is_held_hears_nothing_and_the_recordings_keep_time(office: Office) -> None:
    ann, bob = await office.desk(), await office.desk(*ANSWERS)
    await ann.do("call", uri=bob.uri)
    await ann.event("answered")
    await office.hear(ann={"bob"}, bob={"ann"})
    await ann.do("hold")
    held = await ann.event("held")
    await office.hear(ann=set(), bob=set())
    await ann.do("unhold")
    unheld = await ann.event("unheld")
    await office.hear(ann={"bob"}, bob={"ann"})
    await ann.do("hangup")
    for here, there in ((ann, bob), (bob, ann)):
        sound = Sound.read(Path((await here.event("recorded"))["file"]).read_bytes())
        assert sound.level(0, there.ear.hz) == pytest.approx(
            -12.2, abs=1
        )  # else several of them are too loud
        start = (await here.event("media"))["mono"]
        (begin, length), *others = [gap for gap in sound.gaps(there.ear.hz) if gap[1] > 0.2 and gap[0] > 0.5]
        assert not others
        assert begin == pytest.approx(held["mono"] - start, abs=0.2)
        assert begin + length == pytest.approx(unheld["mono"] - start, abs=0.2)
        assert sound.seconds == pytest.approx((await here.event("ended"))["mono"] - start, abs=0.1)


async def test_a_muted_phone_hears_and_is_not_heard(office: Office) -> None:
    ann, bob = await office.desk(), await office.desk(*ANSWERS)
    await ann.do("mute")
    await ann.do("call", uri=bob.uri)
    await ann.event("answered")
    await office.hear(ann={"bob"}, bob=set())
    await ann.do("unmute")
    await ann.event("unmuted")
    await office.hear(ann={"bob"}, bob={"ann"})


async def test_two_lines_hear_one_phone_and_not_each_other(office: Office) -> None:
    ann, bob, cid = await office.desk("--lines", "2"), await office.desk(*ANSWERS), await office.desk()
    await ann.do("call", uri=bob.uri)
    await ann.event("answered")
    await cid.do("call", uri=ann.uri)
    assert (await ann.event("incoming"))["line"] == 2
    await ann.do("hold")
    await ann.event("held")
    await ann.do("answer", line=2)
    await cid.event("answered")
    await office.hear(ann={"cid"}, bob=set(), cid={"ann"})
    await ann.do("hold", line=2)
    await ann.event("held", 2)
    await ann.do("unhold")
    await ann.event("unheld")
    await office.hear(ann={"bob"}, bob={"ann"}, cid=set())
    await ann.do("unhold", line=2)
    await ann.event("unheld", 2)
    await office.hear(ann={"bob", "cid"}, bob={"ann"}, cid={"ann"})
    await cid.do("hangup")
    await ann.event("recorded")
    await office.hear(ann={"bob"}, bob={"ann"}, cid=set())
    assert ann.told("held", "line") == [(1,), (2,)]
    assert ann.told("recorded", "line", "file") == [(2, str(ann.ear.file.with_stem("ann-2")))]


async def test_without_a_second_line_it_is_busy(office: Office) -> None:
    ann, bob, cid = await office.desk(), await office.desk(*ANSWERS), await office.desk()
    await ann.do("call", uri=bob.uri)
    await ann.event("answered")
    await cid.do("call", uri=ann.uri)
    assert (await cid.event("ended"))["code"] == 486
    assert (await ann.event("ended"))["line"] == 0
    assert ann.told("incoming", "busy", "line") == [(True, 0)]
    await office.hear(ann={"bob"}, bob={"ann"}, cid=set())


async def test_a_blind_transfer_connects_the_two_others(office: Office) -> None:
    ann, bob, cid = await office.desk(), await office.desk(*ANSWERS), await office.desk(*ANSWERS)
    await ann.do("call", uri=bob.uri)
    await ann.event("answered")
    await ann.do("refer", to=cid.uri)
    await ann.event("ended")
    await cid.event("answered")
    await office.hear(ann=set(), bob={"cid"}, cid={"bob"})
    assert ann.told("refer_answered", "code", "line") == [(202, 1)]
    statuses = ann.told("refer_status", "code", "reason", "final")
    assert statuses[0] == (100, "Trying", False)
    assert statuses[-1] == (200, "OK", True)


async def test_a_transfer_to_somebody_busy_fails_and_the_call_goes_on(office: Office) -> None:
    ann, bob, cid = await office.desk(), await office.desk(*ANSWERS), await office.desk()
    await ann.do("call", uri=bob.uri)
    await ann.event("answered")
    await ann.do("refer", to=cid.uri)
    await cid.event("incoming")
    await cid.do("reject")
    await bob.event("ended")
    await office.hear(ann={"bob"}, bob={"ann"}, cid=set())
    assert ann.told("refer_status", "code", "final")[-1] == (486, True)
    await bob.do("hangup")  # his line is the former call's again
    await ann.event("ended")


async def test_an_attended_transfer_connects_the_two_others(office: Office) -> None:
    ann, bob, cid = await office.desk(), await office.desk(*ANSWERS), await office.desk(*ANSWERS)
    await ann.do("call", uri=bob.uri)
    await ann.event("answered")
    await ann.do("hold")
    await ann.event("held")
    await ann.do("call", uri=cid.uri, line=2)
    await ann.event("answered", 2)
    await office.hear(ann={"cid"}, bob=set(), cid={"ann"})
    await ann.do("refer_replaces", line=1, other=2)
    await ann.event("ended", 2)
    await bob.event("answered", 2)
    await office.hear(ann=set(), bob={"cid"}, cid={"bob"})
    assert ann.told("refer_answered", "code", "line") == [(202, 1)]
    assert ann.told("refer_status", "code", "line", "final")[-1] == (200, 1, True)
    assert cid.told("replaced", "line") == [(1,)]


async def test_a_transferring_phone_may_stay(office: Office) -> None:
    ann, bob, cid = await office.desk(), await office.desk(*ANSWERS), await office.desk(*ANSWERS)
    await ann.do("call", uri=bob.uri)
    await ann.event("answered")
    await ann.do("refer", to=cid.uri, stay=True)
    await cid.event("answered")
    await office.hear(ann={"bob"}, bob={"ann", "cid"}, cid={"bob"})
    await ann.do("hangup")
    await bob.event("ended")
    await office.hear(ann=set(), bob={"cid"}, cid={"bob"})
