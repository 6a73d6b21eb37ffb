"""Running other programs: with a deadline, with their output kept, and with a readable failure."""

import os
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from failure import Failure

TAIL = 25


def tail(text: str, lines: int = TAIL) -> str:
    return "\n".join(text.strip().splitlines()[-lines:])


def output(
    command: Sequence[str],
    *,
    deadline: float = 60,
    stdin: str | None = None,
    env: Mapping[str, str] | None = None,
) -> str:
    """What the program said on stdout; Failure when it failed."""
    try:
        done = subprocess.run(
            command,
            input=stdin,
            stdin=None if stdin is not None else subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=deadline,
            env={**os.environ, **(env or {})},
            check=False,
        )
    except FileNotFoundError as error:
        raise Failure(f"{command[0]} is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise Failure(f"no answer within {deadline:.0f} s: {' '.join(command[:6])}") from error
    if done.returncode:
        said = tail(done.stdout + done.stderr)
        raise Failure(f"failed with exit code {done.returncode}: {' '.join(command[:6])}", details=said)
    return done.stdout


def works(command: Sequence[str], *, deadline: float = 20) -> bool:
    try:
        output(command, deadline=deadline)
    except Failure:
        return False
    return True


def logged(
    command: Sequence[str],
    log: Path,
    *,
    deadline: float = 1800,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    on_line: Callable[[str], None] = lambda _: None,
) -> None:
    """Run a long program with its output in a log; ``on_line`` gets each line as it comes."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as file:
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                env={**os.environ, **(env or {})},
                cwd=cwd,
            )
        except FileNotFoundError as error:
            raise Failure(f"{command[0]} is not installed") from error
        with process, Watch(process, deadline) as watch:
            assert process.stdout is not None
            for line in process.stdout:
                file.write(line)
                on_line(line)
    if process.returncode:
        why = f"not done within {deadline:.0f} s" if watch.expired else f"exit code {process.returncode}"
        said = tail(log.read_text(errors="replace"))
        raise Failure(f"{' '.join(command[:4])} …: {why}; all of it is in {log}", details=said)


class Watch:
    """Ends a process that takes longer than its deadline."""

    def __init__(self, process: "subprocess.Popen[str]", deadline: float) -> None:
        self.process = process
        self.expired = False
        self.timer = threading.Timer(deadline, self.expire)

    def expire(self) -> None:
        self.expired = True
        self.process.kill()

    def __enter__(self) -> "Watch":
        self.timer.daemon = True
        self.timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        # the output ended; what is left is the exit code
        self.process.wait()
        self.timer.cancel()
