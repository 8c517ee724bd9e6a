"""The ladder climbed: every step sent through the guard, every answer held to the contract."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import httpx

from spacely_mock._requests import Checked
from spacely_spec import Operation, Polling, all_hold

from .. import credentials, expectations
from ..report import Exchange
from .guard import Clock, Guard, NotAllowed
from .judging import Judge
from .ledger import Ledger
from .observations import Observation, Reader
from .plan import MOST_IMAGES, Plan, Step, broken_polls

_TIMEOUT = httpx.Timeout(30)


@dataclass(frozen=True, slots=True)
class NotRun:
    """A step that was not done, or not to its end, and why."""

    step: Step
    reason: str


@dataclass(slots=True)
class KnownJob:
    """A job that was started or followed, and what is known of its end."""

    operation: Operation
    id: str
    end: str = "its end was not seen"


@dataclass
class Ladder:
    """Does the steps of a plan, as far as the guard lets it.

    Args:
        judge: Holds the answers to the contract.
        reader: Reads the requests.
        guard: What every request passes through.
        ledger: Is told which jobs have ended.
        key: The key; None where the contract asks for none.
        clock: The time.

    Attributes:
        not_run: What was planned and not done.
        jobs: The jobs that were followed.
    """

    judge: Judge
    reader: Reader
    guard: Guard
    ledger: Ledger
    key: str | None
    clock: Clock
    not_run: list[NotRun] = field(default_factory=list[NotRun])
    jobs: list[KnownJob] = field(default_factory=list[KnownJob])

    def climb(self, plan: Plan) -> None:
        """Do what is planned, and note what is not done."""
        for step in plan.steps:
            try:
                self._do(step)
            except NotAllowed as limit:
                self.not_run.append(NotRun(step, str(limit)))
            except httpx.RequestError as error:
                self.not_run.append(NotRun(step, f"there was no answer ({type(error).__name__}: {error})"))

    def _do(self, step: Step) -> None:
        match step.kind:
            case "probe":
                self._probe(step)
            case "job":
                self._follow(step, _polling(step.operation), step.job, delay=0)
            case "submit":
                self._submit(step, _polling(step.operation))

    def _probe(self, step: Step) -> None:
        self._note_job(step, self._send(step))

    def _submit(self, step: Step, polling: Polling) -> None:
        started = self._send(step)
        if not expectations.allows((polling.status,), started.status):
            self._note_job(step, started)
            return
        job = polling.job_id.read(started.answer)
        usable = job not in (None, "")
        self._check(step, started, "job_id_usable", usable, f"There is an id at {polling.job_id.text}.")
        if usable:
            self._follow(step, polling, str(job), polling.delay_seconds)

    def _note_job(self, step: Step, seen: Observation) -> None:
        """Keep the job that was started though it should not have been: it has its price, and must not be lost."""
        job = self.guard.job(seen.request, seen.response)
        if job is not None:
            self.jobs.append(KnownJob(step.operation, job))

    def _follow(self, step: Step, polling: Polling, job_id: str, delay: float) -> None:
        """Poll a job to its end, look once more whether the end stays, and fetch what it has made."""
        job = KnownJob(step.operation, job_id)
        self.jobs.append(job)
        poll = self._poll_step(step, polling, job_id)
        self.clock.sleep(delay)
        end = self._until_ended(poll, polling)
        if end is None:
            return
        succeeded = all_hold(polling.success, end.answer)
        job.end = "succeeded" if succeeded else "failed"
        self.ledger.job_ended(step.operation.id, job_id)
        again = self._poll(poll, polling)
        if again is not None and again.accepted:
            same = again.answer.body == end.answer.body
            self._check(step, again, "end_is_stable", same, "A job that has ended answers the same each time.")
        for variation in broken_polls(self.judge.observations.spec, self.judge.samples, polling, job_id):
            request = self.judge.samples.request(variation.case, credentials.right(poll.operation, self.key or ""))
            expected = expectations.rejections(poll.operation)
            self._send(
                replace(
                    poll,
                    title=f"{poll.title}, {variation.title}",
                    request=request,
                    check="invalid_request_refused",
                    expected=expected,
                    breaks=variation.statement,
                )
            )
        if succeeded and polling.result is not None:
            self._fetch(step, polling.result.read(end.answer))

    def _poll_step(self, step: Step, polling: Polling, job_id: str) -> Step:
        target = self.judge.observations.spec.operation(polling.target)
        parameter = next(p for p in target.parameters if p.name == polling.parameter)
        samples = self.judge.samples
        case = samples.with_id(samples.valid(target), parameter, job_id, polling.constants)
        return replace(
            step,
            title=f"a poll of {job_id}",
            operation=target,
            request=samples.request(case, credentials.right(target, self.key or "")),
            check="",
            expected=expectations.successes(target),
            breaks="",
            shows="",
        )

    def _until_ended(self, poll: Step, polling: Polling) -> Observation | None:
        """The answer that tells of the job's end; None where none does, which has then been reported."""
        give_up = self.clock.monotonic() + polling.timeout_seconds
        while True:
            seen = self._poll(poll, polling)
            if seen is not None and not seen.accepted:
                return None
            ended = seen is not None and _ended(polling, seen)
            if seen is not None and (ended or self.clock.monotonic() > give_up):
                rule = f"A job ends within {polling.timeout_seconds:g} s, its timeoutSeconds."
                self._check(poll, seen, "job_ends", ended, rule)
                return seen if ended else None
            if self.clock.monotonic() > give_up:
                self.not_run.append(NotRun(poll, "no poll of it was answered"))
                return None
            self.clock.sleep(polling.interval_seconds)

    def _poll(self, poll: Step, polling: Polling) -> Observation | None:
        """One look at a job; None where it says nothing of it, since a poll that fails does not end a job."""
        try:
            seen = self._send(poll)
        except httpx.RequestError:
            return None
        if seen.status >= 500:
            return None
        known = expectations.allows(poll.expected, seen.status)
        self._check(poll, seen, "submitted_job_known", known, f"The id that a submit returned is known: {poll.title}.")
        if seen.accepted:
            succeeded, failed = all_hold(polling.success, seen.answer), all_hold(polling.failure, seen.answer)
            rule = "No answer tells of success and failure at once."
            self._check(poll, seen, "one_end", not (succeeded and failed), rule)
            if polling.result is not None:
                present = polling.result.read(seen.answer) not in (None, [], {}, "")
                rule = f"There is a result at {polling.result.text} once the job has succeeded, and not before."
                self._check(poll, seen, "result_when_done", present is succeeded, rule)
        return seen

    def _fetch(self, step: Step, result: Any) -> None:
        """Whether what a job has made is there: each URL of its result, asked for without the key."""
        values = result if isinstance(result, list) else [result]
        urls = [value for value in values if isinstance(value, str) and value.startswith(("http://", "https://"))]
        for url in urls[:MOST_IMAGES]:
            request = httpx.Request("GET", url, extensions={"step": f"{step.rung.title}: what {step.title} has made"})
            response = self._answer(request)
            kind = response.headers.get("content-type", "")
            exchange = Exchange(
                f"GET {request.url.copy_with(query=None)}",
                f"{response.status_code}, {kind}, {len(response.content)} bytes",
            )
            there = response.is_success and bool(response.content)
            label, rule = (
                expectations.label(step.operation),
                "Each URL of a result answers with the file, without a key.",
            )
            self.judge.report.check(step.rung.title, label, "result_fetchable", there, rule, exchange)

    def _send(self, step: Step) -> Observation:
        request = step.request
        assert request is not None
        request.extensions = {"step": f"{step.rung.title}: {step.title}"}
        response = self._answer(request)
        observation = Observation(
            operation=step.operation,
            source=f"{step.rung.title}: {step.title}",
            request=request,
            response=response,
            at=response.extensions["at"],
            key=step.key,
            checked=self._checked(step.operation, request),
            check=step.check,
            expected=step.expected,
            breaks=step.breaks,
            shows=step.shows,
            whole=bool(response.extensions.get("whole", True)),
        )
        self.judge.observations.all.append(observation)
        if self._key_is_refused(observation) and not self.guard.stopped:
            self.guard.stopped = f"the API answered {observation.status} to the key: check that it is valid"
        if self.guard.stopped:
            # The answer is about the account, not about the request.
            self.judge.note(step.rung.title, observation)
            raise NotAllowed(self.guard.stopped)
        self.judge.hold(step.rung.title, observation, [self.key or ""])
        return observation

    def _answer(self, request: httpx.Request) -> httpx.Response:
        # No client stands between: none of its cookies, redirects and retries.
        request.extensions = {**request.extensions, "timeout": _TIMEOUT.as_dict()}
        return self.guard.handle_request(request)

    def _key_is_refused(self, observation: Observation) -> bool:
        refusals = expectations.refusals(observation.operation)
        needed = observation.key == "right" and credentials.needs_key(observation.operation)
        return needed and expectations.allows(refusals, observation.status)

    def _checked(self, operation: Operation, request: httpx.Request) -> Checked:
        found = self.reader.find(request.method, request.url)
        path_values: Mapping[str, str] = found[1] if found is not None else {}
        return self.reader.check(operation, request, path_values)

    def _check(self, step: Step, seen: Observation, check: str, holds: bool, rule: str) -> None:
        self.judge.check(step.rung.title, seen, check, holds, rule)


def _polling(operation: Operation) -> Polling:
    assert operation.polling is not None
    return operation.polling


def _ended(polling: Polling, seen: Observation) -> bool:
    return all_hold(polling.success, seen.answer) or all_hold(polling.failure, seen.answer)
