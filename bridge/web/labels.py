"""Owns the words that people see for values of the code. The values themselves are not its own."""

from collections.abc import Mapping


def N_(message: str) -> str:
    return message


AGENT_STATES: Mapping[str, str] = {
    "logged_out": N_("Signed out"),
    "ready": N_("Ready"),
    "ringing": N_("Ringing"),
    "talking": N_("Talking"),
    "wrap_up": N_("Wrap-up"),
    "paused": N_("Pause"),
}
CALL_STATES: Mapping[str, str] = {
    "offered": N_("New"),
    "menu": N_("In the menu"),
    "waiting": N_("Waiting"),
    "ringing": N_("Ringing"),
    "talking": N_("Talking"),
    "ended": N_("Ended"),
    "outside": N_("Outside the queues"),
}
OUTCOMES: Mapping[str, str] = {
    "answered": N_("Answered"),
    "abandoned": N_("Abandoned"),
    "ivr": N_("Ended in the menu"),
    "fallback": N_("Served by Asterisk"),
    "failed": N_("Failed"),
}
STATUSES: Mapping[str, str] = {
    "open": N_("Open"),
    "in_progress": N_("In progress"),
    "done": N_("Done"),
}
PRIORITIES: Mapping[str, str] = {
    "normal": N_("Normal"),
    "medium": N_("Medium"),
    "urgent": N_("Urgent"),
    "critical": N_("Critical"),
}
PAUSE_REASONS: Mapping[str, str] = {
    "break": N_("Short break"),
    "lunch": N_("Lunch"),
    "training": N_("Training"),
    "meeting": N_("Meeting"),
    "paperwork": N_("Paperwork"),
}
RECORDING_STATES: Mapping[str, str] = {
    "pending": N_("being fetched"),
    "attached": N_("attached"),
    "faulty": N_("faulty"),
}
ROLES: Mapping[str, str] = {
    "agent": N_("Agent"),
    "supervisor": N_("Supervisor"),
}
LEG_KINDS: Mapping[str, str] = {
    "client": N_("Client"),
    "agent": N_("Agent"),
}
DIRECTIONS: Mapping[str, str] = {
    "in": N_("Inbound"),
    "internal": N_("Internal"),
}
FIELDS: Mapping[str, str] = {
    "action": N_("Action"),
    "assignee": N_("Assignee"),
    "client": N_("Client"),
    "company": N_("Company"),
    "language": N_("Language"),
    "login": N_("Login"),
    "name": N_("Name"),
    "notes": N_("Notes"),
    "number": N_("Number"),
    "numbers": N_("Numbers"),
    "priority": N_("Priority"),
    "q": N_("Search"),
    "reason": N_("Reason"),
    "solution": N_("Solution"),
    "status": N_("Status"),
    "subject": N_("Subject"),
    "tier": N_("Tier"),
}

ALL: Mapping[str, Mapping[str, str]] = {
    "agent_state": AGENT_STATES,
    "call_state": CALL_STATES,
    "outcome": OUTCOMES,
    "status": STATUSES,
    "priority": PRIORITIES,
    "pause": PAUSE_REASONS,
    "recording": RECORDING_STATES,
    "role": ROLES,
    "leg": LEG_KINDS,
    "direction": DIRECTIONS,
}
