"""Batches, as the two clients run them: the synchronous one in an event loop of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import _httpx
from ._any_client import AnyClient
from ._jobs import AnyJob, AsyncJob

if TYPE_CHECKING:
    from ._operation import Answer
    from ._port import Port
    from ._progress import OnProgress
    from ._report import BatchProgress, BatchReport
    from ._rows import Source


class SyncBatches(AnyClient[_httpx.Client, _httpx.BaseTransport]):
    """The part of the synchronous client that runs batches."""

    def batch(
        self,
        source: Source,
        output: str | Path,
        *,
        operation: str | None = None,
        credits: int | None = None,
        concurrency: int | None = None,
        timeout: float | None = None,
        retry_uncertain: bool = False,
        on_progress: Callable[[BatchProgress], object] | None = None,
    ) -> BatchReport:
        """Submit a job for each row, each at most once, and fetch what they produce.

        Interrupted at any moment, even killed, and called again with the same source and output, it goes on where it
        was. All rows are held to the contract before the first is sent.

        Args:
            source: The path of a CSV or JSON Lines file, or an iterable of mappings. A column, or key, is an argument
                of the operation or a property of its body; ``name`` is what the row's files are called.
            output: The folder for the journal, the files and the report. One folder is one batch: rows may be
                appended to its source between runs, not changed.
            operation: The name of the method that submits; may be left out where there is only one.
            credits: The most submits that may be made in this folder, by all runs together.
            concurrency: How many rows are in hand at a time; by default as many as the rate limit has use
                for.
            timeout: Seconds to wait for each job; None is the contract's own.
            retry_uncertain: Submit those rows again of which it is not known whether they were accepted.
            on_progress: Called a few times a second, in another thread, with how it stands.

        Returns:
            How the batch stands now; ``report.json`` and ``report.html`` in the folder say the same.

        Raises:
            InvalidRows: Rows break the contract; all of them are listed, nothing was sent.
            ConfigurationError: The source cannot be read, or the folder is of another batch or cannot be used.
            JournalError: The journal cannot be read or written, or the report cannot be written; ``job_ids`` are those
                that the journal could not take.
        """
        from ._batch_setup import prepare, run_in_own_loop  # Whoever runs no batch does without SQLite.

        return run_in_own_loop(
            prepare(
                self._port_in_threads(),
                source,
                output,
                operation=operation,
                credits=credits,
                concurrency=concurrency,
                timeout=timeout,
                retry_uncertain=retry_uncertain,
                on_progress=on_progress,
            )
        )

    def _port_in_threads(self) -> Port:
        import asyncio  # Synchronous code that runs no batch does without.

        async def poll(job: AnyJob, until: float) -> tuple[Any, Answer]:
            return await asyncio.to_thread(self._poll, job, until)

        async def download(url: str, path: Path, job: AnyJob, on_progress: OnProgress | None = None) -> Path:
            return await asyncio.to_thread(self._download, url, path, job, on_progress)

        async def submit(name: str, arguments: Mapping[str, Any], body: Any) -> AsyncJob[Any]:
            result, answer = await asyncio.to_thread(self._send, self.operations[name], arguments, body)
            return AsyncJob(poll, download, **self._job_options(result, answer, name))

        def resume(name: str, job_id: str) -> AsyncJob[Any]:
            return AsyncJob(poll, download, **self._resume_options(name, job_id))

        return self._port(submit, resume, download)


class AsyncBatches(AnyClient[_httpx.AsyncClient, _httpx.AsyncBaseTransport]):
    """The part of the asynchronous client that runs batches."""

    async def batch(
        self,
        source: Source,
        output: str | Path,
        *,
        operation: str | None = None,
        credits: int | None = None,
        concurrency: int | None = None,
        timeout: float | None = None,
        retry_uncertain: bool = False,
        on_progress: Callable[[BatchProgress], object] | None = None,
    ) -> BatchReport:
        """Submit a job for each row, each at most once, and fetch what they produce; see ``SyncClient.batch``."""
        from ._batch_setup import prepare  # Whoever runs no batch does without SQLite.

        return await prepare(
            self._port(self._submit, self._resume, self._download),
            source,
            output,
            operation=operation,
            credits=credits,
            concurrency=concurrency,
            timeout=timeout,
            retry_uncertain=retry_uncertain,
            on_progress=on_progress,
        ).run()
