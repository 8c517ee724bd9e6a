"""Requests made from a contract: valid ones, and valid ones with one statement of the contract broken."""

from __future__ import annotations

import copy
import json
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from schemathesis.core import NOT_SET

from spacely_mock._sample import SampleError, sample
from spacely_spec import Operation, Parameter, RequestBody, Spec, compile_schema, join_pointer, json_schema

from .. import credentials
from ..generation import AnyCase
from ..report import Report
from ..server import Server, container, copied, put_value
from .observations import follow

# Of every type one value; a value breaks a type if it is none of that type's.
_OF_EACH_TYPE: tuple[Any, ...] = (True, 7, "text", [], {})
_OUTSIDE = "x-none-of-these"
# The keywords of a schema that a value made here can break.
BREAKABLE = frozenset(
    {"type", "enum", "required", "additionalProperties", "minLength", "maxLength", "minimum", "maximum", "format"}
)
# What Schemathesis says of itself.
_OWN_HEADERS = frozenset({"user-agent", "accept-encoding", "accept", "connection", "x-schemathesis-testcaseid"})


@dataclass(frozen=True, slots=True)
class Variation:
    """A request that differs from a valid one in one thing.

    Attributes:
        title: What is different.
        statement: The pointer of the statement that is broken, or that is shown.
        case: The request, without a key.
    """

    title: str
    statement: str
    case: AnyCase


class Samples:
    """Makes the requests of one contract.

    Args:
        spec: The contract.
        base_url: Where its paths begin.
        bodies: What to send as the body of an operation, by operationId; the contract's examples are used elsewhere.
    """

    def __init__(self, spec: Spec, base_url: str, bodies: Mapping[str, Any]) -> None:
        self._spec = spec
        self._base_url = base_url
        self._bodies = bodies
        self._valid: dict[str, AnyCase] = {}
        # It makes requests and judges answers, but sends nothing here.
        self._server = Server(spec, "", Report("", "", 1), base_url=base_url, examples=1)

    def request(self, case: AnyCase, carried: credentials.Credentials) -> httpx.Request:
        """A request as it is sent."""
        case = copied(case)
        case.headers.update(carried.header)
        case.query.update(carried.query)
        case.cookies.update(carried.cookie)
        parts = case.as_transport_kwargs(base_url=self._base_url)
        # HTTP has no space around a value: an empty key after its prefix is the prefix alone.
        headers = {
            name: value.strip() for name, value in parts.pop("headers").items() if name.lower() not in _OWN_HEADERS
        }
        body = parts.get("data")
        return httpx.Request(
            parts["method"],
            parts["url"],
            params=parts.get("params") or None,
            headers=headers,
            cookies=parts.get("cookies") or None,
            json=parts.get("json"),
            content=body if isinstance(body, (bytes, str)) else None,
            data=body if isinstance(body, Mapping) else None,
        )

    def empty_case(self, operation: Operation) -> AnyCase:
        """A request with nothing in it, to judge an answer by."""
        case: AnyCase = self._server.operation(operation).Case(path_parameters={}, headers={}, query={}, cookies={})
        return case

    def valid(self, operation: Operation) -> AnyCase:
        """The valid request that the contract's examples make; what they leave open is made from the schemas."""
        if operation.id not in self._valid:
            self._valid[operation.id] = self._make_valid(operation)
        return copied(self._valid[operation.id])

    def with_id(self, case: AnyCase, parameter: Parameter, value: Any, constants: Mapping[str, Any]) -> AnyCase:
        """A poll of a job."""
        case = copied(case)
        put_value(case, parameter, value)
        for other in self._parameters(case):
            if other.name in constants:
                put_value(case, other, constants[other.name])
        return case

    def unknown_ids(self, parameter: Parameter) -> Iterator[Any]:
        """Well-formed ids that no submit has returned."""
        fits = compile_schema(json_schema(parameter.schema, self._spec.components, direction="request"))
        for candidate in (str(uuid.uuid4()), (1 << 62) + uuid.uuid4().int % 1_000_000, (1 << 31) - 7, uuid.uuid4().hex):
            if fits.is_valid(candidate):
                yield candidate
                return

    def broken_parameters(self, valid: AnyCase, parameters: Iterable[Parameter]) -> Iterator[Variation]:
        """A valid request with one of some parameters left out, or with a value that its schema does not have."""
        for parameter in parameters:
            values = container(valid, parameter.location)
            if parameter.location == "path" or parameter.name not in values:
                continue  # Without the whole of its path the request is another one.
            if parameter.required:
                case = copied(valid)
                del container(case, parameter.location)[parameter.name]
                yield Variation(f"without {parameter.name}", parameter.pointer + "/required", case)
            for title, statement, value in self._broken(parameter.schema, parameter.pointer + "/schema"):
                if isinstance(value, str):  # On its way every value is text; another type may not be told apart.
                    case = copied(valid)
                    container(case, parameter.location)[parameter.name] = value
                    yield Variation(f"{parameter.name} {title}", statement, case)

    def broken_bodies(self, operation: Operation) -> Iterator[Variation]:
        """The valid request with one thing wrong in its body."""
        valid = self.valid(operation)
        schema, pointer = self._body_schema(operation, valid)
        if operation.body is not None and operation.body.required:
            case = copied(valid)
            case.body = NOT_SET
            yield Variation(
                "without a body", follow(self._spec, operation.pointer + "/requestBody")[1] + "/required", case
            )
        if schema is None or not isinstance(valid.body, Mapping):
            return
        if "type" in schema:
            case = copied(valid)
            case.body = []
            yield Variation("the body is a list", pointer + "/type", case)
        for index, name in enumerate(schema.get("required", ())):
            case = copied(valid)
            case.body = {key: value for key, value in valid.body.items() if key != name}
            yield Variation(f"without {name}", pointer + join_pointer("required", index), case)
        if schema.get("additionalProperties") is False:
            case = copied(valid)
            case.body = {**valid.body, _OUTSIDE: True}
            yield Variation("with a property that is not known", pointer + "/additionalProperties", case)
        for name, child in schema.get("properties", {}).items():
            for title, statement, value in self._broken(child, pointer + join_pointer("properties", name)):
                case = copied(valid)
                case.body = {**valid.body, name: value}
                yield Variation(f"{name} {title}", statement, case)

    def other_bodies(self, operation: Operation) -> Iterator[Variation]:
        """Valid requests that show what the first does not: each other value of an enum, and only what is required."""
        valid = self.valid(operation)
        schema, pointer = self._body_schema(operation, valid)
        if schema is None or not isinstance(valid.body, Mapping):
            return
        for name, child in schema.get("properties", {}).items():
            node, place = self._follow(child, pointer + join_pointer("properties", name))
            for index, value in enumerate(node.get("enum", ())):
                if value != valid.body.get(name):
                    case = copied(valid)
                    case.body = {**valid.body, name: value}
                    yield Variation(f"{name} is {json.dumps(value)}", place + join_pointer("enum", index), case)
        required = {key: value for key, value in valid.body.items() if key in schema.get("required", ())}
        if required != valid.body:
            case = copied(valid)
            case.body = required
            yield Variation("with what is required alone", pointer + "/required", case)

    def _make_valid(self, operation: Operation) -> AnyCase:
        case = self.empty_case(operation)
        for parameter in operation.parameters:
            values = [*parameter.examples.values()]
            if values or parameter.required:
                made = values[0] if values else self._sample(parameter.schema)
                put_value(case, parameter, made)
        if operation.id in self._bodies:
            case.body, case.media_type = self._bodies[operation.id], _json_type(operation)
        elif operation.body is not None:
            case.body, case.media_type = self._body(operation, operation.body)
        return case

    def _body(self, operation: Operation, body: RequestBody) -> tuple[Any, str]:
        for media_type, content in body.content.items():
            for example in content.examples.values():
                return example, media_type
        for media_type, content in body.content.items():
            if "json" in media_type and content.schema is not None:
                return self._sample(content.schema), media_type
        raise NoSample(f"{operation.id}: no body can be made of {', '.join(body.content)}: give it an example")

    def _broken(self, schema: Mapping[str, Any], pointer: str) -> Iterator[tuple[str, str, Any]]:
        """Values that break one keyword of a schema: what is wrong, the statement that is broken, the value."""
        node, place = self._follow(schema, pointer)
        if "type" in node:
            fits = compile_schema(json_schema({"type": node["type"]}, {}, direction="request"))
            value = next(value for value in _OF_EACH_TYPE if not fits.is_valid(value))
            yield f"is no {node['type']}", place + "/type", copy.deepcopy(value)
        if "enum" in node:
            yield "is none of the values allowed", place + "/enum", _OUTSIDE
        if node.get("minLength"):
            yield "is too short", place + "/minLength", "a" * (node["minLength"] - 1)
        if "maxLength" in node:
            yield "is too long", place + "/maxLength", "a" * (node["maxLength"] + 1)
        if "minimum" in node:
            yield "is too small", place + "/minimum", node["minimum"] - 1
        if "maximum" in node:
            yield "is too large", place + "/maximum", node["maximum"] + 1
        if "format" in node and node.get("type") == "string":
            alone = compile_schema(json_schema({"format": node["format"]}, {}, direction="request"))
            if not alone.is_valid(_OUTSIDE + " "):
                yield f"is no {node['format']}", place + "/format", _OUTSIDE + " "

    def _body_schema(self, operation: Operation, case: AnyCase) -> tuple[Mapping[str, Any] | None, str]:
        content = operation.body.content.get(str(case.media_type)) if operation.body is not None else None
        if content is None or content.schema is None:
            return None, ""
        return self._follow(content.schema, content.pointer + "/schema")

    def _follow(self, schema: Mapping[str, Any], pointer: str) -> tuple[Mapping[str, Any], str]:
        return follow(self._spec, pointer) if "$ref" in schema else (schema, pointer)

    def _parameters(self, case: AnyCase) -> tuple[Parameter, ...]:
        found = next(each for each in self._spec.operations if f"{each.method} {each.path}" == case.operation.label)
        return found.parameters

    def _sample(self, schema: Mapping[str, Any]) -> Any:
        try:
            return sample(schema, self._spec.components, "live")
        except SampleError as error:
            raise NoSample(str(error)) from error


class NoSample(Exception):
    """No valid request could be made; the message says why."""


def _json_type(operation: Operation) -> str | None:
    content = operation.body.content if operation.body is not None else {}
    return next((media_type for media_type in content if "json" in media_type), None)


def has_example(spec: Spec, operation: Operation) -> bool:
    """Whether the contract itself shows a body that may be sent, so that nothing made up is paid for."""
    if operation.body is None:
        return True
    for media_type, content in operation.body.content.items():
        if "json" in media_type and content.schema is not None:
            schema = follow(spec, content.pointer + "/schema")[0]
            properties = [
                follow(spec, child["$ref"].removeprefix("#"))[0] if "$ref" in child else child
                for name, child in schema.get("properties", {}).items()
                if name in schema.get("required", ())
            ]
            shown = all({"example", "default", "enum"} & each.keys() for each in properties)
            return bool(content.examples) or "example" in schema or shown
    return False
