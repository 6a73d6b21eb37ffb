"""Owns which card is open on which agent's screen. Not how it gets there: live.py pushes, templates draw.

A card belongs to one agent and stays until the next one opens, the ring ends elsewhere, or the agent puts
it away; so a page that connects late, or again, is shown what is open now.
"""

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum

import structlog

from bridge.centre.ids import AgentId, CallId
from bridge.centre.orders import CallRecord, CloseCard, LegRecord, OpenCard
from bridge.crm.cards import Card, card_of
from bridge.store import Store

log = structlog.get_logger(__name__)

PATIENCE = 0.15  # seconds to wait for the store before the card opens with what the call itself tells


class CardState(Enum):
    RINGING = "ringing"
    TALKING = "talking"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class OpenedCard:
    """``card`` is None while the store has not answered: the caller's number is shown at once."""

    version: int
    order: OpenCard
    card: Card | None

    @property
    def call(self) -> CallId:
        return self.order.call

    @property
    def record(self) -> CallRecord:
        return self.order.record

    @property
    def leg(self) -> LegRecord | None:
        """The agent's own leg: the last one, should the call have come to him twice."""
        legs = [leg for leg in self.record.legs if leg.agent == self.order.agent]
        return legs[-1] if legs else None

    @property
    def state(self) -> CardState:
        if self.record.ended_at is not None or (self.leg is not None and self.leg.ended_at is not None):
            return CardState.ENDED
        return CardState.RINGING if self.record.answered_at is None else CardState.TALKING

    @property
    def since(self) -> datetime:
        match self.state:
            case CardState.ENDED:
                ended = self.record.ended_at or (self.leg.ended_at if self.leg else None)
                return ended or self.record.offered_at
            case CardState.TALKING:
                return self.record.answered_at or self.record.offered_at
            case CardState.RINGING:
                return (self.leg.ringing_at if self.leg else None) or self.record.offered_at


@dataclass(frozen=True, slots=True)
class CardOpened:
    """A card appeared. ``ringing_at`` is when the phone began to ring, as far as the call knows."""

    call: CallId
    agent: AgentId
    at: datetime
    ringing_at: datetime | None


class CardScreens:
    """Implements the engine's Screen port."""

    def __init__(self, store: Store, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._store = store
        self._now = now
        self._versions = itertools.count(1)
        self._open: dict[AgentId, OpenedCard] = {}
        self._put_away: dict[AgentId, CallId] = {}
        self._changed: set[Callable[[AgentId], None]] = set()
        self._opened: set[Callable[[CardOpened], None]] = set()

    # ── the Screen port ──────────────────────────────────────────────────────

    async def open_card(self, order: OpenCard) -> None:
        present = self._open.get(order.agent)
        if self._is_news_of_the_past(order, present):
            return
        first = present is None or present.call != order.call
        card = present.card if present is not None and not first else None
        opened = OpenedCard(next(self._versions), order, card)
        self._open[order.agent] = opened
        self._put_away.pop(order.agent, None)
        await self._fill(opened)
        if first:
            self._tell_opened(order)

    async def close_card(self, order: CloseCard) -> None:
        present = self._open.get(order.agent)
        if present is not None and present.call == order.call:
            del self._open[order.agent]
            self._tell_changed(order.agent)

    # ── for the pages ────────────────────────────────────────────────────────

    def current(self, agent: AgentId) -> OpenedCard | None:
        return self._open.get(agent)

    async def refresh(self, call: CallId) -> None:
        """What the store knows of this call has changed: a client chosen, a ticket, a recording."""
        for opened in [opened for opened in self._open.values() if opened.call == call]:
            renewed = replace(opened, version=next(self._versions))
            self._open[opened.order.agent] = renewed
            await self._fill(renewed)

    def put_away(self, agent: AgentId, call: CallId) -> None:
        """The agent is done with the card; later news of that call do not bring it back."""
        present = self._open.get(agent)
        if present is not None and present.call == call and present.state is CardState.ENDED:
            del self._open[agent]
            self._put_away[agent] = call
            self._tell_changed(agent)

    def on_change(self, notify: Callable[[AgentId], None]) -> Callable[[], None]:
        self._changed.add(notify)
        return lambda: self._changed.discard(notify)

    def on_opened(self, notify: Callable[[CardOpened], None]) -> Callable[[], None]:
        self._opened.add(notify)
        return lambda: self._opened.discard(notify)

    # ── inside ───────────────────────────────────────────────────────────────

    def _is_news_of_the_past(self, order: OpenCard, present: OpenedCard | None) -> bool:
        if order.record.ended_at is None:
            return False
        if self._put_away.get(order.agent) == order.call:
            return True
        # An ended call's last news must not push the card of the call that rings now off the screen.
        return present is not None and present.call != order.call

    async def _fill(self, opened: OpenedCard) -> None:
        """Ask the store once. Whoever opened a newer version meanwhile wins."""
        asking = asyncio.ensure_future(card_of(self._store, opened.order, opened.order.agent))
        try:
            done, _ = await asyncio.wait({asking}, timeout=PATIENCE)
            if not done:
                log.warning("the store is slow, card opens without it", action="card", call_id=opened.call)
                self._show(opened)
            card = await asking
        except BaseException:
            asking.cancel()
            self._show(opened)
            raise
        self._show(replace(opened, card=card))

    def _show(self, opened: OpenedCard) -> None:
        present = self._open.get(opened.order.agent)
        if present is not None and present.version == opened.version:
            self._open[opened.order.agent] = opened
            self._tell_changed(opened.order.agent)

    def _tell_changed(self, agent: AgentId) -> None:
        for notify in tuple(self._changed):
            notify(agent)

    def _tell_opened(self, order: OpenCard) -> None:
        leg = next((leg for leg in reversed(order.record.legs) if leg.agent == order.agent), None)
        opened = CardOpened(order.call, order.agent, self._now(), leg.ringing_at if leg else None)
        for notify in tuple(self._opened):
            notify(opened)
