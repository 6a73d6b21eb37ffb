"""Which lab: its project, folder and ports. Two labs with different ones run side by side."""

import os
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCKER = ROOT / "docker"
BUILD = ROOT / "build"
ENGINE = DOCKER / "lab" / "engine"  # the log and process id of an engine that we started
# Who runs the containers' own processes where root runs the lab; the image's group may write its data.
APP_USER = 10001
APP_GROUP = 10001


@dataclass(frozen=True, slots=True)
class Lab:
    project: str
    state: Path
    config: Path
    clients: Path
    sip_port: int
    rtp_start: int
    rtp_end: int
    http_port: int
    web_port: int

    @property
    def settings(self) -> Path:
        """The YAML file with this lab's ports in it."""
        return self.state / "callbridge.yml"

    @property
    def secrets(self) -> Path:
        return self.state / "secrets.env"

    @property
    def asterisk(self) -> Path:
        return self.state / "asterisk"

    @property
    def web(self) -> str:
        return f"http://127.0.0.1:{self.web_port}"

    @property
    def user(self) -> int:
        return os.getuid() or APP_USER

    def environment(self) -> dict[str, str]:
        """What docker/compose.yml reads."""
        return {
            "COMPOSE_PROJECT_NAME": self.project,
            "LAB_STATE": str(self.state),
            "LAB_USER": str(self.user),
            "CALLBRIDGE_SIP_PORT": str(self.sip_port),
            "CALLBRIDGE_RTP_START": str(self.rtp_start),
            "CALLBRIDGE_RTP_END": str(self.rtp_end),
            "CALLBRIDGE_HTTP_PORT": str(self.http_port),
            "CALLBRIDGE_WEB_PORT": str(self.web_port),
        }

    def read_secrets(self) -> dict[str, str]:
        lines = self.secrets.read_text().splitlines()
        pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
        return {key: value for key, _, value in pairs}
