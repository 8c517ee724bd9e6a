"""The two clients that generated ones build on: they hold the connection and the key, and make calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from . import _clock, _httpx, errors
from ._any_client import AnyClient
from ._call import Call
from ._deadline import deadline, deadline_async, keep_deadlines
from ._defaults import ANSWER_BYTES, ATTEMPT_TIMEOUTS, DOWNLOAD_SECONDS
from ._download import Download
from ._intake import Intake
from ._jobs import AnyJob, AsyncJob, Job
from ._operation import Answer, Operation
from .types import UNSET

if TYPE_CHECKING:
    from ._port import Port
    from ._report import BatchProgress, BatchReport
    from ._rows import Source
    from ._shared_budget import Turn
    from ._watch import Watch


class SyncClient(AnyClient[_httpx.Client, _httpx.BaseTransport]):
    """The base of the generated synchronous client.

    Args:
        api_key: The API key; None takes it from the environment.
        base_url: Where the calls go; None takes it from the environment, then from the contract.
        timeout: Seconds to wait for the server at each step of a call; an attempt ends after four times as many
            altogether, however slowly the server feeds it.
        rate_limit: Calls a second, shared by all clients of this process that have the same key; the contract's
            own by default, None is off.
        rate_limit_store: The URL of a Redis server, through which clients of other processes and machines with the
            same key and limit share the budget; None takes it from the environment, where there may be none.
        poll_interval: Seconds between polls, and before the first one, in place of the contract's.
        max_retries: How often a call is made again: one that changes nothing, after what may pass (no answer, 408,
            425, 429, 500, 502, 503, 504); any other one, a submit among them, only where it is certain that the
            server did not take it (no connection, 429, 503 with Retry-After).
        polls_per_job: How many polls a job may take on average, once it is known how long jobs take. More of them
            find the end earlier. By default as many as the rate limit leaves room for, between 1.44 and 5.
        hooks: What is told of each call; see ``spacely_runtime.hooks``.
        transport: The httpx transport to send with, such as ``httpx.MockTransport`` in a test.
    """

    def _new_http(self, options: Mapping[str, Any], cookies: _httpx.Cookies) -> _httpx.Client:
        client = _httpx.Client(options, cookies)
        keep_deadlines(client)
        return client

    def close(self) -> None:
        """Close the connections. Jobs that run go on."""
        for http in self._connections:
            http.close()
        self._files.close()
        if self._shared_budget is not None:
            self._shared_budget.close()

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
        import asyncio  # Synchronous code that runs no batch does without.

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
        return self._started(name, *self._send(self.operations[name], arguments, body))

    def _started(self, name: str, result: Any, answer: Answer) -> Job[Any]:
        return Job(self._poll, self._download, **self._job_options(result, answer, name))

    def _resume(self, name: str, job_id: str) -> Job[Any]:
        return Job(self._poll, self._download, **self._resume_options(name, job_id))

    def _poll(self, job: AnyJob) -> tuple[Any, Answer]:
        return self._send(self.operations[job.polling.target], job.arguments(), UNSET, job.id)

    def _send(
        self, operation: Operation, arguments: Mapping[str, Any], body: Any, job_id: str | None = None
    ) -> tuple[Any, Answer]:
        call = Call(operation, self._secret, job_id)
        request = self._request(call, arguments, body)
        watch = self._watch(operation, request, job_id)
        if watch is None:
            return self._attempt(call, request, job_id, None)
        with watch:
            return self._attempt(call, request, job_id, watch)

    def _attempt(
        self, call: Call, request: _httpx.Request, job_id: str | None, watch: Watch | None
    ) -> tuple[Any, Answer]:
        retries = self._retries(call.operation, request, job_id)
        attempts = 0
        while True:
            attempts += 1
            try:
                turn = self._take_turn(call)
                if watch is not None:
                    watch.sending(attempts)
                try:
                    response = self._exchange(call, request)
                finally:
                    if self._shared_budget is not None and turn is not None:
                        self._shared_budget.answered(turn)
                result, answer = call.decode(response)
            except errors.ClientError as error:
                error.attempts = attempts
                if watch is not None:
                    watch.failed(error)
                pause = retries.pause(error)
                if pause is None:
                    raise
                call.repeated(error, pause)
            else:
                if watch is not None:
                    watch.answered(attempts, answer.status_code, call.started(answer))
                return result, answer
            _clock.sleep(pause)

    def _take_turn(self, call: Call) -> Turn | None:
        for wait in self._turns(call.operation):
            _clock.sleep(wait)
        shared = self._shared_budget
        if shared is None or _clock.skipping is not None:
            return None
        submit = call.operation.polling is not None
        try:
            return shared.take_turn(submit=submit, polls_a_job=self._polls_a_job(None))
        except Exception as error:
            raise call.store_error(error) from error

    def _exchange(self, call: Call, request: _httpx.Request) -> _httpx.Response:
        intake = None
        pool = self._connections.take()
        call.sent_at = _clock.monotonic()
        try:
            with deadline(self._timeout * ATTEMPT_TIMEOUTS):
                response = pool.http.send(request, auth=self._auth(call.operation), stream=True)
                try:
                    intake = Intake(response, ANSWER_BYTES)
                    intake.check()
                    response.read()
                finally:
                    response.close()
        except Exception as error:
            raise call.failed(error, request, intake) from error
        except BaseException as interruption:
            call.interrupted(interruption)
            raise
        finally:
            self._connections.leave(pool)
            self._answered(call)
        return response

    def _download(self, url: str, path: Path, job: AnyJob) -> Path:
        download = Download(url, path, job, self._max_retries)
        while True:
            try:
                with download.attempt(), deadline(DOWNLOAD_SECONDS):
                    self._fetch(download)
            except errors.DownloadError as error:
                pause = download.pause(error)
                if pause is None:
                    raise
            else:
                return path
            _clock.sleep(pause)

    def _fetch(self, download: Download) -> None:
        request: _httpx.Request | None = self._files.build_request("GET", download.url)
        while request is not None:
            response = self._files.send(request, stream=True)
            try:
                request = download.redirected(response)
                if request is None:
                    with download.file(response) as file:
                        for chunk in response.iter_bytes():
                            file.write(chunk)
            finally:
                response.close()


class AsyncClient(AnyClient[_httpx.AsyncClient, _httpx.AsyncBaseTransport]):
    """The base of the generated asynchronous client; see SyncClient for the arguments."""

    def _new_http(self, options: Mapping[str, Any], cookies: _httpx.Cookies) -> _httpx.AsyncClient:
        return _httpx.AsyncClient(options, cookies)

    async def close(self) -> None:
        """Close the connections. Jobs that run go on."""
        for http in self._connections:
            await http.aclose()
        await self._files.aclose()
        if self._shared_budget is not None:
            await self._shared_budget.aclose()

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
        return self._started(name, *await self._send(self.operations[name], arguments, body))

    def _started(self, name: str, result: Any, answer: Answer) -> AsyncJob[Any]:
        return AsyncJob(self._poll, self._download, **self._job_options(result, answer, name))

    def _resume(self, name: str, job_id: str) -> AsyncJob[Any]:
        return AsyncJob(self._poll, self._download, **self._resume_options(name, job_id))

    async def _poll(self, job: AnyJob) -> tuple[Any, Answer]:
        return await self._send(self.operations[job.polling.target], job.arguments(), UNSET, job.id)

    async def _send(
        self, operation: Operation, arguments: Mapping[str, Any], body: Any, job_id: str | None = None
    ) -> tuple[Any, Answer]:
        call = Call(operation, self._secret, job_id)
        request = self._request(call, arguments, body)
        watch = self._watch(operation, request, job_id)
        if watch is None:
            return await self._attempt(call, request, job_id, None)
        with watch:
            return await self._attempt(call, request, job_id, watch)

    async def _attempt(
        self, call: Call, request: _httpx.Request, job_id: str | None, watch: Watch | None
    ) -> tuple[Any, Answer]:
        retries = self._retries(call.operation, request, job_id)
        attempts = 0
        while True:
            attempts += 1
            try:
                turn = await self._take_turn(call)
                if watch is not None:
                    watch.sending(attempts)
                try:
                    response = await self._exchange(call, request)
                finally:
                    if self._shared_budget is not None and turn is not None:
                        self._shared_budget.answered_async(turn)
                result, answer = call.decode(response)
            except errors.ClientError as error:
                error.attempts = attempts
                if watch is not None:
                    watch.failed(error)
                pause = retries.pause(error)
                if pause is None:
                    raise
                call.repeated(error, pause)
            else:
                if watch is not None:
                    watch.answered(attempts, answer.status_code, call.started(answer))
                return result, answer
            await _clock.sleep_async(pause)

    async def _take_turn(self, call: Call) -> Turn | None:
        for wait in self._turns(call.operation):
            await _clock.sleep_async(wait)
        shared = self._shared_budget
        if shared is None or _clock.skipping is not None:
            return None
        try:
            return await shared.take_turn_async(
                submit=call.operation.polling is not None, polls_a_job=self._polls_a_job(None)
            )
        except Exception as error:
            raise call.store_error(error) from error

    async def _exchange(self, call: Call, request: _httpx.Request) -> _httpx.Response:
        intake = None
        pool = self._connections.take()
        call.sent_at = _clock.monotonic()
        seconds = self._timeout * ATTEMPT_TIMEOUTS
        try:
            async with deadline_async(seconds):
                response = await pool.http.send(request, auth=self._auth(call.operation), stream=True)
                try:
                    intake = Intake(response, ANSWER_BYTES)
                    intake.check()
                    await response.aread()
                finally:
                    await response.aclose()
        except Exception as error:
            raise call.failed(error, request, intake) from error
        except BaseException as interruption:
            call.interrupted(interruption)
            raise
        finally:
            self._connections.leave(pool)
            self._answered(call)
        return response

    async def _download(self, url: str, path: Path, job: AnyJob) -> Path:
        download = Download(url, path, job, self._max_retries)
        while True:
            try:
                with download.attempt():
                    async with deadline_async(DOWNLOAD_SECONDS):
                        await self._fetch(download)
            except errors.DownloadError as error:
                pause = download.pause(error)
                if pause is None:
                    raise
            else:
                return path
            await _clock.sleep_async(pause)

    async def _fetch(self, download: Download) -> None:
        request: _httpx.Request | None = self._files.build_request("GET", download.url)
        while request is not None:
            response = await self._files.send(request, stream=True)
            try:
                request = download.redirected(response)
                if request is None:
                    with download.file(response) as file:
                        async for chunk in response.aiter_bytes():
                            file.write(chunk)
            finally:
                await response.aclose()
