"""The API's call of an agent when it is known from AMI alone: what is asked of it is left to his phone."""

from dataclasses import replace

import pytest

from bridge.centre.facts import AgentWished, Wish
from bridge.centre.ids import CallId
from tests.integration.web.test_web_talks import ANNA, CALL, FITS, TRANSFER, ordered, refused, talks
from tests.integration.web.web_house import House, get


@pytest.mark.parametrize("steered", [True, False])
async def test_it_is_told_whether_anything_can_be_asked_of_it(house: House, *, steered: bool) -> None:
    client, token = await house.visitor(), await house.token("agents:read")
    talks(house, steered=steered)
    assert (await get(client, "/agents/1001/call", token))["steered"] is steered


@pytest.mark.parametrize(
    ("path", "body"),
    [
        *((CALL, {"do": wish.value}) for wish in FITS),
        (TRANSFER, {"agent": "1002"}),
        (TRANSFER, {"queue": "x"}),
    ],
)
async def test_a_call_that_is_not_steered_is_left_to_the_phone(
    house: House, path: str, body: dict[str, object]
) -> None:
    talks(house, steered=False)
    problem = await refused(house, path, body, 409)
    assert "not steered by Callbridge" in problem["detail"]
    assert "the phone's own keys" in problem["detail"]


async def test_of_a_call_on_each_line_the_steered_one_is_meant(house: House) -> None:
    talks(house)
    (_, his) = house.desk.view.calls
    other = replace(his, call=CallId("c3"), steered=False)
    for calls in ((his, other), (other, his)):
        house.desk.submitted.clear()
        house.desk.show(replace(house.desk.view, calls=calls))
        assert await ordered(house, CALL, {"do": "hold"}) == [AgentWished(ANNA, Wish.HOLD)]
