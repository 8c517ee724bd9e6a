"""What a mutant is: one declared change, the harm it would do, and what the suite must make of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, TypeAlias, TypeVar

Side: TypeAlias = Literal["mock", "client", "spec"]
Target: TypeAlias = Literal["mock", "client", "old mock", "old client"]
"""What is held to the contract. The old ones are made from the contract as it is and held to the edited one."""

F = TypeVar("F", bound=Callable[..., Any])


class Kind(StrEnum):
    """What a mutant is there for."""

    FAULT = "fault"  # Drift that hurts a user: it must be killed.
    CANARY = "canary"  # So gross that a harness in which it lives is broken.
    NO_OP = "no-op"  # A change that is no drift: it must live.


class NotApplicable(Exception):
    """The contract has not what a mutant changes; the message says what that is."""


@dataclass(frozen=True)
class Mutant:
    """One declared change.

    Attributes:
        name: What is changed, as a sentence; unique.
        side: What it is a change of.
        topic: What it is about, for the reader of the matrix.
        kind: What it is there for.
        reason: How a user would be hurt; of a no-op, why nobody is.
        expected: For each target the checks that must report it; none where the target must be held.
        apply: A function of a module, so that another process can find it; what it takes depends on the side.
        given: An edit that a contract gets first, where as it stands it has not what the mutant changes.
    """

    name: str
    side: Side
    topic: str
    kind: Kind
    reason: str
    expected: Mapping[Target, frozenset[str]]
    apply: Callable[..., Any]
    given: Callable[..., Any] | None = None


class Registry:
    """The mutants of one side, in the order in which they are written down.

    Args:
        side: What they are changes of.
    """

    def __init__(self, side: Side) -> None:
        self.side = side
        self.mutants: list[Mutant] = []
        self._topic = ""

    def topic(self, name: str) -> None:
        """Say what the mutants that follow are about."""
        self._topic = name

    def fault(
        self, *checks: str, given: Callable[..., Any] | None = None, **targets: Iterable[str]
    ) -> Callable[[F], F]:
        """Register a fault: its name is the function's, its harm the docstring.

        Args:
            checks: The checks that must report it where the side is the target.
            given: An edit that the contract gets first; not for edits, which can make it themselves.
            targets: The same by target, for edits of the contract; no check where the edit must not be noticed.
        """
        return self._register(Kind.FAULT, checks, targets, given)

    def canary(self, *checks: str) -> Callable[[F], F]:
        """Register a canary."""
        return self._register(Kind.CANARY, checks, {})

    def no_op(self, *targets: Target) -> Callable[[F], F]:
        """Register a change that is no drift."""
        return self._register(Kind.NO_OP, (), {target.replace(" ", "_"): () for target in targets})

    def _register(
        self,
        kind: Kind,
        checks: Iterable[str],
        targets: Mapping[str, Iterable[str]],
        given: Callable[..., Any] | None = None,
    ) -> Callable[[F], F]:
        by_target: dict[Any, frozenset[str]] = {
            name.replace("_", " "): frozenset(each) for name, each in targets.items()
        }
        expected = by_target or {self.side: frozenset(checks)}

        def register(function: F) -> F:
            name = function.__name__.replace("_", " ")
            reason = " ".join((function.__doc__ or "").split())
            self.mutants.append(Mutant(name, self.side, self._topic, kind, reason, expected, function, given))
            return function

        return register
