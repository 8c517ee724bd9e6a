"""Hooks: what a client tells of its calls, and to whom.

A hook is an object with methods of ``Hook``; what it has, it is told. Hooks watch and change nothing: what
they raise is logged and goes no further, so that a mistake in one loses no answer. They are called where the call is
made, in its thread or event loop, so they should not block. No event holds an API key.
"""

from __future__ import annotations

import logging
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from . import errors

LOGGER: Final = logging.getLogger("spacely_runtime")

__all__ = [
    "CallEvent",
    "DownloadAttemptEvent",
    "DownloadEvent",
    "Hook",
    "LoggingHook",
    "RequestEvent",
    "ResponseEvent",
    "WaitEvent",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEvent:
    """One call of an operation, with all its attempts.

    Attributes:
        operation: The operationId.
        method: The HTTP method, in upper case.
        path: The operation's path template.
        url: Where the call goes, without the API key and without credentials.
        job_id: The id of the job the call is about, where there is one already.
    """

    operation: str
    method: str
    path: str
    url: str
    job_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestEvent(CallEvent):
    """One attempt that is about to be sent.

    Attributes:
        attempt: Its number, from 1.
    """

    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseEvent(RequestEvent):
    """What one attempt ended in.

    Attributes:
        submitted: Whether it started a job, which is then the one of ``job_id``.
        status_code: The status of the answer; None where none came.
        elapsed: Seconds from sending the request to having read the answer.
        error: What the attempt ended in where it was no success, else None. Another attempt may follow.
    """

    submitted: bool
    status_code: int | None
    elapsed: float
    error: errors.ClientError | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitEvent:
    """One wait for a job, with all its polls.

    Attributes:
        operation: The operationId of the submit.
        job_id: The job's id.
        timeout: Seconds after which the wait ends.
    """

    operation: str
    job_id: str
    timeout: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadEvent:
    """The download of one file of a result, with all its attempts.

    Attributes:
        operation: The operationId of the submit.
        job_id: The job's id.
        url: Where the file is, without the query, which may hold a signature, and without credentials.
        path: Where it is to be.
    """

    operation: str
    job_id: str
    url: str
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadAttemptEvent(DownloadEvent):
    """What one attempt at a download ended in.

    Attributes:
        attempt: Its number, from 1.
        status_code: The status of the answer, of the last one where it led elsewhere; None where none came.
        received: How many bytes of the file came.
        elapsed: Seconds from sending the request to having the file.
        error: What the attempt ended in where it was no success, else None. Another attempt may follow.
    """

    attempt: int
    status_code: int | None
    received: int
    elapsed: float
    error: errors.DownloadError | None


class Hook:
    """What a client tells of its calls. Override what you want to know."""

    def on_call(self, event: CallEvent, /) -> AbstractContextManager[object] | None:
        """Called when a call begins; a context manager that is returned is entered, and left when the call ends."""

    def on_request(self, event: RequestEvent, /) -> None:
        """Called before each attempt is sent."""

    def on_response(self, event: ResponseEvent, /) -> None:
        """Called after each attempt, whatever it ended in."""

    def on_wait(self, event: WaitEvent, /) -> AbstractContextManager[object] | None:
        """Called when ``wait`` or ``download`` begins to wait for a job; as for ``on_call``."""

    def on_download(self, event: DownloadEvent, /) -> AbstractContextManager[object] | None:
        """Called when the download of a file begins; as for ``on_call``."""

    def on_download_attempt(self, event: DownloadAttemptEvent, /) -> None:
        """Called after each attempt at a download, whatever it ended in."""


METHODS: Final = tuple(name for name in vars(Hook) if name.startswith("on_"))


class LoggingHook(Hook):
    """Logs each attempt at a call or a download: an accepted submit and a failed attempt at INFO, all else at DEBUG.

    Each record has ``operation`` and ``job_id`` as attributes, too.

    Args:
        logger: Where to log to; ``spacely_runtime`` by default.
    """

    def __init__(self, logger: logging.Logger = LOGGER) -> None:
        self._logger = logger

    def on_request(self, event: RequestEvent, /) -> None:
        """Log that an attempt is sent."""
        self._log(logging.DEBUG, event, "%s %s: attempt %d", event.method, event.url, event.attempt)

    def on_response(self, event: ResponseEvent, /) -> None:
        """Log what came of it."""
        if event.error is not None:
            self._log(
                logging.INFO,
                event,
                "%s %s: attempt %d failed after %.3f s: %s: %s",
                *(event.method, event.url, event.attempt, event.elapsed, type(event.error).__name__, event.error),
            )
            return
        self._log(
            logging.INFO if event.submitted else logging.DEBUG,
            event,
            "%s %s: %s after %.3f s%s",
            *(event.method, event.url, event.status_code, event.elapsed),
            f", job {event.job_id}" if event.job_id else "",
        )

    def on_download_attempt(self, event: DownloadAttemptEvent, /) -> None:
        """Log what came of it."""
        if event.error is not None:
            self._log(
                logging.INFO,
                event,
                "GET %s: attempt %d failed after %.3f s and %d bytes: %s",
                *(event.url, event.attempt, event.elapsed, event.received, event.error),
            )
            return
        values = event.url, event.status_code, event.elapsed, event.received, event.path
        self._log(logging.DEBUG, event, "GET %s: %s after %.3f s, %d bytes in %s", *values)

    def _log(self, level: int, event: CallEvent | DownloadEvent, message: str, *values: object) -> None:
        self._logger.log(level, message, *values, extra={"operation": event.operation, "job_id": event.job_id})
