"""The rate budget: no window holds more calls than the limit, submits go first, and polls are left room.

It decides without waiting: whoever wants to call asks, and is told how long to wait and whether that is its turn
or only the time to ask again. So one implementation serves threads and coroutines.
"""

from __future__ import annotations

import itertools
import math
import threading
import weakref
from bisect import bisect_right, insort
from dataclasses import dataclass

from ._defaults import BUDGET_MARGIN, MOST_POLLS_A_JOB, POLLS_A_JOB, SUBMIT_BURST
from ._secret import Secret

_POLLS_MEMORY = 0.02  # How much one finished job changes what is known of the polls that a job takes.
_PACED = 3  # So many submits know when they are due; the pace of all others is still open.
_FEW_WINDOWS = 3  # After so many windows' calls, one of them has been there and back as fast as can be.
_CONNECTION_PAUSE = 0.01  # Who waits for a connection asks again after so many seconds at the earliest.
_OVERDRAFT = 0.5  # Submits may run ahead of their pace by so many windows' calls, where none is left after that.
_DELAY_MEMORY = 0.02  # How much one answer changes what is known of the time that calls are on their way.


@dataclass(frozen=True, slots=True)
class RateLimit:
    """So many calls in so many seconds."""

    calls: int
    seconds: float


class Budget:
    """Spends the calls that a limit allows.

    No window of the limit's length holds more calls than the limit, neither by the time at which they leave nor by
    the latest at which they can have arrived: that is known once they are answered, and taken into account (for
    calls that were on their way for no longer than a window).
    Submits are paced so that they and the polls that their jobs will need fit into the limit together; without
    that, a burst of submits would leave no calls for polls, and results would be known late. Only where all that
    wait to submit can go within a window are they let go: the polls that wait for them wait once, and not for long.
    A submit that is due goes before all other calls that wait; calls of a kind go in the order in which they came.
    """

    def __init__(self, limit: RateLimit) -> None:
        self.limit = limit
        self._window = limit.seconds * (1 + BUDGET_MARGIN)
        self._turns: list[float] = []  # The moments of calls, of the last window, in order.
        self._fastest = float("inf")  # The least seconds between a call and its answer.
        self._answers = 0
        self._delay = 0.0  # Seconds by which calls hold their places for longer than the window, on average.
        # The tickets of calls that wait, in order: of submits, with whether they have asked, and of all others.
        self._submits: dict[int, bool] = {}
        self._others: dict[int, None] = {}
        self._submit_tickets = itertools.count(0, 2)
        self._other_tickets = itertools.count(1, 2)
        self._due: dict[int, float] = {}  # When the first of the submits are due, by ticket.
        self._submitted: list[float] = []  # The moments of submits, of the last window.
        self._next_submit = float("-inf")
        self._jobs = 0  # So many are being followed.
        self._least_polls_a_job = self._polls_a_job = POLLS_A_JOB
        self._lock = threading.Lock()

    def enter(self, *, submit: bool) -> int:
        """Queue up with a call; the ticket is for ``ask`` and ``leave``."""
        with self._lock:
            if submit:
                ticket = next(self._submit_tickets)
                self._submits[ticket] = False
            else:
                ticket = next(self._other_tickets)
                self._others[ticket] = None
            return ticket

    def leave(self, ticket: int) -> None:
        """Leave the queue, with a turn or without."""
        with self._lock:
            if ticket in self._due:  # It has not gone: its place in the pace is free again.
                self._next_submit -= self._spacing
            self._leave(ticket)

    def ask(self, ticket: int, now: float, connections: float = math.inf) -> tuple[float, bool]:
        """Ask for a turn.

        Args:
            ticket: What ``enter`` gave.
            now: The time in seconds on a monotonic clock.
            connections: For how many calls there is a connection that is free. A call that found none would leave
                later than its turn was, and out of order.

        Returns:
            The seconds to wait, and whether this is the caller's turn; if not, it waits and asks again.
        """
        with self._lock:
            submit = ticket in self._submits
            moment = self._submit_moment(ticket, now) if submit else self._other_moment(ticket, now)
            if moment <= now and connections < len(self._submits) + len(self._others):
                missing = self._ahead(ticket, now) + 1 - connections
                if missing > 0:  # At best they come free as fast as calls may be made.
                    moment = now + max(missing * self._window / self.limit.calls, _CONNECTION_PAUSE)
            if moment > now:
                return moment - now, False
            self._leave(ticket)
            insort(self._turns, now)
            if submit:
                self._submitted.append(now)
            return 0.0, True

    def _submit_moment(self, ticket: int, now: float) -> float:
        """When a submit may go, or is to ask again."""
        due = self._due.get(ticket)
        if due is None:
            spacing = self._spacing
            asked, self._submits[ticket] = self._submits[ticket], True
            ahead = (ticket - next(iter(self._submits))) // 2
            # What was not used of the pace is kept, up to a small burst.
            paced = max(self._next_submit, now - SUBMIT_BURST * self.limit.calls * spacing)
            all_may_go = paced + (len(self._submits) - _OVERDRAFT * self.limit.calls) * spacing
            # Whoever asks for the first time may be the first of many.
            if asked and all_may_go <= now:
                due = now
            elif ahead < _PACED:
                due = paced
            else:  # It asks again at half time: the pace may have changed by then.
                return now + max(min(ahead / 2 * spacing, all_may_go - now), spacing)
            self._next_submit = paced + spacing
            self._due[ticket] = due
        if due > now:
            return due
        return self._moment(self._ahead(ticket, now), now)

    def _other_moment(self, ticket: int, now: float) -> float:
        """When a call that is no submit may go."""
        return self._moment(self._ahead(ticket, now), now)

    def _ahead(self, ticket: int, now: float) -> int:
        """How many calls go before one: those of its kind that have waited for longer, and submits before others."""
        if ticket in self._submits:
            return sum(1 for other, moment in self._due.items() if other < ticket and moment <= now)
        submits = sum(1 for moment in self._due.values() if moment <= now)
        return (ticket - next(iter(self._others))) // 2 + submits

    def _moment(self, ahead: int, now: float) -> float:
        """When a call may go that lets so many others go before."""
        del self._turns[: bisect_right(self._turns, now - self._window)]
        del self._submitted[: bisect_right(self._submitted, now - self._window)]
        # The others take the places that come free first: one each time that a call leaves the window.
        place = len(self._turns) - self.limit.calls + ahead
        if place < 0:
            return now
        if place < len(self._turns):
            return self._turns[place] + self._window
        return now + self._window * (ahead + 1) / self.limit.calls

    def _leave(self, ticket: int) -> None:
        self._submits.pop(ticket, None)
        self._others.pop(ticket, None)
        self._due.pop(ticket, None)

    def answered(self, sent: float, now: float) -> None:
        """Note that a call was answered, or failed: it arrived at most so much later than it was sent.

        Args:
            sent: When it was sent, after its turn had come.
            now: The time in seconds on a monotonic clock.
        """
        with self._lock:
            self._fastest = min(self._fastest, now - sent)
            self._answers += 1
            # The first calls of a burst hold each other up: none of them tells how long the way takes by itself.
            surely = self._fastest if self._answers > _FEW_WINDOWS * self.limit.calls else 0.0
            place = bisect_right(self._turns, sent) - 1
            if place >= 0:  # Its own turn, or that of a call that was sent as early.
                del self._turns[place]
            delay = min(now - sent - surely, self.limit.seconds)
            insort(self._turns, sent + delay)
            if surely:
                self._delay += (delay - self._delay) * _DELAY_MEMORY

    def follow(self) -> None:
        """Note that a job is followed from now on."""
        with self._lock:
            self._jobs += 1

    def unfollow(self, polls: int | None) -> None:
        """Note that a job is followed no more.

        Args:
            polls: How many polls it took to its end; None where that says nothing of other jobs.
        """
        with self._lock:
            self._jobs -= 1
            if polls is not None and self._submits:  # Where calls are not scarce, jobs take more of them.
                self._polls_a_job += (polls - self._polls_a_job) * _POLLS_MEMORY

    def expect(self, polls: float) -> None:
        """Pace submits for jobs that take so many polls, because the caller wants it so."""
        with self._lock:
            self._least_polls_a_job = self._polls_a_job = polls

    @property
    def crowded(self) -> bool:
        """Whether submits wait for their turn."""
        with self._lock:
            return bool(self._submits)

    def affordable_polls(self, now: float, seconds: float | None) -> float:
        """How many polls a job may take on average, so that those of all jobs that are followed fit into the limit.

        Args:
            now: The time in seconds on a monotonic clock.
            seconds: How long a job takes, where that is known.
        """
        with self._lock:
            if self._submits:  # What the pace of submits leaves unused is for polls; most of the time it is nothing.
                used = len(self._turns) - bisect_right(self._turns, now - self._window)
                return POLLS_A_JOB + max(0.0, 1 - used / self.limit.calls) * (1 + POLLS_A_JOB)
            if not self._jobs or seconds is None:
                return MOST_POLLS_A_JOB
            submits = len(self._submitted) - bisect_right(self._submitted, now - self._window)
            spare = (self.limit.calls - submits) / self._window
            return min(max(spare * seconds / self._jobs, POLLS_A_JOB), MOST_POLLS_A_JOB)

    @property
    def least_gap(self) -> float:
        """Seconds between two calls at which a few jobs that are polled often leave half of the limit to others."""
        return 16 * self._window / self.limit.calls

    @property
    def _spacing(self) -> float:
        """Seconds between submits at which they and their polls use up the limit."""
        place = (self._window + self._delay) / self.limit.calls
        return place * (1 + max(self._polls_a_job, self._least_polls_a_job))


_shared: weakref.WeakValueDictionary[tuple[Secret | None, RateLimit], Budget] = weakref.WeakValueDictionary()
_shared_lock = threading.Lock()


def shared_budget(key: Secret | None, limit: RateLimit) -> Budget:
    """The one budget of this process for a key, since the server counts by key and not by client."""
    with _shared_lock:
        budget = _shared.get((key, limit))
        if budget is None:
            budget = _shared[key, limit] = Budget(limit)
        return budget
