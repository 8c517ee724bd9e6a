"""What comes of a run as a whole: its reports, the coverage of each, what the baseline says, and the exit status."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field

from spacely_spec import Spec

from .baseline import Judgement
from .coverage import Cell, Coverage, measure
from .report import Report, Violation
from .unreachable import Target, Unreachable

HELD, VIOLATED, COULD_NOT_RUN, INCOMPLETE = 0, 1, 2, 3


@dataclass(frozen=True, slots=True)
class Result:
    """One report, with the coverage of the contract.

    Attributes:
        report: What was found.
        coverage: What was exercised; without cells where that was not looked at.
        empty: The cells that should have been filled, each with its line in the contract.
        unreachable: The other empty ones, each with the rule by which it is empty.
    """

    report: Report
    coverage: Coverage = field(default_factory=Coverage)
    empty: dict[Cell, int | None] = field(default_factory=dict)
    unreachable: dict[Cell, str] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        """One word for it."""
        if self.report.unknown:
            return "violated"
        if self.empty or self.report.unfinished:
            return "incomplete"
        return "held" if self.report.checks else "nothing was checked"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A run.

    Attributes:
        results: Its reports.
        command: The command line that repeats it, with its seed; empty where none does.
        judgement: What the baseline says.
        notes: What else there is to say.
    """

    results: Sequence[Result]
    command: Sequence[str] = ()
    judgement: Judgement = field(default_factory=Judgement)
    notes: Sequence[str] = ()

    @property
    def status(self) -> int:
        """The exit status: what is violated goes before what was not done."""
        verdicts = {result.verdict for result in self.results}
        if "violated" in verdicts:
            return VIOLATED
        return HELD if verdicts == {"held"} else INCOMPLETE

    def replay(self, violation: Violation) -> str:
        """The command that makes a check once more; empty where none does."""
        return shlex.join([*self.command, "--replay", violation.id]) if self.command else ""


def result_of(spec: Spec, report: Report, target: Target) -> Result:
    """Measure what a run has exercised of a contract."""
    coverage, rules = measure(spec, report), Unreachable(spec, target)
    reasons = {cell: rules.reason(coverage, cell) for cell in coverage.empty}
    return Result(
        report,
        coverage,
        {cell: spec.line(cell.pointer) for cell, reason in reasons.items() if reason is None},
        {cell: reason for cell, reason in reasons.items() if reason is not None},
    )
