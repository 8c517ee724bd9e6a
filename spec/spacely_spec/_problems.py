"""What can be wrong with a contract file, said so that the reader can mend it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a contract.

    Attributes:
        path: The file.
        line: The line in it, counted from 1; None where it concerns the file as a whole.
        pointer: The JSON pointer of the place.
        message: What is wrong.
        remedy: What to do about it.
    """

    path: Path
    line: int | None
    pointer: str
    message: str
    remedy: str

    def __str__(self) -> str:
        place = str(self.path) if self.line is None else f"{self.path}:{self.line}"
        at = f" (at {self.pointer})" if self.pointer else ""
        return f"{place}: {self.message}{at}\n  remedy: {self.remedy}"


class SpecError(ValueError):
    """A contract file cannot be used; ``problems`` says why, one entry for each thing wrong."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))
