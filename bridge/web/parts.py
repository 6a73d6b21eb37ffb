"""Owns what the web room is given by the composition root, and the typed keys of the application."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from bridge.centre.plan import Plan
from bridge.config.custom_fields import FieldSettings
from bridge.config.scripts import ScriptSettings
from bridge.crm.mail import Mailer
from bridge.crm.subscribers import Subscribers
from bridge.crm.ticketing.desk import TicketDesk
from bridge.crm.ticketing.files import TicketFiles
from bridge.crm.vault import Vault
from bridge.engine.ports import Desk
from bridge.store import Store


@dataclass(frozen=True, slots=True)
class ApiRules:
    """What the engineer says of the API. ``import_bytes`` is of one CSV file."""

    per_second: int = 50
    burst: int = 500
    demand_if_match: bool = False
    import_bytes: int = 200 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class WebParts:
    """``region`` is where a number without a country code is taken to be from ("RU").

    ``plan`` is the engineer's, ``in_force`` the same with the supervisors' moves. ``departments`` are those
    that are named, each with its supervisors. Without ``mailer`` links are passed on by hand.
    ``directory_title``: of an external directory, by its name. ``client_fields``: the company's own, of
    clients.
    """

    store: Store
    desk: Desk
    recordings: Vault
    region: Callable[[], str]
    plan: Callable[[], Plan]
    in_force: Callable[[], Plan]
    public_url: str
    departments: Callable[[], Mapping[str, Collection[str]]]
    tickets: TicketDesk
    mailer: Mailer | None = None
    scripts: Callable[[], Sequence[ScriptSettings]] = tuple
    directory_title: Callable[[str], str] = str
    subscribers: Subscribers | None = None  # of call events
    rules: Callable[[], ApiRules] = ApiRules
    files: TicketFiles | None = None  # of tickets
    client_fields: Callable[[], Sequence[FieldSettings]] = tuple
