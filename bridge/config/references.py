"""Checks what refers to what: numbers, menus, queues, agents, trunks, departments, music,
networks.

It works on the plain values as they were read, not on the models, so that these faults are reported beside
those of the models, in one go. Whatever has the wrong shape is passed over here: the models report it.
"""

import difflib
import ipaddress
from collections.abc import Collection, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from bridge.config.faults import Fault
from bridge.config.pieces import Path, items, mapping, targets
from bridge.config.source import Source, text_of

# What pjsip.conf and queues.conf name already; a trunk's or queue's section would be joined to it.
_TAKEN_BY_PJSIP = frozenset(
    {"global", "system", "anonymous", "agent", "agent_auth", "agent_aor", "trunk", "refused", "nat"}
)
_TAKEN_BY_QUEUES = frozenset({"general", "callbridge_queue"})
_TAKEN_BY_MUSIC = frozenset({"general"})


def check_references(source: Source) -> Iterator[Fault]:
    tree = source.tree
    yield from _names(source, mapping(tree, "trunks"), "trunks", _TAKEN_BY_PJSIP)
    yield from _names(source, mapping(tree, "queues"), "queues", _TAKEN_BY_QUEUES)
    yield from _names(source, mapping(tree, "asterisk", "music"), "asterisk.music", _TAKEN_BY_MUSIC)
    for path, target in targets(tree):
        yield from _target(source, path, target)
    yield from _aliases(source)
    for name, queue in mapping(tree, "queues").items():
        yield from _queue(source, name, queue)
    yield from _inbox(source)
    yield from _transfers(source)
    yield from _agents(source)
    yield from _trunks(source)
    yield from _ports(source)
    yield from _secrets(source)
    yield from _scripts(source)


def _names(source: Source, names: Mapping[str, Any], section: str, taken: Collection[str]) -> Iterator[Fault]:
    for name in names:
        if name in taken:
            yield source.fault(
                (*section.split("."), name), "is taken by Asterisk's files: choose another name", at_key=True
            )


def unknown(
    source: Source,
    path: Path,
    kind: str,
    name: Any,
    known: Collection[str],
    add: str,
    *,
    at_key: bool = False,
) -> Iterator[Fault]:
    """A fault when the name is none of those that there are. ``add``: where one of that name would stand."""
    name = text_of(name)
    if not isinstance(name, str) or name in known:
        return
    close = difflib.get_close_matches(name, known, n=1)
    shown = name[:60] if name.isprintable() else ascii(name[:60])
    hint = f"did you mean “{close[0]}”?" if close else f"add it under {add}, or name one of those"
    yield source.fault(path, f"no {kind} “{shown}”: {hint}", at_key=at_key)


def _inbox(source: Source) -> Iterator[Fault]:
    named = mapping(source.tree, "mail", "inbox").get("department")
    known = mapping(source.tree, "departments")
    yield from unknown(source, ("mail", "inbox", "department"), "department", named, known, "departments")


def _transfers(source: Source) -> Iterator[Fault]:
    agents = mapping(source.tree, "agents")
    for name, department in mapping(source.tree, "departments").items():
        for index, agent in enumerate(items(department, "supervisors")):
            here: Path = ("departments", name, "supervisors", index)
            yield from unknown(source, here, "agent", agent, agents, "agents")
    transfers = mapping(source.tree, "transfers")
    trunks = mapping(source.tree, "trunks")
    yield from unknown(source, ("transfers", "trunk"), "trunk", transfers.get("trunk"), trunks, "trunks")
    yield from _goes_out(source, ("transfers", "trunk"), transfers.get("trunk"))


def _target(source: Source, path: Path, target: Mapping[str, Any]) -> Iterator[Fault]:
    for key, section in (("queue", "queues"), ("menu", "menus"), ("agent", "agents"), ("trunk", "trunks")):
        known = mapping(source.tree, section)
        yield from unknown(source, (*path, key), key, target.get(key), known, section)
    yield from _goes_out(source, (*path, "trunk"), target.get("trunk"))


def _goes_out(source: Source, path: Path, trunk: Any) -> Iterator[Fault]:
    trunks, trunk = mapping(source.tree, "trunks"), text_of(trunk)
    if isinstance(trunk, str) and trunk in trunks and mapping(trunks, trunk).get("send_to") is None:
        yield source.fault(
            path,
            f"no call goes out by {trunk[:60]}: add send_to: sip:HOST:PORT to that trunk",
        )


def _aliases(source: Source) -> Iterator[Fault]:
    numbers = mapping(source.tree, "numbers")
    seen: dict[str, str] = {number: number for number in numbers}
    for number, wanted in numbers.items():
        for index, alias in enumerate(items(wanted, "aliases")):
            alias = text_of(alias)
            if not isinstance(alias, str):
                continue
            if alias in seen:
                yield source.fault(
                    ("numbers", number, "aliases", index),
                    f"{alias} stands elsewhere as a number or alias: remove it here",
                )
            seen[alias] = number


def _queue(source: Source, name: str, queue: Any) -> Iterator[Fault]:
    agents = mapping(source.tree, "agents")
    departments = mapping(source.tree, "departments")
    music = mapping(source.tree, "asterisk", "music") or {"default": ""}
    path: Path = ("queues", name)
    if not isinstance(queue, Mapping):
        return
    yield from unknown(
        source, (*path, "department"), "department", queue.get("department"), departments, "departments"
    )
    yield from unknown(source, (*path, "music"), "music class", queue.get("music"), music, "asterisk.music")
    seen: set[str] = set()
    for index, member in enumerate(items(queue, "members")):
        here: Path = (*path, "members", index)
        agent = member
        if isinstance(member, Mapping):
            here, agent = (*here, "agent"), member.get("agent")
        agent = text_of(agent)
        yield from unknown(source, here, "agent", agent, agents, "agents")
        if isinstance(agent, str):
            if agent in seen:
                yield source.fault(here, f"agent {agent[:20]} is in this queue twice: keep one of them")
            seen.add(agent)


def _agents(source: Source) -> Iterator[Fault]:
    owner: dict[str, str] = {}
    for agent, settings in mapping(source.tree, "agents").items():
        given = settings.get("endpoint") if isinstance(settings, Mapping) else None
        endpoint = given if isinstance(given, str) else f"PJSIP/{agent}"
        if endpoint in owner:
            yield source.fault(
                ("agents", agent, "endpoint"),
                f"{endpoint[:60]} is the phone of agent {owner[endpoint][:20]} already: one phone, one agent",
            )
        owner.setdefault(endpoint, agent)


def _trunks(source: Source) -> Iterator[Fault]:
    seen: list[tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, str]] = []
    for trunk, settings in mapping(source.tree, "trunks").items():
        for index, match in enumerate(items(settings, "match")):
            try:
                network = ipaddress.ip_network(match)
            except (ValueError, TypeError):
                continue
            if network.prefixlen == 0:
                continue  # a fault by itself
            for other, owner in seen:
                if owner != trunk and other.version == network.version and other.overlaps(network):
                    yield source.fault(
                        ("trunks", trunk, "match", index),
                        f"{network} overlaps {other} of trunk {owner}: a call could be of either",
                    )
            seen.append((network, trunk))


def _ports(source: Source) -> Iterator[Fault]:
    asterisk = mapping(source.tree, "asterisk")
    owner: dict[int, str] = {}
    for section, default in (("sip", 5060), ("http", 8088), ("ami", 5038)):
        port = mapping(asterisk, section).get("port", default)
        if not isinstance(port, int):
            continue
        if port in owner:
            yield source.fault(
                ("asterisk", section, "port"),
                f"{int(port)} is the port of asterisk.{owner[port]} already: choose another",
            )
        owner.setdefault(int(port), section)


def _scripts(source: Source) -> Iterator[Fault]:
    kinds = (("queue", "queue", "queues"), ("number", "number", "numbers"))
    for index, script in enumerate(items(source.tree, "scripts")):
        when = mapping(script, "when") if isinstance(script, Mapping) else {}
        for key, kind, section in kinds:
            wanted = when.get(key)
            several = wanted if isinstance(wanted, list) else [wanted]
            for name in several:
                if name is not None:
                    here: Path = ("scripts", index, "when", key)
                    yield from unknown(source, here, kind, name, mapping(source.tree, section), section)


def _secrets(source: Source) -> Iterator[Fault]:
    """A password in the database's address is a secret, unless it came from the environment."""
    url = mapping(source.tree, "store").get("url")
    place = source.values.get(("store", "url"))
    if not isinstance(url, str) or place is None or place.line == 0:
        return
    try:
        password = urlsplit(url).password
    except ValueError:
        return
    if password is not None:
        yield source.fault(
            ("store", "url"), "holds a password: give the whole URL in CALLBRIDGE_STORE_URL instead"
        )
