"""Hypothesis used as a source of data outside a test function."""

from __future__ import annotations

from typing import Any, TypeAlias, TypeVar

import hypothesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants
from hypothesis.strategies import SearchStrategy
from schemathesis import Case, GenerationMode
from schemathesis.schemas import APIOperation

# Hypothesis mixes constants of whatever code of ours is imported into what it draws: a seed would stand for other
# requests after each change of the code, and after each import. It has no setting for that.
providers._get_local_constants = Constants
providers.CONSTANTS_CACHE.cache.clear()

T = TypeVar("T")
AnyOperation: TypeAlias = APIOperation[Any, Any, Any, Any]
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


def boundaries(operation: AnyOperation, mode: GenerationMode) -> list[AnyCase]:
    """Requests at the limits of every keyword: what Schemathesis makes for its coverage phase, always the same.

    Args:
        operation: What they are for.
        mode: Whether they keep the contract, or each breaks one rule of it.

    Returns:
        The requests to the operation's own method.
    """
    schema = operation.schema
    config = schema.config.generation_for(operation=operation, phase="coverage")
    cases = schema.iter_coverage_cases(operation, generation_modes=[mode], generation_config=config)
    return [case for case in cases if case.method.upper() == operation.method.upper()]
