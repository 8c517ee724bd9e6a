"""The job flow of every polling Link: from the submit, poll by poll, to an end that stays."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any

from schemathesis import GenerationMode, Response

from spacely_spec import Answer, Operation, Polling, all_hold, compile_schema, json_schema

from . import credentials, expectations
from .generation import AnyCase, draw
from .report import Evidence, Exchange
from .server import Server, answer_of, container, copied, put_value

PHASE = "jobs"
_JOBS = 3
# When to look at a job, in parts of the time that it takes, and whether it has ended then.
_MOMENTS = ((0.0, False), (0.3, False), (0.9, False), (1.1, True), (1.2, True), (10.0, True))


@dataclass(frozen=True, slots=True)
class _Poll:
    """One look at a job."""

    answer: Answer
    exchange: Evidence
    ended: bool


class _Flow:
    """One Link of one server."""

    def __init__(self, server: Server, submit: Operation, polling: Polling) -> None:
        self._server = server
        self._submit = submit
        self._polling = polling
        self._target = server.spec.operation(polling.target)
        self._label = expectations.label(submit)
        self._parameter = next(p for p in self._target.parameters if p.name == polling.parameter)
        self._valid_id = compile_schema(
            json_schema(self._parameter.schema, server.spec.components, direction="request")
        )
        (self._poll_case,) = server.valid_cases(self._target, 1)

    def run(self) -> None:
        jobs: list[Any] = []
        cases = self._server.valid_cases(self._submit, _JOBS)
        # Where there are fewer ways to ask, the same submit once more is another job.
        for case in islice(cycle(cases), _JOBS):
            job_id = self._start(case)
            if job_id is None:
                return
            jobs.append(job_id)
            # Where time cannot be moved, one job is watched: the others are waited for no less than it.
            if self._server.timing is not None or len(jobs) == 1:
                self._follow(job_id)
            if len(jobs) == 1 and self._server.timing is not None:
                jobs.append(self._start(case))  # The same once more is another job.
        self._check(
            "distinct_ids",
            len({str(job) for job in jobs}) == len(jobs),
            "Each submit starts a job with an id of its own.",
            Exchange(received=", ".join(map(str, jobs))),
        )
        if self._server.timing is not None:
            self._two_at_once(cases)
        self._unknown(jobs[0])

    def _check(self, check: str, holds: bool, rule: str, exchange: Evidence) -> bool:
        return self._server.report.check(PHASE, self._label, check, holds, rule, exchange)

    def _start(self, case: AnyCase) -> Any:
        response, exchange = self._send(case, self._submit)
        if not self._check(
            "submit_accepted",
            expectations.allows((self._polling.status,), response.status_code),
            f"A valid submit is answered {self._polling.status}, the status that carries the Link.",
            exchange,
        ):
            return None
        job_id = self._polling.job_id.read(answer_of(response))
        usable = isinstance(job_id, (str, int)) and any(map(self._valid_id.is_valid, (job_id, str(job_id))))
        rule = f"There is an id at {self._polling.job_id.text} that is a valid {self._polling.parameter!r}."
        return job_id if self._check("job_id_usable", usable, rule, exchange) else None

    def _follow(self, job_id: Any) -> None:
        polls: list[_Poll] = []
        for expected, poll in self._polls(job_id):
            if poll is None:
                return
            if expected is not None:
                rule = "The job has ended by its time." if expected else "The job still runs before its time."
                self._check("state_in_step", poll.ended is expected, rule, poll.exchange)
            if polls and polls[-1].ended:
                self._check("state_never_goes_back", poll.ended, "A job that has ended stays ended.", poll.exchange)
                if poll.ended:
                    same = poll.answer.body == polls[-1].answer.body
                    self._check(
                        "end_is_stable", same, "A job that has ended answers the same each time.", poll.exchange
                    )
            self._result(poll)
            polls.append(poll)
        if self._server.timing is not None and polls[-1].ended:
            succeeded = all_hold(self._polling.success, polls[-1].answer)
            self._check(
                "job_succeeds", succeeded, "A mock's job succeeds where nobody asks for more.", polls[-1].exchange
            )
        self._check(
            "job_ends", polls[-1].ended, "The job meets the criteria of an end in its time.", polls[-1].exchange
        )

    def _polls(self, job_id: Any) -> Iterator[tuple[bool | None, _Poll | None]]:
        """Look at the job now and then until it must have ended: what must be seen, if that is known, and what is."""
        timing = self._server.timing
        if timing is not None:
            start = timing.clock.time
            for moment, ended in _MOMENTS:
                timing.clock.time = start + moment * timing.render_time
                yield ended, self._poll(job_id)
            return
        give_up = time.monotonic() + self._polling.timeout_seconds
        self._server.report.budget.sleep(self._polling.delay_seconds)
        while True:
            poll = self._poll(job_id)
            yield None, poll
            if poll is None or poll.ended or time.monotonic() > give_up:
                break
            self._server.report.budget.sleep(self._polling.interval_seconds)
        yield None, self._poll(job_id)

    def _poll(self, job_id: Any) -> _Poll | None:
        response, exchange = self._send(self._case_for(job_id), self._target)
        if not self._check(
            "submitted_job_known",
            expectations.allows(expectations.successes(self._target), response.status_code),
            f"The id that the submit returned is known to {expectations.label(self._target)}.",
            exchange,
        ):
            return None
        answer = answer_of(response)
        succeeded, failed = all_hold(self._polling.success, answer), all_hold(self._polling.failure, answer)
        self._check("one_end", not (succeeded and failed), "No answer tells of success and failure at once.", exchange)
        return _Poll(answer, exchange, succeeded or failed)

    def _result(self, poll: _Poll) -> None:
        if self._polling.result is None:
            return
        present = self._polling.result.read(poll.answer) not in (None, [], {}, "")
        succeeded = all_hold(self._polling.success, poll.answer)
        self._check(
            "result_when_done",
            present is succeeded,
            f"There is a result at {self._polling.result.text} once the job has succeeded, and not before.",
            poll.exchange,
        )

    def _two_at_once(self, cases: list[AnyCase]) -> None:
        timing = self._server.timing
        assert timing is not None
        first = self._start(cases[0])
        timing.clock.time += 0.6 * timing.render_time
        second = self._start(cases[-1])
        timing.clock.time += 0.6 * timing.render_time
        for job_id, ended in ((first, True), (second, False)):
            poll = self._poll(job_id)
            if poll is not None:
                rule = "A job runs for its own time, whatever other jobs there are."
                self._check("jobs_apart", poll.ended is ended, rule, poll.exchange)

    def _unknown(self, known: Any) -> None:
        expected = expectations.unknowns(self._target)
        for job_id in self._unknown_ids(known):
            response, exchange = self._send(self._case_for(job_id), self._target)
            self._check(
                "unknown_id_refused",
                expectations.allows(expected, response.status_code),
                f"An id that no submit returned is answered {' or '.join(expected)}.",
                exchange,
            )

    def _unknown_ids(self, known: Any) -> Iterator[Any]:
        """Well-formed ids of nothing: one like a real one, and what the schema allows."""
        nears = [known + 1_000_003, -known] if isinstance(known, int) else _almost(str(known))
        for near in nears:
            if near != known and self._valid_id.is_valid(near):
                yield near
        strategy = self._server.operation(self._target).as_strategy(generation_mode=GenerationMode.POSITIVE)
        for case in draw(strategy, _JOBS, self._server.report.seed):
            yield container(case, self._parameter.location)[self._parameter.name]

    def _case_for(self, job_id: Any) -> AnyCase:
        return poll_case(self._server, self._polling, job_id, self._poll_case)

    def _send(self, case: AnyCase, operation: Operation) -> tuple[Response, Evidence]:
        return self._server.send(PHASE, case, credentials.right(operation, self._server.key))


def poll_case(server: Server, polling: Polling, job_id: Any, case: AnyCase | None = None) -> AnyCase:
    """The request that polls a job.

    Args:
        server: What it is sent to.
        polling: The Link.
        job_id: The job's id.
        case: A valid request of the operation to poll, to take the rest from; made where there is none.

    Returns:
        The request, without a key.
    """
    target = server.spec.operation(polling.target)
    case = copied(case) if case is not None else server.valid_cases(target, 1)[0]
    for parameter in target.parameters:
        if parameter.name in polling.constants:
            put_value(case, parameter, polling.constants[parameter.name])
        if parameter.name == polling.parameter:
            put_value(case, parameter, job_id)
    return case


def check_jobs(server: Server) -> None:
    """Follow jobs of every polling Link from the submit to their end, and ask for jobs that do not exist."""
    for operation in server.spec.operations:
        if operation.polling is not None:
            _Flow(server, operation, operation.polling).run()


def _almost(known: str) -> list[str]:
    """Texts that are not an id, but nearly."""
    swapped = known[:-1] + ("0" if known[-1:] != "0" else "1")
    return [swapped, known[:-1], known + "0", f"{known}.", known.swapcase()]
