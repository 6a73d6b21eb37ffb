"""Everything that a queue can say, and what contradicts itself in it."""

from datetime import timedelta

import pytest

from bridge.centre.ids import AgentId, QueueName, Skill
from bridge.centre.plan import (
    Announcements,
    Empty,
    Member,
    Queue,
    Strategy,
    ToHangUp,
    ToQueue,
    Widening,
)
from bridge.config import check, load, plan_of
from tests.unit.config.examples import SMALL
from tests.unit.config.rendering_of import Write
from tests.unit.config.test_config_faults import one_fault

FULL = """\
  support:
    title: Support
    strategy: wrandom
    weight: 7
    members: ["1001", {agent: "1002", penalty: 10}]
    needs: {english: 2, billing: 1}
    widening:
      - {after_seconds: 0, penalty: 0}
      - {after_seconds: 20, penalty: 5, lower_levels: 1}
      - {after_seconds: 60, lower_levels: 2}
    ring_seconds: 9
    pause_after_unanswered: 3
    wrap_up_seconds: 4
    wrap_up_extension_seconds: 6
    sticky_seconds: 8
    sticky_within_days: 2
    max_wait_seconds: 100
    max_waiting: 11
    refuse_when: nobody_logged_in
    leave_when: nobody_ready
    on_timeout: {hang_up: a1}
    on_full: {queue: sales}
    on_empty: {hang_up: a3}
    breakout: {"1": {queue: sales}}
    announce:
      position: true
      only_better: false
      expected_wait: true
      first_after_seconds: 1
      every_seconds: 12
      sounds: [b1, b2]
      sounds_every_seconds: 13
    service_level_seconds: 14
    record: false
    greeting: [c1]
  sales: {title: Sales}
"""
SKILLED = SMALL.replace("{name: Anna}", "{name: Anna, skills: {english: 2, billing: 1}}")


def seconds(number: int) -> timedelta:
    return timedelta(seconds=number)


def test_a_queue_with_everything(write: Write) -> None:
    text = SKILLED.replace('  support: {title: Support, members: ["1001", "1002"]}\n', FULL)
    plan = plan_of(load(write(text), {}))
    assert plan.agents[AgentId("1001")].skills == {"english": 2, "billing": 1}
    assert plan.queues[QueueName("support")] == Queue(
        name=QueueName("support"),
        title="Support",
        department="support",
        members=(Member(AgentId("1001")), Member(AgentId("1002"), 10)),
        strategy=Strategy.WRANDOM,
        weight=7,
        needs=((Skill("billing"), 1), (Skill("english"), 2)),
        widening=(
            Widening(seconds(0), penalty=0),
            Widening(seconds(20), penalty=5, lower=1),
            Widening(seconds(60), penalty=None, lower=2),
        ),
        ring=seconds(9),
        pause_after=3,
        wrap_up=seconds(4),
        wrap_up_extension=seconds(6),
        sticky=seconds(8),
        sticky_within=timedelta(days=2),
        max_wait=seconds(100),
        max_waiting=11,
        refuse_when=Empty.NOBODY_LOGGED_IN,
        leave_when=Empty.NOBODY_READY,
        on_timeout=ToHangUp(("a1",)),
        on_full=ToQueue(QueueName("sales")),
        on_empty=ToHangUp(("a3",)),
        breakout={"1": ToQueue(QueueName("sales"))},
        service_level=seconds(14),
        record=False,
        greeting=("c1",),
        announce=Announcements(
            position=True,
            only_better=False,
            expected_wait=True,
            first=seconds(1),
            every=seconds(12),
            sounds=("b1", "b2"),
            sounds_every=seconds(13),
        ),
    )


@pytest.mark.parametrize("strategy", list(Strategy))
def test_every_strategy_has_a_name_in_the_file(write: Write, strategy: Strategy) -> None:
    text = SMALL.replace("title: Support", f"title: Support, strategy: {strategy.value}")
    assert plan_of(load(write(text), {})).queues[QueueName("support")].strategy is strategy


# ── widening ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "steps",
    [
        "[]",
        "[{after_seconds: 0, penalty: 0}, {after_seconds: 1, penalty: 0}, {after_seconds: 2}]",
        "[{after_seconds: 30, lower_levels: 1}, {after_seconds: 60, lower_levels: 1}]",
        '[{after_seconds: "0", penalty: "3"}, {after_seconds: "9", penalty: "10"}]',
    ],
)
def test_steps_that_widen(write: Write, steps: str) -> None:
    assert check(write(SMALL.replace("title: Support", f"title: S, widening: {steps}")), {}) == []


@pytest.mark.parametrize(
    ("steps", "line", "path", "words"),
    [
        ("{after_seconds: 5, penalty: 3}", 16, "[0].penalty", "it begins with after_seconds: 0"),
        (
            "{after_seconds: 5}\n      - {after_seconds: 5}",
            17,
            "[1].after_seconds",
            "write more than 5",
        ),
        (
            "{after_seconds: 0, penalty: 3}\n      - {after_seconds: 9, penalty: 2}",
            17,
            "[1].penalty",
            "write at least 3, that of the step before it",
        ),
        (
            '{after_seconds: 0, penalty: 3}\n      - {after_seconds: 9, penalty: "2"}',
            17,
            "[1].penalty",
            "steps only widen",
        ),
        (
            "{after_seconds: 0}\n      - {after_seconds: 9, penalty: 9}",
            17,
            "[1].penalty",
            "the step before it (no penalty:) asks everybody; remove it",
        ),
        (
            "{after_seconds: 0, lower_levels: 2}\n      - {after_seconds: 9, lower_levels: 1}",
            17,
            "[1].lower_levels",
            "write at least 2",
        ),
        (
            "{after_seconds: 0, lower_levels: 2}\n      - {after_seconds: 9}",
            17,
            "[1].lower_levels",
            "it is 0 if absent",
        ),
        ("{penalty: 0}", 16, "[0].after_seconds", "is missing"),
        ("{after_seconds: 0, penalty: 101}", 16, "[0].penalty", "at most 100"),
        ("{after_seconds: 0, lower_level: 1}", 16, "[0].lower_level", "did you mean “lower_levels”?"),
    ],
)
def test_steps_that_do_not(write: Write, steps: str, line: int, path: str, words: str) -> None:
    queue = f'  support:\n    widening:\n      - {steps}\n    title: Support\n    members: ["1001", "1002"]'
    fault = one_fault(write, '  support: {title: Support, members: ["1001", "1002"]}', queue)
    assert (fault.line, fault.path) == (line, f"queues.support.widening{path}")
    assert words in fault.message


# ── ways out ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("way", "words"),
    [
        ("on_timeout", "give max_wait_seconds: as well, or remove it"),
        ("on_full", "give max_waiting: as well, or remove it"),
        ("on_empty", "give refuse_when: or leave_when: as well, or remove it"),
    ],
)
def test_a_way_that_nobody_can_take(write: Write, way: str, words: str) -> None:
    fault = one_fault(write, "title: Support", f"title: Support, refuse_when: never, {way}: {{hang_up: a1}}")
    assert (fault.line, fault.path) == (14, f"queues.support.{way}")
    assert words in fault.message


TWO = """\
    max_waiting: 5
    refuse_when: nobody_ready
    members: ["1001"]
"""


def two_queues(support: str, sales: str) -> str:
    return SMALL.replace("24]}", '24], send_to: "sip:203.0.113.9"}').replace(
        '  support: {title: Support, members: ["1001", "1002"]}\n',
        f"  support:\n    title: A\n{TWO}    {support}\n  sales:\n    title: B\n{TWO}    {sales}\n",
    )


@pytest.mark.parametrize(
    ("support", "sales", "line", "way", "circle"),
    [
        ("on_full: {queue: sales}", "on_full: {queue: support}", 19, "on_full", "support → sales → support"),
        ("on_full: {queue: sales}", "on_empty: {queue: support}", 19, "on_full", "support → sales → support"),
        ("on_empty: {queue: support}", "on_empty: {queue: support}", 19, "on_empty", "support → support"),
        (
            'on_full: {agent: "1001", queue: sales}',
            'on_full: {number: "+7916", trunk: lab, otherwise: {queue: support}}',
            19,
            "on_full",
            "support → sales → support",
        ),
    ],
)
def test_full_and_empty_queues_must_not_send_callers_round(
    write: Write, support: str, sales: str, line: int, way: str, circle: str
) -> None:
    (fault,) = check(write(two_queues(support, sales)), {})
    assert (fault.line, fault.path) == (line, f"queues.support.{way}")
    assert f"without any wait: {circle}; let one of them end otherwise" in fault.message


def queues(*on_full: tuple[str, str]) -> str:
    lines = [
        f"  {name}: {{title: Q, max_waiting: 1, on_full: {{queue: {other}}}}}\n" for name, other in on_full
    ]
    return SMALL.replace("menus:", f"{''.join(lines)}menus:")


def test_every_circle_is_reported_once_from_its_first_queue_on(write: Write) -> None:
    faults = check(
        write(queues(("a1", "a2"), ("a2", "a3"), ("a3", "a2"), ("b1", "b3"), ("b2", "b1"), ("b3", "b2"))), {}
    )
    assert [(fault.line, fault.path) for fault in faults] == [
        (16, "queues.a2.on_full"),
        (18, "queues.b1.on_full"),
    ]
    assert "a2 → a3 → a2;" in faults[0].message
    assert "b1 → b3 → b2 → b1;" in faults[1].message


def test_very_many_queues_in_a_row(write: Write) -> None:
    row = [(f"q{number}", f"q{number + 1}") for number in range(1200)]
    assert check(write(queues(*row, ("q1200", "support"))), {}) == []


@pytest.mark.parametrize(
    ("support", "sales"),
    [
        ("on_full: {queue: sales}", "on_full: {menu: main}"),
        ("on_full: {queue: sales}", "breakout: {'1': {queue: support}}"),
        (
            "max_wait_seconds: 9\n    on_timeout: {queue: sales}",
            "max_wait_seconds: 9\n    on_timeout: {queue: support}",
        ),
        ("on_full: {queue: sales}", "max_wait_seconds: 9\n    on_timeout: {queue: support}"),
    ],
)
def test_a_circle_with_a_wait_in_it_is_none(write: Write, support: str, sales: str) -> None:
    assert check(write(two_queues(support, sales)), {}) == []


# ── skills ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("old", "new", "line", "path", "words"),
    [
        (
            "title: Support",
            "title: Support, needs: {english: 3}",
            14,
            "queues.support.needs.english",
            "nobody in this queue has english 3 (the highest is 2)",
        ),
        (
            "title: Support",
            "title: Support, needs: {french: 1}",
            14,
            "queues.support.needs.french",
            "nobody in this queue has french 1 (the highest is 0)",
        ),
        (
            "title: Support",
            "title: Support, needs: {english: 2, russian: 1}",
            14,
            "queues.support.needs",
            "nobody in this queue has all of english 2, russian 1",
        ),
        (
            "{queue: support}\nagents",
            "{queue: support, needs: {french: 1}}\nagents",
            9,
            'numbers."+74950000002".needs.french',
            "nobody in this queue has french 1",
        ),
        (
            "options: {",
            'options: {"2": {queue: support, needs: {english: 3}}, ',
            16,
            "menus.main.options.2.needs.english",
            "give it to one of its agents under skills:, or ask for less",
        ),
    ],
)
def test_somebody_must_have_what_callers_need(
    write: Write, old: str, new: str, line: int, path: str, words: str
) -> None:
    text = SKILLED.replace("language: ru}", "language: ru, skills: {russian: 5}}")
    assert old in text
    (fault,) = check(write(text.replace(old, new)), {})
    assert (fault.line, fault.path) == (line, path)
    assert words in fault.message


def test_a_target_adds_to_what_its_queue_needs(write: Write) -> None:
    text = SKILLED.replace("language: ru}", "language: ru, skills: {russian: 5}}")
    text = text.replace("title: Support", "title: Support, needs: {russian: 1}")
    (fault,) = check(write(text.replace("{queue: support}\n", "{queue: support, needs: {english: 1}}\n")), {})
    assert (fault.line, fault.path) == (9, 'numbers."+74950000002".needs')
    assert "all of russian 1, english 1" in fault.message


@pytest.mark.parametrize(
    "queue",
    [
        "needs: {english: 3}, widening: [{after_seconds: 9, lower_levels: 1}]",
        "needs: {french: 2}, widening: [{after_seconds: 9, lower_levels: 2}]",
        "needs: {english: 2, billing: 1}",
    ],
)
def test_it_is_enough_that_somebody_has_it_in_the_end(write: Write, queue: str) -> None:
    assert check(write(SKILLED.replace("title: Support", f"title: Support, {queue}")), {}) == []


def test_a_queue_without_members_may_need_anything(write: Write) -> None:
    assert check(write(SMALL.replace("queues:", "queues:\n  b2: {title: B, needs: {english: 3}}")), {}) == []
