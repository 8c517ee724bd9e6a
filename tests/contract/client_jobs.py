"""The client's job loop: polls the operation that the Link names, and ends as the criteria say."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle
from typing import Any

import httpx

from spacely_spec import Answer, Operation, Polling, all_hold

from . import expectations
from .answers import Content, encode
from .client_requests import CallExchange, Subject, recorded
from .clients import Answerer, Outcome, plain, same
from .recording import of_httpx
from .seams import put
from .wire import read_back, values_of

PHASE = "client waits"


def _broken(request: httpx.Request) -> httpx.Response:
    raise httpx.ReadError("the connection broke", request=request)


_PASSING: tuple[tuple[str, Answerer], ...] = (
    ("a server error", lambda _: httpx.Response(500)),
    ("a bad gateway", lambda _: httpx.Response(502, content=b"<h1>Bad Gateway</h1>")),
    ("a refusal for speed", lambda _: httpx.Response(429, headers={"Retry-After": "1"})),
    ("a connection that breaks", _broken),
    ("an answer that is no JSON", lambda _: httpx.Response(200, content=b"<h1>Maintenance</h1>")),
)
_LASTING = (400, 401, 403, 404)


def check_waits(subject: Subject) -> None:
    """Submit jobs of every polling Link, let them run and end in every way the contract shows, and look on."""
    for operation in subject.client.operations:
        if operation.polling is not None:
            _Waits(subject, operation, operation.polling).run(subject.examples)


class _Waits:
    """One Link of one client."""

    def __init__(self, subject: Subject, submit: Operation, polling: Polling) -> None:
        self._client = subject.client
        self._retrying = subject.retrying
        self._answers = subject.answers
        self._report = subject.report
        self._submit = submit
        self._polling = polling
        self._target = subject.client.spec.operation(polling.target)
        self._arguments = subject.inputs.first(submit)

    def run(self, count: int) -> None:
        accepted = next(each for each in self._answers.successes(self._submit) if each.status == self._polling.status)
        state = self._answers.successes(self._target)[0]
        (submitted,) = self._answers.valid(self._submit, accepted, 1)
        known: dict[str, list[Any]] = {"succeeded": [], "failed": [], "running": []}
        for body in self._states(state, count):
            known[self._state(state, body)].append(body)
        label = expectations.label(self._submit)
        for end in ("succeeded", "failed"):
            for body in known[end]:
                polls = [*known["running"][:2], body]
                for outcome in self._wait(accepted, submitted, state, polls):
                    outcome = recorded(self._report, PHASE, label, outcome)
                    self._judge(outcome, end, submitted, accepted, polls, state)
        if known["succeeded"]:
            self._troubled(accepted, submitted, state, known["running"][:1], known["succeeded"][0])
        if known["running"]:
            self._endless(accepted, submitted, state, known["running"][0])

    def _troubled(self, accepted: Content, submitted: Any, state: Content, running: list[Any], done: Any) -> None:
        """Waits in which something goes wrong on the way."""
        job_id = str(self._polling.job_id.read(_answer(accepted, submitted)))
        first, last = _json(accepted, submitted), _json(state, done)
        for name, trouble in _PASSING:
            script = [first, *(_json(state, body) for body in running), trouble, last]
            for outcome in self._play(script):
                kept = outcome.error is None and same(plain(outcome.value), done)
                self._note("wait_survives", kept, f"A poll that ends in {name} does not end the wait.", outcome)
        for body in self._unheard_of(state, running):
            for outcome in self._play([first, _json(state, body), last]):
                kept = outcome.error is None and same(plain(outcome.value), done)
                rule = "A state that nobody knows is neither success nor failure: the wait goes on."
                self._note("unknown_state_waited", kept, rule, outcome)
        for status in _LASTING:
            for outcome in self._play([first, _answering(status)]):
                error = outcome.error
                told = isinstance(error, self._client.errors.StatusError) and error.job_id == job_id
                rule = f"A poll that is answered {status} ends the wait with that error, and the job's id on it."
                self._note("job_id_told", told, rule, outcome)
        for outcome in self._client.resume(self._submit, job_id, _playing([last])):
            aims = len(outcome.sent) == 1 and self._aims(outcome.sent[0], job_id)
            holds = aims and outcome.error is None and same(plain(outcome.value), done)
            rule = "A job that is taken up again is polled, and nothing is submitted."
            self._note("resumed_by_polling", holds, rule, outcome)

    def _endless(self, accepted: Content, submitted: Any, state: Content, running: Any) -> None:
        """A wait for a job that never ends."""
        job_id = str(self._polling.job_id.read(_answer(accepted, submitted)))
        first, again = _json(accepted, submitted), _json(state, running)

        def answer(request: httpx.Request) -> httpx.Response:
            return (again if self._aims(request, job_id) else first)(request)

        for outcome in self._retrying.wait(self._submit, self._arguments, answer):
            error = outcome.error
            raised = isinstance(error, self._client.errors.JobTimeout) and error.job_id == job_id
            waited, limit = sum(outcome.pauses), self._polling.timeout_seconds
            holds = raised and 0.9 * limit <= waited <= 1.1 * limit + 1
            rule = f"A wait ends with JobTimeout after {limit:g} s, with the job's id on it."
            self._note("timeout_raised", holds, rule, outcome)

    def _unheard_of(self, state: Content, running: list[Any]) -> Iterator[Any]:
        """The answer of a job that runs, in a state that the contract does not have."""
        for criterion in self._polling.success:
            for body in running:
                if criterion.expression.source == "body" and isinstance(criterion.value, str):
                    changed = put(body, criterion.expression.key, "x-unheard-of")
                    if changed != body and self._state(state, changed) == "running":
                        yield changed

    def _play(self, script: list[Answerer]) -> Iterator[Outcome]:
        for outcome in self._client.wait(self._submit, self._arguments, _playing(script)):
            yield recorded(self._report, PHASE, expectations.label(self._submit), outcome)

    def _note(self, check: str, holds: bool, rule: str, outcome: Outcome) -> None:
        self._report.check(PHASE, expectations.label(self._submit), check, holds, rule, CallExchange(outcome))

    def _states(self, content: Content, count: int) -> Iterator[Any]:
        for media_type in self._target.responses[content.status].content.values():
            yield from media_type.examples.values()
        yield from self._answers.valid(self._target, content, count)

    def _state(self, content: Content, body: Any) -> str:
        answer = _answer(content, body)
        if all_hold(self._polling.success, answer):
            return "succeeded"
        return "failed" if all_hold(self._polling.failure, answer) else "running"

    def _wait(self, accepted: Content, submitted: Any, state: Content, polls: list[Any]) -> Iterator[Outcome]:
        script = [_json(accepted, submitted), *(_json(state, body) for body in polls)]
        yield from self._client.wait(self._submit, self._arguments, _playing(script))

    def _judge(
        self, outcome: Outcome, end: str, submitted: Any, accepted: Content, polls: list[Any], state: Content
    ) -> None:
        def check(name: str, holds: bool, rule: str) -> None:
            self._report.check(PHASE, expectations.label(self._submit), name, holds, rule, CallExchange(outcome))

        job_id = str(self._polling.job_id.read(_answer(accepted, submitted)))
        check("polls_until_the_end", len(outcome.sent) == 1 + len(polls), "Polls until the criteria of an end are met.")
        aims = all(self._aims(request, job_id) for request in outcome.sent[1:])
        check("polls_the_link", aims, f"Polls {expectations.label(self._target)} with the id {job_id}.")
        if end == "succeeded":
            kept = outcome.error is None and same(plain(outcome.value), polls[-1])
            check("success_returned", kept, "The answer of success is what wait returns.")
        else:
            error = outcome.error
            failed = isinstance(error, self._client.errors.JobFailed) and error.job_id == job_id
            check("failure_raised", failed, "The answer of failure is raised as JobFailed, with the job's id.")
        wanted = [self._state(state, body) for body in polls]
        check("states_told", [name for name, _ in outcome.updates] == wanted, f"The updates tell {', '.join(wanted)}.")
        if self._polling.result is not None and end == "succeeded":
            result = self._polling.result.read(_answer(state, polls[-1]))
            told = outcome.updates[-1][1] if outcome.updates else None
            check("result_told", same(plain(told), result), f"The last update has the result {result!r}.")

    def _aims(self, request: httpx.Request, job_id: str) -> bool:
        """Whether a request goes to the operation that the Link names, with the id and the Link's constants."""
        spec, polling, parameters = self._client.spec, self._polling, self._target.parameters
        wanted = dict(polling.constants)
        wanted.update(
            (each.name, read_back(spec, each, [job_id])) for each in parameters if each.name == polling.parameter
        )
        said = values_of(spec, self._target, of_httpx(request, None, 0.0, 0.0))
        return said is not None and all(
            same(said.parameters.get((each.location, each.name)), wanted[each.name])
            for each in parameters
            if each.name in wanted
        )


def _playing(script: list[Answerer]) -> Answerer:
    """Answers one after the other, over and over."""
    answers = cycle(script)

    def answer(request: httpx.Request) -> httpx.Response:
        return next(answers)(request)

    return answer


def _answering(status: int) -> Answerer:
    return lambda _: httpx.Response(status)


def _json(content: Content, body: Any) -> Answerer:
    headers = {"Content-Type": content.media_type}
    return lambda _: httpx.Response(expectations.number(content.status), headers=headers, content=encode(body))


def _answer(content: Content, body: Any) -> Answer:
    return Answer(int(content.status), {"content-type": content.media_type}, body)
