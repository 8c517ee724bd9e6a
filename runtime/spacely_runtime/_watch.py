"""Telling the hooks: of one call, one wait or one download. Nothing that a hook raises gets any further."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from . import _clock, errors
from .hooks import (
    LOGGER,
    CallEvent,
    DownloadAttemptEvent,
    DownloadEvent,
    Hook,
    RequestEvent,
    ResponseEvent,
    WaitEvent,
)

if TYPE_CHECKING:
    from ._jobs import AnyJob

_FAILED = "A hook failed; the call goes on"


class Watch:
    """Tells the hooks of one call.

    Args:
        hooks: The hooks.
        **call: The members of ``CallEvent``.
    """

    def __init__(self, hooks: tuple[Hook, ...], **call: Any) -> None:
        self._hooks = hooks
        self._call = call
        self._about = {"operation": call["operation"], "job_id": call["job_id"]}
        self._entered = _Entered(self._about)
        self._sent_at: float | None = None

    def __enter__(self) -> Self:
        event = CallEvent(**self._call)
        for hook in self._hooks:
            self._entered.enter(hook, "on_call", event)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._entered.leave(kind, error, traceback)

    def sending(self, attempt: int) -> None:
        """Tell that an attempt is about to be sent."""
        event = RequestEvent(**self._call, attempt=attempt)
        _tell_each(self._hooks, "on_request", event, self._about)
        self._sent_at = _clock.monotonic()

    def answered(self, attempt: int, status_code: int, started: str | None) -> None:
        """Tell that it was a success, and the id of the job that it started, if it started one."""
        self._ended(attempt, status_code, started or self._call["job_id"], None, submitted=started is not None)

    def failed(self, error: errors.ClientError) -> None:
        """Tell that it was none."""
        self._ended(error.attempts, getattr(error, "status_code", None), error.job_id, error, submitted=False)

    def _ended(
        self,
        attempt: int,
        status_code: int | None,
        job_id: str | None,
        error: errors.ClientError | None,
        *,
        submitted: bool,
    ) -> None:
        call: dict[str, Any] = {**self._call, "job_id": job_id}
        event = ResponseEvent(
            **call,
            attempt=attempt,
            submitted=submitted,
            status_code=status_code,
            elapsed=0.0 if self._sent_at is None else _clock.monotonic() - self._sent_at,
            error=error,
        )
        self._sent_at = None
        self._about["job_id"] = job_id
        _tell_each(self._hooks, "on_response", event, self._about)


class DownloadWatch:
    """Tells the hooks of one download.

    Args:
        hooks: The hooks.
        **download: The members of ``DownloadEvent``.
    """

    def __init__(self, hooks: tuple[Hook, ...], **download: Any) -> None:
        self._hooks = hooks
        self._download = download
        self._about = {"operation": download["operation"], "job_id": download["job_id"]}
        self._entered = _Entered(self._about)

    def __enter__(self) -> Self:
        event = DownloadEvent(**self._download)
        for hook in self._hooks:
            self._entered.enter(hook, "on_download", event)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._entered.leave(kind, error, traceback)

    def attempted(self, **attempt: Any) -> None:
        """Tell what an attempt ended in: the other members of ``DownloadAttemptEvent``."""
        event = DownloadAttemptEvent(**self._download, **attempt)
        _tell_each(self._hooks, "on_download_attempt", event, self._about)


@contextmanager
def watched_wait(hooks: tuple[Hook, ...], job: AnyJob, timeout: float | None) -> Generator[None]:
    """Tell the hooks of one wait."""
    seconds = job.polling.timeout_seconds if timeout is None else timeout
    event = WaitEvent(operation=job.operation.id, job_id=job.id, timeout=seconds)
    entered = _Entered({"operation": event.operation, "job_id": event.job_id})
    for hook in hooks:
        entered.enter(hook, "on_wait", event)
    try:
        yield
    except BaseException as error:
        entered.leave(type(error), error, error.__traceback__)
        raise
    entered.leave(None, None, None)


class _Entered:
    """The context managers of hooks, entered and left like those of one ``with``; none of them holds anything up.

    Args:
        about: What a failure's record is to have as attributes.
    """

    def __init__(self, about: Mapping[str, str | None]) -> None:
        self._about = about
        self._contexts: list[AbstractContextManager[object]] = []

    def enter(self, hook: Hook, method: str, event: object) -> None:
        with _harmless(self._about):
            context: AbstractContextManager[object] | None = _told(hook, method, event)
            if context is not None:
                context.__enter__()
                self._contexts.append(context)

    def leave(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        while self._contexts:
            context = self._contexts.pop()
            try:
                context.__exit__(kind, error, traceback)
            except Exception as raised:  # noqa: BLE001 - a hook may raise anything
                if raised is not error:  # What it was left with, it may raise again: that is not its own.
                    LOGGER.exception(_FAILED, extra=self._about)


def _tell_each(hooks: tuple[Hook, ...], method: str, event: object, about: Mapping[str, str | None]) -> None:
    for hook in hooks:
        with _harmless(about):
            _told(hook, method, event)


def _told(hook: Hook, method: str, event: object) -> Any:
    """What a hook answers; None where it has no such method, as one that is no subclass of Hook may."""
    tell = getattr(hook, method, None)
    return None if tell is None else tell(event)


@contextmanager
def _harmless(about: Mapping[str, str | None]) -> Generator[None]:
    try:
        yield
    except Exception:  # noqa: BLE001 - a hook may raise anything
        LOGGER.exception(_FAILED, extra=about)
