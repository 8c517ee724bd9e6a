"""Lets an application reset the connection that a request came on."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from typing import TYPE_CHECKING, Any

from ._delivery import RESET

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

_NO_LINGER = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)


def resettable(protocol: type[asyncio.Protocol]) -> type[asyncio.Protocol]:
    """An HTTP protocol of uvicorn's that puts into each scope a function that resets the connection."""
    base: Any = protocol

    class Resettable(base):  # type: ignore[misc] # which of two it is depends on what is installed
        app: Any

        def connection_made(self, transport: asyncio.Transport) -> None:
            super().connection_made(transport)  # pyright: ignore[reportUnknownMemberType] - it is known when it runs
            app = self.app

            def reset() -> None:
                connection = transport.get_extra_info("socket")
                # Closed without lingering, a connection ends with a reset in place of an orderly end.
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
                transport.abort()

            def extended(scope: Scope, receive: Receive, send: Send) -> Any:
                async def send_while_open(message: Message) -> None:
                    try:
                        await send(message)
                    except RuntimeError:
                        # Of several requests in a row, uvicorn tells only the last that the client has gone.
                        if not transport.is_closing():
                            raise

                scope["extensions"] = {**scope.get("extensions", {}), RESET: reset}
                return app(scope, receive, send_while_open)

            self.app = extended

    return Resettable
