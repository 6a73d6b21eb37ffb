"""The demo's people: an agent's phone and a caller, as processes in the lab's phones container."""

import json
import queue
import subprocess
import threading
import time
from collections.abc import Sequence
from typing import Any

from failure import Failure


class Person:
    """A program that says JSON lines and may be told some."""

    def __init__(
        self, name: str, container: str, command: Sequence[str], environment: Sequence[str] = ()
    ) -> None:
        self.name = name
        whole = ["docker", "exec", "-i", *(f"-e{pair}" for pair in environment), container, *command]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            whole, stdin=pipe, stdout=pipe, stderr=pipe, text=True, errors="replace"
        )
        self.said: queue.Queue[dict[str, Any]] = queue.Queue()
        self.heard: list[dict[str, Any]] = []
        self.complaints: list[str] = []
        threading.Thread(target=self.listen, daemon=True).start()
        threading.Thread(target=self.note_complaints, daemon=True).start()

    def listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            try:
                self.said.put(json.loads(line))
            except ValueError:
                self.complaints.append(line.rstrip())

    def note_complaints(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.complaints.append(line.rstrip())

    def wait(self, event: str, *, deadline: float) -> dict[str, Any]:
        """That event, once; Failure when it does not come in time, or something else ended it."""
        until = time.monotonic() + deadline
        while True:
            for said in self.heard:
                if said["event"] == event:
                    self.heard.remove(said)
                    return said
                if said["event"] in {"register_failed", "error"}:
                    raise Failure(f"{self.name}: {said}", details="\n".join(self.complaints[-20:]))
            try:
                self.heard.append(self.said.get(timeout=max(0.0, until - time.monotonic())))
            except queue.Empty:
                details = "\n".join([*map(str, self.heard[-5:]), *self.complaints[-20:]])
                raise Failure(f"{self.name}: no “{event}” within {deadline:.0f} s", details=details) from None

    def tell(self, **command: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()

    def leave(self, patience: float = 8.0) -> None:
        """The end of its input tells it to go."""
        try:
            if self.process.stdin is not None:
                self.process.stdin.close()
            self.process.wait(patience)
        except (BrokenPipeError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()


def agent(container: str, user: str, password: str, port: int, tone: int) -> Person:
    command = ["/opt/phones/venv/bin/python", "phone.py", "--user", user]
    command += ["--port", str(port), "--tone", str(tone)]
    return Person(f"phone {user}", container, command, [f"SIP_PASSWORD={password}"])


def caller(
    container: str, number: str, dialled: str, digits: str, port: int, tone: int, talk: float
) -> Person:
    command = ["python3", "caller.py", "--until-eof", "--from", number, "--to", dialled, "--digits", digits]
    command += ["--port", str(port), "--tone", str(tone), "--wait", "2", "--talk", str(talk)]
    return Person(f"caller {number}", container, command)
