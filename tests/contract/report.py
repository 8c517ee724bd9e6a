"""What a run has found: every request, how each check ended, and every violation with its evidence."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from .budget import Budget
from .recording import Input, Message, Record
from .redaction import REDACTED, redact

__all__ = [
    "REDACTED",
    "SHOWN",
    "Check",
    "Event",
    "Evidence",
    "Exchange",
    "Report",
    "Tally",
    "Violation",
    "redact",
    "shortened",
]

SHOWN = 2000
# One fault breaks a check many times over, mostly by the same rule: so many of its rules come with their evidence.
_WITH_EVIDENCE = 5


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
    number: int | None = None


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
        exchange: The number of the request in the run; None where it is not about one.
    """

    phase: str
    operation: str
    check: str
    rule: str
    sent: str
    received: str
    exchange: int | None = None

    @property
    def id(self) -> str:
        """What ``--replay`` is given to make this check once more."""
        return f"{self.phase}/{self.check}/{self.operation}"


@dataclass(frozen=True, slots=True)
class Check:
    """One check as it was made, or several alike.

    Attributes:
        phase: The part of the run that made it.
        operation: What was looked at.
        check: Its name.
        held: Whether the rule held.
        exchange: The number of the request it is about, if it is about one.
        count: How many are told of here.
    """

    phase: str
    operation: str
    check: str
    held: bool
    exchange: int | None = None
    count: int = 1


@dataclass(slots=True)
class Tally:
    """How often one check was made of one operation in one phase."""

    passed: int = 0
    violated: int = 0


Event: TypeAlias = Record | Check | Violation


@dataclass(slots=True)
class Report:
    """Everything one run has found.

    Attributes:
        target: What was held to the contract.
        contract: The contract's file as it was named.
        seed: What the generated data depends on.
        secrets: Texts that are taken out of whatever is written down.
        budget: What the run may spend.
        requests: How many requests were sent, by phase and operation.
        tallies: How each check ended, by phase, operation and check.
        violations: The first violation of each rule by each check; one fault breaks it many times over.
        known: Those of them that the baseline lists, with the reason it gives.
        log: Every request, check and violation, in their order.
        inputs: What a client was called with; of a server, the requests tell.
        unfinished: What was planned and not done, and why.
        seconds: How long the run took.
    """

    target: str
    contract: str
    seed: int
    secrets: tuple[str, ...] = ()
    budget: Budget = field(default_factory=Budget)
    requests: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    tallies: dict[tuple[str, str, str], Tally] = field(default_factory=lambda: defaultdict(Tally))
    violations: list[Violation] = field(default_factory=list)
    known: dict[Violation, str] = field(default_factory=dict)
    log: list[Event] = field(default_factory=list)
    inputs: list[Input] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)
    seconds: float = 0.0
    _rules: dict[tuple[str, str, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    _sent: int = 0

    @property
    def held(self) -> bool:
        """Whether no check was violated but as the baseline knows, and at least one was made."""
        return self.checks > 0 and not self.unknown

    @property
    def unknown(self) -> list[Violation]:
        """The violations that no baseline lists."""
        return [violation for violation in self.violations if violation not in self.known]

    @property
    def checks(self) -> int:
        """How many checks were made."""
        return sum(tally.passed + tally.violated for tally in self.tallies.values())

    @property
    def violated_checks(self) -> frozenset[str]:
        """The names of the checks that were violated."""
        return frozenset(violation.check for violation in self.violations)

    @property
    def records(self) -> list[Record]:
        """Every request of the run."""
        return [event for event in self.log if isinstance(event, Record)]

    def requested(self, phase: str, operation: str, sent: Sequence[Message] | int = 1) -> int:
        """Record requests sent to an operation, or count them where they are kept elsewhere.

        Args:
            phase: The part of the run.
            operation: The operation, or what else was asked for.
            sent: The requests, or how many.

        Returns:
            The number of the last one in the run.
        """
        messages: Sequence[Message | None] = [None] * sent if isinstance(sent, int) else sent
        for message in messages:
            self._sent += 1
            if message is not None:
                self.log.append(Record(self._sent, phase, operation, message))
        self.requests[phase, operation] += len(messages)
        return self._sent

    def passed(self, phase: str, operation: str, check: str, evidence: Evidence | None = None) -> None:
        """Record a check that held."""
        self.tallies[phase, operation, check].passed += 1
        self.log.append(Check(phase, operation, check, held=True, exchange=_number(evidence)))

    def violated(self, phase: str, operation: str, check: str, rule: str, evidence: Evidence) -> None:
        """Record a check that did not hold."""
        tally = self.tallies[phase, operation, check]
        tally.violated += 1
        number = _number(evidence)
        self.log.append(Check(phase, operation, check, held=False, exchange=number))
        rule = redact(rule, self.secrets)
        rules = self._rules[phase, operation, check]
        if rule in rules:
            return
        rules.add(rule)
        texts = (evidence.sent, evidence.received) if len(rules) <= _WITH_EVIDENCE else ("", "")
        sent, received = (redact(text, self.secrets) for text in texts)
        violation = Violation(phase, operation, check, rule, sent, received, number)
        self.violations.append(violation)
        self.log.append(violation)

    def check(self, phase: str, operation: str, check: str, holds: bool, rule: str, evidence: Evidence) -> bool:
        """Record one check either way; return whether it held."""
        if holds:
            self.passed(phase, operation, check, evidence)
        else:
            self.violated(phase, operation, check, rule, evidence)
        return holds

    @property
    def sent(self) -> int:
        """How many requests were sent."""
        return self._sent

    def left_out(self, phases: Iterable[str], reason: str) -> None:
        """Record what was planned and not done to its end."""
        self.unfinished += [redact(f"{phase}: {reason}", self.secrets) for phase in phases]


def shortened(text: str) -> str:
    """A text of which no more than a person reads is left."""
    return text if len(text) <= SHOWN else text[:SHOWN] + " …"


def _number(evidence: Evidence | None) -> int | None:
    return getattr(evidence, "number", None)
