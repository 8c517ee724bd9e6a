"""OpenAPI 3.0 schemas turned into JSON Schema, draft 4 (its parent), so that ordinary validators take them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

# Keywords that constrain nothing.
_ANNOTATIONS = frozenset({"title", "description", "default", "example", "discriminator", "xml", "externalDocs"}) | {
    "deprecated",
    "nullable",
    "readOnly",
    "writeOnly",
}
_REFERENCE = "#/components/schemas/"


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
    needed: dict[str, Any] = {}

    def convert(node: Mapping[str, Any]) -> dict[str, Any]:
        reference = node.get("$ref")
        if isinstance(reference, str):
            name = reference.removeprefix(_REFERENCE).split("/")[0].replace("~1", "/").replace("~0", "~")
            if name not in needed:
                needed[name] = {}  # Held before it is filled: the schema may refer to itself.
                needed[name] = convert(components[name])
            return {"$ref": reference}
        return _convert(node, convert, direction, open_enums)

    converted = convert(schema)
    if needed:
        converted["components"] = {"schemas": needed}
    return converted


def _convert(
    node: Mapping[str, Any],
    convert: Callable[[Mapping[str, Any]], dict[str, Any]],
    direction: str,
    open_enums: bool,
) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for keyword, value in node.items():
        if keyword in _ANNOTATIONS or keyword.startswith("x-") or (keyword == "enum" and open_enums and "type" in node):
            continue
        match keyword, value:
            case (("items" | "not" | "additionalProperties"), Mapping()):
                result[keyword] = convert(value)
            case (("allOf" | "anyOf" | "oneOf"), _):
                target = "anyOf" if keyword == "oneOf" and open_enums else keyword
                result.setdefault(target, []).extend(convert(branch) for branch in value)
            case "properties", _:
                result[keyword] = {name: convert(child) for name, child in value.items()}
            case "required", _:
                names = _required(node, direction)
                if names:  # Draft 4 allows no empty list.
                    result[keyword] = names
            case _:
                result[keyword] = value
    if node.get("nullable") and "type" in result:
        result["type"] = [result["type"], "null"]
        if "enum" in result and None not in result["enum"]:
            result["enum"] = [*result["enum"], None]
    return result


def _required(node: Mapping[str, Any], direction: str) -> list[str]:
    mark = "readOnly" if direction == "request" else "writeOnly"
    properties: Mapping[str, Any] = node.get("properties", {})
    return [name for name in node["required"] if not properties.get(name, {}).get(mark)]
