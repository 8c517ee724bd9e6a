"""Hypothesis used as a source of data outside a test function."""

from __future__ import annotations

from typing import Any, TypeAlias, TypeVar

import hypothesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import SearchStrategy
from schemathesis import Case

T = TypeVar("T")
AnyCase: TypeAlias = Case[Any]
"""One request that Schemathesis has made up."""


def draw(strategy: SearchStrategy[T], count: int, seed: int) -> list[T]:
    """Values of a strategy, the same ones for the same seed.

    Args:
        strategy: What to draw from.
        count: How many to draw at most; a strategy with fewer values gives fewer.
        seed: What the choice depends on.

    Returns:
        The values; the first is about the simplest there is.
    """
    drawn: list[T] = []

    def keep(value: T) -> None:
        drawn.append(value)

    collect = given(strategy)(keep)
    collect = settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )(collect)
    hypothesis.seed(seed)(collect)()
    return drawn
