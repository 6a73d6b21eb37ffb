"""A connection to Asterisk that is given up: what was sent on it must not be carried out later."""

import asyncio
import socket
import struct
from typing import cast

_NOTHING_LINGERS = struct.pack("ii", 1, 0)


def give_up(transport: asyncio.Transport) -> None:
    """End it at once, both ways.

    Without SO_LINGER the kernel would go on sending what it has, for minutes: an order of which we have said
    that it failed would come to Asterisk when a cut cable is mended.
    """
    if not transport.is_closing():
        own = cast("socket.socket", transport.get_extra_info("socket"))
        own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NOTHING_LINGERS)
    transport.abort()
