"""The command line: what each command prints, and its exit code."""

import asyncio
import json
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bridge import cli, config
from bridge.centre.decision import Decision, Hindrance, OfferEnd, Standing
from bridge.centre.ids import AgentId, CallId, QueueName, Skill, agent_leg_id
from bridge.centre.orders import CallRecord, EndOffer, Outcome, SaveOffer
from bridge.centre.plan import Strategy
from bridge.store import Store
from bridge.store.engine import open_engines
from bridge.store.migrate import migrate

ROOT = Path(__file__).resolve().parents[2]
LAB = ROOT / "docker" / "callbridge.yml"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CALLBRIDGE_STORE_URL", f"sqlite+aiosqlite:///{tmp_path}/callbridge.db")
    path = tmp_path / "callbridge.yml"
    path.write_text(LAB.read_text())
    return path


def test_check(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", "--config", str(file)]) == cli.OK
    text = file.read_text().replace('members: ["1001"', 'members: ["1099"')
    file.write_text(text)
    capsys.readouterr()
    assert cli.main(["check", "--config", str(file)]) == cli.FINDINGS
    line = next(number for number, line in enumerate(text.splitlines(), 1) if "1099" in line)
    told = capsys.readouterr().out
    assert f"callbridge.yml:{line}:" in told
    assert "queues.support.members" in told


def test_configuration_that_cannot_be_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = tmp_path / "none.yml"
    options = ["--config", str(missing), "--output", str(tmp_path / "secrets.env")]
    assert cli.main(["secrets", *options]) == cli.CONFIGURATION
    assert "none.yml" in capsys.readouterr().err


def test_secrets_and_render(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    secrets, out = tmp_path / "secrets.env", tmp_path / "asterisk"
    assert cli.main(["secrets", "--config", str(file), "--output", str(secrets)]) == cli.OK
    assert secrets.stat().st_mode & 0o777 == 0o600
    render = ["render", "--config", str(file), "--secrets", str(secrets), "--output", str(out)]
    assert cli.main(render) == cli.OK
    assert (out / "extensions.conf").exists()
    capsys.readouterr()
    assert cli.main(render) == cli.OK
    assert capsys.readouterr().out.startswith("0 written")


def test_schema_is_the_published_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["schema"]) == cli.OK
    published = json.loads((ROOT / "docs" / "callbridge.schema.json").read_text())
    assert json.loads(capsys.readouterr().out) == published


def test_replay(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trace = sorted((ROOT / "tests" / "replay" / "traces").rglob("*.ami"))[0]
    assert cli.main(["replay", str(trace)]) == cli.OK
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    *events, call = events
    assert events[-1]["type"] == "ended"
    assert (call["type"], call["agent"], call["transfers"]) == ("call", "1001", [])
    assert [one["doing"] for one in call["segments"]] == ["talk"]
    assert set(events[0]) == {"type", "call_id", "caller", "targets", "transfer", "reason"}
    assert call["ticket"]
    broken = tmp_path / "broken.json"
    broken.write_text('[{"Event": "Newchannel"')
    assert cli.main(["replay", str(broken)]) == cli.FINDINGS
    assert "broken.json" in capsys.readouterr().err
    assert cli.main(["replay", str(tmp_path / "none")]) == cli.FINDINGS


@pytest.mark.parametrize(("policy", "gets"), [("every_call", True), ("on_request", False)])
def test_replay_by_a_queue_s_policy(
    file: Path, policy: str, capsys: pytest.CaptureFixture[str], *, gets: bool
) -> None:
    text = re.sub(r"\blab\b", "trunk1", file.read_text())
    file.write_text(text.replace("\n    strategy:", f"\n    tickets: {policy}\n    strategy:", 1))
    trace = ROOT / "tests" / "replay" / "traces" / "queue" / "answered.ami"
    assert cli.main(["replay", "--config", str(file), str(trace)]) == cli.OK
    call = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (call["queue"], call["ticket"] is not None) == ("support", gets)


def test_migrate(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def said(*options: str) -> list[str]:
        assert cli.main(["migrate", "--config", str(file), *options]) == cli.OK
        return capsys.readouterr().out.splitlines()

    (nothing,) = said("--dry-run")
    assert "there is no database yet" in nothing
    assert not (tmp_path / "callbridge.db").exists()
    asyncio.run(_of_an_older_version(f"sqlite+aiosqlite:///{tmp_path}/callbridge.db"))
    planned = said("--dry-run")
    assert planned[0].startswith("schema 0011: ")
    assert said("--dry-run") == planned, "nothing was done"
    done = said()
    assert done[: len(planned)] == planned
    assert done[-1] == "the schema is this version's"
    assert len(said("--dry-run")) == 1


async def _of_an_older_version(url: str) -> None:
    engines = await open_engines(url)
    async with engines.writer.begin() as connection:
        await connection.run_sync(migrate, "0010")
    await engines.dispose()


def test_import(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clients = tmp_path / "clients.csv"
    clients.write_text("name,number\nИван,+79161234567\nНикто,not a number\n")
    assert cli.main(["import", "--config", str(file), str(clients)]) == cli.FINDINGS
    told = capsys.readouterr()
    assert "1 added" in told.out
    assert "clients.csv:3:" in told.err


async def roles(file: Path) -> dict[str, str | None]:
    """Of the log-ins that are supervisors, their agents."""
    store = await Store.open(config.load(file).store.url)
    async with store.view() as unit:
        found = {user.login: user.agent for user in await unit.users.all() if user.role == "supervisor"}
    await store.close()
    return found


def test_users_and_tokens(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    secrets = tmp_path / "secrets.env"
    cli.main(["secrets", "--config", str(file), "--output", str(secrets)])
    sync = ["user", "sync", "--config", str(file), "--secrets", str(secrets)]
    capsys.readouterr()
    assert cli.main(sync) == cli.OK
    assert capsys.readouterr().out.startswith("11 log-ins set")
    assert cli.main(sync) == cli.OK
    assert capsys.readouterr().out.startswith("0 log-ins set")
    assert asyncio.run(roles(file)) == {"supervisor": None, "1009": "1009", "1010": "1010"}
    add = ["user", "add", "olga", "--role", "supervisor", "--config", str(file)]
    assert cli.main(add) == cli.OK
    assert cli.main(add) == cli.FINDINGS
    assert "olga exists already" in capsys.readouterr().err
    assert cli.main(["user", "add", "x", "--role", "agent", "--config", str(file)]) == cli.FINDINGS
    assert "--agent" in capsys.readouterr().err
    token = ["token", "add", "crm", "--config", str(file), "--scope"]
    assert cli.main([*token, "tickets:read"]) == cli.OK
    assert capsys.readouterr().out.startswith("cb_")
    assert cli.main([*token, "tickets:eat"]) == cli.FINDINGS
    assert "tickets:eat" in capsys.readouterr().err


CALL, AT = CallId("1700000000.1"), datetime(2025, 3, 1, 9, 0, tzinfo=UTC)
QUEUE = QueueName("support")


async def keep(path: Path, *, offered: bool = True) -> None:
    """A call that waited five seconds for Boris while Anna was on her lunch."""
    record = CallRecord(
        CALL,
        None,
        None,
        "",
        True,
        "+7495",
        "lab",
        "in",
        AT,
        queue=QUEUE,
        queued_at=AT,
        outcome=Outcome.ANSWERED,
    )
    anna, boris, vera, leaver = (AgentId(agent) for agent in ("1001", "1002", "1003", "7777"))
    skills = {Skill("english"): 2}
    standings = (
        Standing(anna, 0, 0, skills, Hindrance.PAUSED, "lunch\x1b[2J"),
        Standing(boris, 1, 0, skills, None, idle_since=AT),
        Standing(vera, 2, 0, {}, None),
        Standing(leaver, 3, 1, skills, None),
    )
    decision = Decision(
        CALL, QUEUE, Strategy.LEASTRECENT, ((Skill("english"), 2),), 1, None, 0, 0, (boris,), standings
    )
    store = await Store.open(config.load(path).store.url)
    async with store.unit() as unit:
        await unit.calls.save(record)
        if offered:
            for number, later in ((1, 5), (2, 30)):
                leg, at = agent_leg_id(CALL, number), AT + timedelta(seconds=later)
                await unit.offers.save(SaveOffer(CALL, leg, boris, QUEUE, at, decision))
            end = AT + timedelta(seconds=25)
            await unit.offers.end(EndOffer(CALL, agent_leg_id(CALL, 1), end, OfferEnd.NO_ANSWER))
    await store.close()


def test_explain_tells_each_offer_with_all_candidates(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asyncio.run(keep(file))
    assert cli.main(["explain", CALL, "--config", str(file)]) == cli.OK
    told = capsys.readouterr().out
    first, second = told.split("2. 2025-03-01 09:00:30")
    lines = [" ".join(line.split()) for line in first.splitlines()]
    names = config.load(file).agents
    assert lines[:8] == [
        f"call {CALL}: offers: 2 (times are UTC)",
        "",
        "1. 2025-03-01 09:00:05 queue support leastrecent",
        "waited 5.0 s",
        "needs english 2",
        "asked penalties up to 1",
        f"chose 1002 {names['1002'].name}",
        "ended no_answer after 20.0 s",
    ]
    assert lines[9] == "rank agent name verdict detail metric"
    assert lines[10].startswith(f"1 1002 {names['1002'].name} chosen ")
    assert lines[11].startswith("2 7777 next "), "one whom the file does not name any more"
    assert lines[12] == f"1001 {names['1001'].name} hindered paused lunch?[2J"
    assert lines[13] == f"1003 {names['1003'].name} skill english 0 < 2"
    assert "ended     not yet, or nobody told" in second


def test_explain_as_json(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asyncio.run(keep(file))
    leg = agent_leg_id(CALL, 2)
    assert cli.main(["explain", leg, "--json", "--config", str(file)]) == cli.OK
    offers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [offer["leg"] for offer in offers] == [agent_leg_id(CALL, 1), leg]
    first = offers[0]
    assert {
        key: first[key] for key in ("call", "agent", "queue", "strategy", "needs", "highest_penalty")
    } == {
        "call": CALL,
        "agent": "1002",
        "queue": "support",
        "strategy": "leastrecent",
        "needs": {"english": 2},
        "highest_penalty": 1,
    }
    assert (first["waited_seconds"], first["end"], offers[1]["end"]) == (5.0, "no_answer", None)
    assert datetime.fromisoformat(first["at"]) == AT + timedelta(seconds=5)
    assert [one["verdict"] for one in first["candidates"]] == ["chosen", "next", "hindered", "skill"]
    assert first["candidates"][1]["name"] is None


def test_explain_says_when_there_is_nothing(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    explain = ["explain", CALL, "--config", str(file)]
    assert cli.main(explain) == cli.CONFIGURATION
    assert "no schema yet" in capsys.readouterr().err
    asyncio.run(keep(file, offered=False))
    assert cli.main(explain) == cli.OK
    assert "offered to nobody; in queue support, outcome answered" in capsys.readouterr().out
    assert cli.main([*explain, "--json"]) == cli.OK
    told = capsys.readouterr()
    assert told.out == ""
    assert "offered to nobody" in told.err
    assert cli.main(["explain", "1700000000.9", "--config", str(file)]) == cli.FINDINGS
    assert "call '1700000000.9': there is no such call" in capsys.readouterr().err


def test_explain_while_the_service_writes(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asyncio.run(keep(file))
    with closing(sqlite3.connect(tmp_path / "callbridge.db", isolation_level=None)) as service:
        service.execute("BEGIN IMMEDIATE")
        service.execute("DELETE FROM offers")
        assert cli.main(["explain", CALL, "--config", str(file)]) == cli.OK
        assert "offers: 2" in capsys.readouterr().out
        service.execute("ROLLBACK")


def test_every_command_has_help_with_an_example() -> None:
    commands = [
        "run",
        "check",
        "schema",
        "render",
        "secrets",
        "doctor",
        "replay",
        "explain",
        "simulate",
        "import",
    ]
    for command in [[name] for name in commands] + [["user", "add"], ["user", "sync"], ["token", "add"]]:
        done = subprocess.run(
            [sys.executable, "-m", "bridge", *command, "--help"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        assert f"Example: callbridge {' '.join(command)}" in " ".join(done.stdout.split())


def test_wrong_usage() -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["fly"])
    assert ended.value.code == cli.USAGE
