"""The whole YAML file as one typed, frozen value. What refers to what is checked in references.py."""

from datetime import timedelta

from pydantic import Field

from bridge.config.agents import AgentSettings
from bridge.config.asterisk import AsteriskSettings
from bridge.config.callbacks import CallbackSettings
from bridge.config.clients import ClientSettings
from bridge.config.company import CompanySettings
from bridge.config.departments import DepartmentSettings
from bridge.config.directories import DirectorySettings
from bridge.config.features import DISPOSITIONS, PAUSES, FeatureSettings
from bridge.config.fields import AgentKey, Name, Number, Priority, ReasonDigit, Section, Tier
from bridge.config.handed import Handed
from bridge.config.mail import MailSettings
from bridge.config.menus import MenuSettings
from bridge.config.numbers import NumberSettings
from bridge.config.outside import OutsideSettings
from bridge.config.queues import QueueSettings
from bridge.config.recordings import RecordingsSettings
from bridge.config.scripts import ScriptSettings
from bridge.config.store import StoreSettings
from bridge.config.tickets import TicketSettings
from bridge.config.transfers import TransferSettings
from bridge.config.trunks import TrunkSettings
from bridge.config.web import WebSettings


class Settings(Section):
    """Callbridge's configuration: everything that the telephony engineer decides."""

    company: CompanySettings
    trunks: dict[Name, TrunkSettings] = Field(default_factory=dict)
    numbers: dict[Number, NumberSettings] = Field(default_factory=dict)
    agents: dict[AgentKey, AgentSettings] = Field(default_factory=dict)
    departments: dict[Name, DepartmentSettings] = Field(default_factory=dict)
    queues: dict[Name, QueueSettings] = Field(default_factory=dict)
    menus: dict[Name, MenuSettings] = Field(default_factory=dict)
    tiers: dict[Tier, Priority] = Field(
        default_factory=dict,
        description="tier of a client → priority in every queue; 0 for all others",
        examples=[{"gold": 10, "silver": 5}],
    )
    pauses: dict[ReasonDigit, Name] = Field(
        default_factory=lambda: dict(PAUSES),
        min_length=1,
        description="digit → reason; the first one is meant when no digit is dialled",
    )
    dispositions: dict[ReasonDigit, Name] = Field(
        default_factory=lambda: dict(DISPOSITIONS), min_length=1, description="digit → how a call ended"
    )
    clients: ClientSettings = ClientSettings()
    tickets: TicketSettings = TicketSettings()
    features: FeatureSettings = FeatureSettings()
    transfers: TransferSettings = TransferSettings()
    asterisk: AsteriskSettings = AsteriskSettings()
    web: WebSettings = WebSettings()
    store: StoreSettings = StoreSettings()
    recordings: RecordingsSettings = RecordingsSettings()
    directories: dict[Name, DirectorySettings] = Field(
        default_factory=dict,
        max_length=20,
        description="asked who a caller is when the own clients do not tell",
    )
    scripts: tuple[ScriptSettings, ...] = Field(
        default=(), max_length=200, description="what an agent says: the first one that fits is on the card"
    )
    outside: OutsideSettings = OutsideSettings()
    callbacks: CallbackSettings = CallbackSettings()
    mail: MailSettings | None = Field(
        default=None,
        description="sends links to recordings, which are copied by hand without it, and mail of tickets",
    )

    @property
    def supervisors(self) -> dict[str, tuple[str, ...]]:
        """Department → the agents who are named as its supervisors."""
        return {name: department.supervisors for name, department in self.departments.items()}

    def keep_recordings(self) -> tuple[timedelta | None, dict[str, timedelta | None]]:
        """How long without a queue's own word, and by the words of queues; None is for ever."""
        own = {name: queue.keep_recordings_days for name, queue in self.queues.items()}
        days = self.recordings.keep_days
        return (
            timedelta(days=days) if days is not None else None,
            {name: timedelta(days=days) if days else None for name, days in own.items() if days is not None},
        )

    def region_of_trunk(self, trunk: str) -> str:
        """The country of numbers without a country code; the company's for a trunk that is not known."""
        settings = self.trunks.get(trunk)
        return (settings.region if settings else None) or self.company.region

    def handed(self) -> dict[str, Handed]:
        """Trunk → how its operator is given the numbers that are called by it."""
        return {
            name: Handed(trunk.dial_format, self.region_of_trunk(name)) for name, trunk in self.trunks.items()
        }

    def department_of(self, queue: str | None) -> str:
        """Whose tickets this queue's calls become; "" for none, or for a queue that is not known.

        A queue without a department is one of its own, of the queue's name.
        """
        settings = self.queues.get(queue) if queue is not None else None
        return "" if queue is None or settings is None else settings.department or queue

    def department_names(self) -> frozenset[str]:
        """All that tickets may be of: those of the file, and each queue that is one of its own."""
        return frozenset(self.departments) | {self.department_of(queue) for queue in self.queues}
