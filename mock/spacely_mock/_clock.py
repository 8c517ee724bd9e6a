"""Time as the mock sees it: injected, so that a test moves it by hand."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> float:
        """The time, in seconds since the Unix epoch."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        """The time, in seconds since the Unix epoch."""
        return time.time()


class ManualClock:
    """A clock that stands still until it is moved.

    Args:
        start: The first time it tells, in seconds since the Unix epoch; the present by default.
    """

    def __init__(self, start: float | None = None) -> None:
        self._now = time.time() if start is None else start

    def now(self) -> float:
        """The time, in seconds since the Unix epoch."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Move the clock on."""
        self._now += seconds

    def set(self, now: float) -> None:
        """Move the clock to a time, in seconds since the Unix epoch."""
        self._now = now
