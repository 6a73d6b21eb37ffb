"""The two AMI sessions of a recording: the one that is recorded, and the one that drives. Plain sockets.

Of a session the banner is kept, and what comes after the login; the login itself never is.
"""

import socket
import time
from collections.abc import Callable, Mapping

from tests.replay.recording.asterisk import DRIVER, LISTENER, Asterisk, CannotRecord

PORT = 5038
END = b"\r\n\r\n"
_START_S = 60.0


def headers_of(block: bytes) -> dict[str, str]:
    lines = (line.partition(":") for line in block.decode(errors="replace").split("\r\n") if ":" in line)
    return {name.strip().lower(): value.strip() for name, _, value in lines}


def split_login(session: bytes) -> tuple[bytes, bytes, bytes] | None:
    """(banner, FullyBooted, the rest) of a session as it came; None as long as the login is not through.

    The reply to the login, and whatever may stand between the three, is left out.
    """
    banner, _, rest = session.partition(b"\r\n")
    before = b""
    while END in rest:
        block, _, rest = rest.partition(END)
        headers = headers_of(block)
        if headers.get("response", "Success") != "Success":
            raise CannotRecord(f"AMI: {headers.get('message', 'login refused')}")
        if headers.get("event") == "FullyBooted":
            return banner + b"\r\n", block + END, rest
        before += block
    return None


def connect(asterisk: Asterisk, username: str, secret: str, events: str) -> socket.socket:
    """Retries while Asterisk starts."""
    deadline = time.monotonic() + _START_S
    while True:
        try:
            made = socket.create_connection((asterisk.address, PORT), timeout=5)
            break
        except OSError as error:
            if time.monotonic() > deadline:
                raise CannotRecord(f"AMI does not answer: {error}\n{asterisk.logs()}") from error
            time.sleep(0.2)
    login = f"Action: Login\r\nUsername: {username}\r\nSecret: {secret}\r\nEvents: {events}\r\n\r\n"
    made.sendall(login.encode())
    return made


class Recorded:
    """A session that is recorded, logged in when it is made. ``pump`` is called while it waits."""

    def __init__(self, asterisk: Asterisk, pump: Callable[[], None], *, in_the_middle: bool) -> None:
        self._socket = connect(asterisk, LISTENER, asterisk.listener_secret, "on")
        self._socket.setblocking(False)
        self._came = b""
        self._in_the_middle = in_the_middle
        deadline = time.monotonic() + _START_S
        while split_login(self._came) is None:
            pump()
            self.read()
            if time.monotonic() > deadline:
                raise CannotRecord("AMI: no FullyBooted after the login")
        if in_the_middle:
            # What the listener of Callbridge asks for at each login.
            self._socket.sendall(b"Action: CoreShowChannels\r\n\r\n")

    def read(self) -> int:
        """Takes what has come; returns how much has in all."""
        try:
            while chunk := self._socket.recv(65536):
                self._came += chunk
        except BlockingIOError:
            pass
        return len(self._came)

    def has(self, text: bytes) -> bool:
        self.read()
        return text in self._came

    def trace(self) -> bytes:
        """As it came, from the first event of the scenario; in the middle of calls, from FullyBooted."""
        split = split_login(self._came)
        assert split is not None
        banner, booted, rest = split
        whole = rest[: rest.rfind(END) + len(END)] if END in rest else b""
        return banner + (booted if self._in_the_middle else b"") + whole

    def close(self) -> None:
        self._socket.close()


class Driver:
    """A session in which the script does what no phone does. It hears no events."""

    def __init__(self, asterisk: Asterisk) -> None:
        self._socket = connect(asterisk, DRIVER, asterisk.driver_secret, "off")
        self._rest = b""
        self._until("response", "Success")

    def ask(self, action: str, headers: Mapping[str, str] | None = None) -> dict[str, str]:
        lines = [f"Action: {action}", *(f"{name}: {value}" for name, value in (headers or {}).items())]
        self._socket.sendall("\r\n".join([*lines, "", ""]).encode())
        return self._until("response", "")

    def channels(self) -> int:
        self.ask("CoreShowChannels")
        return int(self._until("event", "CoreShowChannelsComplete")["listitems"])

    def hang_up_all(self) -> None:
        self.ask("Hangup", {"Channel": "/^.*$/"})

    def _until(self, name: str, value: str) -> dict[str, str]:
        while True:
            while END not in self._rest:
                chunk = self._socket.recv(65536)
                if not chunk:
                    raise CannotRecord("AMI closed the driver's session")
                self._rest += chunk
            block, _, self._rest = self._rest.partition(END)
            headers = headers_of(block)
            if name in headers and value in ("", headers[name]):
                return headers

    def close(self) -> None:
        self._socket.close()
