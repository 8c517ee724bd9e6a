"""Jobs: what a submit returns, followed to its end by polling."""

from __future__ import annotations

import inspect
import logging
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from . import _clock, errors
from ._download import targets, urls_of
from ._log import log
from ._operation import Answer
from ._wait import JobUpdate, NoTurn, Wait
from ._wire import parse_json

if TYPE_CHECKING:
    from ._operation import Operation, Polling
    from ._progress import OnProgress
    from ._wait import Following, State
    from ._watch import DownloadWatch
    from .hooks import Hook

T = TypeVar("T")


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
        redact: Callable[[str], str] = str,
        submitted: Any = None,
        submitted_at: float | None = None,
    ) -> None:
        self.name = name
        self.operation = operation
        self.polling = cast("Polling", operation.polling)
        self.interval = interval
        self.following = following
        self._hooks = hooks
        self.redact = redact  # Takes the key out of a text.
        self.kept = False  # Whether somebody keeps the id, so that nobody is to be told of it when a wait ends early.
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

    def failure(self, response: Any) -> errors.JobFailed:
        """The error for a job that has failed, given the answer that says so."""
        return errors.JobFailed(
            "The job has failed, says the server", response=response, operation=self.operation.id, job_id=self.id
        )

    def check_failure(self, error: errors.InvalidResponse) -> None:
        """Raise JobFailed where an answer breaks the contract, and yet says that the job has failed."""
        with suppress(ValueError):
            body = parse_json(error.body.encode())
            if self.polling.failed(Answer(error.status_code, {}, body)):
                raise self.failure(body) from error

    @contextmanager
    def kept_in_mind(self) -> Generator[None]:
        """Write the job's id on what ends the block and has no place for it: a cancellation, or the caller's error."""
        try:
            yield
        except errors.ClientError:
            raise
        except BaseException as error:
            error.add_note(f"The job {self.id} goes on; take it up again with client.job({self.name!r}, {self.id!r})")
            if not isinstance(error, Exception) and not self.kept:
                log(logging.WARNING, "Nobody waits for the job now", operation=self.operation.id, job_id=self.id)
            raise

    def watched(self, timeout: float | None) -> AbstractContextManager[None]:
        """What tells the hooks of a wait that is made inside of it."""
        if not self._hooks:
            return nullcontext()
        from ._watch import watched_wait  # Whoever has no hooks does without.

        return watched_wait(self._hooks, self, timeout)

    def download_watch(self, url: str, path: Path) -> DownloadWatch | None:
        """What tells the hooks of the download of a file; None where there are none."""
        if not self._hooks:
            return None
        from ._watch import DownloadWatch

        return DownloadWatch(self._hooks, operation=self.operation.id, job_id=self.id, url=url, path=path)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name} {self.id}>"


class Job(AnyJob, Generic[T]):
    """A job that was submitted. It runs on the server, whether or not anybody waits for it."""

    def __init__(
        self,
        poll: Callable[[AnyJob, float], tuple[Any, Answer]],
        download: Callable[[str, Path, AnyJob, OnProgress | None], Path],
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
        return cast("T", self._poll(self, math.inf)[0])

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
        wait: Wait[T] = Wait(self, timeout)
        try:
            while True:
                try:
                    with self.kept_in_mind():
                        while pause := wait.pause():
                            _clock.sleep(pause)
                        update = wait.answered(*self._poll(self, wait.until))
                except errors.JobTimeout:
                    raise
                except NoTurn:
                    wait.gave_up()
                    continue
                except errors.ClientError as error:
                    wait.failed(error)
                    continue
                yield update
                if update.state != "running":
                    return
        finally:
            wait.close()

    def wait(self, timeout: float | None = None, on_update: Callable[[JobUpdate[T]], object] | None = None) -> T:
        """Poll until the job has succeeded.

        Args:
            timeout: Seconds after which to give up; None is the contract's own.
            on_update: Called with each answer as it comes. What it raises ends the wait, and is raised as it is, with
                a note that names the job.

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
        on_progress: OnProgress | None = None,
    ) -> list[Path]:
        """Wait until the job has succeeded, then fetch the files its result names.

        Args:
            directory: Where to put them; made if need be. A file is named by the job's id and its number.
            timeout: Seconds to wait for the job; None is the contract's own.
            on_update: Called with each answer as it comes.
            on_progress: Called with each piece of a file as it comes, with how far the file is; it should be quick.
                What it raises ends the download, as for ``on_update``.

        Returns:
            The paths of the files, in the order of the result. Each is whole: a file appears under its name only
            when all of it is there. The API key is not sent along.

        Raises:
            DownloadError: A file could not be fetched or written, or the contract names no place for the result.
            JobFailed, JobTimeout, ClientError: As for ``wait``.
        """
        named = targets(urls_of(self._finish(timeout, on_update), self), directory, self.id)
        with self.kept_in_mind():
            return [self._download(url, path, self, on_progress) for url, path in named]

    def _finish(self, timeout: float | None, on_update: Callable[[JobUpdate[T]], object] | None) -> JobUpdate[T]:
        last: JobUpdate[T] | None = None
        with self.watched(timeout):
            for last in self.updates(timeout):
                if on_update is not None:
                    with self.kept_in_mind():
                        on_update(last)
            update = cast("JobUpdate[T]", last)
            if update.state == "failed":
                raise self.failure(update.response)
            return update


class AsyncJob(AnyJob, Generic[T]):
    """A job that was submitted, for asyncio. It runs on the server, whether or not anybody waits for it."""

    def __init__(
        self,
        poll: Callable[[AnyJob, float], Awaitable[tuple[Any, Answer]]],
        download: Callable[[str, Path, AnyJob, OnProgress | None], Awaitable[Path]],
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self._poll = poll
        self._download = download

    async def poll(self) -> T:
        """Ask once how the job stands; see ``Job.poll``."""
        return cast("T", (await self._poll(self, math.inf))[0])

    async def updates(self, timeout: float | None = None) -> AsyncIterator[JobUpdate[T]]:
        """Poll until the job has ended; see ``Job.updates``."""
        wait: Wait[T] = Wait(self, timeout)
        try:
            while True:
                try:
                    with self.kept_in_mind():
                        while pause := wait.pause():
                            await _clock.sleep_async(pause)
                        update = wait.answered(*await self._poll(self, wait.until))
                except errors.JobTimeout:
                    raise
                except NoTurn:
                    wait.gave_up()
                    continue
                except errors.ClientError as error:
                    wait.failed(error)
                    continue
                yield update
                if update.state != "running":
                    return
        finally:
            wait.close()

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
        on_progress: OnProgress | None = None,
    ) -> list[Path]:
        """Wait until the job has succeeded, then fetch the files its result names; see ``Job.download``."""
        named = targets(urls_of(await self._finish(timeout, on_update), self), directory, self.id)
        with self.kept_in_mind():
            return [await self._download(url, path, self, on_progress) for url, path in named]

    async def _finish(
        self, timeout: float | None, on_update: Callable[[JobUpdate[T]], Awaitable[object] | object] | None
    ) -> JobUpdate[T]:
        last: JobUpdate[T] | None = None
        with self.watched(timeout):
            async for last in self.updates(timeout):
                with self.kept_in_mind():
                    outcome = on_update(last) if on_update is not None else None
                    if inspect.isawaitable(outcome):
                        await outcome
            update = cast("JobUpdate[T]", last)
            if update.state == "failed":
                raise self.failure(update.response)
            return update
