"""The base images. Pulled where a registry answers, otherwise made from Debian's archive by debootstrap."""

import os
import queue
import shutil
import subprocess
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import debian
import shell
from failure import Failure
from lab import ENGINE
from screen import Screen

# what the Dockerfiles say → the suite in Debian's archive
BASES = {"debian:sid-slim": "sid", "debian:bookworm-slim": "bookworm"}
REGISTRY_ANSWERS_S = 20.0
PULL_S = 300.0
# "" is debootstrap's own choice
MIRROR = os.environ.get("DEBIAN_MIRROR", "")


def present(image: str) -> bool:
    return shell.works(["docker", "image", "inspect", image])


def ensure(screen: Screen) -> None:
    missing = {image: suite for image, suite in BASES.items() if not present(image)}
    if not missing:
        return
    with screen.step("base images") as step:
        step.detail = "asking the registry"
        with ThreadPoolExecutor(len(missing)) as pool:
            pulled = dict(zip(missing, pool.map(pull, missing), strict=True))
            rest = {image: suite for image, suite in missing.items() if not pulled[image]}
            if rest:
                step.detail = "no registry answers: making them by debootstrap"
                check_debootstrap(rest)
                list(pool.map(bootstrap, rest, rest.values()))
        step.result = ", ".join(f"{image} {'pulled' if done else 'made'}" for image, done in pulled.items())


def pull(image: str) -> bool:
    """Whether the registry gave it. One that says nothing at all within a short time is not waited for."""
    process = subprocess.Popen(
        ["docker", "pull", image],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said: queue.Queue[str] = queue.Queue()
    stdout = process.stdout
    assert stdout is not None

    def read() -> None:
        for line in stdout:
            said.put(line)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    started = time.monotonic()
    while process.poll() is None:
        elapsed = time.monotonic() - started
        if elapsed > PULL_S or (elapsed > REGISTRY_ANSWERS_S and said.empty()):
            process.kill()
        time.sleep(0.1)
    reader.join(1)
    return process.returncode == 0


def check_debootstrap(images: dict[str, str]) -> None:
    if not debian.may_install():
        names = " ".join(images)
        raise Failure(
            f"{names}: no image registry answers, and without one only root on Debian can make them.\n"
            f"Let the engine reach a registry (docker pull {next(iter(images))} must work), load the images "
            "from a file (docker load), or run this as root on Debian."
        )
    debian.install(["debootstrap", "debian-archive-keyring"])


def bootstrap(image: str, suite: str) -> None:
    # not /tmp: it may be mounted without devices or execution
    root = Path(tempfile.mkdtemp(prefix=f"{suite}-", dir="/var/tmp"))
    try:
        command = ["debootstrap", "--variant=minbase", suite, str(root), *([MIRROR] if MIRROR else [])]
        shell.logged(command, ENGINE / f"debootstrap-{suite}.log", deadline=900)
        slim(root, suite)
        pack(root, image)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def slim(root: Path, suite: str) -> None:
    for folder in ("var/cache/apt/archives", "var/lib/apt/lists", "usr/share/doc", "usr/share/man"):
        for item in (root / folder).iterdir():
            if item.is_dir():
                shutil.rmtree(item)
            else:
                item.unlink()
    if suite != "sid":
        sources = root / "etc/apt/sources.list"
        written = sources.read_text()
        mirror = written.split()[1]  # deb MIRROR bookworm main
        security = mirror.rstrip("/").removesuffix("/debian") + "/debian-security"
        more = f"deb {mirror} {suite}-updates main\ndeb {security} {suite}-security main\n"
        sources.write_text(written + more)


def pack(root: Path, image: str) -> None:
    tar = subprocess.Popen(["tar", "-C", str(root), "-c", "."], stdout=subprocess.PIPE)
    command = ["docker", "import", "-c", 'CMD ["bash"]', "-", image]
    imported = subprocess.run(command, stdin=tar.stdout, capture_output=True, text=True, check=False)
    assert tar.stdout is not None
    tar.stdout.close()
    if tar.wait() or imported.returncode:
        raise Failure(f"{image} could not be imported", details=shell.tail(imported.stderr))
