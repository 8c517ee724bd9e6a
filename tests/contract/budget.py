"""What a run may spend, in seconds and in requests; when it is spent the run is incomplete, never green."""

from __future__ import annotations

import math
import time
from collections.abc import Callable


class BudgetSpent(Exception):
    """The budget has run out; the message says which."""


class Budget:
    """The time and the requests that a run has, whatever it is made of.

    Args:
        seconds: How long it may take; None sets no limit.
        requests: How many requests it may send; None sets no limit.
        clock: Gives seconds that never go back.
    """

    def __init__(
        self, seconds: float | None = None, requests: int | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._seconds = seconds
        self._requests = requests
        self._deadline = None if seconds is None else clock() + seconds
        self._sent = 0

    @property
    def seconds_left(self) -> float:
        """How much of the time is left; endless where there is no limit."""
        return math.inf if self._deadline is None else self._deadline - self._clock()

    @property
    def out_of_time(self) -> bool:
        """Whether the time has run out: an answer that did not come until then is nobody's fault."""
        return self.seconds_left <= 0

    def count(self, requests: int = 1) -> None:
        """Take note of requests that are sent, whether anything answers them or not."""
        self._sent += requests

    @property
    def spent(self) -> str | None:
        """Which limit has been reached, in words; None while there is something left."""
        if self.out_of_time:
            return f"the time budget of {self._seconds:g} s is spent"
        if self._requests is not None and self._sent >= self._requests:
            return f"the budget of {self._requests} requests is spent"
        return None

    def ask(self) -> None:
        """Raise BudgetSpent where nothing more may be done."""
        reason = self.spent
        if reason is not None:
            raise BudgetSpent(reason)

    def sleep(self, seconds: float) -> None:
        """Wait, but not beyond the end of the budget; raise BudgetSpent there."""
        time.sleep(max(0.0, min(seconds, self.seconds_left)))
        self.ask()
