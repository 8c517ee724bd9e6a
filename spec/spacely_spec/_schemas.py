"""OpenAPI 3.0 schemas turned into JSON Schema, draft 4 (its parent), so that ordinary validators take them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from jsonschema_rs import Draft4Validator, Draft202012Validator

from ._json import is_object
from ._places import follow, reference_pointer

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
    direction: Literal["request", "response"],
    open_enums: bool = False,
) -> dict[str, Any]:
    """One OpenAPI 3.0 schema as a JSON Schema (draft 4) that stands alone.

    Args:
        schema: The schema as written in the document.
        components: What ``components.schemas`` holds; what the schema refers to is taken along.
        direction: Which way the value travels: a ``readOnly`` property is not required of a request, nor a
            ``writeOnly`` one of a response.
        open_enums: Let values outside an enum pass, as a client does that outlives today's contract. (An
            ``oneOf`` becomes an ``anyOf`` then, since branches told apart by an enum are no longer apart.)

    Returns:
        The schema; references point into its own ``components`` member.
    """
    document = {"components": {"schemas": components}}
    mark = "readOnly" if direction == "request" else "writeOnly"
    needed: dict[str, Any] = {}

    def convert(node: Mapping[str, Any]) -> dict[str, Any]:
        reference = node.get("$ref")
        if isinstance(reference, str):
            name = reference_pointer(reference).split("/")[3].replace("~1", "/").replace("~0", "~")
            if name not in needed:
                needed[name] = {}  # Held before it is filled: the schema may refer to itself.
                needed[name] = convert(components[name])
            return {"$ref": reference}
        return _convert(node, convert, required, open_enums)

    def required(node: Mapping[str, Any]) -> list[str]:
        properties: Mapping[str, Any] = node.get("properties", {})
        return [name for name in node["required"] if not follow(document, properties.get(name, {}), "")[0].get(mark)]

    converted = convert(schema)
    if needed:
        converted["components"] = {"schemas": needed}
    return converted


def _convert(
    node: Mapping[str, Any],
    convert: Callable[[Mapping[str, Any]], dict[str, Any]],
    required: Callable[[Mapping[str, Any]], list[str]],
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
            case "required":
                return required(node)
            case _:
                return value

    left_out = {*_ANNOTATIONS, "enum"} if open_enums and "type" in node else _ANNOTATIONS
    bounds: dict[str, Any] = _INTEGERS.get(node.get("format", ""), {}) if node.get("type") == "integer" else {}
    result = {
        keyword: convert_value(keyword, value)
        for keyword, value in (bounds | {**node}).items()
        if keyword not in left_out and not keyword.startswith("x-")
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
