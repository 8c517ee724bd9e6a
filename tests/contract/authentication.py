"""Keys: each operation that asks for one takes it in its place only, and refuses everything else."""

from __future__ import annotations

from . import credentials, expectations
from .server import Server

PHASE = "authentication"


def check_keys(server: Server) -> None:
    """Send each operation a valid request with the right key, with none, and with wrong ones of every kind."""
    for operation in server.spec.operations:
        label = expectations.label(operation)
        refusals = expectations.refusals(operation)
        (case,) = server.valid_cases(operation, 1)
        ways = list(credentials.every_right(operation, server.key)) or [credentials.Credentials()]
        for carried in [*ways, ways[0]]:  # A key is good for more than one call.
            response, exchange = server.send(PHASE, case, carried)
            refused = expectations.allows(refusals, response.status_code)
            server.report.check(PHASE, label, "key_accepted", not refused, "A valid key is not refused.", exchange)
        if not credentials.needs_key(operation):
            continue
        for check, carried in credentials.wrong(operation, server.key):
            response, exchange = server.send(PHASE, case, carried)
            server.report.check(
                PHASE,
                label,
                check,
                expectations.allows(refusals, response.status_code),
                f"A request without a valid key in its place is answered {' or '.join(refusals)}.",
                exchange,
            )
