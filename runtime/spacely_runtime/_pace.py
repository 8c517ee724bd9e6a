"""When to poll a job: learnt from how long other jobs take, and laid out so that few polls find its end early.

That a job took so long is known only as an interval: it ran at one poll, and was done at the next. Of a job in flight
it is known that it has outlasted its last poll. Both say something of the lognormal distribution that is fitted to
them. No I/O, and no clock: ages of jobs go in, ages come out. A job is learnt from once, and then forgotten by and
by, so what this costs does not grow with the number of jobs.
"""

from __future__ import annotations

import math
import threading
from collections import Counter
from functools import lru_cache

from ._defaults import LEAST_POLL_GAP_SECONDS

_MEMORY = 250.0  # So many jobs, the latest, decide what is known.
_ENOUGH = 3  # So many must have finished before their times say more than the contract's pace.
_PRIOR_SIGMA = 0.3
_PRIOR_WEIGHT = 4.0
_LEAST_SIGMA = 0.02
_SCOUTS = 6  # So many jobs are polled often while nothing is known, and all others wait for what they tell.
_SCOUTS_STEP = 1.25  # The age at which a scout is polled, against that at the poll before.
_HELD_SECONDS = 0.1  # A job that waits for the scouts looks so often whether they are back.
_BINS = 20  # So many ages for each e-fold are told apart among the jobs in flight.
_LAST_STEPS = 3.3  # In sigmas: a job that takes longer takes longer than jobs do.
_STRAY_SHARE = 0.02  # So many jobs are taken to be unlike the others: stuck, or served from a cache.
_STRAY_SIGMA = 2.0
_DRIFT = 0.25  # When so many more, or fewer, of the latest polls find a job done than were to, times have changed.
_STRAYS = 0.5  # … or so large a share of the latest jobs is unlike those before.
_KEPT = 8.0  # So many of the jobs before decide from then on.
_DRIFT_MEMORY = 25  # So many polls are the latest.
_ROOT = math.sqrt(2.0)
_ROOT_TAU = math.sqrt(math.tau)


class Pace:
    """The pace of polling the jobs of one operation.

    Args:
        delay: Seconds to the first poll while nothing is known yet.
        interval: Seconds between polls while nothing is known yet, and for jobs that outlast all others.
    """

    def __init__(self, delay: float, interval: float) -> None:
        self._delay = delay
        self._interval = interval
        self._lock = threading.Lock()
        self._scouts = 0
        self._running: Counter[int] = Counter()  # Jobs in flight, by the logarithm of the age at their last poll.
        self._forget()

    def _forget(self) -> None:
        self._seen = 0
        self._known = 0.0  # The weight of what is remembered, in jobs.
        self._first = self._second = 0.0  # Moments of the logarithm of the times, over the jobs remembered.
        self._mean, self._sigma = math.log(max(self._delay + self._interval, 1e-3)), 1.0
        self._drift = self._strays = 0.0
        self._stale = False

    def follow(self, *, crowded: bool) -> Course:
        """Begin to follow a job.

        Args:
            crowded: Whether so many jobs are coming that it pays to spend polls on learning quickly.
        """
        with self._lock:
            scout = crowded and self._seen < _ENOUGH and self._scouts < _SCOUTS
            self._scouts += scout
            return Course(self, scout=scout)

    @property
    def typical_seconds(self) -> float | None:
        """The median time of a job; None before it is known."""
        with self._lock:
            if self._seen < _ENOUGH:
                return None
            self._fit()
            return math.exp(self._mean)

    def next_age(self, last: float, age: float, polls_a_job: float, scout_gap: float, *, scout: bool) -> float:
        """See ``Course.next_age``."""
        with self._lock:
            if scout:
                return max(last * _SCOUTS_STEP, last + scout_gap, self._delay / 4)
            if self._seen < _ENOUGH:
                if self._scouts:
                    return age + _HELD_SECONDS
                return last + (self._interval if last else self._delay)
            self._fit()
            start, step = spread(round(polls_a_job, 2))
            least = last + LEAST_POLL_GAP_SECONDS
            sigmas = max(start, (math.log(least) - self._mean) / self._sigma)
            sigmas = start + math.ceil((sigmas - start) / step - 1e-9) * step
            if sigmas > _LAST_STEPS:  # It takes longer than jobs do: what comes now is not known, but it is no hurry.
                return last + max(self._interval, last * 0.1)
            return math.exp(self._mean + self._sigma * sigmas)

    def outlasted(self, before: float, age: float) -> None:
        """Learn that a job in flight, seen running at one age before, still runs at another."""
        with self._lock:
            self._discard(before)
            self._running[_bin(age)] += 1
            self._stale = True
            self._compare(before, age, done=False)

    def finished(self, running_at: float, done_at: float) -> None:
        """Learn from a job that has finished.

        Args:
            running_at: The age in seconds at which it was last seen running; 0 where it never was.
            done_at: The age at which it was seen to have finished.
        """
        with self._lock:
            self._discard(running_at)
            self._seen += 1
            self._compare(running_at, done_at, done=True)
            first, second, weight = self._moments(_log(running_at), _log(done_at))
            self._strays += (1 - weight - self._strays) / _DRIFT_MEMORY
            if self._strays > _STRAYS:  # What was known is of no use: begin anew with this one.
                self._strays = 0.0
                self._first = self._mean = _log(done_at)
                self._loosen(1.0, _PRIOR_SIGMA)
                first, second, weight = self._moments(_log(running_at), _log(done_at))
            self._known = min(self._known + weight, _MEMORY)
            if self._known:
                share = weight / self._known
                self._first += share * (first - self._first)
                self._second += share * (second - self._second)
            self._stale = True

    def _compare(self, before: float, age: float, *, done: bool) -> None:
        """Hold what a poll has found to what it was to find, and learn faster where that has been wrong too often."""
        low, high = ((_log(each) - self._mean) / self._sigma for each in (before, age))
        running = _mass(low, math.inf)
        if self._seen < _ENOUGH or running < 0.01:  # One that takes longer than jobs do tells nothing of the others.
            return
        self._drift += (done - _mass(low, high) / running - self._drift) / _DRIFT_MEMORY
        if abs(self._drift) > _DRIFT:
            self._loosen(_KEPT, _PRIOR_SIGMA)

    def _loosen(self, known: float, sigma: float) -> None:
        """Let what comes from now on count for more."""
        self._drift = 0.0
        self._known = min(self._known, known)
        self._sigma = max(self._sigma, sigma)
        self._second = self._first**2 + self._sigma**2

    def left(self, running_at: float, *, scout: bool) -> None:
        """Follow a job no longer, whether or not it has finished."""
        with self._lock:
            self._discard(running_at)
            self._scouts -= scout

    def _discard(self, age: float) -> None:
        place = _bin(age)
        if age > 0 and self._running[place] > 0:
            self._running[place] -= 1
            if not self._running[place]:
                del self._running[place]

    def _fit(self) -> None:
        """Fit mean and sigma of the logarithm by expectation and maximisation."""
        if not self._stale:
            return
        self._stale = False
        # In the beginning the quick jobs have finished and the slow ones have not. Later on, the slow ones of before
        # stand for those of now.
        in_flight = math.exp(-self._seen / _MEMORY)
        for _ in range(8):
            total, first, second = self._known, self._known * self._first, self._known * self._second
            if in_flight > 0.1:
                for place, count in self._running.items():
                    one, two, weight = self._moments(place / _BINS, math.inf)
                    weight *= count * in_flight
                    total += weight
                    first += weight * one
                    second += weight * two
            if not total:
                return
            mean = first / total
            spread = second - 2 * mean * first + mean * mean * total
            variance = (spread + _PRIOR_WEIGHT * _PRIOR_SIGMA**2) / (total + _PRIOR_WEIGHT)
            moved = abs(mean - self._mean)
            self._mean, self._sigma = mean, max(math.sqrt(max(variance, 0.0)), _LEAST_SIGMA)
            if moved < 0.01 * self._sigma:
                return

    def _moments(self, low: float, high: float) -> tuple[float, float, float]:
        """First and second moment of a logarithm that lies in an interval, and the chance that it is no stray."""
        mean, sigma = self._mean, self._sigma
        a, b = (low - mean) / sigma, (high - mean) / sigma
        mass = _mass(a, b)
        stray = _STRAY_SHARE * _mass(a * sigma / _STRAY_SIGMA, b * sigma / _STRAY_SIGMA)
        weight = mass / (mass + stray) if mass + stray > 0 else 0.0
        if mass < 1e-12:  # So far out that only the nearer end counts.
            point = low if a > 0 else high
            return point, point * point, weight
        at_a = math.exp(-a * a / 2) / _ROOT_TAU
        at_b = math.exp(-b * b / 2) / _ROOT_TAU
        stretch = ((a * at_a if at_a else 0.0) - (b * at_b if at_b else 0.0)) / mass
        first = mean + sigma * (at_a - at_b) / mass
        return first, sigma * sigma * (1 + stretch) + 2 * mean * first - mean * mean, weight


class Course:
    """One job as it is followed.

    Args:
        pace: The pace of all jobs of its operation.
        scout: Whether it is polled often, so that the others need not be.
    """

    def __init__(self, pace: Pace, *, scout: bool) -> None:
        self._pace = pace
        self._scout = scout
        self._running_at = 0.0

    def next_age(self, last: float, age: float, polls_a_job: float, scout_gap: float) -> float:
        """The age at which to poll the job next; ask again then, since more may be known.

        Args:
            last: The age of the job at its last poll; 0 for one that has not been polled.
            age: The age of the job now.
            polls_a_job: How many polls a job may take on average.
            scout_gap: Seconds between the polls of a job that is polled often, at least.
        """
        return self._pace.next_age(last, age, polls_a_job, scout_gap, scout=self._scout)

    def outlasted(self, age: float) -> None:
        """Note that the job ran at this age."""
        self._pace.outlasted(self._running_at, age)
        self._running_at = age

    def finished(self, age: float) -> None:
        """Note that the job had finished by this age."""
        self._pace.finished(self._running_at, age)
        self._running_at = 0.0

    def left(self) -> None:
        """Note that the job is not followed any more."""
        self._pace.left(self._running_at, scout=self._scout)
        self._running_at, self._scout = 0.0, False

    @property
    def scout(self) -> bool:
        """Whether it is polled often."""
        return self._scout


def _log(age: float) -> float:
    return math.log(age) if age > 0 else -math.inf


def _bin(age: float) -> int:
    return round(math.log(age) * _BINS) if age > 0 else 0


def _mass(low: float, high: float) -> float:
    """The chance of a standard normal variable to lie in an interval, exact far out on both sides."""
    if low > 0:
        return (math.erfc(low / _ROOT) - math.erfc(high / _ROOT)) / 2
    return (math.erfc(-high / _ROOT) - math.erfc(-low / _ROOT)) / 2


@lru_cache(maxsize=512)
def spread(polls_a_job: float) -> tuple[float, float]:
    """Where the polls lie, as so many sigmas from the median time: the first poll, and the step from each to the next.

    Steps that are equal for the logarithm of the age make the delay the same part of the age, whatever that is. Of
    all such steps that take so many polls, these give about the least delay in the median, and within a hundredth of
    the age the least on average.
    """
    step = min(0.62, 1.2 / polls_a_job)
    low, high = -6.0, 6.0
    start = 0.0
    for _ in range(30):
        polls, sigmas = 1.0, start
        while sigmas < _LAST_STEPS:
            polls += math.erfc(sigmas / _ROOT) / 2
            sigmas += step
        if polls > polls_a_job:
            low = start
        else:
            high = start
        start = (low + high) / 2
    return start, step
