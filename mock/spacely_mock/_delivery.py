"""How an answer is sent where that is not at once and whole: late, slowly, or to a connection that is then reset."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ._directives import Dribble
from ._http import Reply

if TYPE_CHECKING:  # Nothing of the framework is needed to send a reply.
    from starlette.types import Receive, Scope, Send

Sleep: TypeAlias = Callable[[float], Coroutine[Any, Any, None]]
Cut: TypeAlias = Literal["before", "midway", "after"]

RESET = "spacely_mock.reset"
"""The extension of the ASGI scope in which the server puts a function that resets the connection."""
RECEIVE = "spacely_mock.receive"
"""Where in the scope stands what tells that the client has gone."""


class Interrupted(Exception):
    """There is no more to be sent: the connection is to be reset at ``cut``, or the client has gone (None)."""

    def __init__(self, cut: Cut | None) -> None:
        self.cut: Cut | None = cut
        super().__init__(cut)


@dataclass(frozen=True, slots=True)
class Delivery:
    """How an answer is sent.

    Attributes:
        sleep: Waits for a number of seconds.
        delay: How long the answer waits, in seconds.
        dribble: How slowly the body is sent.
        cut: Where the connection is reset.
    """

    sleep: Sleep
    delay: float = 0
    dribble: Dribble | None = None
    cut: Cut | None = None

    async def send(self, reply: Reply, scope: Scope, send: Send) -> None:
        """Send an answer; raise Interrupted where there is an end to it."""
        if self.delay:
            await self._wait(self.delay, scope)
        if self.cut == "before":
            raise Interrupted(self.cut)
        await send({"type": "http.response.start", "status": reply.status, "headers": list(reply.encoded_headers())})
        body = reply.body
        if self.cut == "midway":
            body = body[: len(body) // 2]
        if self.dribble is not None:
            size = self.dribble.size
            for start in range(0, len(body), size):
                await send({"type": "http.response.body", "body": body[start : start + size], "more_body": True})
                await self._wait(self.dribble.interval, scope)
            body = b""
        await send({"type": "http.response.body", "body": body, "more_body": self.cut == "midway"})
        if self.cut is not None:
            raise Interrupted(self.cut)

    async def _wait(self, seconds: float, scope: Scope) -> None:
        """Wait, but not for a client that has gone."""
        waiting = asyncio.create_task(self.sleep(seconds))
        gone = asyncio.create_task(_until_gone(scope[RECEIVE]))
        try:
            await asyncio.wait({waiting, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done():
                raise Interrupted(None)
        finally:
            waiting.cancel()
            gone.cancel()


async def reset(interrupted: Interrupted, scope: Scope, receive: Receive) -> None:
    """Reset the connection that a request came on.

    In process there is no connection. There httpx's own error is raised, which the caller gets as from a socket; after
    a whole answer nothing is, since the caller has it.
    """
    if interrupted.cut is None:
        return
    extensions: Mapping[str, Any] = scope.get("extensions") or {}
    reset_connection: Callable[[], None] | None = extensions.get(RESET)
    if reset_connection is not None:
        reset_connection()
        # Until the server knows that it has lost the client, it would take this for an answer never given.
        await _until_gone(receive)
    elif interrupted.cut != "after":
        # Imported here: only callers in process need it, and they have it.
        import httpx

        raise httpx.ReadError(f"The mock reset the connection: {interrupted.cut} its answer.")


async def _until_gone(receive: Callable[[], Awaitable[Any]]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def real_sleep(seconds: float) -> None:
    """Wait, as the machine's clock has it."""
    await asyncio.sleep(seconds)
