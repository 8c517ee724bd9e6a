"""One operation of the contract, compiled: admits a request or refuses it, and answers it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from spacely_spec import Operation, Spec, SpecError

from ._asking import MagicTexts, applied
from ._directives import NOTHING, Directive, DirectiveError, Fault
from ._director import Director
from ._faults import status_reply
from ._http import Reply, Request
from ._jobs import JobSettings, PlanError, PollJob, SubmitJob
from ._limits import Refusal
from ._problems import (
    IMPOSSIBLE_PREFERENCE,
    NOT_ACCEPTABLE,
    RATE_LIMITED,
    UNAUTHORIZED,
    UNCLEAR_DIRECTIVE,
    UNKNOWN_JOB,
    Violation,
    kind_of,
)
from ._requests import Checked, RequestRules
from ._responses import DocumentedResponse, Responses
from ._security import Gate, Keys
from ._state import namespace_of


@dataclass(slots=True)
class Call:
    """A request that an operation has admitted.

    Attributes:
        request: The request.
        owner: Who calls: the namespace of its jobs.
        checked: Its values.
        directive: What is to be done with it besides.
        chosen: The response that it asks for, or None.
    """

    request: Request
    owner: str
    checked: Checked
    directive: Directive
    chosen: DocumentedResponse | None


class CompiledOperation:
    """Serves one operation. Everything that does not depend on the request is done when it is made."""

    def __init__(
        self,
        spec: Spec,
        operation: Operation,
        responses: Responses,
        *,
        keys: Keys,
        director: Director,
        body_limit: int,
    ) -> None:
        self.operation = operation
        self.responses = responses
        self.submit: SubmitJob | None = None
        self.poll: PollJob | None = None
        self.director = director
        self.gate = Gate(operation.security, keys, spec.title)
        self.rules = RequestRules(
            operation, spec.components, security_names=self.gate.query_names, body_limit=body_limit
        )
        self._texts = MagicTexts(operation, spec.components)

    async def admit(self, request: Request, path_values: Mapping[str, str], wait: float | None = None) -> Call | Reply:
        """Let a request pass that has a right to an answer; otherwise the reply that says why not.

        Args:
            request: The request.
            path_values: The values of its path's parameters.
            wait: What the state has said of it, where it has been held against the rate limit already.
        """
        owner = self.gate.admit(request)
        if owner is None:
            detail = self.gate.explain(request)
            return self.responses.refusal(UNAUTHORIZED, detail, request, headers=self.gate.challenges)
        namespace = namespace_of(owner)
        refusal = await self.director.refuse(namespace, wait)
        if refusal is not None:
            return self.limited(refusal, request)
        checked = self.rules.check(request, path_values)
        if self.director.is_idle(request):
            directive = NOTHING
        else:
            try:
                directive = await self.director.directive(
                    request, self.operation.id, namespace, checked.body, self._texts
                )
            except DirectiveError as error:
                return self.responses.refusal(UNCLEAR_DIRECTIVE, str(error), request)
        admitted = self._admit(request, owner, checked, directive)
        if isinstance(admitted, Call) or directive is NOTHING:
            return admitted
        return await self.director.spoil(admitted, directive, request, namespace)

    def _admit(self, request: Request, owner: str, checked: Checked, directive: Directive) -> Call | Reply:
        if directive.fault == Fault.RESET or directive.status is not None:
            return status_reply(directive, request).with_headers(*applied(request))
        chosen = None
        if directive.code is not None or directive.example is not None:
            try:
                chosen = self.responses.preferred(directive)
            except LookupError as error:
                return self.responses.refusal(IMPOSSIBLE_PREFERENCE, str(error.args[0]), request)
            if chosen not in self.responses.successes:
                reply = self.responses.documented_error(chosen, directive.example, request)
                return reply.with_headers(*applied(request))
        if not self.responses.accepts(request):
            return self.responses.refusal(NOT_ACCEPTABLE, NOT_ACCEPTABLE.meaning, request)
        if checked.violations:
            return self._refuse(checked.violations, request)
        return Call(request, owner, checked, directive, chosen)

    def limited(self, refusal: Refusal, request: Request) -> Reply:
        """The answer to a call that is one too many."""
        return self.responses.refusal(RATE_LIMITED, refusal.detail, request, headers=refusal.headers)

    async def answer(self, call: Call) -> Reply:
        """Answer an admitted request."""
        if call.directive is NOTHING:
            return await self._answer(call)
        try:
            reply = (await self._answer(call)).with_headers(*applied(call.request))
        except PlanError as error:
            reply = self.responses.refusal(UNCLEAR_DIRECTIVE, str(error), call.request)
        return await self.director.spoil(reply, call.directive, call.request, namespace_of(call.owner))

    async def _answer(self, call: Call) -> Reply:
        reply = self.answer_at_once(call)
        return await self._counted(call) if reply is None else reply

    def answer_at_once(self, call: Call) -> Reply | None:
        """Answer as the contract says, and as the directive says of the job; None where polls have to be counted."""
        directive, chosen = call.directive, call.chosen
        if self.submit is not None and (chosen is None or chosen is self.submit.response):
            return self.submit.start(
                call.owner, directive.example, outcome=directive.outcome, progress=directive.progress
            )
        if chosen is not None and directive.example is not None:
            return chosen.reply(chosen.examples[directive.example])
        if self.poll is not None:
            job_id = call.checked.parameters[self.poll.parameter]
            if job_id is not None:
                job = self.poll.find(job_id, call.owner)
                return self._no_job(self.poll, call) if job is None else self.poll.answer_at_once(job, call.request)
        response = chosen or self.responses.success
        return response.reply(response.first)

    async def _counted(self, call: Call) -> Reply:
        """Answer a poll that counts."""
        assert self.poll is not None  # noqa: S101 - see answer_at_once
        job = self.poll.find(call.checked.parameters[self.poll.parameter], call.owner)
        assert job is not None  # noqa: S101 - the same
        return await self.poll.answer(job, call.owner, call.request)

    def _no_job(self, poll: PollJob, call: Call) -> Reply:
        detail = "No job with this id was submitted to this mock under this key."
        location, name = poll.parameter
        violation = Violation(UNKNOWN_JOB, location, name, "", "unknown", detail)
        return self.responses.refusal(UNKNOWN_JOB, detail, call.request, [violation])

    def _refuse(self, violations: list[Violation], request: Request) -> Reply:
        kind = kind_of(violations)
        count = len(violations)
        detail = violations[0].detail if count == 1 else f"{count} things are wrong with the request; see errors."
        return self.responses.refusal(kind, detail, request, violations)


def compile_operations(
    spec: Spec, *, keys: Keys, settings: JobSettings, director: Director, seed: int, body_limit: int
) -> dict[str, CompiledOperation]:
    """All operations of a contract by operationId, those that start jobs joined to those that are polled.

    Raises:
        SpecError: The contract leaves something open that the mock needs; it says what, and the remedy.
    """
    compiled = {
        operation.id: CompiledOperation(
            spec,
            operation,
            Responses(spec, operation, seed=seed),
            keys=keys,
            director=director,
            body_limit=body_limit,
        )
        for operation in spec.operations
    }
    submits: defaultdict[str, dict[int, SubmitJob]] = defaultdict(dict)
    for operation in spec.operations:
        polling = operation.polling
        if polling is None:
            continue
        number = len(submits[polling.target])
        target = compiled[polling.target]
        entry = compiled[operation.id]
        entry.submit = SubmitJob(
            spec, operation, polling, entry.responses, target.operation, target.responses, number, settings
        )
        if number >= 1 << entry.submit.form.layout.operation:
            message = f"more operations start jobs that {polling.target!r} is polled for than its ids can tell apart"
            remedy = "let the ids be longer texts"
            raise SpecError([spec.problem(polling.pointer, message, remedy)])
        submits[polling.target][number] = entry.submit
    for target_id, by_number in submits.items():
        entry = compiled[target_id]
        entry.poll = PollJob(entry.operation, by_number, settings)
    return compiled
