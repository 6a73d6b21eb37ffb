"""Every kind of fault is reported with its file, line, column and path, and all of them at once."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bridge.config import Fault, check, load
from bridge.errors import ConfigurationError
from tests.unit.config.examples import SMALL

Write = Callable[[str], Path]


def one_fault(write: Write, old: str, new: str, environ: dict[str, str] | None = None) -> Fault:
    assert old in SMALL
    faults = check(write(SMALL.replace(old, new)), environ or {})
    assert len(faults) == 1, faults
    return faults[0]


def test_the_small_file_is_right(write: Write) -> None:
    assert check(write(SMALL), {}) == []


@pytest.mark.parametrize(
    ("old", "new", "line", "column", "path", "words"),
    [
        ("region: RU", "region: XX", 3, 11, "company.region", "not a country"),
        ("region: RU", "region: RU\n  timezone: Mars/Base", 4, 13, "company.timezone", "no time zone"),
        ("  name: Daisy Ltd\n", "", 1, 1, "company.name", "is missing"),
        ("default: en", "default: de", 4, 23, "company.language.default", "none of 'en' or 'ru'"),
        ('"+7": ru', '"7x": ru', 4, 39, "company.language.by_prefix.7x", "not the beginning of a number"),
        ("203.0.113.0/24", "203.0.113.5/24", 6, 17, "trunks.lab.match[0]", "did you mean 203.0.113.0/24?"),
        ("203.0.113.0/24", "0.0.0.0/0", 6, 17, "trunks.lab.match[0]", "whole Internet"),
        ("203.0.113.0/24", "operator", 6, 17, "trunks.lab.match[0]", "not an address or a network"),
        ("[203.0.113.0/24]", "[]", 6, 3, "trunks.lab", "nothing tells this trunk's calls"),
        ("  lab: {", "  Lab 1: {", 6, 3, 'trunks."Lab 1"', "not a usable name"),
        ("  lab: {", "  global: {", 6, 3, "trunks.global", "taken by Asterisk's files"),
        ("{match: [203", "{register: true, match: [203", 6, 3, "trunks.lab", "needs host: and username:"),
        ("{menu: main}", "{menu: mian}", 8, 26, 'numbers."+74950000001".menu', "did you mean “main”?"),
        ("{queue: support}\nag", "{queue: sales}\nag", 9, 27, 'numbers."+74950000002".queue', "add it under"),
        ("{menu: main}", "{}", 8, 3, 'numbers."+74950000001"', "exactly one of"),
        ("{menu: main}", "{menu: main, echo: true}", 8, 3, 'numbers."+74950000001"', "exactly one of"),
        ("{menu: main}", "", 8, 3, 'numbers."+74950000001"', "is empty"),
        ('"+74950000001"', '"8 495 000-00-01"', 8, 3, 'numbers."8 495 000-00-01"', "not a telephone number"),
        (
            "{menu: main}",
            '{menu: main, aliases: ["+74950000002"]}',
            8,
            42,
            'numbers."+74950000001".aliases[0]',
            "stands elsewhere",
        ),
        ("{name: Anna}", '{name: "Anna\\nsecret = x"}', 11, 18, "agents.1001.name", "U+000A"),
        ("{name: Anna}", '{name: "Anna; x"}', 11, 18, "agents.1001.name", "holds “;”"),
        ("{name: Anna}", '{name: "[general]"}', 11, 18, "agents.1001.name", "holds “[”"),
        ("{name: Anna}", '{name: "${SHELL(id)}"}', 11, 18, "agents.1001.name", "holds “$”"),
        ("{name: Anna}", '{name: "Анна\\u202e"}', 11, 18, "agents.1001.name", "U+202E"),
        ("{name: Anna}", '{name: ""}', 11, 18, "agents.1001.name", "is empty"),
        ("{name: Anna}", "{nmae: Anna, name: Anna}", 11, 12, "agents.1001.nmae", "did you mean “name”?"),
        (
            "{name: Anna}",
            "{name: A, endpoint: PJSIP/1002}",
            12,
            3,
            "agents.1002.endpoint",
            "one phone, one agent",
        ),
        ("{name: Anna}", "{name: A, endpoint: SIP/1}", 11, 31, "agents.1001.endpoint", "write PJSIP/NAME"),
        (
            "queues:",
            '  "1001": {name: Again}\nqueues:',
            13,
            3,
            "agents.1001",
            "given twice (first in line 11)",
        ),
        ('["1001", "1002"]', '["1001", "1099"]', 14, 47, "queues.support.members[1]", "no agent “1099”"),
        ('["1001", "1002"]', "[1001, 1001]", 14, 45, "queues.support.members[1]", "in this queue twice"),
        (
            '["1001", "1002"]',
            '[{agent: "1001", penalty: -1}]',
            14,
            64,
            "queues.support.members[0].penalty",
            "at least 0",
        ),
        (
            "title: Support",
            "title: Support, strategy: roundrobin",
            14,
            39,
            "queues.support.strategy",
            "none of",
        ),
        (
            "title: Support",
            "title: Support, ring_seconds: soon",
            14,
            43,
            "queues.support.ring_seconds",
            "whole",
        ),
        ("title: Support", "title: Support, music: jazz", 14, 36, "queues.support.music", "no music class"),
        (
            "title: Support",
            "title: Support, department: it",
            14,
            41,
            "queues.support.department",
            "no department",
        ),
        ("menus:", "  s: {title: S}\nmenus:", 15, 3, "queues.s", "not a usable name"),
        ('"1": {queue', '"12": {queue', 16, 52, "menus.main.options.12", "exactly one of 0-9, * and #"),
        ('"1": {queue', '"A": {queue', 16, 52, "menus.main.options.A", "exactly one of 0-9, * and #"),
        ('{"1": {queue: support}}', "{}", 16, 42, "menus.main.options", "too short"),
        (
            "callbridge/main-menu",
            "../../etc/passwd",
            16,
            20,
            "menus.main.greeting[0]",
            "not the name of a sound",
        ),
        ("callbridge/main-menu", "a&b", 16, 20, "menus.main.greeting[0]", "not the name of a sound"),
        ("menus:", "extra: 1\nmenus:", 15, 1, "extra", "is no known key"),
        (
            "menus:",
            "asterisk: {rtp: {start: 20000, end: 20001}}\nmenus:",
            15,
            12,
            "asterisk.rtp",
            "no usable range",
        ),
        (
            "menus:",
            "asterisk: {http: {port: 5060}}\nmenus:",
            15,
            25,
            "asterisk.http.port",
            "asterisk.sip already",
        ),
        (
            "menus:",
            'asterisk: {ari: {url: "http://u:p@h"}}\nmenus:',
            15,
            23,
            "asterisk.ari.url",
            "secrets file",
        ),
        ("menus:", "asterisk: {keep: [a/b]}\nmenus:", 15, 19, "asterisk.keep[0]", "without a path"),
        (
            "menus:",
            "store: {url: 'postgresql+asyncpg://u:p@h/d'}\nmenus:",
            15,
            14,
            "store.url",
            "holds a password",
        ),
        ("menus:", "store: {url: 'mysql://h/d'}\nmenus:", 15, 14, "store.url", "write sqlite+aiosqlite"),
        ("menus:", "web: [8080]\nmenus:", 15, 1, "web", "must be a mapping"),
    ],
)
def test_a_fault_names_its_place(
    write: Write, old: str, new: str, line: int, column: int, path: str, words: str
) -> None:
    fault = one_fault(write, old, new)
    assert (fault.line, fault.column, fault.path) == (line, column, path)
    assert words in fault.message
    assert str(fault).startswith(f"{fault.file}:{line}:{column}: {path}: ")


def test_all_faults_come_at_once_in_the_order_of_the_lines(write: Write) -> None:
    text = (
        SMALL.replace("region: RU", "region: XX")  # a model's fault
        .replace("{menu: main}", "{menu: mian}")  # a reference
        .replace('"1002": {name', '"1001": {name')  # a key given twice, so 1002 is unknown
        .replace("title: Support", "tittle: Support")  # unknown and missing
    )
    paths = [fault.path for fault in check(write(text), {})]
    assert paths == [
        "company.region",
        'numbers."+74950000001".menu',
        "agents.1001",
        "queues.support.title",
        "queues.support.tittle",
        "queues.support.members[1]",
    ]


def test_load_raises_with_every_fault(write: Write) -> None:
    path = write(SMALL.replace("region: RU", "region: XX").replace("{menu: main}", "{menu: mian}"))
    with pytest.raises(ConfigurationError) as caught:
        load(path, {})
    assert [line.split(": ")[0] for line in str(caught.value).splitlines()] == [
        f"{path}:3:11",
        f"{path}:8:26",
    ]


def test_two_trunks_must_not_claim_the_same_addresses(write: Write) -> None:
    fault = one_fault(write, "numbers:", "  other: {match: [203.0.113.128/25]}\nnumbers:")
    assert fault.path == "trunks.other.match[0]"
    assert "overlaps 203.0.113.0/24 of trunk lab" in fault.message


def test_the_environment_overrides_what_a_deployment_decides(write: Write) -> None:
    environ = {
        "CALLBRIDGE_ARI_URL": "http://pbx:9088/",
        "CALLBRIDGE_AMI_PORT": "6038",
        "CALLBRIDGE_SIP_PORT": "15060",
        "CALLBRIDGE_RTP_START": "11000",
        "CALLBRIDGE_RTP_END": "11199",
        "CALLBRIDGE_HTTP_PORT": "18088",
        "CALLBRIDGE_STORE_URL": "postgresql+asyncpg://u:p@db/callbridge",
        "CALLBRIDGE_WEB_HOST": "0.0.0.0",
        "CALLBRIDGE_RECORDINGS": "/srv/recordings",
        "CALLBRIDGE_JOURNAL": "/srv/journal",
        "CALLBRIDGE_WEB_PORT": "",  # empty, as compose passes what is not set
    }
    settings = load(write(SMALL), environ)
    assert settings.asterisk.ari.url == "http://pbx:9088"
    assert settings.asterisk.ami.port == 6038
    assert settings.asterisk.sip.port == 15060
    assert (settings.asterisk.rtp.start, settings.asterisk.rtp.end) == (11000, 11199)
    assert settings.asterisk.http.port == 18088
    assert settings.web.host == "0.0.0.0"
    assert settings.web.port == 8080
    assert settings.recordings.directory == "/srv/recordings"
    assert settings.store.journal == "/srv/journal"
    assert settings.store.journal_limit_mib == 1024
    assert ":p@" not in repr(settings), "a password in the database's address is not shown"


def test_a_fault_of_the_environment_names_the_variable(write: Write) -> None:
    faults = check(write(SMALL), {"CALLBRIDGE_SIP_PORT": "sip", "CALLBRIDGE_RTP_END": "99999"})
    assert [str(fault) for fault in faults] == [
        "$CALLBRIDGE_RTP_END: asterisk.rtp.end: “99999” is too large: at most 65535",
        "$CALLBRIDGE_SIP_PORT: asterisk.sip.port: must be a whole number",
    ]


def test_numbers_without_quotes_are_taken_as_they_are_written(write: Write) -> None:
    text = SMALL
    for quoted in ('"+74950000001"', '"+74950000002"', '"1001"', '"1002"', '"1"'):
        text = text.replace(quoted, quoted.strip('"'))
    settings = load(write(text + "  second: {greeting: x, options: {0: {queue: support}}}\n"), {})
    assert list(settings.numbers) == ["+74950000001", "+74950000002"]
    assert list(settings.agents) == ["1001", "1002"]
    assert [member.agent for member in settings.queues["support"].members] == ["1001", "1002"]
    assert list(settings.menus["second"].options) == ["0"]


def test_a_leading_zero_is_not_lost(write: Write) -> None:
    text = SMALL.replace('"1001"', "0101").replace('"1002"', "010")
    settings = load(write(text), {})
    assert list(settings.agents) == ["0101", "010"]
    assert [member.agent for member in settings.queues["support"].members] == ["0101", "010"]


def test_menus_may_lead_to_each_other_in_a_circle(write: Write) -> None:
    again = '{greeting: x, options: {"1": {menu: main}, "*": {menu: again}}, otherwise: {menu: main}}'
    assert check(write(f"{SMALL}  again: {again}\n"), {}) == []
