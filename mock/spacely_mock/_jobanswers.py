"""The answers to polls: each state and outcome of a job, made ready once, with the id and the results of any job."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from spacely_spec import Operation, Polling, Spec, SpecError, read_pointer

from ._http import Reply, Request
from ._ids import Form, Job, Sealer
from ._plans import Outcome
from ._responses import Responses
from ._states import PollAnswer, emptied_answer, poll_answer, undocumented_answer
from ._templates import BodyTemplate, replaced, slot, written

IMAGES_PATH = "/__mock__/images/"


class JobAnswers:
    """All answers to polls for the jobs of one submit operation.

    Attributes:
        pending: The answer while a job runs.
        ended: The answer once it has ended, by its outcome.
        impossible: Why there is none, for the outcomes that the contract has no answer for.

    Raises:
        SpecError: The contract has no answer for a job that runs, or for one that succeeded.
    """

    def __init__(
        self,
        spec: Spec,
        target: Operation,
        responses: Responses,
        polling: Polling,
        example_id: Any,
        form: Form,
        sealer: Sealer,
    ) -> None:
        def ready(answer: PollAnswer, *, proven: bool = True, images: bool = False) -> JobAnswer:
            return JobAnswer(answer, polling, example_id, form, sealer, proven=proven, images=images)

        succeeded = poll_answer(spec, target, responses, polling, "succeeded")
        self.pending = ready(poll_answer(spec, target, responses, polling, "pending"))
        success = ready(succeeded, images=True)
        self.ended = {Outcome.SUCCESS: success, Outcome.PENDING: self.pending}
        self.impossible: dict[Outcome, str] = {}
        if success.images:
            self.ended |= {Outcome.MISSING_IMAGES: success, Outcome.EXPIRED_IMAGES: success}
        else:
            reason = "its result has no URL"
            self.impossible |= {Outcome.MISSING_IMAGES: reason, Outcome.EXPIRED_IMAGES: reason}
        if polling.failure:
            try:
                self.ended[Outcome.FAILURE] = ready(poll_answer(spec, target, responses, polling, "failed"))
            except SpecError:
                self.impossible[Outcome.FAILURE] = "no answer that its Link's failureCriteria tell can be made"
        else:
            self.impossible[Outcome.FAILURE] = "its Link has no failureCriteria"
        # These two break the contract where they must, and are not held to it.
        for outcome, answer, reason in (
            (Outcome.EMPTY, emptied_answer(succeeded, polling), "its Link tells no result in the body"),
            (
                Outcome.UNKNOWN_STATUS,
                undocumented_answer(spec, target, responses, polling),
                "its Link's criteria look at no place of the body where another state could stand",
            ),
        ):
            if answer is None:
                self.impossible[outcome] = reason
            else:
                self.ended[outcome] = ready(answer, proven=False)


class JobAnswer:
    """One answer to a poll, in which the id and the results are those of the job.

    Args:
        proven: Whether it must fit the contract.
        images: Whether the URLs of its result are to lead to images.

    Attributes:
        images: How many images of the mock it leads to.
    """

    def __init__(
        self,
        answer: PollAnswer,
        polling: Polling,
        example_id: Any,
        form: Form,
        sealer: Sealer,
        *,
        proven: bool,
        images: bool,
    ) -> None:
        self._response = answer.response
        self._sealer = sealer
        self._integer = not isinstance(form.write(0), str)
        self.images = 0
        value = _with_id(answer.value, polling, example_id)
        if images and polling.result is not None and polling.result.source == "body":
            value = self._with_images(value, polling.result.key)
        self._template = BodyTemplate(value)
        specimen = Job("1" if self._integer else "0" * 36, 0, 0, 0)
        body = self._template.fill(
            self._values(specimen, Request("GET", "/", b"", (), b"", server=("127.0.0.1", 65535)))
        )
        if proven and not answer.response.fits(json.loads(body)):
            # The contract narrows these places so much that only its own example fits.
            self._template = BodyTemplate(answer.value)
            self.images = 0

    def reply(self, job: Job, request: Request) -> Reply:
        """It for one job, with URLs under the origin that the client called."""
        body = self._template.constant
        if body is None:
            body = self._template.fill(self._values(job, request))
        return self._response.reply_with(body, job.id)

    def _values(self, job: Job, request: Request) -> list[Any]:
        job_id = int(job.id) if self._integer else job.id
        if not self.images:
            return [job_id]
        folder = f"{request.origin}{IMAGES_PATH}{self._sealer.signature(job.id)}/{job.id}"
        return [job_id, *(f"{folder}-{number}.png" for number in range(1, self.images + 1))]

    def _with_images(self, value: Any, pointer: str) -> Any:
        def image(text: str) -> str:
            if not is_web_address(text):
                return text
            self.images += 1
            return slot(self.images)

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


def _with_id(value: Any, polling: Polling, example: Any) -> Any:
    """An answer to a poll whose id, where it tells one, is that of the job."""
    expression = polling.job_id
    if expression.source == "body" and expression.key:
        try:
            if read_pointer(value, expression.key) == example:
                value = written(value, expression.key, slot(0))
        except LookupError:
            pass
    if isinstance(example, str):
        value = replaced(value, lambda text: slot(0) if text == example else text)
    return value
