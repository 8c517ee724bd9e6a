"""Data made from a schema: the same for the same seed, and proven against the schema before it is used."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import islice
from typing import Any

from spacely_spec import compile_schema, json_schema

from ._schemas import Schema, resolve, types

_DEEPEST = 12
_MANY = 6  # Levels below which only what is required is made.
_MOST_ATTEMPTS = 200
_WORDS = ("walnut", "linen", "brass", "terracotta", "oak", "marble", "rattan", "velvet", "slate", "cotton")
_FORMATS = {
    "date-time": "2024-05-17T09:{0:02d}:00Z",
    "date": "2024-05-{1:02d}",
    "time": "09:{0:02d}:00Z",
    "duration": "PT{0}M",
    "uuid": "3f2b8c1e-5d4a-4e6f-9a7b-0c1d2e3f{0:02d}{1:02d}",
    "uri": "https://example.com/{word}/{0}",
    "url": "https://example.com/{word}/{0}",
    "uri-reference": "/{word}/{0}",
    "iri": "https://example.com/{word}/{0}",
    "email": "{word}{0}@example.com",
    "hostname": "{word}{0}.example.com",
    "ipv4": "192.0.2.{0}",
    "ipv6": "2001:db8::{0}",
    "byte": "cm9vbQ==",
}


class SampleError(ValueError):
    """No value of a schema was found; the message says what stood in the way."""


class _TooDeepError(Exception):
    """A schema needs itself without end."""


def sample(schema: Schema, components: Mapping[str, Any], seed: str) -> Any:
    """A value for a response.

    Args:
        schema: An OpenAPI 3.0 schema as written.
        components: What ``components.schemas`` holds.
        seed: Values of the same seed are the same.

    Raises:
        SampleError: None of the values tried is valid.
    """
    validator = compile_schema(json_schema(schema, components, direction="response"))
    reason = "no value could be made"
    for attempt in range(3):
        maker = _Maker(components, random.Random(f"{seed}:{attempt}"))  # noqa: S311 - nothing here is secret
        try:
            for value in islice(maker.values(schema, 0), _MOST_ATTEMPTS):
                error = next(iter(validator.iter_errors(value)), None)
                if error is None:
                    return value
                reason = error.message
        except _TooDeepError:
            reason = "the schema needs itself without end"
    raise SampleError(reason if len(reason) <= 200 else reason[:200] + " …")


class _Maker:
    def __init__(self, components: Mapping[str, Any], chance: random.Random) -> None:
        self._components = components
        self._chance = chance

    def values(self, schema: Schema, depth: int) -> Iterator[Any]:
        """Values that are likely to be valid, the likeliest first."""
        schema = resolve(schema, self._components)
        for keyword in ("example", "default"):
            if keyword in schema:
                yield schema[keyword]
        if depth > _DEEPEST:
            raise _TooDeepError
        schema = self._merged(schema)
        branches = schema.get("oneOf") or schema.get("anyOf")
        if branches:
            base = {key: value for key, value in schema.items() if key not in {"oneOf", "anyOf"}}
            for branch in branches:
                yield from self.values({**base, "allOf": [branch]}, depth + 1)
            return
        if "enum" in schema:
            yield from sorted(schema["enum"], key=lambda value: value is None)
            return
        for kind in sorted(types(schema, {}), key=_order(schema).index):
            yield from self._of_type(kind, schema, depth)

    def _merged(self, schema: Schema) -> dict[str, Any]:
        """A schema and all that its allOf adds, as one."""
        merged = {key: value for key, value in schema.items() if key != "allOf"}
        for branch in schema.get("allOf", ()):
            for key, value in self._merged(resolve(branch, self._components)).items():
                merged[key] = _joined(key, merged[key], value) if key in merged else value
        return merged

    def _of_type(self, kind: str, schema: Schema, depth: int) -> Iterator[Any]:
        match kind:
            case "object":
                yield from self._objects(schema, depth)
            case "array":
                yield self._array(schema, depth)
            case "string":
                yield from self._strings(schema)
            case "integer" | "number":
                yield self._number(schema, whole=kind == "integer")
            case "boolean":
                yield from self._chance.sample([True, False], 2)
            case _:
                yield None

    def _objects(self, schema: Schema, depth: int) -> Iterator[dict[str, Any]]:
        known: Mapping[str, Any] = {
            name: child
            for name, child in schema.get("properties", {}).items()
            if not resolve(child, self._components).get("writeOnly")
        }
        required = [
            name for name in schema.get("required", ()) if name in known or name not in schema.get("properties", {})
        ]
        if depth < _MANY:
            wanted = [*known, *(name for name in required if name not in known)]
            with suppress(_TooDeepError):
                yield self._object(schema, known, wanted, depth)
        yield self._object(schema, known, required, depth)

    def _object(self, schema: Schema, known: Mapping[str, Any], names: list[str], depth: int) -> dict[str, Any]:
        additional = schema.get("additionalProperties", {})
        further: Schema = {} if isinstance(additional, bool) else additional
        names = names[: schema.get("maxProperties", len(names))]
        names += [f"{self._word()}{index}" for index in range(schema.get("minProperties", 0) - len(names))]
        if not names and further and "properties" not in schema:
            names = [self._word()]
        return {name: self._first(known.get(name, further), depth + 1) for name in names}

    def _array(self, schema: Schema, depth: int) -> list[Any]:
        least = schema.get("minItems", 0)
        usual = 2 if depth < _MANY else 0
        length = max(least, min(usual, schema.get("maxItems", usual)))
        items: Schema = schema.get("items", {})
        values: list[Any] = []
        try:
            for _ in range(length * (20 if schema.get("uniqueItems") else 1)):
                pool = [value for value in islice(self.values(items, depth + 1), 20) if value not in values]
                plain = not schema.get("uniqueItems")
                if len(values) < length and (pool or plain):
                    values.append(pool[0] if pool else self._first(items, depth + 1))
        except _TooDeepError:
            if least:
                raise
            return []
        return values

    def _first(self, schema: Schema, depth: int) -> Any:
        validator = compile_schema(json_schema(schema, self._components, direction="response"))
        value = None
        for value in islice(self.values(schema, depth), _MOST_ATTEMPTS):
            if validator.is_valid(value):
                break
        return value

    def _strings(self, schema: Schema) -> Iterator[str]:
        least, most = schema.get("minLength", 0), schema.get("maxLength", 10**6)
        first, second = self._chance.randrange(10, 60), self._chance.randrange(10, 28)
        pattern = _FORMATS.get(schema.get("format", ""))
        if pattern is not None:
            yield pattern.format(first, second, word=self._word())
        text = " ".join(self._word() for _ in range(3))
        usual = text[:most] + "a" * (least - len(text))
        if "pattern" not in schema:
            yield usual
            return
        # A pattern may be met by luck; if it is not, the contract must give an example.
        digits = "".join(str(self._chance.randrange(10)) for _ in range(12))
        length = min(max(least, 1), most)
        for candidate in (usual, self._word(), self._word().upper(), digits, *_FORMATS.values()):
            yield candidate.format(first, second, word=self._word())
            yield candidate[:length]
        yield from (digits[:count] for count in range(1, 13))
        yield from (self._word().upper()[:count] for count in range(1, 6))
        yield "#" + digits[:6]

    def _number(self, schema: Schema, *, whole: bool) -> float:
        low: float | None = schema.get("minimum")
        high: float | None = schema.get("maximum")
        if low is None:
            low = 1 if high is None else high - 100
        if high is None:
            high = low + 100
        step: float | None = schema.get("multipleOf", 1 if whole else None)
        if step is None:
            value = low + (high - low) * self._chance.uniform(0.1, 0.9)
            rounded = round(value, 2)
            return rounded if low < rounded < high else value
        first, last = math.ceil(low / step), math.floor(high / step)
        first += bool(schema.get("exclusiveMinimum")) and first * step == low
        last -= bool(schema.get("exclusiveMaximum")) and last * step == high
        value = self._chance.randint(first, max(first, last)) * step
        return int(value) if whole else value

    def _word(self) -> str:
        return self._chance.choice(_WORDS)


def _order(schema: Schema) -> list[str]:
    usual = ["object", "array", "string", "integer", "number", "boolean", "null"]
    # A schema that names no type tells by its keywords which one is meant.
    return ["string", *usual] if not (schema.keys() & {"properties", "additionalProperties", "items"}) else usual


def _joined(key: str, left: Any, right: Any) -> Any:  # noqa: PLR0911 - one case a keyword
    """What two schemas that must both hold say under one keyword."""
    match key:
        case "properties":
            both = left.keys() & right.keys()
            return {**left, **right, **{name: {"allOf": [left[name], right[name]]} for name in both}}
        case "required":
            return list(dict.fromkeys([*left, *right]))
        case "enum":
            return [value for value in left if value in right]
        case "minimum" | "minLength" | "minItems" | "minProperties":
            return max(left, right)
        case "maximum" | "maxLength" | "maxItems" | "maxProperties":
            return min(left, right)
        case "oneOf" | "anyOf":
            return [{"allOf": [first, second]} for first in left for second in right]
        case "items":
            return {"allOf": [left, right]}
        case _:
            return left
