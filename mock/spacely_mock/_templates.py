"""JSON bodies made once, with slots that each request fills."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Sequence
from typing import Any

_MARK = "\0slot {}\0"
_ENCODED_MARK = re.compile(r'"\\u0000slot (\d+)\\u0000"')


class BodyTemplate:
    """A JSON value some of whose parts are filled in later.

    Args:
        value: The value, with what ``slot`` gives at the places to be filled.
    """

    def __init__(self, value: Any) -> None:
        pieces = _ENCODED_MARK.split(json.dumps(value, separators=(",", ":")))
        self._fixed = [piece.encode() for piece in pieces[::2]]
        self._slots = [int(piece) for piece in pieces[1::2]]

    def fill(self, values: Sequence[Any]) -> bytes:
        """The body with a value for each slot."""
        body = [self._fixed[0]]
        for slot, fixed in zip(self._slots, self._fixed[1:], strict=True):
            body += (json.dumps(values[slot]).encode(), fixed)
        return b"".join(body)


def slot(number: int) -> str:
    """What stands in a template for the value with that number."""
    return _MARK.format(number)


def replaced(value: Any, replace: Callable[[str], Any]) -> Any:
    """A JSON value in which each text is what the function makes of it."""
    if isinstance(value, str):
        return replace(value)
    if isinstance(value, list):
        return [replaced(item, replace) for item in value]
    if isinstance(value, dict):
        return {key: replaced(item, replace) for key, item in value.items()}
    return value


def written(document: Any, pointer: str, value: Any) -> Any:
    """A copy of a document with a value written at an RFC 6901 pointer; missing objects on the way are made."""
    if not pointer:
        return value
    result = copy.deepcopy(document)
    holder: Any = result
    tokens = [token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:]]
    for token in tokens[:-1]:
        key = int(token) if isinstance(holder, list) else token
        if isinstance(holder, dict) and not isinstance(holder.get(key), (dict, list)):
            holder[key] = {}
        holder = holder[key]
    holder[int(tokens[-1]) if isinstance(holder, list) else tokens[-1]] = value
    return result
