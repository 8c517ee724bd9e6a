"""The rate budget: no window holds more calls than the limit, submits go first, and polls are left room.

It decides without waiting: whoever wants to call asks, and is told how long to wait and whether that is its turn
or only the time to ask again. So one implementation serves threads and coroutines.
"""

from __future__ import annotations

import itertools
import threading
import weakref
from bisect import bisect_left, bisect_right, insort
from collections import deque
from dataclasses import dataclass

from ._defaults import BUDGET_MARGIN, MOST_POLLS_A_JOB, POLLS_A_JOB, SUBMIT_BURST, UNLEARNT_POLLS_A_JOB
from ._secret import Secret

_POLLS_MEMORY = 0.02  # How much one finished job changes what is known of the polls that a job takes.
_JOBS_WINDOWS = 5  # The rate of jobs is taken over so many windows of the limit.
_RESERVING = 3  # So many submits hold a turn that is to come; the pace of all others is still open.


@dataclass(frozen=True, slots=True)
class RateLimit:
    """So many calls in so many seconds."""

    calls: int
    seconds: float


class Budget:
    """Spends the calls that a limit allows.

    The window it keeps is a little longer than the limit's own: calls that leave apart may arrive closer together.
    Submits are paced so that they and the polls that their jobs will need fit into the limit together; without
    that, a burst of submits would leave no calls for polls, and results would be known late. Where a submit and a
    poll both wait, the submit goes first: it is given a turn, and the poll finds it taken.
    """

    def __init__(self, limit: RateLimit) -> None:
        self.limit = limit
        self._window = limit.seconds * (1 + BUDGET_MARGIN)
        self._turns: list[float] = []  # The moments of calls, of the last window and to come, in order.
        self._tickets = itertools.count()
        self._submits: dict[int, None] = {}  # The tickets of submits that wait for a turn, in order.
        self._others = 0
        self._polls_a_job = UNLEARNT_POLLS_A_JOB
        self._next_submit = float("-inf")
        self._jobs: deque[float] = deque(maxlen=_JOBS_WINDOWS * limit.calls)
        self._lock = threading.Lock()

    def enter(self) -> int:
        """Queue up with a submit; the ticket is for ``ask_to_submit`` and ``leave``."""
        with self._lock:
            ticket = next(self._tickets)
            self._submits[ticket] = None
            return ticket

    def leave(self, ticket: int) -> None:
        """Leave the queue, with a turn or without."""
        with self._lock:
            self._submits.pop(ticket, None)

    def ask_to_submit(self, ticket: int, now: float) -> tuple[float, bool]:
        """Ask for a turn to submit.

        Args:
            ticket: What ``enter`` gave.
            now: The time in seconds on a monotonic clock.

        Returns:
            The seconds to wait, and whether the caller's turn comes then; if not, it asks again.
        """
        with self._lock:
            ahead = ticket - next(iter(self._submits)) + len(self._jobs) - bisect_right(self._jobs, now)
            if ahead >= _RESERVING:
                # Asked again at half time: the pace may have changed by then.
                return max((ahead - 1) / 2, 1.0) * self._spacing, False
            # What was not used of the pace is kept, up to a small burst.
            paced = max(self._next_submit, now - SUBMIT_BURST * self._spacing)
            turn = self._earliest(max(paced, now), now)
            self._next_submit = paced + self._spacing
            insort(self._turns, turn)
            self._jobs.append(turn)
            del self._submits[ticket]
            return turn - now, True

    def ask(self, now: float, *, again: bool) -> tuple[float, bool]:
        """Ask for a turn to make any other call; see ``ask_to_submit``.

        Args:
            now: The time in seconds on a monotonic clock.
            again: Whether the caller has asked before.
        """
        with self._lock:
            self._others -= again
            turn = self._earliest(now, now)
            if turn <= now:
                insort(self._turns, now)
                return 0.0, True
            wait = turn - now + self._others * self._window / self.limit.calls
            self._others += 1
            return wait, False

    def finished(self, polls: int) -> None:
        """Learn how many polls a job took."""
        with self._lock:
            self._polls_a_job += (polls - self._polls_a_job) * _POLLS_MEMORY

    def affordable_polls(self, now: float) -> float:
        """How many polls a job may take on average at the present rate of jobs, so that all fit into the limit."""
        with self._lock:
            if self._submits:  # Whoever waits to submit could use the calls.
                return POLLS_A_JOB
            jobs = len(self._jobs) - bisect_left(self._jobs, now - _JOBS_WINDOWS * self._window)
        if not jobs:
            return MOST_POLLS_A_JOB
        calls = self.limit.calls * _JOBS_WINDOWS
        return min(max(calls / jobs - 1, POLLS_A_JOB), MOST_POLLS_A_JOB)

    @property
    def _spacing(self) -> float:
        """Seconds between submits at which they and their polls use up the limit."""
        return self._window / self.limit.calls * (1 + max(self._polls_a_job, POLLS_A_JOB))

    def _earliest(self, moment: float, now: float) -> float:
        """The first moment from one on at which a call keeps every window within the limit."""
        del self._turns[: bisect_right(self._turns, now - self._window)]
        calls = self.limit.calls
        while True:
            first = bisect_right(self._turns, moment - self._window)
            near = self._turns[first : bisect_left(self._turns, moment + self._window)]
            if len(near) < calls:
                return moment
            place = bisect_right(near, moment)
            near.insert(place, moment)
            full = [
                start
                for start in range(max(0, place - calls), min(place, len(near) - calls - 1) + 1)
                if near[start + calls] < near[start] + self._window
            ]
            if not full:
                return moment
            # Out of the last window that is full; where it begins here, past the call that comes next.
            moment = near[full[-1]] + self._window if full[-1] < place else near[place + 1]


_shared: weakref.WeakValueDictionary[tuple[Secret | None, RateLimit], Budget] = weakref.WeakValueDictionary()
_shared_lock = threading.Lock()


def shared_budget(key: Secret | None, limit: RateLimit) -> Budget:
    """The one budget of this process for a key, since the server counts by key and not by client."""
    with _shared_lock:
        budget = _shared.get((key, limit))
        if budget is None:
            budget = _shared[key, limit] = Budget(limit)
        return budget
