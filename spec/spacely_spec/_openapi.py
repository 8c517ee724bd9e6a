"""The rules of OpenAPI 3.0 itself: its version, its published JSON Schema, and where references may lead."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from jsonschema_rs import Draft4Validator

from ._explain import faults
from ._expressions import join_pointer, read_pointer
from ._json import is_object
from ._places import Place, follow, places, reference_pointer
from ._problems import Problem
from ._source import Source

SUPPORTED = "3.0"


def check_version(source: Source) -> Iterator[Problem]:
    """Whether this is an OpenAPI document of the version that is supported."""
    document = source.document
    if document is None:
        yield source.problem("", "is empty", f"begin it with openapi: {SUPPORTED}.3")
    elif not is_object(document) or not ({"openapi", "swagger"} & document.keys()):
        message = "is not an OpenAPI document: it has no 'openapi' key at the top"
        yield source.problem("", message, f"begin it with openapi: {SUPPORTED}.3")
    else:
        key = "openapi" if "openapi" in document else "swagger"
        version = str(document[key])
        if key == "swagger" or not version.startswith(SUPPORTED + "."):
            name = "Swagger" if key == "swagger" else "OpenAPI"
            yield source.problem(
                join_pointer(key),
                f"{name} {version} is not supported",
                f"write the contract in OpenAPI {SUPPORTED}.x: the mock's framework loads no other version",
            )


def check_structure(source: Source) -> Iterator[Problem]:
    """Whether the document is what the JSON Schema that OpenAPI publishes for 3.0 says."""
    errors = _meta_schema().iter_errors(source.document)
    for pointer, message, remedy in faults(errors, f"correct it as the OpenAPI {SUPPORTED} specification says"):
        yield source.problem(pointer, f"breaks OpenAPI {SUPPORTED}: {message}", remedy)


@cache
def _meta_schema() -> Draft4Validator:
    # The schema is read out of the package's files: to import the package takes longer than all the rest.
    package = find_spec("openapi_spec_validator")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("install openapi-spec-validator: it carries the schema of OpenAPI 3.0")
    file = Path(package.origin).parent / "resources" / "schemas" / "v3.0" / "schema.json"
    return Draft4Validator(json.loads(file.read_bytes()), validate_formats=True)


def check_references(source: Source) -> Iterator[Problem]:
    """Whether every reference leads to an object of the right kind within the file."""
    for place in places(source.document):
        if "$ref" in place.node:
            fault = _form_fault(place) or _target_fault(source.document, place)
            if fault is not None:
                yield source.problem(place.pointer + "/$ref", *fault)


def _form_fault(place: Place) -> tuple[str, str] | None:
    reference = place.node["$ref"]
    if place.kind == "pathItems":
        return "a path is a reference", "write the path's operations out in place"
    if not isinstance(reference, str) or not reference.startswith("#"):
        return f"the reference {reference!r} leads out of the file", "bundle all parts into this one file"
    return None


def _target_fault(document: dict[str, Any], place: Place) -> tuple[str, str] | None:
    reference = place.node["$ref"]
    target = reference_pointer(reference)
    try:
        found = read_pointer(document, target)
    except LookupError:
        found = None
    if not is_object(found):
        return f"the reference {reference!r} leads nowhere", "correct it, or add its target"
    section = join_pointer("components", place.kind) + "/"
    # Into a schema a reference may lead as deep as it likes; other objects are named as wholes.
    if not target.startswith(section) or (place.kind != "schemas" and "/" in target.removeprefix(section)):
        return (
            f"the reference {reference!r} does not lead to one of #{section}",
            f"move what it names to #{section}, and refer to it there",
        )
    try:
        follow(document, place.node, place.pointer)
    except LookupError:
        return f"the reference {reference!r} leads back to itself", "let one of the references hold the value"
    return None
