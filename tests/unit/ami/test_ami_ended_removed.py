"""Rows of ended channels are removed when nobody needs them any more, and not before."""

import asyncio

import pytest
from structlog.testing import capture_logs

from bridge.ami.ended import Upkeep
from bridge.centre.facts import CallMissed
from tests.unit.ami.ends import CALL, PLACE, QUICK_UPKEEP, SERVED, TICKING, DatedInbox, hangup, linked
from tests.unit.ami.fake_ami import FakeAmi, fake_ami, until


def removed(fake: FakeAmi) -> list[str]:
    return [action["key"] for action in fake.of("DBDelTree")]


async def test_what_was_told_is_removed_once_nothing_more_comes() -> None:
    async with fake_ami() as fake:
        fake.database = {f"{PLACE}{CALL}": SERVED, "/registrar/contact/1": "x"}
        inbox = DatedInbox()
        async with linked(fake, inbox, timing=TICKING, upkeep=QUICK_UPKEEP):
            await inbox.wait(CallMissed)
            await until(lambda: removed(fake))
    assert removed(fake) == ["17954765"]
    assert list(fake.database) == ["/registrar/contact/1"]


async def test_what_ended_while_we_listened_is_removed_as_well_also_where_two_buckets_meet() -> None:
    async with fake_ami() as fake, linked(fake, DatedInbox(), timing=TICKING, upkeep=QUICK_UPKEEP) as ami:
        await ami.ended(5)
        fake.database = {f"{PLACE}{CALL}": SERVED}  # written at 99.998 s, heard at 00.001
        await fake.send(hangup(CALL, "1795476600.001"))
        await until(lambda: len(removed(fake)) == 2)
    assert fake.database == {}


async def test_nothing_is_removed_while_more_may_come() -> None:
    async with fake_ami() as fake:
        fake.database = {f"{PLACE}{CALL}": SERVED}
        patient = Upkeep(every=0.01, settled=60)
        inbox = DatedInbox()
        async with linked(fake, inbox, timing=TICKING, upkeep=patient):
            await inbox.wait(CallMissed)
            await asyncio.sleep(0.2)
    assert removed(fake) == []


async def test_a_list_that_never_came_is_asked_for_again_and_nothing_is_removed_before() -> None:
    async with fake_ami() as fake:
        fake.database = {f"{PLACE}{CALL}": SERVED}
        fake.refusals["DBGetTree"] = "Too busy"
        inbox = DatedInbox()
        async with linked(fake, inbox, timing=TICKING, upkeep=QUICK_UPKEEP):
            await until(lambda: len(fake.of("DBGetTree")) > 4)
            assert removed(fake) == []
            assert inbox.of(CallMissed) == []
            del fake.refusals["DBGetTree"]
            await inbox.wait(CallMissed)
            await until(lambda: removed(fake))
    assert len(inbox.of(CallMissed)) == 1


async def test_nothing_is_removed_while_somebody_will_ask_for_it() -> None:
    """ARI is away: when it is back, ends are asked for that AMI has long heard."""
    needed = True
    async with fake_ami() as fake:
        fake.database = {f"{PLACE}{CALL}": SERVED}
        inbox = DatedInbox()
        async with linked(
            fake, inbox, timing=TICKING, upkeep=QUICK_UPKEEP, ends_needed=lambda: needed
        ) as ami:
            await inbox.wait(CallMissed)
            await asyncio.sleep(0.2)
            assert removed(fake) == []
            assert list(await ami.ended(5)) == [CALL]
            needed = False
            await until(lambda: removed(fake))
    assert fake.database == {}


async def test_a_row_that_came_in_a_gap_is_listed_before_its_bucket_goes() -> None:
    async with fake_ami() as fake:
        inbox = DatedInbox()
        async with linked(fake, inbox, timing=TICKING, upkeep=Upkeep(every=0.01, settled=0.3)) as ami:
            await ami.ended(5)
            await fake.send(hangup("1795476540.1"))
            fake.password = "not now"
            fake.hang_up()
            await asyncio.sleep(0.4)
            fake.database = {f"{PLACE}{CALL}": SERVED}
            fake.password = "right"
            await inbox.wait(CallMissed, call=CALL)
            await until(lambda: removed(fake))
    assert fake.database == {}


@pytest.mark.parametrize("timestamp", ["", "yesterday", "12.5", "١٧٩٥٤٧٦٥٤٥.0"])
async def test_an_asterisk_that_gives_no_times_keeps_its_rows_until_the_next_login(timestamp: str) -> None:
    async with fake_ami() as fake, linked(fake, DatedInbox(), timing=TICKING, upkeep=QUICK_UPKEEP) as ami:
        await ami.ended(5)
        await fake.send(hangup(CALL, timestamp))
        await asyncio.sleep(0.15)
    assert removed(fake) == []


async def test_a_removal_that_is_refused_is_tried_again() -> None:
    async with fake_ami() as fake:
        fake.database = {f"{PLACE}{CALL}": SERVED}
        fake.refusals["DBDelTree"] = "Permission denied"
        async with linked(fake, DatedInbox(), timing=TICKING, upkeep=QUICK_UPKEEP):
            await until(lambda: len(removed(fake)) > 1)
            fake.refusals.clear()
            await until(lambda: not fake.database)


async def test_a_bucket_in_which_calls_still_end_stays() -> None:
    async with fake_ami() as fake:
        fake.database = {f"{PLACE}{CALL}": SERVED}
        upkeep = Upkeep(every=0.01, settled=0.3)
        async with linked(fake, DatedInbox(), timing=TICKING, upkeep=upkeep) as ami:
            await ami.ended(5)
            for number in range(10):
                await fake.send(hangup(f"1.{number}"))
                await asyncio.sleep(0.06)
            assert removed(fake) == []
            await until(lambda: removed(fake))


async def test_a_bad_row_does_not_keep_its_bucket_nor_others() -> None:
    async with fake_ami() as fake:
        fake.database = {f"{PLACE}{CALL}": "call|nonsense", "/callbridge-ended/nonsense": SERVED}
        async with linked(fake, DatedInbox(), timing=TICKING, upkeep=QUICK_UPKEEP):
            await until(lambda: removed(fake))
            await asyncio.sleep(0.1)
    assert removed(fake) == ["17954765"]


async def test_a_bucket_that_somebody_else_removed_is_done_with() -> None:
    async with fake_ami() as fake:
        with capture_logs() as logs:
            async with linked(fake, DatedInbox(), timing=TICKING, upkeep=QUICK_UPKEEP) as ami:
                await ami.ended(5)
                await fake.send(hangup(CALL))  # its row is not there
                await until(lambda: removed(fake))
                await asyncio.sleep(0.1)
    assert removed(fake) == ["17954765"]
    assert not [log for log in logs if log["event"].startswith("rows of ended calls not removed")]


async def test_a_removal_without_an_answer_and_a_lost_link_do_not_end_the_adapter() -> None:
    async with fake_ami() as fake:
        fake.database = {f"{PLACE}{CALL}": SERVED}
        fake.silent = {"DBDelTree"}
        async with linked(fake, DatedInbox(), timing=TICKING, upkeep=QUICK_UPKEEP) as ami:
            await until(lambda: removed(fake))
            fake.hang_up()
            await until(lambda: fake.logins == 2)
            fake.silent.clear()
            await until(lambda: not fake.database)
            assert ami.state.up


async def test_what_was_removed_is_not_told_again_after_a_reconnect() -> None:
    async with fake_ami() as fake:
        fake.database = {f"{PLACE}{CALL}": SERVED}
        inbox = DatedInbox()
        async with linked(fake, inbox, timing=TICKING, upkeep=QUICK_UPKEEP) as ami:
            await until(lambda: removed(fake) and not fake.database)
            fake.hang_up()
            await until(lambda: fake.logins == 2)
            assert await ami.ended(5) == {}
    assert len(inbox.of(CallMissed)) == 1
