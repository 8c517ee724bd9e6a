"""Hypothesis used as a source of data and as a search for counterexamples, outside a test function."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import hypothesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import SearchStrategy

T = TypeVar("T")


def draw(strategy: SearchStrategy[T], count: int, seed: int) -> list[T]:
    """Values of a strategy, the same ones for the same seed.

    Args:
        strategy: What to draw from.
        count: How many to draw at most; a strategy with fewer values gives fewer.
        seed: What the choice depends on.

    Returns:
        The values.
    """
    drawn: list[T] = []
    search(strategy, drawn.append, count, seed)
    return drawn


def search(strategy: SearchStrategy[T], test: Callable[[T], object], count: int, seed: int) -> None:
    """Try a test on values of a strategy; let the exception of the simplest value that fails it escape.

    Args:
        strategy: What to draw from.
        test: Raises for a value that it objects to.
        count: How many values to try.
        seed: What the choice depends on.
    """
    run = given(strategy)(lambda value: test(value) and None)
    run = settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        print_blob=False,
        report_multiple_bugs=False,
    )(run)
    hypothesis.seed(seed)(run)()
