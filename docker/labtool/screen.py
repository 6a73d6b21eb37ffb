"""What the person at the terminal sees: a line for each step with its time, plain where it is no terminal."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
STILL_THERE_S = 15.0


class Step:
    """A step under way. ``detail`` may change while it runs; ``result`` is told at its end."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.detail = ""
        self.result = ""
        self.started = time.monotonic()

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self.started


class Screen:
    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.live = stream.isatty()
        self.lock = threading.Lock()

    def say(self, text: str = "") -> None:
        with self.lock:
            print(text, file=self.stream, flush=True)

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        step = Step(title)
        over = threading.Event()
        show = self._live if self.live else self._plain
        beat = threading.Thread(target=show, args=(step, over), daemon=True)
        beat.start()
        mark = "✗"
        try:
            yield step
            mark = "✓"
        finally:
            over.set()
            beat.join()
            note = f": {step.result}" if step.result and mark == "✓" else ""
            clear = "\r\x1b[K" if self.live else ""
            self.say(f"{clear}{self._paint(mark)} {step.title}{note}{self._paint_time(step.elapsed)}")

    def _paint(self, mark: str) -> str:
        return {"✓": "\x1b[32m✓\x1b[0m", "✗": "\x1b[31m✗\x1b[0m"}[mark] if self.live else mark

    def _paint_time(self, elapsed: float) -> str:
        text = f"  {elapsed:.1f} s"
        return f"\x1b[2m{text}\x1b[0m" if self.live else text

    def _live(self, step: Step, over: threading.Event) -> None:
        frame = 0
        while not over.wait(0.1):
            frame += 1
            detail = f" · {step.detail}" if step.detail else ""
            line = f"{FRAMES[frame % len(FRAMES)]} {step.title}{detail}  {step.elapsed:.0f} s"
            with self.lock:
                self.stream.write(f"\r\x1b[K{line[:110]}")
                self.stream.flush()

    def _plain(self, step: Step, over: threading.Event) -> None:
        while not over.wait(STILL_THERE_S):
            detail = f" · {step.detail}" if step.detail else ""
            self.say(f"… {step.title}{detail}  {step.elapsed:.0f} s")


def wait_for(done: Callable[[], bool], deadline: float, pause: float = 0.1) -> bool:
    """Whether it came true before the deadline (in seconds)."""
    until = time.monotonic() + deadline
    while not done():
        if time.monotonic() >= until:
            return False
        time.sleep(pause)
    return True


def for_people(json_wanted: bool) -> Screen:
    """Where stdout carries JSON for a program, people read stderr."""
    return Screen(sys.stderr if json_wanted else sys.stdout)
