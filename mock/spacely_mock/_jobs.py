"""Operations that start jobs and operations that are polled for them, as the contract's polling Links join them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from spacely_spec import (
    Answer,
    Operation,
    Parameter,
    Polling,
    Spec,
    SpecError,
    compile_schema,
    json_schema,
)

from ._clock import Clock
from ._http import Reply, Request
from ._ids import Form, Job, NewJob, Sealer, choose_form
from ._jobanswers import JobAnswers
from ._plans import OUTCOMES, Outcome, Plan, Progress
from ._responses import DocumentedResponse, Responses
from ._schemas import at, parts
from ._state import State, UnsharedError, namespace_of
from ._templates import BodyTemplate, slot, written
from ._texts import readings

_LEEWAY = 0.0001  # Seconds: what floating point may take from a clock that is moved in many steps.
_LITERAL_START = re.compile(r"\^([A-Za-z0-9_-]+)")


@dataclass(frozen=True, slots=True)
class JobSettings:
    """What all jobs of a mock share.

    Attributes:
        sealer: Makes and reads ids.
        clock: Tells how long a job has run.
        state: Counts the polls of jobs that end by them.
        progress: When jobs end that ask for nothing else.
        outcome: How they end.
        workers: How many processes serve.
    """

    sealer: Sealer
    clock: Clock
    state: State
    progress: Progress
    outcome: Outcome
    workers: int = 1

    def plan(self, job: Job) -> Plan:
        """What will become of a job."""
        if job.plan is not None:
            return job.plan
        default = Plan.read(OUTCOMES.index(self.outcome), self.progress.span(job.id))
        assert default is not None  # noqa: S101 - every outcome has its number
        return default

    def has_run(self, job: Job) -> bool | None:
        """Whether a job has run its time; None where its polls must be counted to know."""
        seconds = self.plan(job).seconds
        return None if seconds is None else self.clock.now() - job.created >= seconds - _LEEWAY

    async def has_ended(self, job: Job, owner: str) -> bool:
        """Whether a poll finds a job ended; where polls count, this one does."""
        run = self.has_run(job)
        if run is not None:
            return run
        self.require_shared()
        count = await self.state.increment(namespace_of(owner), f"polls {job.id}")
        return count > self.plan(job).polls

    def require_shared(self) -> None:
        """Hold that polls can be counted; raise UnsharedError where each process would count its own."""
        if self.workers > 1 and not self.state.shared:
            raise UnsharedError(f"{self.workers} workers serve, and each would count the polls of a job for itself.")


class PlanError(ValueError):
    """A job cannot be given the plan that is asked for; the message says why."""


class SubmitJob:
    """Answers an operation that starts jobs.

    Args:
        number: Tells it from other operations whose jobs are polled by the same one.
        target: The operation that is polled.
        polled: What that one answers.
    """

    def __init__(
        self,
        spec: Spec,
        operation: Operation,
        polling: Polling,
        responses: Responses,
        target: Operation,
        polled: Responses,
        number: int,
        settings: JobSettings,
    ) -> None:
        self.number = number
        self.polling = polling
        self._sealed_for = polling.target + "\0"
        self._settings = settings
        response = responses.by_key[polling.status]
        self.response = response
        self._expression = polling.job_id
        parameter = next(each for each in target.parameters if each.name == polling.parameter)
        self.form = _id_form(spec, operation, polling, response, parameter, settings.sealer)
        self._templates = {name: self._template(value) for name, value in response.examples.items()}
        self._first = next(iter(self._templates.values()), None)
        example_id = polling.job_id.read(Answer(response.status, response.headers, response.first))
        self.answers = JobAnswers(spec, target, polled, polling, example_id, self.form, settings.sealer)
        if settings.outcome in self.answers.impossible:
            why = self.answers.impossible[settings.outcome]
            remedy = "let jobs have another outcome by default"
            raise SpecError(
                [spec.problem(polling.pointer, f"no job can have the outcome {settings.outcome}: {why}", remedy)]
            )

    def start(
        self,
        owner: str,
        example: str | None = None,
        *,
        outcome: Outcome | None = None,
        progress: Progress | None = None,
    ) -> Reply:
        """A new job, and the answer that tells its id.

        Args:
            owner: Whose job it is.
            example: The example of the contract to answer with.
            outcome: How the job ends; None for the default.
            progress: When it ends; None for the default.

        Raises:
            PlanError: Jobs of this operation cannot end so.
            UnsharedError: Their polls would have to be counted, and cannot be.
        """
        settings = self._settings
        if outcome is not None or progress is not None:
            self._check(outcome, progress)
        if (progress or settings.progress).time is None:
            settings.require_shared()
        seed = settings.sealer.new_seed()
        span = (progress or settings.progress).span(seed)
        job = NewJob(settings.clock.now(), self.number, seed, outcome or settings.outcome, span)
        value = settings.sealer.issue(self.form, job, self.sealed_for(owner))
        template = self._first if example is None else self._templates.get(example)
        reply = self.response.reply_with(b"" if template is None else template.fill([value]), str(value))
        if self._expression.source == "header":
            headers = [pair for pair in reply.headers if pair[0] != self._expression.key.lower()]
            return Reply(reply.status, (*headers, (self._expression.key.lower(), str(value))), reply.body, reply.job)
        return reply

    def images(self, job: Job) -> int:
        """How many images a job leads to once it has ended."""
        answer = self.answers.ended.get(self._settings.plan(job).outcome)
        return 0 if answer is None else answer.images

    def _check(self, outcome: Outcome | None, progress: Progress | None) -> None:
        why = None if outcome is None else self.answers.impossible.get(outcome)
        if why is not None:
            raise PlanError(f"No job of this operation can have the outcome {outcome}: {why}.")
        asked = outcome not in {None, self._settings.outcome} or progress not in {None, self._settings.progress}
        if asked and not self.form.layout.plan:
            raise PlanError(
                "The contract's ids have no room for a plan of a job's own: all jobs have the mock's default outcome "
                "and progress."
            )

    def sealed_for(self, owner: str) -> str:
        """Whom an id is sealed for: its owner, at the operation that is polled for it and no other."""
        return self._sealed_for + owner

    def _template(self, value: Any) -> BodyTemplate:
        if self._expression.source != "body":
            return BodyTemplate(value)
        return BodyTemplate(written(value, self._expression.key, slot(0)))


class PollJob:
    """Answers an operation that is polled for jobs.

    Args:
        submits: The operations that start these jobs, by number.
    """

    def __init__(self, operation: Operation, submits: Mapping[int, SubmitJob], settings: JobSettings) -> None:
        self._settings = settings
        self._submits = submits
        first = next(iter(submits.values()))
        parameter = next(each for each in operation.parameters if each.name == first.polling.parameter)
        self.parameter = (parameter.location, parameter.name)

    def find(self, value: Any, owner: str) -> Job | None:
        """The job with an id; None where this owner has no such job."""
        text, sealer = str(value), self._settings.sealer
        for number, submit in self._submits.items():
            job = sealer.read(submit.form, text, submit.sealed_for(owner))
            if job is not None and job.operation == number and job.created - 60 <= self._settings.clock.now():
                return job
        return None

    def answer_at_once(self, job: Job, request: Request) -> Reply | None:
        """How a job stands; None where its polls must be counted to know."""
        ended = self._settings.has_run(job)
        return None if ended is None else self._show(job, request, ended=ended)

    async def answer(self, job: Job, owner: str, request: Request) -> Reply:
        """How a job stands; where polls count, this is one."""
        return self._show(job, request, ended=await self._settings.has_ended(job, owner))

    def _show(self, job: Job, request: Request, *, ended: bool) -> Reply:
        """The answer for a job that runs or has ended."""
        answers = self._submits[job.operation].answers
        answer = answers.ended[self._settings.plan(job).outcome] if ended else answers.pending
        return answer.reply(job, request)


def _id_form(
    spec: Spec,
    operation: Operation,
    polling: Polling,
    response: DocumentedResponse,
    parameter: Parameter,
    sealer: Sealer,
) -> Form:
    validator = compile_schema(json_schema(parameter.schema, spec.components, direction="request"))
    expression = polling.job_id

    def fits(value: str | int) -> bool:
        if not any(map(validator.is_valid, readings(str(value), parameter.schema, spec.components))):
            return False
        return expression.source != "body" or response.fits(written(response.first, expression.key, value))

    schemas = [parameter.schema]
    for content in operation.responses[polling.status].content.values():
        schemas += at(content.schema or {}, expression.key if expression.source == "body" else "", spec.components)
    patterns = [part["pattern"] for schema in schemas for part in parts(schema, spec.components) if "pattern" in part]
    prefixes = [match[1] for match in map(_LITERAL_START.match, patterns) if match]
    form = choose_form(fits, prefixes, sealer)
    if form is None:
        message = f"no id that the mock can make fits both the answer of {operation.id!r} and {parameter.name!r}"
        remedy = "let the id be a text of 14 letters and digits or more, or an integer up to 2^53"
        raise SpecError([spec.problem(polling.pointer, message, remedy)])
    return form
