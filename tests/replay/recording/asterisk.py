"""A real Asterisk 22 in a container of its own, with the scenarios' dialplan. Owns the container's life.

No port is published: phones and AMI use the container's own address, which nobody but this machine reaches.
So SIP needs no passwords here, and those of AMI are made anew at each start and stand in no trace.
"""

import re
import secrets
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

IMAGE = "callbridge-asterisk:latest"
LISTENER, DRIVER = "callbridge", "driver"
AGENTS = ("1001", "1002", "1003", "1004")
UNREACHABLE = "1009"  # an agent without a phone
_MANAGER = Path(__file__).parents[3] / "asterisk-config" / "manager.conf.j2"
_ETC = "/callbridge-replay"
# Whether a phone is there and in use: beside every call, and no part of what a trace is about.
_OF_PHONES = frozenset({"DeviceStateChange", "ContactStatus", "PeerStatus", "Registry"})

_FILES = {
    "asterisk.conf": f"[directories]\nastetcdir => {_ETC}\n",
    "modules.conf": "[modules]\nautoload = yes\nnoload = chan_iax2.so\n",
    "logger.conf": "[logfiles]\nconsole = notice,warning,error\n",
    "musiconhold.conf": "[default]\nmode = files\ndirectory = moh\n",
    "features.conf": """
[general]
pickupexten = *8
featuredigittimeout = 1000
transferdigittimeout = 2

[featuremap]
blindxfer = ##
atxfer = *2
""",
    "queues.conf": """
[general]
shared_lastcall = yes

[ours](!)
strategy = ringall
timeout = 15
retry = 1
joinempty = yes

[support](ours)
member => PJSIP/1001
member => PJSIP/1002

[second](ours)
member => PJSIP/1003
member => PJSIP/1004

[locals](ours)
member => Local/1001@via
member => Local/1002@via

[impatient](ours)
timeout = 1
member => PJSIP/1001

[empty](ours)
member => PJSIP/1009
""",
    "extensions.conf": """
[from-agents]
exten => _1XXX,1,Dial(PJSIP/${EXTEN},20)
 same => n,Hangup(${HANGUPCAUSE})
; The same, and two seconds are all that the phone gets: 2002 rings 1002.
exten => _2XXX,1,Dial(PJSIP/1${EXTEN:1},2)
 same => n,Hangup(${HANGUPCAUSE})
; The same, and the dialplan simply ends, as many people's do: Asterisk's autofallthrough.
exten => _3XXX,1,Dial(PJSIP/1${EXTEN:1},2)
exten => 300,1,Dial(PJSIP/1002&PJSIP/1003,20)
 same => n,Hangup(${HANGUPCAUSE})
exten => 301,1,Dial(Local/1002@via&Local/1003@via,20)
 same => n,Hangup(${HANGUPCAUSE})
exten => 302,1,Dial(Local/1002@via/n,20)
 same => n,Hangup(${HANGUPCAUSE})
exten => 400,1,Queue(second,,,,60)
 same => n,Hangup(${HANGUPCAUSE})
exten => 402,1,Answer()
 same => n,Queue(second,,,,60)
 same => n,Hangup(${HANGUPCAUSE})
exten => 403,1,Answer()
 same => n,Queue(empty,,,,60)
 same => n,Hangup(${HANGUPCAUSE})
exten => 401,1,Queue(empty,,,,60)
 same => n,Hangup(${HANGUPCAUSE})
exten => 500,1,Dial(PJSIP/1002,20,tT)
 same => n,Hangup(${HANGUPCAUSE})
exten => *43,1,Answer()
 same => n,Echo()
exten => _*8XXXX,1,PickupChan(PJSIP/${EXTEN:2},p)
exten => _+7X.,1,Dial(PJSIP/${EXTEN}@trunk1,20)
 same => n,Hangup(${HANGUPCAUSE})

[via]
exten => _1XXX,1,Dial(PJSIP/${EXTEN},20)

[from-trunk]
exten => +74950000002,1,Answer()
 same => n,Queue(support,,,,60)
 same => n,Hangup(${HANGUPCAUSE})
exten => +74950000003,1,Queue(impatient,,,,2)
 same => n,Hangup(${HANGUPCAUSE})
exten => +74950000004,1,Dial(PJSIP/1001,20)
 same => n,Hangup(${HANGUPCAUSE})
exten => +74950000005,1,Dial(PJSIP/1001&PJSIP/1002&PJSIP/1003,20)
 same => n,Hangup(${HANGUPCAUSE})
exten => +74950000006,1,Answer()
 same => n,Queue(locals,,,,60)
 same => n,Hangup(${HANGUPCAUSE})
exten => +74950000008,1,Answer()
 same => n,Queue(empty,,,,2)
 same => n,Hangup(${HANGUPCAUSE})
exten => +74950000007,1,Dial(PJSIP/1002,20)
 same => n,Hangup(${HANGUPCAUSE})
""",
}

_PJSIP = """
[global]
type = global
; Whoever has no name here calls by the trunk.
endpoint_identifier_order = username,ip

[udp]
type = transport
protocol = udp
bind = 0.0.0.0:5060

[phone](!)
type = endpoint
context = from-agents
disallow = all
allow = alaw
direct_media = no
rtp_symmetric = yes
rewrite_contact = yes
call_group = 1
pickup_group = 1

[place](!)
type = aor
max_contacts = 1
remove_existing = yes

[trunk1](phone)
context = from-trunk
aors = trunk1
call_group =
pickup_group =

[trunk1](place)

[trunk1]
type = identify
endpoint = trunk1
match = 0.0.0.0/0
"""


def pjsip_conf() -> str:
    agents = (
        f'\n[{number}](phone)\naors = {number}\ncallerid = "Agent {number}" <{number}>\n\n[{number}](place)\n'
        for number in (*AGENTS, UNREACHABLE)
    )
    return _PJSIP + "".join(agents)


def heard_events(template: str) -> list[str]:
    """Which events Callbridge lets Asterisk send of calls, from the template of its manager.conf."""
    block = re.search(r"\{%\s*for name in \[(.*?)\]\s*%\}\s*\neventfilter\(", template, re.DOTALL)
    names = re.findall(r'"(\w+)"', block[1]) if block else []
    if not names:
        raise ValueError("manager.conf.j2: no list of events before its eventfilter; change heard_events too")
    return [name for name in names if name not in _OF_PHONES]


def manager_conf(template: str, listener: str, driver: str) -> str:
    """What the listener may and hears is as rendered for Callbridge; the driver originates and counts."""
    rights = "\n".join(re.findall(r"(?m)^(?:read|write|writetimeout) = .*$", template))
    filters = "\n".join(f"eventfilter(action(include),name({name})) =" for name in heard_events(template))
    return f"""[general]
enabled = yes
webenabled = no
bindaddr = 0.0.0.0
port = 5038
displayconnects = no
timestampevents = yes

[{LISTENER}]
secret = {listener}
{rights}
{filters}

[{DRIVER}]
secret = {driver}
read =
write = system,call,originate,reporting,command
"""


@dataclass(frozen=True, slots=True)
class Asterisk:
    container: str
    address: str
    listener_secret: str = field(repr=False)
    driver_secret: str = field(repr=False)

    def logs(self) -> str:
        return docker("logs", "--tail", "60", self.container)


class CannotRecord(Exception):
    """Something that the recording needs is missing; the message says what."""


@contextmanager
def running() -> Iterator[Asterisk]:
    name = f"cb-replay-{uuid.uuid4().hex[:8]}"
    secret, driver = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
    manager = manager_conf(_MANAGER.read_text(encoding="utf-8"), secret, driver)
    files = {**_FILES, "pjsip.conf": pjsip_conf(), "manager.conf": manager}
    docker("image", "inspect", "--format", "{{.Id}}", IMAGE)
    try:
        docker(
            *("create", "--name", name, "--user", "root", "--entrypoint", "asterisk", IMAGE),
            *("-f", "-U", "asterisk", "-C", f"{_ETC}/asterisk.conf"),
        )
        with tempfile.TemporaryDirectory() as folder:
            Path(folder).chmod(0o755)
            for file, text in files.items():
                (Path(folder) / file).write_text(text.lstrip(), encoding="utf-8")
            # Copied, not mounted: also right where Docker's engine does not see our files.
            docker("cp", f"{folder}/.", f"{name}:{_ETC}")
        docker("start", name)
        networks = "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}"
        address = docker("inspect", "--format", networks, name).split()[0]
        yield Asterisk(name, address, secret, driver)
    finally:
        docker("rm", "--force", "--volumes", name, check=False)


def docker(*arguments: str, check: bool = True) -> str:
    program = shutil.which("docker")
    if program is None:
        raise CannotRecord("docker is not installed: traces are recorded of a real Asterisk in a container")
    done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=120)
    if check and done.returncode:
        hint = f"; `make test` builds {IMAGE}" if arguments[0] == "image" else ""
        raise CannotRecord(f"docker {arguments[0]}: {done.stderr.strip()}{hint}")
    return done.stdout + (done.stderr if arguments[0] == "logs" else "")
