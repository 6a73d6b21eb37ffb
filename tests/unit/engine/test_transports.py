"""A connection that is given up: nothing of what was sent on it arrives later, with either event loop."""

import asyncio
import socket
from collections.abc import Callable

import pytest
import uvloop

from bridge.engine.transports import give_up


def received(peer: socket.socket) -> int:
    """Until the connection is reset, and not before its end."""
    count = 0
    try:
        while data := peer.recv(65536):
            count += len(data)
    except ConnectionResetError:
        return count
    raise AssertionError(f"it went on to its end, after {count} bytes")


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_what_the_kernel_still_has_is_not_sent(loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    async def given_up() -> int:
        """How many bytes a peer that reads again afterwards gets, of 4 MiB."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            transport, _ = await asyncio.get_running_loop().create_connection(
                asyncio.Protocol, *server.getsockname()
            )
            peer, _ = server.accept()
            with peer:
                peer.settimeout(5)
                transport.write(b"x" * 4 * 2**20)
                await asyncio.sleep(0.05)
                give_up(transport)
                give_up(transport)  # twice does no harm
                await asyncio.sleep(0.05)
                return received(peer)

    with asyncio.Runner(loop_factory=loop) as runner:
        assert runner.run(given_up()) < 2**20
