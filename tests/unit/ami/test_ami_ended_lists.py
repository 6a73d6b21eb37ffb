"""The list of rows as it comes: its limits, its order against its reply, sessions that are lost meanwhile."""

import asyncio
from collections.abc import Callable

import pytest

from bridge.ami import ended
from bridge.ami.ended import Ended
from bridge.ami.headers import Headers, read
from bridge.ami.messages import DatabaseRow, DatabaseRowsComplete
from bridge.centre.facts import CallMissed
from bridge.errors import LinkDown
from tests.unit.ami.ends import CALL, PLACE, SERVED, DatedInbox, linked
from tests.unit.ami.fake_ami import fake_ami, until


class Asked:
    """Answers as Asterisk does; ``early``: the whole list is handled before whoever asked goes on."""

    def __init__(self, rows: dict[str, str], *, early: bool = False) -> None:
        self.ended = Ended(self.ask)
        self.lists: list[str] = []
        self.missed: list[str] = []
        self._rows, self._early = rows, early

    async def ask(self, action: str, **headers: str) -> Headers:
        assert action == "DBGetTree"
        self.lists.append(headers["ActionID"])
        if self._early:
            self.come()
        return {"response": "Success"}

    async def logged_in(self) -> None:
        await self.ended.logged_in()
        if not self._early:
            self.come()
        assert self.missed == [], "before the channels are listed nobody knows who is followed"
        await self.ended.channels_listed()

    def come(self, list_id: str = "") -> None:
        for key, value in self._rows.items():
            assert self.ended.take(DatabaseRow(list_id or self.lists[-1], f"{PLACE}{key}", value)) is None
        rows = self.ended.take(DatabaseRowsComplete(list_id or self.lists[-1]))
        self.missed += rows or ()


async def test_a_list_that_is_handled_before_its_reply_is_not_lost() -> None:
    asked = Asked({CALL: SERVED}, early=True)
    await asked.logged_in()
    assert asked.missed == [CALL]
    assert list(await asked.ended.read(1)) == [CALL]
    assert asked.missed == [CALL]


async def test_a_list_ends_at_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ended, "_MOST_ROWS", 3)
    asked = Asked({f"1.{number}": SERVED for number in range(5)})
    await asked.logged_in()
    asked.come()
    assert asked.missed == ["1.0", "1.1", "1.2"]


async def test_lists_of_others_and_of_an_earlier_session_are_nothing_to_us() -> None:
    asked = Asked({CALL: SERVED})
    await asked.logged_in()
    asked.come("somebody-elses")
    asked.ended.lost()
    await asked.logged_in()
    asked.come(asked.lists[1])
    assert asked.missed == []
    asked.come()
    asked.come()
    assert asked.missed == [CALL]
    assert list(asked.ended.rows) == [CALL]


@pytest.mark.parametrize("followed", [True, False])
async def test_who_came_before_the_login_and_left_before_the_channels_were_listed(followed: bool) -> None:
    asked = Asked({})
    await asked.logged_in()
    left = read(
        {"event": "Hangup", "uniqueid": CALL, "linkedid": CALL, "channel": "PJSIP/lab-1", "cause": "16"}
    )
    assert left is not None
    asked.ended.take(left, "1795476545.043", followed=followed)
    asked._rows = {CALL: SERVED}
    asked.come()
    assert asked.missed == ([] if followed else [CALL])


async def test_who_reads_when_the_session_is_lost_does_not_wait_for_nothing() -> None:
    asked = Asked({CALL: SERVED})
    await asked.ended.logged_in()
    asked.come()
    reading = asyncio.create_task(asked.ended.read(60))
    await asyncio.sleep(0)
    assert len(asked.lists) == 2
    asked.ended.lost()
    async with asyncio.timeout(5):
        await reading


async def test_who_reads_after_the_session_was_lost_waits_for_the_next() -> None:
    asked = Asked({CALL: SERVED})
    await asked.ended.logged_in()
    asked.come()
    asked.ended.lost()
    reading = asyncio.create_task(asked.ended.read(60))
    await asyncio.sleep(0)
    assert len(asked.lists) == 1
    await asked.ended.logged_in()
    asked.come()
    await until(lambda: len(asked.lists) == 3)
    asked.come()
    assert list(await reading) == [CALL]


async def test_a_link_that_is_lost_at_the_question_ends_the_session_and_not_the_reader() -> None:
    async def ask(action: str, **_: str) -> Headers:
        raise LinkDown(action)

    gone = Ended(ask)
    with pytest.raises(LinkDown):
        await gone.logged_in()
    gone._listed.set()
    assert await gone.read(1) == {}


async def test_a_session_lost_in_the_middle_of_a_list_tells_it_in_the_next() -> None:
    async with fake_ami() as fake:
        fake.database = {f"{PLACE}{CALL}": SERVED}
        fake.cut_lists = True
        inbox = DatedInbox()
        async with linked(fake, inbox) as ami:
            await until(lambda: fake.of("CoreShowChannels"))
            fake.cut_lists = False
            fake.hang_up()
            assert list(await ami.ended(10)) == [CALL]
            await inbox.wait(CallMissed)
    assert len(inbox.of(CallMissed)) == 1


async def test_rows_that_come_in_small_pieces() -> None:
    async with fake_ami() as fake:
        fake.piece = 7
        fake.database = {f"{PLACE}1.{number}": SERVED for number in range(20)}
        inbox = DatedInbox()
        async with linked(fake, inbox) as ami:
            assert len(await ami.ended(10)) == 20
            await until(lambda: len(inbox.of(CallMissed)) == 20)
    assert len({fact.call for fact in inbox.of(CallMissed)}) == 20


def _ends(seconds: int) -> str:
    return SERVED.replace("1795476545.043", f"17954765{seconds}.043")


@pytest.mark.parametrize("order", [sorted, lambda numbers: sorted(numbers, reverse=True)])
async def test_missed_calls_are_told_in_the_order_of_their_ends(order: Callable[[range], list[int]]) -> None:
    async with fake_ami() as fake:
        fake.database = {f"{PLACE}1.{number}": _ends(number) for number in order(range(50, 60))}
        inbox = DatedInbox()
        async with linked(fake, inbox):
            await until(lambda: len(inbox.of(CallMissed)) == 10)
    assert [fact.call for fact in inbox.of(CallMissed)] == [f"1.{number}" for number in range(50, 60)]
