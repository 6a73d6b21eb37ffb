"""Owns which card is open on which agent's screen. Not how it gets there: live.py pushes, templates draw.

A card belongs to one agent and stays until the next one opens, the ring ends elsewhere, or the agent puts
it away; so a page that connects late, or again, is shown what is open now. The store is asked when a page
draws the card, and never for an agent who has no page open.
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
    """``card`` is None while the store has not answered: the caller's number is shown at once.

    ``stale``: the store knows more by now, so it is asked again; until then the old one is shown.
    """

    version: int
    order: OpenCard
    card: Card | None
    stale: bool = True

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
    def talked(self) -> bool:
        """The agent with the client, by this call."""
        legs = self.record.legs
        return any(leg.agent == self.order.agent and leg.answered_at is not None for leg in legs)

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
        self._asking: dict[AgentId, tuple[int, asyncio.Task[None]]] = {}  # the version that is asked about
        self._put_away: dict[AgentId, CallId] = {}
        self._changed: set[Callable[[AgentId], None]] = set()
        self._opened: set[Callable[[CardOpened], None]] = set()

    # ── the Screen port ──────────────────────────────────────────────────────

    async def open_card(self, order: OpenCard) -> None:
        present = self._open.get(order.agent)
        if self._is_news_of_the_past(order, present):
            return
        if present is None or present.call != order.call:
            first, card, stale = True, None, True
        else:
            first, card = False, present.card
            stale = present.stale or _who(order) != _who(present.order)
        self._open[order.agent] = OpenedCard(next(self._versions), order, card, stale)
        self._put_away.pop(order.agent, None)
        self._tell_changed(order.agent)
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

    async def drawn(self, agent: AgentId) -> OpenedCard | None:
        """As ``current``, with what the store knows, if it answers in time: else the page is told later."""
        opened = self._open.get(agent)
        if opened is None or not opened.stale:
            return opened
        version, asking = self._asking.get(agent, (0, None))
        if asking is None or version != opened.version:
            asking = asyncio.create_task(self._ask(opened), name=f"card {agent}")
            self._asking[agent] = (opened.version, asking)
        done, _ = await asyncio.wait({asking}, timeout=PATIENCE)
        if not done:
            log.warning("the store is slow, card opens without it", action="card", call_id=opened.call)
            asking.add_done_callback(lambda _: self._tell_changed(agent))
        return self._open.get(agent)

    async def close(self) -> None:
        asking = [task for _, task in self._asking.values()]
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)

    def refresh(self, call: CallId) -> None:
        """What the store knows of this call has changed: a client chosen, a ticket, a recording."""
        for agent, opened in self._open.items():
            if opened.call == call:
                self._open[agent] = replace(opened, version=next(self._versions), stale=True)
                self._tell_changed(agent)

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

    async def _ask(self, opened: OpenedCard) -> None:
        """Once. Whoever opened a newer version meanwhile wins; he asks again."""
        agent = opened.order.agent
        try:
            card = await card_of(self._store, opened.order, agent)
            if (present := self._open.get(agent)) is not None and present.version == opened.version:
                self._open[agent] = replace(opened, card=card, stale=False)
        except Exception:  # a task of its own: nobody else would hear of it
            # The card stays as it is, and the next one who draws it asks again.
            log.exception("the store does not tell of a call", action="card", call_id=opened.call)
        finally:
            if self._asking.get(agent, (0, None))[0] == opened.version:
                del self._asking[agent]

    def _tell_changed(self, agent: AgentId) -> None:
        for notify in tuple(self._changed):
            notify(agent)

    def _tell_opened(self, order: OpenCard) -> None:
        leg = next((leg for leg in reversed(order.record.legs) if leg.agent == order.agent), None)
        opened = CardOpened(order.call, order.agent, self._now(), leg.ringing_at if leg else None)
        for notify in tuple(self._opened):
            notify(opened)


def _who(order: OpenCard) -> object:
    """What decides whose data are on the card."""
    return order.candidates, order.record.client, order.record.verdict, order.asking
