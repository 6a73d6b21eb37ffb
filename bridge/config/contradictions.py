"""Checks what contradicts itself although each part of it is right: steps that narrow, ways out that nobody
can take or that lead round in a circle, codes that a phone could not tell apart, a key beside what it locks,
callers who are told that they are recorded where nobody is.

It works on the tree as it was read, piece by piece, for the same reason as references.py.
"""

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import PurePosixPath
from typing import Any

from bridge.config.destinations import Target
from bridge.config.faults import Fault
from bridge.config.features import ECHO_TEST, FeatureSettings
from bridge.config.pieces import Path, items, mapping, piece, pieces
from bridge.config.queues import QueueSettings, WideningSettings
from bridge.config.recordings import RecordingsSettings
from bridge.config.source import Source, text_of

_WAYS = {
    "on_full": ("max_waiting",),
    "on_empty": ("refuse_when", "leave_when"),
    "on_timeout": ("max_wait_seconds",),
}
_MOST_CIRCLES = 20


def check_contradictions(source: Source) -> Iterator[Fault]:
    for name, queue in mapping(source.tree, "queues").items():
        yield from _widening(source, ("queues", name, "widening"), queue)
        yield from _never_taken(source, ("queues", name), mapping(queue))
        yield from _consent_to_nothing(source, ("queues", name), mapping(queue))
    yield from _circles(source)
    yield from _codes(source)
    yield from _key_beside(source)


# ── widening ─────────────────────────────────────────────────────────────────


def _widening(source: Source, path: Path, queue: Any) -> Iterator[Fault]:
    before: WideningSettings | None = None
    for index, step in enumerate(pieces(WideningSettings, items(queue, "widening"))):
        here: Path = (*path, index)
        if before is not None:
            yield from _narrower(source, here, before, step)
        elif step.penalty is not None and step.after_seconds > 0:
            yield source.fault(
                (*here, "penalty"),
                "narrows: before the first step everybody is asked, so it begins with after_seconds: 0",
            )
        before = step


def _narrower(
    source: Source, here: Path, before: WideningSettings, step: WideningSettings
) -> Iterator[Fault]:
    if step.after_seconds <= before.after_seconds:
        yield source.fault(
            (*here, "after_seconds"),
            f"is not after the step before it: write more than {before.after_seconds}",
        )
    if step.penalty is not None and before.penalty is None:
        yield source.fault(
            (*here, "penalty"),
            "narrows, and steps only widen: the step before it (no penalty:) asks everybody; remove it",
        )
    elif step.penalty is not None and before.penalty is not None and step.penalty < before.penalty:
        yield source.fault(
            (*here, "penalty"),
            f"narrows, and steps only widen: write at least {before.penalty}, that of the step before it",
        )
    if step.lower_levels < before.lower_levels:
        yield source.fault(
            (*here, "lower_levels"),
            f"narrows (it is 0 if absent), and steps only widen: write at least {before.lower_levels},"
            " that of the step before it",
        )


# ── ways out of a queue ──────────────────────────────────────────────────────


def _never_taken(source: Source, path: Path, queue: Mapping[str, Any]) -> Iterator[Fault]:
    for way, conditions in _WAYS.items():
        given = [queue.get(condition) for condition in conditions]
        if queue.get(way) is not None and all(value in (None, "never") for value in given):
            wanted = " or ".join(f"{condition}:" for condition in conditions)
            yield source.fault(
                (*path, way), f"is never taken: give {wanted} as well, or remove it", at_key=True
            )


def _circles(source: Source) -> Iterator[Fault]:
    """A caller must not be sent from queue to queue for ever: full and empty queues send him on at once."""
    onward = {name: dict(_onward(mapping(queue))) for name, queue in mapping(source.tree, "queues").items()}
    order = list(onward)
    for _ in range(_MOST_CIRCLES):
        circle = _circle(onward)
        if not circle:
            return
        first = min(range(len(circle)), key=lambda index: order.index(circle[index]))
        circle = circle[first:] + circle[:first]
        here, after = circle[0], circle[1 % len(circle)]
        yield source.fault(
            ("queues", here, onward[here][after]),
            f"leads back here without any wait: {' → '.join((*circle, here))}; let one of them end otherwise,"
            " as in hang_up:",
            at_key=True,
        )
        for name in circle:
            del onward[name]


def _circle(onward: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Queues each of which sends on to the next, and the last to the first; none is empty."""
    try:
        TopologicalSorter(onward).prepare()
    except CycleError as error:
        # Its list runs against the way, and ends with the one that it begins with.
        found: list[str] = error.args[1]
        return found[:0:-1]
    return []


def _onward(queue: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The queues that this one sends a caller to at once, and by which of its ways."""
    for way in ("on_empty", "on_full"):
        target = piece(Target, queue.get(way))
        # A trunk that is down refuses at once, so what comes otherwise counts.
        while target is not None and target.number is not None:
            target = target.otherwise
        if target is not None and target.queue is not None:
            yield target.queue, way


# ── codes ────────────────────────────────────────────────────────────────────


def _extensions(source: Source) -> Iterator[tuple[str, str, Path]]:
    for name, queue in mapping(source.tree, "queues").items():
        extension = text_of(mapping(queue).get("extension"))
        if isinstance(extension, str):
            yield extension, f"queue {name[:20]}", ("queues", name, "extension")
    supervisor = text_of(mapping(source.tree, "transfers").get("supervisor"))
    if isinstance(supervisor, str):
        yield supervisor, "the supervisor", ("transfers", "supervisor")


def _codes(source: Source) -> Iterator[Fault]:
    """A phone must know which code is meant as soon as its digits are there, whatever may follow them."""
    features = piece(FeatureSettings, source.tree.get("features", {}))
    if features is None:
        return
    taken: list[tuple[str, str, Path]] = [(ECHO_TEST, "the echo test", ("features",))]
    for agent in mapping(source.tree, "agents"):
        taken.append((agent, f"agent {agent[:20]}", ("agents", agent)))
    for extension, owner, here in _extensions(source):
        for other, owner_too, _ in taken:
            if extension == other:
                yield source.fault(here, f"{extension} is {owner_too} already: choose another extension")
        taken.append((extension, owner, here))
    for feature, code in features.codes():
        here = ("features", feature.value)
        for other, owner, there in taken:
            if code.startswith(other) or other.startswith(code):
                yield source.fault(
                    # Of two codes, the one that stands in the file is at fault: the other may be the default.
                    here if here in source.keys else there,
                    f"{code} ({feature.value}) and {other[:20]} ({owner}) cannot be told apart:"
                    " neither may begin with the other, choose another code",
                )
        taken.append((code, feature.value, here))


# ── recordings ───────────────────────────────────────────────────────────────


def _key_beside(source: Source) -> Iterator[Fault]:
    recordings = piece(RecordingsSettings, source.tree.get("recordings", {}))
    if recordings is None or recordings.key_file is None:
        return
    if PurePosixPath(recordings.directory) in PurePosixPath(recordings.key_file).parents:
        yield source.fault(
            ("recordings", "key_file"),
            "lies in recordings.directory, so that who copies the recordings copies their key: move it out",
        )


def _consent_to_nothing(source: Source, path: Path, queue: Mapping[str, Any]) -> Iterator[Fault]:
    about_it = {key: queue[key] for key in ("record", "consent") if key in queue}
    settings = piece(QueueSettings, {"title": "whatever else is wrong with it", **about_it})
    if settings is not None and settings.consent and not settings.record:
        yield source.fault(
            (*path, "consent"),
            "is said to callers whom this queue does not record: remove it, or record: false",
            at_key=True,
        )
