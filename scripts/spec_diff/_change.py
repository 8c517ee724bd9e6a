"""One change, and how much of a version it is worth."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

from packaging.version import Version


class Bump(IntEnum):
    """Which part of a semantic version a change raises."""

    NONE = 0
    PATCH = 1
    MINOR = 2
    MAJOR = 3

    @property
    def word(self) -> str:
        """What it means to those who depend on the contract."""
        return ("no change", "no change of behaviour", "compatible addition", "breaking")[self]

    def after(self, version: Version) -> Version:
        """The least version that may hold such a change made to a version.

        Before 1.0.0 a breaking change raises the second number and any other the third, as pip's ``~=`` and most
        other resolvers take it.
        """
        step = self - 1 if version.major == 0 and self > Bump.PATCH else self
        major, minor, patch = version.major, version.minor, version.micro
        numbers = {
            Bump.NONE: (major, minor, patch),
            Bump.PATCH: (major, minor, patch + 1),
            Bump.MINOR: (major, minor + 1, 0),
            Bump.MAJOR: (major + 1, 0, 0),
        }[Bump(step)]
        return Version(".".join(map(str, numbers)))


@dataclass(frozen=True, slots=True)
class Change:
    """Something that is no longer as it was.

    Attributes:
        bump: What it is worth.
        kind: As in a changelog.
        text: One sentence in a reader's words.
        place: Where to look: a file with a line, or a JSON pointer.
    """

    bump: Bump
    kind: Literal["Added", "Changed", "Removed"]
    text: str
    place: str


def greatest(changes: list[Change]) -> Bump:
    """What all changes together are worth."""
    return max((change.bump for change in changes), default=Bump.NONE)
