"""Owns the words that people see for values of the code. The values themselves are not its own."""

from collections.abc import Mapping

from bridge.errors import N_ as N_

AGENT_STATES: Mapping[str, str] = {
    "logged_out": N_("Signed out"),
    "ready": N_("Ready"),
    "ringing": N_("Ringing"),
    "talking": N_("Talking"),
    "wrap_up": N_("Wrap-up"),
    "paused": N_("Pause"),
}
CALL_STATES: Mapping[str, str] = {
    "consent": N_("Told of the recording"),
    "menu": N_("In the menu"),
    "waiting": N_("Waiting"),
    "ringing": N_("Ringing"),
    "dialling": N_("Being called"),
    "connecting": N_("Being connected"),
    "talking": N_("Talking"),
    "consulting": N_("Being consulted about"),
    "passing": N_("Being passed on"),
    "forwarding": N_("Being forwarded"),
    "voicemail": N_("Voicemail"),
    "leaving": N_("Last announcement"),
    "clearing": N_("Ending"),
    "ended": N_("Ended"),
    "outside": N_("Outside the queues"),
}
DOINGS: Mapping[str, str] = {
    "talk": N_("with the client"),
    "hold": N_("the client hears music"),
    "consult": N_("in consultation"),
    "held": N_("waits on hold"),
    "conference": N_("all together"),
}
TRANSFER_KINDS: Mapping[str, str] = {
    "blind": N_("at once"),
    "attended": N_("after a talk"),
    "blonde": N_("while it rang"),
    "take_over": N_("by a supervisor"),
}
TRANSFER_ENDS: Mapping[str, str] = {
    "completed": N_("taken over"),
    "conference": N_("a talk of three"),
    "given_up": N_("not passed on"),
    "busy": N_("not free"),
    "no_answer": N_("no answer"),
    "rejected": N_("rejected"),
    "unreachable": N_("phone not reachable"),
    "hung_up": N_("hung up"),
    "client_gone": N_("the client hung up"),
    "failed": N_("did not come about"),
}
SUPERVISIONS: Mapping[str, str] = {
    "listen": N_("You listen"),
    "whisper": N_("Only the agent hears you"),
    "barge": N_("Everybody hears you"),
}
OUTCOMES: Mapping[str, str] = {
    "answered": N_("Answered"),
    "abandoned": N_("Abandoned"),
    "timed_out": N_("Waited too long"),
    "turned_away": N_("Turned away by the queue"),
    "voicemail": N_("Voicemail"),
    "forwarded": N_("Forwarded outside"),
    "ivr": N_("Ended in the menu"),
    "fallback": N_("Served by Asterisk"),
    "refused": N_("Refused by the CRM"),
    "failed": N_("Failed"),
}
STATUSES: Mapping[str, str] = {
    "open": N_("Open"),
    "in_progress": N_("In progress"),
    "done": N_("Done"),
}
IMPORT_STATES: Mapping[str, str] = {
    "running": N_("Under way"),
    "done": N_("Done"),
    "failed": N_("Failed"),
    "interrupted": N_("Interrupted"),
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
# Not the agent's own choice: the centre's reasons, shown beside his state like those above.
IMPOSED_REASONS: Mapping[str, str] = {
    "unanswered": N_("Calls not answered"),
    "phone": N_("Phone away"),
}
DISPOSITIONS: Mapping[str, str] = {
    "resolved": N_("Resolved"),
    "follow_up": N_("To be continued"),
    "wrong_number": N_("Wrong number"),
    "no_answer_needed": N_("No answer needed"),
}
# What is known of a phone: from AMI, and from a ring that it did not take.
PHONES: Mapping[str, str] = {
    "idle": N_("idle"),
    "in use": N_("in use"),
    "busy": N_("busy"),
    "ringing": N_("ringing"),
    "ringing while in use": N_("ringing while in use"),
    "on hold": N_("on hold"),
    "not registered": N_("not registered"),
    "registered, but does not answer": N_("registered, but does not answer"),
    "does not answer": N_("does not answer"),
    "unknown to Asterisk": N_("unknown to Asterisk"),
    "no state": N_("no state known"),
}
_SILENT = N_(
    "Your phone is registered, but does not answer Asterisk. Restart it; if it stays so, call the engineer."
)
PHONE_REMEDIES: Mapping[str, str] = {
    "not registered": N_(
        "Your phone is not registered: see that it is switched on and has a network, then restart it. "
        "If it stays so, call the engineer."
    ),
    "registered, but does not answer": _SILENT,
    "does not answer": _SILENT,
    "unknown to Asterisk": N_("Asterisk does not know your phone. Ask the engineer to set it up."),
    "no state": N_(
        "Asterisk has no state of your phone. Restart the phone; if it stays so, call the engineer."
    ),
}
STRATEGIES: Mapping[str, str] = {
    "ringall": N_("All at once"),
    "linear": N_("In the order of the list"),
    "random": N_("Random"),
    "fewestcalls": N_("Fewest calls"),
    "leastrecent": N_("Longest idle"),
    "rrmemory": N_("Round robin"),
    "wrandom": N_("Weighted random"),
    "leasttalk": N_("Least talk time"),
}
OFFER_ENDS: Mapping[str, str] = {
    "answered": N_("Took the call"),
    "no_answer": N_("Did not answer"),
    "busy": N_("Phone busy"),
    "rejected": N_("Declined"),
    "unreachable": N_("Phone unreachable"),
    "failed": N_("Ringing failed"),
    "withdrawn": N_("The caller left first"),
    "answered_elsewhere": N_("Another agent was faster"),
}
VERDICTS: Mapping[str, str] = {
    "chosen": N_("Chosen"),
    "next": N_("Next in turn"),
    "hindered": N_("Not free"),
    "skill": N_("Lacks a skill"),
    "penalty": N_("Penalty not asked yet"),
    "not_preferred": N_("Another one was wanted"),
}
HINDRANCES: Mapping[str, str] = {
    "logged_out": N_("signed out"),
    "unreachable": N_("phone unreachable"),
    "paused": N_("pause"),
    "ringing": N_("phone rings already"),
    "talking": N_("talking"),
    "wrap_up": N_("wrap-up"),
    "resting": N_("a moment's rest after an offer"),
    "outside": N_("phone taken by another call"),
}
RECORDING_STATES: Mapping[str, str] = {
    "pending": N_("being fetched"),
    "attached": N_("attached"),
    "faulty": N_("faulty"),
    "removed": N_("removed"),
}
ROLES: Mapping[str, str] = {
    "agent": N_("Agent"),
    "supervisor": N_("Supervisor"),
}
LEG_KINDS: Mapping[str, str] = {
    "client": N_("Client"),
    "agent": N_("Agent"),
    "outside": N_("Outside number"),
}
DIRECTIONS: Mapping[str, str] = {
    "in": N_("Inbound"),
    "internal": N_("Internal"),
    "out": N_("Outbound"),
}
# What a contribution to a ticket is, by who sees it.
ENTRIES: Mapping[str, str] = {
    "note": N_("Note"),
    "partner": N_("Supplier"),
    "mail_in": N_("Mail from the client"),
    "mail_out": N_("Mail to the client"),
    "message_in": N_("Message from the client"),
    "message_out": N_("Message to the client"),
    "call": N_("Call"),
}
SEEN_BY: Mapping[str, str] = {
    "note": N_("Colleagues only"),
    "partner": N_("The client does not see this"),
    "client": N_("From the client"),
    "reply": N_("The client sees this"),
    "call": N_("Spoken with the client"),
}
MODES: Mapping[str, str] = {
    "note": N_("Note for colleagues"),
    "partner": N_("To the supplier"),
    "mail_out": N_("Answer to the client"),
}
DELIVERIES: Mapping[str, str] = {
    "waiting": N_("is being sent"),
    "sending": N_("is being sent"),
    "sent": N_("sent"),
    "failed": N_("not sent"),
    "uncertain": N_("perhaps not sent"),
}
TICKET_LINKS: Mapping[str, str] = {
    "related": N_("belongs together with"),
    "duplicate": N_("is a duplicate of"),
    "duplicated_by": N_("has the duplicate"),
    "parent": N_("is above"),
    "child": N_("is below"),
}
CLOCKS: Mapping[str, str] = {
    "reaction": N_("Reaction"),
    "resolution": N_("Resolution"),
}
DUE_STATES: Mapping[str, str] = {
    "running": N_("in time"),
    "soon": N_("soon due"),
    "overdue": N_("overdue"),
    "standing": N_("stands"),
    "kept": N_("kept"),
    "missed": N_("missed"),
}
TICKET_SOURCES: Mapping[str, str] = {
    "call": N_("by a call"),
    "mail": N_("by mail"),
    "web": N_("by hand"),
    "api": N_("by a program"),
}
# What stands in a ticket's log.
TICKET_ACTIONS: Mapping[str, str] = {
    "create": N_("Opened"),
    "edit": N_("Changed"),
    "call": N_("News of the call"),
    "entry": N_("Written"),
    "tag": N_("Tags"),
    "link": N_("Linked"),
    "unlink": N_("Link removed"),
    "merge": N_("Merged"),
    "attach": N_("File attached"),
    "delete_attachment": N_("File removed"),
    "attach_call": N_("Call added"),
    "detach_call": N_("Call moved"),
    "sla": N_("Time told"),
    "delivery": N_("Letter"),
}
# What stands in the audit log.
ACTIONS: Mapping[str, str] = {
    "listen": N_("Listening to a call"),
    "whisper": N_("Whisper"),
    "barge": N_("Barge"),
    "take_over": N_("Take-over"),
    "leave": N_("Supervision ended"),
    "consent.failed": N_("Caller could not be told of the recording: not recorded"),
    "recording.listen": N_("Recording heard"),
    "recording.download": N_("Recording downloaded"),
    "recording.link": N_("Link to a recording made"),
    "recording.link_opened": N_("Link opened"),
    "recording.link_revoked": N_("Link revoked"),
    "recording.removed": N_("Recording removed"),
    "recording.pause": N_("Recording paused"),
    "recording.resume": N_("Recording resumed"),
    "recording.cut": N_("Recording ended: it could not be paused or resumed"),
    "callback.added": N_("Receiver of call events added"),
    "callback.changed": N_("Receiver of call events changed"),
    "callback.removed": N_("Receiver of call events removed"),
    "callback.replayed": N_("Call event told once more"),
    "callback.dropped": N_("Call event dropped"),
}
# Who did it, where it was no person and no program.
DOERS: Mapping[str, str] = {
    "link": N_("Somebody with the link"),
    "retention": N_("Retention period"),
}
FIELDS: Mapping[str, str] = {
    "about": N_("Agent or recording"),
    "action": N_("Action"),
    "assignee": N_("Assignee"),
    "call": N_("Call"),
    "attached": N_("Files"),
    "attachment": N_("File"),
    "cc": N_("Copy"),
    "delivery": N_("Delivery"),
    "body": N_("Text"),
    "classification": N_("Class"),
    "client": N_("Client"),
    "company": N_("Company"),
    "department": N_("Department"),
    "disposition": N_("Disposition"),
    "hours": N_("Hours"),
    "kind": N_("Kind"),
    "language": N_("Language"),
    "line": N_("Line"),
    "login": N_("Login"),
    "merged_into": N_("Merged into"),
    "name": N_("Name"),
    "notes": N_("Notes"),
    "note": N_("Note"),
    "number": N_("Number"),
    "numbers": N_("Numbers"),
    "emails": N_("Mail addresses"),
    "penalty": N_("Penalty"),
    "other": N_("Another ticket"),
    "priority": N_("Priority"),
    "q": N_("Search"),
    "reacted_at": N_("First reaction"),
    "reaction_due_at": N_("Reaction"),
    "reason": N_("Reason"),
    "recipient": N_("Mail address"),
    "reopened": N_("Opened again"),
    "resolution_due_at": N_("Resolution"),
    "set_name": N_("Set of templates"),
    "solution": N_("Solution"),
    "source": N_("Source"),
    "status": N_("Status"),
    "subject": N_("Subject"),
    "supplier": N_("To"),
    "tags": N_("Tags"),
    "target": N_("Merge into"),
    "template": N_("Template"),
    "tier": N_("Tier"),
    "to": N_("To"),
}

VARIABLES: Mapping[str, str] = {
    "client_name": N_("The client's name"),
    "client_number": N_("The client's number"),
    "ticket": N_("The ticket's number"),
    "subject": N_("What the ticket is about"),
    "status": N_("The ticket's status"),
    "solution": N_("The ticket's solution"),
    "created": N_("The day when it was opened"),
    "agent": N_("Who writes"),
    "department": N_("The ticket's department"),
    "company": N_("The company's name"),
}

ALL: Mapping[str, Mapping[str, str]] = {
    "agent_state": AGENT_STATES,
    "doing": DOINGS,
    "transfer_kind": TRANSFER_KINDS,
    "transfer_end": TRANSFER_ENDS,
    "supervision": SUPERVISIONS,
    "call_state": CALL_STATES,
    "outcome": OUTCOMES,
    "status": STATUSES,
    "priority": PRIORITIES,
    "pause": {**PAUSE_REASONS, **IMPOSED_REASONS},
    "disposition": DISPOSITIONS,
    "phone": PHONES,
    "strategy": STRATEGIES,
    "offer_end": OFFER_ENDS,
    "verdict": VERDICTS,
    "hindrance": HINDRANCES,
    "recording": RECORDING_STATES,
    "role": ROLES,
    "leg": LEG_KINDS,
    "direction": DIRECTIONS,
    "action": ACTIONS,
    "doer": DOERS,
    "import": IMPORT_STATES,
    "entry": ENTRIES,
    "seen_by": SEEN_BY,
    "mode": MODES,
    "delivery": DELIVERIES,
    "ticket_link": TICKET_LINKS,
    "clock": CLOCKS,
    "due": DUE_STATES,
    "source": TICKET_SOURCES,
    "variable": VARIABLES,
}
