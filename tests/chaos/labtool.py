"""docker/labtool for the fault suite's lab: its own images on top, its own compose file beside the lab's.

CALLBRIDGE_CHAOS_AS_BUILT=1 takes the images that are there, without a look at the sources.
"""

import os
import runpy
import sys
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
from lab import BUILD, Lab  # noqa: E402
from screen import Screen  # noqa: E402

# In this order: the second is made of the first.
OWN = {"callbridge-chaos-tools": "tools.Dockerfile", "callbridge-chaos-app": "app.Dockerfile"}

APP = "callbridge-chaos-app"

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
            command = ["docker", "build", "-f", str(HERE / "images" / file), "-t", tag]
            for name in images.PROXY:
                if os.environ.get(name):
                    command += ["--build-arg", name]
            named = [os.environ.get(name, "") for name in images.PROXY[:2]]
            if any(host in value for value in named for host in ("//127.", "//localhost")):
                command += ["--network", "host"]  # a proxy on this machine's loopback is not the container's
            shell.logged([*command, str(HERE / "images")], BUILD / f"{tag}.log")
        step.result = ", ".join(OWN)


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
