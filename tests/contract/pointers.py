"""Places of a contract, past the references that stand there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from spacely_spec import Spec, read_pointer


def followed(spec: Spec, node: Mapping[str, Any], pointer: str) -> tuple[Mapping[str, Any], str]:
    """The object that a node stands for, and where it stands."""
    while "$ref" in node:
        pointer = unquote(node["$ref"].removeprefix("#"))
        node = read_pointer(spec.document, pointer)
    return node, pointer


def found(spec: Spec, pointer: str) -> tuple[Mapping[str, Any], str]:
    """The object at a pointer, and where it stands if there is a reference at the pointer."""
    return followed(spec, read_pointer(spec.document, pointer), pointer)
