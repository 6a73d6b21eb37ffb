"""The transfer matrix on the real Asterisk: each kind, by page and by phone, to each target.

What becomes of a client whom nobody takes: test_transfer_untaken.py.

With ``-s`` each row is printed: what became of it, its time, who did what for how long, the recording. Rows
marked ``whole`` are left out by `make test`: others do the same in other pairs. `make matrix` runs all.
"""

import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.e2e.hearing import MUSIC
from tests.e2e.parts import Program, eventually
from tests.e2e.scene import echo_outside, moment, recorded
from tests.e2e.test_transfers import ANNA, BORIS, SALES_AGENT, SUPERVISOR, Begin, Talk, begin, halves

__all__ = ["begin"]  # a fixture
pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(300)]

Pass = Callable[[Talk, str], Awaitable[None]]
# target → who takes the client, what the API is told, what a phone dials, how it stands in the record
TARGETS: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "agent": (BORIS, {"agent": BORIS}, BORIS, f"agent {BORIS}"),
    "queue": (SALES_AGENT, {"queue": "sales"}, "703", "queue sales"),
    "supervisor": (SUPERVISOR, {"supervisor": True}, "700", "supervisor"),
}
OUTSIDE = "+74951112233"
NUMBER = {"number": ("", {"number": OUTSIDE}, OUTSIDE, f"number {OUTSIDE}")}  # nobody of ours takes him there
PLACES = TARGETS | NUMBER


async def rings(talk: Talk, target: str) -> None:
    if target in TARGETS:
        await talk.phone(TARGETS[target][0]).event("incoming")


async def blind_by_page(talk: Talk, target: str) -> None:
    await talk.pass_on(ANNA, **PLACES[target][1])


async def attended_by_page(talk: Talk, target: str) -> None:
    await talk.pass_on(ANNA, attended=True, **PLACES[target][1])
    await talk.stage(ANNA, "consulting")
    await talk.hear(client={MUSIC})
    await talk.wish(ANNA, "complete")


async def blonde_by_page(talk: Talk, target: str) -> None:
    await talk.pass_on(ANNA, attended=True, **PLACES[target][1])
    await rings(talk, target)
    await talk.wish(ANNA, "complete")


async def blind_by_phone(talk: Talk, target: str) -> None:
    uri = f"sip:{PLACES[target][2]}@{talk.lab.host}:{talk.lab.sip_port}"
    await talk.phone(ANNA).do(do="refer", to=uri)


async def consults(talk: Talk, target: str) -> None:
    await talk.phone(ANNA).do(do="hold")
    await talk.phone(ANNA).event("held")
    await talk.dial(ANNA, PLACES[target][2])


async def attended_by_phone(talk: Talk, target: str) -> None:
    await consults(talk, target)
    await talk.stage(ANNA, "consulting")
    await talk.phone(ANNA).event("answered", 2)
    await talk.phone(ANNA).do(do="refer_replaces", line=1, other=2)


async def blonde_by_phone(talk: Talk, target: str) -> None:
    await consults(talk, target)
    await rings(talk, target)
    await talk.phone(ANNA).event("ringing")
    await talk.phone(ANNA).do(do="refer_replaces", line=1, other=2)


WAYS: dict[tuple[str, str], Pass] = {
    ("blind", "page"): blind_by_page,
    ("attended", "page"): attended_by_page,
    ("blonde", "page"): blonde_by_page,
    ("blind", "phone"): blind_by_phone,
    ("attended", "phone"): attended_by_phone,
    ("blonde", "phone"): blonde_by_phone,
}


async def told(talk: Talk, row: str, seconds: float) -> dict[str, Any]:
    """The call as history has it, once it has ended; printed."""
    call: dict[str, Any] = await talk.api.get(f"/calls/{talk.call}")
    (ticket,) = await talk.api.all("/tickets", call_id=talk.call)
    (recording,) = (await talk.api.get(f"/tickets/{ticket['id']}"))["recordings"]
    did = ", ".join(f"{one['agent']} {one['doing']} {length(one):.1f}" for one in call["segments"])
    end = call["transfers"][-1]["end"]
    print(
        f"\n{row:<32} {end:<10} {seconds:4.1f} s  call {call['id']}  {did}  "
        f"recording {recording['id']} {recording['duration_ms'] / 1000:.1f} s"
    )
    for agent in talk.ears.keys() - {"client"}:
        spans = [
            (moment(one["since"]), moment(one["until"])) for one in call["segments"] if one["agent"] == agent
        ]
        kept, by_phone = together(spans), together(await in_calls(talk.phone(agent)))
        assert abs(kept - by_phone) < 1, f"{agent}: {kept:.1f} s are kept, and his phone says {by_phone:.1f}"
    return call


async def in_calls(program: Program) -> list[tuple[float, float]]:
    """From each line's answer to its end, by the phone's own clock (Unix seconds)."""
    answered = program.events_of("answered")

    async def ended() -> list[dict[str, Any]]:
        lines = [one["line"] for one in answered]
        return [one for one in program.events_of("ended") if one["line"] in lines]

    ends = await eventually(ended, lambda seen: len(seen) >= len(answered))
    spans = []
    for begin_ in answered:
        end = min(
            one["wall"] for one in ends if one["line"] == begin_["line"] and one["wall"] >= begin_["wall"]
        )
        spans.append((begin_["wall"], end))
    return spans


def together(spans: list[tuple[float, float]]) -> float:
    """Seconds in at least one of them."""
    total, until = 0.0, 0.0
    for begin_, end in sorted(spans):
        total += max(end - max(begin_, until), 0.0)
        until = max(until, end)
    return total


def length(segment: dict[str, Any]) -> float:
    return moment(segment["until"]) - moment(segment["since"])


def whole(*row: object, is_whole: bool) -> Any:
    return pytest.param(*row, marks=[pytest.mark.whole] if is_whole else [])


@pytest.mark.parametrize(
    ("kind", "way", "target"),
    [
        whole(*way, target, is_whole=(row + column) % 3 != 0)
        for row, way in enumerate(WAYS)
        for column, target in enumerate(TARGETS)
    ],
)
async def test_somebody_takes_him(begin: Begin, kind: str, way: str, target: str) -> None:
    taker, _, _, words = TARGETS[target]
    talk = await begin(taker, answer=1.2)
    begun = time.monotonic()
    await WAYS[kind, way](talk, target)
    await talk.talks(taker)
    seconds = time.monotonic() - begun
    await talk.hear(client={taker}, **{f"a{taker}": {"client"}})
    await talk.phone(ANNA).event("ended")
    await talk.ends()
    await talk.recorded(ANNA, taker)
    call = await told(talk, f"{kind} by {way} to {target}", seconds)
    (transfer,) = call["transfers"]
    wanted = (kind, words, ANNA, "completed")
    assert tuple(transfer[name] for name in ("kind", "target", "by", "end")) == wanted
    assert transfer["to"] in ((taker,) if target != "queue" or kind == "attended" else (None, taker))
    assert call["agent"] == taker
    assert {one["agent"] for one in call["segments"]} == {ANNA, taker}
    assert all(one["until"] for one in call["segments"])


@pytest.mark.whole
async def test_who_serves_the_queue_does_not_take_him_at_once(begin: Begin) -> None:
    """He waits there, for whoever is free next; the transfer was over when he came to the queue."""
    talk = await begin(SALES_AGENT, answer=None)
    begun = time.monotonic()
    await talk.pass_on(ANNA, queue="sales")
    await rings(talk, "queue")
    await talk.phone(SALES_AGENT).do(do="reject", code=486)
    await talk.phone(SALES_AGENT).event("incoming", 2, seconds=60)
    await talk.hear(client={MUSIC})
    await talk.phone(SALES_AGENT).do(do="answer")
    await talk.talks(SALES_AGENT)
    seconds = time.monotonic() - begun
    await talk.hear(client={SALES_AGENT}, a1006={"client"})
    await talk.ends()
    call = await told(talk, "blind by page to queue, twice", seconds)
    assert [(one["end"], one["to"]) for one in call["transfers"]] == [("completed", None)]
    assert call["agent"] == SALES_AGENT


@pytest.mark.parametrize(
    ("kind", "way"), [whole(*way, is_whole=row % 3 != 0) for row, way in enumerate(WAYS)]
)
async def test_a_number_outside_takes_him(begin: Begin, kind: str, way: str) -> None:
    talk = await begin()
    async with echo_outside(talk.lab):
        begun = time.monotonic()
        await WAYS[kind, way](talk, "number")
        await talk.phone(ANNA).event("ended")

        async def answered() -> list[dict[str, Any]]:
            legs = (await talk.api.get(f"/calls/{talk.call}"))["legs"]
            return [leg for leg in legs if leg["kind"] == "outside" and leg["answered_at"]]

        await eventually(answered)
        seconds = time.monotonic() - begun
        await talk.hear(client={"client"})  # himself: it sends back what it hears
        await talk.ends()
    sound = await recorded(talk.api, {"id": talk.call})
    begins, ends = halves(sound)
    assert sound.level(0, talk.ears["client"].hz, *begins) > -26
    assert sound.level(1, talk.ears[ANNA].hz, *begins) > -26
    assert min(sound.level(side, talk.ears["client"].hz, *ends) for side in (0, 1)) > -26  # and his echo
    call = await told(talk, f"{kind} by {way} to a number", seconds)
    (transfer,) = call["transfers"]
    wanted = (kind, f"number {OUTSIDE}", ANNA, "completed", None)
    assert tuple(transfer[name] for name in ("kind", "target", "by", "end", "to")) == wanted
    assert (call["outcome"], call["agent"]) == ("answered", ANNA)
