"""Debian's own packages: whether they may be installed here, and installing them."""

import os
import shutil
from collections.abc import Collection
from pathlib import Path

import shell
from failure import Failure
from lab import ENGINE

NONINTERACTIVE = {"DEBIAN_FRONTEND": "noninteractive"}


def is_debian() -> bool:
    """Debian, or a system made of it that has apt."""
    release = Path("/etc/os-release")
    if shutil.which("apt-get") is None or not release.exists():
        return False
    named = [line.partition("=") for line in release.read_text().splitlines()]
    return any("debian" in value.strip('"').split() for key, _, value in named if key in {"ID", "ID_LIKE"})


def may_install() -> bool:
    return os.getuid() == 0 and is_debian()


def installed(package: str) -> bool:
    try:
        state = shell.output(["dpkg-query", "-W", "-f", "${db:Status-Status}", package])
    except Failure:
        return False
    return state == "installed"


def install(packages: Collection[str]) -> None:
    """Install what is missing, without what is only recommended."""
    wanted = [package for package in packages if not installed(package)]
    if not wanted:
        return
    if not may_install():
        raise Failure(f"missing here: {' '.join(wanted)}\n{advice(wanted)}")
    log = ENGINE / "apt.log"
    shell.logged(["apt-get", "update"], log, env=NONINTERACTIVE, deadline=600)
    command = ["apt-get", "install", "-y", "--no-install-recommends", *wanted]
    shell.logged(command, log, env=NONINTERACTIVE, deadline=1200)


def advice(packages: Collection[str]) -> str:
    line = f"apt-get install --no-install-recommends {' '.join(packages)}"
    if is_debian():
        return f"Run once:  sudo {line}"
    return (
        f"On Debian that is:  {line}\nInstall the same programs by this system's means, then run this again."
    )
