"""The extensions that this project reads in a contract, as JSON Schemas."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, TypeAlias

from jsonschema_rs import Draft4Validator

from ._explain import faults
from ._expressions import join_pointer
from ._places import places
from ._problems import Problem
from ._source import Source

_Schema: TypeAlias = dict[str, Any]

_EXTENSIBLE: _Schema = {"patternProperties": {"^x-": {}}, "additionalProperties": False}
_SECONDS: _Schema = {"type": "number", "minimum": 0}
_CRITERIA: _Schema = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["condition"],
        "properties": {"condition": {"type": "string"}},
        **_EXTENSIBLE,
    },
}
_POLLING: _Schema = {
    "type": "object",
    "required": ["successCriteria"],
    "properties": {
        "delaySeconds": _SECONDS,
        "intervalSeconds": _SECONDS,
        "timeoutSeconds": _SECONDS,
        "successCriteria": {**_CRITERIA, "minItems": 1},
        "failureCriteria": _CRITERIA,
        "result": {"type": "string"},
    },
    **_EXTENSIBLE,
}
_RATE_LIMIT: _Schema = {
    "type": "object",
    "required": ["requests", "seconds"],
    "properties": {
        "requests": {"type": "integer", "minimum": 1},
        "seconds": {"type": "number", "minimum": 0, "exclusiveMinimum": True},
        "scope": {"type": "string"},
    },
    **_EXTENSIBLE,
}
# The kind of object that has the extension, its name, what it must be, what to do where it is not.
_EXTENSIONS: tuple[tuple[str, str, _Schema, str], ...] = (
    (
        *("links", "x-polling", _POLLING),
        "write it as successCriteria: [{condition: $response.body#/status == 'done'}], with seconds as numbers",
    ),
    (
        "document",
        "x-rate-limit",
        _RATE_LIMIT,
        "give it two positive numbers: requests, and in how many seconds",
    ),
    ("securitySchemes", "x-key-pattern", {"type": "string"}, "write a regular expression, such as ^sk-"),
)


def check_extensions(source: Source) -> Iterator[Problem]:
    """Whether the extensions that are read here are written as they are read."""
    validators = [(kind, name, Draft4Validator(schema), remedy) for kind, name, schema, remedy in _EXTENSIONS]
    for place in places(source.document):
        for kind, name, validator, remedy in validators:
            if kind != place.kind or name not in place.node:
                continue
            here = place.pointer + join_pointer(name)
            for pointer, message, cure in faults(validator.iter_errors(place.node[name]), remedy):
                yield source.problem(here + pointer, f"{name} cannot be read: {message}", cure)
            if name == "x-key-pattern" and isinstance(place.node[name], str):
                try:
                    re.compile(place.node[name])
                except re.error as error:
                    yield source.problem(here, f"{name} is no regular expression: {error}", remedy)
