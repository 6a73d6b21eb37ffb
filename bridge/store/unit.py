"""The unit of work: one transaction and the aggregates in it. It neither opens nor commits itself."""

from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncSession

from bridge.store.agents import Agents
from bridge.store.attachments import Attachments
from bridge.store.audit import Audit, SyncAudit
from bridge.store.call_cases import SyncCallCases
from bridge.store.call_tickets import SyncTickets
from bridge.store.calls import Calls, SyncCalls
from bridge.store.client_emails import ClientEmails
from bridge.store.client_sources import ClientSources, SyncClientSources
from bridge.store.clients import Clients, SyncClients
from bridge.store.deliveries import Deliveries
from bridge.store.entries import Entries
from bridge.store.facts import Facts, SyncFacts
from bridge.store.filters import Filters
from bridge.store.idempotency import Keys
from bridge.store.imports import Imports
from bridge.store.links import Links
from bridge.store.mailboxes import Mailboxes
from bridge.store.moves import Moves
from bridge.store.notices import Notices
from bridge.store.offers import Offers, SyncOffers
from bridge.store.outbox import SyncOutbox
from bridge.store.pauses import Pauses, SyncPauses
from bridge.store.recordings import Recordings, SyncRecordings
from bridge.store.stored import Stored, SyncStored
from bridge.store.subscriptions import SyncSubscriptions
from bridge.store.talks import SyncTalks, Talks
from bridge.store.templates import Templates
from bridge.store.ticket_changes import TicketChanges
from bridge.store.ticket_lists import TicketLists
from bridge.store.ticket_marks import TicketMarks
from bridge.store.ticket_search import SyncTicketSearch, TicketSearch
from bridge.store.tickets import Tickets
from bridge.store.tokens import Tokens
from bridge.store.users import Sessions, Users


class Unit:
    """What it gives out are plain rows, valid for ever; what it is told is kept when the unit is left."""

    __slots__ = (
        "agents",
        "attachments",
        "audit",
        "calls",
        "clients",
        "deliveries",
        "emails",
        "entries",
        "facts",
        "filters",
        "imports",
        "keys",
        "links",
        "mailboxes",
        "moves",
        "notices",
        "offers",
        "pauses",
        "recordings",
        "sessions",
        "sources",
        "stored",
        "talks",
        "templates",
        "ticket_changes",
        "ticket_lists",
        "ticket_marks",
        "ticket_search",
        "tickets",
        "tokens",
        "users",
    )

    def __init__(self, session: AsyncSession) -> None:
        self.clients = Clients(session)
        self.sources = ClientSources(session)
        self.emails = ClientEmails(session)
        self.calls = Calls(session)
        self.tickets = Tickets(session)
        self.entries = Entries(session)
        self.deliveries = Deliveries(session)
        self.mailboxes = Mailboxes(session)
        self.ticket_changes = TicketChanges(session)
        self.ticket_lists = TicketLists(session)
        self.notices = Notices(session)
        self.ticket_marks = TicketMarks(session)
        self.attachments = Attachments(session)
        self.templates = Templates(session)
        self.filters = Filters(session)
        self.ticket_search = TicketSearch(session)
        self.offers = Offers(session)
        self.moves = Moves(session)
        self.pauses = Pauses(session)
        self.recordings = Recordings(session)
        self.stored = Stored(session)
        self.talks = Talks(session)
        self.agents = Agents(session)
        self.users = Users(session)
        self.sessions = Sessions(session)
        self.tokens = Tokens(session)
        self.facts = Facts(session)
        self.audit = Audit(session)
        self.links = Links(session)
        self.keys = Keys(session)
        self.imports = Imports(session)


class SyncUnit:
    """A unit that awaits nothing: as much of the aggregates as every call needs, see ``Store.write``."""

    __slots__ = (
        "audit",
        "calls",
        "cases",
        "clients",
        "facts",
        "offers",
        "outbox",
        "pauses",
        "recordings",
        "sources",
        "stored",
        "subscriptions",
        "talks",
        "ticket_search",
        "tickets",
    )

    def __init__(self, connection: Connection) -> None:
        self.clients = SyncClients(connection)
        self.sources = SyncClientSources(connection)
        self.calls = SyncCalls(connection)
        self.cases = SyncCallCases(connection)
        self.tickets = SyncTickets(connection)
        self.ticket_search = SyncTicketSearch(connection)
        self.offers = SyncOffers(connection)
        self.pauses = SyncPauses(connection)
        self.recordings = SyncRecordings(connection)
        self.stored = SyncStored(connection)
        self.talks = SyncTalks(connection)
        self.facts = SyncFacts(connection)
        self.audit = SyncAudit(connection)
        self.subscriptions = SyncSubscriptions(connection)
        self.outbox = SyncOutbox(connection)
