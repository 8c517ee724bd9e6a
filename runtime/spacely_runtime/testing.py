"""For tests of programs that use a client: no waiting."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import final

from . import _clock

__all__ = ["Testing", "is_testing", "set_testing"]


@final
class Testing:
    """What ``set_testing`` returns; leaving its ``with`` block brings back what was before."""

    __test__ = False  # No test, whatever pytest makes of the name.

    def __init__(self, before: Callable[[float], object] | None) -> None:
        self._before = before

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        _clock.skipping = self._before


def set_testing(testing: bool, *, on_wait: Callable[[float], object] | None = None) -> Testing:
    """Turn all waiting of this process's clients off, or on again: between polls, for retries, for the rate budget.

    What would wait goes on at once instead, and the clients' clock is put forward by as much. So all else stays as it
    is: how often is polled and retried, and that timeouts end a wait. A store that a rate limit is shared through is
    not asked. Waiting for an answer of the server is no waiting in this sense.

    Args:
        testing: Whether there is to be no waiting.
        on_wait: Told the seconds of each wait that is left out, such as the ``advance`` of a mock whose jobs are to
            grow older by as much.

    Returns:
        A context manager: where it is used as one, what was before comes back at the end of the block.
    """
    before = _clock.skipping
    _clock.skipping = (on_wait or _nothing) if testing else None
    return Testing(before)


def is_testing() -> bool:
    """Whether there is no waiting."""
    return _clock.skipping is not None


def _nothing(_: float) -> None:
    pass
