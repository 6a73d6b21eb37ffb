"""Where a call can be sent to: every kind, at every place that takes one, and what is wrong with others."""

from datetime import timedelta

import pytest

from bridge.centre.ids import AgentId, Endpoint, MenuName, QueueName, Skill
from bridge.centre.plan import (
    NO_AGENTS,
    Destination,
    ToAgent,
    ToHangUp,
    ToMenu,
    ToNumber,
    ToQueue,
    ToVoicemail,
)
from bridge.config import check, load, plan_of
from tests.unit.config.examples import SMALL
from tests.unit.config.rendering_of import Write
from tests.unit.config.test_config_faults import one_fault

SENDING = SMALL.replace("24]}", '24], send_to: "sip:203.0.113.9"}').replace(
    "{name: Anna}", "{name: Anna, skills: {english: 3, billing: 1}}"
)
SUPPORT = QueueName("support")


def seconds(number: int) -> timedelta:
    return timedelta(seconds=number)


KINDS: list[tuple[str, Destination]] = [
    ("{queue: support}", ToQueue(SUPPORT)),
    (
        "{queue: support, needs: {english: 2, billing: 1}, priority: -3}",
        ToQueue(SUPPORT, ((Skill("billing"), 1), (Skill("english"), 2)), -3),
    ),
    ("{agent: 1001, queue: support}", ToAgent(AgentId("1001"), SUPPORT, seconds(20))),
    (
        '{agent: "1002", queue: support, hold_seconds: 5}',
        ToAgent(AgentId("1002"), SUPPORT, seconds(5)),
    ),
    ("{menu: main}", ToMenu(MenuName("main"))),
    ("{hang_up: []}", ToHangUp()),
    ("{hang_up: [callbridge/queue-full, bye]}", ToHangUp(("callbridge/queue-full", "bye"))),
    ("{voicemail: callbridge/leave-message}", ToVoicemail(("callbridge/leave-message",), seconds(180))),
    ("{voicemail: [a1, b2], longest_seconds: 60}", ToVoicemail(("a1", "b2"), seconds(60))),
    (
        "{number: +74951112233, trunk: lab}",
        ToNumber("+74951112233", Endpoint("PJSIP/+74951112233@lab"), seconds(30), NO_AGENTS),
    ),
    (
        '{number: "112", trunk: lab, ring_seconds: 9, otherwise:'
        " {number: 84951112233, trunk: lab, otherwise: {queue: support, priority: 1}}}",
        ToNumber(
            "112",
            Endpoint("PJSIP/112@lab"),
            seconds(9),
            ToNumber(
                "84951112233",
                Endpoint("PJSIP/84951112233@lab"),
                seconds(30),
                ToQueue(SUPPORT, priority=1),
            ),
        ),
    ),
]


@pytest.mark.parametrize(("target", "destination"), KINDS)
def test_every_place_takes_every_kind(write: Write, target: str, destination: Destination) -> None:
    text = (
        SENDING.replace("{menu: main}", target)
        .replace('{"1": {queue: support}}', f'{{"1": {target}}}, otherwise: {target}')
        .replace("title: Support,", f"title: Support, max_wait_seconds: 60, on_timeout: {target},")
        .replace("title: Support,", f'title: Support, breakout: {{"*": {target}}},')
    )
    plan = plan_of(load(write(text), {}))
    menu, queue = plan.menus[MenuName("main")], plan.queues[SUPPORT]
    found = [
        plan.numbers["+74950000001"],
        menu.options["1"],
        menu.otherwise,
        queue.on_timeout,
        queue.breakout["*"],
    ]
    assert found == [destination] * 5


def test_a_number_may_have_aliases_whatever_it_is(write: Write) -> None:
    text = SMALL.replace("{menu: main}", '{agent: "1001", queue: support, aliases: ["84950000001"]}')
    assert check(write(text), {}) == []


NUMBER = 'numbers."+74950000001"'


@pytest.mark.parametrize(
    ("target", "column", "path", "words"),
    [
        ("{menu: main, queue: support}", 3, NUMBER, "give exactly one of queue:, agent:, menu:, hang_up:,"),
        ("{agent: 1001}", 3, NUMBER, "an agent needs queue: beside him"),
        (
            "{agent: 1001, queue: support, needs: {english: 1}}",
            3,
            NUMBER,
            "needs: does not go with agent: remove",
        ),
        ("{menu: main, priority: 1}", 3, NUMBER, "priority: does not go with menu: remove one of them"),
        ("{queue: support, hold_seconds: 5}", 3, NUMBER, "hold_seconds: does not go with queue"),
        ("{hang_up: [], longest_seconds: 60}", 3, NUMBER, "longest_seconds: does not go with hang_up"),
        ("{voicemail: a1, trunk: lab}", 3, NUMBER, "trunk: does not go with voicemail"),
        ("{echo: true, priority: 1}", 3, NUMBER, "priority: does not go with echo"),
        ('{number: "+7916"}', 3, NUMBER, "a number outside needs trunk: beside it"),
        ('{number: "1", trunk: lab}', 28, NUMBER + ".number", "3 to 15 digits"),
        ('{number: "+7495;x", trunk: lab}', 28, NUMBER + ".number", "is not a number to dial"),
        ('{number: "+7495@evil", trunk: lab}', 28, NUMBER + ".number", "is not a number to dial"),
        ('{number: "+7916", trunk: laab}', 44, NUMBER + ".trunk", "no trunk “laab”: did you mean “lab”?"),
        ("{agent: 1003, queue: support}", 27, NUMBER + ".agent", "no agent “1003”: did you mean"),
        ("{agent: 1001, queue: sales}", 40, NUMBER + ".queue", "no queue “sales”: add it under queues"),
        ("{queue: support, needs: {english: 0}}", 53, NUMBER + ".needs.english", "too small: at least 1"),
        ("{queue: support, needs: {english: 11}}", 53, NUMBER + ".needs.english", "too large: at most 10"),
        ("{queue: support, needs: {E: 1}}", 44, NUMBER + ".needs.E", "not a usable name"),
        ("{voicemail: a1, longest_seconds: 4}", 52, NUMBER + ".longest_seconds", "at least 5"),
        ("{voicemail: [a;b]}", 32, NUMBER + ".voicemail[0]", "not the name of a sound"),
    ],
)
def test_a_wrong_target(write: Write, target: str, column: int, path: str, words: str) -> None:
    (fault,) = check(write(SENDING.replace("{menu: main}", target)), {})
    assert (fault.line, fault.column, fault.path) == (8, column, path)
    assert words in fault.message


def test_no_call_goes_out_by_a_trunk_that_does_not_say_where_to(write: Write) -> None:
    fault = one_fault(write, "{menu: main}", '{number: "+7916", trunk: lab}')
    assert (fault.line, fault.column, fault.path) == (8, 44, NUMBER + ".trunk")
    assert "add send_to: sip:HOST:PORT to that trunk" in fault.message


@pytest.mark.parametrize(
    ("old", "new", "line", "path"),
    [
        ('{"1": {queue: support}}', '{"1": {queue: nobody}}', 16, "menus.main.options.1.queue"),
        (
            '{"1": {queue: support}}',
            '{"1": {queue: support}}, otherwise: {queue: nobody}',
            16,
            "menus.main.otherwise.queue",
        ),
        (
            "title: Support",
            "title: Support, max_waiting: 3, on_full: {queue: nobody}",
            14,
            "queues.support.on_full.queue",
        ),
        (
            "title: Support",
            'title: Support, breakout: {"1": {queue: nobody}}',
            14,
            "queues.support.breakout.1.queue",
        ),
    ],
)
def test_unknown_names_are_found_wherever_a_target_stands(
    write: Write, old: str, new: str, line: int, path: str
) -> None:
    fault = one_fault(write, old, new)
    assert (fault.line, fault.path) == (line, path)
    assert "no queue “nobody”" in fault.message


def test_unknown_names_are_found_in_what_comes_otherwise(write: Write) -> None:
    target = (
        '{number: "+7916", trunk: lab, otherwise: {number: "+7917", trunk: lab, otherwise: {menu: mian}}}'
    )
    (fault,) = check(write(SENDING.replace("{menu: main}", target)), {})
    assert (fault.line, fault.path) == (8, NUMBER + ".otherwise.otherwise.menu")
    assert "did you mean “main”?" in fault.message


@pytest.mark.parametrize(
    ("trunk", "words"),
    [
        ("send_to: 203.0.113.9", "write sip:sip.example.org:5060"),
        ('send_to: "sip:203.0.113.9:99999"', "write sip:sip.example.org:5060"),
        ('send_to: "sip:a;b"', "write sip:sip.example.org:5060"),
        ('send_to: "sip:u@h"', "write sip:sip.example.org:5060"),
        ('send_to: "sip:h", caller_id: anna', "is not a number to dial"),
        ('caller_id: "+7495"', "give send_to: as well"),
    ],
)
def test_a_wrong_way_out_of_a_trunk(write: Write, trunk: str, words: str) -> None:
    fault = one_fault(write, "[203.0.113.0/24]", f"[203.0.113.0/24], {trunk}")
    assert (fault.line, fault.path.split(".")[:2]) == (6, ["trunks", "lab"])
    assert words in fault.message
