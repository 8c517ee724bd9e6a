"""Whether schemas can be used, and whether the examples and defaults in a contract fit them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from jsonschema_rs import ValidationError

from ._explain import faults
from ._expressions import join_pointer
from ._places import Place, follow, places
from ._problems import Problem
from ._schemas import compile_schema, json_schema
from ._source import Source

_DIRECTIONS: tuple[Literal["request", "response"], ...] = ("request", "response")


def check_schemas(source: Source) -> Iterator[Problem]:
    """Whether a validator can be made of every schema."""
    components = _components(source)
    for place in places(source.document):
        if place.kind != "schemas" or "$ref" in place.node:
            continue
        if place.node.get("nullable") and "type" not in place.node:
            yield source.problem(
                place.pointer + "/nullable",
                "nullable says nothing without type",
                "write type beside it, or null into every alternative",
            )
        if _composed_of_itself(source.document, place.node):
            yield source.problem(
                place.pointer, "the schema is composed of itself", "remove it from its allOf, anyOf or oneOf"
            )
        try:
            compile_schema(json_schema(_alone(place.node), components, direction="request"))
        except (ValidationError, ValueError) as error:
            path = error.instance_path if isinstance(error, ValidationError) else []
            message = error.message if isinstance(error, ValidationError) else str(error)
            yield source.problem(
                place.pointer + join_pointer(*path), f"the schema cannot be used: {message}", "correct the schema"
            )


def _composed_of_itself(document: Mapping[str, Any], schema: Mapping[str, Any]) -> bool:
    """Whether to know what a schema says one must know what it says; to hold values of its own kind is fine."""
    seen: set[int] = set()
    ahead = [schema]
    while ahead:
        composite = ahead.pop()
        for keyword in ("allOf", "anyOf", "oneOf"):
            for branch in composite.get(keyword, ()):
                part, _ = follow(document, branch, "")
                if part is schema:
                    return True
                if id(part) not in seen:
                    seen.add(id(part))
                    ahead.append(part)
    return False


def _alone(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A schema without the schemas in it: each of them has a place of its own."""
    inner = {"properties", "items", "additionalProperties", "not", "allOf", "anyOf", "oneOf"}
    return {key: value for key, value in schema.items() if key not in inner}


def check_examples(source: Source) -> Iterator[Problem]:
    """Whether every example and default fits its schema."""
    components = _components(source)
    for pointer, value, schema, directions in _examples(source.document):
        # Where a schema may travel either way, its example may be what is sent either way.
        attempts = [
            list(
                faults(
                    compile_schema(json_schema(schema, components, direction=direction)).iter_errors(value),
                    "correct the example or the schema",
                )
            )
            for direction in directions
        ]
        for place, message, remedy in min(attempts, key=len):
            yield source.problem(pointer + place, f"the example breaks its schema: {message}", remedy)


_Example = tuple[str, Any, Mapping[str, Any], tuple[Literal["request", "response"], ...]]


def _examples(document: Mapping[str, Any]) -> Iterator[_Example]:
    for place in places(document):
        if "$ref" in place.node:
            continue
        directions = _directions(place.pointer)
        if place.kind == "schemas":
            for keyword in ("example", "default"):
                if keyword in place.node:
                    yield place.pointer + join_pointer(keyword), place.node[keyword], place.node, directions
        elif "schema" in place.node:
            for pointer, value in _named(document, place):
                yield pointer, value, place.node["schema"], directions


def _named(document: Mapping[str, Any], place: Place) -> Iterator[tuple[str, Any]]:
    if "example" in place.node:
        yield place.pointer + "/example", place.node["example"]
    for name, node in place.node.get("examples", {}).items():
        example, pointer = follow(document, node, place.pointer + join_pointer("examples", name))
        if "value" in example:
            yield pointer + "/value", example["value"]


def _directions(pointer: str) -> tuple[Literal["request", "response"], ...]:
    tokens = pointer.split("/")
    if tokens[1:3] == ["components", "schemas"]:
        return _DIRECTIONS
    return ("response",) if {"responses", "headers"} & set(tokens) else ("request",)


def _components(source: Source) -> Mapping[str, Any]:
    components: Mapping[str, Any] = source.document.get("components", {}).get("schemas", {})
    return components
