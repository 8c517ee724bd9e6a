"""One exchange through a proxy, as the journal, the log and the metrics have it: with what broke the contract."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from ._http import Request
from ._journal import Entry
from ._metrics import Metrics
from ._problems import Violation
from ._redaction import Credentials, scrub

_KEPT = 10  # The violations of one exchange that the journal keeps.


class Exchange(Entry):
    """One request in the journal of a proxy: what broke the contract is told with it.

    Attributes:
        at: When the request came, in seconds since the epoch.
        secret: Matches its keys.
        broken: What broke the contract, each with ``request`` or ``answer`` before it.
        shown: The request, for the log.
    """

    def __init__(self, at: float, operation: str | None, request: Request, credentials: Credentials) -> None:
        super().__init__(at, operation, request, credentials)
        self.at = at
        self.secret = credentials.secret(request)
        self.broken: list[tuple[str, Violation]] = []
        self.shown: str = scrub(f"{request.method} {request.instance}", self.secret)

    def add(self, of: str, violations: list[Violation]) -> None:
        """Note what broke the contract in the request or the answer."""
        self.broken += [(of, violation) for violation in violations]

    def count(self, of: str) -> int:
        """How much broke the contract in the request or the answer."""
        return sum(each == of for each, _ in self.broken)

    def violations(self) -> list[dict[str, str]]:
        """The first of what broke the contract, without keys, as JSON."""
        shown = [{"of": of, **violation.as_json()} for of, violation in self.broken[:_KEPT]]
        clean: list[dict[str, str]] = scrub(shown, self.secret)
        return clean

    def outcome(self) -> dict[str, Any]:
        """What is known once it has been answered, as JSON; empty until then."""
        outcome = super().outcome()
        return outcome and {**outcome, "violations": self.violations()}

    def lines(self, status: int, *, verbose: bool) -> Iterator[str]:
        """The lines of the log: one for each thing that broke the contract, and before them one where all is told."""
        if verbose:
            yield f"{self.shown} {status}"
        for each in self.violations():
            place = " ".join(filter(None, (each["in"], each.get("name"), each.get("pointer"))))
            what = f"{each['of']} {place}: {each['rule']}: {each['detail']}"
            yield f"{self.shown} {status} {on_one_line(what)}"
        more = len(self.broken) - _KEPT
        if more > 0:
            yield f"{self.shown} {status} and {more} more"


class ProxyMetrics(Metrics):
    """Counts the requests of a proxy, and what broke the contract."""

    def __init__(self) -> None:
        super().__init__()
        self._violations: Counter[tuple[str, str, str]] = Counter()

    def count_violations(self, exchange: Exchange) -> None:
        """Count what broke the contract in an exchange."""
        name = exchange.operation or ""
        self._violations.update((name, of, violation.rule) for of, violation in exchange.broken)

    def snapshot(self) -> list[list[Any]]:
        """All that has been counted, as JSON: rows of a sample's name, its labels and its value."""
        rows: list[list[Any]] = [
            ["spacely_mock_violations_total", {"operation": name, "of": of, "rule": rule}, count]
            for (name, of, rule), count in self._violations.items()
        ]
        return [*super().snapshot(), *rows]


def on_one_line(value: object) -> str:
    """A text without line breaks and control characters."""
    return str(value).encode("unicode_escape").decode()
