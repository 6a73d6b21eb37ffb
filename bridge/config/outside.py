"""What Callbridge may reach beyond itself: foreign hosts that are asked or told over HTTP."""

import ipaddress
import re
from typing import Annotated

from pydantic import AfterValidator, Field

from bridge.config.fields import Section

_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9])?")
_WITH_PORT = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]{2,45}\]|[^:\[\]]+):(?P<port>[0-9]{1,5})")


def _target(written: str) -> str:
    """A network, an address, a host, or one of the latter two with a port."""
    try:
        network = ipaddress.ip_network(written)
    except ValueError:
        pass
    else:
        if network.prefixlen == 0:
            raise ValueError(f"{network} is the whole Internet: name the networks you mean")
        return str(network)
    written = written.removesuffix(".").lower()
    host = written
    if match := _WITH_PORT.fullmatch(written):
        host = match["host"].strip("[]")
        if not 1 <= int(match["port"]) <= 65535:
            raise ValueError(f"{match['port']} is no port: 1 to 65535")
        try:
            ipaddress.ip_address(host)
        except ValueError:
            pass
        else:
            return written
    if _HOST.fullmatch(host) is None:
        shown = f"“{written[:60]}”" if written.isprintable() else ascii(written[:60])
        raise ValueError(f"{shown} is no host: write crm.lan, crm.lan:8080, 10.1.2.3 or 10.1.0.0/16")
    return written


Target = Annotated[str, AfterValidator(_target)]


class OutsideSettings(Section):
    allow: tuple[Target, ...] = Field(
        default=(),
        max_length=100,
        description="hosts that may be reached though their addresses are not public: name, name:port, "
        "address or network; without it a directory or a receiver in your own network is refused",
        examples=[["crm.lan", "directory.lan:8080", "10.20.0.0/16"]],
    )
