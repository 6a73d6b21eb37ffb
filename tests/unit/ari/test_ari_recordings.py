"""The recorder's files: listed, fetched in chunks, deleted; and names that could lead elsewhere."""

import pytest

from bridge.ari import AriLink
from bridge.errors import BadInput, Gone
from tests.fakes.asterisk import FakeAsterisk

NAME = "ast1-1795430565.25-rec-1-in"


async def test_recordings(fake: FakeAsterisk, link: AriLink) -> None:
    content = bytes(range(256)) * 2000
    fake.recordings = {NAME: content, "folder/of somebody": b"x"}
    assert await link.list_recordings() == (NAME,)
    chunks = [chunk async for chunk in link.fetch_recording(NAME)]
    assert b"".join(chunks) == content
    assert len(chunks) > 1
    await link.delete_recording(NAME)
    await link.delete_recording(NAME)
    with pytest.raises(Gone):
        async for _ in link.fetch_recording(NAME):
            pass


@pytest.mark.parametrize("name", ["", "..", "../x", "a/b", "a..b", "-x", "x" * 201, "a\nb", "a%2fb"])
async def test_names_that_are_none(fake: FakeAsterisk, link: AriLink, name: str) -> None:
    with pytest.raises(BadInput):
        await link.delete_recording(name)
    with pytest.raises(BadInput):
        async for _ in link.fetch_recording(name):
            pass
    assert not [one for one in fake.requests if one.operation.startswith("recordings")]
