"""Whole calls as CRMs are told of them: lists of events, in the order in which the centre tells them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from bridge.crm.formats import kinds
from bridge.crm.told import Person, Recording, Told, event_id

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
CALL = "1772442000.17"

ANNA = Person(id="1001", name="Anna Petrova", extension="1001", login="anna", email="anna@example.org")
BORIS = Person(id="1002", name="Борис Ли", extension="1002", login="boris", email="boris@example.org")
CARLA = Person(id="1003", name="Carla O'Neil & Co", extension="1003")
AGENTS = (ANNA, BORIS, CARLA)


class Call:
    """Tells events of one call. What holds from an event on (answered_at, …) is kept for the later ones."""

    def __init__(self, **fields: Any) -> None:
        self.events: list[Told] = []
        self.fields: dict[str, Any] = {
            "call_id": CALL,
            "direction": "in",
            "number": "0211 580040",
            "e164": "+49211580040",
            "name": "Müller",
            "dialled": "+493023125741",
            "dialled_e164": "+493023125741",
            "trunk": "provider",
            "offered_at": START,
        } | fields
        self.seconds = 0

    def tell(self, kind: str, event: str, seconds: int = 2, **fields: Any) -> "Call":
        self.seconds += seconds
        told = {
            "id": event_id(self.fields["call_id"], event),
            "type": kind,
            "at": self.now,
            **self.fields,
            **fields,
        }
        self.events.append(Told(**told))
        return self

    @property
    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def offered(self) -> "Call":
        return self.tell(kinds.OFFERED, "offered", 0)

    def queued(self) -> "Call":
        self.fields |= {"queue": "support", "queue_title": "Support", "queued_at": self.now}
        return self

    def ringing(self, *agents: Person) -> "Call":
        """One after the other, as their phones report it."""
        for number in range(len(agents)):
            agent = agents[number]
            self.tell(kinds.RINGING, f"ringing:{agent.id}", 1, agent=agent, ringing=agents[: number + 1])
        return self

    def ring_ended(
        self, agent: Person, reason: str, cause: int = 19, still: tuple[Person, ...] = ()
    ) -> "Call":
        return self.tell(
            kinds.RING_ENDED,
            f"ring_ended:{agent.id}",
            1,
            agent=agent,
            reason=reason,
            cause=cause,
            ringing=still,
        )

    def answered(self, agent: Person | None, target: str = "") -> "Call":
        self.seconds += 3
        self.fields["answered_at"] = self.fields.get("answered_at") or self.now
        self.fields["answered_by"] = agent
        return self.tell(
            kinds.ANSWERED, f"answered:{agent.id if agent else 'out'}", 0, agent=agent, target=target
        )

    def transferred(self, by: Person, to: Person | None, transfer: str, target: str = "") -> "Call":
        return self.tell(
            kinds.TRANSFERRED,
            f"transferred:{len(self.events)}",
            20,
            agent=to,
            from_agent=by,
            target=target or (to.id if to else ""),
            transfer=transfer,
        )

    def ended(self, outcome: str, cause: int | None = 16, seconds: int = 95) -> "Call":
        self.seconds += seconds
        self.fields["ended_at"] = self.now
        self.fields["outcome"] = outcome
        return self.tell(kinds.ENDED, "ended", 0, cause=cause)

    def recorded(self) -> "Call":
        name = f"{CALL}-1.wav"
        one = Recording(
            id=f"{CALL}-recording-1",
            url=f"https://calls.example.org/api/recordings/{CALL}-recording-1",
            file_name=name,
            duration_ms=95_000,
        )
        return self.tell(kinds.RECORDING_READY, "recording:1", 4, recording=one)


def stories() -> dict[str, list[Told]]:
    known: dict[str, Any] = {"client_id": 7, "client_name": "Müller GmbH"}
    out: dict[str, Any] = {
        "direction": "out",
        "dialled": "+49211580040",
        "dialled_e164": "+49211580040",
        "name": "",
    }
    withheld: dict[str, Any] = {"number": None, "e164": None, "name": "", "withheld": True}
    made = {
        "in-known": Call(**known)
        .offered()
        .queued()
        .ringing(ANNA)
        .answered(ANNA)
        .ended("answered")
        .recorded(),
        "in-unknown": Call().offered().queued().ringing(ANNA).answered(ANNA).ended("answered"),
        "in-withheld": Call(**withheld).offered().queued().ringing(ANNA).answered(ANNA).ended("answered"),
        "in-ring-group": Call(**known)
        .offered()
        .queued()
        .ringing(ANNA, BORIS, CARLA)
        .ring_ended(ANNA, "answered_elsewhere", 26, (BORIS, CARLA))
        .ring_ended(CARLA, "answered_elsewhere", 26, (BORIS,))
        .answered(BORIS)
        .ended("answered"),
        "in-second-agent": Call()
        .offered()
        .queued()
        .ringing(ANNA)
        .ring_ended(ANNA, "no_answer")
        .ringing(BORIS)
        .answered(BORIS)
        .ended("answered"),
        "in-blind-transfer": Call(**known)
        .offered()
        .queued()
        .ringing(ANNA)
        .answered(ANNA)
        .transferred(ANNA, BORIS, "blind")
        .ringing(BORIS)
        .answered(BORIS)
        .ended("answered")
        .recorded(),
        "in-queue-transfer": Call()
        .offered()
        .queued()
        .ringing(ANNA)
        .answered(ANNA)
        .transferred(ANNA, None, "blind", "sales")
        .ringing(CARLA)
        .ring_ended(CARLA, "withdrawn")
        .ended("answered"),
        "in-attended-transfer": Call(**known)
        .offered()
        .queued()
        .ringing(ANNA)
        .answered(ANNA)
        .ringing(BORIS)
        .transferred(ANNA, BORIS, "attended")
        .answered(BORIS)
        .ended("answered"),
        "in-abandoned": Call()
        .offered()
        .queued()
        .ringing(ANNA)
        .ring_ended(ANNA, "withdrawn")
        .ended("abandoned"),
        "in-ivr": Call().offered().ended("ivr"),
        "in-rejected": Call().offered().ended("refused", 17, 1),
        "in-forwarded": Call().offered().queued().answered(None, "+74951112233").ended("forwarded"),
        "in-voicemail": Call().offered().queued().ended("voicemail").recorded(),
        "out-answered": Call(**out).offered().ringing(ANNA).answered(ANNA).ended("answered"),
        "out-busy": Call(**out, answered_by=ANNA).offered().ended("failed", 17, 5),
        "out-no-answer": Call(**out, answered_by=ANNA).offered().ended("failed", 19, 40),
    }
    return {name: call.events for name, call in made.items()}


def changed(told: Told, **fields: Any) -> Told:
    return msgspec.structs.replace(told, **fields)
