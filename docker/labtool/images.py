"""The lab's own images, built from the repository; a second build takes what is there already."""

import os
import re
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import bases
import shell
from lab import BUILD, DOCKER, ROOT
from screen import Screen, Step

HOST_CA = BUILD / "host-ca.crt"
VENDOR = ROOT / "bridge" / "web" / "assets" / "vendor"
PROXY = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
PASSED_ON = {
    "callbridge-asterisk": (),
    "callbridge-app": ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "NPM_CONFIG_REGISTRY"),
    "callbridge-phones": ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"),
}
FOLDERS = {"callbridge-asterisk": "asterisk", "callbridge-app": "callbridge", "callbridge-phones": "phones"}
PROGRESS = re.compile(r"^(?:Step |#\d+ \[[^\]]*?)(\d+/\d+)")


@dataclass
class Build:
    tag: str
    stage: str = "…"


def ensure(screen: Screen) -> None:
    bases.ensure(screen)
    bring_certificates()
    with screen.step("images") as step:
        builds = [Build(tag) for tag in FOLDERS]
        with ThreadPoolExecutor(len(builds)) as pool:
            running = [pool.submit(build, one) for one in builds]
            while not all(one.done() for one in running):
                show(step, builds)
                time.sleep(0.1)
            for one in running:
                one.result()
        bring_scripts()
        step.result = ", ".join(FOLDERS)


def bring_scripts() -> None:
    """What npm gave the image, into the checkout: tests with a browser serve their pages from there."""
    folder = "/opt/callbridge/bridge/web/assets/vendor"
    for name in shell.output(_in_app("ls", folder)).split():
        script = shell.output(_in_app("cat", f"{folder}/{name}"))
        if not (VENDOR / name).is_file() or (VENDOR / name).read_text() != script:
            VENDOR.mkdir(exist_ok=True)
            (VENDOR / f"{name}.new").write_text(script)
            (VENDOR / f"{name}.new").replace(VENDOR / name)


def _in_app(program: str, path: str) -> list[str]:
    return ["docker", "run", "--rm", "--network", "none", "--entrypoint", program, "callbridge-app", path]


def show(step: Step, builds: list[Build]) -> None:
    step.detail = ", ".join(f"{FOLDERS[one.tag]} {one.stage}" for one in builds)


def command_of(tag: str, dockerfile: Path, context: Path, passed_on: Sequence[str] = ()) -> list[str]:
    """``docker build``, behind whatever proxy this host is; ``passed_on``: variables that it gets as well."""
    command = ["docker", "build", "-f", str(dockerfile), "-t", tag]
    for name in (*PROXY, *passed_on):
        if os.environ.get(name):
            command += ["--build-arg", name]
    if any(host in os.environ.get(name, "") for name in PROXY[:2] for host in ("//127.", "//localhost")):
        command += ["--network", "host"]  # a proxy on this machine's loopback is not the container's
    return [*command, str(context)]


def build(one: Build) -> None:
    dockerfile = DOCKER / FOLDERS[one.tag] / "Dockerfile"
    command = command_of(one.tag, dockerfile, ROOT, PASSED_ON[one.tag])

    def on_line(line: str) -> None:
        found = PROGRESS.match(line)
        if found:
            one.stage = found[1]

    shell.logged(command, BUILD / f"{one.tag}.log", on_line=on_line, cwd=ROOT)
    one.stage = "✓"


def bring_certificates() -> None:
    """The certificates that this host trusts, for pip and npm in a build behind a TLS-inspecting proxy."""
    named = [os.environ.get(name, "") for name in ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")]
    files = [Path(name) for name in (*named, "/etc/ssl/certs/ca-certificates.crt") if name]
    bundle = next((file.read_bytes() for file in files if file.is_file()), b"")
    BUILD.mkdir(exist_ok=True)
    # An untouched file keeps the build's cache valid.
    if not HOST_CA.exists() or HOST_CA.read_bytes() != bundle:
        HOST_CA.write_bytes(bundle)
