"""Owns handing out a recording's bytes, whole or in ranges so that a player can seek (RFC 9110 14).

From its file where that is plain, from memory where it had to be decrypted. Who may have it is asked before.
"""

from http import HTTPStatus
from pathlib import Path

import structlog
from aiohttp import hdrs, web

from bridge.config.keyfile import KeyUnusable
from bridge.crm.sealing import Damaged
from bridge.crm.vault import Content, Missing, Vault, format_of
from bridge.store import Store
from bridge.store.rows import RecordingRow
from bridge.web.labels import N_
from bridge.web.problems import Problem, not_found
from bridge.web.rendering import slug

log = structlog.get_logger(__name__)
_BLOCK = 256 * 1024


async def hand_out(
    request: web.Request, store: Store, vault: Vault, recording: RecordingRow, *, download: bool
) -> web.StreamResponse:
    recording, opened = await _opened(store, vault, recording)
    form = format_of(recording.file)
    kind = "attachment" if download else "inline"
    headers = {
        "Content-Type": form.media_type,
        "Content-Disposition": f'{kind}; filename="{slug(recording.id)}.{form.value}"',
        "Cache-Control": "private, no-cache",
    }
    if isinstance(opened, Path):
        return web.FileResponse(opened, headers=headers)
    return await _from_memory(request, opened, headers, recording.stored_sha256 or "")


async def _opened(store: Store, vault: Vault, recording: RecordingRow) -> tuple[RecordingRow, Path | Content]:
    """The row may be a moment old: where its file is gone by now, another one took its place."""
    again = True
    while True:
        _demand_it_is_there(recording)
        try:
            return recording, await vault.opened(recording.file, recording.stored_sha256 or "")
        except Missing as error:
            async with store.view() as unit:
                now = await unit.recordings.get(recording.id)
            if again and now is not None and now != recording:
                recording, again = now, False
                continue
            _told(recording, error)
            raise not_found(N_("The recording's file is missing from the recordings directory.")) from None
        except (KeyUnusable, Damaged, OSError) as error:
            _told(recording, error)
            # Where the key lies is the engineer's business alone.
            message = (
                N_("The recording is damaged on disk. Ask the engineer to restore it from a backup.")
                if isinstance(error, Damaged)
                else N_("The recording cannot be opened now. The engineer finds the reason in the log.")
            )
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, message) from None


def _demand_it_is_there(recording: RecordingRow) -> None:
    if recording.removed_at is not None:
        raise Problem(
            HTTPStatus.GONE,
            N_("The recording was removed on %(day)s: recordings are kept for a limited time."),
            values={"day": f"{recording.removed_at:%Y-%m-%d}"},
        )
    if recording.state != "attached" or not recording.file:
        raise not_found(N_("The recording is not there yet; it is fetched soon after the call."))


def _told(recording: RecordingRow, error: Exception) -> None:
    log.error(
        "recording not handed out",
        action="recording",
        call_id=recording.call,
        recording_id=recording.id,
        reason=str(error),
    )


async def _from_memory(
    request: web.Request, content: Content, headers: dict[str, str], checksum: str
) -> web.StreamResponse:
    response = web.StreamResponse(headers=headers)
    response.etag = checksum
    response.headers[hdrs.ACCEPT_RANGES] = "bytes"
    if checksum and any(tag.value in (checksum, "*") for tag in request.if_none_match or ()):
        response.set_status(HTTPStatus.NOT_MODIFIED)
        await response.prepare(request)
        return response
    first, end = _range(request, len(content), checksum)
    if (first, end) != (0, len(content)):
        response.set_status(HTTPStatus.PARTIAL_CONTENT)
        response.headers[hdrs.CONTENT_RANGE] = f"bytes {first}-{end - 1}/{len(content)}"
    response.content_length = end - first
    await response.prepare(request)
    if request.method != hdrs.METH_HEAD:
        for at in range(first, end, _BLOCK):
            await response.write(content[at : min(at + _BLOCK, end)])
    await response.write_eof()
    return response


def _range(request: web.Request, length: int, checksum: str) -> tuple[int, int]:
    """From where to where. Raises what tells the client that there is nothing there."""
    condition = request.headers.get(hdrs.IF_RANGE)
    if condition is not None and condition != f'"{checksum}"':
        return 0, length
    try:
        asked = request.http_range
    except ValueError:
        asked = slice(length, None, 1)
    first, end = asked.start, asked.stop
    if first is None and end is None:
        return 0, length
    first = max(0, length + first) if first is not None and first < 0 else first or 0
    end = length if end is None else min(end, length)
    if first >= end:
        raise Problem(
            HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
            N_("There is no such part of the recording."),
            headers={hdrs.CONTENT_RANGE: f"bytes */{length}"},
        )
    return first, end
