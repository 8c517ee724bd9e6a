"""Which lines of the journal are asked for, and which come nearest where too few match."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, cast

from ._matching import any_like, check_path, choice, found_at

_NEAREST = 3
_SHOWN = 100
Line = Mapping[str, Any]


class FilterError(ValueError):
    """A filter cannot be understood; the message says why."""


def _is_equal(wanted: str, got: Any) -> bool:
    return bool(got == wanted)


def _is_method(wanted: str, got: Any) -> bool:
    return bool(got == wanted.upper())


def _is_status(wanted: str, got: Any) -> bool:
    return got is not None and str(got).startswith(wanted.rstrip("X"))


def _is_like(wanted: str, got: Any) -> bool:
    return fnmatchcase(got, wanted)


def _has(wanted: str, got: Any) -> bool:
    return all(any_like(found_at(path, got), value) for path, value in _paths(wanted).items())


def _is_broken(wanted: bool, got: Any) -> bool:
    return bool(got) is wanted


def _paths(text: str) -> Mapping[str, Any]:
    """What is wanted of a body, by JSONPath, as a rule says it."""
    try:
        paths = json.loads(text)
    except (ValueError, RecursionError):
        paths = None
    if not isinstance(paths, dict) or not paths:
        raise FilterError(f'body={text!r} is no JSON object; write JSONPaths and values, as {{"$.items[0]": "a*"}}.')
    for path in cast("Mapping[str, Any]", paths):
        try:
            check_path(path)
        except ValueError as error:
            raise FilterError(f"{path!r} is no JSONPath: {error}; write one as $.items[*].name.") from error
    return cast("Mapping[str, Any]", paths)


# How each parameter of a filter is compared, and with what of a line.
_TESTS: dict[str, tuple[str, Callable[[Any, Any], bool]]] = {
    "operation": ("operation", _is_equal),
    "method": ("method", _is_method),
    "path": ("path", _is_like),
    "status": ("status", _is_status),
    "job": ("job", _is_equal),
    "body": ("body", _has),
    "violated": ("violations", _is_broken),
}


def _position(line_id: str) -> tuple[int, ...]:
    """Where a line stands in the journal: the ids of later lines are greater."""
    return tuple(int(part) for part in line_id.split("-"))


class Filter:
    """What is asked of lines.

    Args:
        wanted: What each parameter was given; None where it was not sent.
        namespace: The only namespace whose lines match; None for all.
        since: The id of a line; only later ones match. None for all.
        operations: The operations that there are, by operationId.

    Raises:
        FilterError: What is asked of the body cannot be understood, or is asked for an operation that there is not.
    """

    def __init__(
        self, wanted: Mapping[str, Any], namespace: str | None, since: str | None, operations: Sequence[str]
    ) -> None:
        self._tests = [
            (name, value, *_TESTS[name]) for name, value in wanted.items() if name in _TESTS and value is not None
        ]
        operation = wanted.get("operation")
        if operation is not None and operation not in operations:
            remedy = choice(operation, operations)
            raise FilterError(f"operation={operation[:_SHOWN]!r} is none of the contract's; {remedy}")
        if wanted.get("body") is not None:
            _paths(wanted["body"])
        self._namespace = namespace
        self._since = None if since is None else _position(since)

    def find(self, lines: Sequence[Line]) -> list[Line]:
        """The lines that match."""
        return [line for line in lines if self._is_in_reach(line) and not self._differences(line)]

    def nearest(self, lines: Sequence[Line]) -> list[dict[str, Any]]:
        """The lines that come nearest to matching, each with what differs; the latest first where they are even."""
        misses = [(self._differences(line), line) for line in reversed(lines) if self._is_in_reach(line)]
        misses = sorted([miss for miss in misses if miss[0]], key=lambda miss: len(miss[0]))
        return [{"request": line, "differs": differences} for differences, line in misses[:_NEAREST]]

    def _is_in_reach(self, line: Line) -> bool:
        # Others' requests, and those of before, are nobody's near misses.
        if self._namespace is not None and line["namespace"] != self._namespace:
            return False
        return self._since is None or _position(line["id"]) > self._since

    def _differences(self, line: Line) -> list[dict[str, Any]]:
        return [
            {"field": name, "wanted": wanted, "got": line.get(member)}
            for name, wanted, member, fits in self._tests
            if not fits(wanted, line.get(member))
        ]
