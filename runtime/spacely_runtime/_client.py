"""The two clients that generated ones build on: they hold the connection and the key, and make calls."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Generic, Self, TypeVar
from urllib.parse import urlsplit

import httpx

from . import _clock, errors
from ._budget import Budget, RateLimit, shared_budget
from ._call import Call, KeyAuth, id_text
from ._defaults import CONNECT_TIMEOUT_SECONDS, DOWNLOAD_TIMEOUT_SECONDS, RETRIES, TIMEOUT_SECONDS
from ._download import check_download, download_errors, whole_file
from ._jobs import AnyJob, AsyncJob, Job
from ._operation import Answer, Operation
from ._retry import Retries
from ._secret import Secret
from .types import UNSET, Unset

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
    ) -> None:
        self._secret = self._find_key(api_key)
        self._base_url = self._find_base_url(base_url)
        self._timeout = _positive("timeout", timeout)
        self._poll_interval = None if poll_interval is None else _positive("poll_interval", poll_interval)
        self._budget = self._find_budget(rate_limit)
        if max_retries < 0:
            raise errors.ConfigurationError(f"max_retries={max_retries!r}: give 0 or a number greater than 0")
        self._max_retries = max_retries

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

    def _wait_for_budget(self) -> float:
        return 0.0 if self._budget is None else self._budget.reserve(_clock.monotonic())

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
            "submitted": result,
            "submitted_at": _clock.monotonic(),
        }

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
        return {"name": name, "operation": operation, "job_id": job_id, "interval": self._poll_interval}


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
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        super().__init__(
            api_key=api_key,
            base_url=base_url,
            timeout=timeout,
            rate_limit=rate_limit,
            poll_interval=poll_interval,
            max_retries=max_retries,
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
            _clock.sleep(self._wait_for_budget())
            try:
                return call.decode(self._exchange(call, request))
            except errors.ClientError as error:
                error.attempts = attempts
                pause = retries.pause(error)
                if pause is None:
                    raise
            _clock.sleep(pause)

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
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        super().__init__(
            api_key=api_key,
            base_url=base_url,
            timeout=timeout,
            rate_limit=rate_limit,
            poll_interval=poll_interval,
            max_retries=max_retries,
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
            await _clock.sleep_async(self._wait_for_budget())
            try:
                return call.decode(await self._exchange(call, request))
            except errors.ClientError as error:
                error.attempts = attempts
                pause = retries.pause(error)
                if pause is None:
                    raise
            await _clock.sleep_async(pause)

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
