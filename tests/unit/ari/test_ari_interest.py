"""The room's memory: it fits the engine's ports, and it does not grow for ever."""

import pytest

from bridge.ari import AriLink
from bridge.ari import interest as module
from bridge.ari.interest import Arrival, Interest
from bridge.centre.ids import CallId, LegId, agent_leg_id
from bridge.engine.ports import Media, RecordingFiles
from tests.fakes.inbox import FactInbox


def test_the_link_fits_its_ports() -> None:
    link = AriLink(
        url="http://asterisk:8088", username="a", password="b", app="callbridge", inbox=FactInbox()
    )
    media: Media = link
    files: RecordingFiles = link
    assert media is files
    assert (link.state.name, link.state.up) == ("ari", False)


async def test_ends_are_remembered_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_REMEMBERED_ENDS", 100)
    interest = Interest()
    for n in range(1000):
        call = CallId(f"1795430565.{n}")
        interest.begin_ring(agent_leg_id(call, 1))
        assert interest.clear(call).legs == (agent_leg_id(call, 1),)
    assert len(interest._ended) == 100
    assert interest._calls == {}
    assert interest.is_over(CallId("1795430565.999"))
    assert not interest.is_over(CallId("1795430565.1"))


async def test_wait_for_a_caller_who_is_gone_already() -> None:
    interest, call = Interest(), CallId("1795430565.1")
    interest.clear(call)
    assert await interest.expect(agent_leg_id(call, 1), LegId(call)) is Arrival.CALLER_GONE
    interest.forget(agent_leg_id(call, 1))
    assert interest._waits == {}
