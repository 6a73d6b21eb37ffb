"""Trunks: the operators that calls come from."""

from typing import Literal

from pydantic import Field, model_validator

from bridge.config.company import Region
from bridge.config.fields import Codec, Host, Network, Port, Section, User


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

    @model_validator(mode="after")
    def _is_complete(self) -> "TrunkSettings":
        if not self.match and self.host is None:
            raise ValueError("nothing tells this trunk's calls: give match: [network, …] or host:")
        if self.register_ and (self.host is None or self.username is None):
            raise ValueError("register: true needs host: and username:")
        return self
