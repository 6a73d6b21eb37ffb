"""Typed identifiers, and the rule by which every id that we create is derived from its call's.

A call's id is the Asterisk ``Uniqueid`` of the client's first channel: ARI calls the same value the
channel's ``id``, AMI calls it ``Uniqueid``, so both sides agree on it before they have spoken. Of a call
that an agent wishes we choose it, and the client's channel is made with it. All other
ids are that id plus a suffix, unique for ever, so that an order sent twice is harmless.
"""

import re
from typing import NewType

CallId = NewType("CallId", str)
LegId = NewType("LegId", str)  # = ARI channel id = AMI Uniqueid
AgentId = NewType("AgentId", str)  # "1001"
Endpoint = NewType("Endpoint", str)  # "PJSIP/1001"
QueueName = NewType("QueueName", str)
MenuName = NewType("MenuName", str)
PromptId = NewType("PromptId", str)  # = ARI playback id
RecordingId = NewType("RecordingId", str)
ConversationId = NewType("ConversationId", str)  # = ARI id of a mixing bridge
ClientId = NewType("ClientId", int)
TicketId = NewType("TicketId", int)
Skill = NewType("Skill", str)

_DERIVED = re.compile(
    r"^(?P<call>.+?)-(?:agent|out|phone|watcher|prompt|rec|consult|watch)-\d+$|^(?P<call2>.+?)-talk$"
)
# Milliseconds, where Asterisk's own ids have seconds: none of these can be one of its own.
_WISHED = re.compile(r"callbridge-\d{13,}\.\d+")


def wished_call_id(milliseconds: int, number: int) -> CallId:
    """A call that an agent wishes: no channel of it is there yet, so we choose the id of its client's."""
    return CallId(f"callbridge-{milliseconds:013}.{number}")


def agent_leg_id(call: CallId, offer: int) -> LegId:
    """The leg that rings an agent for the call's ``offer``-th offer (1, 2, …)."""
    return LegId(f"{call}-agent-{offer}")


def outside_leg_id(call: CallId, number: int) -> LegId:
    """The leg that rings an outside number."""
    return LegId(f"{call}-out-{number}")


def watcher_leg_id(call: CallId, watch: int) -> LegId:
    """The leg that rings who shall be with one of its agents, a supervisor or a trainee, the ``watch``-th."""
    return LegId(f"{call}-watcher-{watch}")


def watch_room_id(call: CallId, watch: int) -> ConversationId:
    """Where he hears that agent."""
    return ConversationId(f"{call}-watch-{watch}")


def ear_id(room: ConversationId, leg: LegId) -> LegId:
    """What brings to that room all that this leg says and hears; it is no leg of the call."""
    return LegId(f"{room}-{leg}-ear")


def phone_leg_id(call: CallId, number: int) -> LegId:
    """An agent's phone, or a number outside, in a call of which AMI tells: we did not make it."""
    return LegId(f"{call}-phone-{number}")


def prompt_id(call: CallId, number: int) -> PromptId:
    return PromptId(f"{call}-prompt-{number}")


def recording_id(call: CallId, number: int) -> RecordingId:
    return RecordingId(f"{call}-rec-{number}")


def conversation_id(call: CallId) -> ConversationId:
    return ConversationId(f"{call}-talk")


def consultation_id(call: CallId, transfer: int) -> ConversationId:
    """The Conversation beside the call's own, in its ``transfer``-th transfer (1, 2, …)."""
    return ConversationId(f"{call}-consult-{transfer}")


def call_of(derived: str) -> CallId:
    """The call that an id belongs to; an id that is not derived is a call's own."""
    match = _DERIVED.match(derived)
    if match is None:
        return CallId(derived)
    return CallId(match["call"] or match["call2"])


def is_agent_leg(leg: LegId) -> bool:
    return re.search(r"-agent-\d+$", leg) is not None


def is_dialled_leg(leg: LegId) -> bool:
    """Whether our application made it: an agent's leg, a supervisor's, or one to an outside number.

    A client's is, when an agent called him.
    """
    return re.search(r"-(?:agent|out|watcher)-\d+$", leg) is not None or is_wished(leg)


def is_wished(call_or_leg: str) -> bool:
    """Whether it is a call that an agent wished, or its client's leg."""
    return _WISHED.fullmatch(call_or_leg) is not None


def is_watcher_leg(leg: LegId) -> bool:
    return re.search(r"-watcher-\d+$", leg) is not None


def is_room(bridge: str) -> bool:
    """Whether it is a call's Conversation, one of its transfers', or where somebody listens to it."""
    return re.search(r"-(?:talk|consult-\d+|watch-\d+)$", bridge) is not None
