"""``callbridge simulate``: the log it reads, what it refuses, what it prints."""

import asyncio
import json
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bridge import cli, config
from bridge.centre.ids import AgentId, CallId, LegId, QueueName
from bridge.centre.orders import CallRecord, LegKind, LegRecord, Outcome
from bridge.centre.plan import Strategy
from bridge.store import Store
from bridge.web.api.models import Call

ROOT = Path(__file__).resolve().parents[2]
START = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)

CONFIG = """
company: {name: Test, region: RU, timezone: Europe/Moscow}
agents:
  "1001": {name: Anna}
  "1002": {name: Boris}
  "1003": {name: Vera}
queues:
  support: {title: Support, members: ["1001", "1002"], strategy: linear, wrap_up_seconds: 10}
  sales: {title: Sales, members: ["1003"], wrap_up_seconds: 0, service_level_seconds: 30}
  idle: {title: Idle, members: ["1003"]}
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CALLBRIDGE_STORE_URL", f"sqlite+aiosqlite:///{tmp_path}/callbridge.db")
    path = tmp_path / "callbridge.yml"
    path.write_text(CONFIG)
    return path


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Anna and Boris, three callers; the third one gives up after 20 seconds."""
    return write(
        tmp_path,
        call("a", 0, "1001", 30),
        call("b", 1, "1002", 20),
        call("c", 5, wait=20),
        call("menu", 6, queue=None, queued_at=None, outcome="ivr"),
    )


def moment(value: float) -> str:
    return (START + timedelta(seconds=value)).isoformat()


def call(
    name: str, at: float, agent: str | None = None, talk: float = 0, wait: float = 2, **how: object
) -> dict[str, object]:
    answered, ended = (moment(at + wait) if agent else None), moment(at + wait + talk)
    times = {"created_at": moment(at), "ringing_at": moment(at), "answered_at": answered, "ended_at": ended}
    client = {**times, "id": name, "kind": "client", "agent": None}
    legs = [client, {**times, "id": f"{name}-agent-1", "kind": "agent", "agent": agent}]
    return {
        "id": name,
        "queue": "support",
        "agent": agent,
        "offered_at": moment(at),
        "queued_at": moment(at),
        "answered_at": answered,
        "ended_at": ended,
        "outcome": "answered" if agent else "abandoned",
        "legs": legs if agent else legs[:1],
        **how,
    }


def write(directory: Path, *calls: Mapping[str, object]) -> Path:
    path = directory / "calls.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in calls) + "\n")
    return path


def simulate(file: Path, log: Path | str, *options: str) -> int:
    return cli.main(["simulate", "--config", str(file), "--from", str(log), *options])


def told_as_json(file: Path, log: Path | str, capsys: pytest.CaptureFixture[str], *options: str) -> Any:
    capsys.readouterr()
    assert simulate(file, log, "--json", *options) == cli.OK
    return json.loads(capsys.readouterr().out)


def test_table(file: Path, log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert simulate(file, log, "--strategy", "ringall", "--agents", "1") == cli.OK
    told = capsys.readouterr().out
    lines = told.splitlines()
    assert lines[0] == f"{log}: 3 calls that came to a queue"
    assert max(map(len, lines[1:])) <= 100
    begin = lines.index("") + 1
    table = lines[begin : lines.index("", begin)]
    assert {len(line) for line in table} == {len(table[0])}, "aligned"
    cells = {
        line[:36].strip(): line[36:].replace(" s", "s").replace(" %", "%").replace(" … ", "…").split()
        for line in table[1:]
    }
    assert table[0].startswith("support")
    assert cells == {
        "strategy": ["–", "linear", "ringall"],
        "agents": ["2", "2", "1"],
        "offered": ["3", "3", "3"],
        "answered": ["2", "2", "2"],
        "abandoned": ["1", "1", "1"],
        "under 5 s (short)": ["0", "0", "0"],
        "left by another way": ["0", "0", "0"],
        "nobody was there any more": ["0", "0", "0"],
        "SL (20 s)": ["66.7%", "66.7%", "33.3%"],
        "SL2 (20 s)": ["100.0%", "100.0%", "50.0%"],
        "wait, mean": ["2.0s", "2.0s", "22.5s"],
        "wait, p50": ["2.0s", "2.0s", "2.0s"],
        "wait, p90": ["2.0s", "2.0s", "43.0s"],  # from 1 to 44: Anna talks until 32 and wraps up until 42
        "wait, max": ["2.0s", "2.0s", "43.0s"],
        "AHT": ["35.0s", "35.0s", "35.0s"],
        "occupancy": ["94.6%", "94.6%", "94.6%"],  # 70 of 42 + 32, and 70 of 74 seconds
        "calls per agent, min … max": ["1…1", "1…1", "2…2"],
    }
    assert [line.split()[:2] for line in lines if line.startswith("in all")] == [["in", "all"]]


def test_without_a_change_there_are_two_columns(
    file: Path, log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert simulate(file, log) == cli.OK
    told = capsys.readouterr().out
    assert "re-simulated" in told
    assert "changed" not in told


def test_one_more_agent_as_json(file: Path, log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = told_as_json(file, log, capsys, "--agents", "3")
    assert told["change"] == {"queue": "support", "strategy": None, "agents": 3}, "the only one with calls"
    assert told["notes"] == []
    support = told["queues"]["support"]
    assert support["service_level_seconds"] == 20
    assert support["strategies"] == {"resimulated": "linear", "changed": "linear"}
    assert support["recorded"] == support["resimulated"], "the day went as in the model"
    assert (support["recorded"]["abandoned"], support["changed"]["abandoned"]) == (1, 0)
    assert support["changed"]["wait_mean_seconds"] == 2
    assert support["changed"]["sl"] == 1
    assert told["all"]["changed"]["answered"] == 3


@pytest.mark.parametrize("strategy", Strategy)
def test_each_strategy(strategy: Strategy, file: Path, log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = told_as_json(file, log, capsys, "--strategy", strategy.value)
    changed = told["queues"]["support"]["changed"]
    assert changed["answered"] + changed["abandoned"] + changed["left"] + changed["waiting"] == 3
    assert told == told_as_json(file, log, capsys, "--strategy", strategy.value)


def test_the_order_of_the_lines_does_not_matter(
    file: Path, log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = told_as_json(file, log, capsys, "--strategy", "random")
    log.write_text("\n".join(reversed(log.read_text().splitlines())))
    assert told_as_json(file, log, capsys, "--strategy", "random") == first


def test_several_queues(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = write(
        tmp_path,
        call("a", 0, "1001", 30),
        call("b", 0, "1003", 30, queue="sales"),
        call("c", 1, "1003", 30, queue="sales", wait=31),
        call("d", 2, queue="closed\x1b[2J"),
        call("e", 3, ended_at=None),
        call("f", 4, wait=400_000),
        call("g", 4, queued_at="1812-09-07T05:30:00Z"),
    )
    told = told_as_json(file, log, capsys, "--queue", "sales", "--strategy", "random")
    assert list(told["queues"]) == ["sales"]
    assert told["all"]["recorded"]["offered"] == 3
    # Each queue by its own T: 31 seconds are too long for sales.
    assert told["all"]["recorded"]["sl"] == pytest.approx(2 / 3, abs=1e-4)
    assert told["notes"] == [
        "left out: 1 calls that were not over",
        "left out: 2 calls with a time that is more than 36 h from their entry into the queue",
        "left out: 1 calls of queues that the plan does not have: closed?[2J",
    ]
    assert simulate(file, log) == cli.OK
    table = capsys.readouterr().out
    assert [line.split()[0] for line in table.splitlines() if "re-simulated" in line] == [
        "support",
        "sales",
        "in",
    ]
    assert "SL (30 s)" in table
    assert "SL (each queue's T)" in table
    assert simulate(file, log, "--agents", "2") == cli.FINDINGS
    assert "say of which queue with --queue" in capsys.readouterr().err
    assert simulate(file, log, "--queue", "idle") == cli.FINDINGS
    assert "has no call of it; it has calls of support, sales" in capsys.readouterr().err


# ── what is refused ──────────────────────────────────────────────────────────

GOOD = json.dumps(call("a", 0, "1001", 30))


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", ":2: Input data was truncated"),
        ("[]", ":2: Expected `object`, got `array`"),
        ("{}", ":2: Object missing required field `queue`"),
        ('{"items": [], "next": null}', "each line must be one call as GET /api/v1/calls gives it"),
        (GOOD.replace('"answered"', '"eaten\\u001b[2J"'), ":2: Invalid enum value 'eaten"),
        (GOOD.replace("+00:00", ""), ":2: Expected `datetime` with a timezone component"),
        (GOOD.replace('"2026', '"twenty'), ":2: Invalid RFC3339 encoded datetime"),
        (GOOD.replace("1001", "\udcff"), ":2: "),
        ("[" * 100_000, ":2: "),
        (GOOD, ":2: the call a is in line 1 already"),
    ],
    ids=["cut", "list", "empty", "page", "outcome", "zone", "time", "encoding", "deep", "twice"],
)
def test_a_bad_line_is_named(
    line: str, told: str, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "calls.jsonl"
    log.write_bytes(f"{GOOD}\n{line}\n".encode(errors="surrogateescape"))
    assert simulate(file, log) == cli.FINDINGS
    err = capsys.readouterr().err
    assert f"{log}:2: " in err
    assert told in err
    assert "\x1b" not in err


def test_a_log_that_cannot_be_replayed(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def told(*calls: Mapping[str, object]) -> str:
        assert simulate(file, write(tmp_path, *calls)) == cli.FINDINGS
        return capsys.readouterr().err

    assert "there is no call that came to a queue; give another day or file" in told()
    assert "there is no call that came to a queue" in told(call("a", 0, queue=None, queued_at=None))
    assert "(left out: 1 calls that were not over)" in told(call("a", 0, ended_at=None))
    assert "no call was answered" in told(call("a", 0))
    week = told(call("a", 0, "1001", 30), call("b", 7 * 86400, "1001", 30))
    assert "it goes from 2026-11-22T09:00:00+00:00 to 2026-11-29" in week
    assert "give one day" in week
    assert simulate(file, tmp_path / "none") == cli.FINDINGS
    assert "none: No such file or directory; give a day as 2026-11-22" in capsys.readouterr().err
    assert simulate(file, "2026-11-31") == cli.FINDINGS
    assert "2026-11-31: there is no such day" in capsys.readouterr().err


def test_nobody_to_copy(file: Path, log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(CONFIG.replace('members: ["1001", "1002"]', "members: []"))
    nameless = log.read_text().replace('"1001"', "null").replace('"1002"', "null")
    log.write_text(nameless)
    assert simulate(file, log, "--agents", "3") == cli.FINDINGS
    assert "queue support has no agent who could be copied" in capsys.readouterr().err
    told = told_as_json(file, log, capsys)
    assert told["queues"]["support"]["recorded"]["occupancy"] is None
    assert told["queues"]["support"]["resimulated"]["waiting"] == 2


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--strategy", "best"], "choose from 'ringall', 'linear', 'random', 'fewestcalls', 'leastrecent'"),
        (["--agents", "0"], "'0' is no number of agents: give one from 1 to 9999"),
        (["--agents", "٣"], "is no number of agents"),
        (["--agents", "99999"], "is no number of agents"),
    ],
)
def test_wrong_usage(
    options: list[str], told: str, file: Path, log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        simulate(file, log, *options)
    assert ended.value.code == cli.USAGE
    assert told in capsys.readouterr().err


def test_help_has_an_example() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bridge", "simulate", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Example: callbridge simulate --from 2026-11-22" in " ".join(done.stdout.split())


# ── a day of the database ────────────────────────────────────────────────────


async def keep(path: Path) -> None:
    """In Moscow, the 22nd is from 21:00 of the 21st to 21:00 of the 22nd, UTC."""
    store = await Store.open(config.load(path).store.url)
    begin = datetime(2026, 11, 21, 21, 0, tzinfo=UTC)
    end = begin + timedelta(days=1)
    moments = [begin - timedelta(seconds=1), begin, *(begin + timedelta(minutes=n) for n in range(1, 600))]
    moments += [end - timedelta(seconds=1), end]
    async with store.unit() as unit:
        for number, at in enumerate(moments):
            await unit.calls.save(record(number, at))
        outside = replace(
            record(9999, begin), direction="out", dialled="+79169999999", queue=None, queued_at=None
        )
        await unit.calls.save(outside)
    await store.close()


def record(number: int, at: datetime) -> CallRecord:
    id = CallId(f"1700000000.{number}")
    answered, ended = at + timedelta(seconds=5), at + timedelta(seconds=35)
    agent = AgentId("1001")
    return CallRecord(
        id,
        "+79161234567",
        "+79161234567",
        "Ivan",
        False,
        "+74950000001",
        "lab",
        "in",
        at,
        queue=QueueName("support"),
        agent=agent,
        queued_at=at,
        answered_at=answered,
        ended_at=ended,
        outcome=Outcome.ANSWERED,
        legs=(
            LegRecord(LegId(id), LegKind.CLIENT, None, at, None, at, ended),
            LegRecord(LegId(f"{id}-agent-1"), LegKind.AGENT, agent, at, at, answered, ended),
        ),
    )


def test_a_day_of_the_database(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert simulate(file, "2026-11-22") == cli.CONFIGURATION
    assert "no schema yet" in capsys.readouterr().err
    asyncio.run(keep(file))
    with closing(sqlite3.connect(tmp_path / "callbridge.db", isolation_level=None)) as service:
        service.execute("BEGIN IMMEDIATE")  # the running service is not waited for
        told = told_as_json(file, "2026-11-22", capsys, "--strategy", "rrmemory")
        service.execute("ROLLBACK")
    assert told["log"] == "2026-11-22"
    assert told["all"]["recorded"]["offered"] == 601, "the day's first and last second, and all between"
    assert told["queues"]["support"]["recorded"] == told["queues"]["support"]["resimulated"]
    assert simulate(file, "2026-11-21", "--json") == cli.OK
    assert json.loads(capsys.readouterr().out)["all"]["recorded"]["offered"] == 1
    assert simulate(file, "2026-11-20") == cli.FINDINGS
    assert "2026-11-20: there is no call that came to a queue" in capsys.readouterr().err


def test_a_day_kept_in_a_file(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asyncio.run(keep(file))
    kept = tmp_path / "day.jsonl"
    told = told_as_json(file, "2026-11-22", capsys, "--agents", "2", "--save", str(kept))
    assert told_as_json(file, kept, capsys, "--agents", "2") == {**told, "log": str(kept)}
    calls = [Call.model_validate_json(line) for line in kept.read_bytes().splitlines()]
    assert [one.id for one in calls] == [f"1700000000.{number}" for number in range(1, 602)]
    assert {(one.number, one.e164, one.name, one.client) for one in calls} == {(None, None, "", None)}
    assert b"+7916" not in kept.read_bytes(), "neither who called nor whom we called"
    assert simulate(file, "2026-11-22", "--save", str(kept)) == cli.FINDINGS
    assert "is there already" in capsys.readouterr().err
    assert simulate(file, "2026-11-22", "--save", str(tmp_path / "none" / "day")) == cli.FINDINGS
    assert "give a file that can be written" in capsys.readouterr().err
    assert simulate(file, kept, "--save", str(tmp_path / "other")) == cli.FINDINGS
    assert "is a file already" in capsys.readouterr().err


def test_progress_is_for_people(
    file: Path, log: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asyncio.run(keep(file))
    assert simulate(file, "2026-11-22") == cli.OK
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert simulate(file, "2026-11-22") == cli.OK
    shown = capsys.readouterr().err
    assert "reading: 601 calls" in shown
    assert "re-simulated: 500 of 601 calls" in shown
    assert not shown.split("\r")[-2].strip(), "wiped away in the end"
