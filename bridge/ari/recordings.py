"""The recorder's files on Asterisk, over ARI's stored recordings. Owns their names, not what is in them."""

import re
from collections.abc import AsyncIterator, Sequence

from bridge.ari import models
from bridge.ari.rest import Rest
from bridge.errors import BadInput, Gone

# A name is a path below Asterisk's recording spool: ours are RECORDINGID-in and RECORDINGID-out.
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}")


async def list_recordings(rest: Rest) -> Sequence[str]:
    """Names that are none of ours (other people's folders and the like) are left out."""
    stored = await rest.get(list[models.StoredRecording], "recordings.listStored")
    return tuple(sorted({one.name for one in stored if _NAME.fullmatch(one.name)}))


async def fetch_recording(rest: Rest, name: str) -> AsyncIterator[bytes]:
    async for chunk in rest.stream("recordings.getStoredFile", _checked(name)):
        yield chunk


async def delete_recording(rest: Rest, name: str) -> None:
    """Deleting what is gone is done already."""
    try:
        await rest.call("recordings.deleteStored", _checked(name))
    except Gone:
        return


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name) or ".." in name:
        raise BadInput(f"{name!r:.120} is no name of a recording; only letters, digits, '_', '.' and '-'")
    return name
