"""One mutant held to the contract, in a process that has seen no other."""

from __future__ import annotations

import dataclasses
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from tests.contract import gate
from tests.contract.forced import check_served_contract
from tests.contract.gate import Options
from tests.contract.mutants import stock
from tests.contract.mutants.generated import GenerationRefused, generated_client
from tests.contract.mutants.model import Mutant, NotApplicable, Target
from tests.contract.mutants.site import Site
from tests.contract.report import Report
from tests.contract.seams import Asgi, around, changed_contract

from spacely_mock import create_app
from spacely_spec import Spec, SpecError, load

Tool: TypeAlias = Literal["gate", "st run", "parametrize"]
MakeApp: TypeAlias = Callable[..., Asgi]

CONTRACT = Path(__file__).resolve().parents[3] / "openapi.yaml"
REFUSED = "contract_refused"
"""What stands for a check where an edited contract is refused before anything is made from it."""


@dataclass(frozen=True)
class Task:
    """What one process does.

    Attributes:
        mutant: The mutant; None is the target without a fault, for comparison.
        target: What is held to the contract.
        tool: By what.
        contract: The contract's file.
        options: Seed and size of the run.
    """

    mutant: Mutant | None
    target: Target
    tool: Tool
    contract: Path
    options: Options


@dataclass(frozen=True)
class Result:
    """What came of a task.

    Attributes:
        told: What reported the mutant, checks of the suite until those that must had, or all failures of a stock tool
            with their operation.
        seconds: How long it took.
        processor_seconds: How much of a processor's time that was, which tells more on a busy machine.
        requests: How many requests were sent, by the suite or by the client under test.
        trouble: Why nothing can be said, or None.
        skipped: Why the mutant does not apply to the contract, or None.
        timed_out: Whether its time ran out.
    """

    told: tuple[str, ...] = ()
    seconds: float = 0.0
    processor_seconds: float = 0.0
    requests: int = 0
    trouble: str | None = None
    skipped: str | None = None
    timed_out: bool = False


def run(task: Task) -> Result:
    """Do one task.

    Args:
        task: The task.

    Returns:
        What came of it; an exception of the suite itself is not caught.
    """
    start, used = time.monotonic(), _processor_seconds()
    try:
        told, requests = _run(task)
    except NotApplicable as reason:
        return Result(skipped=str(reason))
    return Result(told, time.monotonic() - start, _processor_seconds() - used, requests)


def _processor_seconds() -> float:
    """Of this process and those that it has waited for."""
    return sum(os.times()[:4])


def _run(task: Task) -> tuple[tuple[str, ...], int]:
    spec = load(task.contract)
    with tempfile.TemporaryDirectory(prefix="mutant-") as temporary:
        folder = Path(temporary)
        try:
            held, made = _contracts(task, spec, folder)
        except SpecError:
            return (REFUSED,), 0
        if task.target in {"mock", "old mock"}:
            return _mock(task, held, made, folder)
        return _client(task, held, made, folder)


def _contracts(task: Task, spec: Spec, folder: Path) -> tuple[Spec, Spec]:
    """The contract that the target is held to, and the one that it is made from."""
    mutant, site = task.mutant, Site(spec)
    edit = None if mutant is None else mutant.apply if mutant.side == "spec" else _given(mutant, site)
    if mutant is None or edit is None:
        return spec, spec
    edited = changed_contract(spec, folder, lambda document: edit(document, site))
    if mutant.side != "spec":
        return edited, edited
    return (edited, spec) if task.target.startswith("old") else (spec, edited)


def _given(mutant: Mutant, site: Site) -> Callable[..., Any] | None:
    """The edit that the contract needs for a fault; None where it has a place for it as it is."""
    if mutant.given is not None:
        try:
            mutant.apply(site)
        except NotApplicable:
            return mutant.given
    return None


def _mock(task: Task, held: Spec, made: Spec, folder: Path) -> tuple[tuple[str, ...], int]:
    def make_app(_: Spec, **options: Any) -> Asgi:
        app: Asgi = create_app(made, **options)
        if task.mutant is None or task.mutant.side != "mock":
            return app
        return around(app, task.mutant.apply(Site.of_mock(held, options)))

    if task.tool == "st run":
        return stock.st_run(held, task.options.seed, make_app, folder)
    if task.tool == "parametrize":
        return stock.parametrize(held, task.options.seed, make_app, folder)
    parts = gate.PARTS
    if task.mutant is not None and task.mutant.side == "spec":
        # The served contract would tell every edit, however it looks on the wire.
        parts = tuple(part for part in parts if part is not check_served_contract)
    return _told(gate.check_app(held, _options(task), make_app, parts))


def _client(task: Task, held: Spec, made: Spec, folder: Path) -> tuple[tuple[str, ...], int]:
    prepare = None
    if task.mutant is not None and task.mutant.side == "client":
        prepare = task.mutant.apply(Site(held))
    if made.path.resolve() == CONTRACT:
        return _told(gate.check_client(held, _options(task), prepare=prepare))
    try:
        with generated_client(made, folder) as package:
            return _told(gate.check_client(held, _options(task), package, prepare))
    except GenerationRefused:
        return (REFUSED,), 0


def _options(task: Task) -> Options:
    """A run of the suite that ends when all the checks have told the mutant that are meant to."""
    until = frozenset[str]() if task.mutant is None else task.mutant.expected[task.target]
    return dataclasses.replace(task.options, until=until)


def _told(report: Report) -> tuple[tuple[str, ...], int]:
    return tuple(sorted(report.violated_checks)), sum(report.requests.values())
