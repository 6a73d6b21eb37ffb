"""Docker's engine: found, or installed and started where we may; otherwise a word on what to do.

Only an engine that we started is ever stopped by us, by the process id that we noted.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import debian
import shell
from failure import Failure
from lab import ENGINE
from screen import Screen, wait_for

PID = ENGINE / "dockerd.pid"
LOG = ENGINE / "dockerd.log"
START_S = 60.0
STOP_S = 60.0


def version() -> str | None:
    """The engine's version, or None when none answers."""
    try:
        return shell.output(["docker", "version", "--format", "{{.Server.Version}}"], deadline=20).strip()
    except Failure:
        return None


def ensure(screen: Screen) -> None:
    with screen.step("Docker's engine") as step:
        found = version()
        if found is None:
            if shutil.which("docker") is None or (os.getuid() == 0 and shutil.which("dockerd") is None):
                step.detail = "installing"
                install()
                found = version()
            if found is None:
                step.detail = "starting"
                start()
                found = version()
        if compose_command() is None:
            step.detail = "installing docker-compose"
            install_compose()
        step.result = f"{found}, {' '.join(compose_command() or [])}"


def install() -> None:
    if not debian.may_install():
        raise Failure(
            f"Docker's engine is not installed.{' Run this as root, or:' if debian.is_debian() else ''}\n"
            "  Debian, Ubuntu   sudo apt-get install docker.io docker-compose\n"
            "  Fedora           sudo dnf install moby-engine docker-compose\n"
            "                   sudo systemctl enable --now docker\n"
            "  both             sudo usermod -aG docker $USER, and log in again\n"
            "  macOS, Windows   Docker Desktop, https://docs.docker.com/get-docker/\n"
            "then repeat the command."
        )
    debian.install(["docker.io", "docker-compose", "iptables", "ca-certificates"])
    # On a system with an init script the package starts its engine itself: give it the time.
    if wait_for(lambda: version() is not None, 5) and not under_systemd():
        note_running()


def install_compose() -> None:
    if not debian.may_install():
        how = debian.advice(["docker-compose"])
        raise Failure(f"Docker is here, but neither `docker compose` nor `docker-compose`.\n{how}")
    debian.install(["docker-compose"])


def compose_command() -> list[str] | None:
    if shell.works(["docker", "compose", "version"]):
        return ["docker", "compose"]
    return ["docker-compose"] if shutil.which("docker-compose") else None


def under_systemd() -> bool:
    return Path("/run/systemd/system").exists()


def start() -> None:
    if os.getuid() != 0:
        socket = Path("/var/run/docker.sock")
        if socket.exists() and not os.access(socket, os.W_OK):
            raise Failure(
                "Docker's engine runs, but this user may not use it.\n"
                "Run once:  sudo usermod -aG docker $USER   and log in again; or run this command as root."
            )
        raise Failure(
            "Docker's engine does not answer. Start it:  sudo systemctl start docker   (or Docker Desktop), "
            "then repeat the command."
        )
    if under_systemd():
        shell.output(["systemctl", "start", "docker"], deadline=START_S)
        if not wait_for(lambda: version() is not None, START_S):
            raise Failure("systemd started docker.service, but it does not answer; see: journalctl -u docker")
        return
    if shutil.which("dockerd") is None:
        raise Failure("DOCKER_HOST names an engine that does not answer; start it, or unset DOCKER_HOST")
    mount_cgroups()
    try:
        launch()
    except Failure as failure:
        if "iptables" not in failure.details or not use_legacy_iptables():
            raise
        launch()


def mount_cgroups() -> None:
    """Without an init system nobody may have mounted them, and containers cannot be made."""
    mounts = [line.split()[2] for line in Path("/proc/self/mounts").read_text().splitlines()]
    if "cgroup" in mounts or "cgroup2" in mounts:
        return
    debian.install(["cgroupfs-mount"])
    shell.output(["cgroupfs-mount"])


def use_legacy_iptables() -> bool:
    """Kernels without nf_tables refuse what Debian's iptables says by default."""
    return shell.works(["update-alternatives", "--set", "iptables", "/usr/sbin/iptables-legacy"])


def launch() -> None:
    ENGINE.mkdir(parents=True, exist_ok=True)
    with LOG.open("ab") as log:
        process = subprocess.Popen(
            ["dockerd"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd="/"
        )
    PID.write_text(f"{process.pid}\n")
    wait_for(lambda: process.poll() is not None or version() is not None, START_S, 0.25)
    if process.poll() is not None or version() is None:
        stop()
        said = shell.tail(LOG.read_text(errors="replace"))
        raise Failure(f"dockerd did not start; its log is {LOG}", details=said)


def note_running() -> None:
    """An engine that its package started just now is ours to stop as well."""
    theirs = Path("/var/run/docker.pid")
    if theirs.exists():
        ENGINE.mkdir(parents=True, exist_ok=True)
        PID.write_text(theirs.read_text())


def ours() -> int | None:
    """The process id of the engine that we started, while it runs."""
    try:
        pid = int(PID.read_text())
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):
        return None
    return pid if b"dockerd" in command.split(b"\0")[0] else None


def stop() -> bool:
    """Stop the engine if we started it; whether we did."""
    pid = ours()
    if pid is not None:
        os.kill(pid, signal.SIGTERM)
        if not wait_for(lambda: ended(pid), STOP_S, 0.2):
            os.kill(pid, signal.SIGKILL)
            time.sleep(0.5)
    PID.unlink(missing_ok=True)
    return pid is not None


def ended(pid: int) -> bool:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)  # when it is our own child, nobody else would bury it
    state = Path(f"/proc/{pid}/stat")
    try:
        return state.read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True
