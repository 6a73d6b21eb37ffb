"""Taking the application from another process before we can serve it, so that no call falls between two.

From the moment of the claim, new calls wait in the application instead of going to the native queue; what
they and others did meanwhile is found when the link proper comes up.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bridge.ari.rest import Rest


@asynccontextmanager
async def claimed(url: str, username: str, password: str, app: str) -> AsyncIterator[None]:
    """The process that had the application is told ApplicationReplaced, and stops. Raises RemoteError."""
    rest = Rest(url, username, password)
    rest.open()
    try:
        socket = await rest.connect(app)
        try:
            yield
        finally:
            await socket.close()
    finally:
        await rest.close()
