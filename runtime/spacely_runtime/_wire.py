"""Python values turned into JSON values, and JSON texts into values, strictly."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, NoReturn, cast

from .types import Unset


def to_json(value: Any) -> Any:
    """A value as JSON knows it: models, enums, dates and ids become what they are on the wire; UNSET members go."""
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, (str, int, float)):
        return value
    if hasattr(value, "to_dict"):
        return to_json(value.to_dict())
    if isinstance(value, Mapping):
        members = cast("Mapping[Any, Any]", value)
        return {key: to_json(member) for key, member in members.items() if not isinstance(member, Unset)}
    if isinstance(value, (list, tuple)):
        items = cast("Sequence[Any]", value)
        return [to_json(item) for item in items]
    return _text_of(value)


def _text_of(value: Any) -> Any:
    from uuid import UUID  # Takes long to import; a contract without ids of this type does without.

    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value


def parse_json(content: bytes) -> Any:
    """Read a JSON text; raise ValueError where RFC 8259 does not allow it or it cannot be held."""
    try:
        return _DECODER.decode(content.decode("utf-8-sig"))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(members)
    if len(value) < len(members):  # Which of them counts, the RFC leaves to each reader.
        raise ValueError("a member of an object stands in it twice")
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON value")


_DECODER = json.JSONDecoder(parse_constant=_refuse, object_pairs_hook=_object)
