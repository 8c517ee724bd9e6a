"""The cells of one schema: each keyword with a value that keeps it and one that breaks it, and what fills them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeAlias

from spacely_spec import Spec, compile_schema, join_pointer, json_schema

from .pointers import followed

_Test: TypeAlias = Callable[[Any], bool]

SATISFIED, VIOLATED = "satisfied", "violated"
GIVEN, LEFT_OUT = "given", "left out"

_NOTHING_IS_LESS = ("minLength", "minItems", "minProperties")
_PROBES: tuple[Any, ...] = ("", " ", "\0", "%", "[", "a b", "0", "\N{SNOWMAN}", "-" * 300, 1.5, 1 << 80, -(1 << 80))


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


# To what each keyword applies that says nothing of values of another kind.
_KINDS: Mapping[str, _Test] = {
    **dict.fromkeys(("minLength", "maxLength", "pattern"), _is_text),
    **dict.fromkeys(("minimum", "maximum", "multipleOf"), _is_number),
    **dict.fromkeys(("minItems", "maxItems", "uniqueItems"), _is_list),
    **dict.fromkeys(("minProperties", "maxProperties"), _is_object),
    **dict.fromkeys(("not", "anyOf", "oneOf"), lambda _: True),
}


class Mark(NamedTuple):
    """One cell of a schema: where in the value, which rule, which side of it, and where the contract says so."""

    at: str
    rule: str
    case: str
    pointer: str


@dataclass(slots=True)
class _Keyword:
    """One keyword: to which values it applies, and which of those keep it."""

    rule: str
    pointer: str
    applies: Callable[[Any], bool]
    holds: Callable[[Any], bool]
    breakable: bool = True
    values: tuple[Any, ...] = ()


@dataclass(slots=True)
class _Node:
    """One schema at one place of a value."""

    at: str
    pointer: str
    keywords: list[_Keyword] = field(default_factory=list)
    required: frozenset[str] = frozenset()
    properties: dict[str, _Node] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    items: _Node | None = None
    others: _Node | None = None
    branches: list[_Node] = field(default_factory=list)


class SchemaCells:
    """The cells of a schema.

    Args:
        spec: The contract.
        schema: The schema as written.
        pointer: Where it stands.
        direction: Which way its values travel.
    """

    def __init__(
        self, spec: Spec, schema: Mapping[str, Any], pointer: str, direction: Literal["request", "response"]
    ) -> None:
        self._spec = spec
        self._direction: Literal["request", "response"] = direction
        self._mark = "readOnly" if direction == "request" else "writeOnly"
        self._root = self._node(schema, pointer, "", frozenset())

    def all(self) -> Iterator[tuple[Mark, bool]]:
        """Every cell, and whether there is any value that fills it."""
        yield from self._cells(self._root)

    def filled(self, value: Any) -> Iterator[Mark]:
        """The cells that a value fills."""
        yield from self._filled(self._root, value)

    def _cells(self, node: _Node) -> Iterator[tuple[Mark, bool]]:
        for keyword in node.keywords:
            for value in keyword.values:
                yield Mark(node.at, keyword.rule, _shown(value), keyword.pointer), True
            if not keyword.values:
                yield Mark(node.at, keyword.rule, SATISFIED, keyword.pointer), True
            if keyword.rule != "nullable":
                yield Mark(node.at, keyword.rule, VIOLATED, keyword.pointer), keyword.breakable
        for name, child in node.properties.items():
            at = node.at + join_pointer(name)
            yield Mark(at, "property", GIVEN, node.places[name]), True
            yield Mark(at, *_absence(node, name), node.places[name]), True
            yield from self._cells(child)
        for below in (node.items, node.others, *node.branches):
            if below is not None:
                yield from self._cells(below)

    def _filled(self, node: _Node, value: Any) -> Iterator[Mark]:
        for keyword in node.keywords:
            if not keyword.applies(value):
                continue
            if not keyword.holds(value):
                yield Mark(node.at, keyword.rule, VIOLATED, keyword.pointer)
            elif keyword.values:
                yield Mark(node.at, keyword.rule, _shown(value), keyword.pointer)
            else:
                yield Mark(node.at, keyword.rule, SATISFIED, keyword.pointer)
        if isinstance(value, dict):
            yield from self._filled_members(node, value)
        if isinstance(value, list) and node.items is not None:
            for item in value:
                yield from self._filled(node.items, item)
        for branch in node.branches:
            yield from self._filled(branch, value)

    def _filled_members(self, node: _Node, value: Mapping[str, Any]) -> Iterator[Mark]:
        for name, child in node.properties.items():
            at = node.at + join_pointer(name)
            if name in value:
                yield Mark(at, "property", GIVEN, node.places[name])
                yield from self._filled(child, value[name])
            else:
                yield Mark(at, *_absence(node, name), node.places[name])
        if node.others is not None:
            for name in value.keys() - node.properties.keys():
                yield from self._filled(node.others, value[name])

    def _node(self, schema: Mapping[str, Any], pointer: str, at: str, above: frozenset[str]) -> _Node:
        schema, pointer = followed(self._spec, schema, pointer)
        node = _Node(at, pointer)
        if pointer in above:  # A schema within itself says nothing new there.
            return node
        above |= {pointer}
        node.keywords = list(self._keywords(schema, pointer))
        node.required = frozenset(schema.get("required", ()))
        for name, child in schema.get("properties", {}).items():
            place = pointer + join_pointer("properties", name)
            if not followed(self._spec, child, place)[0].get(self._mark):
                node.places[name] = place
                node.properties[name] = self._node(child, place, at + join_pointer(name), above)
        if "items" in schema:
            node.items = self._node(schema["items"], pointer + "/items", at + "/*", above)
        if isinstance(schema.get("additionalProperties"), dict):
            others = schema["additionalProperties"]
            node.others = self._node(others, pointer + "/additionalProperties", at + "/+", above)
        for keyword in ("allOf", "anyOf", "oneOf"):
            for index, branch in enumerate(schema.get(keyword, ())):
                place = pointer + join_pointer(keyword, index)
                node.branches.append(self._node(branch, place, at, above))
        return node

    def _keywords(self, schema: Mapping[str, Any], pointer: str) -> Iterator[_Keyword]:
        typed = self._valid({name: schema[name] for name in ("type", "nullable") if name in schema})
        if "type" in schema:
            yield _Keyword("type", pointer + "/type", lambda _: True, typed)
        if schema.get("nullable"):
            yield _Keyword("nullable", pointer + "/nullable", lambda value: value is None, typed)
        if "enum" in schema:
            valid = self._valid({"enum": schema["enum"]})
            all_there_is = schema.get("type") == "boolean" and len(schema["enum"]) > 1
            values = tuple(schema["enum"])
            yield _Keyword("enum", pointer + "/enum", typed, valid, not all_there_is, values)
        if "format" in schema:
            valid = self._valid({name: schema[name] for name in ("type", "format") if name in schema})
            kind: _Test = _is_number if schema.get("type") in {"integer", "number"} else _is_text
            if not all(valid(probe) for probe in _PROBES if kind(probe) and typed(probe)):
                yield _Keyword("format", pointer + "/format", _both(kind, typed), valid)
        for name, applies in _KINDS.items():
            if name in schema and schema[name] is not False:
                beside = "exclusive" + name[:1].upper() + name[1:]  # In draft 4 it moves the bound.
                valid = self._valid({key: schema[key] for key in (name, beside) if key in schema})
                breakable = not (name in _NOTHING_IS_LESS and schema[name] == 0)
                if name == "pattern":
                    breakable = not all(valid(probe) for probe in _PROBES if _is_text(probe))
                yield _Keyword(name, pointer + join_pointer(name), _both(applies, typed), valid, breakable)
        yield from self._bounds(schema, pointer)
        if schema.get("additionalProperties") is False:
            known = {"properties": {name: {} for name in schema.get("properties", ())}, "additionalProperties": False}
            yield _Keyword("additionalProperties", pointer + "/additionalProperties", _is_object, self._valid(known))

    def _bounds(self, schema: Mapping[str, Any], pointer: str) -> Iterator[_Keyword]:
        for name, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
            if schema.get(name) and bound in schema:
                beyond = self._valid({bound: schema[bound]})
                within = self._valid({bound: schema[bound], name: True})
                yield _Keyword(name, pointer + join_pointer(name), _both(_is_number, beyond), within)

    def _valid(self, schema: Mapping[str, Any]) -> Callable[[Any], bool]:
        converted = json_schema(schema, self._spec.components, direction=self._direction)
        valid: Callable[[Any], bool] = compile_schema(converted).is_valid
        return valid


def _absence(node: _Node, name: str) -> tuple[str, str]:
    return ("required", VIOLATED) if name in node.required else ("property", LEFT_OUT)


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _both(first: Callable[[Any], bool], second: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: first(value) and second(value)
