"""Which lines of the journal are asked for, and which come nearest where too few match."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

_NEAREST = 3
Line = Mapping[str, Any]


def _is_equal(wanted: str, got: Any) -> bool:
    return bool(got == wanted)


def _is_method(wanted: str, got: Any) -> bool:
    return bool(got == wanted.upper())


def _is_status(wanted: str, got: Any) -> bool:
    return got is not None and str(got).startswith(wanted.rstrip("X"))


def _is_like(wanted: str, got: Any) -> bool:
    return fnmatchcase(got, wanted)


# How each parameter of a filter is compared, and with what of a line.
_TESTS: dict[str, tuple[str, Callable[[str, Any], bool]]] = {
    "operation": ("operation", _is_equal),
    "method": ("method", _is_method),
    "path": ("path", _is_like),
    "status": ("status", _is_status),
    "job": ("job", _is_equal),
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
    """

    def __init__(self, wanted: Mapping[str, str | None], namespace: str | None, since: str | None) -> None:
        self._tests = [
            (name, value, *_TESTS[name]) for name, value in wanted.items() if name in _TESTS and value is not None
        ]
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
            {"field": name, "wanted": wanted, "got": line[member]}
            for name, wanted, member, fits in self._tests
            if not fits(wanted, line[member])
        ]
