"""Runtime expressions and the criteria built on them, as OpenAPI Links and Arazzo define them.

Understood are ``$statusCode``, ``$response.body#/json/pointer`` and ``$response.header.Name``; a criterion
compares one of them with a literal by ``==`` or ``!=``. Whatever else the two grammars allow is refused by
name, so that a condition is never silently taken for something it is not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

from ._json import is_array, is_object

Source = Literal["status", "body", "header"]

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_COMPARISON = re.compile(r"(?P<left>\$\S+)\s*(?P<operator>==|!=)\s*(?P<right>.+)", re.DOTALL)


class ExpressionError(ValueError):
    """A text is no expression or criterion that is understood here; the message says what would be."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What an expression reads: one HTTP response with its body parsed."""

    status: int
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True, slots=True)
class Expression:
    """One runtime expression, such as ``$response.body#/data/status``.

    Attributes:
        text: The expression as written.
        source: The part of the response it reads.
        key: The JSON pointer into the body, or the header's name; empty for the status.
    """

    text: str
    source: Source
    key: str = ""

    @classmethod
    def parse(cls, text: str) -> Expression:
        """Read an expression from its text; raise ExpressionError where it is none of the three forms."""
        if text == "$statusCode":
            return cls(text, "status")
        if text == "$response.body":
            return cls(text, "body")
        if text.startswith("$response.body#"):
            pointer = text.removeprefix("$response.body#")
            if pointer and not pointer.startswith("/"):
                raise ExpressionError(f"{text!r}: a JSON pointer begins with '/', as in $response.body#/id")
            return cls(text, "body", pointer)
        if text.startswith("$response.header."):
            name = text.removeprefix("$response.header.")
            if not _HEADER_NAME.fullmatch(name):
                raise ExpressionError(f"{text!r}: {name!r} is no header name")
            return cls(text, "header", name)
        raise ExpressionError(
            f"{text!r} is not understood; write $response.body#/json/pointer, $response.header.Name or $statusCode"
        )

    def read(self, answer: Answer) -> Any:
        """The value in an answer, or None where the answer has nothing at that place."""
        if self.source == "status":
            return answer.status
        if self.source == "header":
            wanted = self.key.lower()
            return next((value for name, value in answer.headers.items() if name.lower() == wanted), None)
        try:
            return read_pointer(answer.body, self.key)
        except LookupError:
            return None


@dataclass(frozen=True, slots=True)
class Criterion:
    """One comparison of an expression with a literal."""

    text: str
    expression: Expression
    operator: Literal["==", "!="]
    value: str | int | float | bool | None

    @classmethod
    def parse(cls, text: str) -> Criterion:
        """Read a criterion from its text; raise ExpressionError where it is no single comparison."""
        match = _COMPARISON.fullmatch(text.strip())
        if match is None:
            raise ExpressionError(
                f"{text!r} is no comparison; write one expression, == or !=, and a literal, "
                "as in $response.body#/status == 'done'"
            )
        operator: Literal["==", "!="] = "==" if match["operator"] == "==" else "!="
        return cls(text, Expression.parse(match["left"]), operator, _literal(match["right"].strip(), text))

    def holds(self, answer: Answer) -> bool:
        """Whether an answer meets this criterion."""
        return _same(self.expression.read(answer), self.value) is (self.operator == "==")


def all_hold(criteria: Iterable[Criterion], answer: Answer) -> bool:
    """Whether an answer meets every one of the criteria, as Arazzo joins them; no criteria are never met."""
    criteria = tuple(criteria)
    return bool(criteria) and all(criterion.holds(answer) for criterion in criteria)


def read_pointer(document: Any, pointer: str) -> Any:
    """The value an RFC 6901 pointer names; raise LookupError where the document has none there."""
    value = document
    for token in pointer.split("/")[1:]:
        key = token.replace("~1", "/").replace("~0", "~")
        if is_object(value):
            value = value[key]
        elif is_array(value) and key.isdecimal():
            value = value[int(key)]
        else:
            raise LookupError(pointer)
    return value


def join_pointer(*tokens: str | int) -> str:
    """The RFC 6901 pointer made of unescaped tokens."""
    return "".join("/" + str(token).replace("~", "~0").replace("/", "~1") for token in tokens)


def _literal(text: str, condition: str) -> str | int | float | bool | None:
    if len(text) >= 2 and text[0] == text[-1] == "'" and "'" not in text[1:-1].replace("''", ""):
        return text[1:-1].replace("''", "'")
    with suppress(ValueError):
        value: Any = json.loads(text)
        if value is None or isinstance(value, (str, int, float, bool)):
            return value
    raise ExpressionError(
        f"{condition!r}: {text} is no literal; write 'text' in quotes, a number, true, false or null "
        "(one comparison a condition: list several conditions where all must hold)"
    )


def _same(left: Any, right: Any) -> bool:
    # JSON tells true from 1, Python does not.
    return isinstance(left, bool) is isinstance(right, bool) and left == right
