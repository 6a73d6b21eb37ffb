"""A call that an agent wished: ARI tells all of it, and AMI's view of the same channels tells nothing."""

from dataclasses import replace

from bridge.ami import messages as m
from bridge.ami.translate import Translator
from bridge.centre.ids import agent_leg_id, wished_call_id
from tests.fakes.small_plan import plan

CALL = wished_call_id(1_764_000_000_000, 1)
DOWN, RINGING, UP = 0, 5, 6


def channel(uniqueid: str, name: str, number: str = "") -> m.Channel:
    return m.Channel(uniqueid, name, CALL, DOWN, number, "", "", "", "s")


CLIENT = channel(CALL, "PJSIP/lab-00000001")
AGENT = channel(agent_leg_id(CALL, 1), "PJSIP/1001-00000002", "1001")


def dialled(one: m.Channel) -> list[m.Message]:
    rings, up = replace(one, state=RINGING), replace(one, state=UP)
    return [
        m.DialBegin(None, one, "x"),
        m.Newstate(rings),
        m.DialState(None, rings, "RINGING"),
        m.Newstate(up),
        m.DialEnd(None, up, "ANSWER", ""),
    ]


def test_the_clients_channel_first_then_the_agents_then_both_together() -> None:
    both = [replace(one, state=UP) for one in (CLIENT, AGENT)]
    messages: list[m.Message] = [
        m.Newchannel(CLIENT),
        m.Newchannel(AGENT),
        *dialled(AGENT),
        *dialled(CLIENT),
        *(m.BridgeEnter(one, "talk", False) for one in both),
        *(m.Hangup(one, 16) for one in both),
    ]
    current = plan()
    made = Translator(lambda: current, lambda: {"lab"})
    assert [fact for message in messages for fact in made.take(message)] == []
