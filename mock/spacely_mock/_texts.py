"""A text on the wire, read as the type that its schema asks for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from ._schemas import types

_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]*)")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_LONGEST_NUMBER = 300


def readings(text: str, schema: Mapping[str, Any], components: Mapping[str, Any]) -> Iterator[Any]:
    """The values that a text may stand for, the most likely first; the text itself is the last."""
    return readings_as(text, types(schema, components))


def readings_as(text: str, possible: frozenset[str]) -> Iterator[Any]:
    """The values of the possible types that a text may stand for; see readings."""
    if possible & {"integer", "number"} and _NUMBER.fullmatch(text) and len(text) <= _LONGEST_NUMBER:
        yield int(text) if _INTEGER.fullmatch(text) else float(text)
    if "boolean" in possible and text in {"true", "false"}:
        yield text == "true"
    if "null" in possible and text in {"", "null"}:
        yield None
    if possible & {"object", "array"} and text[:1] in {"{", "["}:
        with suppress(ValueError, RecursionError):
            yield json.loads(text)
    yield text


def typed(text: str, schema: Mapping[str, Any], components: Mapping[str, Any]) -> Any:
    """The value that a text most likely stands for."""
    return next(readings(text, schema, components))


def is_broken(text: str) -> bool:
    """Whether a text has lone surrogates: decoding leaves them where the bytes are no UTF-8."""
    return not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text)
