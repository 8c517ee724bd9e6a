"""What will become of a job: when it ends and how, in a form that fits into the bits of its id."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from ._durations import DURATION_FORMS, RandomDuration

SPAN_BITS = 16
OUTCOME_BITS = 3
_MANTISSA_BITS = 13
_MOST = (1 << _MANTISSA_BITS) - 1
# A span is a number of units; each unit is eight times the one before. The last is no time but a poll.
_POLLS = 7
PROGRESS_FORMS = f"{DURATION_FORMS} | polls:3"


class Outcome(StrEnum):
    """How a job ends."""

    SUCCESS = "success"
    FAILURE = "failure"
    PENDING = "pending"
    EMPTY = "empty"
    UNKNOWN_STATUS = "unknown-status"
    MISSING_IMAGES = "missing-images"
    EXPIRED_IMAGES = "expired-images"

    @classmethod
    def parse(cls, text: str) -> Outcome:
        """Read one from its text; raise ValueError where it is none."""
        try:
            return cls(text)
        except ValueError as error:
            raise ValueError(f"{text!r} is no outcome; write one of {', '.join(cls)}") from error


OUTCOMES = tuple(Outcome)
"""By the number that stands in an id."""


@dataclass(frozen=True, slots=True)
class Progress:
    """When jobs end: after a time, or after a number of polls that found them running.

    Attributes:
        text: It as written.
        time: The time; None where polls are counted.
        polls: The number of polls.
    """

    text: str
    time: RandomDuration | None
    polls: int = 0

    @classmethod
    def parse(cls, text: str) -> Progress:
        """Read it from its text; raise ValueError where it is none."""
        if not text.startswith("polls:"):
            try:
                return cls(text, RandomDuration.parse(text))
            except ValueError as error:
                raise ValueError(f"{text!r} is no progress ({error}); write {PROGRESS_FORMS}") from error
        number = text.removeprefix("polls:")
        if not (number.isascii() and number.isdecimal() and len(number) <= 4 and int(number) <= _MOST):
            raise ValueError(f"{text!r} is no number of polls; write polls:0 to polls:{_MOST}")
        return cls(text, None, int(number))

    @classmethod
    def after(cls, seconds: float) -> Progress:
        """The progress of jobs that all run the same time."""
        time = RandomDuration.fixed(seconds)
        return cls(time.text, time)

    def span(self, seed: object) -> int:
        """How long the job with a seed runs, as its id says it."""
        if self.time is None:
            return _POLLS << _MANTISSA_BITS | self.polls
        return _time_span(self.time.draw(seed))

    def __str__(self) -> str:
        return self.text


@lru_cache(maxsize=1024)  # Most jobs of a mock run the same time.
def _time_span(seconds: float) -> int:
    """A time in as few bits: exact to the millisecond below eight seconds, else a thousandth too long at most."""
    # Rounded to the microsecond first: 0.29 seconds are 290 milliseconds, which floating point has a little above.
    count = -int(-round(seconds * 1000, 3) // 1)
    unit = 0
    while count > _MOST:
        count = -(-count // 8)
        unit += 1
    # The longest time there is room for is a little less than 25 days.
    return unit << _MANTISSA_BITS | count if unit < _POLLS else (_POLLS << _MANTISSA_BITS) - 1


@dataclass(frozen=True, slots=True)
class Plan:
    """What will become of one job.

    Attributes:
        outcome: How it ends.
        seconds: How long it runs; None where polls are counted.
        polls: How many polls find it running.
    """

    outcome: Outcome
    seconds: float | None
    polls: int = 0

    @classmethod
    @lru_cache(maxsize=1024)  # Most jobs of a mock have the same plan.
    def read(cls, outcome: int, span: int) -> Plan | None:
        """The plan that an id says; None where no plan is written so."""
        if outcome >= len(OUTCOMES):
            return None
        unit, count = span >> _MANTISSA_BITS, span & _MOST
        if unit == _POLLS:
            return cls(OUTCOMES[outcome], None, count)
        return cls(OUTCOMES[outcome], count * 8**unit / 1000)
