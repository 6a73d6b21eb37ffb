"""While Callbridge is away: the native queues and the dialplan serve what Asterisk can serve alone."""

import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from bridge.centre.plan import Strategy
from bridge.config import Settings, load, plan_of
from tests.unit.config.asterisk_files import Section, dialplan, of_type, read
from tests.unit.config.examples import ROOT, SMALL
from tests.unit.config.rendering_of import Write, render_small


def native(etc: Path, queue: str = "support") -> Section:
    return next(section for section in read(etc / "queues.conf") if section.name == queue)


def rules(etc: Path) -> dict[str, list[str]]:
    sections = read(etc / "queuerules.conf")
    return {section.name: section.all("penaltychange") for section in sections if section.name != "general"}


def steps(etc: Path, extension: str = "support", context: str = "callbridge-fallback") -> list[str]:
    return dialplan(etc / "extensions.conf")[context][extension]


def with_queue(write: Write, tmp_path: Path, settings: str, more: str = "") -> Path:
    return render_small(write, tmp_path, "title: Support,", f"title: Support, {settings},", more)


# ── queues.conf ──────────────────────────────────────────────────────────────


def test_the_native_queues_have_the_same_agents(etc: Path, lab: Settings) -> None:
    queues = {part.name: part for part in read(etc / "queues.conf") if part.name != "general"}
    assert set(queues) == set(lab.queues)
    for name, settings in lab.queues.items():
        queue = queues[name]
        assert queue.one("timeout") == str(settings.ring_seconds)
        assert queue.one("wrapuptime") == str(settings.wrap_up_seconds)
        assert (queue.one("ringinuse"), queue.one("autofill")) == ("no", "yes")
        assert queue.all("member") == [
            f"PJSIP/{m.agent},{m.penalty},{lab.agents[m.agent].name},PJSIP/{m.agent}"
            for m in settings.members
        ]


@pytest.mark.parametrize("strategy", list(Strategy))
def test_strategies_are_asterisks_own_but_one(write: Write, tmp_path: Path, strategy: Strategy) -> None:
    queue = native(with_queue(write, tmp_path, f"strategy: {strategy.value}"))
    expected = "leastrecent" if strategy is Strategy.LEASTTALK else strategy.value
    assert queue.one("strategy") == expected


def test_a_plain_queue_takes_everybody_and_says_nothing(write: Write, tmp_path: Path) -> None:
    queue = native(render_small(write, tmp_path))
    assert (queue.one("weight"), queue.one("maxlen")) == ("0", "0")
    assert (queue.one("joinempty"), queue.one("leavewhenempty")) == ("yes", "no")
    assert (queue.one("announce-position"), queue.one("announce-holdtime")) == ("no", "no")
    assert (queue.one("announce-frequency"), queue.one("periodic-announce-frequency")) == ("0", "0")
    assert "defaultrule" not in queue
    assert "periodic-announce" not in queue


def test_limits_and_empty_queues(write: Write, tmp_path: Path) -> None:
    settings = "weight: 4, max_waiting: 9, refuse_when: nobody_ready, leave_when: nobody_logged_in"
    queue = native(with_queue(write, tmp_path, settings))
    assert (queue.one("weight"), queue.one("maxlen")) == ("4", "9")
    assert queue.one("joinempty") == "unavailable,invalid,paused"
    assert queue.one("leavewhenempty") == "unavailable,invalid"


def test_announcements(write: Write, tmp_path: Path) -> None:
    announce = (
        "position: true, only_better: false, every_seconds: 30, sounds: [a1, b2], sounds_every_seconds: 50"
    )
    queue = native(with_queue(write, tmp_path, f"announce: {{{announce}}}"))
    assert (queue.one("announce-position"), queue.one("announce-position-only-up")) == ("yes", "no")
    assert (queue.one("announce-holdtime"), queue.one("announce-frequency")) == ("no", "30")
    assert queue.one("min-announce-frequency") == "30"
    assert (queue.one("periodic-announce"), queue.one("periodic-announce-frequency")) == ("a1,b2", "50")
    assert (queue.one("queue-thereare"), queue.one("queue-callswaiting")) == ("callbridge/your-position", "")


# ── widening ─────────────────────────────────────────────────────────────────


def test_penalties_widen_by_rules_from_the_first_step_on(write: Write, tmp_path: Path) -> None:
    widening = (
        "[{after_seconds: 0, penalty: 0}, {after_seconds: 10, penalty: 0, lower_levels: 1},"
        " {after_seconds: 20, penalty: 7, lower_levels: 1}, {after_seconds: 90, lower_levels: 1}]"
    )
    old, new = "queues:", "queues:\n  sales: {title: Sales}"
    etc = render_small(write, tmp_path, old, new, "")
    assert rules(etc) == {}
    assert not [step for step in steps(etc) if "PENALTY" in step], "nothing is limited, so nothing is set"

    new += f"\n  night: {{title: Night, widening: {widening}}}"
    etc = render_small(write, tmp_path, old, new)
    # A change of skills alone is none; 100 is the highest penalty that a member can have.
    assert rules(etc) == {"night": ["20,7", "90,100"]}
    assert native(etc, "night").one("defaultrule") == "night"
    assert "Set(QUEUE_MAX_PENALTY=0)" in steps(etc, "night")
    # The variable stays on a channel that comes from there.
    assert "Set(QUEUE_MAX_PENALTY=100)" in steps(etc, "sales")
    assert "defaultrule" not in native(etc, "sales")


def test_a_queue_that_never_asks_everybody_does_not_do_so_here(write: Write, tmp_path: Path) -> None:
    etc = with_queue(write, tmp_path, "widening: [{after_seconds: 0, penalty: 5}]")
    assert "Set(QUEUE_MAX_PENALTY=5)" in steps(etc)
    assert rules(etc) == {}


# ── ways out of a queue ──────────────────────────────────────────────────────

NOBODY = ["Playback(callbridge/no-agents)", "Hangup()"]


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("{queue: support, priority: 5}", ["Goto(callbridge-fallback,support,1)"]),
        ("{menu: main}", ["Goto(callbridge-menu-main,s,1)"]),
        ('{agent: "1002", queue: support}', ["Goto(callbridge-fallback,support,1)"]),
        ("{hang_up: [a1, b2]}", ["Playback(a1&b2)", "Hangup()"]),
        ("{hang_up: []}", ["NoOp()", "Hangup()"]),
        ("{voicemail: callbridge/leave-message}", NOBODY),
        ('{number: "+7916", trunk: mango}', NOBODY),
    ],
)
def test_where_a_caller_goes_who_has_waited_too_long(
    write: Write, tmp_path: Path, target: str, expected: list[str]
) -> None:
    old = "title: Support,"
    new = f"title: Support, max_wait_seconds: 60, on_timeout: {target},"
    text = SMALL.replace("numbers:", '  mango: {send_to: "sip:203.0.113.9"}\nnumbers:')
    etc = render_small(lambda _: write(text.replace(old, new)), tmp_path)
    found = steps(etc)
    assert found[found.index("Queue(support,,,,60)") + 1 :] == expected


def test_full_and_empty_queues_have_ways_of_their_own(write: Write, tmp_path: Path) -> None:
    settings = (
        "max_waiting: 3, on_full: {hang_up: callbridge/queue-full},"
        " leave_when: nobody_ready, on_empty: {menu: main}"
    )
    found = steps(with_queue(write, tmp_path, settings))
    assert found[found.index("Queue(support,,,,)") + 1 :] == [
        'GotoIf($["${QUEUESTATUS}" = "FULL"]?full)',
        'GotoIf($["${QUEUESTATUS:-5}" = "EMPTY"]?empty)',
        *NOBODY,
        "Playback(callbridge/queue-full)",
        "Hangup()",
        "Goto(callbridge-menu-main,s,1)",
    ]
    text = (tmp_path / "small" / "extensions.conf").read_text()
    assert " same = n(full),Playback(callbridge/queue-full)" in text
    assert " same = n(empty),Goto(callbridge-menu-main,s,1)" in text


# ── numbers and menus ────────────────────────────────────────────────────────


def test_a_direct_number_rings_its_agent_and_then_the_queue(write: Write, tmp_path: Path) -> None:
    target = '{agent: "1002", queue: support, hold_seconds: 15}'
    etc = render_small(write, tmp_path, "{menu: main}", target)
    place = "callbridge-number,+74950000001,1"
    assert f"Set(CALLBRIDGE_FALLBACK={place})" in steps(etc, "+74950000001", "from-trunk")
    assert steps(etc, "+74950000001", "callbridge-number") == [
        'GotoIf($["${DEVICE_STATE(PJSIP/1002)}" != "NOT_INUSE"]?queue)',
        'GotoIf($["${QUEUE_MEMBER(support,paused,PJSIP/1002)}" = "1"]?queue)',
        "Gosub(callbridge-record,start,1)",
        "Set(MEMBERINTERFACE=PJSIP/1002)",
        "Dial(PJSIP/1002,15,U(callbridge-talking))",
        "Goto(callbridge-fallback,support,1)",
    ]
    assert " same = n(queue),Goto(" in (etc / "extensions.conf").read_text()


def test_a_direct_number_of_somebody_in_no_queue(write: Write, tmp_path: Path) -> None:
    target = '{agent: "1003", queue: support}'
    old = "agents:\n"
    text = SMALL.replace("{menu: main}", target).replace(
        old, old + '  "1003": {name: C, endpoint: PJSIP/c3}\n'
    )
    etc = render_small(lambda _: write(text), tmp_path)
    found = steps(etc, "+74950000001", "callbridge-number")
    assert "Dial(PJSIP/c3,20,U(callbridge-talking))" in found
    assert not [step for step in found if "QUEUE_MEMBER" in step]


@pytest.mark.parametrize("target", ["{voicemail: a1}", '{number: "+7916", trunk: lab}'])
def test_what_only_callbridge_can_do_ends_in_an_announcement(
    write: Write, tmp_path: Path, target: str
) -> None:
    text = SMALL.replace("24]}", '24], send_to: "sip:203.0.113.9"}').replace("{menu: main}", target)
    text = text.replace('"1": {queue: support}', f'"1": {{queue: support}}, "2": {target}')
    etc = render_small(lambda _: write(text), tmp_path)
    assert steps(etc, "+74950000001", "callbridge-number") == ["Answer()", *NOBODY]
    assert steps(etc, "2", "callbridge-menu-main") == ["Goto(callbridge-menu-main,end1,1)"]
    assert steps(etc, "end1", "callbridge-menu-main") == ["Answer()", *NOBODY]


def test_priorities_go_along(write: Write, tmp_path: Path) -> None:
    text = SMALL.replace("{queue: support}\n", "{queue: support, priority: 7}\n")
    text = text.replace('"1": {queue: support}', '"1": {queue: support, priority: -2}')
    etc = render_small(lambda _: write(text), tmp_path)
    assert "Set(QUEUE_PRIO=7)" in steps(etc, "+74950000002", "from-trunk")
    assert steps(etc, "1", "callbridge-menu-main") == [
        "Set(QUEUE_PRIO=-2)",
        "Goto(callbridge-fallback,support,1)",
    ]


def test_every_goto_and_label_leads_somewhere(write: Write, tmp_path: Path) -> None:
    target = '{agent: "1002", queue: support}'
    text = SMALL.replace("{menu: main}", target).replace('"1": {queue: support}', f'"1": {target}')
    ways = "max_waiting: 1, on_full: {menu: main}, refuse_when: nobody_ready, record: false"
    etc = render_small(lambda _: write(text.replace("title: Support", f"title: S, {ways}")), tmp_path)
    plan = dialplan(etc / "extensions.conf")
    places = [
        place
        for extensions in plan.values()
        for lines in extensions.values()
        for line in lines
        for place in re.findall(r"(?:Goto|Gosub|FALLBACK=)\(?([a-z][\w-]+),([\w+*#]+),1", line)
    ]
    assert len(places) > 20
    for context, extension in places:
        assert extension in plan[context]
    for block in re.split(r"\n(?=exten = |\[)", (etc / "extensions.conf").read_text()):
        for label in re.findall(r"\?([a-z]+)\)", block):
            assert f"n({label})," in block, block


# ── recording ────────────────────────────────────────────────────────────────


def test_both_sides_are_recorded_where_the_queue_says_so(write: Write, tmp_path: Path) -> None:
    etc = render_small(write, tmp_path)
    assert "Gosub(callbridge-record,start,1)" in steps(etc)
    options = "br(${CALLBRIDGE_RECORDING}-in.wav)t(${CALLBRIDGE_RECORDING}-out.wav)i(CALLBRIDGE_MONITOR)"
    assert steps(etc, "start", "callbridge-record") == [
        'GotoIf($["${CALLBRIDGE_MONITOR}" != ""]?done)',
        "Set(CALLBRIDGE_RECORDING=${ASTSPOOLDIR}/recording/${UNIQUEID}-rec-0)",
        f"MixMonitor(,{options})",
        "Return()",
    ], "once for each call, however many queues it goes through"


def test_who_comes_to_a_queue_that_does_not_record_is_recorded_no_further(
    write: Write, tmp_path: Path
) -> None:
    etc = with_queue(write, tmp_path, "record: false, max_wait_seconds: 60")
    assert steps(etc)[1:4] == [
        "Gosub(callbridge-record,stop,1)",
        "Set(CALLBRIDGE_QUEUED=support)",
        "Queue(support,,,,60)",
    ]
    assert "StopMixMonitor(${CALLBRIDGE_MONITOR})" in steps(etc, "stop", "callbridge-record")


# ── trunks by which calls go out ─────────────────────────────────────────────


def test_a_trunk_that_calls_go_out_by(write: Write, tmp_path: Path) -> None:
    trunks = (
        '  mango: {host: sip.example.org, username: "7495", send_to: "sip:out.example.org:5080",'
        ' caller_id: "+74950000001"}\n'
        '  away: {send_to: "sip:[2001:db8::1]", transport: tcp}\n'
    )
    sections = read(render_small(write, tmp_path, "numbers:", f"{trunks}numbers:") / "pjsip.conf")
    endpoints, aors = of_type(sections, "endpoint"), of_type(sections, "aor")
    assert endpoints["mango"].one("aors") == "mango"
    assert endpoints["mango"].one("from_user") == "+74950000001", "what the called one sees"
    assert endpoints["mango"].one("from_domain") == "sip.example.org"
    assert aors["mango"].one("contact") == "sip:out.example.org:5080"
    assert "qualify_frequency" not in aors["mango"]
    assert of_type(sections, "identify")["mango"].all("match") == ["sip.example.org"]
    assert aors["away"].one("contact") == "sip:[2001:db8::1]:5060;transport=tcp"
    assert endpoints["away"].one("transport") == "transport-tcp"
    assert "away" not in of_type(sections, "identify"), "no call comes from there"
    assert "from_user" not in endpoints["away"]
    assert "aors" not in endpoints["lab"]


# ── what is played ───────────────────────────────────────────────────────────


def prompts() -> dict[str, dict[str, str]]:
    with (ROOT / "asterisk-config" / "prompts.yml").open() as file:
        found = YAML(typ="safe").load(file)
    assert isinstance(found, dict)
    return found


def test_every_sound_of_ours_has_its_text_in_both_languages(etc: Path, lab: Settings) -> None:
    known = prompts()
    text = "".join((etc / name).read_text() for name in ("extensions.conf", "queues.conf"))
    text = "\n".join(line for line in text.splitlines() if not line.strip().startswith(";"))
    used = set(re.findall(r"\bcallbridge/([a-z-]+)", f"{text} {plan_of(lab)}"))
    assert used <= set(known)
    assert {"main-menu", "please-wait", "invalid-option", "no-agents", "goodbye", "technical-fault"} <= used
    for name, texts in known.items():
        assert set(texts) == {"en", "ru"}, name
        assert re.search("[а-я]", texts["ru"])
        assert not re.search("[а-я]", texts["en"])


def test_every_sound_that_the_centre_names_is_spoken() -> None:
    sources = sorted((ROOT / "bridge" / "centre").glob("*.py"))
    named = {
        name for file in sources for name in re.findall(r'"callbridge/([a-z0-9-]+)"', file.read_text("utf-8"))
    }
    assert "no-agents" in named
    assert named <= set(prompts())


def test_every_pause_that_is_there_from_the_start_is_spoken(write: Write) -> None:
    reasons = plan_of(load(write(SMALL), {})).pause_reasons.values()
    assert {f"pause-{reason}" for reason in reasons} <= set(prompts())
