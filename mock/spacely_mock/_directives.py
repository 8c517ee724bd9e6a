"""What the mock can be told to do with a request: one vocabulary, however it is said.

A directive is a number of words, each with a value. They can be said in the header ``Prefer``, in headers
``X-Mock-…``, in ``[mock …]`` inside a text of the body, and in the ``then`` of a rule; ``WORDS`` is all of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any

from ._durations import DURATION_FORMS, RandomDuration, parse_duration
from ._plans import PROGRESS_FORMS, Outcome, Progress

_PRINTABLE = re.compile(r"[\x20-\x7e]+")
_DRIBBLE = re.compile(r"(?P<size>[1-9][0-9]{0,6})/(?P<interval>[0-9.]+(?:ms|s)?)")


class DirectiveError(ValueError):
    """A directive cannot be understood; the message names its text, the rule and the remedy."""


class Fault(StrEnum):
    """What can go wrong with an answer besides its status."""

    TRUNCATED = "truncated"
    WRONG_TYPE = "wrong-type"
    RESET = "reset"
    RESET_MIDWAY = "reset-midway"
    RESET_AFTER = "reset-after"
    LOST = "lost"


class ErrorBody(StrEnum):
    """What an answer has for a body in place of its own."""

    PROBLEM = "problem"
    EMPTY = "empty"
    HTML = "html"


@dataclass(frozen=True, slots=True)
class Dribble:
    """A body sent slowly: so many bytes, then a pause of so many seconds, and so on."""

    text: str
    size: int
    interval: float

    @classmethod
    def parse(cls, text: str) -> Dribble:
        """Read one from its text, such as ``10/100ms``; raise ValueError where it is none."""
        match = _DRIBBLE.fullmatch(text)
        if match is None:
            raise ValueError("write bytes and interval as 10/100ms")
        return cls(text, int(match["size"]), parse_duration(match["interval"]))

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Directive:
    """What is to be done; None where nothing is said.

    Attributes:
        code: The documented response of this status.
        example: The contract's example of this name.
        outcome: How the job that is started ends.
        progress: When it ends.
        status: Any status at all, in place of the answer.
        body: What the answer has for a body in place of its own.
        retry_after: The value of a Retry-After header, whatever it is.
        delay: How long the answer waits.
        dribble: How slowly its body comes.
        fault: What else goes wrong with it.
    """

    code: str | None = None
    example: str | None = None
    outcome: Outcome | None = None
    progress: Progress | None = None
    status: int | None = None
    body: ErrorBody | None = None
    retry_after: str | None = None
    delay: RandomDuration | None = None
    dribble: Dribble | None = None
    fault: Fault | None = None

    def over(self, other: Directive) -> Directive:
        """What it says, and the other where it says nothing."""
        return replace(other, **dict(self._said()))

    def to_json(self) -> dict[str, str]:
        """It as words with their values, as ``parse_directive`` reads them."""
        return {name.replace("_", "-"): str(value) for name, value in self._said()}

    def _said(self) -> Iterable[tuple[str, Any]]:
        values = ((field.name, getattr(self, field.name)) for field in fields(self))
        return ((name, value) for name, value in values if value is not None)


NOTHING = Directive()


def _status(text: str) -> int:
    if not re.fullmatch("[2-5][0-9]{2}", text):
        raise ValueError("write a status from 200 to 599")
    return int(text)


def _printable(text: str) -> str:
    if not _PRINTABLE.fullmatch(text) or not text.strip():
        raise ValueError("write printable characters of ASCII, and not spaces alone")
    return text


def _one_of(choices: type[Fault | ErrorBody]) -> Callable[[str], Any]:
    def parse(text: str) -> Any:
        try:
            return choices(text)
        except ValueError as error:
            raise ValueError(f"write one of {', '.join(choices)}") from error

    return parse


@dataclass(frozen=True, slots=True)
class Word:
    """One word of the vocabulary: how its value is read (ValueError where it cannot be), its forms, what it does."""

    parse: Callable[[str], Any]
    forms: str
    meaning: str


WORDS: Mapping[str, Word] = {
    "code": Word(str, "500", "the documented response of that status"),
    "example": Word(str, "NAME", "the example of that name"),
    "outcome": Word(Outcome.parse, " | ".join(Outcome), "how the job that this request starts ends"),
    "progress": Word(Progress.parse, PROGRESS_FORMS, "when that job ends"),
    "status": Word(_status, "503", "that status, documented or not, and no job"),
    "body": Word(
        _one_of(ErrorBody),
        " | ".join(ErrorBody),
        "the body of the answer, whatever its status (with status alone: problem)",
    ),
    "retry-after": Word(_printable, "5 | soon", "a Retry-After header: any text, as a server may send it"),
    "delay": Word(RandomDuration.parse, DURATION_FORMS, "the answer waits"),
    "dribble": Word(Dribble.parse, "10/100ms", "the body comes in pieces of so many bytes, with pauses"),
    "fault": Word(
        _one_of(Fault),
        " | ".join(Fault),
        "truncated: the body ends early; wrong-type: the Content-Type is not that of the body\n"
        "reset: the connection is reset before the request is served; lost: after that, before the answer\n"
        "reset-midway: it is reset in the middle of the answer; reset-after: at its end",
    ),
}


def parse_directive(said: Iterable[tuple[str, str]]) -> Directive:
    """Read a directive from words and their values; of the same word, the first counts.

    Raises:
        DirectiveError: A word is not known, or its value cannot be read.
    """
    values: dict[str, Any] = {}
    for name, text in said:
        word = WORDS.get(name)
        if word is None:
            raise DirectiveError(f"{name!r} is no directive; write one of {', '.join(WORDS)}.")
        try:
            values.setdefault(name.replace("-", "_"), word.parse(text))
        except ValueError as error:
            raise DirectiveError(f"{name}={text!r} cannot be read: {error}.") from error
    return Directive(**values) if values else NOTHING
