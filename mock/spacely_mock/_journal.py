"""The journal: every request to the contract's operations, noted when it arrives and completed when it is answered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Container
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from typing import Any

from ._bodies import BodyError, is_json, media_type, read_body
from ._clock import Clock
from ._http import Reply, Request
from ._metrics import Metrics
from ._redaction import Credentials, scrub
from ._state import Hit, MemoryState, State, StateUnavailableError, namespace_of

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
        self.wait: float | None = None
        self._at = at
        self._began = time.perf_counter()
        self._seconds = 0.0
        self._request = request
        self._body_size = len(request.body)
        self._credentials = credentials
        if self._body_size > _BODY_KEPT:
            self._request = replace(request, body=b"")
        sent = len(request.path) + len(request.raw_query) + request.head_size + len(self._request.body)
        self.size = _PER_LINE + sent

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
        secret = credentials.secret(request)
        return {
            "time": self._at,
            "namespace": namespace_of(credentials.owner(request)),
            "operation": self.operation,
            "method": request.method,
            "path": scrub(request.path, secret),
            "query": credentials.query(request, secret),
            "headers": credentials.headers(request, secret),
            "body": credentials.body(_body(request), secret),
            "bodyBytes": self._body_size,
            "status": None,
            "job": None,
            "seconds": None,
        }

    def outcome(self) -> dict[str, Any]:
        """What is known once it has been answered, or has started a job, as JSON; empty until then."""
        if not self.status:
            return {"job": self.job} if self.job else {}
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
        self._at_hand = state if isinstance(state, MemoryState) else None
        self._credentials = credentials
        self._clock = clock
        self._metrics = metrics
        self._submits = submits
        self._publishing: asyncio.Task[None] | None = None

    @property
    def is_at_hand(self) -> bool:
        """Whether it is kept in this process, so that nothing has to be waited for."""
        return self._at_hand is not None

    async def arrived(
        self, operation: str | None, request: Request, *, rules_of: str | None = None, hit: Hit | None = None
    ) -> Entry:
        """Note a request to an operation, or None where it found no operation.

        Args:
            operation: The operationId.
            request: The request.
            rules_of: A namespace whose rules the state is to know from then on.
            hit: A call of that namespace to count besides; the entry is told its wait.
        """
        entry = self.entry(operation, request)
        await self._state.append(entry, rules_of=rules_of, hit=hit)
        return entry

    async def answered(self, entry: Entry, status: int) -> None:
        """Note what it is answered with."""
        self._count(entry, status)
        await self._state.complete(entry)
        if self._state.shared and self._publishing is None:
            self._publishing = asyncio.create_task(self._publish())

    async def unanswered(self, entry: Entry) -> None:
        """Note that it gets no answer: a job that it has started is there all the same."""
        self._count_job(entry)
        await self._state.complete(entry)

    def entry(self, operation: str | None, request: Request) -> Entry:
        """An entry for a request that has just come. It has yet to be noted."""
        return Entry(self._clock.now(), operation, request, self._credentials)

    def note(self, entry: Entry, reply: Reply) -> None:
        """Note a request and what it is answered with at once, in a journal that is at hand."""
        assert self._at_hand is not None  # noqa: S101 - see is_at_hand
        entry.job = reply.job
        self._count(entry, reply.status)
        self._at_hand.append_at_once(entry)

    def _count(self, entry: Entry, status: int) -> None:
        self._metrics.count(entry.operation, status, entry.answered(status))
        if entry.job:
            self._count_job(entry)

    def _count_job(self, entry: Entry) -> None:
        if entry.job and entry.operation is not None and entry.operation in self._submits:
            self._metrics.count_job(entry.operation)

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
