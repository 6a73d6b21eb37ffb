"""The parts of tickets, put together: the one way in, what time does to them, full text, files, mail."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from bridge.centre.facts import TicketAlarmed, TicketOpened
from bridge.config import Secrets, Settings
from bridge.crm.ticket_index import TicketIndex
from bridge.crm.ticketing.desk import TicketDesk
from bridge.crm.ticketing.files import TicketFiles
from bridge.crm.ticketing.upkeep import TicketUpkeep
from bridge.engine.loop import utc_now
from bridge.mailing import Mailing, mailing_of
from bridge.store import Store


@dataclass(frozen=True, slots=True)
class Ticketing:
    desk: TicketDesk
    upkeep: TicketUpkeep
    index: TicketIndex
    files: TicketFiles
    mailing: Mailing

    def tasks(self) -> dict[str, Coroutine[Any, Any, None]]:
        return {"tickets": self.upkeep.run(), "ticket index": self.index.run(), **self.mailing.tasks()}


def ticketing_of(
    store: Store,
    settings: Callable[[], Settings],
    secrets: Secrets,
    tell: Callable[[TicketOpened | TicketAlarmed], None],
) -> Ticketing:
    """``settings`` as they are by now: they can be loaded anew. ``tell``: see TicketDesk.

    Raises ConfigurationError.
    """
    desk = TicketDesk(store, settings, utc_now, tell)
    mailing = mailing_of(store, desk, settings, secrets)
    files = TicketFiles(store, desk, mailing.files, lambda: settings().tickets.attachments)
    return Ticketing(desk, TicketUpkeep(store, desk), TicketIndex(store), files, mailing)
