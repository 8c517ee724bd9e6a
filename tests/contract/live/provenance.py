"""The places of a contract that are assumed, and what traffic has made of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from spacely_spec import Spec, join_pointer

from .statements import Statements
from .verdicts import Seen, Statement, Verdict, unknown

MARK, REASON = "x-provenance", "x-provenance-reason"
ASSUMED = "assumed"
# What is written there is data, not contract.
_DATA = frozenset({"example", "value", "default", "enum"})


@dataclass(frozen=True, slots=True)
class Assumption:
    """A place that is marked as assumed, and the reason that stands beside the mark."""

    pointer: str
    line: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What traffic says of one statement at an assumed place; without a statement, none can be told by traffic."""

    assumption: Assumption
    statement: Statement | None
    verdict: Verdict

    @property
    def pointer(self) -> str:
        """The place that it is about."""
        return self.assumption.pointer if self.statement is None else self.statement.pointer


def assumptions(spec: Spec) -> list[Assumption]:
    """The places that are marked as assumed, in the order of the file."""
    found = [
        Assumption(pointer, spec.line(pointer), " ".join(str(node.get(REASON, "")).split()))
        for pointer, node in _marked(spec.document, "")
        if node[MARK] == ASSUMED
    ]
    return sorted(found, key=lambda each: (each.line or 0, each.pointer))


def findings(seen: Seen) -> list[Finding]:
    """What was learnt about each assumed place.

    Args:
        seen: All that was seen.

    Returns:
        A finding for each statement at an assumed place, and one for each place that has none.
    """
    spec = seen.spec
    marks = {pointer: str(node[MARK]) for pointer, node in _marked(spec.document, "")}
    found: dict[str, list[Finding]] = {each.pointer: [] for each in assumptions(spec)}
    by_pointer = {each.pointer: each for each in assumptions(spec)}
    for statement in Statements(spec).all():
        marked = {_governing(site, marks) for site in (statement.used_at or statement.pointer, statement.pointer)}
        assumed = [mark for mark in marked if mark is not None and marks[mark] == ASSUMED]
        if assumed:
            nearest = max(assumed, key=len)
            found[nearest].append(Finding(by_pointer[nearest], statement, statement.judge(seen)))
    nothing = unknown("nothing that travels depends on it")
    return [
        each for pointer, listed in found.items() for each in listed or [Finding(by_pointer[pointer], None, nothing)]
    ]


def is_assumed(spec: Spec, pointer: str) -> bool:
    """Whether a place is assumed: marked so itself, or by the nearest place around it that has a mark."""
    marks = {place: str(node[MARK]) for place, node in _marked(spec.document, "")}
    mark = _governing(pointer, marks)
    return mark is not None and marks[mark] == ASSUMED


def _governing(pointer: str, marks: Mapping[str, str]) -> str | None:
    while pointer not in marks:
        if not pointer:
            return None
        pointer = pointer.rpartition("/")[0]
    return pointer


def _marked(node: Any, pointer: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(node, Mapping):
        if isinstance(node.get(MARK), str):
            yield pointer, node
        for name, child in node.items():
            if name not in _DATA:
                yield from _marked(child, pointer + join_pointer(name))
    elif isinstance(node, list):
        for index, child in enumerate(node):
            yield from _marked(child, pointer + join_pointer(index))
