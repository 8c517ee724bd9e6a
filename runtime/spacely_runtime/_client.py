"""The two clients that generated ones build on: they hold the connection and the key, and make calls."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar, cast
from urllib.parse import urlsplit

import httpx

from . import _clock, errors
from ._budget import Budget, RateLimit, shared_budget
from ._call import Call, KeyAuth, id_text
from ._defaults import CONNECT_TIMEOUT_SECONDS, DOWNLOAD_TIMEOUT_SECONDS, MOST_POLLS_A_JOB, RETRIES, TIMEOUT_SECONDS
from ._download import check_download, download_errors, whole_file
from ._jobs import AnyJob, AsyncJob, Following, Job
from ._operation import Answer, Operation, Polling
from ._pace import Pace
from ._port import Port
from ._retry import Retries
from ._secret import Secret
from .types import UNSET, Unset

if TYPE_CHECKING:
    from ._report import BatchProgress, BatchReport
    from ._rows import Source

H = TypeVar("H", httpx.Client, httpx.AsyncClient)


class AnyClient(Generic[H]):
    """What the two clients have in common: all but the I/O."""

    operations: ClassVar[Mapping[str, Operation]]
    """The operations of the contract, by the name of their method."""
    _default_base_url: ClassVar[str | None]
    _environment_prefix: ClassVar[str]
    _contract_rate_limit: ClassVar[RateLimit | None]

    _http: H
    _files: H

    def __init__(
        self,
        *,
        api_key: str | None,
        base_url: str | None,
        timeout: float,
        rate_limit: float | Unset | None,
        poll_interval: float | None,
        max_retries: int,
        polls_per_job: float | None,
    ) -> None:
        self._secret = self._find_key(api_key)
        self._base_url = self._find_base_url(base_url)
        self._timeout = _positive("timeout", timeout)
        self._poll_interval = None if poll_interval is None else _positive("poll_interval", poll_interval)
        self._budget = self._find_budget(rate_limit)
        if max_retries < 0:
            raise errors.ConfigurationError(f"max_retries={max_retries!r}: give 0 or a number greater than 0")
        self._max_retries = max_retries
        self._calls = 0
        if polls_per_job is not None and not polls_per_job > 1:
            raise errors.ConfigurationError(f"polls_per_job={polls_per_job!r}: give a number greater than 1")
        self._polls_per_job = polls_per_job
        self._paces: dict[str, Pace] = {}

    @property
    def base_url(self) -> str:
        """Where the calls go."""
        return self._base_url

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._base_url}>"

    def _find_key(self, given: str | None) -> Secret | None:
        variable = f"{self._environment_prefix}_API_KEY"
        value = os.environ.get(variable, "") if given is None else given
        if not value:
            if not any(operation.keys for operation in self.operations.values()):
                return None
            raise errors.ConfigurationError(f"There is no API key; pass api_key=… or set {variable}")
        if not (value.isascii() and value.isprintable()) or value != value.strip():
            source = variable if given is None else "api_key"
            raise errors.ConfigurationError(
                f"The API key from {source} holds white space or characters that no header can carry; check it"
            )
        return Secret(value)

    def _find_base_url(self, given: str | None) -> str:
        variable = f"{self._environment_prefix}_BASE_URL"
        url = given or os.environ.get(variable) or self._default_base_url
        if url is None:
            raise errors.ConfigurationError(f"The contract names no server; pass base_url=… or set {variable}")
        try:
            parts = urlsplit(url)
            valid = parts.scheme in {"http", "https"} and bool(parts.hostname) and not parts.query
            httpx.URL(url)
        except (ValueError, httpx.InvalidURL):
            valid = False
        if not valid:
            raise errors.ConfigurationError(f"{url!r} is no base URL; write it as https://host/path")
        return url.rstrip("/")

    def _find_budget(self, rate_limit: float | Unset | None) -> Budget | None:
        if isinstance(rate_limit, Unset):
            limit = self._contract_rate_limit
        elif rate_limit is None:
            limit = None
        elif _positive("rate_limit", rate_limit) >= 1:
            limit = RateLimit(int(rate_limit), 1.0)
        else:
            limit = RateLimit(1, 1.0 / rate_limit)
        return None if limit is None else shared_budget(self._secret, limit)

    def _http_options(self, operation_timeout: float) -> dict[str, Any]:
        return {
            "timeout": httpx.Timeout(operation_timeout, connect=min(operation_timeout, CONNECT_TIMEOUT_SECONDS)),
            "follow_redirects": False,
        }

    def _retries(self, operation: Operation, request: httpx.Request, job_id: str | None) -> Retries:
        # A job's wait is a loop of its own that repeats a failed poll; a body that is a stream can be sent only once.
        replayable = isinstance(request.stream, httpx.ByteStream)
        return Retries(operation.method, self._max_retries if replayable and job_id is None else 0)

    def _turns(self, operation: Operation) -> Iterator[float]:
        """The waits until the budget lets a call go, each in seconds."""
        self._calls += 1
        budget = self._budget
        if budget is None:
            return
        granted = False
        if operation.polling is None:
            again = False
            while not granted:
                wait, granted = budget.ask(_clock.monotonic(), again=again)
                again = True
                yield wait
            return
        ticket = budget.enter()
        try:
            while not granted:
                wait, granted = budget.ask_to_submit(ticket, _clock.monotonic())
                yield wait
        finally:
            budget.leave(ticket)

    def _polls_a_job(self) -> float:
        if self._polls_per_job is not None:
            return self._polls_per_job
        return MOST_POLLS_A_JOB if self._budget is None else self._budget.affordable_polls(_clock.monotonic())

    def _job_finished(self, polls: int) -> None:
        if self._budget is not None:
            self._budget.finished(polls)

    def _following(self, operation: Operation) -> Following:
        """How the jobs of an operation are followed: one learnt pace for all of them."""
        polling = cast("Polling", operation.polling)
        pace = self._paces.setdefault(operation.id, Pace(polling.delay_seconds, polling.interval_seconds))
        return Following(pace, self._polls_a_job, self._job_finished)

    def _request(self, call: Call, arguments: Mapping[str, Any], body: Any) -> httpx.Request:
        encoded = call.encode(arguments, body)
        return self._http.build_request(**{**encoded, "url": self._base_url + encoded["url"]})

    def _auth(self, operation: Operation) -> httpx.Auth | None:
        return KeyAuth(operation.keys, self._secret) if operation.keys and self._secret is not None else None

    def _job_options(self, result: Any, answer: Answer, name: str) -> dict[str, Any]:
        """What a job is made with, out of the answer to its submit."""
        operation = self.operations[name]
        job_id = None if operation.polling is None else id_text(operation.polling.read_id(answer))
        if job_id is None:
            raise errors.UncertainResponse(
                "The submit was answered with success and without the id of the job",
                violations=[],
                status_code=answer.status_code,
                body=str(answer.body)[:200],
                operation=operation.id,
            )
        return {
            "name": name,
            "operation": operation,
            "job_id": job_id,
            "interval": self._poll_interval,
            "following": self._following(operation),
            "submitted": result,
            "submitted_at": _clock.monotonic(),
        }

    def _port(
        self,
        submit: Callable[[str, Mapping[str, Any], Any], Awaitable[AsyncJob[Any]]],
        resume: Callable[[str, str], AsyncJob[Any]],
        download: Callable[[str, Path, AnyJob], Awaitable[Path]],
    ) -> Port:
        """What a batch needs of this client, with calls that are asynchronous."""
        return Port(
            operations=self.operations,
            base_url=self._base_url,
            secret=self._secret,
            rate_limit=None if self._budget is None else self._budget.limit,
            poll_interval=self._poll_interval,
            submit=submit,
            resume=resume,
            download=download,
            calls=lambda: self._calls,
        )

    def _resume_options(self, name: str, job_id: str) -> dict[str, Any]:
        """What a job is made with that is taken up again."""
        operation = self.operations.get(name)
        if operation is None or operation.polling is None:
            submits = ", ".join(name for name, each in self.operations.items() if each.polling)
            raise errors.ConfigurationError(f"{name!r} starts no job; name one of: {submits or '(none does)'}")
        if not job_id:
            raise errors.ConfigurationError("The job's id is empty; pass the id as it was given")
        try:
            operation.polling.parse_id(job_id)
        except ValueError:
            raise errors.ConfigurationError(f"{job_id!r} is no id of a job of {name}") from None
        return {
            "name": name,
            "operation": operation,
            "job_id": job_id,
            "interval": self._poll_interval,
            "following": self._following(operation),
        }


def _positive(name: str, value: float) -> float:
    if not 0 < value < float("inf"):
        raise errors.ConfigurationError(f"{name}={value!r}: give a number greater than 0")
    return float(value)


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
            concurrency: How many rows are in hand at a time; by default so many that their polls take half of the
                rate limit.
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
