"""The settings of a client, held to what they have to be before anything is made of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from . import errors

if TYPE_CHECKING:
    from .hooks import Hook


def found_hooks(given: Sequence[Hook]) -> tuple[Hook, ...]:
    """The hooks that were given; raise ConfigurationError where something is none."""
    try:
        hooks = tuple(given)
    except TypeError:
        raise errors.ConfigurationError(f"hooks={given!r}: give a list of hooks") from None
    if not hooks:
        return hooks
    from .hooks import METHODS  # Whoever has no hooks does without.

    for hook in hooks:
        if isinstance(hook, type) or not any(callable(getattr(hook, name, None)) for name in METHODS):
            raise errors.ConfigurationError(
                f"hooks: {hook!r} is no hook; give an object that has one of the methods {', '.join(METHODS)}"
            )
    return hooks


def is_number(value: Any) -> bool:
    """Whether a setting is a number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def positive(name: str, value: float) -> float:
    """A setting that is a number greater than 0; raise ConfigurationError, with its name, where it is none."""
    if not is_number(value) or not 0 < value < float("inf"):
        raise errors.ConfigurationError(f"{name}={value!r}: give a number greater than 0")
    return float(value)
