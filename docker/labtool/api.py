"""Callbridge's HTTP API and event stream, as the demo uses them; the standard library only."""

import json
import queue
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from failure import Failure

STREAM_QUIET_S = 60.0  # the server sends a comment every 15 s


@dataclass(frozen=True, slots=True)
class Event:
    type: str
    call: str
    data: dict[str, Any]


class Api:
    def __init__(self, base: str, token: str) -> None:
        self.base = base
        self.token = token

    def get(self, path: str) -> Any:
        return json.loads(self.read(path))

    def post(self, path: str, body: dict[str, object]) -> Any:
        return json.loads(self.read(path, json.dumps(body).encode()))

    def read(self, path: str, body: bytes | None = None) -> bytes:
        try:
            with self.open(path, body, timeout=15) as reply:
                answer: bytes = reply.read()
                return answer
        except urllib.error.HTTPError as error:
            said = error.read().decode(errors="replace")
            raise Failure(f"{path}: HTTP {error.code}", details=said[:1000]) from error
        except (OSError, ValueError) as error:
            raise Failure(f"{path}: {error}") from error

    def open(self, path: str, body: bytes | None = None, *, timeout: float) -> Any:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        url = path if path.startswith("http") else self.base + path
        request = urllib.request.Request(url, data=body, headers=headers)
        return urllib.request.urlopen(request, timeout=timeout)


class Events:
    """/api/v1/events, read by a thread from the moment that it is made: nothing that comes is missed."""

    def __init__(self, api: Api) -> None:
        try:
            self.reply = api.open("/api/v1/events", timeout=STREAM_QUIET_S)
        except (OSError, ValueError) as error:
            raise Failure(f"/api/v1/events: {error}") from error
        self.arrived: queue.Queue[Event] = queue.Queue()
        self.kept: list[Event] = []
        threading.Thread(target=self.read, daemon=True).start()

    def read(self) -> None:
        try:
            for event in parse(line.decode(errors="replace") for line in self.reply):
                self.arrived.put(event)
        except (OSError, ValueError):
            return  # the stream ended; whoever waits for an event learns it by the deadline

    def take(self, wanted: str, call: str | None = None, *, deadline: float, **data: object) -> Event | None:
        """The first such event of those that came or come before the deadline; None when none does."""
        until = time.monotonic() + deadline
        while True:
            for event in self.kept:
                fits = event.type == wanted and call in (None, event.call)
                if fits and all(event.data.get(key) == value for key, value in data.items()):
                    self.kept.remove(event)
                    return event
            try:
                self.kept.append(self.arrived.get(timeout=max(0.0, until - time.monotonic())))
            except queue.Empty:
                return None


def parse(lines: Iterator[str]) -> Iterator[Event]:
    """Server-sent events (WHATWG HTML 9.2), as far as this server uses them."""
    data: list[str] = []
    for raw in lines:
        line = raw.rstrip("\r\n")
        if line.startswith("data:"):
            data.append(line[5:].removeprefix(" "))
        elif not line and data:
            said = json.loads("\n".join(data))
            data.clear()
            yield Event(said["type"], said["call_id"], said["data"])
