"""What a run says and writes: the plan, what was found, what became of the assumptions."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from .. import expectations, output
from ..outcome import Outcome
from . import table
from .guard import MAX_PER_SECOND, Limits
from .har import Recording
from .ladder import Ladder
from .plan import Plan
from .rungs import Rung


def say(text: str = "") -> None:
    """Print a line."""
    sys.stdout.write(text + "\n")


def say_plan(base_url: str, plan: Plan, limits: Limits, spent: int, recording: Recording | None) -> None:
    """Print what would be sent, and what it would cost at worst."""
    say(f"Would call {base_url}, at most {MAX_PER_SECOND} requests a second. Nothing is sent now.")
    say()
    if recording is not None:
        say(f"{Rung.RECORDED.value} {Rung.RECORDED.title}: {len(recording.observations)} exchanges, no request")
    for rung in Rung:
        steps = plan.of(rung)
        if not steps:
            continue
        requests, credits = sum(step.requests for step in steps), sum(step.credits for step in steps)
        say(f"{rung.value} {rung.title}: {requests} requests and {credits} credits at most")
        for step in steps:
            say(f"    {step.requests:4}  {step.credits:2}  {step.operation.id}: {step.title}")
    say()
    say(f"At worst: {plan.requests} requests, of which {limits.requests} may be sent, and {plan.credits} credits.")
    if plan.credits or spent:
        say(f"--credits allows {limits.credits}; {spent} of them are spent, by the ledger.")
    for operation in plan.untouched:
        say(f"Never called, since it may change something: {expectations.label(operation)}")
    if plan.left_out:
        say(f"{plan.left_out} further submits would take {plan.left_out} credits more.")


def say_outcome(outcome: Outcome, lines: Sequence[table.Row]) -> None:
    """Print what was found."""
    say(output.outcome_text(outcome))
    say(table.as_text(lines))


def say_cost(ladder: Ladder, credits: int) -> None:
    """Print which jobs there are now, and what the run has cost."""
    say()
    for job in ladder.jobs:
        say(f"The job {job.id} of {job.operation.id}: {job.end}.")
    spent = f"{ladder.ledger.spent} of {credits} credits are spent, by the ledger {ladder.ledger.path}"
    say(f"{ladder.guard.sent} requests were sent; {spent}.")


def write(outcome: Outcome, lines: Sequence[table.Row], folder: Path) -> list[Path]:
    """Write all reports of a run into a folder, the table of assumptions among them; give their paths."""
    written = output.write(outcome, folder)
    for name, text in (("assumptions.md", table.as_markdown(lines)), ("assumptions.json", table.write_json(lines))):
        path = folder / name
        path.write_text(text, encoding="utf-8", errors="replace")
        written.append(path)
    return written


def add_to_summary(outcome: Outcome, lines: Sequence[table.Row]) -> None:
    """Add the run to the summary of the CI job, where there is one."""
    step_summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if step_summary:
        with Path(step_summary).open("a", encoding="utf-8") as file:
            file.write(output.summary(outcome) + "\n" + table.as_markdown(lines) + "\n")
