"""The client's job loop: polls the operation that the Link names, and ends as the criteria say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, unquote

import httpx

from spacely_spec import Answer, Operation, Polling, all_hold

from . import expectations
from .answers import Content, encode
from .client_requests import CallExchange, Subject, recorded
from .clients import Answerer, Outcome, plain, same

PHASE = "client waits"


def check_waits(subject: Subject) -> None:
    """Submit jobs of every polling Link, let them run and end in every way the contract shows, and look on."""
    for operation in subject.client.spec.operations:
        if operation.polling is not None:
            _Waits(subject, operation, operation.polling).run(subject.examples)


class _Waits:
    """One Link of one client."""

    def __init__(self, subject: Subject, submit: Operation, polling: Polling) -> None:
        self._client = subject.client
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
        script: list[tuple[Content, Any]] = [(accepted, submitted), *((state, body) for body in polls)]
        position = 0

        def answer(_: httpx.Request) -> httpx.Response:
            nonlocal position
            content, body = script[position % len(script)]
            position += 1
            return httpx.Response(
                int(content.status), headers={"Content-Type": content.media_type}, content=encode(body)
            )

        answerer: Answerer = answer
        yield from self._client.wait(self._submit, self._arguments, answerer)

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
        values = {
            self._polling.parameter: job_id,
            **{name: str(value) for name, value in self._polling.constants.items()},
        }
        path = self._target.path
        query: dict[str, str] = {}
        for parameter in self._target.parameters:
            if parameter.name not in values:
                continue
            if parameter.location == "path":
                path = path.replace("{" + parameter.name + "}", values[parameter.name])
            elif parameter.location == "query":
                query[parameter.name] = values[parameter.name]
        sent = dict(parse_qsl(request.url.query.decode(), keep_blank_values=True))
        at = unquote(request.url.raw_path.partition(b"?")[0].decode())
        return request.method == self._target.method and at.endswith(path) and query.items() <= sent.items()


def _answer(content: Content, body: Any) -> Answer:
    return Answer(int(content.status), {"content-type": content.media_type}, body)
