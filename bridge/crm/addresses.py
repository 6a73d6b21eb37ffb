"""Which addresses a request to a foreign host may go to. Pure: it resolves nothing and connects to nothing.

A public address is one that the IANA registries call global (RFC 6890). An address that only wraps an IPv4
address (mapped, 6to4, NAT64) is judged by what it wraps.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052
_UNICAST = ipaddress.IPv6Network("2000::/3")  # all that is given out so far
# What clouds answer with metadata and is not within the networks that no router carries: Azure's is public by
# its number, Oracle's is in a network that Python 3.11 takes to be public.
_METADATA = (ipaddress.IPv4Network("168.63.129.16/32"), ipaddress.IPv4Network("192.0.0.0/24"))
_WEB_PORTS = frozenset({80, 443})
_FIRST_FREE_PORT = 1024


@dataclass(frozen=True, slots=True)
class Allowed:
    """What the engineer lets us reach though it is not public: hosts, hosts with a port, networks."""

    hosts: frozenset[str] = frozenset()  # in lower case, without a trailing dot
    ports: frozenset[tuple[str, int]] = frozenset()
    networks: tuple[IpNetwork, ...] = field(default=())

    @classmethod
    def of(cls, entries: Iterable[str]) -> "Allowed":
        """``entries`` as ``outside.allow`` has them, checked there."""
        hosts: set[str] = set()
        ports: set[tuple[str, int]] = set()
        networks: list[IpNetwork] = []
        for entry in entries:
            try:
                networks.append(ipaddress.ip_network(entry))
                continue
            except ValueError:
                host, colon, port = entry.rpartition(":")
            if colon:
                ports.add((plain(host), int(port)))
            else:
                hosts.add(plain(entry))
        return cls(frozenset(hosts), frozenset(ports), tuple(networks))

    def names(self, host: str, port: int) -> bool:
        return plain(host) in self.hosts or (plain(host), port) in self.ports

    def why_not_port(self, host: str, port: int) -> str | None:
        """Ports below 1024 speak other protocols, which a request could be made to look like."""
        if port in _WEB_PORTS or port >= _FIRST_FREE_PORT or (plain(host), port) in self.ports:
            return None
        return f"port {port} is no web server's"

    def why_not(self, host: str, port: int, address: IpAddress) -> str | None:
        """None: it may be reached. Otherwise what is wrong with it."""
        fault = why_not_public(address)
        if fault is None or self.names(host, port):
            return None
        inner = _wrapped(address) or address
        if any(inner in network for network in self.networks if network.version == inner.version):
            return None
        return fault


def plain(host: str) -> str:
    """To compare names of hosts by."""
    return host.lower().rstrip(".").removeprefix("[").removesuffix("]")


def why_not_public(address: IpAddress) -> str | None:
    inner = _wrapped(address)
    if inner is not None:
        return why_not_public(inner)
    if isinstance(address, ipaddress.IPv6Address) and address.scope_id is not None:
        return "an address with a zone"
    for kind, found in (
        ("unspecified", address.is_unspecified),
        ("loopback", address.is_loopback),
        ("link-local", address.is_link_local),
        ("multicast", address.is_multicast),
        ("metadata", any(address in network for network in _METADATA)),
        ("private or reserved", not address.is_global or address.is_reserved),
    ):
        if found:
            return f"a {kind} address" if kind != "unspecified" else "an unspecified address"
    if isinstance(address, ipaddress.IPv6Address) and address not in _UNICAST:
        return "a reserved address"
    return None


def _wrapped(address: IpAddress) -> ipaddress.IPv4Address | None:
    if not isinstance(address, ipaddress.IPv6Address):
        return None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None
