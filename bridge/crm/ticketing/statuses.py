"""What becomes of a ticket's status: by somebody's wish, by a word of the client's, by time.

Whether a ticket is closed is told by ``closed_at`` alone, so that a status which the file lost, or made
another kind of, closes and opens nothing.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from bridge.config.rights import Action
from bridge.config.tickets import Status, StatusKind, TicketSettings
from bridge.errors import N_, BadInput

FIRST, WORKING, DONE = "open", "in_progress", "done"  # given, so always there
STANDING = frozenset({StatusKind.WAITING, StatusKind.TEMPORARY})  # the resolution's clock does
FINAL = frozenset({StatusKind.TEMPORARY, StatusKind.CLOSED})  # nobody is asked for anything afterwards


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a ticket is now."""

    status: str
    closed_at: datetime | None = None
    closes_at: datetime | None = None  # of a temporary status: when it closes by itself


@dataclass(frozen=True, slots=True)
class Stays:
    """Nothing changes."""


@dataclass(frozen=True, slots=True)
class Moves:
    """It gets this status. Without ``needs`` nobody has to be asked: the client or the time decides."""

    status: str
    needs: Action | None = None
    closed_at: datetime | None = None
    closes_at: datetime | None = None
    reopened: bool = False
    final: bool = False  # fields that are required to close must be filled
    standing: bool = False  # the resolution's clock stands from now on


@dataclass(frozen=True, slots=True)
class Anew:
    """Closed too long ago: it stays closed, and a new ticket of this status is linked to it."""

    status: str
    why: str
    needs: Action | None = None


Outcome = Stays | Moves | Anew


class Statuses:
    """The company's statuses, as the file has them now."""

    def __init__(self, settings: TicketSettings) -> None:
        self.all = settings.all_statuses()
        self._by_name = {status.name: status for status in self.all}
        self._window = timedelta(days=settings.reopen_days)

    def get(self, name: str) -> Status | None:
        """None for one that is not in the file any more."""
        return self._by_name.get(name)

    def title(self, name: str, language: str) -> str:
        status = self.get(name)
        return name if status is None else status.title.text(language)

    def names(self, kinds: Collection[StatusKind]) -> frozenset[str]:
        return frozenset(status.name for status in self.all if status.kind in kinds)

    def kind(self, stage: Stage) -> StatusKind:
        """What the ticket's status means now; a former one that closed nothing is worked on."""
        if stage.closed_at is not None:
            return StatusKind.CLOSED
        status = self.get(stage.status)
        if status is None or status.kind is StatusKind.CLOSED:
            return StatusKind.WORKING
        return status.kind

    def wish(self, stage: Stage, wanted: str, now: datetime) -> Outcome:
        """Somebody gives it this status. Raises BadInput when there is none of that name."""
        status = self.get(wanted)
        if status is None and wanted == stage.status:
            return Stays()  # the file has lost it, and whoever sends a whole form leaves it alone
        if status is None:
            known = ", ".join(self._by_name)
            raise BadInput(
                N_("ticket status %(given)s: there is none of this name; write one of %(known)s"),
                given=repr(wanted[:40]),
                known=known,
            )
        closed = stage.closed_at is not None
        closing = status.kind is StatusKind.CLOSED
        if wanted == stage.status and closed == closing:
            return Stays()
        if closed and closing:
            return Moves(wanted, Action.CLOSE, closed_at=stage.closed_at, final=True)
        if stage.closed_at is not None:
            return self._reopen(stage.closed_at, status, now, Action.REOPEN)
        return self._moves(status, now, Action.CLOSE if status.kind in FINAL else Action.EDIT)

    def client_wrote(self, stage: Stage, now: datetime, *, assigned: bool) -> Outcome:
        """A word of the client's: what waited for him goes on, what was closed is opened again.

        ``assigned``: somebody has the ticket, so it is in work at once; otherwise it is open to everybody.
        """
        status = self._by_name[WORKING if assigned else FIRST]
        if stage.closed_at is not None:
            return self._reopen(stage.closed_at, status, now, None)
        return self._moves(status, now, None) if self.kind(stage) in STANDING else Stays()

    def time_passed(self, stage: Stage, now: datetime) -> Outcome:
        """A temporary status whose time is over closes; a ``closes_at`` without meaning is given up."""
        if stage.closes_at is None or stage.closes_at > now:
            return Stays()
        status = self.get(stage.status)
        if stage.closed_at is not None:
            return Moves(stage.status, closed_at=stage.closed_at, final=True)
        if status is not None and status.kind is not StatusKind.TEMPORARY:
            return Moves(stage.status, standing=status.kind in STANDING)
        closes_as = DONE if status is None else status.closes_as
        return Moves(closes_as, closed_at=now, final=True)

    def _reopen(
        self, closed_at: datetime, status: Status, now: datetime, needs: Action | None
    ) -> Moves | Anew:
        if not self._window or now - closed_at > self._window:
            days = self._window.days
            within = f"can be opened again for {days} days" if days else "is never opened again"
            why = f"it was closed on {closed_at:%Y-%m-%d}, and a closed ticket {within}"
            return Anew(FIRST, why, Action.CREATE if needs else None)
        return self._moves(status, now, needs, reopened=True)

    def _moves(self, status: Status, now: datetime, needs: Action | None, *, reopened: bool = False) -> Moves:
        return Moves(
            status=status.name,
            needs=needs,
            closed_at=now if status.kind is StatusKind.CLOSED else None,
            closes_at=None if status.closes_after is None else now + status.closes_after,
            reopened=reopened,
            final=status.kind in FINAL,
            standing=status.kind in STANDING,
        )
