"""The rungs of the ladder, the cheapest first."""

from __future__ import annotations

from enum import IntEnum


class Rung(IntEnum):
    """One rung: what is done on it costs no less than what is done on those below."""

    RECORDED = 1
    PROBES = 2
    JOB = 3
    CANARY = 4
    MORE = 5

    @property
    def word(self) -> str:
        """What it is called on the command line."""
        return self.name.lower()

    @property
    def title(self) -> str:
        """What it is called in a report."""
        return _TITLES[self]


_TITLES = {
    Rung.RECORDED: "recorded traffic",
    Rung.PROBES: "negative probes",
    Rung.JOB: "known job",
    Rung.CANARY: "canary",
    Rung.MORE: "more submits",
}
