"""Operations that start jobs and operations that are polled for them, as the contract's polling Links join them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from spacely_spec import (
    Answer,
    Operation,
    Parameter,
    Polling,
    Spec,
    SpecError,
    compile_schema,
    json_schema,
    read_pointer,
)

from ._clock import Clock
from ._http import Reply
from ._ids import Form, Job, Sealer, choose_form
from ._responses import DocumentedResponse, Responses
from ._schemas import at, parts
from ._states import PollAnswer, poll_answer
from ._templates import BodyTemplate, replaced, slot, written
from ._texts import readings

IMAGES_PATH = "/__mock__/images/"
_LITERAL_START = re.compile(r"\^([A-Za-z0-9_-]+)")


@dataclass(frozen=True, slots=True)
class JobSettings:
    """What all jobs of a mock share.

    Attributes:
        sealer: Makes and reads ids.
        clock: Tells how long a job has run.
        render_time: How long a job runs, in seconds.
    """

    sealer: Sealer
    clock: Clock
    render_time: float

    def is_done(self, job: Job) -> bool:
        """Whether a job has run its time."""
        return self.clock.now() - job.created >= self.render_time


class SubmitJob:
    """Answers an operation that starts jobs."""

    def __init__(
        self,
        spec: Spec,
        operation: Operation,
        polling: Polling,
        responses: Responses,
        target: Operation,
        plan: int,
        settings: JobSettings,
    ) -> None:
        self.plan = plan
        self.polling = polling
        self._settings = settings
        response = responses.by_key[polling.status]
        self.response = response
        self._expression = polling.job_id
        parameter = next(each for each in target.parameters if each.name == polling.parameter)
        self.form = _id_form(spec, operation, polling, response, parameter, settings.sealer)
        self._templates = {name: self._template(value) for name, value in response.examples.items()}
        self.example_id = polling.job_id.read(Answer(response.status, response.headers, response.first))

    def start(self, owner: str, example: str | None = None) -> Reply:
        """A new job, and the answer that tells its id."""
        value, _ = self._settings.sealer.issue(self.form, self.plan, self._settings.clock.now(), self.sealed_for(owner))
        template = self._templates.get(example or next(iter(self._templates), ""))
        reply = self.response.reply_with(b"" if template is None else template.fill([value]), str(value))
        if self._expression.source == "header":
            headers = [pair for pair in reply.headers if pair[0] != self._expression.key.lower()]
            return Reply(reply.status, (*headers, (self._expression.key.lower(), str(value))), reply.body, reply.job)
        return reply

    def sealed_for(self, owner: str) -> str:
        """Whom an id is sealed for: its owner, at the operation that is polled for it and no other."""
        return f"{self.polling.target}\0{owner}"

    def _template(self, value: Any) -> BodyTemplate:
        if self._expression.source != "body":
            return BodyTemplate(value)
        return BodyTemplate(written(value, self._expression.key, slot(0)))


class PollJob:
    """Answers an operation that is polled for jobs.

    Args:
        submits: The operations that start these jobs, by plan.
    """

    def __init__(
        self,
        spec: Spec,
        operation: Operation,
        responses: Responses,
        submits: Mapping[int, SubmitJob],
        settings: JobSettings,
    ) -> None:
        self._settings = settings
        self._submits = submits
        self._answers: dict[tuple[int, bool], _JobAnswer] = {}
        first = next(iter(submits.values()))
        parameter = next(each for each in operation.parameters if each.name == first.polling.parameter)
        self.parameter = (parameter.location, parameter.name)
        for plan, submit in submits.items():
            for done in (False, True):
                answer = poll_answer(spec, operation, responses, submit.polling, "succeeded" if done else "pending")
                self._answers[plan, done] = _JobAnswer(answer, submit, settings.sealer, done=done)

    def find(self, value: Any, owner: str) -> Job | None:
        """The job with an id; None where this owner has no such job."""
        for plan, submit in self._submits.items():
            job = self._settings.sealer.read(submit.form, str(value), submit.sealed_for(owner))
            if job is not None and job.plan == plan and job.created - 60 <= self._settings.clock.now():
                return job
        return None

    def answer(self, job: Job, origin: str) -> Reply:
        """How a job stands."""
        return self._answers[job.plan, self._settings.is_done(job)].reply(job, origin)


class _JobAnswer:
    """One answer to a poll, in which the id and the results are those of the job."""

    def __init__(self, answer: PollAnswer, submit: SubmitJob, sealer: Sealer, *, done: bool) -> None:
        self._response = answer.response
        self._sealer = sealer
        self._integer = not isinstance(submit.form.write(0), str)
        self._images = 0
        value = _with_id(answer.value, submit)
        if done and submit.polling.result is not None and submit.polling.result.source == "body":
            value = self._with_images(value, submit.polling.result.key)
        self._template = BodyTemplate(value)
        body = self._template.fill(
            self._values(Job("1" if self._integer else "0" * 36, 0, 0, 0), "http://127.0.0.1:65535")
        )
        if not answer.response.fits(json.loads(body)):
            # The contract narrows these places so much that only its own example fits.
            self._template = BodyTemplate(answer.value)

    def reply(self, job: Job, origin: str) -> Reply:
        return self._response.reply_with(self._template.fill(self._values(job, origin)), job.id)

    def _values(self, job: Job, origin: str) -> list[Any]:
        folder = f"{origin}{IMAGES_PATH}{self._sealer.signature(job.id)}/{job.id}"
        images = [f"{folder}-{number}.png" for number in range(1, self._images + 1)]
        return [int(job.id) if self._integer else job.id, *images]

    def _with_images(self, value: Any, pointer: str) -> Any:
        def image(text: str) -> str:
            if not is_web_address(text):
                return text
            self._images += 1
            return slot(self._images)

        try:
            return written(value, pointer, replaced(read_pointer(value, pointer), image))
        except LookupError:
            return value


def is_web_address(text: str) -> bool:
    """Whether a text is an http or https URL."""
    try:
        parts_of_url = urlsplit(text)
    except ValueError:
        return False
    return parts_of_url.scheme in {"http", "https"} and bool(parts_of_url.netloc)


def _with_id(value: Any, submit: SubmitJob) -> Any:
    """An answer to a poll whose id, where it tells one, is that of the job."""
    example = submit.example_id
    expression = submit.polling.job_id
    if expression.source == "body" and expression.key:
        try:
            if read_pointer(value, expression.key) == example:
                value = written(value, expression.key, slot(0))
        except LookupError:
            pass
    if isinstance(example, str):
        value = replaced(value, lambda text: slot(0) if text == example else text)
    return value


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
