"""What traffic says of one statement of the contract."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from spacely_spec import Spec

from .observations import Observation, Observations
from .rungs import Rung
from .sightings import Sightings


class State(StrEnum):
    """How a statement stands."""

    CONFIRMED = "confirmed"
    CONTRADICTED = "contradicted"
    UNKNOWN = "still unknown"


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a statement stands, why, and the exchange that says so."""

    state: State
    note: str
    observation: Observation | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """All that was seen."""

    spec: Spec
    observations: Observations
    values: Sightings

    @classmethod
    def of(cls, observations: Observations) -> Seen:
        """What was seen, with the values in it sorted by schema."""
        return cls(observations.spec, observations, Sightings(observations.spec, observations.all))


Judge: TypeAlias = Callable[[Seen], Verdict]


@dataclass(frozen=True, slots=True)
class Statement:
    """One thing that the contract says, as far as traffic can tell about it.

    Attributes:
        pointer: Where it stands.
        text: What it says.
        judge: Says how it stands.
        told_by: The lowest rung that can tell; None where none but recorded traffic can, by luck.
        used_at: Where it is referred to, if that is another place.
    """

    pointer: str
    text: str
    judge: Judge
    told_by: Rung | None
    used_at: str = ""


def confirmed(note: str, observation: Observation | None = None) -> Verdict:
    """The statement has been seen to hold."""
    return Verdict(State.CONFIRMED, note, observation)


def contradicted(note: str, observation: Observation | None = None) -> Verdict:
    """The statement has been seen not to hold."""
    return Verdict(State.CONTRADICTED, note, observation)


def unknown(note: str) -> Verdict:
    """Nothing that was seen tells."""
    return Verdict(State.UNKNOWN, note)
