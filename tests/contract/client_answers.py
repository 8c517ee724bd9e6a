"""What the client makes of answers: valid ones kept whole, broken ones and errors raised as what they are."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from itertools import chain, cycle
from traceback import format_exception
from typing import Any

import httpx

from spacely_spec import Answer, Operation

from . import expectations
from .answers import JSON, Content, decode, encode, hostile
from .client_requests import CallExchange, Subject, recorded
from .clients import Answerer, Outcome, plain, same
from .report import Exchange

VALID, BROKEN, STATUSES, TRANSPORT = "valid answers", "broken answers", "error statuses", "no answers"
DRIFTED = "a drifted body"
_STATUSES = range(200, 1000)
_REGISTERED = (*(status.value for status in HTTPStatus if status >= 200), 299, 399, 420, 520, 599, 600, 999)
# A run of fewer examples than this tries the statuses that are registered, and a few that are not.
_WHOLE_RUN = 20
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
_BROKEN_OFF = (httpx.ReadError, httpx.ReadTimeout, httpx.WriteError, httpx.WriteTimeout, httpx.RemoteProtocolError)


def check_valid_answers(subject: Subject) -> None:
    """Answer with every documented success, with bodies that fit its schema, and with what tolerance lets pass."""
    _Checks(subject).valid()


def check_broken_answers(subject: Subject) -> None:
    """Answer with every documented success, with a body that breaks its schema, or is no JSON at all."""
    _Checks(subject).broken()


def check_statuses(subject: Subject) -> None:
    """Answer with every status there is, and some that there are not, with bodies of every kind."""
    _Checks(subject).statuses()


def check_transport(subject: Subject) -> None:
    """Answer with a connection that cannot be made, or breaks."""
    _Checks(subject).transport()


class _Checks:
    """The checks of one client, with what they have in common."""

    def __init__(self, subject: Subject) -> None:
        self._client = subject.client
        self._answers = subject.answers
        self._report = subject.report
        self._count = subject.examples
        self._arguments = {each.id: subject.inputs.first(each) for each in subject.client.operations}

    def valid(self) -> None:
        for client in (self._client.sync, self._client.asynchronous):
            texts = (repr(client), str(client), repr(vars(client)))
            silent = not any(self._client.key in text for text in texts)
            shown = Exchange(f"repr({type(client).__name__}(…))", repr(client))
            rule = "The representation of a client does not tell the key."
            self._report.check(VALID, type(client).__name__, "key_not_told", silent, rule, shown)
        for operation in self._client.operations:
            for content in self._answers.successes(operation):
                for check, bodies in (
                    ("valid_answer_kept", self._answers.valid(operation, content, self._count)),
                    ("valid_answer_kept", self._answers.limits(operation, content)),
                    ("tolerable_answer_kept", self._answers.tolerable(operation, content, self._count)),
                ):
                    for body in bodies:
                        self._kept(operation, content, check, body)
            for status in expectations.successes(operation):
                if not operation.responses[status].content:
                    self._nothing(operation, status)

    def broken(self) -> None:
        for operation in self._client.operations:
            for content in self._answers.successes(operation):
                accepts, lenient = self._answers.accepts(content), self._answers.has_typed_formats(content)
                (valid,) = self._answers.valid(operation, content, 1)
                drifted = self._answers.drifted(operation, content, self._count)
                made = chain(hostile(valid), ((DRIFTED, body) for body in drifted))
                for name, body in made:
                    answer = _answering_with(content, body)
                    for outcome in self._call(BROKEN, operation, answer):
                        refusable = lenient or name != DRIFTED
                        self._broken(operation, outcome, name, body, accepted=accepts(body), refusable=refusable)
                self._wrong_type(operation, content, valid)

    def statuses(self) -> None:
        key = self._client.key.encode()
        for operation in self._client.operations:
            bodies = cycle([b"", *(body for _, body in hostile({"error": "text"})), b"the key is " + key])
            for status in _STATUSES if self._count >= _WHOLE_RUN else _REGISTERED:
                if expectations.allows(expectations.successes(operation), status):
                    continue
                headers = {"Content-Type": JSON, "Location": "http://elsewhere.invalid/", "X-Echo": self._client.key}
                for outcome in self._call(STATUSES, operation, _answering(status, headers, next(bodies))):
                    self._status(operation, outcome, status)
            for content in self._answers.errors(operation):
                self._documented(operation, content)

    def _documented(self, operation: Operation, content: Content) -> None:
        """An error with the body that the contract documents, or with another: raised as what its status says."""
        values = [*self._answers.valid(operation, content, self._count), *self._answers.limits(operation, content)]
        broken = self._answers.drifted(operation, content, self._count)
        for body in (*map(encode, values), *broken):
            for outcome in self._call(STATUSES, operation, _answering_with(content, body)):
                status, error = expectations.number(content.status), outcome.error
                raised = isinstance(error, self._client.errors.StatusError) and error.status_code == status
                rule = f"The status {status}, with the body that the contract documents or another, is raised."
                self._check(STATUSES, operation, "documented_error_raised", raised, rule, outcome)

    def transport(self) -> None:
        errors = self._client.errors
        for operation in self._client.operations:
            for kind in (*_NEVER_SENT, *_BROKEN_OFF):
                for outcome in self._call(TRANSPORT, operation, _breaking(kind)):
                    uncertain = operation.polling is not None and kind in _BROKEN_OFF
                    holds = isinstance(outcome.error, errors.TransportError) and (
                        isinstance(outcome.error, errors.SubmissionUncertain) is uncertain
                    )
                    wanted = "SubmissionUncertain and TransportError" if uncertain else "TransportError alone"
                    self._check(
                        TRANSPORT,
                        operation,
                        "transport_error_raised",
                        holds,
                        f"{kind.__name__} is raised as {wanted}.",
                        outcome,
                    )

    def _kept(self, operation: Operation, content: Content, check: str, body: Any) -> None:
        answer = _answering_with(content, encode(body))
        for outcome in self._call(VALID, operation, answer):
            polling = operation.polling
            if polling is not None and outcome.error is None:
                job_id = polling.job_id.read(Answer(expectations.number(content.status), {"content-type": JSON}, body))
                found = getattr(outcome.value, "id", None)
                rule = f"The job's id is the one at {polling.job_id.text}: {job_id!r}."
                self._check(VALID, operation, "job_has_id", found == str(job_id), rule, outcome)
            kept = self._is_kept(operation, outcome, body)
            self._check(VALID, operation, check, kept, f"Everything in the answer is in the result: {body!r}.", outcome)

    def _nothing(self, operation: Operation, status: str) -> None:
        for outcome in self._call(VALID, operation, _answering(expectations.number(status), {}, b"")):
            holds = outcome.error is None and outcome.value is None
            self._check(VALID, operation, "empty_answer_is_none", holds, f"{status} has no body: None.", outcome)

    def _broken(
        self, operation: Operation, outcome: Outcome, name: str, body: bytes, *, accepted: bool, refusable: bool
    ) -> None:
        """Judge what came of a body that fits its schema or breaks it."""
        refused = isinstance(outcome.error, self._client.errors.InvalidResponse)
        if not accepted:
            rule = f"{name}: it breaks the contract, so InvalidResponse is raised."
            self._check(BROKEN, operation, "broken_answer_refused", refused, rule, outcome)
            return
        # A value that Python cannot hold may be refused; it may neither crash the client nor be changed.
        kept = self._is_kept(operation, outcome, decode(body)) or (refused and refusable)
        rule = f"{name}: it fits the contract, so it is kept whole."
        self._check(BROKEN, operation, "drifted_answer_kept", kept, rule, outcome)

    def _is_kept(self, operation: Operation, outcome: Outcome, body: Any) -> bool:
        value = outcome.value if operation.polling is None else getattr(outcome.value, "submitted", None)
        return outcome.error is None and same(plain(value), body)

    def _wrong_type(self, operation: Operation, content: Content, valid: Any) -> None:
        body = encode(valid)
        answer = _answering(expectations.number(content.status), {"Content-Type": "text/html; charset=utf-16"}, body)
        for outcome in self._call(BROKEN, operation, answer):
            kept = self._is_kept(operation, outcome, valid)
            refused = isinstance(outcome.error, self._client.errors.InvalidResponse)
            rule = "A valid body under a wrong content type is kept whole, or refused with InvalidResponse."
            self._check(BROKEN, operation, "content_type_survived", kept or refused, rule, outcome)

    def _status(self, operation: Operation, outcome: Outcome, status: int) -> None:
        errors, error = self._client.errors, outcome.error
        raised = isinstance(error, errors.StatusError) and error.status_code == status
        if 200 <= status < 300:
            raised = raised or isinstance(error, errors.InvalidResponse)
        rule = f"The status {status} is raised as StatusError with that number."
        self._check(STATUSES, operation, "error_status_raised", raised, rule, outcome)
        alone = len(outcome.sent) == 1
        self._check(STATUSES, operation, "redirect_not_followed", alone, "One call is one request.", outcome)

    def _call(self, phase: str, operation: Operation, answer: Answerer) -> Iterator[Outcome]:
        for outcome in self._client.call(operation, self._arguments[operation.id], answer):
            outcome = recorded(self._report, phase, expectations.label(operation), outcome)
            typed = outcome.error is None or isinstance(outcome.error, self._client.errors.ClientError)
            self._check(phase, operation, "only_client_errors", typed, "Nothing but a ClientError is raised.", outcome)
            rule = "Neither the error, nor anything it holds, nor its traceback, nor a log tells the key."
            self._check(phase, operation, "key_not_told", not _tells(outcome, self._client.key), rule, outcome)
            yield outcome

    def _check(self, phase: str, operation: Operation, check: str, holds: bool, rule: str, outcome: Outcome) -> None:
        self._report.check(phase, expectations.label(operation), check, holds, rule, CallExchange(outcome))


def _answering(status: int, headers: dict[str, str], body: bytes) -> Answerer:
    return lambda _: httpx.Response(status, headers=headers, content=body)


def _answering_with(content: Content, body: bytes) -> Answerer:
    return _answering(expectations.number(content.status), {"Content-Type": content.media_type}, body)


def _breaking(kind: type[httpx.RequestError]) -> Answerer:
    def answer(request: httpx.Request) -> httpx.Response:
        raise kind("the connection", request=request)

    return answer


def _tells(outcome: Outcome, key: str) -> bool:
    error = outcome.error
    if key in outcome.log:
        return True
    if error is None:
        return False
    traceback = "".join(format_exception(error))
    return any(key in text for text in (str(error), repr(error), repr(vars(error)), repr(error.args), traceback))
