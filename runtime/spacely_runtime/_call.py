"""One call without its I/O: what is sent for given arguments, and what is made of what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NoReturn

from . import _httpx, errors
from ._defaults import BODY_CHARACTERS
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
    _httpx.LocalProtocolError,
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
_LEAST_SERVER_ERROR: Final = 500


class Call:
    """One call of an operation.

    Args:
        operation: The operation.
        key: The API key, or None.
        job_id: The id of the job the call is about, if there is one already.
    """

    def __init__(self, operation: Operation, key: Secret | None, job_id: str | None = None) -> None:
        self.operation = operation
        self._key = key
        self._job_id = job_id

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
                [Violation(v.place, self._redact(v.message)) for v in violations],
                operation=operation.id,
                job_id=self._job_id,
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

    def transport_error(self, error: _httpx.RequestError) -> errors.ClientError:
        """The error for a request that got no answer."""
        about = self._redact(f"{type(error).__name__}: {error}".rstrip(": "))
        if isinstance(error, _NEVER_SENT):
            message = f"No connection was made, nothing was sent ({about}); check the base URL and the network"
            return errors.TransportError(message, never_sent=True, operation=self.operation.id, job_id=self._job_id)
        message = f"The connection broke, or the time ran out, before the answer was read ({about})"
        error_type = errors.TransportError
        if self.operation.polling is not None:
            message += "; the submit may have been accepted, so it is not sent again by itself"
            error_type = errors.UncertainTransport
        return error_type(message, never_sent=False, operation=self.operation.id, job_id=self._job_id)

    def store_error(self, error: Exception) -> errors.ClientError:
        """The error for a request that did not go out, since the store of the rate limit could not be asked."""
        return errors.RateLimitStoreError(
            "The store that the rate limit is shared through could not be asked "
            f"({type(error).__name__}: {error}); nothing was sent, since the limit might be exceeded",
            never_sent=True,
            operation=self.operation.id,
            job_id=self._job_id,
        )

    def decode(self, response: _httpx.Response, elapsed: float = 0.0) -> tuple[Any, Answer]:
        """The result of an answer that was read to its end.

        Args:
            response: The answer.
            elapsed: Seconds that it took.

        Returns:
            The parsed result, and the answer for the criteria of a Link to look at.

        Raises:
            StatusError: It is no answer of success.
            InvalidResponse: It is one, and breaks the contract.
        """
        if not response.is_success:
            raise self._status_error(response)
        reply = self.operation.reply(response.status_code)
        if reply is None:
            self._invalid(response, None, [Violation("", f"the status {response.status_code} is not documented")])
        answer = Answer(response.status_code, response.headers, None, response, elapsed)
        if reply.schema is not None:
            try:
                answer = Answer(response.status_code, response.headers, parse_json(response.content), response, elapsed)
            except ValueError as error:
                self._invalid(response, None, [Violation("", f"is no JSON: {error}")])
            violations = [Violation(place, message) for place, message in reply.schema.errors(answer.body)]
            if violations:
                self._invalid(response, answer, violations)
        try:
            return reply.decode(response), answer
        except Exception as error:  # noqa: BLE001 - whatever generated code trips over, the answer is at fault
            self._invalid(response, answer, [Violation("", f"cannot be decoded: {type(error).__name__}: {error}")])

    def started(self, answer: Answer) -> str | None:
        """The id of the job that an answer of success says was started; None where the operation starts none."""
        return None if self.operation.polling is None else id_text(self.operation.polling.read_id(answer))

    def _status_error(self, response: _httpx.Response) -> errors.StatusError:
        status = response.status_code
        documented = self.operation.documents(status)
        body = self._text(response)
        message = f"The server answered {status} {response.reason_phrase}".rstrip()
        if not documented:
            message += ", which the contract does not document"
        if 300 <= status < 400:
            message += "; redirects are not followed, since the API key would go along: correct the base URL"
        if body:
            message += f": {body[:200]}"
        error_type = _STATUS_ERRORS.get(status, errors.StatusError)
        if status >= _LEAST_SERVER_ERROR:
            certain = self.operation.polling is None or says_not_now(status, response.headers)
            error_type = errors.ServerError if certain else errors.UncertainServerError
        return error_type(
            message,
            status_code=status,
            documented=documented,
            body=body,
            headers={name: self._redact(value) for name, value in response.headers.items()},
            operation=self.operation.id,
            job_id=self._job_id,
        )

    def _invalid(self, response: _httpx.Response, answer: Answer | None, violations: list[Violation]) -> NoReturn:
        job_id = self._job_id
        polling = self.operation.polling
        if polling is not None and answer is not None:
            job_id = id_text(polling.read_id(answer)) or job_id
        error_type = errors.InvalidResponse if polling is None else errors.UncertainResponse
        violations = [Violation(v.place, self._redact(v.message)) for v in violations]
        raise error_type(
            f"The answer ({response.status_code}) breaks the contract: {'; '.join(map(str, violations))}",
            violations=violations,
            status_code=response.status_code,
            body=self._text(response),
            operation=self.operation.id,
            job_id=job_id,
        ) from None

    def _text(self, response: _httpx.Response) -> str:
        text = response.content[: 4 * BODY_CHARACTERS].decode("utf-8", errors="replace")
        return self._redact(text[:BODY_CHARACTERS])

    def _redact(self, text: str) -> str:
        return text if self._key is None else self._key.redact(text)


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
                cookies = [request.headers["cookie"]] if "cookie" in request.headers else []
                request.headers["cookie"] = "; ".join([*cookies, f"{key.name}={value}"])
        yield request
