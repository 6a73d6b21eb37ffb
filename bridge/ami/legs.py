"""Asterisk's channels as a graph: who dialled whom, who shares a bridge, which Local halves belong together.

Pure. It knows nothing of calls; ``follower`` decides what the graph means.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from bridge.ami.call_events import Party
from bridge.ami.messages import Channel, ChannelState

# Channels that Asterisk makes for its own use; nobody speaks on them.
_INTERNAL = frozenset(
    {"Announcer", "AsyncGoto", "Bridge", "CBAnn", "CBRec", "ConfBridgeRecorder", "Message", "Parked"}
    | {"Recorder", "Snoop", "Surrogate"}
)
_ANONYMOUS = frozenset({"", "anonymous", "restricted", "unavailable", "unknown", "private", "withheld"})


def plain_number(number: str) -> str | None:
    """None for what operators and phones put in the place of a number (RFC 3323: Anonymous)."""
    return None if number.strip().lower() in _ANONYMOUS else number


@dataclass(slots=True, eq=False)
class Leg:
    """One channel while it lives."""

    uniqueid: str
    name: str
    linkedid: str  # as at the first sight: Asterisk changes it when calls are bridged
    state: int
    number: str
    caller_name: str
    exten: str  # as at the first sight
    dialler: str | None = None  # uniqueid of the channel that dials, or dialled, this one
    outgoing: bool = False  # a list says that Asterisk made it to call somebody
    originated: bool = False  # dialled, but by no channel: Originate or ARI
    by_app: bool = False  # dialled over ARI on behalf of a call
    status: str = ""  # the last DialStatus
    forwarded: bool = False
    stolen: bool = False  # its ringing was picked up by another phone
    consulted: bool = False  # we said that it is asked by one of two who talk
    takes: bool = False  # it picked up a call that rang elsewhere, so it does not ring itself
    in_queue: bool = False
    holds: bool = False  # its phone does (RFC 3264, 8.4)
    rung: bool = False  # we said that it rings
    bridge: str | None = None
    cause: int = 0  # Q.850, once it is hung up
    withheld: bool = False  # the caller asked for privacy; kept once it is seen
    stale: bool = False  # not seen since we are connected again

    @property
    def local(self) -> bool:
        return self.name.startswith("Local/")

    @property
    def real(self) -> bool:
        """Somebody's phone or line, not a Local half nor one of Asterisk's own."""
        return not self.local and self.name.partition("/")[0] not in _INTERNAL

    @property
    def up(self) -> bool:
        return self.state == ChannelState.UP

    @property
    def dialled(self) -> bool:
        return self.originated or self.dialler is not None

    def party(self) -> Party:
        return Party(
            number=None if self.withheld else plain_number(self.number),
            name="" if self.withheld else self.caller_name,
            channel=self.name,
            uniqueid=self.uniqueid,
            dialled=self.exten,
            by_app=self.by_app,
        )


@dataclass(frozen=True, slots=True)
class Origin:
    """On whose behalf a leg is dialled: a real ``caller``, or the originated ``root`` of a click-to-dial.

    ``first`` is True for the leg by which such a call begins (it will be the caller).
    """

    caller: Leg | None = None
    root: Leg | None = None
    first: bool = False


class Legs:
    """All living legs. Bounded: ``oldest`` tells which one to give up when there are too many."""

    def __init__(self) -> None:
        self._by_id: dict[str, Leg] = {}
        self._by_name: dict[str, Leg] = {}
        self._bridges: dict[str, dict[str, Leg]] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[Leg]:
        return iter(list(self._by_id.values()))

    @property
    def bridges(self) -> int:
        return len(self._bridges)

    def get(self, uniqueid: str | None) -> Leg | None:
        return self._by_id.get(uniqueid) if uniqueid is not None else None

    def oldest(self) -> Leg:
        return next(iter(self._by_id.values()))

    def see(self, channel: Channel) -> Leg:
        """The leg of this channel, made now if we come in the middle of it, and brought up to date."""
        leg = self._by_id.get(channel.uniqueid)
        if leg is None:
            leg = Leg(
                uniqueid=channel.uniqueid,
                name=channel.name,
                linkedid=channel.linkedid,
                state=channel.state or 0,
                number=channel.number,
                caller_name=channel.caller_name,
                exten=channel.exten,
                withheld=channel.withheld,
            )
            self._by_id[leg.uniqueid] = leg
            self._by_name[leg.name] = leg
            return leg
        leg.stale = False
        leg.withheld = leg.withheld or channel.withheld
        if channel.name != leg.name and not channel.name.endswith("<ZOMBIE>"):
            self._by_name.pop(leg.name, None)
            leg.name = channel.name
            self._by_name[leg.name] = leg
        # Snapshots of one channel in events of different kinds may overtake each other [run], and a state
        # only ever grows (Down, Ring, Ringing, Up), so an older one is ignored.
        if channel.state is not None and channel.state > leg.state:
            leg.state = channel.state
        if channel.number or channel.caller_name:
            leg.number, leg.caller_name = channel.number, channel.caller_name
        return leg

    def forget(self, leg: Leg) -> None:
        self.leave(leg)
        self._by_id.pop(leg.uniqueid, None)
        if self._by_name.get(leg.name) is leg:
            del self._by_name[leg.name]

    def enter(self, leg: Leg, bridge: str) -> None:
        self.leave(leg)
        leg.bridge = bridge
        self._bridges.setdefault(bridge, {})[leg.uniqueid] = leg

    def leave(self, leg: Leg) -> None:
        if leg.bridge is None:
            return
        members = self._bridges.get(leg.bridge, {})
        members.pop(leg.uniqueid, None)
        if not members:
            self._bridges.pop(leg.bridge, None)
        leg.bridge = None

    def twin(self, half: Leg) -> Leg | None:
        """The other half of a Local channel: ``Local/x@y-00000001;1`` and ``…;2``."""
        stem, _, number = half.name.rpartition(";")
        if not half.local or number not in ("1", "2"):
            return None
        return self._by_name.get(f"{stem};{'2' if number == '1' else '1'}")

    def redial(self, source: Leg, new: Leg) -> None:
        """``new`` takes the place of ``source`` in everything that it dials."""
        for leg in self._by_id.values():
            if leg.dialler == source.uniqueid:
                leg.dialler = new.uniqueid

    def connected(self, leg: Leg) -> list[Leg]:
        """Every real leg whose media reach this one, through bridges and Local channels."""
        found = {leg.uniqueid: leg}
        todo = [leg]
        while todo:
            here = todo.pop()
            members = self._bridges.get(here.bridge, {}) if here.bridge is not None else {}
            twin = self.twin(here)
            for other in [*members.values(), *([twin] if twin is not None else [])]:
                if other.uniqueid not in found:
                    found[other.uniqueid] = other
                    todo.append(other)
        return [other for other in found.values() if other.real]

    def origin(self, target: Leg) -> Origin:
        """Walk from a dialled leg back through Local channels to whoever is behind the dialling."""
        here, seen = target, {target.uniqueid}
        while True:
            dialler = self.get(here.dialler)
            if dialler is None or dialler.uniqueid in seen:
                return Origin(root=here, first=True) if here.originated else Origin()
            seen.add(dialler.uniqueid)
            if not dialler.local:
                return Origin(caller=dialler) if dialler.real else Origin()
            if dialler.originated:
                # The half that Originate dialled goes on in the dialplan: it dials the second party.
                return Origin(root=dialler)
            twin = self.twin(dialler)
            if twin is None:
                return Origin()
            if twin.originated:
                return Origin(root=twin, first=True)
            if twin.dialler is None:
                # Made by a feature (an attended transfer by DTMF, say): who is bridged to it is behind it.
                return Origin(caller=next((leg for leg in self.connected(twin) if leg.up), None))
            here = twin
