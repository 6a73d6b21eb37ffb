"""Every status a ticket may be in, with everything that may come to it."""

from datetime import UTC, datetime, timedelta

import pytest

from bridge.config.rights import Action
from bridge.config.tickets import TicketSettings
from bridge.crm.ticketing.statuses import Anew, Moves, Outcome, Stage, Statuses, StatusKind, Stays
from bridge.errors import BadInput

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)
EARLIER = NOW - 3 * DAY
SETTINGS = TicketSettings.model_validate(
    {
        "statuses": {
            "waiting": {"title": "Waiting", "kind": "waiting"},
            "answered": {"title": "Answered", "kind": "temporary", "closes_after_hours": 72},
            "asked": {"title": "Asked", "kind": "temporary", "closes_after_hours": 1, "closes_as": "refused"},
            "refused": {"title": {"en": "Refused", "ru": "Отказано"}, "kind": "closed"},
        },
        "reopen_days": 7,
    }
)
STATUSES = Statuses(SETTINGS)

# Where it is → what is wished → what becomes of it. “was” is a status that the file does not have any more.
# + needs reopen, × needs close, · needs edit; = stays; ! the fields to close are asked; ‖ the clock stands.
WISHES = """\
from \\ to    open  in_progress  waiting  answered  asked  refused  done
open          =     ·            ·‖       ×!‖       ×!‖    ×!       ×!
in_progress   ·     =            ·‖       ×!‖       ×!‖    ×!       ×!
waiting       ·     ·            =        ×!‖       ×!‖    ×!       ×!
answered      ·     ·            ·‖       =         ×!‖    ×!       ×!
asked         ·     ·            ·‖       ×!‖       =      ×!       ×!
was           ·     ·            ·‖       ×!‖       ×!‖    ×!       ×!
refused       +     +            +‖       +!‖       +!‖    =        ×!
done          +     +            +‖       +!‖       +!‖    ×!       =
"""
_SIGNS = {Action.REOPEN: "+", Action.CLOSE: "×", Action.EDIT: "·"}
_CLOSED = ("refused", "done")


def stage_of(status: str, closed_at: datetime = EARLIER) -> Stage:
    return Stage(status, closed_at=closed_at if status in _CLOSED else None)


def sign(outcome: Outcome) -> str:
    match outcome:
        case Stays():
            return "="
        case Moves():
            assert outcome.needs is not None
            marks = ("!" if outcome.final else "") + ("‖" if outcome.standing else "")
            return _SIGNS[outcome.needs] + marks
        case Anew():
            return "new"


def test_every_wish_in_every_status() -> None:
    names = [status.name for status in STATUSES.all]
    assert names == ["open", "in_progress", "waiting", "answered", "asked", "refused", "done"]
    rows = [["from \\ to", *names]]
    for status in ["open", "in_progress", "waiting", "answered", "asked", "was", "refused", "done"]:
        rows.append([status, *(sign(STATUSES.wish(stage_of(status), wanted, NOW)) for wanted in names)])
    assert [row.split() for row in WISHES.replace("from \\ to", "from\\to").splitlines()] == [
        [cell.replace(" ", "") for cell in row] for row in rows
    ]


@pytest.mark.parametrize("wanted", [status.name for status in STATUSES.all])
@pytest.mark.parametrize("status", ["open", "in_progress", "waiting", "answered", "was", "refused", "done"])
def test_a_move_says_what_the_ticket_is_then(status: str, wanted: str) -> None:
    before = stage_of(status)
    outcome = STATUSES.wish(before, wanted, NOW)
    if isinstance(outcome, Stays):
        assert status == wanted
        return
    assert isinstance(outcome, Moves)
    after = Stage(outcome.status, outcome.closed_at, outcome.closes_at)
    settings = STATUSES.get(wanted)
    assert settings is not None
    assert STATUSES.kind(after) is settings.kind
    assert outcome.closes_at == (None if settings.closes_after is None else NOW + settings.closes_after)
    if wanted in _CLOSED:  # from one closed status to another it was closed when it was closed
        assert outcome.closed_at == (EARLIER if status in _CLOSED else NOW)
    assert outcome.reopened == (status in _CLOSED and wanted not in _CLOSED)
    assert STATUSES.wish(after, wanted, NOW + DAY) == Stays()


def test_an_unknown_status_is_refused_with_those_there_are() -> None:
    with pytest.raises(BadInput, match="one of open, in_progress, waiting, answered, asked, refused, done"):
        STATUSES.wish(Stage("open"), "closed", NOW)
    with pytest.raises(BadInput, match="none of this name"):
        STATUSES.wish(Stage("open"), "was", NOW)
    for closed_at in (None, EARLIER):
        assert STATUSES.wish(Stage("was", closed_at), "was", NOW) == Stays(), "it is left alone"


@pytest.mark.parametrize(
    ("ago", "opens"), [(timedelta(0), True), (7 * DAY, True), (7 * DAY + timedelta(seconds=1), False)]
)
def test_the_window(ago: timedelta, opens: bool) -> None:
    stage = Stage("done", closed_at=NOW - ago)
    by_wish = STATUSES.wish(stage, "in_progress", NOW)
    by_client = STATUSES.client_wrote(stage, NOW, assigned=False)
    if opens:
        assert by_wish == Moves("in_progress", Action.REOPEN, reopened=True)
        assert by_client == Moves("open", reopened=True)
    else:
        assert isinstance(by_wish, Anew)
        assert (by_wish.status, by_wish.needs) == ("open", Action.CREATE)
        assert "closed on 2026-02-23" in by_wish.why
        assert "for 7 days" in by_wish.why
        assert isinstance(by_client, Anew)
        assert by_client.needs is None


def test_no_window_at_all() -> None:
    never = Statuses(TicketSettings(reopen_days=0))
    outcome = never.wish(Stage("done", closed_at=NOW), "open", NOW)
    assert isinstance(outcome, Anew)
    assert "never opened again" in outcome.why
    assert never.wish(Stage("done", closed_at=NOW), "done", NOW) == Stays()


@pytest.mark.parametrize("assigned", [False, True])
@pytest.mark.parametrize(
    ("status", "moves"),
    [("open", 0), ("in_progress", 0), ("was", 0), ("waiting", 1), ("answered", 1), ("asked", 1), ("done", 2)],
)
def test_a_word_of_the_clients(status: str, moves: int, assigned: bool) -> None:
    outcome = STATUSES.client_wrote(stage_of(status), NOW, assigned=assigned)
    to = "in_progress" if assigned else "open"
    assert outcome == (Moves(to, reopened=moves == 2) if moves else Stays())


def test_a_temporary_status_closes_by_itself() -> None:
    moved = STATUSES.wish(Stage("open"), "asked", NOW)
    assert isinstance(moved, Moves)
    assert moved.closes_at == NOW + timedelta(hours=1)
    stage = Stage("asked", closes_at=moved.closes_at)
    assert STATUSES.time_passed(stage, moved.closes_at - timedelta(seconds=1)) == Stays()
    late = NOW + DAY
    assert STATUSES.time_passed(stage, late) == Moves("refused", closed_at=late, final=True)
    answered = Stage("answered", closes_at=NOW)
    assert STATUSES.time_passed(answered, NOW) == Moves("done", closed_at=NOW, final=True)


def test_what_the_file_lost_since() -> None:
    former = Stage("was", closes_at=NOW)  # it was temporary
    assert STATUSES.time_passed(former, NOW) == Moves("done", closed_at=NOW, final=True)
    other_kind = Stage("waiting", closes_at=NOW)
    assert STATUSES.time_passed(other_kind, NOW) == Moves("waiting", standing=True)
    closed = Stage("done", closed_at=EARLIER, closes_at=NOW)
    assert STATUSES.time_passed(closed, NOW) == Moves("done", closed_at=EARLIER, final=True)
    # A status became one that closes, while a ticket had it: it is closed when somebody says so.
    assert STATUSES.kind(Stage("refused")) is StatusKind.WORKING
    assert STATUSES.wish(Stage("refused"), "refused", NOW) == Moves(
        "refused", Action.CLOSE, closed_at=NOW, final=True
    )
    # And the other way round: it stays closed.
    assert STATUSES.kind(Stage("waiting", closed_at=EARLIER)) is StatusKind.CLOSED
    assert STATUSES.wish(Stage("waiting", closed_at=EARLIER), "waiting", NOW) == Moves(
        "waiting", Action.REOPEN, reopened=True, standing=True
    )


def test_names_and_titles() -> None:
    assert STATUSES.names({StatusKind.CLOSED}) == {"done", "refused"}
    assert STATUSES.title("refused", "ru") == "Отказано"
    assert STATUSES.title("was", "ru") == "was"
