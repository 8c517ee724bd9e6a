"""What a schema says of a place deep inside the values it describes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ._json import is_object
from ._model import Schema
from ._places import follow


def schemas_at(document: Mapping[str, Any], schema: Schema, pointer: str) -> list[Schema]:
    """The schemas that can describe the value at a pointer; none where nothing can stand there.

    Args:
        document: The document that references lead through.
        schema: Of the whole value.
        pointer: From the whole value to the place.

    Returns:
        One schema for each alternative; an empty schema where the contract leaves the place open.
    """
    tokens = [token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:]]
    found: list[Schema] = [schema]
    for token in tokens:
        found = [child for parent in found for child in _children(document, parent, token)]
    return [leaf for parent in found for leaf in _alternatives(document, parent, frozenset())]


def _children(document: Mapping[str, Any], schema: Schema, token: str) -> Iterator[Schema]:
    for branch in _alternatives(document, schema, frozenset()):
        more = branch.get("additionalProperties")
        if token in branch.get("properties", {}):
            yield branch["properties"][token]
        elif "items" in branch and token.isdecimal():
            yield branch["items"]
        elif is_object(more):
            yield more
        elif more is True or (branch.get("type", "object") == "object" and not {"properties", "items"} & branch.keys()):
            yield {}  # Anything may stand there.


def _alternatives(document: Mapping[str, Any], schema: Schema, above: frozenset[int]) -> Iterator[Schema]:
    """The schema and what it is composed of, each without its composition."""
    schema, _ = follow(document, schema, "")
    if id(schema) in above:
        return
    composed = [branch for keyword in ("allOf", "anyOf", "oneOf") for branch in schema.get(keyword, [])]
    own = {key: value for key, value in schema.items() if key not in {"allOf", "anyOf", "oneOf"}}
    if not composed or "properties" in own:
        yield own
    for branch in composed:
        yield from _alternatives(document, branch, above | {id(schema)})
