"""The lab's own parts that can be wrong by themselves: sound, SIP traces, streams, what is published."""

import importlib.util
import io
import json
import math
import re
import subprocess
import sys
import wave
from array import array
from pathlib import Path
from types import ModuleType

import pytest
from ruamel.yaml import YAML

DOCKER = Path(__file__).resolve().parents[2] / "docker"


def load(path: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A script of docker/, which is no package: labtool runs as a folder, before there is an environment."""
    file = DOCKER / path
    monkeypatch.syspath_prepend(str(file.parent))
    spec = importlib.util.spec_from_file_location(f"lab_{file.stem}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


def wav(*channels: "array[int]", rate: int = 8000) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(len(channels))
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(
            array("h", [sample for frame in zip(*channels, strict=True) for sample in frame]).tobytes()
        )
    return out.getvalue()


def tone(hertz: int, seconds: float, rate: int = 8000, level: int = 8000) -> "array[int]":
    count = round(seconds * rate)
    return array("h", (round(level * math.sin(2 * math.pi * hertz * i / rate)) for i in range(count)))


class TestSound:
    def test_hears_each_tone_on_its_own_side_only(self, monkeypatch: pytest.MonkeyPatch) -> None:
        sound = load("labtool/sound.py", monkeypatch)
        recording = sound.read(wav(tone(1000, 2), tone(440, 2)))
        assert recording.seconds == pytest.approx(2)
        assert recording.heard(0, 1000) == pytest.approx(2, abs=0.2)
        assert recording.heard(1, 440) == pytest.approx(2, abs=0.2)
        assert recording.heard(0, 440) == recording.heard(1, 1000) == 0

    def test_silence_is_no_tone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        sound = load("labtool/sound.py", monkeypatch)
        recording = sound.read(wav(array("h", [0] * 8000), tone(440, 1, level=5)))
        assert recording.heard(0, 440) == recording.heard(1, 440) == 0

    def test_says_what_is_no_recording(self, monkeypatch: pytest.MonkeyPatch) -> None:
        sound = load("labtool/sound.py", monkeypatch)
        with pytest.raises(Exception, match="no WAV file"):
            sound.read(b'{"error": "not found"}')


class TestCaller:
    def test_the_tone_is_g711_a_law(self, monkeypatch: pytest.MonkeyPatch) -> None:
        caller = load("phones/caller.py", monkeypatch)
        # ITU-T G.711, table 1a: the smallest and the largest value of each sign, even bits inverted
        assert [caller.alaw(sample) for sample in (0, -1, 32767, -32768)] == [0xD5, 0x55, 0xAA, 0x2A]
        positive = [caller.alaw(sample) ^ 0x55 for sample in range(32768)]
        assert positive == sorted(positive)
        assert set(positive) == set(range(128, 256))

    def test_tells_each_step_of_a_call_once(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        caller = load("phones/caller.py", monkeypatch)
        trace = tmp_path / "messages.log"
        follower = caller.Follower(trace, wait=1.5, digits="2")
        follower.follow()
        whole = TRACE.encode()
        for cut in range(0, len(whole) + 1, 97):  # a growing file is read at any moment
            trace.write_bytes(whole[:cut])
            follower.follow()
        trace.write_bytes(whole)
        follower.follow()
        said = re.findall(r'"event": "(\w+)"', capsys.readouterr().out)
        assert said == ["invited", "ringing", "answered", "digits", "ended"]
        assert follower.open == {}

    def test_hangs_up_in_the_dialog_that_was_answered(self, monkeypatch: pytest.MonkeyPatch) -> None:
        caller = load("phones/caller.py", monkeypatch)
        dialog = caller.Dialog.of("1-7@127.0.0.1", TRACE.split("-" * 47)[3])
        assert dialog.here == ("127.0.0.1", 5061)
        bye = dialog.bye().decode()
        assert bye.startswith("BYE sip:127.0.0.1:5060 SIP/2.0\r\n")
        assert "To: <sip:+74950000001@127.0.0.1>;tag=theirs\r\n" in bye
        assert bye.endswith("\r\n\r\n")

    @pytest.mark.parametrize(("taken", "code"), [(1, 0), (99, 254)])
    def test_takes_another_port_when_one_is_taken(self, tmp_path: Path, taken: int, code: int) -> None:
        sipp = tmp_path / "sipp"
        sipp.write_text(
            f'#!/bin/sh\necho "$@" >>{tmp_path}/starts\n'
            f"[ $(wc -l <{tmp_path}/starts) -gt {taken} ] || exit 254\n"
        )
        sipp.chmod(0o755)
        done = subprocess.run(
            [sys.executable, DOCKER / "phones/caller.py"],
            env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert (done.returncode, json.loads(done.stdout)) == (
            code,
            {"event": "done", "code": code, "calls": 0},
        )
        ports = re.findall(r"-mp (\d+)", (tmp_path / "starts").read_text())
        assert len(ports) == min(taken + 1, 5)
        assert len(ports) == 2 or len(set(ports)) > 1  # that the second is the first again may happen


TRACE = """----------------------------------------------- 2025-03-01 10:00:00.000100
UDP message sent (300 bytes):

INVITE sip:+74950000001@127.0.0.1:5060 SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:5061;branch=z9hG4bK-7-1-2;rport
Call-ID: 1-7@127.0.0.1
CSeq: 1 INVITE

----------------------------------------------- 2025-03-01 10:00:00.000900
UDP message received [200] bytes :

SIP/2.0 180 Ringing
Call-ID: 1-7@127.0.0.1
CSeq: 1 INVITE

----------------------------------------------- 2025-03-01 10:00:01.500000
UDP message received [400] bytes :

SIP/2.0 200 OK
Via: SIP/2.0/UDP 127.0.0.1:5061;rport=50000;received=172.18.0.1;branch=z9hG4bK-7-1-2
From: <sip:+79161234567@127.0.0.1>;tag=ours
To: <sip:+74950000001@127.0.0.1>;tag=theirs
Call-ID: 1-7@127.0.0.1
CSeq: 1 INVITE
Contact: <sip:127.0.0.1:5060>

----------------------------------------------- 2025-03-01 10:00:05.000000
UDP message received [200] bytes :

BYE sip:trunk@127.0.0.1:5061 SIP/2.0
Call-ID: 9-1@127.0.0.1
CSeq: 2 BYE

----------------------------------------------- 2025-03-01 10:00:09.000000
UDP message received [200] bytes :

BYE sip:trunk@127.0.0.1:5061 SIP/2.0
Call-ID: 1-7@127.0.0.1
CSeq: 2 BYE

"""


class TestEvents:
    def test_reads_the_stream_and_passes_over_comments(self, monkeypatch: pytest.MonkeyPatch) -> None:
        api = load("labtool/api.py", monkeypatch)
        stream = (
            "retry: 1000\n\n: beat\n\nevent: call.offered\nid: 7\n"
            'data: {"type": "call.offered", "call_id": "1.2", "data": {"number": "+7"}}\n\n'
        )
        (event,) = api.parse(iter(stream.splitlines(keepends=True)))
        assert (event.type, event.call, event.data) == ("call.offered", "1.2", {"number": "+7"})


class TestPhone:
    def test_reads_who_calls(self, monkeypatch: pytest.MonkeyPatch) -> None:
        phone = load("phones/phone.py", monkeypatch)
        assert phone.party_of('"Анна \\"А\\"" <sip:+79161234567@127.0.0.1>;tag=1')[0] == "+79161234567"
        assert phone.party_of('"Анна" <sip:+79161234567@127.0.0.1>;tag=1')[1] == "Анна"
        assert phone.party_of("Anonymous <sip:anonymous@anonymous.invalid>") == ("anonymous", "Anonymous")
        assert phone.party_of("<sip:10.0.0.1>") == ("", "")
        assert phone.party_of("nonsense") == ("", "")


class TestCompose:
    @pytest.fixture
    def services(self) -> dict[str, dict[str, list[str]]]:
        with (DOCKER / "compose.yml").open() as file:
            return dict(YAML(typ="safe").load(file)["services"])

    def test_publishes_on_the_loopback_only_and_ami_not_at_all(
        self, services: dict[str, dict[str, list[str]]]
    ) -> None:
        ports = [port for service in services.values() for port in service.get("ports", ())]
        assert ports
        assert all(port.startswith("127.0.0.1:") for port in ports)
        assert not any("5038" in port for port in ports)

    def test_no_container_has_more_rights_than_it_needs(
        self, services: dict[str, dict[str, list[str]]]
    ) -> None:
        for name, service in services.items():
            assert service["cap_drop"] == ["ALL"], name
            assert service["security_opt"] == ["no-new-privileges:true"], name
            assert service.get("cap_add", []) == (["NET_RAW"] if name == "phones" else []), name
            assert "privileged" not in service, name


def test_the_labs_clients_have_a_shared_number() -> None:
    lines = (DOCKER / "clients.csv").read_text(encoding="utf-8").splitlines()
    assert sum("+79165550000" in line for line in lines) == 2
    assert sum("+79161234567" in line for line in lines) == 1
