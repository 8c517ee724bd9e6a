"""Properties that travel one way only, which one model for both ways can only have as optional ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, cast

from spacely_spec import left_out, read_pointer

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


def require_only_what_travels(document: dict[str, Any]) -> None:
    """Make ``readOnly`` properties optional wherever a request has them, and ``writeOnly`` ones wherever an answer has.

    Args:
        document: The contract; changed in place.
    """
    components = document.get("components", {}).get("schemas", {})
    operations = [path[method] for path in document["paths"].values() for method in _METHODS if method in path]
    directions: tuple[tuple[Literal["request", "response"], str], ...]
    directions = (("request", "requestBody"), ("response", "responses"))
    for direction, place in directions:
        for schema in _objects(document, [operation.get(place) for operation in operations]):
            absent = left_out(schema, components, direction)
            if absent and isinstance(schema.get("required"), list):
                schema["required"] = [name for name in schema["required"] if name not in absent]


def _objects(document: dict[str, Any], start: list[Any]) -> Iterator[dict[str, Any]]:
    """All that stands below some places of a document, references followed, each once."""
    seen: set[int] = set()
    waiting = start
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting += cast("list[Any]", node)
        if not isinstance(node, dict) or id(cast("object", node)) in seen:
            continue
        found = cast("dict[str, Any]", node)
        seen.add(id(found))
        reference = found.get("$ref")
        if isinstance(reference, str):
            waiting.append(read_pointer(document, reference.removeprefix("#")))
        elif "properties" in found or "allOf" in found:
            yield found
        waiting += found.values()
