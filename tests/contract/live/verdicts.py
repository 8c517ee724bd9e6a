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


def broken(seen: Seen, place: str) -> Verdict | None:
    """What requests that break a statement on purpose tell of it; None where none was sent."""
    sent = [each for each in seen.observations.all if each.breaks == place]
    for each in sent:
        if each.accepted:
            return contradicted(f"a request that breaks it was accepted ({each.source})", each)
    for each in sent:
        if each.refused:
            sound = [e for e in seen.observations.of(each.operation) if e.valid and e.key == "right" and not e.breaks]
            # What is refused either way is not refused for this.
            if any(e.accepted or (e.refused and e.status != each.status) for e in sound):
                return confirmed(f"a request that breaks it was refused ({each.source})", each)
            return unknown("a request that breaks it was refused, and so was each that does not")
    return None


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
