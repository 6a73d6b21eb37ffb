"""A comparison of days as a table and as JSON. Owns the words and the columns; measures nothing."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from bridge.centre.figures import SHORT_ABANDON, Figures
from bridge.centre.ids import QueueName
from bridge.simulate import Column, Report

_LABEL, _WIDTH = 36, 16
_NOTHING = "–"
_MODEL = (
    "SL: answered within T ÷ (offered − short abandons). SL2: answered within T ÷ answered.",
    "Waits are of who was answered. AHT: talk + wrap-up. Occupancy: handle ÷ (handle + available).",
    "The first two columns show how far the model is from this day. In it every phone is answered after",
    "its agent's mean ring time, a wrap-up lasts as long as the queue allows, nobody pauses, and an agent",
    "is there from his first leg of the day to his last. Who gave up that day gives up after as long a",
    "wait; who was answered waits for ever, or as long as the queue lets him: with fewer agents, waits",
    "come out too long and too few give up. Strategies and queues are those of the plan.",
)

Row = tuple[str, Callable[[Figures], str]]


def as_text(report: Report) -> Iterator[str]:
    offered = report.columns[0].all.offered
    yield f"{report.log}: {offered} calls that came to a queue"
    yield from report.notes
    for name in report.columns[0].queues:
        queue = report.plan.queues[name]
        before, after = report.strategies[name]
        strategies = dict(zip(("resimulated", "changed"), (before, after), strict=True))
        yield ""
        yield _line(name, [column.title for column in report.columns])
        yield _line("  strategy", [strategies.get(column.key, _NOTHING) for column in report.columns])
        figures = [column.queues[name] for column in report.columns]
        yield from _rows(figures, f"{_seconds(queue.service_level)}")
    yield ""
    yield _line("in all", [column.title for column in report.columns])
    levels = {queue.service_level for queue in report.plan.queues.values()}
    level = _seconds(next(iter(levels))) if len(levels) == 1 else "each queue's T"
    yield from _rows([column.all for column in report.columns], level)
    yield ""
    yield from _MODEL


def _rows(figures: Sequence[Figures], level: str) -> Iterator[str]:
    rows: Sequence[Row] = (
        ("agents", lambda one: str(one.agents)),
        ("offered", lambda one: str(one.offered)),
        ("answered", lambda one: str(one.answered)),
        ("abandoned", lambda one: str(one.abandoned)),
        (f"  under {SHORT_ABANDON.total_seconds():.0f} s (short)", lambda one: str(one.short_abandons)),
        ("left by another way", lambda one: str(one.left)),
        ("nobody was there any more", lambda one: str(one.waiting)),
        (f"SL ({level})", lambda one: _percent(one.sl)),
        (f"SL2 ({level})", lambda one: _percent(one.sl2)),
        ("wait, mean", lambda one: _tenths(one.wait_mean)),
        ("wait, p50", lambda one: _tenths(one.wait_p50)),
        ("wait, p90", lambda one: _tenths(one.wait_p90)),
        ("wait, max", lambda one: _tenths(one.wait_max)),
        ("AHT", lambda one: _tenths(one.aht)),
        ("occupancy", lambda one: _percent(one.occupancy)),
        ("calls per agent, min … max", _calls),
    )
    for label, value in rows:
        yield _line(f"  {label}", [value(one) for one in figures])


def _line(label: str, cells: Sequence[str]) -> str:
    # A name may be longer than its column: what it heads stays aligned below it.
    return f"{label:<{_LABEL}}" + "".join(f"{cell:>{_WIDTH}}" for cell in cells)


def _percent(share: float | None) -> str:
    return _NOTHING if share is None else f"{share * 100:.1f} %"


def _tenths(time: timedelta | None) -> str:
    return _NOTHING if time is None else f"{time.total_seconds():.1f} s"


def _seconds(time: timedelta) -> str:
    return f"{time.total_seconds():.0f} s"


def _calls(one: Figures) -> str:
    return _NOTHING if one.calls_min is None else f"{one.calls_min} … {one.calls_max}"


# ── as JSON ──────────────────────────────────────────────────────────────────


def as_json(report: Report) -> str:
    """One object; times in seconds, shares from 0 to 1, null where nothing could be measured."""
    change = report.change
    return json.dumps(
        {
            "log": report.log,
            "change": {
                "queue": change.queue,
                "strategy": change.strategy.value if change.strategy is not None else None,
                "agents": change.agents,
            },
            "notes": report.notes,
            "queues": {
                name: {
                    "service_level_seconds": report.plan.queues[name].service_level.total_seconds(),
                    "strategies": {"resimulated": before, "changed": after},
                    **_columns(report.columns, name),
                }
                for name, (before, after) in report.strategies.items()
            },
            "all": _columns(report.columns, None),
        },
        indent=2,
        ensure_ascii=False,
    )


def _columns(columns: Sequence[Column], queue: QueueName | None) -> Mapping[str, Any]:
    return {
        column.key: {
            f"{key}_seconds" if isinstance(value, timedelta) or key in _TIMES else key: _plain(value)
            for key, value in asdict(column.all if queue is None else column.queues[queue]).items()
        }
        for column in columns
    }


_TIMES = {"wait_mean", "wait_p50", "wait_p90", "wait_max", "aht"}


def _plain(value: Any) -> Any:
    match value:
        case timedelta():
            return round(value.total_seconds(), 3)
        case float():
            return round(value, 4)
        case _:
            return value
