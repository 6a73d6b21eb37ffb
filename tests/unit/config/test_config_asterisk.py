"""What is rendered is what Asterisk needs: endpoints, users, queues, the dialplan."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from bridge.ami.ended import row_of
from bridge.config import Secrets, Settings
from bridge.errors import ConfigurationError
from tests.unit.config.asterisk_files import dialplan, of_type, read
from tests.unit.config.rendering_of import Write, render_small


def section(path: Path, name: str) -> str:
    """The last value wins, so this joins sections of one name, for files where that is right."""
    return "\n".join(
        f"{key}={value}" for part in read(path) if part.name == name for key, value in part.lines
    )


def test_every_agent_has_a_phone_that_must_prove_who_it_is(
    etc: Path, lab: Settings, lab_secrets: Secrets
) -> None:
    sections = read(etc / "pjsip.conf")
    endpoints, auths, aors = (of_type(sections, kind) for kind in ("endpoint", "auth", "aor"))
    for agent, settings in lab.agents.items():
        endpoint = endpoints[agent]
        assert endpoint.one("context") == "from-agents"
        assert endpoint.one("auth") == endpoint.one("aors") == agent
        assert endpoint.one("identify_by") == "auth_username,username"
        assert endpoint.one("callerid") == f'"{settings.name}" <{agent}>'
        assert endpoint.one("language") == settings.language
        assert endpoint.one("direct_media") == "no"
        assert auths[agent].one("username") == agent
        assert auths[agent].one("password") == lab_secrets.sip[agent]
        assert (aors[agent].one("max_contacts"), aors[agent].one("remove_existing")) == ("1", "yes")


def test_every_endpoint_is_known_by_proof_or_address_never_by_its_word(etc: Path) -> None:
    sections = read(etc / "pjsip.conf")
    assert (
        of_type(sections, "global")["global"].one("endpoint_identifier_order")
        == "header,auth_username,username,ip"
    )
    for name, endpoint in of_type(sections, "endpoint").items():
        assert "auth" in endpoint or endpoint.one("identify_by") in {"ip", "header"}, name
    assert "anonymous" not in of_type(sections, "endpoint")
    assert "res_pjsip_endpoint_identifier_anonymous.so" in section(etc / "modules.conf", "modules")


def test_the_trunk_is_known_by_address_and_may_not_transfer(etc: Path) -> None:
    sections = read(etc / "pjsip.conf")
    trunk = of_type(sections, "endpoint")["lab"]
    assert trunk.one("context") == "from-trunk"
    assert trunk.one("allow_transfer") == "no"
    assert trunk.one("trust_id_inbound") == "yes"
    assert trunk.all("set_var") == ["CALLBRIDGE_TRUNK=lab"]
    assert of_type(sections, "identify")["lab"].all("match") == [
        "127.0.0.0/8",
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
    ]


def test_control_characters_in_a_callers_number_are_turned_away(etc: Path) -> None:
    identifies = of_type(read(etc / "pjsip.conf"), "identify")
    rules = [rule for section in identifies.values() for rule in section.all("match_header")]
    assert [rule.split(":")[0] for rule in rules] == ["From", "P-Asserted-Identity", "Remote-Party-ID"]
    pattern = re.compile(rules[0].split(": ")[1].strip("/"))
    for hostile in ("<sip:1%0D%0AEvent@x>", "<sip:%00@x>", "<sip:%1b@x>", "<sip:%7f@x>"):
        assert pattern.search(hostile)
    assert not pattern.search('"50%" <sip:+79161234567%20x%D0%90@x>')
    assert dialplan(etc / "extensions.conf")["refused"] == {}


def test_a_trunk_with_an_account(write: Write, tmp_path: Path) -> None:
    etc = render_small(
        write,
        tmp_path,
        "numbers:",
        '  mango: {host: sip.example.org, username: "7495", register: true, transport: tcp, codecs: [alaw]}\n'
        "numbers:",
    )
    sections = read(etc / "pjsip.conf")
    registration = of_type(sections, "registration")["mango"]
    assert registration.one("server_uri") == "sip:sip.example.org:5060;transport=tcp"
    assert registration.one("client_uri") == "sip:7495@sip.example.org:5060;transport=tcp"
    assert of_type(sections, "auth")["mango"].one("password") == "p@ss"
    assert of_type(sections, "identify")["mango"].all("match") == ["sip.example.org"]
    assert of_type(sections, "endpoint")["mango"].one("allow") == "alaw"
    assert "auth" not in of_type(sections, "endpoint")["mango"]


def test_a_trunks_password_must_be_in_the_secrets_file(write: Write, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"trunks\.tele: TRUNK_PASSWORD_TELE is missing"):
        render_small(write, tmp_path, "numbers:", "  tele: {host: sip.example.org, username: u1}\nnumbers:")


def test_a_phone_of_the_engineers_own_is_not_rendered(write: Write, tmp_path: Path) -> None:
    etc = render_small(write, tmp_path, "{name: Anna}", "{name: Anna, endpoint: PJSIP/desk-7}")
    assert "1001" not in of_type(read(etc / "pjsip.conf"), "endpoint")
    assert dialplan(etc / "extensions.conf")["from-agents"]["1001"][1] == "Dial(PJSIP/desk-7,60)"
    members = [value for part in read(etc / "queues.conf") for value in part.all("member")]
    assert members[0] == "PJSIP/desk-7,0,Anna,PJSIP/desk-7"


def test_addresses_and_ports(write: Write, tmp_path: Path) -> None:
    asterisk = (
        'asterisk: {media_address: 203.0.113.9, local_networks: [10.0.0.0/8], sip: {bind: "::", port: 15060,'
        " websocket: true}, rtp: {start: 11000, end: 11199}, system_name: pbx1}"
    )
    etc = render_small(write, tmp_path, "menus:", asterisk + "\nmenus:")
    transports = of_type(read(etc / "pjsip.conf"), "transport")
    assert set(transports) == {"transport-udp", "transport-tcp", "transport-ws"}
    for transport in transports.values():
        assert transport.one("bind") == "[::]:15060"
        assert transport.one("external_media_address") == "203.0.113.9"
        assert transport.one("external_signaling_port") == "15060"
        assert transport.all("local_net") == ["10.0.0.0/8"]
    assert section(etc / "rtp.conf", "general").startswith("rtpstart=11000\nrtpend=11199")
    assert "systemname=pbx1" in section(etc / "asterisk.conf", "options")


def test_without_nat_nothing_is_said_of_it(write: Write, tmp_path: Path) -> None:
    etc = render_small(write, tmp_path)
    assert "external_media_address" not in (etc / "pjsip.conf").read_text()


def test_ari_and_ami_let_in_only_whom_they_should(etc: Path, lab: Settings, lab_secrets: Secrets) -> None:
    ari = {part.name: part for part in read(etc / "ari.conf")}
    assert ari["general"].one("websocket_write_timeout") == "5000"
    assert ari["general"].one("channelvars") == "CHANNEL(linkedid),CALLBRIDGE_CALL,CALLBRIDGE_STATE"
    assert "allowed_origins" not in ari["general"]
    ami = {part.name: part for part in read(etc / "manager.conf")}
    http = {part.name: part for part in read(etc / "http.conf")}
    assert (ari["callbridge"].one("password"), ami["callbridge"].one("secret")) == (
        lab_secrets.ari,
        lab_secrets.ami,
    )
    for user in (ari["callbridge"], ami["callbridge"], http["/ari"]):
        assert user.all("deny") == ["0.0.0.0/0.0.0.0", "::/0"]
        assert user.all("permit") == list(lab.asterisk.control_networks)
    assert ami["callbridge"].one("read") == "call,system,agent,user"
    assert ami["callbridge"].one("write") == "system,reporting,agent", (
        "agent: to keep the native queues in step"
    )
    assert ami["callbridge"].one("writetimeout") == "5000"
    filters = [name for name, _ in ami["callbridge"].lines if name.startswith("eventfilter")]
    assert "eventfilter(action(include),name(Newchannel))" in filters
    assert (http["general"].one("sessionlimit"), http["general"].one("session_keep_alive")) == (
        "2000",
        "60000",
    )


# ── the dialplan ─────────────────────────────────────────────────────────────


def test_every_number_goes_to_the_app_and_without_it_to_the_fallback(etc: Path) -> None:
    inbound = dialplan(etc / "extensions.conf")["from-trunk"]
    assert inbound["+74950000001"] == [
        "Gosub(callbridge-arrival,s,1(${EXTEN}))",
        "Set(CALLBRIDGE_FALLBACK=callbridge-menu-main,s,1)",
        "Stasis(callbridge,inbound,${EXTEN},${CALLBRIDGE_TRUNK},${CALLBRIDGE_PRESENTATION})",
        'GotoIf($["${STASISSTATUS}" = "FAILED"]?callbridge-fallback,s,1)',
        "Hangup()",
    ]
    assert inbound["74950000001"] == ["Goto(+74950000001,1)"], (
        "operators differ in whether they send the plus"
    )
    assert inbound["+74950000009"] == ["Gosub(callbridge-arrival,s,1(${EXTEN}))", "Goto(callbridge-echo,s,1)"]
    assert "Set(CALLBRIDGE_FALLBACK=callbridge-fallback,support,1)" in inbound["+74950000002"]


def test_no_pattern_and_no_way_out(etc: Path, lab: Settings) -> None:
    plan = dialplan(etc / "extensions.conf")
    for context, extensions in plan.items():
        patterns = [extension for extension in extensions if extension.startswith("_")]
        passing_on = context in ("from-agents", "callbridge-transfer")
        of_features = ["_*70X.", "_*71X.", "_*88X."] if context == "callbridge-features" else []
        assert patterns == (["_+7495!"] if passing_on else of_features), context
    extensions = {"702", "703", "700", "_+7495!"}
    assert set(plan["from-agents"]) == {*lab.agents, *extensions, "include"}
    assert set(plan["callbridge-transfer"]) == {*lab.agents, *extensions}
    for extension in extensions:  # nothing but Callbridge itself can do anything about them
        assert [line.partition("(")[0] for line in plan["from-agents"][extension]] == [
            "GotoIf",
            "Stasis",
            "Hangup",
        ]
        assert [line.partition("(")[0] for line in plan["callbridge-transfer"][extension]] == [
            "Stasis",
            "Hangup",
        ]
    assert plan["from-agents"]["include"] == ["callbridge-features"]
    dials = {
        (context, line)
        for context, extensions in plan.items()
        for steps in extensions.values()
        for line in steps
        if "Dial(" in line
    }
    phones = {("from-agents", f"Dial(PJSIP/{agent},60)") for agent in lab.agents}
    direct = ("callbridge-number", "Dial(PJSIP/1001,20,U(callbridge-talking))")
    assert dials == {*phones, direct}
    assert lab.trunks["lab"].send_to is not None
    assert "@lab" not in (etc / "extensions.conf").read_text(), "no extension leads to a trunk"


def test_every_goto_leads_somewhere(write: Write, tmp_path: Path) -> None:
    etc = render_small(
        write,
        tmp_path,
        "numbers:\n",
        """numbers:
  "100": {hang_up: [callbridge/goodbye]}
  "101": {menu: second, aliases: ["102", "+103"]}
  "104": {echo: true}
""",
        """  second:
    greeting: [a1, b2]
    invalid: []
    options: {"#": {menu: main}, "*": {hang_up: bye}, "0": {hang_up: []}}
    otherwise: {menu: second}
""",
    )
    plan = dialplan(etc / "extensions.conf")
    assert plan["callbridge-menu-second"]["s"][2:] == ["Background(a1&b2)", "WaitExten(5)"]
    assert plan["from-trunk"]["+103"] == ["Goto(101,1)"]
    lines = [line for extensions in plan.values() for steps in extensions.values() for line in steps]
    targets = [
        target
        for line in lines
        for target in re.findall(r"(?:Goto|Gosub|FALLBACK=)\(?([a-z][\w-]+),([\w+*#]+),1", line)
    ]
    assert len(targets) > 10
    for context, extension in targets:
        assert extension in plan[context]


def test_the_fallback_menu_asks_as_often_as_the_centre_does(etc: Path) -> None:
    menu = dialplan(etc / "extensions.conf")["callbridge-menu-main"]
    assert menu["2"] == ["Goto(callbridge-fallback,support,1)"]
    assert menu["i"] == ["Playback(callbridge/invalid-option)", "Goto(t,1)"]
    assert menu["t"] == [
        "Set(CALLBRIDGE_TRIES=$[${CALLBRIDGE_TRIES} + 1])",
        "GotoIf($[${CALLBRIDGE_TRIES} <= 2]?s,ask)",
        "Goto(callbridge-fallback,operator,1)",
    ]


def test_a_strangers_words_stand_in_no_expression_unfiltered(etc: Path) -> None:
    for line in (etc / "extensions.conf").read_text().splitlines():
        if line.strip().startswith(";"):
            continue
        for expression in re.findall(r"\$\[.*?\](?=\?|\))", line):
            for hostile in ("${CALLERID(num)", "${CALLERID(name)", "${CALLERID(all)", "${PJSIP_HEADER("):
                assert hostile not in expression, line
        for use in re.findall(r"\$\{CALLERID\((?:num|name|all)\)\}", line):
            assert f",{use})" in line, "only as what FILTER takes things out of"
        assert "System(" not in line
        assert "SHELL(" not in line


def test_the_longest_prefix_decides_the_language_last(etc: Path) -> None:
    arrival = dialplan(etc / "extensions.conf")["callbridge-arrival"]["s"]
    steps = [step for step in arrival if "CHANNEL(language)" in step]
    assert steps == [
        "Set(CHANNEL(language)=ru)",
        'ExecIf($["${CALLBRIDGE_NUMBER:0:1}" = "+"]?Set(CHANNEL(language)=en))',
        'ExecIf($["${CALLBRIDGE_NUMBER:0:2}" = "+7"]?Set(CHANNEL(language)=ru))',
    ]


def test_each_calls_end_is_written_down_before_anything_can_fail(etc: Path) -> None:
    contexts = dialplan(etc / "extensions.conf")
    arrival, ended = contexts["callbridge-arrival"]["s"], contexts["callbridge-ended"]
    assert arrival[1] == "Set(CHANNEL(hangup_handler_push)=callbridge-ended,call,1)"
    # What a stranger sends is in the row only as FILTER left it; a number that he keeps back is not.
    known = {"CALLBRIDGE_ARRIVED", "CALLBRIDGE_PRESENTATION", "CALLBRIDGE_NUMBER", "CALLBRIDGE_QUEUED"}
    asterisks = {"EPOCH:0:8", "UNIQUEID", "STRFTIME(,,%s.%3q)", "HANGUPCAUSE"}
    answered = {"MEMBERINTERFACE", "ANSWEREDTIME_MS"}
    assert set(re.findall(r"\$\{([^}]+)\}", ended["call"][0])) == known | asterisks | answered
    assert set(re.findall(r"\$\{([^}]+)\}", ended["leg"][0])) == asterisks
    assert "Set(CALLBRIDGE_NUMBER=${FILTER(+0-9,${CALLERID(num)})})" in arrival
    assert arrival[-2:] == ["Set(CALLBRIDGE_NUMBER=)", "Return()"]
    assert " same = n(withheld),Set(CALLBRIDGE_NUMBER=)" in (etc / "extensions.conf").read_text()
    queues = {part.name: part for part in read(etc / "queues.conf")}
    assert queues["support"].one("setinterfacevar") == "yes", "MEMBERINTERFACE"


def test_the_row_that_the_dialplan_writes_is_the_one_that_is_read(etc: Path) -> None:
    ended = dialplan(etc / "extensions.conf")["callbridge-ended"]
    values = {
        "EPOCH:0:8": "17954765",
        "UNIQUEID": "1795476536.0",
        "STRFTIME(,,%s.%3q)": "1795476545.043",
        "HANGUPCAUSE": "16",
        "CALLBRIDGE_ARRIVED": "1795476536.368|+74950000002|lab",
        "CALLBRIDGE_PRESENTATION": "allowed",
        "CALLBRIDGE_NUMBER": "+79161234567",
        "CALLBRIDGE_QUEUED": "support",
        "MEMBERINTERFACE": "PJSIP/1001",
        "ANSWEREDTIME_MS": "1504",
    }

    def written(step: str) -> str:
        text = step.partition("=")[2].removesuffix(")")
        return re.sub(r"\$\{([^}]+)\}", lambda found: values[found[1]], text)

    call = row_of(written(ended["call"][0]))
    assert call is not None
    assert (call.dialled, call.trunk, call.number) == ("+74950000002", "lab", "+79161234567")
    assert (call.queue, call.endpoint, call.cause) == ("support", "PJSIP/1001", 16)
    assert call.talked_at == call.ended_at - timedelta(milliseconds=1504)
    leg = row_of(written(ended["leg"][0]))
    assert leg is not None
    assert (leg.ended_at, leg.cause) == (call.ended_at, 16)


@pytest.mark.parametrize(
    ("number", "withheld"),
    [("", True), ("anonymous", True), ("unavailable", True), ("ivan", False), ("+79161234567", False)],
)
def test_words_in_the_place_of_a_number(etc: Path, number: str, withheld: bool) -> None:
    arrival = dialplan(etc / "extensions.conf")["callbridge-arrival"]["s"]
    (step,) = [step for step in arrival if '"anonymous"' in step]
    words = re.findall(r'"\$\{word\}" = "(\w*)"', step)
    assert (number.strip("+") in words) is withheld
    assert step.count(" | ") == len(words) - 1
