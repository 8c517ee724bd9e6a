"""The time, and waiting for it to pass: the one place to hold on to when a test moves time by hand."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextvars import ContextVar

# None where waiting is waiting. In tests it is what is told of each wait that is skipped instead.
skipping: Callable[[float], object] | None = None

# How much was skipped, for each thread and each task: a hundred jobs that wait beside each other for ten seconds
# are all ten seconds older then, not a thousand.
_skipped: ContextVar[float] = ContextVar("skipped", default=0.0)


def monotonic() -> float:
    """Seconds on a clock that is never set back."""
    return time.monotonic() if skipping is None else time.monotonic() + _skipped.get()


def sleep(seconds: float) -> None:
    """Wait; not at all for zero or less."""
    if seconds > 0 and not _skip(seconds):
        time.sleep(seconds)


async def sleep_async(seconds: float) -> None:
    """Wait without holding up the event loop."""
    if seconds > 0:
        import asyncio  # Synchronous code does without.

        await asyncio.sleep(0 if _skip(seconds) else seconds)


def _skip(seconds: float) -> bool:
    told = skipping
    if told is None:
        return False
    _skipped.set(_skipped.get() + seconds)
    told(seconds)
    return True
