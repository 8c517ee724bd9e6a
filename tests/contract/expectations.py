"""What a server may answer, read from the contract: which statuses mean yes, no, unknown and unauthorised."""

from __future__ import annotations

from collections.abc import Iterable

from spacely_spec import Operation, Polling, Spec

# RFC 9110's statuses for a request that is itself at fault, whatever the state of the server.
_REJECTIONS = ("400", "406", "413", "414", "415", "422", "4XX")
_UNKNOWN = ("404", "410")
_UNAUTHORISED = ("401", "403")


def label(operation: Operation) -> str:
    """The operation's name in reports, the one Schemathesis gives it."""
    return f"{operation.method} {operation.path}"


def successes(operation: Operation) -> tuple[str, ...]:
    """The documented statuses that mean the operation did what it is for."""
    return tuple(status for status in operation.responses if status.startswith("2"))


def rejections(operation: Operation) -> tuple[str, ...]:
    """The statuses with which a request that breaks the contract is refused.

    Those that the operation documents; 400 where it documents none, since something has to refuse the request.
    """
    return _documented(operation, _REJECTIONS) or ("400",)


def unknowns(operation: Operation) -> tuple[str, ...]:
    """The statuses that answer a well-formed id of nothing: 404 or 410 where documented, else a rejection."""
    return _documented(operation, _UNKNOWN) or rejections(operation)


def refusals(operation: Operation) -> tuple[str, ...]:
    """The status that answers a request without a valid key: 401 where both it and 403 are documented."""
    return _documented(operation, _UNAUTHORISED)[:1] or ("401",)


def valid_answers(spec: Spec, operation: Operation) -> tuple[str, ...]:
    """The statuses that answer a valid request sent on its own, its ids invented."""
    if any(polling.target == operation.id for polling in pollings(spec)):
        return (*successes(operation), *unknowns(operation))
    return successes(operation)


def pollings(spec: Spec) -> tuple[Polling, ...]:
    """The polling Links of the contract."""
    return tuple(operation.polling for operation in spec.operations if operation.polling is not None)


def allows(statuses: Iterable[str], status: int) -> bool:
    """Whether a status is one of those written as in a contract, ranges such as ``4XX`` included."""
    return any(written in {str(status), f"{status // 100}XX"} for written in statuses)


def number(status: str) -> int:
    """A status as a number; the first of a range such as ``2XX``."""
    return int(status.replace("X", "0"))


def _documented(operation: Operation, statuses: Iterable[str]) -> tuple[str, ...]:
    return tuple(status for status in statuses if status in operation.responses)
