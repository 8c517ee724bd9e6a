"""Answers that a server could give: valid ones made from the contract, broken ones made from those."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import schemathesis
from schemathesis import Config, GenerationMode
from schemathesis.core import NotSet

from spacely_spec import Operation, Response, Spec, compile_schema, json_schema

from .generation import boundaries, draw

JSON = "application/json"
# What has one of these formats becomes an object in Python, so a text that has not cannot be kept.
_FORMATS_WITH_A_TYPE = frozenset({"date", "date-time", "uuid"})
_DEEP = 100_000
_DIGITS = 10_000


@dataclass(frozen=True, slots=True)
class Content:
    """One documented body of an answer: its status, its media type and its schema as written."""

    status: str
    media_type: str
    schema: Mapping[str, Any]


class Answers:
    """What the operations of a contract may answer.

    The schemas of answers stand as request bodies in a contract made up for the purpose, so that what makes
    requests makes answers too. In a second one the enums and most formats are dropped: what comes of that is what
    tomorrow's server might send, and a client that outlives today's contract takes it.
    """

    def __init__(self, spec: Spec, seed: int) -> None:
        self._spec = spec
        self._seed = seed
        self.contents = {
            operation.id: [content for response in operation.responses.values() for content in _contents(response)]
            for operation in spec.operations
        }
        self._strict = self._synthetic(_strict)
        self._open = self._synthetic(_open)

    def successes(self, operation: Operation) -> list[Content]:
        """The JSON bodies that an operation documents for success."""
        return [content for content in self.contents[operation.id] if content.status.startswith("2")]

    def errors(self, operation: Operation) -> list[Content]:
        """The JSON bodies that an operation documents for anything else."""
        return [content for content in self.contents[operation.id] if not content.status.startswith("2")]

    def valid(self, operation: Operation, content: Content, count: int) -> list[Any]:
        """Bodies that fit a schema."""
        return self._draw(self._strict, operation, content, GenerationMode.POSITIVE, count)

    def limits(self, operation: Operation, content: Content) -> list[Any]:
        """Bodies that fit a schema, at the limits of each of its keywords."""
        made = boundaries(self._operation(self._strict, operation, content), GenerationMode.POSITIVE)
        return [case.body for case in made]

    def tolerable(self, operation: Operation, content: Content, count: int) -> list[Any]:
        """Bodies that fit a schema but for values outside its enums and formats."""
        return self._draw(self._open, operation, content, GenerationMode.POSITIVE, count)

    def drifted(self, operation: Operation, content: Content, count: int) -> list[bytes]:
        """Bodies as a server might send them that has left the contract; a few of them may fit it nevertheless."""
        made = boundaries(self._operation(self._strict, operation, content), GenerationMode.NEGATIVE)
        bodies = self._draw(self._strict, operation, content, GenerationMode.NEGATIVE, count)
        bodies += [case.body for case in made if not isinstance(case.body, NotSet)]
        return [body if isinstance(body, bytes) else encode(body) for body in bodies]

    def accepts(self, content: Content) -> Callable[[bytes], bool]:
        """Tells whether a body fits a schema; its enums are open, and formats are not held to."""
        validator = compile_schema(self._schema(content), formats=False)

        def accept(body: bytes) -> bool:
            try:
                value = decode(body)
            except ValueError:
                return False
            return validator.is_valid(value)

        return accept

    def has_typed_formats(self, content: Content) -> bool:
        """Whether a text that fits a schema but for its format may become an object in Python, or fail to."""
        return any(f'"format": "{name}"' in json.dumps(self._schema(content)) for name in _FORMATS_WITH_A_TYPE)

    def _schema(self, content: Content) -> dict[str, Any]:
        return json_schema(content.schema, self._spec.components, direction="response", open_enums=True)

    def _draw(self, schema: Any, operation: Operation, content: Content, mode: GenerationMode, count: int) -> list[Any]:
        strategy = self._operation(schema, operation, content).as_strategy(generation_mode=mode)
        return [case.body for case in draw(strategy, count, self._seed)]

    def _operation(self, schema: Any, operation: Operation, content: Content) -> Any:
        return schema[_path(operation, self.contents[operation.id].index(content))]["POST"]

    def _synthetic(self, change: Callable[[Any], Any]) -> Any:
        paths = {
            _path(operation, index): {
                "post": {
                    "requestBody": {"required": True, "content": {JSON: {"schema": content.schema}}},
                    "responses": {"200": {"description": "Taken."}},
                }
            }
            for operation in self._spec.operations
            for index, content in enumerate(self.contents[operation.id])
        }
        document = {
            "openapi": self._spec.document["openapi"],
            "info": {"title": "Answers", "version": "1"},
            "paths": change(paths),
            "components": {"schemas": change(self._spec.components)},
        }
        config = {"analysis": {"constants": {"enabled": False}}, "generation": {"database": "none"}}
        return schemathesis.openapi.from_dict(document, config=Config.from_dict(config))


def hostile(valid: Any) -> Iterator[tuple[str, bytes]]:
    """Bodies that no schema makes: what they are called, and their bytes."""
    body = encode(valid)
    yield "nothing", b""
    yield "an HTML page", b"<!doctype html><title>502</title><h1>Bad Gateway</h1>"
    yield "the first half", body[: len(body) // 2]
    yield "one and a half", body + body[: len(body) // 2]
    yield "bytes that are no UTF-8", b'{"\xff\xfe": "\xc3\x28"}'
    yield "a compressed body without its header", b"\x1f\x8b\x08\x00" + body
    yield "brackets a hundred thousand deep", b"[" * _DEEP + b"]" * _DEEP
    yield "a number of ten thousand digits", b"1" * _DIGITS
    yield "NaN", b"NaN"
    for text in ("null", "true", "0", "-1.5", '""', '"text"', "[]", "[[]]", "{}", "[null]"):
        yield f"the JSON value {text}", text.encode()
    if isinstance(valid, dict):
        yield "a valid body with a lone surrogate", encode({**valid, "x-unknown": "\ud800"})
        yield "a valid body with a number beyond all floats", body[:-1] + b', "x-unknown": 1e999}'
        yield "a valid body with a huge number", body[:-1] + b', "x-unknown": ' + b"1" * _DIGITS + b"}"
        yield "a valid body with a deep member", body[:-1] + b', "x-unknown": ' + b"[" * _DEEP + b"]" * _DEEP + b"}"
        for where, without, nulled in _one_off(valid):
            yield f"a body without {where!r}", encode(without)
            yield f"a body whose {where!r} is null", encode(nulled)


def _one_off(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any, Any]]:
    """An object without each of its members, and with each of them null, at any depth: where, and the two objects."""
    for name, member in value.items():
        where = f"{prefix}{name}"
        yield where, {key: each for key, each in value.items() if key != name}, {**value, name: None}
        if isinstance(member, Mapping):
            for deeper, without, nulled in _one_off(member, f"{where}/"):
                yield deeper, {**value, name: without}, {**value, name: nulled}


def encode(value: Any) -> bytes:
    """A JSON value as bytes."""
    return json.dumps(value).encode()


def decode(body: bytes) -> Any:
    """The JSON value of a body; ValueError where it has none."""
    try:
        return json.loads(body.decode(), parse_constant=_refuse)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def _contents(response: Response) -> Iterator[Content]:
    for media_type, content in response.content.items():
        if "json" in media_type:
            yield Content(response.status, media_type, content.schema or {})


def _path(operation: Operation, index: int) -> str:
    return f"/{operation.id}/{index}"


def _strict(node: Any) -> Any:
    """A schema without the marks that keep a property out of requests."""
    return _without(node, lambda keyword, _: keyword in {"readOnly", "example", "examples", "default"})


def _open(node: Any) -> Any:
    """A schema that also drops what a client does not hold answers to."""

    def dropped(keyword: str, holder: Mapping[str, Any]) -> bool:
        if keyword == "format":  # Of a number it is a range, and that is held to.
            return holder.get("type") == "string" and holder[keyword] not in _FORMATS_WITH_A_TYPE
        return keyword == "enum" and "type" in holder

    return _without(_strict(node), dropped)


def _without(node: Any, drop: Callable[[str, Mapping[str, Any]], bool], *, names: bool = False) -> Any:
    if isinstance(node, Mapping):
        return {
            key: _without(value, drop, names=key == "properties" and not names)
            for key, value in node.items()
            if names or not drop(key, node)
        }
    if isinstance(node, list):
        return [_without(item, drop) for item in node]
    return node
