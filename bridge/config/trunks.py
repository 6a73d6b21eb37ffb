"""Trunks: the operators that calls come from, and by which Callbridge forwards calls."""

import re
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from bridge.config.company import Region
from bridge.config.fields import Codec, Host, Network, OutsideNumber, Port, Section, User
from bridge.config.handed import DialFormat

_SEND_TO = re.compile(
    r"sip:(?P<host>[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:]{2,39}\])(:(?P<port>[0-9]{1,5}))?"
)


@dataclass(frozen=True, slots=True)
class Server:
    host: str
    port: int

    @property
    def is_ipv6(self) -> bool:
        """Such an address stands in brackets in a SIP URI (RFC 3261, 25.1 IPv6reference)."""
        return ":" in self.host


def _server_of(address: str) -> Server | None:
    match = _SEND_TO.fullmatch(address)
    if match is None:
        return None
    port = int(match["port"] or 5060)
    return Server(match["host"].strip("[]"), port) if 0 < port < 65536 else None


def _send_to(value: str) -> str:
    if _server_of(value) is None:
        raise ValueError("is not the address of a SIP server: write sip:sip.example.org:5060")
    return value


class TrunkSettings(Section):
    """One operator. Calls are known to be his by the address that they come from."""

    match: tuple[Network, ...] = Field(
        default=(), max_length=100, description="addresses and networks that this operator's calls come from"
    )
    region: Region | None = Field(
        default=None, description="of numbers without a country code; the company's if absent"
    )
    codecs: tuple[Codec, ...] = Field(default=("alaw", "ulaw", "g722"), min_length=1)
    dtmf: Literal["rfc4733", "info", "inband", "auto"] = "rfc4733"
    host: Host | None = Field(default=None, description="the operator's server; calls from it match too")
    port: Port = 5060
    transport: Literal["udp", "tcp"] = "udp"
    username: User | None = Field(
        default=None,
        description="the account at the operator; its password is TRUNK_PASSWORD_NAME in the secrets file",
    )
    register_: bool = Field(default=False, alias="register", description="log in at the operator's server")
    send_to: Annotated[str, AfterValidator(_send_to)] | None = Field(
        default=None,
        description="where calls to numbers outside are sent; without it, none ever is",
        examples=["sip:sip.example.org:5060"],
        json_schema_extra={"pattern": "^sip:"},
    )
    dial_format: DialFormat = Field(
        default="e164",
        description="how a number with + is handed to the operator: as it is, with 00 for the +, its digits "
        "only, or as a subscriber in region: dials it",
    )
    caller_id: OutsideNumber | None = Field(
        default=None,
        description="the number shown to whom is called there; the account, or the client's own, if absent",
    )

    @model_validator(mode="after")
    def _is_complete(self) -> "TrunkSettings":
        if not self.match and self.host is None and self.send_to is None:
            raise ValueError("nothing tells this trunk's calls: give match: [network, …] or host:")
        if self.register_ and (self.host is None or self.username is None):
            raise ValueError("register: true needs host: and username:")
        if self.caller_id is not None and self.send_to is None:
            raise ValueError("caller_id: is for calls that go out: give send_to: as well, or remove it")
        if "dial_format" in self.model_fields_set and self.send_to is None:
            raise ValueError("dial_format: is for calls that go out: give send_to: as well, or remove it")
        return self

    @property
    def registrar(self) -> Server | None:
        return None if self.host is None else Server(self.host, self.port)

    @property
    def contact(self) -> Server | None:
        """Where Asterisk itself turns to: with calls, or else only to ask whether it is there."""
        return self.registrar if self.send_to is None else _server_of(self.send_to)
