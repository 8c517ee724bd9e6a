"""Everything a client raises, in one tree.

    ClientError
    ├── ConfigurationError        the client cannot be made: no key, a base URL that is none
    ├── InvalidRequest            the arguments break the contract; nothing was sent
    ├── InvalidRows               rows of a batch's input break it; nothing was sent: .violations
    ├── TransportError            no answer came
    │   ├── RateLimitStoreError   the store of a shared rate limit could not be asked; nothing was sent
    │   └── UncertainTransport    … to a submit that may have been accepted      (also SubmissionUncertain)
    ├── StatusError               an answer came, and it is no success: .status_code
    │   ├── UncertainStatus       … to a submit that may have been accepted      (also SubmissionUncertain)
    │   ├── BadRequest 400, Unauthorized 401, PaymentRequired 402, Forbidden 403, NotFound 404, Conflict 409,
    │   │   UnprocessableContent 422, TooManyRequests 429
    │   └── ServerError           500 and above
    │       └── UncertainServerError  … to a submit that may have been accepted  (also SubmissionUncertain)
    ├── InvalidResponse           an answer came, and it breaks the contract: .violations
    │   └── UncertainResponse     … to a submit that was probably accepted       (also SubmissionUncertain)
    ├── SubmissionUncertain       whether a job was started, and is charged for, is not known
    ├── JobFailed                 the job has ended without a result: .response
    ├── JobTimeout                the job had not ended when the time was over; it can be taken up again
    ├── DownloadError             a file of a result could not be fetched or written: .url
    └── JournalError              the journal of a batch cannot be read or written

Each error carries ``operation`` (the operationId, where one was called) and ``job_id`` (from the moment a job
exists). No error holds an API key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

__all__ = [
    "BadRequest",
    "ClientError",
    "ConfigurationError",
    "Conflict",
    "DownloadError",
    "Forbidden",
    "InvalidRequest",
    "InvalidResponse",
    "InvalidRows",
    "JobFailed",
    "JobTimeout",
    "JournalError",
    "NotFound",
    "PaymentRequired",
    "RateLimitStoreError",
    "ServerError",
    "StatusError",
    "SubmissionUncertain",
    "TooManyRequests",
    "TransportError",
    "Unauthorized",
    "UncertainResponse",
    "UncertainServerError",
    "UncertainStatus",
    "UncertainTransport",
    "UnprocessableContent",
    "Violation",
]


_SHOWN: Final = 1000  # Of an id, in an error's text; the whole of it is its attribute.


@dataclass(frozen=True, slots=True)
class Violation:
    """One place where a value breaks the contract.

    Attributes:
        place: The argument, or the JSON pointer into the body; empty for the whole.
        message: What is wrong with the value there.
    """

    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place or 'body'}: {self.message}"


class ClientError(Exception):
    """The root of all errors of a client.

    Args:
        message: What happened, and what to do about it.
        operation: The operationId of the call, or None outside any call.
        job_id: The id of the job the call was about, or None before there is one.

    Attributes:
        attempts: How many requests were made of the call before this was raised.
    """

    def __init__(self, message: str, *, operation: str | None = None, job_id: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.operation = operation
        self.job_id = job_id
        self.attempts = 1

    def __str__(self) -> str:
        about = [f"operation {self.operation}"] if self.operation else []
        about += [f"job {self.job_id[:_SHOWN]}"] if self.job_id else []
        about += [f"{self.attempts} attempts"] if self.attempts > 1 else []
        return f"{self.message} [{', '.join(about)}]" if about else self.message

    def __reduce__(self) -> tuple[Any, ...]:
        # BaseException would call the class with the message alone, and lose the job's id between processes.
        return _rebuild, (type(self), self.args, self.__dict__.copy())


def _rebuild(cls: type[ClientError], args: tuple[Any, ...], state: dict[str, Any]) -> ClientError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class ConfigurationError(ClientError):
    """The client cannot be made, or cannot call anything, with what it was given."""


class InvalidRequest(ClientError):
    """The arguments of a call break the contract; nothing was sent.

    Args:
        violations: Each argument that breaks it, with the rule.
    """

    def __init__(self, violations: Sequence[Violation], *, operation: str, job_id: str | None = None) -> None:
        self.violations = tuple(violations)
        listed = "; ".join(map(str, self.violations))
        super().__init__(f"Not sent, the contract does not allow it: {listed}", operation=operation, job_id=job_id)


class InvalidRows(ClientError):
    """Rows of a batch's input cannot be read, or break the contract; nothing was sent.

    Args:
        violations: Every one of them: the row and its argument as the place, with the rule.
    """

    def __init__(self, violations: Sequence[Violation], *, operation: str) -> None:
        self.violations = tuple(violations)
        listed = "\n".join(f"  {violation}" for violation in self.violations)
        super().__init__(f"Nothing was sent, the input has to be corrected first:\n{listed}\n", operation=operation)


class TransportError(ClientError):
    """No answer came: no connection, a connection that broke, a timeout. ``__cause__`` is httpx's error.

    Attributes:
        never_sent: Whether it is certain that the server got nothing of the request to act on.
    """

    def __init__(
        self, message: str, *, never_sent: bool, operation: str | None = None, job_id: str | None = None
    ) -> None:
        super().__init__(message, operation=operation, job_id=job_id)
        self.never_sent = never_sent


class RateLimitStoreError(TransportError):
    """The store that a rate limit is shared through could not be asked, so nothing was sent.

    Without the store nobody knows what the others send, and whoever exceeds the limit may be blocked.
    """


class StatusError(ClientError):
    """The server answered with an error status.

    Attributes:
        status_code: The status as received, whatever the number.
        documented: Whether the contract documents this status for the operation.
        body: The beginning of the body as text; empty where there was none.
        headers: The headers of the answer.
    """

    status: ClassVar[int | None] = None

    def __init__(
        self,
        message: str,
        *,
        status_code: int,
        documented: bool,
        body: str,
        headers: dict[str, str],
        operation: str | None = None,
        job_id: str | None = None,
    ) -> None:
        super().__init__(message, operation=operation, job_id=job_id)
        self.status_code = status_code
        self.documented = documented
        self.body = body
        self.headers = headers


class BadRequest(StatusError):
    """The server found the request to be wrong."""

    status = 400


class Unauthorized(StatusError):
    """The API key is missing or not valid."""

    status = 401


class PaymentRequired(StatusError):
    """The account has run out of credit."""

    status = 402


class Forbidden(StatusError):
    """The API key may not do this, or the account is blocked."""

    status = 403


class NotFound(StatusError):
    """What was asked for does not exist."""

    status = 404


class Conflict(StatusError):
    """The request is at odds with the state of what it is about."""

    status = 409


class UnprocessableContent(StatusError):
    """The server understood the request and will not act on its content."""

    status = 422


class TooManyRequests(StatusError):
    """The rate limit is exceeded."""

    status = 429


class ServerError(StatusError):
    """The server failed: any status from 500 on."""


class InvalidResponse(ClientError):
    """The server answered with success, and the answer breaks the contract.

    Attributes:
        violations: Where it breaks it.
        status_code: The status of the answer.
        body: The beginning of the body as text, so that nothing in it is lost.
    """

    def __init__(
        self,
        message: str,
        *,
        violations: Sequence[Violation],
        status_code: int,
        body: str,
        operation: str | None = None,
        job_id: str | None = None,
    ) -> None:
        super().__init__(message, operation=operation, job_id=job_id)
        self.violations = tuple(violations)
        self.status_code = status_code
        self.body = body


class SubmissionUncertain(ClientError):
    """A submit was sent and no usable answer came back: a job may have been started, and charged for.

    It is not sent again by itself. Look in the account, or accept a second charge, before sending it again.
    """


class UncertainTransport(SubmissionUncertain, TransportError):
    """The connection broke, or the time ran out, after a submit was sent."""


class UncertainStatus(SubmissionUncertain, StatusError):
    """A submit was answered with neither success nor refusal: led elsewhere, as after one that was accepted."""


class UncertainServerError(SubmissionUncertain, ServerError):
    """The server failed at a submit, and may have accepted it before."""


class UncertainResponse(SubmissionUncertain, InvalidResponse):
    """The server answered a submit with success, and with a body that breaks the contract."""


class JobFailed(ClientError):
    """The job has ended, and the answer to the poll meets the contract's criteria for failure.

    Attributes:
        response: The parsed answer to the poll.
    """

    def __init__(self, message: str, *, response: Any, operation: str | None = None, job_id: str | None = None) -> None:
        super().__init__(message, operation=operation, job_id=job_id)
        self.response = response


class JobTimeout(ClientError):
    """The job had not ended when the time to wait was over. It goes on; take it up again with its id.

    Attributes:
        response: The parsed answer to the last poll, or None where no poll was answered.
    """

    def __init__(self, message: str, *, response: Any, operation: str | None = None, job_id: str | None = None) -> None:
        super().__init__(message, operation=operation, job_id=job_id)
        self.response = response


class DownloadError(ClientError):
    """A file that a result names could not be fetched or written.

    Attributes:
        url: The file's URL, without its query string, which may hold a signature.
        status_code: The status that its host answered with; None where none came, or it was 200.
        headers: The headers of that answer.
        may_pass: Whether it may be there a little later. It was tried again then; what is raised is the last failure.
    """

    def __init__(
        self,
        message: str,
        *,
        url: str,
        status_code: int | None = None,
        headers: Mapping[str, str] | None = None,
        may_pass: bool = False,
        operation: str | None = None,
        job_id: str | None = None,
    ) -> None:
        super().__init__(message, operation=operation, job_id=job_id)
        self.url = url
        self.status_code = status_code
        self.headers = dict(headers or {})
        self.may_pass = may_pass


class JournalError(ClientError):
    """The journal of a batch cannot be read or written.

    Attributes:
        job_ids: The ids of jobs that it could not take, by the names of their rows; ``job_id`` is the first of them.
    """

    def __init__(
        self,
        message: str,
        *,
        operation: str | None = None,
        job_id: str | None = None,
        job_ids: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message, operation=operation, job_id=job_id)
        self.job_ids = dict(job_ids or {})
