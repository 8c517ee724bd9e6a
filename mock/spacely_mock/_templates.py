"""JSON bodies made once, with slots that each request fills."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

_encode = json.JSONEncoder().encode
_MARK = "\0slot {}\0"
_ENCODED_MARK = re.compile(r'"\\u0000slot (\d+)\\u0000"')


class BodyTemplate:
    """A JSON value some of whose parts are filled in later.

    Args:
        value: The value, with what ``slot`` gives at the places to be filled.
    """

    def __init__(self, value: Any) -> None:
        pieces = _ENCODED_MARK.split(json.dumps(value, separators=(",", ":")))
        # The fixed parts, and between them what is replaced: at which place by which value.
        self._parts = [piece.encode() for piece in pieces]
        self._slots = [(place, int(pieces[place])) for place in range(1, len(pieces), 2)]

    @property
    def constant(self) -> bytes | None:
        """The body where nothing is to be filled; None where something is."""
        return None if self._slots else self._parts[0]

    def fill(self, values: Sequence[Any]) -> bytes:
        """The body with a value for each slot."""
        body = [*self._parts]
        for place, number in self._slots:
            body[place] = _encode(values[number]).encode()
        return b"".join(body)


def slot(number: int) -> str:
    """What stands in a template for the value with that number."""
    return _MARK.format(number)


def replaced(value: Any, replace: Callable[[str], Any]) -> Any:
    """A JSON value in which each text is what the function makes of it."""
    if isinstance(value, str):
        return replace(value)
    match value:
        case list():
            return [replaced(item, replace) for item in cast("Sequence[Any]", value)]
        case dict():
            members = cast("Mapping[str, Any]", value)
            return {key: replaced(item, replace) for key, item in members.items()}
        case _:
            return value


def written(document: Any, pointer: str, value: Any) -> Any:
    """A copy of a document with a value written at an RFC 6901 pointer; missing objects on the way are made."""
    if not pointer:
        return value
    first, _, rest = pointer[1:].partition("/")
    inner = "/" + rest if rest or pointer.endswith("/") else ""
    if isinstance(document, list):
        items = cast("Sequence[Any]", document)
        index = int(first)
        return [*items[:index], written(items[index], inner, value), *items[index + 1 :]]
    members = cast("dict[str, Any]", document) if isinstance(document, dict) else {}
    key = first.replace("~1", "/").replace("~0", "~")
    return {**members, key: written(members.get(key), inner, value)}
