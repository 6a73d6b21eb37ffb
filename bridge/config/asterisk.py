"""How to reach Asterisk, and how Asterisk itself is to be set up when Callbridge renders its files."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, field_validator, model_validator

from bridge.config.fields import Address, Codec, Host, HttpUrl, Name, Network, Path, Port, Section, User

_PRIVATE = ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")


class AriSettings(Section):
    url: HttpUrl = "http://127.0.0.1:8088"
    username: User = "callbridge"
    app: Name = Field(default="callbridge", description="the name of the Stasis application")


class AmiSettings(Section):
    host: Host = "127.0.0.1"
    port: Port = 5038
    username: User = "callbridge"
    bind: Address = Field(default="127.0.0.1", description="where Asterisk listens for AMI")

    @field_validator("username")
    @classmethod
    def _is_no_section_of_its_own(cls, value: str) -> str:
        if value == "general":
            raise ValueError("“general” is a section of manager.conf: choose another name")
        return value


class HttpSettings(Section):
    bind: Address = Field(default="127.0.0.1", description="where Asterisk listens for ARI and WebSockets")
    port: Port = 8088


class SipSettings(Section):
    bind: Address = "0.0.0.0"  # noqa: S104  phones and operators come from outside
    port: Port = 5060
    websocket: bool = Field(default=False, description="browsers' telephones over http.port, path /ws")
    codecs: tuple[Codec, ...] = Field(
        default=("alaw", "ulaw", "g722"), min_length=1, description="of agents' phones"
    )


class RtpSettings(Section):
    start: Annotated[int, Field(ge=1024, le=65534)] = 10000
    end: Annotated[int, Field(ge=1025, le=65535)] = 20000

    @model_validator(mode="after")
    def _is_a_range(self) -> "RtpSettings":
        if self.end - self.start < 3:
            raise ValueError(f"{self.start} to {self.end} is no usable range: a call takes four ports")
        return self


def _short_file_name(value: Any) -> Any:
    if isinstance(value, str) and "/" in value:
        raise ValueError("is a file's name in Asterisk's directory, without a path")
    return value


class AsteriskSettings(Section):
    ari: AriSettings = AriSettings()
    ami: AmiSettings = AmiSettings()
    http: HttpSettings = HttpSettings()
    sip: SipSettings = SipSettings()
    rtp: RtpSettings = RtpSettings()
    media_address: Address | None = Field(
        default=None, description="the address that phones outside local_networks send sound to, behind NAT"
    )
    local_networks: tuple[Network, ...] = Field(default=(), description="networks without NAT in between")
    control_networks: tuple[Network, ...] = Field(
        default=_PRIVATE, min_length=1, description="who may use ARI and AMI"
    )
    music: dict[Name, Path] = Field(
        default_factory=lambda: {"default": "moh"},
        description="classes of music on hold: each a folder, absolute or below Asterisk's data",
    )
    system_name: Name | None = Field(
        default=None, description="put before every channel's id, where several Asterisks serve one company"
    )
    keep: tuple[Annotated[Path, BeforeValidator(_short_file_name)], ...] = Field(
        default=(), description="files that you write yourself and Callbridge leaves alone, as [modules.conf]"
    )
