"""What the two clients have in common: settings, key, budget, pace. All but the I/O."""

from __future__ import annotations

import logging
import os
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, cast
from urllib.parse import urlsplit

from . import _clock, _httpx, errors
from ._budget import Budget, RateLimit, shared_budget
from ._call import Call, KeyAuth, id_text
from ._connections import Connections
from ._defaults import (
    BODY_CHARACTERS,
    CONNECT_TIMEOUT_SECONDS,
    DOWNLOAD_TIMEOUT_SECONDS,
    IDLE_CONNECTION_SECONDS,
    MOST_POLLS_A_JOB,
    POLLS_A_JOB,
    POOL_CONNECTIONS,
    POOLS,
    RETRIES,
    TIMEOUT_SECONDS,
)
from ._intake import ENCODINGS
from ._jobs import AnyJob, AsyncJob
from ._log import log
from ._operation import Answer, Operation, Polling
from ._pace import Pace
from ._redaction import keep_out_of_logs, without_credentials
from ._retry import Retries
from ._secret import Secret
from ._settings import found_hooks, is_number, positive
from ._wait import Following, NoTurn
from .types import UNSET, Unset

if TYPE_CHECKING:
    from ._port import Port
    from ._raw import RawCalls
    from ._shared_budget import SharedBudget
    from ._watch import Watch
    from .hooks import Hook
H = TypeVar("H", _httpx.Client, _httpx.AsyncClient)
Transport = TypeVar("Transport", _httpx.BaseTransport, _httpx.AsyncBaseTransport)


class AnyClient(ABC, Generic[H, Transport]):
    """What the two clients have in common: all but the I/O."""

    _send: Callable[..., Any]
    """Makes a call; see the two clients."""
    _started: Callable[..., Any]
    """Makes a job of the answer to its submit; see the two clients."""
    _submit: Callable[..., Any]
    """Submits a job; see the two clients."""
    _resume: Callable[..., Any]
    """Makes a job of its id; see the two clients."""
    _poll: Callable[..., Any]
    """Asks once how a job stands; see the two clients."""
    _download: Callable[..., Any]
    """Fetches a file; see the two clients."""

    operations: ClassVar[Mapping[str, Operation]]
    """The operations of the contract, by the name of their method."""
    _default_base_url: ClassVar[str | None]
    _environment_prefix: ClassVar[str]
    _contract_rate_limit: ClassVar[RateLimit | None]

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        *,
        timeout: float = TIMEOUT_SECONDS,
        rate_limit: float | Unset | None = UNSET,
        rate_limit_store: str | None = None,
        poll_interval: float | None = None,
        max_retries: int = RETRIES,
        polls_per_job: float | None = None,
        hooks: Sequence[Hook] = (),
        transport: Transport | None = None,
    ) -> None:
        self._secret = self._find_key(api_key)
        keep_out_of_logs(self._secret)
        self._base_url = self._find_base_url(base_url)
        self._timeout = positive("timeout", timeout)
        self._poll_interval = None if poll_interval is None else positive("poll_interval", poll_interval)
        self._budget = self._find_budget(rate_limit)
        self._shared_budget = self._find_shared_budget(rate_limit_store)
        if not is_number(max_retries) or max_retries < 0:
            raise errors.ConfigurationError(f"max_retries={max_retries!r}: give 0 or a number greater than 0")
        self._max_retries = max_retries
        self._calls = 0
        if polls_per_job is not None and not (is_number(polls_per_job) and polls_per_job > 1):
            raise errors.ConfigurationError(f"polls_per_job={polls_per_job!r}: give a number greater than 1")
        self._polls_per_job = polls_per_job
        if polls_per_job is not None and self._budget is not None:
            self._budget.expect(polls_per_job)
        self._paces: dict[str, Pace] = {}
        self._hooks = found_hooks(hooks)
        # Of each operation that a job is asked for with, the argument that takes the job's id.
        self._job_parameters = {
            self.operations[each.polling.target].id: each.polling.parameter
            for each in self.operations.values()
            if each.polling is not None
        }
        # Certificates are read once, not for each pool; a transport of the caller's has its own.
        tls = _httpx.create_ssl_context() if transport is None else True
        cookies = _httpx.Cookies()
        self._connect(transport, tls, cookies)

        def reconnect() -> None:
            self._shared_budget = self._find_shared_budget(rate_limit_store)
            if transport is None and not self._http.is_closed:
                self._connect(transport, tls, cookies)

        self._reconnect = reconnect  # It keeps to itself what it is done with: the store's URL may hold a password.

    def _connect(self, transport: Transport | None, tls: Any, cookies: _httpx.Cookies) -> None:
        """Begin with new connections."""
        options = {"transport": transport, "verify": tls, **self._http_options(self._timeout)}
        self._connections: Connections[H] = Connections(
            lambda: self._new_http(options, cookies),
            *((POOLS, POOL_CONNECTIONS) if transport is None else (1, float("inf"))),
        )
        self._http: H = self._connections.first
        # A client of its own for files: no key, no cookie of the API ever goes to the host that keeps them.
        for_files = {**options, **self._http_options(DOWNLOAD_TIMEOUT_SECONDS)}
        self._files: H = self._new_http(for_files, _httpx.Cookies())

    @abstractmethod
    def _new_http(self, options: Mapping[str, Any], cookies: _httpx.Cookies) -> H:
        """What requests are sent with."""

    @property
    def base_url(self) -> str:
        """Where the calls go."""
        return self._base_url

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {without_credentials(self._base_url)}>"

    def _find_key(self, given: Any) -> Secret | None:
        variable = f"{self._environment_prefix}_API_KEY"
        value: Any = os.environ.get(variable, "") if given is None else given
        if not isinstance(value, str):
            raise errors.ConfigurationError(f"api_key is of type {type(value).__name__}; give the key as a text")
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

    def _find_base_url(self, given: Any) -> str:
        variable = f"{self._environment_prefix}_BASE_URL"
        url: Any = given or os.environ.get(variable) or self._default_base_url
        if url is None:
            raise errors.ConfigurationError(f"The contract names no server; pass base_url=… or set {variable}")
        if not isinstance(url, str):
            raise errors.ConfigurationError(f"base_url={url!r}: give it as a text, such as https://host/path")
        try:
            parts = urlsplit(url)
            valid = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0 and not parts.query
            _httpx.Url(url)
            (parts.hostname or "").encode("idna")  # What no resolver takes, such as a label of 64 characters.
        except (ValueError, _httpx.InvalidURL):
            valid = False
        if not valid:
            raise errors.ConfigurationError(
                f"{without_credentials(url)!r} is no base URL; write it as https://host/path"
            )
        return url.rstrip("/")

    def _find_budget(self, rate_limit: float | Unset | None) -> Budget | None:
        if isinstance(rate_limit, Unset):
            limit = self._contract_rate_limit
        elif rate_limit is None:
            limit = None
        elif positive("rate_limit", rate_limit) >= 1:
            limit = RateLimit(int(rate_limit), 1.0)
        else:
            limit = RateLimit(1, 1.0 / rate_limit)
        return None if limit is None else shared_budget(self._secret, limit)

    def _find_shared_budget(self, given: str | None) -> SharedBudget | None:
        url = given or os.environ.get(f"{self._environment_prefix}_RATE_LIMIT_STORE")
        if not url or self._budget is None:
            return None
        from ._shared_budget import SharedBudget  # Whoever shares no budget does without.

        return SharedBudget(url, self._secret, self._budget.limit, self._environment_prefix.lower())

    def _http_options(self, operation_timeout: float) -> dict[str, Any]:
        return {
            "timeout": _httpx.Timeout(operation_timeout, connect=min(operation_timeout, CONNECT_TIMEOUT_SECONDS)),
            "limits": _httpx.Limits(
                max_connections=POOL_CONNECTIONS,
                max_keepalive_connections=POOL_CONNECTIONS,
                keepalive_expiry=IDLE_CONNECTION_SECONDS,
            ),
            "follow_redirects": False,
            "headers": ENCODINGS,
        }

    def _retries(self, operation: Operation, request: _httpx.Request, job_id: str | None) -> Retries:
        # A job's wait is a loop of its own that repeats a failed poll; a body that is a stream can be sent only once.
        replayable = isinstance(request.stream, _httpx.ByteStream)
        return Retries(operation.method, self._max_retries if replayable and job_id is None else 0)

    def _job_in(self, operation: Operation, arguments: Mapping[str, Any]) -> str | None:
        """The id of the job that a call asks for, where it asks for one."""
        parameter = self._job_parameters.get(operation.id)
        return None if parameter is None else id_text(arguments.get(parameter))

    def _turns(self, operation: Operation, until: float) -> Iterator[float]:
        """The waits until the budget lets a call go, each in seconds.

        Raises:
            NoTurn: It had let go none at this time on a monotonic clock.
        """
        self._calls += 1
        budget = self._budget
        if budget is None:
            return
        granted = False
        ticket = budget.enter(submit=operation.polling is not None)
        try:
            while not granted:
                now = _clock.monotonic()
                wait, granted = budget.ask(ticket, now, self._connections.free)
                if not granted and now >= until:
                    raise NoTurn
                yield min(wait, until - now) if wait else 0.0
        finally:
            budget.leave(ticket)

    def _answered(self, call: Call) -> None:
        if self._budget is not None:
            self._budget.answered(call.sent_at, _clock.monotonic())

    def _polls_a_job(self, seconds: float | None = None) -> float:
        """How many polls a job may take on average, where jobs take so many seconds."""
        if self._polls_per_job is not None:
            return self._polls_per_job
        if self._shared_budget is not None:
            return POLLS_A_JOB  # What the others send is not known: calls are taken to be scarce.
        if self._budget is None:
            return MOST_POLLS_A_JOB
        return self._budget.affordable_polls(_clock.monotonic(), seconds)

    def _following(self, operation: Operation) -> Following:
        """How the jobs of an operation are followed: one learnt pace for all of them."""
        polling = cast("Polling", operation.polling)
        pace = self._paces.setdefault(operation.id, Pace(polling.delay_seconds, polling.interval_seconds))
        return Following(pace, self._budget, self._polls_a_job)

    def _request(self, call: Call, arguments: Mapping[str, Any], body: Any) -> _httpx.Request:
        if self._http.is_closed:
            raise errors.ConfigurationError("The client is closed; make a new one", operation=call.operation.id)
        try:
            encoded = call.encode(arguments, body)
            url = self._base_url + encoded.pop("url")
            # httpx would take the URL apart once more to put the parameters in.
            params = _httpx.QueryParams(encoded.pop("params", None))
            if params:
                url += f"?{params}"
            if "cookies" in encoded or self._http.cookies:
                return self._http.build_request(url=url, **encoded)
            # The same where there are none, without the copies that httpx makes of all it might merge.
            headers = _httpx.Headers(self._http.headers)
            headers.update(encoded.pop("headers", None))
            return _httpx.Request(url=url, headers=headers, **encoded)
        except errors.ClientError:
            raise
        except Exception as error:
            raise call.unsendable(error) from error

    def _redacted(self, text: str) -> str:
        return text if self._secret is None else self._secret.redact(text)

    def _watch(self, operation: Operation, request: _httpx.Request, job_id: str | None) -> Watch | None:
        """What tells the hooks of a call; None where there are none."""
        if not self._hooks:
            return None
        from ._watch import Watch  # Whoever has no hooks does without.

        url = str(request.url.copy_with(userinfo=b"") if request.url.userinfo else request.url)
        return Watch(
            self._hooks,
            operation=operation.id,
            method=operation.method,
            path=operation.path,
            url=url if self._secret is None else self._secret.redact(url),
            job_id=job_id,
        )

    def _auth(self, operation: Operation) -> _httpx.Auth | None:
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
                body=self._redacted(str(answer.body))[:BODY_CHARACTERS],
                operation=operation.id,
            )
        log(logging.INFO, "A job was started", operation=operation.id, job_id=job_id)
        return {
            "name": name,
            "operation": operation,
            "job_id": job_id,
            "interval": self._poll_interval,
            "following": self._following(operation),
            "hooks": self._hooks,
            "redact": self._redacted,
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
        from ._port import Port  # Whoever runs no batch does without.

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

    def _raw_calls(self) -> RawCalls:
        """What the methods of ``with_raw_response`` call."""
        from ._raw import RawCalls  # Whoever looks at no raw answer does without.

        return RawCalls(self._send, self._started, self.operations)

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
            "hooks": self._hooks,
            "redact": self._redacted,
        }
