"""What a run of the benchmark has found: each mutant's fate, for a person and for a program."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from typing import Any, Literal, TypeAlias

from tests.contract.mutants.model import Kind, Mutant, Side, Target
from tests.contract.mutants.run import Result, Task

Fate: TypeAlias = Literal[
    "killed", "lives", "SURVIVED", "MISSED", "FALSE ALARM", "TIMED OUT", "TROUBLE", "does not apply"
]
STOCK = ("st run", "parametrize")
_GOOD: frozenset[Fate] = frozenset({"killed", "lives", "does not apply"})
_SIDES: tuple[Side, ...] = ("mock", "client", "spec")


@dataclass
class Row:
    """One mutant and what came of it.

    Attributes:
        mutant: The mutant.
        results: What the suite made of it, by target.
        stock: What the stock tools made of a mock with it, by tool.
    """

    mutant: Mutant
    results: dict[Target, Result] = field(default_factory=dict)
    stock: dict[str, Result] = field(default_factory=dict)

    def fate(self, target: Target) -> Fate:
        """What became of it at one target.

        A fault is killed where the checks that are meant to tell it have; that others have may be chance.
        """
        result, expected = self.results[target], self.mutant.expected[target]
        told = set(result.told)
        troubles: tuple[tuple[object, Fate], ...] = (
            (result.skipped, "does not apply"),
            (result.trouble, "TROUBLE"),
            (result.timed_out, "TIMED OUT"),
        )
        for trouble, fate in troubles:
            if trouble:
                return fate
        if not expected:
            return "FALSE ALARM" if told else "lives"
        if expected <= told:
            return "killed"
        return "MISSED" if told else "SURVIVED"

    @property
    def as_expected(self) -> bool:
        """Whether it was killed, or lived, as it should."""
        return all(self.fate(target) in _GOOD for target in self.results)

    def why(self, target: Target) -> str:
        """Why its fate is not as it should be, in a few words."""
        result, expected = self.results[target], self.mutant.expected[target]
        match self.fate(target):
            case "MISSED":
                return f"not told by {', '.join(sorted(expected - set(result.told)))}, but by {', '.join(result.told)}"
            case "SURVIVED":
                return f"meant to be told by {', '.join(sorted(expected)) or 'any check'}"
            case "FALSE ALARM":
                return f"told by {', '.join(result.told)}"
            case "TROUBLE":
                return (result.trouble or "").strip().splitlines()[-1]
            case _:
                return result.skipped or ""


@dataclass
class Matrix:
    """Every mutant of a run.

    Attributes:
        rows: The mutants, in the order of the catalogue.
        baseline: What each stock tool says of a mock without a fault.
        contract: The contract's file.
        seed: What generated data depended on.
        examples: How many examples were made of each operation and phase.
        seconds: How long the run took.
    """

    rows: list[Row]
    baseline: dict[str, Result]
    contract: Path
    seed: int
    examples: int
    seconds: float = 0.0

    @classmethod
    def of(cls, mutants: Iterable[Mutant], contract: Path, seed: int, examples: int) -> Matrix:
        """A matrix that is to be filled in."""
        return cls([Row(mutant) for mutant in mutants], {}, contract, seed, examples)

    def note(self, task: Task, result: Result) -> Row | None:
        """Fill in what came of a task; gives the row it belongs to."""
        row = next((row for row in self.rows if row.mutant is task.mutant), None)
        if row is None:
            self.baseline[task.tool] = result
        elif task.tool == "gate":
            row.results[task.target] = result
        else:
            row.stock[task.tool] = result
        return row

    @property
    def as_expected(self) -> bool:
        """Whether every mutant was killed, or lived, as it should, and at least one was tried."""
        tried = any(fate != "does not apply" for row in self.rows for fate in map(row.fate, row.results))
        return tried and all(row.as_expected for row in self.rows) and not self.broken

    @property
    def broken(self) -> list[str]:
        """What could not be run."""
        named = [(row.mutant.name, each) for row in self.rows for each in (*row.results.values(), *row.stock.values())]
        named += list(self.baseline.items())
        return [f"{name}: {each.trouble}" for name, each in named if each.trouble is not None]

    def told_by_stock(self, row: Row, tool: str) -> tuple[str, ...] | None:
        """What a stock tool says of a mutant and not of a mock without a fault; None where it was not asked."""
        result, baseline = row.stock.get(tool), self.baseline.get(tool)
        if result is None or baseline is None or result.skipped is not None:
            return None
        if result.timed_out:
            return ()
        return tuple(each for each in result.told if each not in baseline.told)


def as_json(matrix: Matrix) -> str:
    """The whole matrix as a JSON document."""
    document = {
        "contract": hashlib.sha256(matrix.contract.read_bytes()).hexdigest(),
        "seed": matrix.seed,
        "examples": matrix.examples,
        "seconds": round(matrix.seconds, 1),
        "asExpected": matrix.as_expected,
        "versions": _versions(),
        "stockOnAMockWithoutAFault": {tool: list(each.told) for tool, each in matrix.baseline.items()},
        "mutants": [_row(matrix, row) for row in matrix.rows],
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _row(matrix: Matrix, row: Row) -> dict[str, Any]:
    mutant = row.mutant
    return {
        "name": mutant.name,
        "side": mutant.side,
        "topic": mutant.topic,
        "kind": mutant.kind.value,
        "reason": mutant.reason,
        "given": _given(mutant),
        "targets": {
            target: {
                "fate": row.fate(target),
                "expected": sorted(mutant.expected[target]),
                "told": list(result.told),
                "seconds": round(result.seconds, 2),
                "processorSeconds": round(result.processor_seconds, 2),
                "requests": result.requests,
            }
            for target, result in row.results.items()
        },
        "stock": {
            tool: {
                "told": list(matrix.told_by_stock(row, tool) or ()),
                "seconds": round(result.seconds, 2),
                "processorSeconds": round(result.processor_seconds, 2),
                "requests": result.requests,
            }
            for tool, result in row.stock.items()
        },
    }


def _versions() -> dict[str, str]:
    return {"python": platform.python_version(), **{name: version(name) for name in ("schemathesis", "hypothesis")}}


# --- Markdown ----------------------------------------------------------------------------------------------------


def as_markdown(matrix: Matrix) -> str:
    """The matrix as Markdown: a summary, and a table for each topic."""
    return "\n".join([*_summary(matrix), "", *_tables(matrix)]).rstrip() + "\n"


def _summary(matrix: Matrix) -> Iterator[str]:
    found = _versions()
    used = sum(each.processor_seconds for row in matrix.rows for each in (*row.results.values(), *row.stock.values()))
    yield (
        f"{len(matrix.rows)} mutants in {matrix.seconds / 60:.1f} minutes, {used / 60:.1f} of one processor; "
        f"seed {matrix.seed}, "
        f"{matrix.examples} examples; Python {found['python']}, Schemathesis {found['schemathesis']}, "
        f"Hypothesis {found['hypothesis']}; contract {hashlib.sha256(matrix.contract.read_bytes()).hexdigest()[:12]}."
    )
    yield ""
    heads = ("faults", "killed by this suite", "canaries killed", "no drift, no alarm", *map(_code, STOCK))
    yield f"| | {' | '.join(heads)} |"
    yield "|---|--:|--:|--:|--:|--:|--:|"
    for side in _SIDES:
        rows = [row for row in matrix.rows if row.mutant.side == side]
        if rows:
            yield f"| {_TITLES[side]} | " + " | ".join(_counts(matrix, rows)) + " |"
    for row in matrix.rows:
        for target in row.results:
            if row.fate(target) not in _GOOD:
                yield ""
                yield f"**{row.fate(target)}**: {row.mutant.name} ({target}): {row.why(target)}"
    for tool, result in matrix.baseline.items():
        yield ""
        said = "; ".join(result.told) or "nothing"
        yield f"{_code(tool)} says of the mock without a fault: {said}."


def _counts(matrix: Matrix, rows: list[Row]) -> Iterator[str]:
    faults = [row for row in rows if row.mutant.kind is Kind.FAULT]
    yield str(len(faults))
    yield f"{sum(row.as_expected for row in faults)}/{len(faults)}"
    for kind in (Kind.CANARY, Kind.NO_OP):
        those = [row for row in rows if row.mutant.kind is kind]
        yield f"{sum(row.as_expected for row in those)}/{len(those)}" if those else ""
    for tool in STOCK:
        asked = [row for row in faults if matrix.told_by_stock(row, tool) is not None and row.mutant.expected["mock"]]
        told = sum(bool(matrix.told_by_stock(row, tool)) for row in asked)
        yield f"{told}/{len(asked)}" if asked else _NOTHING


def _tables(matrix: Matrix) -> Iterator[str]:
    for side in _SIDES:
        rows = [row for row in matrix.rows if row.mutant.side == side]
        if not rows:
            continue
        yield f"### {_TITLES[side]}"
        yield ""
        for topic, group in groupby(sorted(rows, key=_topic(rows)), key=lambda row: row.mutant.topic):
            yield f"**{topic[0].upper()}{topic[1:]}**"
            yield ""
            members = list(group)
            yield from (_spec_table(matrix, members) if side == "spec" else _table(matrix, members))
            yield ""


def _topic(rows: list[Row]) -> Any:
    order = list(dict.fromkeys(row.mutant.topic for row in rows))
    last = "no drift"
    return lambda row: (row.mutant.topic == last, order.index(row.mutant.topic))


def _table(matrix: Matrix, rows: list[Row]) -> Iterator[str]:
    yield f"| mutant | why it matters | told by | s | requests | {' | '.join(map(_code, STOCK))} |"
    yield "|---|---|---|--:|--:|---|---|"
    for row in rows:
        ((target, result),) = row.results.items()
        cells = [
            _name(row.mutant),
            row.mutant.reason,
            _fate(row, target),
            f"{result.seconds:.1f}",
            str(result.requests),
            *(_stock(matrix, row, tool) for tool in STOCK),
        ]
        yield _line(cells)


def _spec_table(matrix: Matrix, rows: list[Row]) -> Iterator[str]:
    yield f"| edit | why it matters | told by | s | requests | {' | '.join(map(_code, STOCK))} |"
    yield "|---|---|---|--:|--:|---|---|"
    for row in rows:
        yield _line(
            [
                _name(row.mutant),
                row.mutant.reason,
                "<br>".join(f"{target}: {_fate(row, target)}" for target in row.results),
                f"{sum(each.seconds for each in row.results.values()):.1f}",
                str(sum(each.requests for each in row.results.values())),
                *(_stock(matrix, row, tool) for tool in STOCK),
            ]
        )


def _name(mutant: Mutant) -> str:
    if mutant.kind is not Kind.FAULT:
        return f"{mutant.name} *({mutant.kind.value})*"
    return mutant.name + (f", where {_given(mutant)}" if mutant.given is not None else "")


def _given(mutant: Mutant) -> str | None:
    return mutant.given.__name__.replace("_", " ") if mutant.given is not None else None


def _fate(row: Row, target: Target) -> str:
    """What told it, those checks first that were meant to; or what went wrong."""
    fate, result = row.fate(target), row.results[target]
    if fate == "killed":
        expected = row.mutant.expected[target]
        others = len(set(result.told) - expected)
        return ", ".join(f"`{each}`" for each in sorted(expected)) + (f" and {others} more" if others else "")
    if fate == "lives":
        return "lives, as it should"
    return f"**{fate}** {row.why(target)}".strip() if fate != "does not apply" else f"does not apply: {row.why(target)}"


def _stock(matrix: Matrix, row: Row, tool: str) -> str:
    told = matrix.told_by_stock(row, tool)
    if told is None:
        return _NOTHING
    kinds = dict.fromkeys(each.rpartition(" (")[0] for each in told)
    return "; ".join(kinds) if told else "no"


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


_TITLES: Mapping[Side, str] = {
    "mock": "Faults of the mock",
    "client": "Faults of the client",
    "spec": "Edits of the contract",
}
_NOTHING = "\N{EN DASH}"
_COMMANDS: Mapping[str, str] = {"st run": "st run", "parametrize": "@schema.parametrize()"}


def _code(tool: str) -> str:
    return f"`{_COMMANDS[tool]}`"
