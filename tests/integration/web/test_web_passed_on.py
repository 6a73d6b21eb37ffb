"""How often a client has been passed on, and when that is worth a warning: by API and on the page."""

from dataclasses import replace

import pytest

from bridge.centre.ids import AgentId
from bridge.centre.record import TransferEnd, TransferKind, TransferRecord
from bridge.engine.ports import LiveParty
from bridge.web.talks import times_passed_on
from tests.integration.web.test_web_talks import ANNA, BORIS, VERA, passed_on, talks
from tests.integration.web.web_house import T0, House, get


async def test_a_client_who_was_passed_on_twice_is_worth_a_warning(house: House) -> None:
    client, token = await house.visitor(), await house.token("agents:read")
    anna = await house.sign_in("1001")
    for count, warned in ((1, False), (2, True), (3, True)):
        talks(
            house,
            transfers=tuple(passed_on(number + 1, end=TransferEnd.COMPLETED) for number in range(count)),
        )
        told = await get(client, "/agents/1001/call", token)
        assert (told["many_transfers"], told["transfers"][0]["end"]) == (warned, "completed")
        warning = f"This client has been passed on {count} times already."
        assert (warning in await (await anna.get("/")).text()) is warned


async def test_only_those_count_by_which_he_came_to_somebody_else(house: House) -> None:
    client, token = await house.visitor(), await house.token("agents:read")
    anna = await house.sign_in("1001")
    over = replace(passed_on(1, end=TransferEnd.COMPLETED), kind=TransferKind.TAKE_OVER)
    none = (over, over, *(passed_on(1, end=end) for end in TransferEnd if end is not TransferEnd.COMPLETED))
    done = passed_on(1, end=TransferEnd.COMPLETED)
    for transfers, warned in (
        (none, False),
        ((done, *none), False),
        ((done, passed_on(2)), False),  # the second is under way
        ((done, *none, done, passed_on(3)), True),
    ):
        talks(house, transfers=transfers)
        assert (await get(client, "/agents/1001/call", token))["many_transfers"] is warned
        html = await (await anna.get("/")).text()
        assert ("This client has been passed on 2 times already." in html) is warned


@pytest.mark.parametrize(
    ("there", "later", "warned"),
    [
        ((BORIS,), (), True),
        ((ANNA, BORIS), (), False),  # all three talk
        ((ANNA,), (), False),  # it is the other one who has left
        ((VERA,), (), False),  # a supervisor has him by now
        ((VERA,), (passed_on(3, by=BORIS, end=TransferEnd.COMPLETED, to=VERA),), True),
        ((ANNA, BORIS), (passed_on(3, by=BORIS),), True),  # who asks her back; until then he was Boris's
        ((ANNA, BORIS), (passed_on(3, end=TransferEnd.GIVEN_UP),), False),
    ],
)
async def test_a_conference_counts_once_it_is_left_to_the_other_one(
    house: House, there: tuple[AgentId, ...], later: tuple[TransferRecord, ...], *, warned: bool
) -> None:
    client, token = await house.visitor(), await house.token("agents:read")
    first = passed_on(1, by=VERA, end=TransferEnd.COMPLETED, to=ANNA)
    all_three = passed_on(2, end=TransferEnd.CONFERENCE, to=BORIS)
    parties = tuple(LiveParty(agent, "talk", T0) for agent in there)
    talks(house, *parties, transfers=(first, all_three, *later))
    told = await get(client, f"/agents/{there[0]}/call", token)
    assert told["many_transfers"] is warned


async def test_a_conference_that_is_left_to_a_number_outside_counts(house: House) -> None:
    all_three = passed_on(1, target="number +74951112233", end=TransferEnd.CONFERENCE)
    for parties, times in (
        ((LiveParty(None, "talk", T0),), 1),
        ((LiveParty(ANNA, "conference", T0), LiveParty(None, "conference", T0)), 0),
        ((LiveParty(ANNA, "talk", T0),), 0),
    ):
        talks(house, *parties, transfers=(all_three,))
        assert times_passed_on(house.desk.view.calls[1]) == times
