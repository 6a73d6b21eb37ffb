"""Why a call was offered to these agents, as text and as JSON: what the store keeps of it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bridge.centre.explain import Verdict
from bridge.centre.ids import call_of
from bridge.errors import BadInput
from bridge.store import Store
from bridge.store.rows import CallRow, CandidateRow, OfferRow

_COLUMNS = ("rank", "agent", "name", "verdict", "detail", "metric")


@dataclass(frozen=True, slots=True)
class Explanation:
    """``call`` is None when only offers of it were kept."""

    id: str
    call: CallRow | None
    offers: Sequence[OfferRow]
    names: Mapping[str, str]  # agent → name, as the YAML file has them now

    def waited(self, offer: OfferRow) -> timedelta | None:
        """From the entry into the queue to this offer; None when the entry is not known."""
        since = self.call.queued_at if self.call is not None else None
        return offer.at - since if since is not None and since <= offer.at else None


async def explanation_of(store: Store, id: str, names: Mapping[str, str]) -> Explanation:
    """``id`` is the call's, or that of any leg of it."""
    call_id = call_of(id)
    async with store.view() as unit:
        call = await unit.calls.get(call_id)
        offers = await unit.offers.of_call(call_id)
    if call is None and not offers:
        raise BadInput(
            f"call {id[:80]!r}: there is no such call; its id is the last part of its page's address"
        )
    return Explanation(call_id, call, offers, names)


# ── as JSON ──────────────────────────────────────────────────────────────────


def as_json(explanation: Explanation) -> Iterator[str]:
    """A line for each offer, in their order."""
    for offer in explanation.offers:
        waited = explanation.waited(offer)
        line: dict[str, Any] = asdict(offer) | {
            "at": offer.at.isoformat(),
            "ended_at": offer.ended_at.isoformat() if offer.ended_at is not None else None,
            "waited_seconds": waited.total_seconds() if waited is not None else None,
            "needs": dict(offer.needs),
            "candidates": [
                {**asdict(candidate), "name": explanation.names.get(candidate.agent)}
                for candidate in offer.candidates
            ],
        }
        yield json.dumps(line, ensure_ascii=False)


# ── as text ──────────────────────────────────────────────────────────────────


def as_text(explanation: Explanation) -> Iterator[str]:
    if not explanation.offers:
        yield no_offers(explanation)
        return
    yield f"call {_plain(explanation.id)}: offers: {len(explanation.offers)} (times are UTC)"
    for number, offer in enumerate(explanation.offers, 1):
        yield ""
        yield f"{number}. {_time(offer.at)}  queue {_plain(offer.queue)}  {offer.strategy}"
        for what, words in _facts(explanation, offer):
            yield f"   {what:<8}  {words}"
        yield ""
        yield from _table(explanation, offer.candidates)


def no_offers(explanation: Explanation) -> str:
    call = explanation.call
    outcome = call.outcome.value if call is not None and call.outcome is not None else None
    queued = f"in queue {_plain(call.queue)}" if call is not None and call.queue else "never in a queue"
    return (
        f"call {_plain(explanation.id)}: it was offered to nobody; {queued}, "
        f"{f'outcome {outcome}' if outcome else 'no outcome yet'}"
    )


def _facts(explanation: Explanation, offer: OfferRow) -> Iterator[tuple[str, str]]:
    waited = explanation.waited(offer)
    if waited is not None:
        yield "waited", _seconds(waited)
    needs = ", ".join(f"{_plain(skill)} {level}" for skill, level in offer.needs)
    yield "needs", needs or "no skill"
    if offer.highest_penalty is not None:
        yield "asked", f"penalties up to {offer.highest_penalty}"
    if offer.preferred is not None:
        yield "prefers", _person(explanation, offer.preferred)
    chosen = [one.agent for one in offer.candidates if one.verdict == Verdict.CHOSEN.value]
    others = ", ".join(_person(explanation, agent) for agent in chosen if agent != offer.agent)
    yield "chose", _person(explanation, offer.agent) + (f"; rung with him: {others}" if others else "")
    if offer.end is None:
        yield "ended", "not yet, or nobody told"
    elif offer.ended_at is None:
        yield "ended", offer.end
    else:
        yield "ended", f"{offer.end} after {_seconds(offer.ended_at - offer.at)}"


def _table(explanation: Explanation, candidates: Sequence[CandidateRow]) -> Iterator[str]:
    rows = [_COLUMNS] + [
        (
            "" if one.rank is None else str(one.rank),
            one.agent,
            _plain(explanation.names.get(one.agent, "")),
            one.verdict,
            _plain(one.detail),
            _plain(one.metric),
        )
        for one in candidates
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    for row in rows:
        yield "   " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _person(explanation: Explanation, agent: str) -> str:
    return " ".join(filter(None, (agent, _plain(explanation.names.get(agent, "")))))


def _time(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def _seconds(time: timedelta) -> str:
    return f"{time.total_seconds():.1f} s"


def _plain(text: str) -> str:
    """What somebody typed must not steer the terminal that shows it."""
    return "".join(sign if sign.isprintable() else "?" for sign in text)
