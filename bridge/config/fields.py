"""The words that may stand in the YAML file: names, numbers, sounds, plain text. Knows no topic.

Several of them end up in Asterisk's configuration files, where a line break starts a new setting, ``;`` a
comment, ``[`` a section, ``#`` a directive and ``${`` an expression. They are refused here, once, for all.
"""

import ipaddress
import re
import unicodedata
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from bridge.config.source import text_of


class Section(BaseModel):
    """One mapping of the YAML file. Frozen, and a key that it does not know is a fault."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def _as_written(value: Any) -> Any:
    """``1001`` and ``+74950000001`` without quotes are numbers to YAML: take them as they are written."""
    return text_of(value)


def _matching(pattern: str, remedy: str) -> Any:
    compiled = re.compile(pattern)

    def check(value: str) -> str:
        if compiled.fullmatch(value) is None:
            raise ValueError(f"{_shown(value)} {remedy}")
        return value

    return AfterValidator(check)


def _shown(value: str) -> str:
    return ascii(value[:60]) if not value.isprintable() else f"“{value[:60]}”"


def _without_control_characters(value: str) -> str:
    for character in value:
        if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}:
            raise ValueError(f"{_shown(value)} holds U+{ord(character):04X}, which is invisible: remove it")
    if value != value.strip():
        raise ValueError(f"{_shown(value)} begins or ends with a blank: remove it")
    return value


_RENDERED_NEVER = frozenset('"\\;<>[]{}$|^`,#&=')


def _without_syntax(value: str) -> str:
    for character in value:
        if character in _RENDERED_NEVER:
            raise ValueError(
                f"{_shown(value)} holds “{character}”, which Asterisk's files read as syntax: remove it"
            )
    return value


def _network(value: str) -> str:
    try:
        network = ipaddress.ip_network(value)
    except ValueError:
        try:
            wider = ipaddress.ip_network(value, strict=False)
        except ValueError:
            raise ValueError(
                f"{_shown(value)} is not an address or a network: write 203.0.113.7 or 203.0.113.0/24"
            ) from None
        raise ValueError(f"{value} has host bits set: did you mean {wider}?") from None
    if network.prefixlen == 0:
        raise ValueError(f"{value} is the whole Internet: name the networks you mean")
    return str(network)


def _address(value: str) -> str:
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        raise ValueError(f"{_shown(value)} is not an IP address") from None


def _sound(value: str) -> str:
    if ".." in value or "//" in value:
        raise ValueError(f"{_shown(value)} leaves the folder of sounds: write it as callbridge/goodbye")
    return value


def _one_or_several(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _http_url(value: str) -> str:
    try:
        parts = urlsplit(value)
        port_is_right = parts.port is None or parts.port > 0
    except ValueError:
        parts, port_is_right = urlsplit(""), False
    if parts.scheme not in {"http", "https"} or not parts.hostname or not port_is_right:
        raise ValueError(f"{_shown(value)} is not an address of a web server: write http://asterisk:8088")
    if parts.username or parts.password:
        raise ValueError("a user or password in an address: passwords belong in the secrets file")
    if parts.query or parts.fragment:
        raise ValueError(f"{_shown(value)} has a query or fragment: leave it out")
    return value.rstrip("/")


_NAME = r"[a-z][a-z0-9_]{1,39}"
_NUMBER = r"\+?[0-9]{2,18}"
_AGENT = r"[0-9]{2,10}"
_OUTSIDE = r"\+?[0-9]{3,15}"  # E.164 allows 15
_DIGIT = r"[0-9*#]"
_REASON_DIGIT = r"[0-9]"
_CODE = r"[0-9*#]{2,8}"
_PREFIX = r"\+[0-9]{0,14}|[0-9]{1,15}"
_SOUND = r"[A-Za-z0-9][A-Za-z0-9/_.-]{0,79}"
_LINE = r"[123]"
_CLASS = r"[a-z][a-z0-9_]{1,39}(/[a-z][a-z0-9_]{1,39}){0,7}"
_HOST = r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|[0-9A-Fa-f:]{2,39}"
_USER = r"[A-Za-z0-9_.+-]{1,64}"
_MAIL_USER = r"[A-Za-z0-9_.+@-]{1,128}"

# The key of a trunk, queue, menu, skill, reason or music class. It becomes a section, a context and an
# extension; two characters at least, because one letter is a special extension (s, i, t, h, o, a, e).
Name = Annotated[
    str,
    BeforeValidator(_as_written),
    _matching(_NAME, "is not a usable name: 2 to 40 of a-z, 0-9 and _, the first a letter"),
    Field(json_schema_extra={"pattern": f"^({_NAME})$"}),
]
Number = Annotated[
    str,
    BeforeValidator(_as_written),
    _matching(_NUMBER, "is not a telephone number: write digits only, as “+74950000001”"),
    Field(json_schema_extra={"pattern": f"^({_NUMBER})$"}),
]
AgentKey = Annotated[
    str,
    BeforeValidator(_as_written),
    _matching(_AGENT, "is not an agent's number: 2 to 10 digits, as “1001”"),
    Field(json_schema_extra={"pattern": f"^({_AGENT})$"}),
]
Digit = Annotated[
    str,
    BeforeValidator(_as_written),
    _matching(_DIGIT, "is not a key of a telephone: exactly one of 0-9, * and # (in quotes)"),
    Field(json_schema_extra={"pattern": f"^{_DIGIT}$"}),
]
Prefix = Annotated[
    str,
    BeforeValidator(_as_written),
    _matching(_PREFIX, "is not the beginning of a number: write “+7”, or “+” for all others"),
    Field(json_schema_extra={"pattern": f"^({_PREFIX})$"}),
]
OutsideNumber = Annotated[  # that Callbridge itself dials, so nothing but what can be dialled
    str,
    BeforeValidator(_as_written),
    _matching(_OUTSIDE, "is not a number to dial: 3 to 15 digits, with + before a country code"),
    Field(json_schema_extra={"pattern": f"^({_OUTSIDE})$"}),
]
ReasonDigit = Annotated[
    str,
    BeforeValidator(_as_written),
    _matching(_REASON_DIGIT, "is not one digit 0-9: agents dial it after the code"),
    Field(json_schema_extra={"pattern": f"^{_REASON_DIGIT}$"}),
]
Code = Annotated[
    str,
    BeforeValidator(_as_written),
    _matching(_CODE, "is not a code to dial: 2 to 8 of 0-9, * and #, in quotes, as “*60”"),
    Field(json_schema_extra={"pattern": f"^{_CODE}$"}),
]
_SOUND_SCHEMA: dict[str, Any] = {"type": "string", "pattern": f"^{_SOUND}$"}
Sound = Annotated[
    str,
    _matching(_SOUND, "is not the name of a sound: letters, digits and / _ . - only, without an extension"),
    AfterValidator(_sound),
    WithJsonSchema(_SOUND_SCHEMA),
]
Sounds = Annotated[
    tuple[Sound, ...],
    BeforeValidator(_one_or_several),
    Field(max_length=20),
    WithJsonSchema({"anyOf": [_SOUND_SCHEMA, {"type": "array", "items": _SOUND_SCHEMA, "maxItems": 20}]}),
]
Title = Annotated[  # for people's eyes; never in a setting of Asterisk's
    str, Field(min_length=1, max_length=120), AfterValidator(_without_control_characters)
]


class LabelSettings(Section):
    """What people read, in the languages of the screens."""

    en: Title
    ru: Title

    def text(self, language: str) -> str:
        return self.ru if language == "ru" else self.en


def _alike_in_both(value: Any) -> Any:
    value = text_of(value)
    return {"en": value, "ru": value} if isinstance(value, str) else value


_TITLE_SCHEMA: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": 120}
LABEL_SCHEMA: dict[str, Any] = {
    "anyOf": [
        _TITLE_SCHEMA,
        {
            "type": "object",
            "properties": {"en": _TITLE_SCHEMA, "ru": _TITLE_SCHEMA},
            "required": ["en", "ru"],
            "additionalProperties": False,
        },
    ]
}
Label = Annotated[LabelSettings, BeforeValidator(_alike_in_both), WithJsonSchema(LABEL_SCHEMA)]
Tier = Annotated[  # as it stands on a client's card, where it is free text
    str,
    Field(min_length=1, max_length=100),
    BeforeValidator(_as_written),
    AfterValidator(_without_control_characters),
]
SpokenName = Annotated[  # of a person; also on the displays of phones, so in Asterisk's files
    str,
    Field(min_length=1, max_length=80),
    AfterValidator(_without_control_characters),
    AfterValidator(_without_syntax),
]
Endpoint = Annotated[
    str,
    _matching(r"PJSIP/[A-Za-z0-9_.-]{1,60}", "is not an endpoint: write PJSIP/NAME"),
    Field(json_schema_extra={"pattern": r"^PJSIP/[A-Za-z0-9_.-]{1,60}$"}),
]
Host = Annotated[
    str,
    _matching(_HOST, "is not the name or address of a host"),
    Field(json_schema_extra={"pattern": f"^({_HOST})$"}),
]
User = Annotated[
    str,
    BeforeValidator(_as_written),
    _matching(_USER, "is not a user name: letters, digits and _ . + - only"),
    Field(json_schema_extra={"pattern": f"^{_USER}$"}),
]
MailUser = Annotated[
    str,
    _matching(_MAIL_USER, "is not a user name: letters, digits and _ . + @ - only"),
    Field(json_schema_extra={"pattern": f"^{_MAIL_USER}$"}),
]
Path = Annotated[
    str,
    _matching(r"[A-Za-z0-9_./-]{1,200}", "is not a usable path: letters, digits and _ . / - only"),
    Field(json_schema_extra={"pattern": r"^[A-Za-z0-9_./-]{1,200}$"}),
]
Line = Annotated[
    str,
    BeforeValidator(_as_written),
    _matching(_LINE, "is not a line of support: 1, 2 or 3"),
    Field(json_schema_extra={"pattern": f"^{_LINE}$"}),
]
ClassPath = Annotated[  # of a ticket: the names from the tree's top down
    str,
    _matching(_CLASS, "is not the way to a class: write hardware/printer"),
    Field(json_schema_extra={"pattern": f"^{_CLASS}$"}),
]
Level = Annotated[int, Field(ge=1, le=10)]
Priority = Annotated[int, Field(ge=-1000, le=1000)]
Network = Annotated[str, AfterValidator(_network)]
Address = Annotated[str, AfterValidator(_address)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]
Port = Annotated[int, Field(ge=1, le=65535)]
Language = Literal["en", "ru"]
Codec = Literal["alaw", "ulaw", "g722", "opus", "g729", "gsm", "slin16"]
