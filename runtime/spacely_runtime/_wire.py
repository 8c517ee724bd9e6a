"""Python values turned into JSON values, and JSON texts into values, strictly."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, NoReturn, cast

from .types import Unset


def to_json(value: Any) -> Any:
    """A value as JSON knows it: models, enums, dates and ids become what they are on the wire; UNSET members go."""
    if hasattr(value, "to_dict"):
        return to_json(value.to_dict())
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    if isinstance(value, Mapping):
        members = cast("Mapping[Any, Any]", value)
        return {key: to_json(member) for key, member in members.items() if not isinstance(member, Unset)}
    if isinstance(value, (list, tuple)):
        items = cast("Sequence[Any]", value)
        return [to_json(item) for item in items]
    return str(value) if isinstance(value, uuid.UUID) else value


def parse_json(content: bytes) -> Any:
    """Read a JSON text; raise ValueError where RFC 8259 does not allow it or it cannot be held."""
    try:
        return json.loads(content.decode("utf-8-sig"), parse_constant=_refuse)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON value")
