"""``callbridge callback`` and ``callbridge outbox``: what an engineer types, and what he sees."""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from pyrage import x25519

from bridge import cli, config
from bridge.doctor import _callbacks
from bridge.store import Store
from bridge.store.outbox import DEAD, NewEvent

LAB = Path(__file__).resolve().parents[2] / "docker" / "callbridge.yml"
NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)


class Crm(BaseHTTPRequestHandler):
    status = 200

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(type(self).status)
        self.end_headers()
        self.wfile.write(b'{"hello": "callbridge"}')

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def crm() -> Iterator[str]:
    Crm.status = 200
    server = HTTPServer(("127.0.0.1", 0), Crm)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hook"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CALLBRIDGE_STORE_URL", f"sqlite+aiosqlite:///{tmp_path}/callbridge.db")
    path = tmp_path / "callbridge.yml"
    path.write_text(LAB.read_text() + "\noutside:\n  allow: [127.0.0.1]\n")
    config.Secrets.load_or_create(tmp_path / "secrets.env", config.load(path))
    return path


def run(file: Path, *arguments: str, secrets: bool = True) -> int:
    more = ["--secrets", str(file.parent / "secrets.env")] if secrets else []
    return cli.main([*arguments, "--config", str(file), *more])


def test_added_tried_listed_and_removed(file: Path, crm: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(file, "callback", "add", "crm", "--url", crm) == cli.OK
    assert "secret, shown this once: whsec_" in capsys.readouterr().out
    assert run(file, "callback", "test", "crm") == cli.OK
    out = capsys.readouterr().out
    assert out.startswith("accepted: HTTP 200")
    assert "hello" in out
    Crm.status = 503
    assert run(file, "callback", "test", "crm") == cli.FINDINGS
    assert "NOT accepted: HTTP 503" in capsys.readouterr().out
    assert run(file, "callback", "list", secrets=False) == cli.OK
    listed = capsys.readouterr().out
    assert "crm" in listed
    assert "active" in listed
    assert "hook" not in listed
    assert run(file, "callback", "remove", "crm") == cli.OK
    assert run(file, "callback", "remove", "crm") != cli.OK
    assert "there is no such one" in capsys.readouterr().err


def test_a_secret_comes_from_a_file_and_options_by_name(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = tmp_path / "token"
    secret.write_text("abcdef\n")
    url = "https://zammad.example.org/api/v1/cti/{secret}"
    arguments = [
        "callback",
        "add",
        "zammad",
        "--format",
        "zammad",
        "--url",
        url,
        "--secret-file",
        str(secret),
    ]
    assert run(file, *arguments, "--option", "to") != cli.OK
    assert "NAME=VALUE" in capsys.readouterr().err
    assert run(file, *arguments, "--option", "to=queue", "--event", "call.invented") != cli.OK
    assert "call.offered" in capsys.readouterr().err
    assert run(file, *arguments, "--option", "to=queue") == cli.OK
    out = capsys.readouterr().out
    assert "https://zammad.example.org is told of calls" in out
    assert "abcdef" not in out


def test_what_is_dead_is_seen_told_once_more_and_dropped(
    file: Path, crm: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run(file, "callback", "add", "crm", "--url", crm)

    async def dead() -> int:
        store = await Store.open(config.load(file).store.url)
        new = NewEvent([1], "call.1", "offered", "evt_1", "call.offered", "{}")
        (due,) = await store.write(lambda unit: unit.outbox.add(new, NOW))
        await store.write(lambda unit: unit.outbox.finish(due.row, DEAD, NOW, status=500, error="no"))
        await store.close()
        return due.row.seq

    seq = str(asyncio.run(dead()))
    capsys.readouterr()
    assert run(file, "outbox", "list", secrets=False) == cli.FINDINGS
    assert "dead" in capsys.readouterr().out
    assert run(file, "outbox", "show", seq, secrets=False) == cli.OK
    assert "evt_1" in capsys.readouterr().out
    assert run(file, "outbox", "replay", "--dead") == cli.OK
    assert "1 will be told once more" in capsys.readouterr().out
    assert run(file, "outbox", "replay", seq) != cli.OK
    assert run(file, "outbox", "drop", seq) == cli.OK
    assert run(file, "outbox", "list", "--state", "skipped", secrets=False) == cli.OK
    assert "call.1" in capsys.readouterr().out
    assert run(file, "outbox", "show", "99", secrets=False) != cli.OK
    assert "no such event" in capsys.readouterr().err


def test_one_that_was_switched_off_is_seen_and_switched_on(
    file: Path, crm: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run(file, "callback", "add", "crm", "--url", crm)

    async def off() -> None:
        store = await Store.open(config.load(file).store.url)
        await store.write(lambda unit: unit.subscriptions.disable(1, "HTTP 410"))
        await store.close()

    asyncio.run(off())
    assert run(file, "callback", "list", secrets=False) == cli.FINDINGS
    assert "off: HTTP 410" in capsys.readouterr().out
    assert run(file, "callback", "enable", "crm") == cli.OK
    assert run(file, "callback", "list", secrets=False) == cli.OK


def test_doctor_says_what_is_wrong_with_them(file: Path, crm: str) -> None:
    run(file, "callback", "add", "crm", "--url", crm)
    settings, secrets = config.load(file), config.Secrets.load(file.parent / "secrets.env")
    well = asyncio.run(_callbacks(settings, secrets))
    assert [(one.what, one.well) for one in well] == [("callback crm", True), ("outbox", True)]
    other = replace(secrets, callback_key=str(x25519.Identity.generate()))
    (closed, _) = asyncio.run(_callbacks(settings, other))
    assert not closed.well
    assert "CALLBACK_KEY" in closed.detail

    async def dead() -> None:
        store = await Store.open(settings.store.url)
        new = NewEvent([1], "call.1", "offered", "evt_1", "call.offered", "{}")
        (due,) = await store.write(lambda unit: unit.outbox.add(new, NOW))
        await store.write(lambda unit: unit.outbox.finish(due.row, DEAD, NOW))
        await store.write(lambda unit: unit.subscriptions.disable(1, "HTTP 410"))
        await store.close()

    asyncio.run(dead())
    off, outbox = asyncio.run(_callbacks(settings, secrets))
    assert (off.well, off.detail) == (False, "HTTP 410")
    assert (outbox.well, outbox.detail) == (False, "0 wait, 1 are dead")
