"""One violation made once more: the part of a run that found it, on the operations it needs, with the same seed."""

from __future__ import annotations

from dataclasses import dataclass, replace

from spacely_spec import Spec

from .expectations import label
from .report import Check, Event, Report, Violation

# These are made by looking on, so nothing tells of those that hold.
_NOTED_WHERE_VIOLATED = frozenset({"answered", "engine_error"})


class NoSuchViolation(ValueError):
    """A text names no violation that this contract could have; the message says what would."""


@dataclass(frozen=True, slots=True)
class Replay:
    """What is looked at again, as the id of a violation tells it.

    Attributes:
        phase: The phase that found it.
        check: The check that it broke.
        operation: The operation, as reports name it.
    """

    phase: str
    check: str
    operation: str

    @classmethod
    def parse(cls, text: str) -> Replay:
        """Read the id of a violation; raise NoSuchViolation where it is none."""
        phase, check, operation = [*text.split("/", 2), "", ""][:3]
        if not (phase and check and operation):
            raise NoSuchViolation(
                f"--replay {text!r}: give PHASE/CHECK/OPERATION, as the report of the run writes it beside a violation"
            )
        return cls(phase, check, operation)

    def narrowed(self, spec: Spec) -> Spec:
        """The contract with the operation, those that start jobs for it, and those that it starts jobs for.

        Where the violation is about no operation of the contract, the contract as it is.
        """
        named = {operation.id for operation in spec.operations if label(operation) == self.operation}
        links = [(each.id, each.polling.target) for each in spec.operations if each.polling is not None]
        wanted = named | {end for link in links if named & set(link) for end in link}
        wanted |= {target for source, target in links if source in wanted}
        return replace(spec, operations=tuple(each for each in spec.operations if not named or each.id in wanted))

    def violation(self, report: Report) -> Violation | None:
        """The violation, if a run has found it again."""
        return next((found for found in report.violations if self.matches(found)), None)

    def matches(self, violation: Violation) -> bool:
        """Whether a violation is the one that is looked for."""
        return (violation.phase, violation.check, violation.operation) == (self.phase, self.check, self.operation)

    def leave(self, report: Report) -> None:
        """Take every other violation out of a report: some are there only because less was sent than in a whole run."""
        wanted = (self.phase, self.operation, self.check)
        report.violations = [each for each in report.violations if self.matches(each)]
        for key, tally in report.tallies.items():
            if key != wanted:
                tally.violated = 0
        report.log = [event for event in report.log if not self._is_another(event)]

    def _is_another(self, event: Event) -> bool:
        if isinstance(event, Violation):
            return not self.matches(event)
        if not isinstance(event, Check) or event.held:
            return False
        return (event.phase, event.operation, event.check) != (self.phase, self.operation, self.check)

    def made(self, report: Report) -> bool:
        """Whether the check was made at all."""
        looked_at = any((phase, each) == (self.phase, self.operation) for phase, each, _ in report.tallies)
        if self.check in _NOTED_WHERE_VIOLATED or self.check.startswith("warning_"):
            return looked_at
        return (self.phase, self.operation, self.check) in report.tallies
