"""The parts of tickets, put together: the one way in, what time does to them, their full text and files."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bridge.config import Settings
from bridge.crm.attachment_files import AttachmentFiles
from bridge.crm.ticket_index import TicketIndex
from bridge.crm.ticketing.desk import TicketDesk
from bridge.crm.ticketing.files import TicketFiles
from bridge.crm.ticketing.upkeep import TicketUpkeep
from bridge.engine.loop import utc_now
from bridge.store import Store


@dataclass(frozen=True, slots=True)
class Ticketing:
    desk: TicketDesk
    upkeep: TicketUpkeep
    index: TicketIndex
    files: TicketFiles

    def tasks(self) -> dict[str, Coroutine[Any, Any, None]]:
        return {"tickets": self.upkeep.run(), "ticket index": self.index.run()}


def ticketing_of(store: Store, settings: Callable[[], Settings]) -> Ticketing:
    """``settings`` as they are by now: they can be loaded anew."""
    desk = TicketDesk(store, settings, utc_now)
    # Where they lie is fixed at the start; how large they may be, and the key, as the file is by now.
    kept = AttachmentFiles(Path(settings().tickets.attachments.directory), lambda: settings().recordings.key)
    files = TicketFiles(store, desk, kept, lambda: settings().tickets.attachments)
    return Ticketing(desk, TicketUpkeep(store, desk), TicketIndex(store), files)
