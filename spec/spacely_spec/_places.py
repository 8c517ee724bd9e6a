"""Where the objects of an OpenAPI document stand: its grammar, as far as references and schemas need it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple, TypeAlias
from urllib.parse import unquote

from ._expressions import join_pointer, read_pointer
from ._json import is_array, is_object

# A kind is called what `components` calls it, where it has a place there.
Kind: TypeAlias = str
_Shape: TypeAlias = Literal["one", "list", "map"]
_ANY = "*"  # any key that is no extension

_CONTENT: Mapping[str, tuple[_Shape, Kind]] = {
    "schema": ("one", "schemas"),
    "content": ("map", "mediaTypes"),
    "examples": ("map", "examples"),
}
_COMPONENTS = (
    *("schemas", "responses", "parameters", "examples", "requestBodies", "headers"),
    *("securitySchemes", "links", "callbacks"),
)
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_EACH_METHOD: Mapping[str, tuple[_Shape, Kind]] = dict.fromkeys(METHODS, ("one", "operations"))
_GRAMMAR: Mapping[Kind, Mapping[str, tuple[_Shape, Kind]]] = {
    "document": {"paths": ("one", "paths"), "components": ("one", "components")},
    "components": {kind: ("map", kind) for kind in _COMPONENTS},
    "paths": {_ANY: ("one", "pathItems")},
    "pathItems": {"parameters": ("list", "parameters"), **_EACH_METHOD},
    "operations": {
        "parameters": ("list", "parameters"),
        "requestBody": ("one", "requestBodies"),
        "responses": ("one", "operationResponses"),
        "callbacks": ("map", "callbacks"),
    },
    "operationResponses": {_ANY: ("one", "responses")},
    "callbacks": {_ANY: ("one", "pathItems")},
    "parameters": _CONTENT,
    "headers": _CONTENT,
    "requestBodies": _CONTENT,
    "mediaTypes": {**_CONTENT, "encoding": ("map", "encodings")},
    "encodings": {"headers": ("map", "headers")},
    "responses": {**_CONTENT, "headers": ("map", "headers"), "links": ("map", "links")},
    "schemas": {
        "properties": ("map", "schemas"),
        "items": ("one", "schemas"),
        "additionalProperties": ("one", "schemas"),
        "not": ("one", "schemas"),
        "allOf": ("list", "schemas"),
        "anyOf": ("list", "schemas"),
        "oneOf": ("list", "schemas"),
    },
}


class Place(NamedTuple):
    """One object of the document: what kind it is of, where it stands, and the object as written."""

    kind: Kind
    pointer: str
    node: dict[str, Any]


def places(document: Any) -> Iterator[Place]:
    """Every object of a document, outer ones first; of a reference, only the reference."""
    if is_object(document):
        yield from _below(Place("document", "", document))


def _below(place: Place) -> Iterator[Place]:
    yield place
    if "$ref" in place.node:
        return
    fields = _GRAMMAR.get(place.kind, {})
    for key, value in place.node.items():
        rule = fields.get(key) or (None if key.startswith("x-") else fields.get(_ANY))
        if rule is None:
            continue
        shape, kind = rule
        pointer = place.pointer + join_pointer(key)
        if shape == "one":
            children = [(pointer, value)]
        elif shape == "map" and is_object(value):
            children = [(pointer + join_pointer(name), child) for name, child in value.items()]
        else:
            items = value if is_array(value) else []
            children = [(pointer + join_pointer(index), child) for index, child in enumerate(items)]
        for child_pointer, child in children:
            if is_object(child):
                yield from _below(Place(kind, child_pointer, child))


def reference_pointer(reference: str) -> str:
    """The JSON pointer that a reference within the document names."""
    return unquote(reference.removeprefix("#"))


def follow(document: Any, node: Mapping[str, Any], pointer: str) -> tuple[Mapping[str, Any], str]:
    """The object a node stands for, and its place.

    Args:
        document: The document that the references lead through.
        node: An object, or a reference to one.
        pointer: Where the node stands.

    Returns:
        The object itself, past all references, and where it stands.

    Raises:
        LookupError: A reference leads nowhere, or back to itself.
    """
    passed: set[str] = set()
    while "$ref" in node:
        pointer = reference_pointer(node["$ref"])
        if pointer in passed:
            raise LookupError(pointer)
        passed.add(pointer)
        node = read_pointer(document, pointer)
    return node, pointer
