"""The mock made anew whenever the file of its contract changes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from spacely_spec import Spec, SpecError, load

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from ._http import Application, Request

_INTERVAL = 0.5
_SETTLE = 0.05  # Seconds that a file stays as it is once it has been written whole.


class Reloading:
    """An ASGI application that follows a contract's file.

    A request is answered to its end by the application that it came to. Where the file cannot be used, the
    application before it goes on.

    Args:
        spec: The contract as it is now.
        make: Makes an application of a contract. What has to outlive a change (the secret of job ids, the state that
            requests share, the clock) is the same each time.
        on_change: Called with what ``watch`` was given, and the new contract once it is served, or what is wrong with
            a file that cannot be used.
    """

    def __init__(
        self,
        spec: Spec,
        make: Callable[[Spec], Application],
        on_change: Callable[[str, Spec | SpecError], None],
    ) -> None:
        self._path = Path(spec.path)
        self._make = make
        self._on_change = on_change
        self._seen: bytes | None = spec.source
        self._app = make(spec)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        await self._app(scope, receive, send)

    def answer_at_once(self, request: Request, server_headers: Sequence[tuple[bytes, bytes]]) -> bytes | None:
        """Answer an ordinary request without waiting for anything; None for any other. See Application."""
        return self._app.answer_at_once(request, server_headers)

    def watch(self, where: str) -> None:
        """Look at the file from now on, in a thread of its own.

        Args:
            where: The URL under which the application is served.
        """
        threading.Thread(target=self._watch, args=(where,), daemon=True).start()

    def _watch(self, where: str) -> None:
        while True:
            time.sleep(_INTERVAL)
            source = _read(self._path)
            if source == self._seen:
                continue
            time.sleep(_SETTLE)
            if source == _read(self._path):  # It is not being written just now.
                self._seen = source
                self._on_change(where, self._changed())

    def _changed(self) -> Spec | SpecError:
        try:
            spec = load(self._path)
            self._app = self._make(spec)
        except SpecError as error:
            return error
        return spec


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None
