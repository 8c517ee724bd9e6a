"""The journal: every request to the contract's operations, noted when it arrives and completed when it is answered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Container
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from itertools import chain
from typing import Any

from ._bodies import BodyError, is_json, media_type, read_body
from ._clock import Clock
from ._http import Request
from ._metrics import Metrics
from ._redaction import Credentials
from ._state import State, StateUnavailableError, namespace_of

_BODY_KEPT = 64 * 1024
_PUBLISH_AFTER = 0.5  # Seconds from an answer until other processes know that it has been counted.
_PER_LINE = 1024  # What a line takes beside the bytes of its request.


class Entry:
    """One request in the journal. Kept as it came, and put in words only when somebody reads it."""

    def __init__(self, at: float, operation: str | None, request: Request, credentials: Credentials) -> None:
        self.id = ""
        self.operation = operation
        self.status = 0
        self.job = ""
        self._at = at
        self._began = time.perf_counter()
        self._seconds = 0.0
        self._request = request
        self._body_size = len(request.body)
        self._credentials = credentials
        if self._body_size > _BODY_KEPT:
            self._request = replace(request, body=b"")
        headers = sum(map(len, chain.from_iterable(request.raw_headers)))
        self.size = _PER_LINE + len(request.path) + len(request.raw_query) + headers + len(self._request.body)

    def answered(self, status: int) -> float:
        """Note the status that the request is answered with; the seconds since it arrived."""
        self.status = status
        self._seconds = time.perf_counter() - self._began
        return self._seconds

    @property
    def namespace(self) -> str:
        """Whose request it is."""
        namespace: str = self.arrival()["namespace"]
        return namespace

    def arrival(self) -> dict[str, Any]:
        """What is known when the request arrives, redacted, as JSON."""
        return self._arrival

    @cached_property
    def _arrival(self) -> dict[str, Any]:
        request, credentials = self._request, self._credentials
        return {
            "time": self._at,
            "namespace": namespace_of(credentials.owner(request)),
            "operation": self.operation,
            "method": request.method,
            "path": credentials.scrub(request.path, request),
            "query": credentials.query(request),
            "headers": credentials.headers(request),
            "body": credentials.scrub(_body(request), request),
            "bodyBytes": self._body_size,
            "status": None,
            "job": None,
            "seconds": None,
        }

    def outcome(self) -> dict[str, Any]:
        """What is known once it has been answered, as JSON; empty until then."""
        if not self.status:
            return {}
        return {"status": self.status, "job": self.job or None, "seconds": round(self._seconds, 6)}


class Journal:
    """Writes the journal.

    Args:
        state: Keeps it.
        credentials: Where requests carry keys.
        clock: Tells when requests arrive.
        metrics: Counts the answers.
        submits: The operations that start jobs, by operationId.
    """

    def __init__(
        self, state: State, credentials: Credentials, clock: Clock, metrics: Metrics, submits: Container[str]
    ) -> None:
        self._state = state
        self._credentials = credentials
        self._clock = clock
        self._metrics = metrics
        self._submits = submits
        self._publishing: asyncio.Task[None] | None = None

    async def arrived(self, operation: str | None, request: Request) -> Entry:
        """Note a request to an operation, or None where it found no operation."""
        entry = Entry(self._clock.now(), operation, request, self._credentials)
        await self._state.append(entry)
        return entry

    async def answered(self, entry: Entry, status: int) -> None:
        """Note what it is answered with."""
        self._metrics.count(entry.operation, status, entry.answered(status))
        if entry.job and entry.operation is not None and entry.operation in self._submits:
            self._metrics.count_job(entry.operation)
        await self._state.complete(entry)
        if self._state.shared and self._publishing is None:
            self._publishing = asyncio.create_task(self._publish())

    async def close(self) -> None:
        """Let go of what keeps the journal."""
        if self._publishing is not None:
            self._publishing.cancel()
        await self._state.close()

    async def _publish(self) -> None:
        await asyncio.sleep(_PUBLISH_AFTER)
        self._publishing = None
        with suppress(StateUnavailableError):  # The next answer tries again.
            await self._state.publish(self._metrics.snapshot())


def _body(request: Request) -> Any:
    """A body as JSON where it is JSON, else as text; None where there is none or it is too long to keep."""
    if not request.body:
        return None
    header = ", ".join(request.headers("content-type"))
    name, _ = media_type(header)
    if is_json(name):
        try:
            return read_body(request.body, name, header)
        except BodyError:
            pass
    return request.body.decode("utf-8", "replace")
