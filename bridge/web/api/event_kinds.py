"""Owns which event a logged fact is to the outside, and what of it is told. Not how events are sent."""

from collections.abc import Mapping
from typing import Any

from bridge.centre.facts import Feature
from bridge.centre.ids import LegId, is_agent_leg, is_dialled_leg, is_watcher_leg, is_wished
from bridge.centre.outside_transfers import consult_end, target_of
from bridge.centre.plan import Plan
from bridge.store.rows import FactRow
from bridge.web.api.models import Event
from bridge.web.screens import CardOpened

_OF_CALLS: Mapping[str, str] = {
    "CallOffered": "call.offered",
    "CallWished": "call.wished",
    "ClientIdentified": "call.identified",
    "DirectoryAnswered": "call.directory_answered",
    "OutsideRinging": "call.ringing",
    "OutsideAnswered": "call.answered",
    "OutsideRingEnded": "call.ring_ended",
    "OutsideDialled": "call.dialled",
    "OutsideReached": "call.forwarded",
    "OutsideHeld": "call.held",
    "OutsideResumed": "call.resumed",
    "OutsideConsulting": "call.consulting",
    "OutsideConsulted": "call.consulted",
    "OutsideConsultEnded": "call.consult_ended",
    "OutsideTransferred": "call.transferred",
    "ClientHeld": "call.held",
    "ClientResumed": "call.resumed",
    "ConsultBegun": "call.consulting",
    "ConsultAnswered": "call.consulted",
    "ConsultEnded": "call.consult_ended",
    "ClientPassedOn": "call.transferred",
    "TransferEnded": "call.transfer_ended",
    "OutsideEnded": "call.ended",
    "TicketOpened": "ticket.opened",
    "RecordingStarted": "recording.started",
    "RecordingEnded": "recording.ended",
    "RecordingPaused": "recording.paused",
    "RecordingCut": "recording.cut",
    "RecordingAttached": "recording.attached",
}
# A leg's events by whose it is: an agent's, an outside number's, the client's, which rings when he is called.
_OF_LEGS: Mapping[str, tuple[str | None, str | None, str | None]] = {
    "LegRinging": ("call.ringing", "call.forwarding", "call.dialled"),
    "LegJoined": ("call.answered", "call.forwarded", None),
    "LegEnded": ("call.leg_ended", "call.leg_ended", "call.ended"),
}
# Named as the API orders them, whoever asked: page, API or, below, phone.
_OF_AGENTS: Mapping[str, str] = {
    "AgentLoggedIn": "agent.log_in",
    "AgentLoggedOut": "agent.log_out",
    "AgentReady": "agent.ready",
    "AgentPaused": "agent.pause",
    "WrapUpEnded": "agent.end_wrap_up",
    "WrapUpExtended": "agent.extend_wrap_up",
    "CallDisposed": "agent.dispose",
    "MemberMoved": "agent.moved",
    "MemberRestored": "agent.restored",
}
# Not those about transfers and supervision, as the same wishes by page are none: their effects are told.
_OF_FEATURES: Mapping[str, str] = {
    Feature.LOG_IN.value: "agent.log_in",
    Feature.LOG_OUT.value: "agent.log_out",
    Feature.READY.value: "agent.ready",
    Feature.PAUSE.value: "agent.pause",
    Feature.END_WRAP_UP.value: "agent.end_wrap_up",
    Feature.EXTEND_WRAP_UP.value: "agent.extend_wrap_up",
    Feature.DISPOSITION.value: "agent.dispose",
    Feature.PAUSE_RECORDING.value: "recording.pause",
    Feature.RESUME_RECORDING.value: "recording.resume",
}
_KEPT = (
    "number",
    "name",
    "dialled",
    "target",
    "trunk",
    "agent",
    "by",
    "kind",
    "leg",
    "cause",
    "verdict",
    "e164",
    "directory",
    "answered",
    "ticket",
    "clock",
    "due_at",
    "recording",
    "reason",
    "disposition",
    "queue",
    "penalty",
)


def event_of(row: FactRow, plan: Plan) -> Event | None:
    """The event that a logged fact is to the outside; None for what is only ours."""
    if row.type == "FeatureDialled":
        return _dialled(row, plan)
    kind = _kind(row)
    if kind is None:
        return None
    data = {name: row.body[name] for name in _KEPT if name in row.body}
    if data.get("ticket") == 0:
        del data["ticket"]  # of a recording whose call has none
    if row.type in ("OutsideConsulting", "OutsideTransferred"):
        dialled = str(row.body.get("dialled", ""))
        data["target"] = str(target_of(dialled, plan))
    elif row.type == "OutsideConsultEnded":
        by_target = bool(row.body.get("by_target"))
        data["reason"] = consult_end(str(row.body.get("reason", "")), by_target=by_target).value
    return Event(id=row.id, type=kind, call_id=row.call, at=row.at, data=data)


def card_event(opened: CardOpened) -> Event:
    data: dict[str, Any] = {"agent": opened.agent}
    if opened.ringing_at is not None:
        data["ringing_at"] = opened.ringing_at.isoformat()
        data["ring_to_card_ms"] = round((opened.at - opened.ringing_at).total_seconds() * 1000, 1)
    return Event(id=None, type="card.opened", call_id=opened.call, at=opened.at, data=data)


def _kind(row: FactRow) -> str | None:
    if row.type in _OF_LEGS:
        of_agent, of_outside, of_client = _OF_LEGS[row.type]
        leg = LegId(str(row.body.get("leg", "")))
        if is_watcher_leg(leg):
            return None  # who listens is the audit log's to say
        if is_agent_leg(leg):
            return of_agent
        return of_outside if is_dialled_leg(leg) and not is_wished(leg) else of_client
    if row.type == "TicketAlarmed":
        return "ticket.soon_due" if row.body.get("step") == "warn" else "ticket.overdue"
    if row.type == "RecordingPauseWished":
        return "recording.pause" if row.body.get("paused") else "recording.resume"
    return _OF_CALLS.get(row.type) or _OF_AGENTS.get(row.type)


def _dialled(row: FactRow, plan: Plan) -> Event | None:
    """From a phone: the same event as from a page. Its call is only the phone's own, and is not told."""
    agent = plan.agent_at(str(row.body.get("endpoint", "")))
    kind = _OF_FEATURES.get(str(row.body.get("feature", "")))
    if agent is None or kind is None:
        return None
    data: dict[str, Any] = {"agent": agent.id}
    digit = str(row.body.get("argument", ""))
    if kind == "agent.pause":
        # Without a digit it is the first reason.
        data["reason"] = (
            plan.pause_reasons.get(digit) if digit else next(iter(plan.pause_reasons.values()), None)
        )
    elif kind == "agent.dispose":
        data["disposition"] = plan.dispositions.get(digit)
    return Event(id=row.id, type=kind, call_id=None, at=row.at, data=data)
