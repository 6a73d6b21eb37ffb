"""The generator on a description small enough to read."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest

from bridge.ari.description import from_directory, parse
from bridge.ari.generate import is_current, main, render
from bridge.errors import BadInput

EVENTS: dict[str, Any] = {
    "apis": [
        {
            "path": "/events",
            "operations": [
                {
                    "httpMethod": "GET",
                    "nickname": "eventWebsocket",
                    "parameters": [{"name": "app", "paramType": "query", "required": True}],
                }
            ],
        }
    ],
    "models": {
        "Message": {
            "discriminator": "type",
            "properties": {
                "type": {"type": "string", "required": True},
                "asterisk_id": {"type": "string", "required": False},
            },
            "subTypes": ["Event"],
        },
        "Event": {
            "properties": {"timestamp": {"type": "Date", "required": True}},
            "subTypes": ["Knocked", "Left"],
        },
        "Knocked": {
            "properties": {
                "door": {"type": "Door", "required": True},
                "times": {"type": "int", "required": False},
            }
        },
        "Left": {"properties": {}},
        "Door": {
            "properties": {
                "from": {"type": "string", "required": True},
                "knocks": {"type": "List[long]"},
                "marks": {"type": "object"},
            }
        },
    },
}
DOORS: dict[str, Any] = {
    "apis": [
        {
            "path": "/doors/{doorId}/open",
            "operations": [
                {
                    "httpMethod": "POST",
                    "nickname": "open",
                    "parameters": [
                        {"name": "doorId", "paramType": "path", "required": True},
                        {"name": "key", "paramType": "query", "required": True},
                        {"name": "wide", "paramType": "query", "required": False},
                        {"name": "variables", "paramType": "body"},
                    ],
                    "errorResponses": [{"code": "409"}, {"code": 404}],
                }
            ],
        }
    ]
}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    directory = tmp_path / "rest-api"
    directory.mkdir()
    for name, content in {"events": EVENTS, "doors": DOORS, "resources": {"apis": []}}.items():
        (directory / f"{name}.json").write_bytes(msgspec.json.encode(content))
    return directory


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("generated_models", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # msgspec looks the types up there
    spec.loader.exec_module(module)
    return module


def test_what_it_writes_works(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "models.py"
    assert main([str(source), "--asterisk", "22.10.1"], target) == 0
    assert "From Asterisk 22.10.1." in target.read_text()
    models = load(target)
    decoder = msgspec.json.Decoder(models.AnyEvent)
    event = decoder.decode(
        b'{"type":"Knocked","timestamp":"2026-11-23T10:00:00.000+0000","door":{"from":"a","new":1},"new":2}'
    )
    assert isinstance(event, models.Knocked)
    assert event.door == models.Door(from_="a")
    assert event.times is None
    assert event.door.knocks is None
    assert isinstance(decoder.decode(b'{"type":"Left","timestamp":"x"}'), models.Left)
    assert frozenset({"Knocked", "Left"}) == models.EVENT_TYPES
    assert models.OPERATIONS["doors.open"] == models.Operation(
        "POST", "/doors/{doorId}/open", ("key",), ("wide",), ("variables",), (404, 409)
    )


def test_it_is_deterministic(source: Path) -> None:
    assert render(from_directory(source)) == render(from_directory(source))


def test_check(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "models.py"
    assert main([str(source), "--check"], target) == 1
    assert main([str(source), "--asterisk", "22.10.1"], target) == 0
    assert main([str(source), "--check", "--asterisk", "22.11.0"], target) == 0  # the same API
    target.write_text(target.read_text() + "# changed by hand\n")
    assert main([str(source), "--check"], target) == 1
    assert "not current" in capsys.readouterr().err


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{", b'{"apis":[{"operations":[{}]}]}', b'{"models":{"A":1}}']
)
def test_malformed_description(source: Path, content: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    (source / "doors.json").write_bytes(content)
    assert main([str(source)], source / "models.py") == 2
    assert "doors.json" in capsys.readouterr().err


def test_not_a_description(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)], tmp_path / "models.py") == 2
    assert "events.json" in capsys.readouterr().err


def test_not_an_address(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["http://"]) == 2
    assert "not an ARI address" in capsys.readouterr().err


def test_type_that_nobody_taught_it() -> None:
    wrong = {"models": {**EVENTS["models"], "Door": {"properties": {"x": {"type": "quaternion"}}}}}
    with pytest.raises(BadInput, match="quaternion"):
        render(parse({"events": msgspec.json.encode(wrong)}))


def test_no_text_of_the_description_is_taken_over(source: Path) -> None:
    described = msgspec.json.decode((source / "events.json").read_bytes())
    described["models"]["Door"]["description"] = "A secret of the house."
    (source / "events.json").write_bytes(msgspec.json.encode(described))
    assert "secret" not in render(from_directory(source))


def test_is_current_needs_a_file(tmp_path: Path) -> None:
    assert not is_current("", tmp_path / "models.py")
