"""What a run has found: how much was asked of each operation, and every violation with its evidence."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import quote

REDACTED = "[redacted]"
SHOWN = 2000


class Evidence(Protocol):
    """One request as a person would repeat it, and what came back; written out only where it is needed."""

    @property
    def sent(self) -> str:
        """The request."""
        ...

    @property
    def received(self) -> str:
        """The answer."""
        ...


@dataclass(frozen=True, slots=True)
class Exchange:
    """Evidence that is written out."""

    sent: str = ""
    received: str = ""


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken rule.

    Attributes:
        phase: The part of the run that found it.
        operation: The method and path of the operation, or what else was looked at.
        check: The name of the check.
        rule: What the contract asks for, and how this differs.
        sent: The request.
        received: The answer.
    """

    phase: str
    operation: str
    check: str
    rule: str
    sent: str
    received: str


@dataclass(slots=True)
class Tally:
    """How often one check was made of one operation in one phase."""

    passed: int = 0
    violated: int = 0


@dataclass(slots=True)
class Report:
    """Everything one run has found.

    Attributes:
        target: What was held to the contract.
        contract: The contract's file as it was named.
        seed: What the generated data depends on.
        secrets: Texts that are taken out of whatever is recorded.
        requests: How many requests were sent, by phase and operation.
        tallies: How each check ended, by phase, operation and check.
        violations: The first violation of each check; one fault breaks it many times over.
        seconds: How long the run took.
    """

    target: str
    contract: str
    seed: int
    secrets: tuple[str, ...] = ()
    requests: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    tallies: dict[tuple[str, str, str], Tally] = field(default_factory=lambda: defaultdict(Tally))
    violations: list[Violation] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def held(self) -> bool:
        """Whether no check was violated, and at least one was made."""
        return self.checks > 0 and not self.violations

    @property
    def checks(self) -> int:
        """How many checks were made."""
        return sum(tally.passed + tally.violated for tally in self.tallies.values())

    @property
    def violated_checks(self) -> frozenset[str]:
        """The names of the checks that were violated."""
        return frozenset(violation.check for violation in self.violations)

    def requested(self, phase: str, operation: str, count: int = 1) -> None:
        """Count requests sent to an operation."""
        self.requests[phase, operation] += count

    def passed(self, phase: str, operation: str, check: str, count: int = 1) -> None:
        """Count checks that held."""
        self.tallies[phase, operation, check].passed += count

    def violated(self, phase: str, operation: str, check: str, rule: str, evidence: Evidence) -> None:
        """Record a check that did not hold."""
        tally = self.tallies[phase, operation, check]
        tally.violated += 1
        if tally.violated == 1:
            texts = (operation, check, rule, evidence.sent, evidence.received)
            self.violations.append(Violation(phase, *(redact(text, self.secrets) for text in texts)))

    def check(self, phase: str, operation: str, check: str, holds: bool, rule: str, evidence: Evidence) -> bool:
        """Record one check either way; return whether it held."""
        if holds:
            self.passed(phase, operation, check)
        else:
            self.violated(phase, operation, check, rule, evidence)
        return holds


def shortened(text: str) -> str:
    """A text of which no more than a person reads is left."""
    return text if len(text) <= SHOWN else text[:SHOWN] + " …"


def redact(text: str, secrets: Iterable[str]) -> str:
    """A text without the secrets, in whatever form a URL or a JSON document would hold them."""
    for secret in secrets:
        for form in {secret, quote(secret, safe=""), json.dumps(secret)[1:-1]} - {""}:
            text = text.replace(form, REDACTED)
    return text
