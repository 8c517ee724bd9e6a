"""Questions asked of OpenAPI schemas as written, references included."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from spacely_spec import read_pointer

Schema = Mapping[str, Any]

ALL_TYPES = frozenset({"string", "number", "integer", "boolean", "array", "object"})
_COMBINED = ("allOf", "anyOf", "oneOf")


def resolve(schema: Schema, components: Mapping[str, Any]) -> Schema:
    """The schema that a reference leads to; any other schema as it is."""
    visited: set[str] = set()
    while "$ref" in schema and schema["$ref"] not in visited:
        visited.add(schema["$ref"])
        schema = read_pointer({"components": {"schemas": components}}, schema["$ref"].removeprefix("#"))
    return schema


def parts(schema: Schema, components: Mapping[str, Any]) -> Iterator[Schema]:
    """The schema and all that it is combined of, each once."""
    seen: set[int] = set()
    waiting = [schema]
    while waiting:
        part = resolve(waiting.pop(0), components)
        if id(part) in seen:
            continue
        seen.add(id(part))
        yield part
        waiting += [branch for keyword in _COMBINED for branch in part.get(keyword, ())]


def types(schema: Schema, components: Mapping[str, Any]) -> frozenset[str]:
    """The types a value may have, as far as the schema says; all of them where it does not."""
    found: set[str] = set()
    for part in parts(schema, components):
        if "type" in part:
            found.add(part["type"])
            if part.get("nullable"):
                found.add("null")
        elif "properties" in part:
            found.add("object")
        elif "items" in part:
            found.add("array")
    return frozenset(found) or ALL_TYPES


def properties(schema: Schema, components: Mapping[str, Any]) -> dict[str, Schema]:
    """The properties that an object may have, wherever in the schema they are described."""
    return {name: child for part in parts(schema, components) for name, child in part.get("properties", {}).items()}


def at(schema: Schema, pointer: str, components: Mapping[str, Any]) -> list[Schema]:
    """The schemas that describe the value at a JSON pointer."""
    schemas = [schema]
    for token in pointer.split("/")[1:]:
        key = token.replace("~1", "/").replace("~0", "~")
        schemas = [child for holder in schemas for child in _children(holder, key, components)]
    return schemas


def _children(schema: Schema, key: str, components: Mapping[str, Any]) -> Iterator[Schema]:
    for part in parts(schema, components):
        if key in part.get("properties", {}):
            yield part["properties"][key]
        elif isinstance(part.get("additionalProperties"), Mapping):
            yield part["additionalProperties"]
        if key.isdecimal() and "items" in part:
            yield part["items"]
