"""``callbridge replay``: what a recorded AMI trace says of its calls. The same follower as live."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from bridge.ami.call_events import CallEvent
from bridge.ami.follower import Follower
from bridge.ami.headers import MissingHeader, read
from bridge.ami.trace import entries
from bridge.errors import BadTrace


def replay(data: bytes | str | Iterable[bytes | str | Mapping[str, Any]]) -> Iterator[CallEvent]:
    """Every thing that happened to a call, in order; raises BadTrace naming the place of what is wrong."""
    follower = Follower()
    for entry in entries(data):
        try:
            message = read(entry.headers)
        except MissingHeader as error:
            if entry.cut:
                return
            raise BadTrace(f"{entry.place}: {error}") from error
        if message is not None:
            yield from follower.take(message)
