"""What a mock owes its users beyond the contract: its contract served as it stands, and any answer on request."""

from __future__ import annotations

from spacely_spec import Answer, Criterion, all_hold

from . import credentials, expectations
from .direct import fetch
from .report import Exchange
from .server import Server, answer_of

PHASE, SERVED = "forced answers", "served contract"
SERVED_AT = "/openapi.yaml"


def check_forced(server: Server) -> None:
    """Ask each operation for each of its documented errors and examples with the Prefer header."""
    for operation in server.spec.operations:
        label = expectations.label(operation)
        (case,) = server.valid_cases(operation, 1)
        right = credentials.right(operation, server.key)
        for status, response in operation.responses.items():
            if not status.isdecimal():
                continue
            if status not in expectations.successes(operation):
                answer, exchange = server.send(PHASE, case, right, {"Prefer": f"code={status}"})
                rule = f"Prefer: code={status} is answered {status}, an error that the contract documents."
                server.report.check(PHASE, label, "forced_status", answer.status_code == int(status), rule, exchange)
            for media_type in response.content.values():
                for name, example in media_type.examples.items():
                    prefer = {"Prefer": f"code={status}, example={name}"}
                    answer, exchange = server.send(PHASE, case, right, prefer)
                    wanted = Answer(int(status), {}, example)
                    same = answer.status_code == int(status) and all(
                        all_hold(criteria, answer_of(answer)) is all_hold(criteria, wanted)
                        for criteria in _criteria(server, operation.id)
                    )
                    rule = f"Prefer: example={name} is answered with the state that this example shows."
                    server.report.check(PHASE, label, "forced_example", same, rule, exchange)


def check_served_contract(server: Server) -> None:
    """Fetch the contract that the mock serves, and compare it with the file, byte for byte."""
    label = f"GET {SERVED_AT}"
    response = fetch(server, SERVED, label, SERVED_AT)
    same = response.status_code == 200 and response.content == server.spec.source
    got = f"{response.status_code}, {len(response.content)} bytes; the file has {len(server.spec.source)}"
    exchange = Exchange(f"curl {response.request.url}", got, server.report.sent)
    rule = "The contract that the mock serves is the file that it was made from, byte for byte."
    server.report.check(SERVED, label, "contract_served", same, rule, exchange)


def _criteria(server: Server, target: str) -> list[tuple[Criterion, ...]]:
    return [
        criteria
        for polling in expectations.pollings(server.spec)
        if polling.target == target
        for criteria in (polling.success, polling.failure)
    ]
