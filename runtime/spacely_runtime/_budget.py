"""How many calls may be made in how much time: a sliding window, kept by whoever makes the calls."""

from __future__ import annotations

import threading
import weakref
from collections import deque
from dataclasses import dataclass

from ._secret import Secret


@dataclass(frozen=True, slots=True)
class RateLimit:
    """So many calls in so many seconds."""

    calls: int
    seconds: float


class Budget:
    """Gives each call the earliest moment at which no window of ``seconds`` holds more than ``calls`` of them."""

    def __init__(self, limit: RateLimit) -> None:
        self.limit = limit
        self._starts: deque[float] = deque(maxlen=limit.calls)
        self._lock = threading.Lock()

    def reserve(self, now: float) -> float:
        """Take the next place.

        Args:
            now: The time in seconds on a monotonic clock.

        Returns:
            How many seconds the caller has to wait before it calls.
        """
        with self._lock:
            start = now
            if len(self._starts) == self.limit.calls:
                start = max(now, self._starts[0] + self.limit.seconds)
            self._starts.append(start)
            return start - now


_shared: weakref.WeakValueDictionary[tuple[Secret | None, RateLimit], Budget] = weakref.WeakValueDictionary()
_shared_lock = threading.Lock()


def shared_budget(key: Secret | None, limit: RateLimit) -> Budget:
    """The one budget of this process for a key, since the server counts by key and not by client."""
    with _shared_lock:
        budget = _shared.get((key, limit))
        if budget is None:
            budget = _shared[key, limit] = Budget(limit)
        return budget
