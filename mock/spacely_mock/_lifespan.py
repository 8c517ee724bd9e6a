"""The lifespan of an ASGI application: it begins and ends with the server that serves it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.types import Receive, Send


async def live(receive: Receive, send: Send, end: Callable[[], Awaitable[None]]) -> None:
    """Serve a lifespan connection.

    Args:
        receive: Gives the server's messages.
        send: Takes the answers to them.
        end: Called when the server stops.
    """
    ends = False
    while not ends:
        message = await receive()
        ends = message["type"] == "lifespan.shutdown"
        if ends:
            await end()
        await send({"type": message["type"] + ".complete"})
