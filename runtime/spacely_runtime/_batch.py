"""A batch: many rows through one submit operation, each at most once, whatever happens on the way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from . import _clock, errors
from ._defaults import (
    BATCH_BEAT_SECONDS,
    BATCH_PATIENCE_SECONDS,
    BATCH_SUBMITS,
    BATCH_TICK_SECONDS,
    BATCH_UNACCEPTED,
    MOST_RETRY_AFTER_SECONDS,
)
from ._download import is_web_url, targets
from ._journal import Claim, CreditsSpent, Journal
from ._port import Port
from ._report import BatchProgress, BatchReport, write_report
from ._retry import backoff, retry_after
from ._rows import Row
from ._wire import to_json

if TYPE_CHECKING:
    from ._jobs import AsyncJob

# These say that no row would fare better, so the rows are kept for a day on which the key is right, or paid for.
_ACCOUNT_ERRORS: Final = (errors.Unauthorized, errors.PaymentRequired, errors.Forbidden)


@dataclass(frozen=True, slots=True)
class BatchOptions:
    """How a batch is run; see ``SyncClient.batch``."""

    operation: str
    directory: Path
    credit_limit: int | None
    concurrency: int
    timeout: float | None
    retry_uncertain: bool
    on_progress: Callable[[BatchProgress], object]


class Batch:
    """One run of a batch.

    Args:
        port: The client.
        rows: The rows, held to the contract.
        options: How it is run.
    """

    def __init__(self, port: Port, rows: list[Row], options: BatchOptions) -> None:
        self._port = port
        self._rows = rows
        self._options = options
        self._name = options.operation
        self._operation = port.operations[options.operation]
        self._directory = options.directory
        self._on_progress = options.on_progress
        self._journal: Journal
        self._in_the_air = asyncio.Semaphore(BATCH_SUBMITS)
        self._submits: set[asyncio.Task[AsyncJob[Any] | None]] = set()
        self._unnoted: list[tuple[Claim, str]] = []  # Rows that were accepted, with ids that the journal did not take.
        self._turns = _Turns()
        self._interrupted = False
        self._halted: str | None = None
        self._began = _clock.monotonic()
        self._ends = _Ends()

    def stop(self) -> None:
        """Submit no more, wait for no job, and end once the submits in the air are noted; from any thread."""
        self._interrupted = True
        self._halt("it was interrupted")

    @property
    def interrupted(self) -> bool:
        """Whether it was stopped."""
        return self._interrupted

    async def run(self) -> BatchReport:
        """Go on where the last run was, to the end or as far as it goes."""
        self._journal = Journal(self._directory / "journal.sqlite")
        try:
            self._journal.join(self._operation.id, self._port.base_url, self._rows)
            self._journal.send_refused_again()
            if self._options.retry_uncertain:
                self._journal.send_uncertain_again()
            self._fetch_lost_files_again()
            workers = [asyncio.create_task(self._work()) for _ in range(self._options.concurrency)]
            try:
                await self._watch(workers)
            finally:
                await self._wind_up(workers)
            return self._report
        finally:
            self._journal.close()

    async def _watch(self, workers: list[asyncio.Task[None]]) -> None:
        pending = set(workers)
        beaten = _clock.monotonic()
        while pending and not self._interrupted:
            done, pending = await asyncio.wait(pending, timeout=BATCH_TICK_SECONDS, return_when=asyncio.FIRST_EXCEPTION)
            if any(worker.exception() for worker in done):
                return
            if _clock.monotonic() - beaten >= BATCH_BEAT_SECONDS:
                beaten = _clock.monotonic()
                if not self._journal.beat():
                    self.stop()
                    self._halted = "another process took this one for dead, and its rows over"
            self._on_progress(self.progress())

    async def _wind_up(self, workers: list[asyncio.Task[None]]) -> None:
        """End the workers, not the submits in the air; raise what went wrong; write the report."""
        for worker in workers:
            worker.cancel()
        ended: list[asyncio.Task[Any]] = [*workers, *self._submits]
        cancellation = await _all_ended(ended)
        failures = [error for task in ended if not task.cancelled() and (error := task.exception()) is not None]
        self._note_late()
        if failures:
            raise failures[0]
        self._journal.leave()
        self._report = write_report(
            self._journal,
            self._directory,
            operation=self._operation.id,
            credit_limit=self._options.credit_limit,
            calls=self._port.calls(),
            seconds=_clock.monotonic() - self._began,
            stopped=self._halted,
        )
        self._on_progress(self.progress())
        if cancellation is not None:
            raise cancellation

    def progress(self) -> BatchProgress:
        """How it stands."""
        counts = self._journal.counts()
        now = _clock.monotonic()
        running = sum(counts.get(state, 0) for state in ("submitting", "submitted", "succeeded"))
        pending = counts.get("pending", 0)
        return BatchProgress(
            rows=len(self._rows),
            done=counts.get("done", 0),
            running=running,
            failed=counts.get("failed", 0),
            uncertain=counts.get("uncertain", 0),
            pending=pending,
            credits=self._journal.credits(),
            credit_limit=self._options.credit_limit,
            calls=self._port.calls(),
            elapsed=now - self._began,
            left=self._ends.left(running + (0 if self._halted is not None else pending), now),
            note=self._halted or self._turns.note,
        )

    def _halt(self, reason: str) -> None:
        """Submit no more; jobs that run are followed to their ends."""
        self._halted = self._halted or reason

    def _fetch_lost_files_again(self) -> None:
        lost = [
            row["number"]
            for row in self._journal.rows()
            if row["state"] == "done"
            and not all((self._directory / name).exists() for name in json.loads(row["files"] or "[]"))
        ]
        self._journal.fetch_again(lost)

    async def _work(self) -> None:
        """Take row after row in hand: jobs that were submitted before, then rows that were not."""
        while True:
            claim = self._journal.take_up()
            if claim is not None:
                await self._follow(claim, None)
                continue
            async with self._in_the_air:
                await _clock.sleep_async(self._turns.pause())
                claim = self._begin_submit()
                if claim is None:
                    return
                submit = asyncio.create_task(self._submit(claim))
                self._submits.add(submit)
                job = await asyncio.shield(submit)
                self._submits.discard(submit)
            if job is not None:
                await self._follow(claim, job)

    def _begin_submit(self) -> Claim | None:
        if self._halted is not None:
            return None
        try:
            return self._journal.begin_submit(self._options.credit_limit)
        except CreditsSpent:
            if not self._submits:  # One in the air may turn out to cost nothing; whoever sent it comes back then.
                self._halt(f"the limit of {self._options.credit_limit} credits is reached")
            return None

    async def _submit(self, claim: Claim) -> AsyncJob[Any] | None:
        """Submit a row that is noted as being submitted, and note what came of it."""
        row = self._rows[claim.number - 1]
        try:
            job = await self._port.submit(self._name, row.arguments, row.body)
        except errors.SubmissionUncertain as error:
            if error.job_id is not None:  # An answer that breaks the contract, and yet tells the id.
                self._accepted(claim, error.job_id)
                return self._port.resume(self._name, error.job_id)
            self._journal.uncertain(claim, str(error))
            self._unaccepted(error)
        except errors.ClientError as error:
            self._not_accepted(claim, error)
        else:
            self._accepted(claim, job.id)
            self._turns.accepted()
            return job
        return None

    def _accepted(self, claim: Claim, job_id: str) -> None:
        try:
            self._journal.accepted(claim, job_id)
        except errors.JournalError:
            self._unnoted.append((claim, job_id))
            raise

    def _note_late(self) -> None:
        """Try once more to note the ids that the journal did not take; raise them all where it does not now."""
        left: list[tuple[Claim, str]] = []
        failure: errors.JournalError | None = None
        for claim, job_id in self._unnoted:
            try:
                self._journal.accepted(claim, job_id)
            except errors.JournalError as error:
                failure = error
                left.append((claim, job_id))
        if failure is not None:
            ids = {self._rows[claim.number - 1].name: job_id for claim, job_id in left}
            raise errors.JournalError(
                f"{failure.message}; these rows were accepted, write the ids of their jobs down: "
                + ", ".join(f"{name}: {job_id}" for name, job_id in ids.items()),
                operation=self._operation.id,
                job_id=left[0][1],
                job_ids=ids,
            ) from failure

    def _not_accepted(self, claim: Claim, error: errors.ClientError) -> None:
        if isinstance(error, _ACCOUNT_ERRORS):
            self._journal.not_accepted(claim, "pending", str(error))
            self._halt(str(error))
        elif isinstance(error, (errors.TransportError, errors.TooManyRequests, errors.ServerError)):
            # The client has tried again, and its last attempt was certainly not accepted either.
            self._journal.not_accepted(claim, "pending", str(error))
            self._turns.turned_away(error)
            if self._turns.over():
                self._halt(f"the server takes no submits: {error}")
        else:
            self._journal.not_accepted(claim, "failed", str(error))
            self._ends.note()
            self._unaccepted(error)

    def _unaccepted(self, error: errors.ClientError) -> None:
        if self._turns.unaccepted() >= BATCH_UNACCEPTED:
            self._halt(f"no submit was accepted, {BATCH_UNACCEPTED} times in a row, the last time: {error}")

    async def _follow(self, claim: Claim, job: AsyncJob[Any] | None) -> None:
        """Wait for a row's job, fetch its files, and note each."""
        try:
            job = job or self._port.resume(self._name, claim.job_id or "")
            job.kept = True
            last = [update async for update in job.updates(self._options.timeout)][-1]
            if last.state == "failed":
                error = job.failure(last.response).message
                self._journal.ended(claim, "failed", error=error, result=self._json(last.response))
            else:
                result = last.response if job.polling.result is None else last.result
                self._journal.ended(claim, "succeeded", result=self._json(result))
                files = await self._fetch(claim, job, result)
                self._journal.ended(claim, "done", files=json.dumps(files))
            self._ends.note()
        except errors.JournalError:
            raise
        except errors.ClientError as error:
            # The job may be well; the next run takes it up again.
            self._journal.left(claim, str(error))
            if isinstance(error, _ACCOUNT_ERRORS):
                self._halt(str(error))

    async def _fetch(self, claim: Claim, job: AsyncJob[Any], result: Any) -> list[str]:
        """Download what a result names; nothing where it is no URL, or not URLs alone."""
        urls = cast("list[Any]", result) if isinstance(result, list) else [result]
        if not all(map(is_web_url, urls)):
            return []
        named = targets(urls, self._directory / "images", self._rows[claim.number - 1].name)
        paths = [await self._port.download(url, path, job) for url, path in named]
        return [path.relative_to(self._directory).as_posix() for path in paths]

    def _json(self, value: Any) -> str:
        text = json.dumps(to_json(value), ensure_ascii=False)
        return text if self._port.secret is None else self._port.secret.redact(text)


async def _all_ended(tasks: list[asyncio.Task[Any]]) -> asyncio.CancelledError | None:
    """Wait until all have ended, and longer than a cancellation would have it; return the last one that came.

    A submit in the air has cost a credit: the journal has to be open until its id is there. Each has its own deadline.
    """
    cancellation = None
    while not all(task.done() for task in tasks):
        try:
            await asyncio.wait(tasks)
        except asyncio.CancelledError as error:
            cancellation = error
    return cancellation


class _Ends:
    """How fast rows come to their ends, and so how long the others take.

    What came before the first end does not count: all rows were on their way by then.
    """

    def __init__(self) -> None:
        self._first: float | None = None
        self._later = 0

    def note(self) -> None:
        """Note that a row has ended."""
        if self._first is None:
            self._first = _clock.monotonic()
        else:
            self._later += 1

    def left(self, rows: int, now: float) -> float | None:
        """Seconds until so many more have ended, at the rate they had so far; None where it is not known."""
        if not rows:
            return 0.0
        if self._first is None or not self._later:
            return None
        return rows * (now - self._first) / self._later


class _Turns:
    """How the server takes submits: when the next one may go out, and when to give up."""

    def __init__(self) -> None:
        self.note: str | None = None
        self._since: float | None = None
        self._rounds = 0
        self._next = 0.0
        self._unaccepted = 0

    def accepted(self) -> None:
        """Note that one was accepted."""
        self.note, self._since, self._rounds, self._unaccepted = None, None, 0, 0

    def unaccepted(self) -> int:
        """Note that one was refused or is uncertain; say how many in a row were."""
        self._unaccepted += 1
        return self._unaccepted

    def turned_away(self, error: errors.ClientError) -> None:
        """Note that the server, or the network, took none now."""
        now = _clock.monotonic()
        self.note = str(error)
        self._since = now if self._since is None else self._since
        if now >= self._next:  # Those that were in the air together count once.
            asked = retry_after(error.headers) if isinstance(error, errors.StatusError) else None
            self._next = now + max(backoff(self._rounds), min(asked or 0.0, MOST_RETRY_AFTER_SECONDS))
            self._rounds += 1

    def pause(self) -> float:
        """Seconds until the next submit may go out."""
        return self._next - _clock.monotonic()

    def over(self) -> bool:
        """Whether none was taken for so long that there is no use in going on."""
        return self._since is not None and _clock.monotonic() - self._since > BATCH_PATIENCE_SECONDS
