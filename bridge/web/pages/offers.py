"""Owns why an agent was offered a call, as people read it: each choice of the router with its offers."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from bridge.centre.explain import Verdict
from bridge.store.rows import CandidateRow, OfferRow


@dataclass(frozen=True, slots=True)
class Asked:
    """Several offers when all phones rang at once: they share the moment, the queue and the candidates."""

    offers: tuple[OfferRow, ...]

    @property
    def at(self) -> datetime:
        return self.offers[0].at

    @property
    def first(self) -> OfferRow:
        return self.offers[0]

    @property
    def candidates(self) -> tuple[CandidateRow, ...]:
        return self.offers[0].candidates

    @property
    def counts(self) -> tuple[tuple[str, int], ...]:
        """How many of each verdict, in the verdicts' own order."""
        found = Counter(candidate.verdict for candidate in self.candidates)
        return tuple((verdict.value, found[verdict.value]) for verdict in Verdict if found[verdict.value])

    def metric_of(self, agent: str) -> str:
        return next((one.metric for one in self.candidates if one.agent == agent), "")


def asked(offers: Iterable[OfferRow]) -> tuple[Asked, ...]:
    return tuple(
        Asked(tuple(group)) for _, group in groupby(offers, key=lambda offer: (offer.at, offer.queue))
    )
