"""What the client sends again, and what it never does: a submit that may have been accepted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import httpx

from spacely_spec import Operation

from . import expectations
from .client_requests import CallExchange, Subject, recorded, valid_answer
from .clients import Answerer, Outcome

PHASE = "client retries"
# RFC 9110, 9.2.2.
_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"})
_LONG = 7
_MANY = 20


@dataclass(frozen=True, slots=True)
class _Trouble:
    """One way in which a call ends badly.

    Attributes:
        name: What it is called.
        kind: The error of the transport, or a status.
        turned_away: Whether it is certain that the server did not take the request.
        passing: Whether the same call may well succeed a moment later.
        headers: The headers of the answer.
    """

    name: str
    kind: type[httpx.RequestError] | int
    turned_away: bool
    passing: bool
    headers: Mapping[str, str] = field(default_factory=dict)


_WAIT = {"Retry-After": str(_LONG)}
_TROUBLES = (
    _Trouble("no connection", httpx.ConnectError, True, True),
    _Trouble("no connection in time", httpx.ConnectTimeout, True, True),
    _Trouble("too many requests", 429, True, True, _WAIT),
    _Trouble("not available, come again", 503, True, True, _WAIT),
    _Trouble("no answer in time", httpx.ReadTimeout, False, True),
    _Trouble("a connection that broke", httpx.ReadError, False, True),
    _Trouble("half an answer", httpx.RemoteProtocolError, False, True),
    _Trouble("a server error", 500, False, True),
    _Trouble("a bad gateway", 502, False, True),
    _Trouble("not available", 503, False, True),
    _Trouble("a gateway that ran out of time", 504, False, True),
    _Trouble("a bad request", 400, True, False),
    _Trouble("no key", 401, True, False),
    _Trouble("no right", 403, True, False),
    _Trouble("not there", 404, True, False),
)


def check_retries(subject: Subject) -> None:
    """Let each operation go wrong once, and for ever, in every way, and count what is sent."""
    client, errors = subject.retrying, subject.retrying.errors
    for operation in client.operations:
        label, good = expectations.label(operation), valid_answer(operation, subject.answers)
        arguments = subject.inputs.first(operation)
        again = operation.method in _IDEMPOTENT

        def judge(check: str, holds: bool, rule: str, outcome: Outcome, label: str = label) -> None:
            subject.report.check(PHASE, label, check, holds, rule, CallExchange(outcome))

        for trouble in _TROUBLES:
            once = trouble.passing and (again or trouble.turned_away)
            for outcome in _call(subject, operation, _script(trouble, 1, good)):
                if once:
                    holds = len(outcome.sent) == 2 and outcome.error is None
                    rule = f"After {trouble.name}, {label} is sent once more: that can do no harm."
                    judge("retried_where_safe", holds, rule, outcome)
                    if trouble.headers:
                        kept = sum(outcome.pauses) >= _LONG
                        judge("retry_after_kept", kept, f"It waits {_LONG} s, as Retry-After asks.", outcome)
                    continue
                holds = len(outcome.sent) == 1 and isinstance(outcome.error, errors.ClientError)
                rule = f"After {trouble.name}, {label} is not sent again: it may have been done, or will never be."
                judge("sent_once", holds, rule, outcome)
                if operation.polling is not None:
                    uncertain = isinstance(outcome.error, errors.SubmissionUncertain)
                    rule = f"After {trouble.name}, a submit {'is' if not trouble.turned_away else 'is not'} uncertain."
                    judge("uncertainty_told", uncertain is not trouble.turned_away, rule, outcome)
            if once:
                for outcome in _call(subject, operation, _script(trouble, None, good), arguments):
                    bounded = len(outcome.sent) <= _MANY and isinstance(outcome.error, errors.ClientError)
                    judge("retries_bounded", bounded, f"After {trouble.name} again and again, it gives up.", outcome)


def _call(
    subject: Subject, operation: Operation, answer: _Script, arguments: Mapping[str, object] | None = None
) -> Iterator[Outcome]:
    given = subject.inputs.first(operation) if arguments is None else arguments
    for outcome in subject.retrying.call(operation, given, answer):
        answer.start_again()
        yield recorded(subject.report, PHASE, expectations.label(operation), outcome)


def _script(trouble: _Trouble, times: int | None, good: Answerer) -> _Script:
    return _Script(trouble, times, good)


class _Script:
    """Answers with trouble a number of times, or for ever, and then as all is well."""

    def __init__(self, trouble: _Trouble, times: int | None, good: Answerer) -> None:
        self._trouble = trouble
        self._times = times
        self._good = good
        self._made = 0

    def start_again(self) -> None:
        """Forget the calls so far."""
        self._made = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self._made += 1
        if self._times is not None and self._made > self._times:
            return self._good(request)
        kind = self._trouble.kind
        if isinstance(kind, int):
            return httpx.Response(kind, headers=self._trouble.headers)
        raise kind(self._trouble.name, request=request)
