"""What a contract asks of the requests and answers that pass a proxy."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from spacely_spec import Operation, Spec

from ._answers import AnswerRules
from ._http import Reply, Request
from ._problems import CONTENT_TOO_LARGE, METHOD_NOT_ALLOWED, NOT_FOUND, UNAUTHORIZED, Violation
from ._requests import RequestRules
from ._routes import Match, Routes, served_as
from ._security import Gate, Keys


class ProxiedOperation:
    """What one operation asks of requests and answers, compiled.

    Attributes:
        operation: The operation.
        polls_by: The names of the parameters by which jobs are polled; empty where it is not polled.
    """

    def __init__(self, spec: Spec, operation: Operation, polls_by: set[str], body_limit: int) -> None:
        self.operation = operation
        self.polls_by = polls_by
        self._gate = Gate(operation.security, Keys(), spec.title)
        self._requests = RequestRules(
            operation, spec.components, security_names=self._gate.query_names, body_limit=body_limit
        )
        self._answers = AnswerRules(operation, spec.components, body_limit=body_limit)

    def check_request(self, request: Request, match: Match) -> tuple[list[Violation], str]:
        """All that is wrong with a request, its keys included; and the id of the job that it polls, if any."""
        checked = self._requests.check(request, match.values)
        violations = checked.violations
        if self._gate.admit(request) is None:
            detail = self._gate.explain(request)
            violations = [Violation(UNAUTHORIZED, "security", "", "", "security", detail), *violations]
        ids = (value for (_, name), value in checked.parameters.items() if name in self.polls_by and value is not None)
        return violations, str(next(ids, ""))

    def check_answer(self, reply: Reply, *, has_body: bool) -> tuple[list[Violation], str]:
        """All that is wrong with an answer; and the id of the job that it has started, if any."""
        violations, value = self._answers.check(reply, has_body=has_body)
        if violations or not has_body:
            return violations, ""
        job, violations = self._answers.job(reply, value)
        return violations, job


@dataclass(frozen=True, slots=True)
class Found:
    """What the contract has for a request.

    Attributes:
        match: Its path; None where the contract has no such path.
        entry: Its operation; None where it is for none.
    """

    match: Match | None
    entry: ProxiedOperation | None


class ProxiedContract:
    """Holds what passes to a contract.

    Args:
        spec: The contract.
        body_limit: The largest body that is taken, in bytes.
    """

    def __init__(self, spec: Spec, body_limit: int) -> None:
        self._body_limit = body_limit
        self._routes = Routes(spec.base_path, spec.operations)
        polls_by: defaultdict[str, set[str]] = defaultdict(set)
        for operation in spec.operations:
            if operation.polling is not None:
                polls_by[operation.polling.target].add(operation.polling.parameter)
        self._operations = {
            each.id: ProxiedOperation(spec, each, polls_by[each.id], body_limit) for each in spec.operations
        }

    def find(self, request: Request) -> Found:
        """What the contract has for a request."""
        match = self._routes.find(request.path)
        operation = None if match is None else match.route.operations.get(served_as(request.method, match))
        return Found(match, None if operation is None else self._operations[operation.id])

    def check_request(self, request: Request, found: Found) -> tuple[list[Violation], str]:
        """All that is wrong with a request; and the id of the job that it polls, if any."""
        if found.match is not None and found.entry is not None:
            return found.entry.check_request(request, found.match)
        return self._stray(request, found.match), ""

    def _stray(self, request: Request, match: Match | None) -> list[Violation]:
        """What is wrong with a request that is for no operation."""
        if request.oversized:
            detail = f"The body is larger than {self._body_limit} bytes."
            return [Violation(CONTENT_TOO_LARGE, "body", "", "", "maxBytes", detail)]
        if match is None:
            nearest = self._routes.nearest(request.path)
            detail = "The contract has no such path." + (f" Did you mean {nearest}?" if nearest else "")
            return [Violation(NOT_FOUND, "path", request.instance, "", "unknown", detail)]
        if request.method == "OPTIONS":  # What browsers ask before they send the request itself.
            return []
        detail = f"The path has {', '.join(sorted(match.route.operations))}."
        return [Violation(METHOD_NOT_ALLOWED, "method", request.method, "", "unknown", detail)]
