"""Durations as people write them."""

from __future__ import annotations

import re

_DURATION = re.compile(r"(?P<number>[0-9]+(?:\.[0-9]+)?)\s*(?P<unit>ms|s|m|h)?")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, None: 1.0}


def parse_duration(text: str) -> float:
    """The seconds in a duration such as ``2s``, ``500ms``, ``1m`` or ``0``; raise ValueError where it is none."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no duration; write it as 2s, 500ms, 1m or 0")
    return float(match["number"]) * _SECONDS[match["unit"]]
