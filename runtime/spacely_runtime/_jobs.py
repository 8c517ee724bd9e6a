"""Jobs: what a submit returns, followed to its end by polling."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, TypeAlias, TypeVar, cast

from . import _clock, _download, errors
from ._defaults import FAILED_POLLS, MOST_RETRY_AFTER_SECONDS
from ._retry import retry_after

if TYPE_CHECKING:
    from ._operation import Answer, Operation, Polling
    from ._pace import Pace
    from .hooks import Hook

T = TypeVar("T")
State: TypeAlias = Literal["running", "succeeded", "failed"]

_PASSING_STATUSES: Final = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class JobUpdate(Generic[T]):
    """One look at a job.

    Attributes:
        job_id: The job's id.
        state: ``succeeded`` or ``failed`` where the contract's criteria say so, else ``running``: a status that
            the contract does not know is neither, and the wait goes on until its timeout.
        response: The parsed answer to the poll.
        polls: How many polls were sent up to this one.
        elapsed: Seconds since the wait began.
        result: What the job produced, where the contract says where it stands and the job has succeeded.
    """

    job_id: str
    state: State
    response: T
    polls: int
    elapsed: float
    result: Any = None


@dataclass(frozen=True, slots=True)
class Following:
    """How all jobs of one operation are followed.

    Attributes:
        pace: When to poll, learnt from the jobs before.
        polls_a_job: How many polls a job may take on average, at this moment.
        finished: Told how many polls a job took.
    """

    pace: Pace
    polls_a_job: Callable[[], float]
    finished: Callable[[int], None]


class _Wait(Generic[T]):
    """One wait for a job, without its I/O: says when to poll, and what an answer or a failure means."""

    def __init__(self, job: AnyJob, timeout: float | None) -> None:
        polling = job.polling
        self._job = job
        self._timeout = polling.timeout_seconds if timeout is None else timeout
        self._interval = polling.interval_seconds if job.interval is None else job.interval
        self._began = _clock.monotonic()
        self._running_at = 0.0
        self._asked_at = self._began
        self._next = self._began if job.submitted_at is None else max(self._began, self._planned(job.submitted_at))
        self._polls = 0
        self._failures = 0
        self._response: Any = None

    def _planned(self, last: float) -> float:
        """The moment of the next poll, after one at another moment, or after the submit."""
        job = self._job
        if job.interval is not None:
            return last + job.interval
        if job.submitted_at is None:  # Taken up again: how old it is, nobody knows.
            return last + self._interval
        following = job.following
        age = following.pace.next_age(last - job.submitted_at, following.polls_a_job())
        return job.submitted_at + age

    def pause(self) -> float:
        """Seconds until the next poll; raise JobTimeout when there is none left. The last is at the very end."""
        now = _clock.monotonic()
        end = self._began + self._timeout
        if self._polls and now >= end:
            message = (
                f"The job had not ended after {self._timeout:g} s and {self._polls} polls; it goes on, "
                f"take it up again with client.job({self._job.name!r}, {self._job.id!r})"
            )
            raise errors.JobTimeout(
                message, response=self._response, operation=self._job.operation.id, job_id=self._job.id
            )
        self._asked_at = max(now, min(self._next, end))
        return self._asked_at - now

    def answered(self, response: T, answer: Answer) -> JobUpdate[T]:
        """Note an answer and say what it means."""
        self._polls += 1
        self._failures = 0
        self._response = response
        state = self._job.state_of(answer)
        if state == "running":
            self._running_at = self._asked_at
            self._next = max(_clock.monotonic(), self._planned(self._asked_at))
        else:
            self._learn(state)
        read_result = self._job.polling.result
        return JobUpdate(
            job_id=self._job.id,
            state=state,
            response=response,
            polls=self._polls,
            elapsed=_clock.monotonic() - self._began,
            result=read_result(answer) if read_result is not None and state == "succeeded" else None,
        )

    def _learn(self, state: State) -> None:
        job = self._job
        job.following.finished(self._polls)
        if state == "succeeded" and job.submitted_at is not None:
            running_at = max(0.0, self._running_at - job.submitted_at)
            job.following.pace.finished(running_at, _clock.monotonic() - job.submitted_at)

    def failed(self, error: errors.ClientError) -> None:
        """Note a poll that failed; raise its error where another poll cannot mend it, or too many have failed."""
        self._polls += 1
        self._failures += 1
        if not _may_pass(error) or self._failures > FAILED_POLLS:
            raise error
        pause = self._interval * 2 ** (self._failures - 1)
        if isinstance(error, errors.StatusError):
            pause = max(pause, min(retry_after(error.headers) or 0.0, MOST_RETRY_AFTER_SECONDS))
        self._next = _clock.monotonic() + pause


def _may_pass(error: errors.ClientError) -> bool:
    if isinstance(error, errors.StatusError):
        return isinstance(error, errors.ServerError) or error.status_code in _PASSING_STATUSES
    return isinstance(error, (errors.TransportError, errors.InvalidResponse))


class AnyJob:
    """What the two kinds of job have in common."""

    def __init__(
        self,
        *,
        name: str,
        operation: Operation,
        job_id: str,
        interval: float | None,
        following: Following,
        hooks: tuple[Hook, ...] = (),
        submitted: Any = None,
        submitted_at: float | None = None,
    ) -> None:
        self.name = name
        self.operation = operation
        self.polling = cast("Polling", operation.polling)
        self.interval = interval
        self.following = following
        self._hooks = hooks
        self.submitted_at = submitted_at
        self._id = job_id
        self._submitted = submitted

    @property
    def id(self) -> str:
        """The job's id. Keep it: with it the job can be taken up again, in another process too."""
        return self._id

    @property
    def submitted(self) -> Any:
        """The parsed answer to the submit; None for a job that was taken up again."""
        return self._submitted

    def arguments(self) -> dict[str, Any]:
        """The arguments of the operation to poll."""
        return {**self.polling.constants, self.polling.parameter: self.polling.parse_id(self._id)}

    def state_of(self, answer: Answer) -> State:
        """What an answer to a poll says of the job."""
        if self.polling.succeeded(answer):
            return "succeeded"
        return "failed" if self.polling.failed(answer) else "running"

    def failure(self, update: JobUpdate[Any]) -> errors.JobFailed:
        """The error for a job that has failed."""
        return errors.JobFailed(
            "The job has failed, says the server", response=update.response, operation=self.operation.id, job_id=self.id
        )

    def watched(self, timeout: float | None) -> AbstractContextManager[None]:
        """What tells the hooks of a wait that is made inside of it."""
        if not self._hooks:
            return nullcontext()
        from ._watch import watched_wait  # Whoever has no hooks does without.

        return watched_wait(self._hooks, self, timeout)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name} {self.id}>"


class Job(AnyJob, Generic[T]):
    """A job that was submitted. It runs on the server, whether or not anybody waits for it."""

    def __init__(
        self,
        poll: Callable[[AnyJob], tuple[Any, Answer]],
        download: Callable[[str, Path, AnyJob], Path],
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self._poll = poll
        self._download = download

    def poll(self) -> T:
        """Ask once how the job stands.

        Returns:
            The parsed answer of the operation that the contract's Link names.

        Raises:
            ClientError: The poll failed; the job goes on, and ``job_id`` is on the error.
        """
        return cast("T", self._poll(self)[0])

    def updates(self, timeout: float | None = None) -> Iterator[JobUpdate[T]]:
        """Poll until the job has ended, at the pace the contract gives.

        Args:
            timeout: Seconds after which to give up; None is the contract's own.

        Yields:
            Each answer as it comes; the last one is of a job that has ended, well or badly.

        Raises:
            JobTimeout: The job had not ended in time.
            ClientError: A poll failed for good, or several in a row; a single failed one is repeated.
        """
        wait: _Wait[T] = _Wait(self, timeout)
        while True:
            _clock.sleep(wait.pause())
            try:
                update = wait.answered(*self._poll(self))
            except errors.ClientError as error:
                wait.failed(error)
                continue
            yield update
            if update.state != "running":
                return

    def wait(self, timeout: float | None = None, on_update: Callable[[JobUpdate[T]], object] | None = None) -> T:
        """Poll until the job has succeeded.

        Args:
            timeout: Seconds after which to give up; None is the contract's own.
            on_update: Called with each answer as it comes.

        Returns:
            The parsed answer to the last poll.

        Raises:
            JobFailed: The job has ended without a result.
            JobTimeout: The job had not ended in time; it goes on and can be taken up again.
            ClientError: A poll failed for good, or several in a row.
        """
        return self._finish(timeout, on_update).response

    def download(
        self,
        directory: str | Path,
        timeout: float | None = None,
        on_update: Callable[[JobUpdate[T]], object] | None = None,
    ) -> list[Path]:
        """Wait until the job has succeeded, then fetch the files its result names.

        Args:
            directory: Where to put them; made if need be. A file is named by the job's id and its number.
            timeout: Seconds to wait for the job; None is the contract's own.
            on_update: Called with each answer as it comes.

        Returns:
            The paths of the files, in the order of the result. Each is whole: a file appears under its name only
            when all of it is there. The API key is not sent along.

        Raises:
            DownloadError: A file could not be fetched or written, or the contract names no place for the result.
            JobFailed, JobTimeout, ClientError: As for ``wait``.
        """
        urls = _download.urls_of(self._finish(timeout, on_update), self)
        return [self._download(url, path, self) for url, path in _download.targets(urls, directory, self.id)]

    def _finish(self, timeout: float | None, on_update: Callable[[JobUpdate[T]], object] | None) -> JobUpdate[T]:
        last: JobUpdate[T] | None = None
        with self.watched(timeout):
            for last in self.updates(timeout):
                if on_update is not None:
                    on_update(last)
            update = cast("JobUpdate[T]", last)
            if update.state == "failed":
                raise self.failure(update)
            return update


class AsyncJob(AnyJob, Generic[T]):
    """A job that was submitted, for asyncio. It runs on the server, whether or not anybody waits for it."""

    def __init__(
        self,
        poll: Callable[[AnyJob], Awaitable[tuple[Any, Answer]]],
        download: Callable[[str, Path, AnyJob], Awaitable[Path]],
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self._poll = poll
        self._download = download

    async def poll(self) -> T:
        """Ask once how the job stands; see ``Job.poll``."""
        return cast("T", (await self._poll(self))[0])

    async def updates(self, timeout: float | None = None) -> AsyncIterator[JobUpdate[T]]:
        """Poll until the job has ended; see ``Job.updates``."""
        wait: _Wait[T] = _Wait(self, timeout)
        while True:
            await _clock.sleep_async(wait.pause())
            try:
                update = wait.answered(*await self._poll(self))
            except errors.ClientError as error:
                wait.failed(error)
                continue
            yield update
            if update.state != "running":
                return

    async def wait(
        self,
        timeout: float | None = None,
        on_update: Callable[[JobUpdate[T]], Awaitable[object] | object] | None = None,
    ) -> T:
        """Poll until the job has succeeded; see ``Job.wait``. ``on_update`` may be a coroutine function."""
        return (await self._finish(timeout, on_update)).response

    async def download(
        self,
        directory: str | Path,
        timeout: float | None = None,
        on_update: Callable[[JobUpdate[T]], Awaitable[object] | object] | None = None,
    ) -> list[Path]:
        """Wait until the job has succeeded, then fetch the files its result names; see ``Job.download``."""
        urls = _download.urls_of(await self._finish(timeout, on_update), self)
        targets = _download.targets(urls, directory, self.id)
        return [await self._download(url, path, self) for url, path in targets]

    async def _finish(
        self, timeout: float | None, on_update: Callable[[JobUpdate[T]], Awaitable[object] | object] | None
    ) -> JobUpdate[T]:
        last: JobUpdate[T] | None = None
        with self.watched(timeout):
            async for last in self.updates(timeout):
                outcome = on_update(last) if on_update is not None else None
                if inspect.isawaitable(outcome):
                    await outcome
            update = cast("JobUpdate[T]", last)
            if update.state == "failed":
                raise self.failure(update)
            return update
