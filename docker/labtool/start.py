"""A lab's life: up, down, status. Each may be repeated at any time."""

import hashlib
import json
import os
import shutil
import urllib.error
import urllib.request

import compose
import engine
import images
import shell
from failure import Failure
from lab import APP_GROUP, APP_USER, ROOT, Lab
from screen import Screen, wait_for

READY_S = 90.0
HOPELESS = 3  # restarts of a container: it will not come up

# Runs in the app's image, which has a YAML library: the engineer's file with this lab's ports in it.
ADAPT = """
import io, json, sys
from ruamel.yaml import YAML
ports = json.loads(sys.argv[1])
yaml = YAML()
yaml.width = 1000
document = yaml.load(sys.stdin.buffer)
asterisk = document.setdefault("asterisk", {})
asterisk.setdefault("sip", {})["port"] = ports["sip"]
asterisk.setdefault("rtp", {}).update(start=ports["rtp"][0], end=ports["rtp"][1])
document.setdefault("web", {})["public_url"] = ports["public_url"]
out = io.BytesIO()
yaml.dump(document, out)
sys.stdout.buffer.write(out.getvalue())
"""


def up(lab: Lab, screen: Screen) -> None:
    engine.ensure(screen)
    images.ensure(screen)
    with screen.step("configuration and secrets"):
        configure(lab)
    with screen.step("containers"):
        try:
            compose.up(lab, fingerprint(lab))
        except Failure as failure:
            raise explained(lab, failure) from failure
    with screen.step("Callbridge ready, both links to Asterisk up") as step:

        def ready_or_hopeless() -> bool:
            step.detail = readiness(lab)
            return step.detail == "ready" or compose.restarts(lab) >= HOPELESS

        wait_for(ready_or_hopeless, READY_S, 0.2)
        if step.detail != "ready":
            logs = compose.recent_logs(lab)
            raise Failure(f"not ready after {step.elapsed:.0f} s: {step.detail}", details=logs)
    with screen.step("log-ins and clients") as step:
        step.result = fill(lab)


def configure(lab: Lab) -> None:
    """The YAML file with this lab's ports, the secrets, and Asterisk's files, all by Callbridge itself."""
    for folder in (lab.state, lab.asterisk):
        folder.mkdir(parents=True, exist_ok=True)
    lab.state.chmod(0o700)
    ports = {"sip": lab.sip_port, "rtp": [lab.rtp_start, lab.rtp_end], "public_url": lab.web}
    offline = ["docker", "run", "--rm", "-i", "--network", "none"]
    python = ["--entrypoint", "/opt/callbridge/venv/bin/python", "callbridge-app", "-c", ADAPT]
    adapted = shell.output([*offline, *python, json.dumps(ports)], stdin=lab.config.read_text())
    lab.settings.write_text(adapted)
    script = (
        "callbridge secrets --config callbridge.yml --output secrets.env && "
        "callbridge render --config callbridge.yml --secrets secrets.env --output asterisk"
    )
    mount = ["-v", f"{lab.state}:/lab", "-w", "/lab", "--user", f"{os.getuid()}:{os.getgid()}"]
    shell.output([*offline, *mount, "--entrypoint", "/bin/sh", "callbridge-app", "-c", script])
    # Others on this host stop at the folder (0700); in their containers Asterisk and Callbridge must read.
    for path in (lab.asterisk, *lab.asterisk.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    lab.settings.chmod(0o644)
    if os.getuid() == 0:
        os.chown(lab.secrets, APP_USER, APP_GROUP)
    lab.secrets.chmod(0o600)


def fingerprint(lab: Lab) -> str:
    """Of all that the containers read at their start."""
    digest = hashlib.sha256()
    for path in sorted([lab.settings, lab.secrets, *(p for p in lab.asterisk.rglob("*") if p.is_file())]):
        digest.update(str(path.relative_to(lab.state)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def explained(lab: Lab, failure: Failure) -> Failure:
    said = failure.details
    if "address already in use" in said or "port is already allocated" in said:
        ports = f"SIP {lab.sip_port}, RTP {lab.rtp_start}-{lab.rtp_end}, {lab.http_port}, {lab.web_port}"
        return Failure(
            f"a port of the lab is taken on this machine ({ports}). End what holds it, or choose others:\n"
            "  make demo CALLBRIDGE_SIP_PORT=5070 CALLBRIDGE_HTTP_PORT=8098 CALLBRIDGE_WEB_PORT=8090",
            details=said,
        )
    return failure


def readiness(lab: Lab) -> str:
    try:
        with urllib.request.urlopen(f"{lab.web}/readyz", timeout=3) as reply:
            body = reply.read()
    except urllib.error.HTTPError as error:
        body = error.read()
    except (OSError, ValueError):
        return "not listening yet"
    try:
        said = json.loads(body)
        down = [name for name, link in said["links"].items() if not link["up"]]
    except (ValueError, KeyError, TypeError, AttributeError):
        return "unreadable /readyz"
    return f"waiting for {', '.join(down)}" if down else str(said["status"])


def fill(lab: Lab) -> str:
    app = compose.containers(lab)["callbridge"]
    here = ["docker", "exec", "-i", app, "/bin/sh", "-c"]
    config = "--config /etc/callbridge/callbridge.yml"
    sync = f"callbridge user sync {config} --secrets /run/callbridge/secrets.env"
    shell.output([*here, sync], deadline=300)  # each password is hashed, which is meant to take its time
    # its /tmp is the one place that it can write to besides its data
    script = f"cat >/tmp/clients.csv && callbridge import {config} /tmp/clients.csv"
    said = shell.output([*here, script], stdin=lab.clients.read_text())
    return said.strip().splitlines()[-1] if said.strip() else ""


def down(lab: Lab, screen: Screen) -> None:
    if shutil.which("docker") is None or engine.version() is None:
        screen.say("Docker's engine does not run, so no lab does.")
        return
    with screen.step(f"ending the lab {lab.project}"):
        compose.run(lab, "down", "--volumes", "--remove-orphans", deadline=180)
    screen.say(
        f"Kept: {show(lab.state)} (passwords, configuration) and the images. `make clean` takes them too."
    )
    if engine.ours() is not None:
        screen.say("Docker's engine goes on running; to stop it: python3 docker/labtool engine-stop")


def clean(lab: Lab, screen: Screen) -> None:
    down(lab, screen)
    if engine.version() is not None:
        for image in images.FOLDERS:
            if shell.works(["docker", "image", "inspect", image]):
                shell.output(["docker", "image", "rm", "-f", image], deadline=120)
    engine_folder = lab.state / "engine"  # its process id is still needed
    for path in lab.state.iterdir() if lab.state.exists() else ():
        if path != engine_folder:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def show(path: os.PathLike[str]) -> str:
    try:
        return os.path.relpath(path, ROOT)
    except ValueError:
        return str(path)


def addresses(lab: Lab) -> dict[str, object]:
    """For a program: where everything of this lab is."""
    return {
        "project": lab.project,
        "state": str(lab.state),
        "secrets": str(lab.secrets),
        "config": str(lab.settings),
        "web": lab.web,
        "ari": f"http://127.0.0.1:{lab.http_port}",
        "sip": {"host": "127.0.0.1", "port": lab.sip_port},
        "rtp": [lab.rtp_start, lab.rtp_end],
        "containers": compose.containers(lab),
    }


def status(lab: Lab, screen: Screen) -> int:
    if engine.version() is None:
        screen.say("Docker's engine does not answer.")
        return 1
    found = compose.states(lab)
    for service in compose.SERVICES:
        screen.say(f"{service:<12}{found.get(service, 'not there')}")
    if found:
        screen.say(f"{'/readyz':<12}{readiness(lab)}   {lab.web}")
    return 0 if len(found) == len(compose.SERVICES) and readiness(lab) == "ready" else 1
