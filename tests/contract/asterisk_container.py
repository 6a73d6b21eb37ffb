"""A real Asterisk in a container for the contract tests, with a configuration of its own.

Owns the container's life. The image must hold Asterisk 22.5 or newer with ARI, PJSIP and English prompts.
"""

import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass
from pathlib import Path

IMAGE_VARIABLE = "CALLBRIDGE_TEST_ASTERISK_IMAGE"
IMAGES = ("callbridge-asterisk:latest", "cbtest-ast")
USERNAME, PASSWORD, APP = "callbridge", "contract", "callbridge"
_START_SECONDS = 60

_FILES = {
    "asterisk.conf": """
[directories]
astetcdir => /callbridge-contract

[options]
systemname = contract
""",
    "modules.conf": """
[modules]
autoload = yes
""",
    "logger.conf": """
[logfiles]
console = notice,warning,error
""",
    "http.conf": """
[general]
enabled = yes
bindaddr = 0.0.0.0
bindport = 8088
session_keep_alive = 60000
""",
    "ari.conf": f"""
[general]
enabled = yes
websocket_write_timeout = 5000
channelvars = CHANNEL(linkedid),CALLBRIDGE_CALL,CALLBRIDGE_STATE

[{USERNAME}]
type = user
password = {PASSWORD}
""",
    "pjsip.conf": """
[udp]
type = transport
protocol = udp
bind = 0.0.0.0:5060

; A phone that never registered: no channel to it can be made.
[1001]
type = endpoint
context = probe
disallow = all
allow = alaw
aors = 1001

[1001]
type = aor
max_contacts = 1

; Asterisk as its own phones, over real SIP: what it dials here comes in again from 127.0.0.1.
[phones]
type = endpoint
context = phones
disallow = all
allow = alaw
direct_media = no

[phones]
type = identify
endpoint = phones
match = 127.0.0.1
""",
    "musiconhold.conf": """
[default]
mode = files
directory = moh
""",
    # Local/EXTEN@probe: its second half runs EXTEN as a trunk's channel would; its first half is the caller.
    "extensions.conf": f"""
[probe]
exten => inbound,1,Stasis({APP},inbound,+74950000001,trunk,allowed)
 same => n,Hangup()
exten => withheld,1,Stasis({APP},inbound,+74950000001,trunk,withheld)
 same => n,Hangup()
exten => malformed,1,Stasis({APP},who,knows)
 same => n,Hangup()
exten => wait,1,Wait(60)
exten => dtmf,1,Wait(0.2)
 same => n,SendDTMF(5)
 same => n,Wait(60)

[phones]
exten => rings,1,Ringing()
 same => n,Wait(60)
exten => answers,1,Ringing()
 same => n,Answer()
 same => n,Wait(60)
exten => busy,1,Hangup(17)

[callbridge-fallback]
exten => s,1,Wait(60)
exten => support,1,Wait(60)
""",
}


def phone(does: str) -> str:
    """A phone that ``rings``, ``answers`` or is ``busy``."""
    return f"PJSIP/phones/sip:{does}@127.0.0.1:5060"


class NoAsterisk(Exception):
    """The tests against a real Asterisk cannot run here, and say why instead of being skipped."""


@dataclass(frozen=True, slots=True)
class AsteriskContainer:
    name: str
    url: str

    def logs(self) -> str:
        return _docker("logs", "--tail", "200", self.name, check=False)

    def stop(self) -> None:
        _docker("rm", "--force", "--volumes", self.name, check=False)


def start(directory: Path) -> AsteriskContainer:
    """``directory`` is an empty one for the configuration."""
    image = _image()
    for file, content in _FILES.items():
        (directory / file).write_text(content.lstrip(), encoding="utf-8")
    directory.chmod(0o755)
    name = f"cb-contract-{uuid.uuid4().hex[:8]}"
    _docker(
        *("create", "--name", name, "--user", "root", "--entrypoint", "asterisk", image),
        *("-f", "-U", "asterisk", "-C", "/callbridge-contract/asterisk.conf"),
    )
    try:
        # Copied, not mounted: also right where Docker's engine does not see our files.
        _docker("cp", f"{directory}/.", f"{name}:/callbridge-contract")
        _docker("start", name)
        address = _docker(
            "inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}", name
        )
        container = AsteriskContainer(name, f"http://{address.split()[0]}:8088")
        _wait(container)
    except BaseException:
        _docker("rm", "--force", "--volumes", name, check=False)
        raise
    return container


def _image() -> str:
    wanted = os.environ.get(IMAGE_VARIABLE)
    for image in (wanted,) if wanted else IMAGES:
        if _docker("image", "inspect", "--format", "{{.Id}}", image, check=False):
            return image
    raise NoAsterisk(
        f"no image {wanted or ' or '.join(IMAGES)}: build it (make test does) or name one in {IMAGE_VARIABLE}"
    )


def _wait(container: AsteriskContainer) -> None:
    passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    passwords.add_password(None, container.url, USERNAME, PASSWORD)
    # No proxy: the container is reached directly.
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPBasicAuthHandler(passwords)
    )
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            with opener.open(f"{container.url}/ari/applications", timeout=2):
                return
        except (urllib.error.URLError, OSError) as error:
            if time.monotonic() > deadline:
                raise NoAsterisk(f"{container.name} does not answer: {error}\n{container.logs()}") from error
        time.sleep(0.1)


def _docker(*arguments: str, check: bool = True) -> str:
    docker = shutil.which("docker")
    if docker is None:
        raise NoAsterisk(
            "docker is not installed: the tests against a real Asterisk need it; `make test` sets it up"
        )
    done = subprocess.run([docker, *arguments], capture_output=True, text=True, timeout=120)
    if done.returncode == 0:
        return (done.stdout + (done.stderr if arguments[0] == "logs" else "")).strip()
    if "Cannot connect to the Docker daemon" in done.stderr:
        raise NoAsterisk("Docker's engine does not run: start it (`make test` does), then try again")
    if check:
        raise NoAsterisk(f"docker {arguments[0]}: {done.stderr.strip()}")
    return ""
