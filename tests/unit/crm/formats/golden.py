"""What each format sends of each story, as text that people can read: the files in golden/.

``python -m tests.unit.crm.formats.golden`` writes them anew. Do that only to change what goes over the wire,
and read the difference as a receiver would.
"""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

import msgspec

from bridge.crm.formats import Target, Upload
from bridge.crm.formats.known import FORMATS
from bridge.crm.outside import Request, Response
from tests.fakes.call_stories import stories

FILES = Path(__file__).parent / "golden"
_PORTAL = "https://example.bitrix24.ru/rest"
_TOKENS = b'{"access_token":"ACCESS","refresh_token":"REFRESH","client_id":"app.1","client_secret":"SECRET"}'
TARGETS = {
    "standard": Target("https://crm.example.org/hook", b"whsec_" + b"c2VjcmV0" * 4),
    "zammad": Target(
        "https://zammad.example.org/api/v1/cti/{secret}", b"TOKEN", {"own_number": "493023125741"}
    ),
    "sipgate": Target(
        "https://crm.example.org/sipgate", b"", {"own_number": "493023125741", "account": "1234567w"}
    ),
    "placetel": Target(
        "https://crm.example.org/placetel",
        b"12345",
        {"own_number": "493023125741", "peer_domain": "pbx.example.org"},
    ),
    # A recording that is sent takes two requests more: test_stories_bitrix24.py has them.
    "bitrix24": Target(
        _PORTAL, _TOKENS, {"user": "1", "users": "1001=7,1002=9", "line": "3", "record": "url"}
    ),
    "voys": Target("https://crm.example.org/voys", b"", {"own_number": "+493023125741"}),
}
_SUBSCRIBED = (
    b'<Response onAnswer="https://crm.example.org/answer" onHangup="https://crm.example.org/hangup"/>'
)
_REPLIES = {
    "standard": b"",
    "zammad": b"{}",
    "sipgate": _SUBSCRIBED,
    "placetel": b"",
    "bitrix24": b'{"result":{"CALL_ID":"externalCall.716f.1772442000"}}',
    "voys": b"",
}


def names() -> Iterator[tuple[str, str]]:
    for name in FORMATS:
        for story in stories():
            yield name, story


def rendered(name: str, story: str) -> str:
    """The story's events, and below each the requests that tell it."""
    format_, target = FORMATS[name], TARGETS[name]
    state: dict[str, str] = {}
    lines = [f"# {name}, {story}"]
    for told in stories()[story]:
        about = f" {told.agent.name}" if told.agent else ""
        lines += ["", f"## {told.type}{about}"]
        for step in range(10):
            request = format_.request(told, target, state, step, told.at + timedelta(seconds=1))
            if request is None:
                break
            lines += ["", *_lines(request)]
            reply = format_.reply(told, target, state, step, Response(200, {}, _REPLIES[name]))
            assert reply.accepted, reply
            state = dict(reply.state) if reply.state is not None else state
    return "\n".join(lines) + "\n"


def _lines(request: Request) -> Iterator[str]:
    assert not isinstance(request, Upload)
    yield f"{request.method} {request.url}"
    for name, value in request.headers.items():
        yield f"{name}: {value}"
    yield ""
    if request.headers["Content-Type"] == "application/json":
        yield msgspec.json.format(request.body, indent=2).decode()
        assert msgspec.json.format(request.body, indent=-1) == request.body  # nothing is lost in the writing
    else:
        pairs = parse_qsl(request.body.decode())
        assert urlencode(pairs).encode() == request.body
        yield from (f"{name}={value}" for name, value in pairs)


def file_of(name: str, story: str) -> Path:
    return FILES / name / f"{story}.txt"


def main() -> None:
    for name, story in names():
        path = file_of(name, story)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(rendered(name, story), encoding="utf-8")


if __name__ == "__main__":
    main()
