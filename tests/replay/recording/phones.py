"""SIP phones for recordings: each a process of its own, all told what to do by one script.

Nothing runs by itself here: ``Switchboard.turn`` takes what has happened, and every wait turns it. So a
scenario is a plain script.
"""

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_PROCESS = "tests.replay.recording.phone_process"
_POLL_S = 0.01
_PATIENCE_S = 8.0


class ScenarioFailed(Exception):
    """What the script waited for did not come, or a phone could not do what it was told."""


class Switchboard:
    """All phones, and the loop; ``idle`` is called at each turn."""

    def __init__(self, server: str) -> None:
        self.server = server
        self.idle: Callable[[], object] = lambda: None
        self.phones: dict[str, Phone] = {}
        self.calls: dict[str, Call] = {}
        self._processes: list[_Process] = []
        self._dialled = 0

    def phone_process(self) -> "_Process":
        process = _Process(
            subprocess.Popen(
                [sys.executable, "-m", _PROCESS, self.server],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        )
        self._processes.append(process)
        return process

    def phone(
        self, number: str, name: str = "", *, registers: bool = True, process: "_Process | None" = None
    ) -> "Phone":
        made = Phone(self, process or self.phone_process(), number)
        self.phones[number] = made
        made.order("account", name=name, registers=registers)
        if registers:
            self.wait(lambda: made.registered, f"{number} to register", 30)
        return made

    def turn(self) -> None:
        readable = select.select([process.events for process in self._processes], [], [], _POLL_S)[0]
        for process in self._processes:
            if process.events in readable:
                for event in process.read():
                    self._happened(process, event)
        self.idle()

    def pause(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.turn()

    def wait(self, done: Callable[[], bool], what: str, seconds: float = _PATIENCE_S) -> None:
        until = time.monotonic() + seconds
        while not done():
            if time.monotonic() > until:
                raise ScenarioFailed(f"waited {seconds:g} s in vain for {what}")
            self.turn()

    def next_name(self) -> str:
        self._dialled += 1
        return f"out-{self._dialled}"

    def put_back(self) -> None:
        """Phones as at the beginning, for the next scenario."""
        for call in self.calls.values():
            if call.state != "ended":
                call.order("end", code=0)
        self.wait(lambda: all(call.state == "ended" for call in self.calls.values()), "all calls to end")
        self.calls.clear()
        for phone in self.phones.values():
            phone.waiting.clear()
            phone.becomes()

    def close(self) -> None:
        for process in self._processes:
            process.close()

    def _happened(self, process: "_Process", event: dict[str, Any]) -> None:
        match event:
            case {"event": "registered", "phone": number}:
                self.phones[number].registered = True
            case {"event": "became", "phone": number}:
                self.phones[number].ready = True
            case {"event": "incoming", "phone": number, "call": name}:
                phone = self.phones[number]
                phone.waiting.append(Call(phone, name, "ringing"))
            case {"event": "state", "call": name, "state": state} if name in self.calls:
                self.calls[name].state = state
            case {"event": "held", "call": name, "held": held} if name in self.calls:
                self.calls[name].held = held
            case {"event": "error", "reason": reason}:
                raise ScenarioFailed(reason)


class _Process:
    def __init__(self, started: subprocess.Popen[bytes]) -> None:
        assert started.stdin is not None
        assert started.stdout is not None
        self._started, self._orders, self.events = started, started.stdin, started.stdout
        self._rest = b""

    def tell(self, order: dict[str, Any]) -> None:
        self._orders.write(json.dumps(order).encode() + b"\n")
        self._orders.flush()

    def read(self) -> list[dict[str, Any]]:
        chunk = os.read(self.events.fileno(), 65536)
        if not chunk:
            raise ScenarioFailed("a phone's process has ended")
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        return [json.loads(line) for line in lines]

    def close(self) -> None:
        """The end of stdin ends it."""
        self._orders.close()
        try:
            self._started.wait(5)
        except subprocess.TimeoutExpired:
            self._started.kill()
            self._started.wait()
        self.events.close()


class Phone:
    """``dial`` out, or take what ``rings``; it ``becomes`` busy, or moved to another number."""

    def __init__(self, board: Switchboard, process: _Process, number: str) -> None:
        self.board, self.process, self.number = board, process, number
        self.registered = False
        self.ready = True
        self.waiting: list[Call] = []  # that ring here, and nobody has looked at

    def order(self, do: str, **fields: object) -> None:
        self.process.tell({"do": do, "phone": self.number, **fields})

    def uri(self, number: str) -> str:
        return f"sip:{number}@{self.board.server}"

    def becomes(self, *, busy: bool = False, moved_to: str | None = None) -> None:
        """486 at once, or 302 at once."""
        self.ready = False
        self.order("becomes", busy=busy, moved_to=moved_to)
        self.board.wait(lambda: self.ready, f"{self.number} to be told")

    def dial(self, number: str) -> "Call":
        call = Call(self, self.board.next_name(), "calling")
        self.order("dial", call=call.name, number=number)
        return call

    def rings(self) -> "Call":
        self.board.wait(lambda: bool(self.waiting), f"{self.number} to ring")
        return self.waiting.pop(0)


@dataclass(eq=False)
class Call:
    """One call of one phone. What it does it waits for, but ``refer``s and what the other side must do."""

    phone: Phone
    name: str
    state: str
    held: bool = False

    def __post_init__(self) -> None:
        self.phone.board.calls[self.name] = self

    def order(self, do: str, **fields: object) -> None:
        self.phone.process.tell({"do": do, "call": self.name, **fields})

    def hears_ringing(self) -> "Call":
        return self._wait(lambda: self.state == "ringing", "to ring")

    def is_up(self) -> "Call":
        return self._wait(lambda: self.state == "up", "to be answered")

    def is_over(self) -> "Call":
        return self._wait(lambda: self.state == "ended", "to end")

    def pick_up(self) -> "Call":
        self.order("answer")
        return self.is_up()

    def reject(self, code: int) -> None:
        self.order("end", code=code)
        self.is_over()

    def ends(self) -> None:
        self.order("end", code=0)
        self.is_over()

    def moves(self, number: str) -> None:
        """302 Moved Temporarily, while it rings."""
        self.order("moves", number=number)
        self.is_over()

    def hold(self) -> "Call":
        self.order("hold")
        return self._wait(lambda: self.held, "to be held")

    def back(self) -> "Call":
        self.order("back")
        return self._wait(lambda: not self.held, "to be taken back")

    def press(self, digits: str) -> None:
        self.order("press", digits=digits)

    def refer(self, number: str) -> None:
        self.refer_raw(self.phone.uri(number))

    def refer_raw(self, uri: str) -> None:
        self.order("refer", uri=uri)

    def refer_to(self, other: "Call") -> None:
        """REFER with Replaces (RFC 3891). The phone then hangs up by itself."""
        self.order("refer_to", other=other.name)

    def _wait(self, done: Callable[[], bool], what: str) -> "Call":
        self.phone.board.wait(done, f"the call of {self.phone.number} {what}")
        return self
