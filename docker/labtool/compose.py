"""docker compose, whichever of the two is here, on docker/compose.yml with a lab's variables."""

import json
import os
import subprocess

import engine
import shell
from failure import Failure
from lab import DOCKER, Lab

SERVICES = ("asterisk", "callbridge", "phones")


def command_for(lab: Lab) -> list[str]:
    command = engine.compose_command()
    if command is None:
        raise Failure("neither `docker compose` nor `docker-compose` is here")
    return [*command, "-p", lab.project, "-f", str(DOCKER / "compose.yml")]


def run(lab: Lab, *arguments: str, deadline: float = 300, extra: dict[str, str] | None = None) -> str:
    environment = {**lab.environment(), **(extra or {})}
    return shell.output([*command_for(lab), *arguments], deadline=deadline, env=environment)


def containers(lab: Lab) -> dict[str, str]:
    """Service → container id, of those that exist, running or not."""
    ours = f"label=com.docker.compose.project={lab.project}"
    form = '{{.ID}} {{.Label "com.docker.compose.service"}}'
    said = shell.output(["docker", "ps", "-a", "--filter", ours, "--format", form])
    pairs = (line.split() for line in said.splitlines() if line.strip())
    return {pair[1]: pair[0] for pair in pairs if len(pair) == 2}


def states(lab: Lab) -> dict[str, str]:
    """Service → "running (healthy)" and the like."""
    found: dict[str, str] = {}
    for service, container in containers(lab).items():
        state = json.loads(shell.output(["docker", "inspect", "-f", "{{json .State}}", container]))
        health = state.get("Health", {}).get("Status")
        found[service] = state["Status"] + (f" ({health})" if health else "")
    return found


def up(lab: Lab, configuration: str) -> None:
    """Start what is not there, and anew what has changed; ``configuration`` stands for what they read."""
    extra = {"LAB_CONFIGURATION": configuration}
    run(lab, "up", "-d", "--remove-orphans", "asterisk", "callbridge", extra=extra)
    if not phones_are_up(lab):
        renew_phones(lab, configuration)


def renew_phones(lab: Lab, configuration: str) -> str:
    """A new phones container, without the phones of an interrupted run."""
    run(
        lab, "up", "-d", "--no-deps", "--force-recreate", "phones", extra={"LAB_CONFIGURATION": configuration}
    )
    return containers(lab)["phones"]


def phones_are_up(lab: Lab) -> bool:
    """docker-compose 1.29 leaves them on the network of an Asterisk that it has replaced."""
    found = containers(lab)
    if "phones" not in found:
        return False
    form = "{{.State.Running}} {{.HostConfig.NetworkMode}} {{.Image}}"
    state = shell.output(["docker", "inspect", "-f", form, found["phones"]]).split()
    image = shell.output(["docker", "image", "inspect", "-f", "{{.Id}}", "callbridge-phones"]).strip()
    return state[0] == "true" and state[1].startswith(f"container:{found['asterisk']}") and state[2] == image


def restarts(lab: Lab) -> int:
    """How often the engine had to start a container anew, at most."""
    found = containers(lab).values()
    if not found:
        return 0
    return max(map(int, shell.output(["docker", "inspect", "-f", "{{.RestartCount}}", *found]).split()))


def recent_logs(lab: Lab, lines: int = 40) -> str:
    parts = []
    for service, container in containers(lab).items():
        done = subprocess.run(
            ["docker", "logs", "--tail", str(lines), container],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=20,
        )
        parts.append(f"── {service} ──\n{shell.tail(done.stdout + done.stderr, lines)}")
    return "\n".join(parts)


def follow_logs(lab: Lab) -> None:
    """Replaces this process: Ctrl-C then goes straight to it."""
    command = [*command_for(lab), "logs", "-f", "--tail", "100"]
    os.execvpe(command[0], command, {**os.environ, **lab.environment()})
