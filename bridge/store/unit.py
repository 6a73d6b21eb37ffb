"""The unit of work: one transaction and the aggregates in it. It neither opens nor commits itself."""

from sqlalchemy.ext.asyncio import AsyncSession

from bridge.store.agents import Agents
from bridge.store.calls import Calls
from bridge.store.clients import Clients
from bridge.store.facts import Facts
from bridge.store.moves import Moves
from bridge.store.offers import Offers
from bridge.store.recordings import Recordings
from bridge.store.tickets import Tickets
from bridge.store.tokens import Tokens
from bridge.store.users import Sessions, Users


class Unit:
    """What it gives out are plain rows, valid for ever; what it is told is kept when the unit is left."""

    __slots__ = (
        "agents",
        "calls",
        "clients",
        "facts",
        "moves",
        "offers",
        "recordings",
        "sessions",
        "tickets",
        "tokens",
        "users",
    )

    def __init__(self, session: AsyncSession) -> None:
        self.clients = Clients(session)
        self.calls = Calls(session)
        self.tickets = Tickets(session)
        self.offers = Offers(session)
        self.moves = Moves(session)
        self.recordings = Recordings(session)
        self.agents = Agents(session)
        self.users = Users(session)
        self.sessions = Sessions(session)
        self.tokens = Tokens(session)
        self.facts = Facts(session)
