"""One operation of the contract, compiled: admits a request or refuses it, and answers it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from spacely_spec import Operation, Problem, Spec, SpecError

from ._http import Reply, Request
from ._ids import Job
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
        preference: What it asks for.
    """

    request: Request
    owner: str
    checked: Checked
    preference: Preference | None


class CompiledOperation:
    """Serves one operation. Everything that does not depend on the request is done when it is made."""

    def __init__(self, spec: Spec, operation: Operation, responses: Responses, *, keys: Keys, body_limit: int) -> None:
        self.operation = operation
        self.responses = responses
        self.submit: SubmitJob | None = None
        self.poll: PollJob | None = None
        self._gate = Gate(operation.security, keys, spec.title)
        self._rules = RequestRules(
            operation, spec.components, security_names=self._gate.query_names, body_limit=body_limit
        )

    def admit(self, request: Request, path_values: Mapping[str, str]) -> Call | Reply:
        """Let a request pass that has a right to an answer; otherwise the reply that says why not."""
        owner = self._gate.admit(request)
        if owner is None:
            detail = self._gate.explain(request)
            return self.responses.refusal(UNAUTHORIZED, detail, request, headers=self._gate.challenges)
        preference = read_preference(request)
        if preference is not None:
            forced = self._forced(preference, request)
            if forced is not None:
                return forced
        if not self.responses.accepts(request):
            return self.responses.refusal(NOT_ACCEPTABLE, NOT_ACCEPTABLE.meaning, request)
        checked = self._rules.check(request, path_values)
        if checked.violations:
            return self._refuse(checked.violations, request)
        return Call(request, owner, checked, preference)

    def answer(self, call: Call) -> Reply:
        """Answer an admitted request."""
        reply = self._answer(call)
        if call.preference is not None:
            return reply.with_headers(("preference-applied", call.preference.applied))
        return reply

    def _answer(self, call: Call) -> Reply:
        example = call.preference.example if call.preference else None
        if self.submit is not None and (example is None or example in self.submit.response.examples):
            return self.submit.start(call.owner, example)
        if example is not None:
            return next(
                response.reply(response.examples[example])
                for response in self._candidates(call.preference)
                if example in response.examples
            )
        if self.poll is not None:
            value = call.checked.parameters[self.poll.parameter]
            if value is not None:
                job: Job | None = self.poll.find(value, call.owner)
                if job is not None:
                    return self.poll.answer(job, call.request.origin)
                detail = "No job with this id was submitted to this mock under this key."
                location, name = self.poll.parameter
                violation = Violation(UNKNOWN_JOB, location, name, "", "unknown", detail)
                return self.responses.refusal(UNKNOWN_JOB, detail, call.request, [violation])
        return self.responses.success.reply(self.responses.success.first)

    def _candidates(self, preference: Preference | None) -> Iterable[DocumentedResponse]:
        if preference is not None and preference.code is not None:
            return [response for response in self.responses.all if str(response.status) == preference.code]
        return [*self.responses.successes, *self.responses.all]

    def _forced(self, preference: Preference, request: Request) -> Reply | None:
        """The reply that a preference alone decides; None where the request is to be served, as far as it asks so."""
        candidates = list(self._candidates(preference))
        if not candidates:
            codes = ", ".join(str(response.status) for response in self.responses.all)
            detail = f"The contract documents no response {preference.code} for this operation; it has {codes}."
            return self.responses.refusal(IMPOSSIBLE_PREFERENCE, detail, request)
        if preference.example is not None:
            candidates = [response for response in candidates if preference.example in response.examples]
            if not candidates:
                names = ", ".join(name for response in self.responses.all for name in response.examples) or "none"
                detail = f"The contract has no example {preference.example!r} for this response; it has {names}."
                return self.responses.refusal(IMPOSSIBLE_PREFERENCE, detail, request)
        response = candidates[0]
        if response in self.responses.successes:
            usual = self.submit.response if self.submit is not None else self.responses.success
            served = preference.example is not None or response is usual or self.poll is not None
            return None if served else self._applied(response.reply(response.first), preference)
        if preference.example is not None:
            return self._applied(response.reply(response.examples[preference.example]), preference)
        return self._applied(self.responses.error(response, request), preference)

    @staticmethod
    def _applied(reply: Reply, preference: Preference) -> Reply:
        return reply.with_headers(("preference-applied", preference.applied))

    def _refuse(self, violations: list[Violation], request: Request) -> Reply:
        kind = kind_of(violations)
        count = len(violations)
        detail = violations[0].detail if count == 1 else f"{count} things are wrong with the request; see errors."
        return self.responses.refusal(kind, detail, request, violations)


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
            raise SpecError([Problem(spec.path, None, polling.pointer, message, remedy)])
        submits[polling.target][plan] = entry.submit
    for target_id, by_plan in submits.items():
        entry = compiled[target_id]
        entry.poll = PollJob(spec, entry.operation, entry.responses, by_plan, settings)
    return compiled
