"""One call without its I/O: what is sent for given arguments, and what is made of what comes back."""

from __future__ import annotations

import logging
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from . import _clock, _httpx, errors
from ._defaults import BODY_BYTES, BODY_CHARACTERS, MESSAGE_CHARACTERS
from ._intake import Intake, TooLarge
from ._log import log
from ._operation import Answer, Key, Operation
from ._retry import says_not_now
from ._secret import Secret
from ._wire import parse_json, to_json
from .errors import Violation
from .types import UNSET, Unset

# httpx raises these before anything of the request has left this machine.
_NEVER_SENT: Final = (
    _httpx.ConnectError,
    _httpx.ConnectTimeout,
    _httpx.PoolTimeout,
    _httpx.ProxyError,
    _httpx.UnsupportedProtocol,
)
_STATUS_ERRORS: Final = {
    error.status: error
    for error in (
        errors.BadRequest,
        errors.Unauthorized,
        errors.PaymentRequired,
        errors.Forbidden,
        errors.NotFound,
        errors.Conflict,
        errors.UnprocessableContent,
        errors.TooManyRequests,
    )
}
_LEAST_REFUSAL: Final = 400
_LEAST_SERVER_ERROR: Final = 500
# These say that the request is to be made elsewhere; other redirects may follow upon one that was carried out.
_MOVED: Final = frozenset({301, 307, 308})
_SMALL_ANSWER: Final = 65_536
_MAY_BE_ACCEPTED: Final = "; the submit may have been accepted, so it is not sent again by itself"


class Call:
    """One call of an operation.

    Args:
        operation: The operation.
        key: The API key, or None.
        job_id: The id of the job the call is about, if there is one already.

    Attributes:
        operation: As given.
        job_id: As given.
        sent_at: When its request was last sent, in seconds on a monotonic clock; 0 before that.
    """

    def __init__(self, operation: Operation, key: Secret | None, job_id: str | None = None) -> None:
        self.operation = operation
        self._key = key
        self.job_id = job_id
        self._callers = sys.exception()  # What the caller is handling meanwhile is none of ours.
        self.sent_at = 0.0

    def encode(self, arguments: Mapping[str, Any], body: Any = UNSET) -> dict[str, Any]:
        """Hold arguments and body to the contract and encode them.

        Args:
            arguments: What is no part of the body, by argument name.
            body: The body: a mapping of property names for a JSON object, or whatever the operation takes.

        Returns:
            Keyword arguments for ``httpx.Client.build_request``.

        Raises:
            InvalidRequest: Something breaks the contract; all of it is listed.
        """
        operation = self.operation
        given = {name: to_json(value) for name, value in arguments.items() if not isinstance(value, Unset)}
        content = to_json(body) if operation.body is not None else body
        if content == {} and not operation.body_required:
            content = UNSET  # No property was given, so the body as a whole was not.
        violations = [Violation(name, "is required") for name in sorted(operation.required - given.keys())]
        for name, value in given.items():
            violations += [Violation(name + at, message) for at, message in operation.parameters[name].errors(value)]
            # A path that ends at its parameter, or climbs, would be another operation's.
            if name in operation.path_parameters and str(value) in {"", ".", ".."}:
                violations.append(Violation(name, f"{value!r} cannot stand in a path"))
        violations += self._body_violations(content)
        if violations:
            raise errors.InvalidRequest(
                [Violation(v.place, self._bounded(v.message)) for v in violations],
                operation=operation.id,
                job_id=self.job_id,
            )
        return operation.encode(given, content)

    def _body_violations(self, content: Any) -> list[Violation]:
        operation = self.operation
        if isinstance(content, Unset):
            return [Violation("body", "is required")] if operation.body_required else []
        if operation.body is None:
            return []
        found: list[Violation] = []
        for pointer, message in operation.body.errors(content):
            _, _, rest = pointer.partition("/")
            name, slash, deeper = rest.partition("/")
            found.append(Violation(operation.body_names.get(name, name) + slash + deeper, message))
        return found

    def unsendable(self, error: Exception) -> errors.InvalidRequest:
        """The error for arguments of which no request can be made: what no URL, header or JSON text can hold."""
        message = f"no request can be made of them ({self._about(error)})"
        return errors.InvalidRequest([Violation("arguments", message)], operation=self.operation.id, job_id=self.job_id)

    def failed(self, error: Exception, request: _httpx.Request, intake: Intake | None) -> errors.ClientError:
        """The error for an attempt that ended in an exception.

        Args:
            error: Whatever was raised, by httpx or by another transport.
            request: What was sent, or was to be.
            intake: The body of the answer as far as it came; None where not even its head did.
        """
        self._strike_out(error, request)
        if intake is not None and not intake.response.is_success:
            return self._status_error(intake.response, intake.beginning)  # It says enough, whatever its body was.
        if intake is not None and isinstance(error, TooLarge):
            return self._invalid(intake.response, intake.beginning, [Violation("", str(error))])
        about = self._about(error)
        if isinstance(error, _NEVER_SENT) or _is_unsendable(error, request):
            message = f"No connection was made, nothing was sent ({about}); check the base URL and the network"
            return errors.TransportError(message, never_sent=True, operation=self.operation.id, job_id=self.job_id)
        message = f"The connection broke, or the time ran out, before the answer was read ({about})"
        if intake is not None and intake.beginning:
            message += f"; what came of it begins {self._text(intake.response, intake.beginning)[:200]!r}"
        error_type = errors.TransportError
        job_id = self.job_id
        if self.operation.polling is not None:
            message += _MAY_BE_ACCEPTED
            error_type = errors.UncertainTransport
            job_id = job_id or (None if intake is None else self._id_in(intake.response, intake.beginning))
        return error_type(message, never_sent=False, operation=self.operation.id, job_id=job_id)

    def repeated(self, error: errors.ClientError, pause: float) -> None:
        """Note that the call is made again."""
        message = f"A call failed and is made again in {pause:.1f} s: {error.message}"
        log(logging.WARNING, message, operation=self.operation.id, job_id=self.job_id)

    def interrupted(self, interruption: BaseException) -> None:
        """Say of a submit that was in the air when its task was cancelled, or the program interrupted, that it was."""
        if self.operation.polling is None:
            return
        said = "The submit was sent when it was interrupted; it may have been accepted, and the id is not known"
        interruption.add_note(f"{said} [operation {self.operation.id}]")
        log(logging.WARNING, said, operation=self.operation.id, job_id=None)

    @contextmanager
    def kept_in_mind(self, answer: Answer) -> Generator[None]:
        """Write the id of the job that an answer tells of on what interrupts the block."""
        try:
            yield
        except BaseException as interruption:
            started = self.started(answer)
            if started is not None:
                interruption.add_note(f"The submit was accepted; its job is {started} [operation {self.operation.id}]")
            raise

    def store_error(self, error: Exception) -> errors.ClientError:
        """The error for a request that did not go out, since the store of the rate limit could not be asked."""
        return errors.RateLimitStoreError(
            "The store that the rate limit is shared through could not be asked "
            f"({self._about(error)}); nothing was sent, since the limit might be exceeded",
            never_sent=True,
            operation=self.operation.id,
            job_id=self.job_id,
        )

    def decode(self, response: _httpx.Response) -> tuple[Any, Answer]:
        """The result of an answer that was read to its end.

        Returns:
            The parsed result, and the answer for the criteria of a Link to look at.

        Raises:
            StatusError: It is no answer of success.
            InvalidResponse: It is one, and breaks the contract.
        """
        content = response.content
        if not response.is_success:
            raise self._status_error(response, content)
        reply = self.operation.reply(response.status_code)
        if reply is None:
            undocumented = Violation("", f"the status {response.status_code} is not documented")
            raise self._invalid(response, content, [undocumented])
        body: Any = None
        if reply.schema is not None:
            try:
                body = parse_json(content)
                find = reply.schema.errors if len(content) <= _SMALL_ANSWER else reply.schema.first_error
                violations = [Violation(place, message) for place, message in find(body)]
            except ValueError as error:
                raise self._invalid(response, content, [Violation("", f"is no JSON: {error}")]) from None
            if violations:
                raise self._invalid(response, content, violations)
        try:
            result = reply.decode(response if reply.schema is None else body)
            return result, self._answer(response, body)
        except Exception as error:  # noqa: BLE001 - whatever generated code trips over, the answer is at fault
            undecodable = Violation("", f"cannot be decoded: {type(error).__name__}: {error}")
            raise self._invalid(response, content, [undecodable]) from None

    def _answer(self, response: _httpx.Response, body: Any) -> Answer:
        elapsed = _clock.monotonic() - self.sent_at
        return Answer(response.status_code, response.headers, body, self.sent_at, response, elapsed)

    def started(self, answer: Answer) -> str | None:
        """The id of the job that an answer of success says was started; None where the operation starts none."""
        return None if self.operation.polling is None else id_text(self.operation.polling.read_id(answer))

    def _status_error(self, response: _httpx.Response, content: bytes) -> errors.StatusError:
        status = response.status_code
        documented = self.operation.documents(status)
        body = self._text(response, content)
        message = f"The server answered {status} {self._bounded(response.reason_phrase)}".rstrip()
        if not documented:
            message += ", which the contract does not document"
        if 300 <= status < 400:
            message += "; redirects are not followed, since the API key would go along: correct the base URL"
        error_type = _STATUS_ERRORS.get(status, errors.StatusError)
        submits = self.operation.polling is not None
        if status >= _LEAST_SERVER_ERROR:
            uncertain = submits and not says_not_now(status, response.headers)
            error_type = errors.UncertainServerError if uncertain else errors.ServerError
        elif status < _LEAST_REFUSAL and submits and status not in _MOVED:
            error_type = errors.UncertainStatus
        if issubclass(error_type, errors.SubmissionUncertain):
            message += _MAY_BE_ACCEPTED
        if body:
            message += f": {body[:200]}"
        return error_type(
            message,
            status_code=status,
            documented=documented,
            body=body,
            headers={name: self._redact(value) for name, value in response.headers.items()},
            operation=self.operation.id,
            job_id=self.job_id,
        )

    def _invalid(
        self, response: _httpx.Response, content: bytes, violations: list[Violation]
    ) -> errors.InvalidResponse:
        error_type = errors.InvalidResponse if self.operation.polling is None else errors.UncertainResponse
        violations = [Violation(self._bounded(v.place), self._bounded(v.message)) for v in violations]
        listed = "; ".join(map(str, violations))
        message = f"The answer ({response.status_code}) breaks the contract: {listed[:BODY_CHARACTERS]}"
        return error_type(
            message if self.operation.polling is None else message + _MAY_BE_ACCEPTED,
            violations=violations,
            status_code=response.status_code,
            body=self._text(response, content),
            operation=self.operation.id,
            job_id=self.job_id or self._id_in(response, content),
        )

    def _id_in(self, response: _httpx.Response, content: bytes) -> str | None:
        """The id of the job in an answer to a submit that is wrong otherwise, where one can be made out."""
        if self.operation.polling is None:
            return None
        try:
            return self.started(self._answer(response, parse_json(content)))
        except ValueError:
            return None

    def _text(self, response: _httpx.Response, content: bytes) -> str:
        """The beginning of a body as text. Struck out first and cut then, or half a key might stand at the cut."""
        content = content[:BODY_BYTES]
        try:
            text = content.decode(response.charset_encoding or "utf-8", errors="replace")
        except (LookupError, ValueError):  # The charset is none, or none of texts.
            text = content.decode("utf-8", errors="replace")
        return self._redact(text)[:BODY_CHARACTERS]

    def _about(self, error: Exception) -> str:
        return self._bounded(f"{type(error).__name__}: {error}".rstrip(": "))

    def _bounded(self, text: str) -> str:
        text = self._redact(text)
        return text if len(text) <= MESSAGE_CHARACTERS else text[:MESSAGE_CHARACTERS] + "…"

    def _strike_out(self, error: BaseException, request: _httpx.Request) -> None:
        """Take the key out of an exception of the transport, and of those that it came of."""
        if isinstance(error, _httpx.RequestError):
            error.request = self._without_key(request)
        if self._key is None:
            return
        cause: BaseException | None = error
        while cause is not None and cause is not self._callers:
            # A server may send a key back where no text is expected; such an exception quotes it.
            cause.args = tuple(self._redact(_shown(each)) if _is_text(each) else each for each in cause.args)
            # The frames below have the headers, and with them the key, among their variables.
            cause.__traceback__ = None
            cause = cause.__cause__ or cause.__context__

    def _without_key(self, request: _httpx.Request) -> _httpx.Request:
        """A request as it may be kept on an error."""
        headers = [(name, self._redact(value)) for name, value in request.headers.multi_items()]
        return _httpx.Request(request.method, self._redact(str(request.url)), headers=headers)

    def _redact(self, text: str) -> str:
        return text if self._key is None else self._key.redact(text)


def _is_unsendable(error: Exception, request: _httpx.Request) -> bool:
    """Whether a request could not be put into words, so that nothing of it was sent.

    Of a body that is no stream, HTTP/1 says so before it sends anything. HTTP/2 uses the same error for an answer that
    it cannot read.
    """
    if not isinstance(error, _httpx.LocalProtocolError) or not isinstance(request.stream, _httpx.ByteStream):
        return False
    cause: BaseException | None = error
    while cause is not None and type(cause).__module__.partition(".")[0] != "h11":
        cause = cause.__cause__ or cause.__context__
    return cause is not None


def _is_text(value: object) -> bool:
    return isinstance(value, (str, bytes, bytearray))


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else repr(value)


def id_text(value: Any) -> str | None:
    """A job's id as text, or None where a value is none."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return None
    return str(value) or None


class KeyAuth(_httpx.Auth):
    """Puts the API key where the contract wants it, on the way out, so that no request built before holds it."""

    def __init__(self, keys: tuple[Key, ...], secret: Secret) -> None:
        self._keys = keys
        self._secret = secret

    def auth_flow(self, request: _httpx.Request) -> Any:
        """Add the key to a request, as httpx asks for."""
        for key in self._keys:
            value = key.prefix + self._secret.reveal()
            if key.location == "header":
                request.headers[key.name] = value
            elif key.location == "query":
                request.url = request.url.copy_merge_params({key.name: value})
            else:
                cookies = request.headers.get("cookie", "")
                pair = f"{key.name}={value}"
                if pair not in cookies.split("; "):  # It is there already where the request is sent once more.
                    request.headers["cookie"] = f"{cookies}; {pair}" if cookies else pair
        yield request
