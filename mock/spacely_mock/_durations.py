"""Durations as people write them, fixed and random."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from random import Random

_DURATION = re.compile(r"(?P<number>[0-9]{1,12}(?:\.[0-9]{1,12})?)\s*(?P<unit>ms|s|m|h)?")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, None: 1.0}
_NAMED = {"immediate": "0", "vendor": "lognormal:30s,0.25"}  # The vendor's demo speaks of about 30 seconds.
_SIGMA = re.compile(r"[0-9](?:\.[0-9]+)?")
DURATION_FORMS = "2s | 1s..4s | lognormal:3s,0.2 | vendor | immediate"


def parse_duration(text: str) -> float:
    """The seconds in a duration such as ``2s``, ``500ms``, ``1m`` or ``0``; raise ValueError where it is none."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no duration; write it as 2s, 500ms, 1m or 0")
    return float(match["number"]) * _SECONDS[match["unit"]]


@dataclass(frozen=True, slots=True)
class RandomDuration:
    """A duration that is drawn anew each time.

    Attributes:
        text: It as written.
        low: The shortest in seconds; the median where there is a sigma.
        high: The longest in seconds.
        sigma: The spread of the logarithm; None where every duration between the two is as likely.
    """

    text: str
    low: float
    high: float
    sigma: float | None = None

    @classmethod
    def parse(cls, text: str) -> RandomDuration:
        """Read one from its text; raise ValueError where it is none."""
        meaning = _NAMED.get(text, text)
        if meaning.startswith("lognormal:"):
            median, _, sigma = meaning.removeprefix("lognormal:").partition(",")
            if not _SIGMA.fullmatch(sigma):
                raise ValueError(f"{text!r} has no sigma; write it as lognormal:3s,0.2")
            seconds = parse_duration(median)
            return cls(text, seconds, seconds, float(sigma))
        low, _, high = meaning.partition("..")
        shortest = parse_duration(low)
        longest = parse_duration(high) if high else shortest
        if longest < shortest or meaning.endswith(".."):
            raise ValueError(f"{text!r} ends before it begins; write the shorter first, as in 1s..4s")
        return cls(text, shortest, longest)

    @classmethod
    def fixed(cls, seconds: float) -> RandomDuration:
        """One that is always the same."""
        return cls(f"{seconds:g}s", seconds, seconds)

    def draw(self, seed: object) -> float:
        """The duration, in seconds, that a seed gives."""
        if self.sigma is not None:
            return self.low * math.exp(self.sigma * Random(str(seed)).gauss(0, 1))  # noqa: S311 - no secret
        if self.low == self.high:
            return self.low
        return Random(str(seed)).uniform(self.low, self.high)  # noqa: S311 - no secret

    def __str__(self) -> str:
        return self.text
