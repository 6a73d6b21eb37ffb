"""What becomes of a trace's calls, in lines to be read: who talked when, who was passed on by whom to whom.

python -m tests.replay.calls --accept     # writes calls.txt anew: read every line of the difference
"""

import sys
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from bridge.centre.ids import AgentId, Endpoint, QueueName
from bridge.centre.plan import Agent, Plan, Queue
from bridge.traced import Traced, calls_of

HERE = Path(__file__).parent
TABLE = HERE / "calls.txt"
NUMBERS = ("1001", "1002", "1003", "1004")
# The recorder's dialplan (recording/asterisk.py): 400 is a queue to him who is passed on to it; 402 and 403
# are answered first, and plain numbers to us.
PLAN = Plan(
    agents={AgentId(one): Agent(AgentId(one), one, Endpoint(f"PJSIP/{one}")) for one in NUMBERS},
    queues={
        QueueName(name): Queue(QueueName(name), name, name, (), extension=extension)
        for name, extension in (("second", "400"), ("empty", "401"))
    },
    record_direct=True,
)


def traces() -> dict[str, Path]:
    files = [*sorted((HERE / "traces").rglob("*.ami")), *sorted((HERE / "middle").glob("*.ami"))]
    return {str(file.relative_to(HERE).with_suffix("")).removeprefix("traces/"): file for file in files}


def told(trace: bytes) -> list[str]:
    return [line for call in calls_of(trace, PLAN, {"trunk1"}) for line in _lines(call)]


def _lines(call: Traced) -> Iterable[str]:
    record, since = call.record, call.record.offered_at
    kept = [word for word, there in (("ticket", call.ticket), ("recorded", call.recorded)) if there]
    outcome = record.outcome.value if record.outcome is not None else "goes on"
    queue = f" in {record.queue}" if record.queue else ""
    yield f"  {record.direction} {record.number}{queue}: {outcome}{''.join(f', {word}' for word in kept)}"
    cards = [f"{agent}{' closed' if closed is not None else ''}" for agent, _, closed in call.cards]
    if cards:
        yield f"    cards {', '.join(cards)}"
    for one in record.segments:
        span = f"{_after(since, one.since)}–{_after(since, one.until)}"
        yield f"    {span} {one.agent or 'outside'} {one.doing.value}"
    for step in record.transfers:
        end = step.end.value if step.end is not None else "goes on"
        yield f"    {step.kind.value} by {step.by} to {step.target}: {end}{f', {step.to}' if step.to else ''}"


def _after(since: datetime, moment: datetime | None) -> str:
    return f"{(moment - since).total_seconds():.1f}" if moment is not None else "…"


def table() -> str:
    return "".join(
        "".join(f"{line}\n" for line in (name, *told(file.read_bytes()))) for name, file in traces().items()
    )


if __name__ == "__main__":
    if sys.argv[1:] != ["--accept"]:
        sys.exit(__doc__)
    TABLE.write_text(table(), encoding="utf-8")
