"""When to poll a job: learnt from how long earlier jobs took, and laid out so that few polls find it early.

The times of finished jobs are known only to lie between the last poll that found them running and the first that
did not. A lognormal distribution is fitted to such intervals; from it follows, for each price of a poll, the
schedule with the least expected sum of delay and price. No I/O, and no clock: ages of jobs go in, ages come out.
"""

from __future__ import annotations

import math
from collections import deque
from functools import lru_cache
from statistics import NormalDist

from ._defaults import LEAST_POLL_GAP_SECONDS

_NORMAL = NormalDist()
_REMEMBERED = 1000
_REFIT_AFTER = 10
_ENOUGH = 8  # So many jobs must have finished before their times say more than the contract's pace.
_PRIOR_SIGMA = 0.3
_PRIOR_WEIGHT = 4.0
_LEAST_SIGMA = 0.02
_FIT_STEPS = 4
_GRID = [index / 64 for index in range(6, 64)] + [0.992, 0.996, 0.998, 0.999, 0.9995]


class Pace:
    """The pace of polling the jobs of one operation.

    Args:
        delay: Seconds to the first poll while nothing is known yet.
        interval: Seconds between polls while nothing is known yet, and for jobs that outlast all others.
    """

    def __init__(self, delay: float, interval: float) -> None:
        self._delay = delay
        self._interval = interval
        self._times: deque[tuple[float, float]] = deque(maxlen=_REMEMBERED)
        self._mean = 0.0
        self._sigma = _PRIOR_SIGMA
        self._unlearnt = 0

    def finished(self, running_at: float, done_at: float) -> None:
        """Learn from a job that has finished.

        Args:
            running_at: The age in seconds at which it was last seen running; 0 where it never was.
            done_at: The age at which it was seen to have finished.
        """
        self._times.append((running_at, max(done_at, 1e-6)))
        self._unlearnt += 1

    def next_age(self, age: float, polls_a_job: float) -> float:
        """The age at which to poll a job next.

        Args:
            age: The age of the job at its last poll; 0 for one that has not been polled.
            polls_a_job: How many polls a job may take on average.
        """
        if len(self._times) < _ENOUGH:
            return age + (self._interval if age else self._delay)
        if self._unlearnt >= min(_REFIT_AFTER, len(self._times)) or len(self._times) == _ENOUGH:
            self._refit()
        scale = math.exp(self._mean)
        for multiple in _schedule(round(self._sigma, 2), round(polls_a_job * 20) / 20):
            if multiple * scale >= age + LEAST_POLL_GAP_SECONDS:
                return multiple * scale
        # It takes longer than jobs do: what comes now is not known, but it is no hurry.
        return age + max(self._interval, age * 0.1)

    def _refit(self) -> None:
        """Fit mean and sigma of the logarithm to the intervals by expectation and maximisation."""
        self._unlearnt = 0
        intervals = [(math.log(low) if low > 0 else -math.inf, math.log(high)) for low, high in self._times]
        if self._mean == 0.0:
            self._mean = math.fsum(high for _, high in intervals) / len(intervals) - self._sigma / 2
        for _ in range(_FIT_STEPS):
            moments = [_moments(low, high, self._mean, self._sigma) for low, high in intervals]
            mean = math.fsum(first for first, _ in moments) / len(moments)
            spread = math.fsum(second - 2 * mean * first + mean * mean for first, second in moments)
            variance = (spread + _PRIOR_WEIGHT * _PRIOR_SIGMA**2) / (len(moments) + _PRIOR_WEIGHT)
            self._mean, self._sigma = mean, max(math.sqrt(max(variance, 0.0)), _LEAST_SIGMA)


def _moments(low: float, high: float, mean: float, sigma: float) -> tuple[float, float]:
    """First and second moment of a normal variable that is known to lie in an interval."""
    a, b = (low - mean) / sigma, (high - mean) / sigma
    mass = _NORMAL.cdf(b) - (_NORMAL.cdf(a) if a > -math.inf else 0.0)
    if mass < 1e-9:  # So far out that only the nearer end counts.
        point = low if a > 0 else high
        return point, point * point
    at_a = _NORMAL.pdf(a) if a > -math.inf else 0.0
    at_b = _NORMAL.pdf(b)
    shift = (at_a - at_b) / mass
    stretch = ((a * at_a if a > -math.inf else 0.0) - b * at_b) / mass
    first = mean + sigma * shift
    return first, sigma * sigma * (1 + stretch) + 2 * mean * first - mean * mean


@lru_cache(maxsize=256)
def _schedule(sigma: float, polls_a_job: float) -> tuple[float, ...]:
    """The ages to poll at, as multiples of the median, that take so many polls on average."""
    sigma = max(sigma, _LEAST_SIGMA)
    cheap, dear = 1e-4, 10.0
    found = _cheapest(sigma, cheap)
    for _ in range(14):  # The price of a poll is not known, but the number of polls falls with it.
        price = math.sqrt(cheap * dear)
        schedule = _cheapest(sigma, price)
        if _expected_polls(sigma, schedule) > polls_a_job:
            cheap = price
        else:
            found, dear = schedule, price
    return found


def _cheapest(sigma: float, price: float) -> tuple[float, ...]:
    """The schedule with the least expected delay plus price of polls, by dynamic programming over a grid of ages."""
    ages = [0.0, *(math.exp(sigma * _NORMAL.inv_cdf(share)) for share in _GRID)]
    done = [0.0, *_GRID]
    # The part of the expected time that lies below each age: with it, an expected delay is one subtraction.
    below = [0.0, *(math.exp(sigma**2 / 2) * _NORMAL.cdf(_NORMAL.inv_cdf(share) - sigma) for share in _GRID)]
    last = len(ages) - 1
    cost = [0.0] * len(ages)
    following = [last] * len(ages)
    for here in range(last - 1, -1, -1):
        running = 1 - done[here]
        best = math.inf
        for there in range(here + 1, last + 1):
            delay = ages[there] * (done[there] - done[here]) - (below[there] - below[here])
            total = price + (delay + (1 - done[there]) * cost[there]) / running
            if total < best:
                best, following[here] = total, there
        cost[here] = best
    schedule: list[float] = []
    here = 0
    while here != last:
        here = following[here]
        schedule.append(ages[here])
    return tuple(schedule)


def _expected_polls(sigma: float, schedule: tuple[float, ...]) -> float:
    return 1 + math.fsum(1 - _NORMAL.cdf(math.log(age) / sigma) for age in schedule)
