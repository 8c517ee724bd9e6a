"""The rate limit that the contract declares, on a mock that was told to hold it."""

from __future__ import annotations

import dataclasses
from itertools import cycle

from schemathesis import Response

from spacely_spec import Operation

from . import credentials, expectations
from .generation import AnyCase
from .jobs import poll_case
from .report import Evidence
from .server import Server, answer_of

PHASE = "rate limit"
_TOO_MANY = 429  # RFC 6585; a contract that declares a limit need not document it with each operation.
_MOST = 2000


def check_limits(server: Server) -> None:
    """Make as many calls as the contract allows, one more, and one when its time has passed."""
    rate, timing = server.spec.rate_limit, server.timing
    if rate is None or rate.requests > _MOST or server.limited is None or timing is None:
        return
    calls = _Calls(dataclasses.replace(server, app=server.limited))

    def check(name: str, holds: bool, rule: str, exchange: Evidence) -> bool:
        return server.report.check(PHASE, calls.label, name, holds, rule, exchange)

    for _ in range(rate.requests - calls.made):
        response, exchange = calls.make()
        rule = f"{rate.requests} calls in {rate.seconds:g} s are allowed."
        if not check("limit_not_early", response.status_code != _TOO_MANY, rule, exchange):
            return
    response, exchange = calls.make(documented=False)
    rule = f"More than {rate.requests} calls in {rate.seconds:g} s are answered {_TOO_MANY}."
    if not check("limit_held", response.status_code == _TOO_MANY, rule, exchange):
        return
    told = (response.headers.get("retry-after") or [""])[0]
    rule = "A refusal for speed says in Retry-After how many seconds to wait."
    check("limit_told", told.isdecimal() and int(told) > 0, rule, exchange)
    timing.clock.time += max(float(told) if told.isdecimal() else 0.0, rate.seconds)
    response, exchange = calls.make(documented=False)
    rule = "When the time that a refusal named has passed, calls are answered again."
    check("limit_passes", response.status_code != _TOO_MANY, rule, exchange)


class _Calls:
    """Valid calls of the operations, one after the other; a poll is for a job that there is."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.made = 0
        self.label = ""
        targets = {polling.target for polling in expectations.pollings(server.spec)}
        cases: list[tuple[Operation, AnyCase]] = []
        for operation in server.spec.operations:
            if operation.id in targets:
                continue
            (case,) = server.valid_cases(operation, 1)
            cases.append((operation, case))
            if operation.polling is not None:
                response, _ = self._send(operation, case)
                target = server.spec.operation(operation.polling.target)
                job_id = operation.polling.job_id.read(answer_of(response))
                cases.append((target, poll_case(server, operation.polling, job_id)))
        self._turns = cycle(cases)

    def make(self, *, documented: bool = True) -> tuple[Response, Evidence]:
        """Make the next call."""
        return self._send(*next(self._turns), documented=documented)

    def _send(self, operation: Operation, case: AnyCase, *, documented: bool = True) -> tuple[Response, Evidence]:
        self.made += 1
        self.label = expectations.label(operation)
        right = credentials.right(operation, self._server.key)
        return self._server.send(PHASE, case, right, documented=documented)
