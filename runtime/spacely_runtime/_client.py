"""The two clients that generated ones build on: they hold the connection and the key, and make calls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import httpx

from . import _clock, errors
from ._any_client import AnyClient
from ._call import Call
from ._defaults import DOWNLOAD_TIMEOUT_SECONDS, RETRIES, TIMEOUT_SECONDS
from ._download import check_download, download_errors, whole_file
from ._jobs import AnyJob, AsyncJob, Job
from ._operation import Answer, Operation
from ._port import Port
from .types import UNSET, Unset

if TYPE_CHECKING:
    from ._report import BatchProgress, BatchReport
    from ._rows import Source


class SyncClient(AnyClient[httpx.Client]):
    """The base of the generated synchronous client.

    Args:
        api_key: The API key; None takes it from the environment.
        base_url: Where the calls go; None takes it from the environment, then from the contract.
        timeout: Seconds to wait for the server at each step of a call.
        rate_limit: Calls a second, shared by all clients of this process that have the same key; the contract's
            own by default, None is off.
        poll_interval: Seconds between polls, and before the first one, in place of the contract's.
        max_retries: How often a call is made again: one that changes nothing, after what may pass (no answer, 408,
            425, 429, 500, 502, 503, 504); any other one, a submit among them, only where it is certain that the
            server did not take it (no connection, 429, 503 with Retry-After).
        polls_per_job: How many polls a job may take on average, once it is known how long jobs take. More of them
            find the end earlier. By default as many as the rate limit leaves room for, between 1.45 and 5.
        transport: The httpx transport to send with, such as ``httpx.MockTransport`` in a test.
    """

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        *,
        timeout: float = TIMEOUT_SECONDS,
        rate_limit: float | Unset | None = UNSET,
        poll_interval: float | None = None,
        max_retries: int = RETRIES,
        polls_per_job: float | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        super().__init__(
            api_key=api_key,
            base_url=base_url,
            timeout=timeout,
            rate_limit=rate_limit,
            poll_interval=poll_interval,
            max_retries=max_retries,
            polls_per_job=polls_per_job,
        )
        self._http = httpx.Client(transport=transport, **self._http_options(self._timeout))
        # A client of its own for files: no key, no cookie of the API ever goes to the host that keeps them.
        self._files = httpx.Client(transport=transport, **self._http_options(DOWNLOAD_TIMEOUT_SECONDS))

    def close(self) -> None:
        """Close the connections. Jobs that run go on."""
        self._http.close()
        self._files.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

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
            ConfigurationError: The source cannot be read, or the folder is of another batch.
            JournalError: The journal cannot be read or written.
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
        async def poll(job: AnyJob) -> tuple[Any, Answer]:
            return await asyncio.to_thread(self._poll, job)

        async def download(url: str, path: Path, job: AnyJob) -> Path:
            return await asyncio.to_thread(self._download, url, path, job)

        async def submit(name: str, arguments: Mapping[str, Any], body: Any) -> AsyncJob[Any]:
            answered = await asyncio.to_thread(self._send, self.operations[name], arguments, body)
            return AsyncJob(poll, download, **self._job_options(*answered, name))

        def resume(name: str, job_id: str) -> AsyncJob[Any]:
            return AsyncJob(poll, download, **self._resume_options(name, job_id))

        return self._port(submit, resume, download)

    def _call(self, name: str, arguments: Mapping[str, Any], body: Any = UNSET) -> Any:
        return self._send(self.operations[name], arguments, body)[0]

    def _submit(self, name: str, arguments: Mapping[str, Any], body: Any = UNSET) -> Job[Any]:
        options = self._job_options(*self._send(self.operations[name], arguments, body), name)
        return Job(self._poll, self._download, **options)

    def _resume(self, name: str, job_id: str) -> Job[Any]:
        return Job(self._poll, self._download, **self._resume_options(name, job_id))

    def _poll(self, job: AnyJob) -> tuple[Any, Answer]:
        return self._send(self.operations[job.polling.target], job.arguments(), UNSET, job.id)

    def _send(
        self, operation: Operation, arguments: Mapping[str, Any], body: Any, job_id: str | None = None
    ) -> tuple[Any, Answer]:
        call = Call(operation, self._secret, job_id)
        request = self._request(call, arguments, body)
        retries = self._retries(operation, request, job_id)
        attempts = 0
        while True:
            attempts += 1
            self._take_turn(operation)
            try:
                return call.decode(self._exchange(call, request))
            except errors.ClientError as error:
                error.attempts = attempts
                pause = retries.pause(error)
                if pause is None:
                    raise
            _clock.sleep(pause)

    def _take_turn(self, operation: Operation) -> None:
        for wait in self._turns(operation):
            _clock.sleep(wait)

    def _exchange(self, call: Call, request: httpx.Request) -> httpx.Response:
        try:
            return self._http.send(request, auth=self._auth(call.operation))
        except httpx.RequestError as error:
            raise call.transport_error(error) from error

    def _download(self, url: str, path: Path, job: AnyJob) -> Path:
        with download_errors(url, job), self._files.stream("GET", url, follow_redirects=True) as response:
            check_download(response, url, job)
            with whole_file(path) as file:
                for chunk in response.iter_bytes():
                    file.write(chunk)
        return path


class AsyncClient(AnyClient[httpx.AsyncClient]):
    """The base of the generated asynchronous client; see SyncClient for the arguments."""

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        *,
        timeout: float = TIMEOUT_SECONDS,
        rate_limit: float | Unset | None = UNSET,
        poll_interval: float | None = None,
        max_retries: int = RETRIES,
        polls_per_job: float | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        super().__init__(
            api_key=api_key,
            base_url=base_url,
            timeout=timeout,
            rate_limit=rate_limit,
            poll_interval=poll_interval,
            max_retries=max_retries,
            polls_per_job=polls_per_job,
        )
        self._http = httpx.AsyncClient(transport=transport, **self._http_options(self._timeout))
        self._files = httpx.AsyncClient(transport=transport, **self._http_options(DOWNLOAD_TIMEOUT_SECONDS))

    async def close(self) -> None:
        """Close the connections. Jobs that run go on."""
        await self._http.aclose()
        await self._files.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

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

    async def _call(self, name: str, arguments: Mapping[str, Any], body: Any = UNSET) -> Any:
        return (await self._send(self.operations[name], arguments, body))[0]

    async def _submit(self, name: str, arguments: Mapping[str, Any], body: Any = UNSET) -> AsyncJob[Any]:
        options = self._job_options(*await self._send(self.operations[name], arguments, body), name)
        return AsyncJob(self._poll, self._download, **options)

    def _resume(self, name: str, job_id: str) -> AsyncJob[Any]:
        return AsyncJob(self._poll, self._download, **self._resume_options(name, job_id))

    async def _poll(self, job: AnyJob) -> tuple[Any, Answer]:
        return await self._send(self.operations[job.polling.target], job.arguments(), UNSET, job.id)

    async def _send(
        self, operation: Operation, arguments: Mapping[str, Any], body: Any, job_id: str | None = None
    ) -> tuple[Any, Answer]:
        call = Call(operation, self._secret, job_id)
        request = self._request(call, arguments, body)
        retries = self._retries(operation, request, job_id)
        attempts = 0
        while True:
            attempts += 1
            await self._take_turn(operation)
            try:
                return call.decode(await self._exchange(call, request))
            except errors.ClientError as error:
                error.attempts = attempts
                pause = retries.pause(error)
                if pause is None:
                    raise
            await _clock.sleep_async(pause)

    async def _take_turn(self, operation: Operation) -> None:
        for wait in self._turns(operation):
            await _clock.sleep_async(wait)

    async def _exchange(self, call: Call, request: httpx.Request) -> httpx.Response:
        try:
            return await self._http.send(request, auth=self._auth(call.operation))
        except httpx.RequestError as error:
            raise call.transport_error(error) from error

    async def _download(self, url: str, path: Path, job: AnyJob) -> Path:
        with download_errors(url, job):
            async with self._files.stream("GET", url, follow_redirects=True) as response:
                check_download(response, url, job)
                with whole_file(path) as file:
                    async for chunk in response.aiter_bytes():
                        file.write(chunk)
        return path
