"""Values held to patterns: texts as file names are, anything else as it is; where in a body they stand; and names."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any


def any_like(values: Iterable[Any], wanted: Any) -> bool:
    """Whether one of the values is like what is wanted: a text is a pattern (``*``, ``?``, ``[abc]``)."""
    return any(_like(value, wanted) for value in values)


def choice(name: str, names: Iterable[str]) -> str:
    """What there is in place of a name that means nothing, as a remedy says it."""
    there = [*names]
    nearest = get_close_matches(name, there, n=1)
    return f"write one of {', '.join(there)}" + (f"; did you mean {nearest[0]}?" if nearest else "")


def found_at(path: str, body: Any) -> list[Any]:
    """The values in a body at a JSONPath (RFC 9535)."""
    compiled = _compiled(path)
    if isinstance(body, str):  # The library would read it as JSON; but a text is a text, and has nothing in it.
        return [] if compiled.segments else [body]
    found: list[Any] = compiled.findall(body)
    return found


def check_path(path: str) -> None:
    """Raise ValueError where a text is no JSONPath; the message says why."""
    _compiled(path)


@lru_cache(maxsize=1000)
def _compiled(path: str) -> Any:
    # Imported here: few mocks have rules that look into bodies.
    from jsonpath import JSONPathError

    from ._jsonpaths import BodyPaths

    try:
        return BodyPaths().compile(path)
    except (JSONPathError, RecursionError) as error:
        said = str(error).splitlines() or ["it is nested too deeply"]
        raise ValueError(said[0]) from error


def _like(value: Any, wanted: Any) -> bool:
    if isinstance(wanted, str):
        return isinstance(value, str) and fnmatchcase(value, wanted)
    # JSON tells true from 1, Python does not.
    return isinstance(value, bool) is isinstance(wanted, bool) and bool(value == wanted)
