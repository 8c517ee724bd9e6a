"""The two clients that generated ones build on: they hold the connection and the key, and make calls."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from . import _clock, _httpx, errors
from ._batches import AsyncBatches, SyncBatches
from ._call import Call
from ._deadline import deadline, deadline_async, keep_deadlines
from ._defaults import ANSWER_BYTES, ATTEMPT_TIMEOUTS, DOWNLOAD_SECONDS
from ._download import Download
from ._intake import Intake
from ._jobs import AnyJob, AsyncJob, Job
from ._operation import Answer, Operation
from .types import UNSET

if TYPE_CHECKING:
    import asyncio

    from ._progress import OnProgress
    from ._retry import Retries
    from ._shared_budget import Turn
    from ._watch import Watch


class SyncClient(SyncBatches):
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
            find the end earlier. By default as many as the rate limit leaves room for, between 1.41 and 5.
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

    def _call(self, name: str, arguments: Mapping[str, Any], body: Any = UNSET) -> Any:
        return self._send(self.operations[name], arguments, body)[0]

    def _submit(self, name: str, arguments: Mapping[str, Any], body: Any = UNSET) -> Job[Any]:
        return self._started(name, *self._send(self.operations[name], arguments, body))

    def _started(self, name: str, result: Any, answer: Answer) -> Job[Any]:
        return Job(self._poll, self._download, **self._job_options(result, answer, name))

    def _resume(self, name: str, job_id: str) -> Job[Any]:
        return Job(self._poll, self._download, **self._resume_options(name, job_id))

    def _poll(self, job: AnyJob, until: float) -> tuple[Any, Answer]:
        return self._send(self.operations[job.polling.target], job.arguments(), UNSET, job.id, until)

    def _send(
        self,
        operation: Operation,
        arguments: Mapping[str, Any],
        body: Any,
        job_id: str | None = None,
        until: float = math.inf,
    ) -> tuple[Any, Answer]:
        call = Call(operation, self._secret, job_id or self._job_in(operation, arguments))
        request = self._request(call, arguments, body)
        watch = self._watch(operation, request, call.job_id)
        retries = self._retries(operation, request, job_id)
        if watch is None:
            return self._attempt(call, request, retries, until, None)
        with watch:
            return self._attempt(call, request, retries, until, watch)

    def _attempt(
        self, call: Call, request: _httpx.Request, retries: Retries, until: float, watch: Watch | None
    ) -> tuple[Any, Answer]:
        attempts = 0
        while True:
            attempts += 1
            try:
                turn = self._take_turn(call, until)
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
                    with call.kept_in_mind(answer):
                        watch.answered(attempts, answer.status_code, call.started(answer))
                return result, answer
            _clock.sleep(pause)

    def _take_turn(self, call: Call, until: float) -> Turn | None:
        for wait in self._turns(call.operation, until):
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

    def _download(self, url: str, path: Path, job: AnyJob, on_progress: OnProgress | None = None) -> Path:
        download = Download(url, path, job, self._max_retries, on_progress)
        with download.watched():
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
                    with download.file(response) as write:
                        for chunk in response.iter_bytes():
                            write(chunk)
            finally:
                response.close()


class AsyncClient(AsyncBatches):
    """The base of the generated asynchronous client; see SyncClient for the arguments."""

    _loop: asyncio.AbstractEventLoop | None = None

    def _new_http(self, options: Mapping[str, Any], cookies: _httpx.Cookies) -> _httpx.AsyncClient:
        return _httpx.AsyncClient(options, cookies)

    def _stay_in_loop(self) -> None:
        """Begin with new connections where another event loop runs than before: a connection belongs to its loop.

        On one of another loop, which may have ended, a submit would be sent and its answer never read.
        """
        import asyncio  # Synchronous code does without.

        loop, before = asyncio.get_running_loop(), self._loop
        if loop is before:
            return
        self._loop = loop
        if before is not None:
            self._reconnect()

    async def close(self) -> None:
        """Close the connections. Jobs that run go on."""
        self._stay_in_loop()
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

    async def _call(self, name: str, arguments: Mapping[str, Any], body: Any = UNSET) -> Any:
        return (await self._send(self.operations[name], arguments, body))[0]

    async def _submit(self, name: str, arguments: Mapping[str, Any], body: Any = UNSET) -> AsyncJob[Any]:
        return self._started(name, *await self._send(self.operations[name], arguments, body))

    def _started(self, name: str, result: Any, answer: Answer) -> AsyncJob[Any]:
        return AsyncJob(self._poll, self._download, **self._job_options(result, answer, name))

    def _resume(self, name: str, job_id: str) -> AsyncJob[Any]:
        return AsyncJob(self._poll, self._download, **self._resume_options(name, job_id))

    async def _poll(self, job: AnyJob, until: float) -> tuple[Any, Answer]:
        return await self._send(self.operations[job.polling.target], job.arguments(), UNSET, job.id, until)

    async def _send(
        self,
        operation: Operation,
        arguments: Mapping[str, Any],
        body: Any,
        job_id: str | None = None,
        until: float = math.inf,
    ) -> tuple[Any, Answer]:
        self._stay_in_loop()
        call = Call(operation, self._secret, job_id or self._job_in(operation, arguments))
        request = self._request(call, arguments, body)
        watch = self._watch(operation, request, call.job_id)
        retries = self._retries(operation, request, job_id)
        if watch is None:
            return await self._attempt(call, request, retries, until, None)
        with watch:
            return await self._attempt(call, request, retries, until, watch)

    async def _attempt(
        self, call: Call, request: _httpx.Request, retries: Retries, until: float, watch: Watch | None
    ) -> tuple[Any, Answer]:
        attempts = 0
        while True:
            attempts += 1
            try:
                turn = await self._take_turn(call, until)
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
                    with call.kept_in_mind(answer):
                        watch.answered(attempts, answer.status_code, call.started(answer))
                return result, answer
            await _clock.sleep_async(pause)

    async def _take_turn(self, call: Call, until: float) -> Turn | None:
        for wait in self._turns(call.operation, until):
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

    async def _download(self, url: str, path: Path, job: AnyJob, on_progress: OnProgress | None = None) -> Path:
        self._stay_in_loop()
        download = Download(url, path, job, self._max_retries, on_progress)
        with download.watched():
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
                    with download.file(response) as write:
                        async for chunk in response.aiter_bytes():
                            write(chunk)
            finally:
                await response.aclose()
