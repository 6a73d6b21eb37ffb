"""One ARI event → the facts that it is. PURE: no state, no logging, no I/O; what is not ours gives no fact.

Two events look like an end and are none. ``StasisEnd`` only says that a channel left the application: a
client who was given back to the dialplan lives on, and a channel that hung up sends ChannelDestroyed right
after it (22.10: always in this order). So LegEnded comes from ChannelDestroyed alone. Of bridges
only the Conversation's become facts: others are somebody else's.
"""

import re
from collections.abc import Sequence

from bridge.ari import models
from bridge.ari.decoding import UnknownEvent
from bridge.ari.stasis import (
    AgentArguments,
    DialledArguments,
    FeatureArguments,
    InboundArguments,
    SnoopArguments,
    TransferArguments,
    read_arguments,
)
from bridge.centre.facts import (
    AgentDialled,
    CallOffered,
    DigitReceived,
    Fact,
    FeatureDialled,
    LegAnswered,
    LegEnded,
    LegHeld,
    LegJoined,
    LegLeft,
    LegMade,
    LegResumed,
    LegRinging,
    PhoneJoined,
    PhonePassedOn,
    PromptEnded,
    RecordingEnded,
)
from bridge.centre.ids import (
    CallId,
    Endpoint,
    LegId,
    PromptId,
    RecordingId,
    call_of,
    conversation_id,
    is_dialled_leg,
    is_wished,
)

# All that Asterisk shall send; everything else costs both sides time (≈ 58 events a call unfiltered).
# ApplicationReplaced must be here: an allow list hides it as well (22.10).
WANTED_EVENTS = (
    "ApplicationReplaced",
    "BridgeAttendedTransfer",
    "BridgeBlindTransfer",
    "ChannelDestroyed",
    "ChannelDtmfReceived",
    "ChannelEnteredBridge",
    "ChannelHold",
    "ChannelLeftBridge",
    "ChannelStateChange",
    "ChannelUnhold",
    "ChannelUserevent",  # what the socket sends to itself
    "Dial",
    "PlaybackFinished",
    "RecordingFailed",
    "RecordingFinished",
    "StasisEnd",
    "StasisStart",
)

# A channel whose id Asterisk chose: [SYSTEMNAME-]EPOCH.SEQUENCE. Ids that somebody else chose (snoops, the
# halves of Local channels, another application's) are not ours.
Arrived = CallOffered | FeatureDialled | AgentDialled
_UNIQUEID = re.compile(r"(?:.+-)?\d+\.\d+")
_PROMPT = re.compile(r".+-prompt-\d+")
_SNOOPED = re.compile(r"(?P<recording>.+-rec-\d+)-snoop-out")  # the other side's ends in the same instant
_DIGITS = frozenset("0123456789*#ABCD")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_LONGEST_NAME = 80
_LONGEST_NUMBER = 80


def leg_of(channel_id: str) -> LegId | None:
    """The leg that a channel is, None for a channel that is none of ours."""
    if is_dialled_leg(LegId(channel_id)) or _UNIQUEID.fullmatch(channel_id):
        return LegId(channel_id)
    return None


def translate(event: models.AnyEvent | UnknownEvent) -> tuple[Fact, ...]:
    """Raises BadArguments for a channel that entered with arguments which nobody of us writes."""
    match event:
        case models.StasisStart():
            return _entered(event)
        case models.ChannelStateChange(channel=channel):
            return _state_changed(channel)
        case models.Dial(peer=peer, dialstatus="PROGRESS"):
            # A phone that answers 183 (early media) never reaches the state Ringing, but it does ring.
            return _if_dialled(peer.id, LegRinging)
        case models.ChannelDestroyed(channel=channel):
            leg = leg_of(channel.id)
            if leg is None:
                return ()
            return (LegEnded(call_of(leg), leg, event.cause, event.tech_cause or 0),)
        case models.ChannelDtmfReceived(channel=channel, digit=digit):
            leg = leg_of(channel.id)
            if leg is None or digit not in _DIGITS:
                return ()
            return (DigitReceived(call_of(leg), leg, digit),)
        case models.PlaybackFinished(playback=playback):
            return _played(playback)
        case models.RecordingFinished(recording=recording) | models.RecordingFailed(recording=recording):
            return _recorded(recording.name)
        case models.ChannelEnteredBridge(channel=channel, bridge=bridge) if channel is not None:
            return _bridged(channel.id, bridge.id, LegJoined)
        case models.ChannelHold(channel=channel):
            return _if_dialled(channel.id, LegHeld)
        case models.ChannelUnhold(channel=channel):
            return _if_dialled(channel.id, LegResumed)
        case models.BridgeBlindTransfer(channel=channel, exten=exten, result="Success"):
            leg = LegId(channel.id)
            return (PhonePassedOn(call_of(leg), leg, exten),) if is_dialled_leg(leg) else ()
        case models.BridgeAttendedTransfer(result="Success"):
            return _joined_by_phone(event)
        case models.ChannelLeftBridge(channel=channel, bridge=bridge):
            return _bridged(channel.id, bridge.id, LegLeft)
        case _:
            return ()


def _entered(event: models.StasisStart) -> tuple[Fact, ...]:
    if event.replace_channel is not None:
        # A transfer by the phone put this channel in another's place. It is no new call.
        return ()
    fact = arrived(event.channel, event.args)
    if fact is None and is_wished(event.channel.id):
        leg = LegId(event.channel.id)
        return (LegMade(call_of(leg), leg),)
    return () if fact is None else (fact,)


def arrived(channel: models.Channel, args: Sequence[str]) -> Arrived | None:
    """What it is that this channel is in our application; None for a leg that we made.

    Raises BadArguments.
    """
    match read_arguments(args):
        case AgentArguments() | SnoopArguments() | TransferArguments():
            return None
        case FeatureArguments(feature, argument):
            return FeatureDialled(CallId(channel.id), LegId(channel.id), _phone(channel), feature, argument)
        case DialledArguments(dialled):
            return AgentDialled(CallId(channel.id), LegId(channel.id), _phone(channel), dialled)
        case InboundArguments(dialled, trunk, withheld):
            number = _clean(channel.caller.number, _LONGEST_NUMBER)
            name = _clean(channel.caller.name, _LONGEST_NAME)
            return CallOffered(
                call=CallId(channel.id),
                leg=LegId(channel.id),
                number=None if withheld or not number else number,
                name="" if withheld else name,
                dialled=dialled,
                trunk=trunk,
            )


def _phone(channel: models.Channel) -> Endpoint:
    """Whose channel it is, not what it says it is."""
    return Endpoint(channel.name.rpartition("-")[0])


def _joined_by_phone(event: models.BridgeAttendedTransfer) -> tuple[Fact, ...]:
    """Which of the two lines the phone asked on says nothing (22.10): the one that we made tells the call."""
    legs = [LegId(event.transferer_first_leg.id), LegId(event.transferer_second_leg.id)]
    ours = [leg for leg in legs if is_dialled_leg(leg)]
    if not ours:
        return ()
    other = next(leg for leg in reversed(legs) if leg != ours[0] or legs[0] == legs[1])
    return (PhoneJoined(call_of(ours[0]), ours[0], other),)


def _state_changed(channel: models.Channel) -> tuple[Fact, ...]:
    match channel.state:
        case "Ringing":
            return _if_dialled(channel.id, LegRinging)
        case "Up":
            # A client's leg is up because we answered it: no news.
            return _if_dialled(channel.id, LegAnswered)
        case _:
            return ()


def _if_dialled(
    channel_id: str, fact: type[LegRinging] | type[LegAnswered] | type[LegHeld] | type[LegResumed]
) -> tuple[Fact, ...]:
    leg = LegId(channel_id)
    return (fact(call_of(leg), leg),) if is_dialled_leg(leg) else ()


def _played(playback: models.Playback) -> tuple[Fact, ...]:
    # A list of sounds is one playback: PlaybackContinuing between them, PlaybackFinished once at the end.
    # Its state tells of the last sound only: a missing file in the middle is skipped without a word.
    if not _PROMPT.fullmatch(playback.id):
        return ()
    prompt = PromptId(playback.id)
    return (PromptEnded(call_of(prompt), prompt, played=playback.state != "failed"),)


def _recorded(name: str) -> tuple[Fact, ...]:
    match = _SNOOPED.fullmatch(name)
    if match is None:
        return ()
    recording = RecordingId(match["recording"])
    return (RecordingEnded(call_of(recording), recording),)


def _bridged(channel_id: str, bridge_id: str, fact: type[LegJoined] | type[LegLeft]) -> tuple[Fact, ...]:
    """Of that Conversation's call: a supervisor's own line, from his desk phone, has an id of its own."""
    leg, call = leg_of(channel_id), call_of(bridge_id)
    if leg is None or bridge_id != conversation_id(call):
        return ()
    return (fact(call, leg),)


def _clean(text: str, longest: int) -> str:
    return _UNPRINTABLE.sub(" ", text).strip()[:longest]
