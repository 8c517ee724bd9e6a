"""Waiting for a job, without the I/O: when to poll, and what an answer or a failure means."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, TypeAlias, TypeVar

from . import _clock, errors
from ._defaults import FAILED_POLLS, LEAST_POLL_GAP_SECONDS, MOST_RETRY_AFTER_SECONDS
from ._log import log
from ._retry import jittered, retry_after

if TYPE_CHECKING:
    from ._budget import Budget
    from ._jobs import AnyJob
    from ._operation import Answer
    from ._pace import Course, Pace

T = TypeVar("T")
State: TypeAlias = Literal["running", "succeeded", "failed"]

_PASSING_STATUSES: Final = frozenset({408, 425, 429})
_SOON_SECONDS: Final = 1e-3  # Not worth waiting for.
_SETTLED_SECONDS: Final = 0.1  # Not worth making a plan again for.


@dataclass(frozen=True, slots=True)
class JobUpdate(Generic[T]):
    """One look at a job.

    Attributes:
        job_id: The job's id.
        state: ``succeeded`` or ``failed`` where the contract's criteria say so, else ``running``: a status that
            the contract does not know is neither, and the wait goes on until its timeout.
        response: The parsed answer to the poll.
        polls: How many polls were sent up to this one.
        elapsed: Seconds since the wait began.
        result: What the job produced, where the contract says where it stands and the job has succeeded.
    """

    job_id: str
    state: State
    response: T
    polls: int
    elapsed: float
    result: Any = None


class NoTurn(Exception):
    """The rate limit let a call not go in the time that it had."""


class Following:
    """How the jobs of one operation are followed.

    Args:
        pace: When to poll, learnt from the jobs before.
        budget: The calls that may be spent; None is without limit.
        polls_a_job: How many polls a job may take on average, given how many seconds a job takes, if that is known.
    """

    def __init__(self, pace: Pace, budget: Budget | None, polls_a_job: Callable[[float | None], float]) -> None:
        self._pace = pace
        self._budget = budget
        self._polls_a_job = polls_a_job

    def begin(self) -> Course:
        """Follow a job from now on."""
        budget = self._budget
        if budget is not None:
            budget.follow()
        return self._pace.follow(crowded=budget is not None and budget.crowded)

    def end(self, course: Course, polls: int | None) -> None:
        """Follow it no more; how many polls it took, where it has ended."""
        if self._budget is not None:
            self._budget.unfollow(None if course.scout else polls)
        course.left()

    @property
    def learns(self) -> bool:
        """Whether the next poll is planned by what is learnt, so that it may be planned otherwise soon."""
        return self._pace.typical_seconds is not None

    def next_age(self, course: Course, last: float, age: float) -> float:
        """The age at which to poll a job next; see ``Course.next_age``."""
        gap = LEAST_POLL_GAP_SECONDS if self._budget is None else self._budget.least_gap
        return course.next_age(last, age, self._polls_a_job(self._pace.typical_seconds), gap)


class Wait(Generic[T]):
    """One wait for a job, without its I/O: says when to poll, and what an answer or a failure means."""

    def __init__(self, job: AnyJob, timeout: float | None) -> None:
        polling = job.polling
        self._job = job
        self._timeout = polling.timeout_seconds if timeout is None else timeout
        if not _is_time(self._timeout):
            raise errors.ConfigurationError(f"timeout={timeout!r}: give the seconds to wait, 0 or more", job_id=job.id)
        self._interval = polling.interval_seconds if job.interval is None else job.interval
        self._began = _clock.monotonic()
        self._course = job.following.begin()
        self._not_before = self._began
        self._last: float | None = job.submitted_at  # When it was polled last, or submitted.
        self._polls = 0
        self._ended = False
        self._over = False  # Whether it was polled at the end of the time, or later.
        self._failures = 0
        self._failure: errors.ClientError | None = None
        self._response: Any = None

    def _planned(self, now: float) -> float:
        """The moment of the next poll, by what is known now."""
        job = self._job
        if self._last is None:  # Taken up again: how old it is, nobody knows.
            return self._not_before
        if job.interval is not None or job.submitted_at is None:
            return self._last + self._interval
        submitted = job.submitted_at
        return submitted + job.following.next_age(self._course, self._last - submitted, now - submitted)

    def pause(self) -> float:
        """Seconds to wait, then to be asked again; 0 is the time to poll. The last poll is at the very end.

        Raises:
            JobTimeout: There is no time left.
        """
        now = _clock.monotonic()
        if self._over:
            message = (
                f"The job had not ended after {self._timeout:g} s and {self._polls} polls; it goes on, "
                f"take it up again with client.job({self._job.name!r}, {self._job.id!r})"
            )
            raise errors.JobTimeout(
                message, response=self._response, operation=self._job.operation.id, job_id=self._job.id
            ) from self._failure
        planned = self._planned(now)
        moment = min(max(self._not_before, planned), self.until)
        pause = moment - now
        if pause <= _SOON_SECONDS:
            return 0.0
        # Where plans change with what is learnt, this one is made anew at half time.
        may_change = moment == planned and pause > 2 * _SETTLED_SECONDS and self._job.following.learns
        return pause / 2 if may_change else pause

    @property
    def until(self) -> float:
        """The end of the time, on a monotonic clock."""
        return self._began + self._timeout

    def gave_up(self) -> None:
        """Note that the time is over, and that the rate limit had no room for another poll."""
        self._over = True

    def answered(self, response: T, answer: Answer) -> JobUpdate[T]:
        """Note an answer and say what it means."""
        now = self._polled()
        self._failures = 0
        self._failure = None
        self._response = response
        self._last = answer.sent_at
        submitted = self._job.submitted_at
        state = self._job.state_of(answer)
        self._ended = state != "running"
        if self._ended:
            self._log(logging.INFO, f"The job has {state} at poll {self._polls}")
        if submitted is not None and state == "running":
            self._course.outlasted(self._last - submitted)
        elif submitted is not None and state == "succeeded":
            self._course.finished(now - submitted)
        read_result = self._job.polling.result
        return JobUpdate(
            job_id=self._job.id,
            state=state,
            response=response,
            polls=self._polls,
            elapsed=now - self._began,
            result=read_result(answer) if read_result is not None and state == "succeeded" else None,
        )

    def failed(self, error: errors.ClientError) -> None:
        """Note a poll that failed; raise its error where another poll cannot mend it, or too many have failed."""
        now = self._polled()
        self._failures += 1
        self._failure = error
        error.attempts = self._failures
        if isinstance(error, errors.InvalidResponse):
            self._job.check_failure(error)
        if not _may_pass(error) or self._failures > FAILED_POLLS:
            raise error
        pause = jittered(self._interval * 2 ** (self._failures - 1))
        if isinstance(error, errors.StatusError):
            pause = max(pause, min(retry_after(error.headers) or 0.0, MOST_RETRY_AFTER_SECONDS))
        self._not_before = now + pause
        self._log(logging.WARNING, f"A poll failed and is made again in {pause:.1f} s: {error.message}")

    def _polled(self) -> float:
        now = _clock.monotonic()
        self._polls += 1
        self._over = now >= self.until - _SOON_SECONDS
        return now

    def close(self) -> None:
        """Wait no more, for whatever reason."""
        self._job.following.end(self._course, self._polls if self._ended else None)

    def _log(self, level: int, message: str) -> None:
        log(level, message, operation=self._job.operation.id, job_id=self._job.id)


def _is_time(value: Any) -> bool:
    return isinstance(value, (int, float)) and value >= 0


def _may_pass(error: errors.ClientError) -> bool:
    if isinstance(error, errors.StatusError):
        return isinstance(error, errors.ServerError) or error.status_code in _PASSING_STATUSES
    return isinstance(error, (errors.TransportError, errors.InvalidResponse))
