"""An application that is built when it is first needed."""

from __future__ import annotations

from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send


class LazyApp:
    """Stands for an application until the first request for it.

    connexion takes longer to import than the rest of the mock takes to start, and a mock whose requests are all
    ordinary never needs it.

    Args:
        build: Makes the application.
    """

    def __init__(self, build: Callable[[], ASGIApp]) -> None:
        self._build = build
        self._app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if self._app is None:
            self._app = self._build()
        await self._app(scope, receive, send)
