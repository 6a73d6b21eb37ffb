"""docker/labtool for the fault suite's lab: its own images on top, its own compose file beside the lab's.

CALLBRIDGE_CHAOS_AS_BUILT=1 takes the images that are there, without a look at the sources.
CALLBRIDGE_CHAOS_FORMER=REVISION builds another version beside it, as git has it.
"""

import os
import runpy
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
TOOL = HERE.parents[1] / "docker" / "labtool"
sys.path.insert(0, str(TOOL))

import compose  # noqa: E402
import images  # noqa: E402
import shell  # noqa: E402
import start  # noqa: E402
from lab import BUILD, ROOT, Lab  # noqa: E402
from screen import Screen  # noqa: E402

# In this order: the second is made of the first.
OWN = {"callbridge-chaos-tools": "tools.Dockerfile", "callbridge-chaos-app": "app.Dockerfile"}

APP = "callbridge-chaos-app"
FORMER = "callbridge-chaos-former"

_command_for, _ensure, _output = compose.command_for, images.ensure, shell.output


def command_for(lab: Lab) -> list[str]:
    return [*_command_for(lab), "-f", str(HERE / "compose.yml")]


def ensure(screen: Screen) -> None:
    if os.environ.get("CALLBRIDGE_CHAOS_AS_BUILT") == "1":
        return
    _ensure(screen)
    with screen.step("the fault suite's images") as step:
        for tag, file in OWN.items():
            step.detail = tag
            shell.logged(
                images.command_of(tag, HERE / "images" / file, HERE / "images"), BUILD / f"{tag}.log"
            )
        step.result = ", ".join(OWN)
    former = os.environ.get("CALLBRIDGE_CHAOS_FORMER")
    if former:
        with screen.step(f"the former version's image ({former})"):
            build_former(former)


def build_former(revision: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder)
        archive = source / "sources.tar"
        shell.output(["git", "-C", str(ROOT), "archive", "--output", str(archive), revision])
        shell.output(["tar", "-xf", str(archive), "-C", folder])
        archive.unlink()
        (source / "build").mkdir()
        shutil.copy(images.HOST_CA, source / "build")
        dockerfile = source / "docker" / "callbridge" / "Dockerfile"
        command = images.command_of(FORMER, dockerfile, source, images.PASSED_ON["callbridge-app"])
        shell.logged(command, BUILD / f"{FORMER}.log")


def fill(lab: Lab) -> str:
    """The API's token alone: a hundred log-ins that nobody uses would take half a minute."""
    script = (
        "umask 077 && grep -v ^WEB_PASSWORD_ /run/callbridge/secrets.env >/tmp/token.env && "
        "callbridge user sync --config /etc/callbridge/callbridge.yml --secrets /tmp/token.env && "
        "rm /tmp/token.env"
    )
    shell.output(["docker", "exec", compose.containers(lab)["callbridge"], "/bin/sh", "-c", script])
    return "none; the API's token"


def output(command: Sequence[str], **options: Any) -> str:
    """What writes the configuration is what will read it, also when somebody builds another one meanwhile."""
    return _output([APP if word == "callbridge-app" else word for word in command], **options)


shell.output = output
compose.command_for = command_for
start.fill = fill
images.ensure = ensure
sys.argv[0] = str(TOOL)
runpy.run_path(str(TOOL / "__main__.py"), run_name="__main__")
