"""One operation of the contract, compiled: admits a request or refuses it, and answers it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from spacely_spec import Operation, Spec, SpecError

from ._http import Reply, Request
from ._jobs import JobSettings, PollJob, SubmitJob
from ._preferences import Preference, read_preference
from ._problems import IMPOSSIBLE_PREFERENCE, NOT_ACCEPTABLE, UNAUTHORIZED, UNKNOWN_JOB, Violation, kind_of
from ._requests import Checked, RequestRules
from ._responses import DocumentedResponse, Responses
from ._security import Gate, Keys


@dataclass(frozen=True, slots=True)
class Call:
    """A request that an operation has admitted.

    Attributes:
        request: The request.
        owner: Who calls: the namespace of its jobs.
        checked: Its values.
        preference: What it asks for, or None.
        chosen: The response that it asks for, or None.
    """

    request: Request
    owner: str
    checked: Checked
    preference: Preference | None
    chosen: DocumentedResponse | None


class CompiledOperation:
    """Serves one operation. Everything that does not depend on the request is done when it is made."""

    def __init__(self, spec: Spec, operation: Operation, responses: Responses, *, keys: Keys, body_limit: int) -> None:
        self.operation = operation
        self.responses = responses
        self.submit: SubmitJob | None = None
        self.poll: PollJob | None = None
        self.gate = Gate(operation.security, keys, spec.title)
        self.rules = RequestRules(
            operation, spec.components, security_names=self.gate.query_names, body_limit=body_limit
        )

    def admit(self, request: Request, path_values: Mapping[str, str]) -> Call | Reply:
        """Let a request pass that has a right to an answer; otherwise the reply that says why not."""
        owner = self.gate.admit(request)
        if owner is None:
            detail = self.gate.explain(request)
            return self.responses.refusal(UNAUTHORIZED, detail, request, headers=self.gate.challenges)
        preference = read_preference(request)
        chosen = None
        if preference is not None:
            try:
                chosen = self.responses.preferred(preference)
            except LookupError as error:
                return self.responses.refusal(IMPOSSIBLE_PREFERENCE, str(error.args[0]), request)
            if chosen not in self.responses.successes:
                return _applied(self.responses.documented_error(chosen, preference.example, request), preference)
        if not self.responses.accepts(request):
            return self.responses.refusal(NOT_ACCEPTABLE, NOT_ACCEPTABLE.meaning, request)
        checked = self.rules.check(request, path_values)
        if checked.violations:
            return self._refuse(checked.violations, request)
        return Call(request, owner, checked, preference, chosen)

    def answer(self, call: Call) -> Reply:
        """Answer an admitted request."""
        reply = self._answer(call)
        return reply if call.preference is None else _applied(reply, call.preference)

    def _answer(self, call: Call) -> Reply:
        example = call.preference.example if call.preference else None
        chosen = call.chosen
        if self.submit is not None and (chosen is None or chosen is self.submit.response):
            return self.submit.start(call.owner, example)
        if chosen is not None and example is not None:
            return chosen.reply(chosen.examples[example])
        if self.poll is not None:
            value = call.checked.parameters[self.poll.parameter]
            if value is not None:
                return self._poll(self.poll, value, call)
        response = chosen or self.responses.success
        return response.reply(response.first)

    def _poll(self, poll: PollJob, job_id: Any, call: Call) -> Reply:
        job = poll.find(job_id, call.owner)
        if job is not None:
            return poll.answer(job, call.request.origin)
        detail = "No job with this id was submitted to this mock under this key."
        location, name = poll.parameter
        violation = Violation(UNKNOWN_JOB, location, name, "", "unknown", detail)
        return self.responses.refusal(UNKNOWN_JOB, detail, call.request, [violation])

    def _refuse(self, violations: list[Violation], request: Request) -> Reply:
        kind = kind_of(violations)
        count = len(violations)
        detail = violations[0].detail if count == 1 else f"{count} things are wrong with the request; see errors."
        return self.responses.refusal(kind, detail, request, violations)


def _applied(reply: Reply, preference: Preference) -> Reply:
    return reply.with_headers(("preference-applied", preference.applied))


def compile_operations(
    spec: Spec, *, keys: Keys, settings: JobSettings, seed: int, body_limit: int
) -> dict[str, CompiledOperation]:
    """All operations of a contract by operationId, those that start jobs joined to those that are polled.

    Raises:
        SpecError: The contract leaves something open that the mock needs; it says what, and the remedy.
    """
    compiled = {
        operation.id: CompiledOperation(
            spec, operation, Responses(spec, operation, seed=seed), keys=keys, body_limit=body_limit
        )
        for operation in spec.operations
    }
    submits: defaultdict[str, dict[int, SubmitJob]] = defaultdict(dict)
    for operation in spec.operations:
        polling = operation.polling
        if polling is None:
            continue
        plan = len(submits[polling.target])
        target = spec.operation(polling.target)
        entry = compiled[operation.id]
        entry.submit = SubmitJob(spec, operation, polling, entry.responses, target, plan, settings)
        if plan >= 1 << entry.submit.form.layout.plan:
            message = f"more operations start jobs that {polling.target!r} is polled for than its ids can tell apart"
            remedy = "let the ids be longer texts"
            raise SpecError([spec.problem(polling.pointer, message, remedy)])
        submits[polling.target][plan] = entry.submit
    for target_id, by_plan in submits.items():
        entry = compiled[target_id]
        entry.poll = PollJob(spec, entry.operation, entry.responses, by_plan, settings)
    return compiled
