"""Loading a contract file: read it, check it, give it back or say everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema_rs

from ._expressions import join_pointer, read_pointer
from ._model import MediaType, Schema, Spec
from ._problems import Problem, SpecError
from ._read import Reader
from ._schemas import json_schema
from ._source import Source, read_source

SUPPORTED = "3.0"


def load(path: str | Path) -> Spec:
    """Read an OpenAPI 3.0 file and check all that the client, the mock and the contract tests rely on.

    Args:
        path: A YAML or JSON file.

    Returns:
        The contract.

    Raises:
        SpecError: The file is missing, no YAML, no OpenAPI 3.0, or breaks a rule; its ``problems`` name
            the line, the rule and the remedy for each thing found.
    """
    source = read_source(Path(path))
    # Each step may rely on what the one before it has proven.
    for check in (_check_version, _check_references, _check_openapi):
        problems = list(check(source))
        if problems:
            raise SpecError(problems)
    reader = Reader(source)
    spec = reader.spec()
    problems = [*reader.problems, *_check_schemas(source, spec)]
    if not problems:
        problems = list(_check_examples(source, spec))
    if problems:
        raise SpecError(problems)
    return spec


def _check_version(source: Source) -> Iterator[Problem]:
    document = source.document
    if not isinstance(document, dict) or not ({"openapi", "swagger"} & document.keys()):
        yield source.problem("", "is not an OpenAPI document: it has no 'openapi' key", "begin it with openapi: 3.0.3")
        return
    key = "openapi" if "openapi" in document else "swagger"
    version = str(document[key])
    if key == "swagger" or not version.startswith(SUPPORTED + "."):
        yield source.problem(
            f"/{key}",
            f"OpenAPI {version} is not supported",
            f"write the contract in OpenAPI {SUPPORTED}.x: the mock's framework loads no other version",
        )


def _check_references(source: Source) -> Iterator[Problem]:
    for pointer, reference in _references(source.document, ""):
        if not isinstance(reference, str) or not reference.startswith("#/"):
            yield source.problem(
                pointer, f"the reference {reference!r} leads out of the file", "bundle the parts into one file"
            )
            continue
        try:
            read_pointer(source.document, reference.removeprefix("#"))
        except LookupError:
            yield source.problem(pointer, f"the reference {reference!r} leads nowhere", "correct it, or add its target")


def _references(node: Any, pointer: str) -> Iterator[tuple[str, Any]]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref" and not pointer.endswith("/properties"):
                yield pointer + "/$ref", value
            elif key not in {"example", "value", "default", "enum"} or pointer.endswith("/properties"):
                yield from _references(value, pointer + join_pointer(key))
    elif isinstance(node, list):
        for index, item in enumerate(node):
            yield from _references(item, pointer + join_pointer(index))


def _check_openapi(source: Source) -> Iterator[Problem]:
    # Imported here: it costs more time than everything else the mock does to start.
    from openapi_spec_validator import OpenAPIV30SpecValidator

    for error in OpenAPIV30SpecValidator(source.document).iter_errors():
        best = error
        while best.context:  # The deepest cause says what is wrong; the outer ones only that something is.
            best = min(best.context, key=lambda cause: -len(cause.absolute_path))
        pointer = join_pointer(*best.absolute_path)
        if "operationId" in best.message or "perationId" in type(best).__name__:
            continue  # Reader says it with the place of both.
        message = best.message if len(best.message) <= 200 else best.message[:200] + " …"
        yield source.problem(pointer, f"breaks OpenAPI 3.0: {message}", "correct it as the OpenAPI specification says")


def _check_schemas(source: Source, spec: Spec) -> Iterator[Problem]:
    seen: set[str] = set()
    for schema, pointer in _schemas(spec):
        try:
            compile_schema(json_schema(schema, spec.components, direction="request"))
        except (jsonschema_rs.ValidationError, ValueError, KeyError) as error:
            message = str(error).splitlines()[0]
            if message not in seen:
                seen.add(message)
                yield source.problem(pointer, f"the schema cannot be used: {message}", "correct the schema")


def _schemas(spec: Spec) -> Iterator[tuple[Schema, str]]:
    for name, schema in spec.components.items():
        yield schema, join_pointer("components", "schemas", name)
    for operation in spec.operations:
        for parameter in operation.parameters:
            yield parameter.schema, parameter.pointer + "/schema"
        for media_type in _media_types(operation.body.content if operation.body else {}):
            yield media_type.schema or {}, media_type.pointer + "/schema"
        for response in operation.responses.values():
            for media_type in _media_types(response.content):
                yield media_type.schema or {}, media_type.pointer + "/schema"


def _media_types(content: Mapping[str, MediaType]) -> Iterator[MediaType]:
    yield from content.values()


def compile_schema(schema: Mapping[str, Any], *, formats: bool = True) -> jsonschema_rs.Draft4Validator:
    """A validator for what json_schema gives; with ``formats``, ``uri``, ``uuid`` and the like are held to."""
    return jsonschema_rs.Draft4Validator(dict(schema), validate_formats=formats)


def _check_examples(source: Source, spec: Spec) -> Iterator[Problem]:
    seen: set[str] = set()
    for pointer, value, schema, direction in _all_examples(spec):
        validator = compile_schema(json_schema(schema, spec.components, direction=direction))
        for error in validator.iter_errors(value):
            place = pointer + join_pointer(*error.instance_path)
            if place + error.message in seen:
                continue
            seen.add(place + error.message)
            yield source.problem(
                place, f"the example breaks its schema: {error.message}", "correct the example or the schema"
            )


def _all_examples(spec: Spec) -> Iterator[tuple[str, Any, Schema, Any]]:
    for operation in spec.operations:
        for parameter in operation.parameters:
            for name, value in parameter.examples.items():
                yield _example_pointer(spec, parameter.pointer, name), value, parameter.schema, "request"
        bodies = [("request", operation.body.content)] if operation.body else []
        bodies += [("response", response.content) for response in operation.responses.values()]
        for direction, content in bodies:
            for media_type in content.values():
                for name, value in media_type.examples.items():
                    if media_type.schema is not None:
                        yield _example_pointer(spec, media_type.pointer, name), value, media_type.schema, direction
                yield from _schema_examples(spec, media_type.schema or {}, media_type.pointer + "/schema", direction)
    for name, schema in spec.components.items():
        yield from _schema_examples(spec, schema, join_pointer("components", "schemas", name), "response")


def _example_pointer(spec: Spec, holder: str, name: str) -> str:
    node = read_pointer(spec.document, holder)
    return holder + ("/example" if "example" in node else join_pointer("examples", name, "value"))


def _schema_examples(
    spec: Spec, schema: Schema, pointer: str, direction: str
) -> Iterator[tuple[str, Any, Schema, Any]]:
    if "$ref" in schema:
        return
    for keyword in ("example", "default"):
        if keyword in schema:
            yield f"{pointer}/{keyword}", schema[keyword], schema, direction
    for name, child in schema.get("properties", {}).items():
        yield from _schema_examples(spec, child, pointer + join_pointer("properties", name), direction)
    for keyword in ("items", "additionalProperties"):
        if isinstance(schema.get(keyword), Mapping):
            yield from _schema_examples(spec, schema[keyword], f"{pointer}/{keyword}", direction)
    for keyword in ("allOf", "anyOf", "oneOf"):
        for index, child in enumerate(schema.get(keyword, [])):
            yield from _schema_examples(spec, child, pointer + join_pointer(keyword, index), direction)
