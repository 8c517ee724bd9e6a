"""OpenAPI 3.0 schemas turned into JSON Schema, draft 4 (its parent), so that ordinary validators take them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, TypeAlias

from jsonschema_rs import Draft4Validator, Draft202012Validator

from ._json import is_object
from ._places import follow, reference_pointer

Direction: TypeAlias = Literal["request", "response"]

# Keywords that constrain nothing.
_ANNOTATIONS = frozenset({"title", "description", "default", "example", "discriminator", "xml", "externalDocs"}) | {
    "deprecated",
    "nullable",
    "readOnly",
    "writeOnly",
}
# What the integer formats of OpenAPI 3.0 hold, which JSON Schema does not know.
_INTEGERS = {f"int{bits}": {"minimum": -(1 << bits - 1), "maximum": (1 << bits - 1) - 1} for bits in (32, 64)}
# Formats that OpenAPI 3.0 documents use and draft 4 did not know yet.
_LATER_FORMATS = {
    name: Draft202012Validator({"format": name}, validate_formats=True).is_valid
    for name in ("duration", "iri", "json-pointer", "uri-reference", "uri-template", "uuid")
}


def compile_schema(schema: Mapping[str, Any], *, formats: bool = True) -> Draft4Validator:
    """A validator for what json_schema gives; with ``formats``, ``uri``, ``uuid`` and the like are held to."""
    return Draft4Validator(dict(schema), validate_formats=formats, formats=_LATER_FORMATS)


def json_schema(
    schema: Mapping[str, Any],
    components: Mapping[str, Any],
    *,
    direction: Direction,
    open_enums: bool = False,
) -> dict[str, Any]:
    """One OpenAPI 3.0 schema as a JSON Schema (draft 4) that stands alone.

    Args:
        schema: The schema as written in the document.
        components: What ``components.schemas`` holds; what the schema refers to is taken along.
        direction: Which way the value travels: a ``readOnly`` property is no part of a request, nor a ``writeOnly``
            one of a response.
        open_enums: Let values outside an enum pass, as a client does that outlives today's contract. (An
            ``oneOf`` becomes an ``anyOf`` then, since branches told apart by an enum are no longer apart.)

    Returns:
        The schema; references point into its own ``components`` member.
    """
    needed: dict[str, Any] = {}

    def convert(node: Mapping[str, Any]) -> dict[str, Any]:
        reference = node.get("$ref")
        if isinstance(reference, str):
            name = reference_pointer(reference).split("/")[3].replace("~1", "/").replace("~0", "~")
            if name not in needed:
                needed[name] = {}  # Held before it is filled: the schema may refer to itself.
                needed[name] = convert(components[name])
            return {"$ref": reference}
        return _convert({**node, **_travelling(node, components, direction)}, convert, open_enums)

    converted = convert(schema)
    if needed:
        converted["components"] = {"schemas": needed}
    return converted


def left_out(schema: Mapping[str, Any], components: Mapping[str, Any], direction: Direction) -> frozenset[str]:
    """The properties of an object that do not travel that way: ``readOnly`` in a request, ``writeOnly`` in a response.

    Args:
        schema: The object's schema as written in the document, or a reference to it.
        components: What ``components.schemas`` holds.
        direction: Which way the object travels.
    """
    mark = "readOnly" if direction == "request" else "writeOnly"
    document = {"components": {"schemas": components}}
    return frozenset(
        name
        for part in _parts(schema, document)
        for name, child in part.get("properties", {}).items()
        if follow(document, child, "")[0].get(mark)
    )


def required_of(schema: Mapping[str, Any], components: Mapping[str, Any], direction: Direction) -> frozenset[str]:
    """The properties that an object must have when it travels that way; see ``left_out``."""
    parts = _parts(schema, {"components": {"schemas": components}})
    required = frozenset(name for part in parts for name in part.get("required", ()))
    return required - left_out(schema, components, direction)


def _parts(schema: Mapping[str, Any], document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """A schema and all that it is put together of."""
    schema, _ = follow(document, schema, "")
    yield schema
    for part in schema.get("allOf", ()):
        yield from _parts(part, document)


def _travelling(node: Mapping[str, Any], components: Mapping[str, Any], direction: Direction) -> dict[str, Any]:
    """The keywords of a schema that name properties, without those that do not travel that way."""
    absent = left_out(node, components, direction)
    kept: dict[str, Any] = {}
    if absent and "properties" in node:
        kept["properties"] = {name: child for name, child in node["properties"].items() if name not in absent}
    if absent and "required" in node:
        kept["required"] = [name for name in node["required"] if name not in absent]
    return kept


def _convert(
    node: Mapping[str, Any],
    convert: Callable[[Mapping[str, Any]], dict[str, Any]],
    open_enums: bool,
) -> dict[str, Any]:
    def convert_value(keyword: str, value: Any) -> Any:
        match keyword:
            case "items" | "not" | "additionalProperties" if is_object(value):
                return convert(value)
            case "allOf" | "anyOf" | "oneOf":
                return [convert(branch) for branch in value]
            case "properties":
                return {name: convert(child) for name, child in value.items()}
            case _:
                return value

    dropped = {*_ANNOTATIONS, "enum"} if open_enums and "type" in node else _ANNOTATIONS
    bounds: dict[str, Any] = _INTEGERS.get(node.get("format", ""), {}) if node.get("type") == "integer" else {}
    result = {
        keyword: convert_value(keyword, value)
        for keyword, value in (bounds | {**node}).items()
        if keyword not in dropped and not keyword.startswith("x-")
    }
    if not result.get("required", True):
        del result["required"]  # Draft 4 allows no empty list.
    if open_enums and "oneOf" in result:
        result["allOf"] = [*result.get("allOf", ()), {"anyOf": result.pop("oneOf")}]
    if node.get("nullable") and "type" in result:
        result["type"] = [result["type"], "null"]
        if "enum" in result and None not in result["enum"]:
            result["enum"] = [*result["enum"], None]
    return result
