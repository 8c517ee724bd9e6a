"""OpenAPI 3.0 schemas as JSON Schema: what a value must be, both ways, strictly and as a client that outlives it."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from spacely_spec import compile_schema, json_schema, left_out, required_of

STATUS = {"type": "string", "enum": ["busy", "done"]}
COMPONENTS: dict[str, Any] = {
    "Status": STATUS,
    "Node": {"type": "object", "properties": {"next": {"$ref": "#/components/schemas/Node"}, "v": {"type": "integer"}}},
    "Holder": {"type": "object", "properties": {"state": {"type": "string", "enum": ["a"]}}},
    "Id": {"type": "string", "readOnly": True},
    "a/b.c": {"type": "integer"},
    "Left": {"type": "object", "required": ["k"], "properties": {"k": {"type": "string", "enum": ["left"]}}},
    "Right": {"type": "object", "required": ["k"], "properties": {"k": {"type": "string", "enum": ["right"]}}},
}


def fits(
    schema: dict[str, Any],
    value: Any,
    direction: Literal["request", "response"] = "response",
    *,
    open_enums: bool = False,
) -> bool:
    converted = json_schema(schema, COMPONENTS, direction=direction, open_enums=open_enums)
    return compile_schema(converted).is_valid(value)


def ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({"type": "string", "nullable": True}, [None, "a"], [1]),
        ({"type": "string"}, ["a"], [None]),
        ({"type": "string", "nullable": True, "enum": ["a"]}, [None, "a"], ["b"]),
        ({"type": "string", "nullable": True, "enum": ["a", None]}, [None, "a"], ["b"]),
        ({"type": "string", "nullable": False, "enum": ["a"]}, ["a"], [None]),
        ({"allOf": [ref("Status")], "description": "d"}, ["busy"], ["idle", 1]),
        ({"type": "array", "nullable": True, "items": ref("Status")}, [None, ["done"]], [["x"], [None]]),
        ({"type": "number", "minimum": 1, "exclusiveMinimum": True}, [1.5], [1, 0]),
        ({"type": "number", "maximum": 1, "exclusiveMaximum": False}, [1], [1.5]),
        (ref("Node"), [{"next": {"next": {"v": 1}}}], [{"next": {"next": {"v": "1"}}}]),
        (ref("Holder/properties/state"), ["a"], ["b"]),
        (ref("a~1b%2Ec"), [1], ["1"]),
        ({"oneOf": [ref("Left"), ref("Right")]}, [{"k": "left"}], [{"k": "up"}]),
        ({"anyOf": [{"type": "integer"}, ref("Status")]}, [1, "busy"], ["idle"]),
        ({"not": {"type": "string"}}, [1], ["a"]),
        ({"type": "object", "additionalProperties": ref("Status")}, [{"x": "busy"}], [{"x": "idle"}]),
        ({"type": "object", "additionalProperties": False}, [{}], [{"x": 1}]),
        (
            {"type": "object", "properties": {"example": {"type": "integer"}, "nullable": {}}},
            [{"example": 1}],
            [{"example": "a"}],
        ),
        ({"type": "string", "format": "uri"}, ["https://a.example/b"], ["b c"]),
        ({"type": "string", "format": "uuid"}, ["068e3933-4aeb-4b4d-a473-9f8fa9f2d20a"], ["068e"]),
        ({"type": "string", "format": "date-time"}, ["2024-05-17T09:30:00Z"], ["2024-05-17"]),
        ({"type": "string", "format": "of our own"}, ["anything"], [1]),
        ({"example": 1, "x-note": {"type": "string"}, "discriminator": {"propertyName": "k"}}, [1, "a", None], []),
        ({"type": "integer", "multipleOf": 5}, [10], [7]),
    ],
)
def test_a_schema_takes_what_openapi_says_it_takes(schema: dict[str, Any], good: list[Any], bad: list[Any]) -> None:
    assert [value for value in good if not fits(schema, value)] == []
    assert [value for value in bad if fits(schema, value)] == []


READ_WRITE = {
    "type": "object",
    "required": ["id", "key", "name", "ref"],
    "properties": {
        "id": {"type": "string", "readOnly": True},
        "key": {"type": "string", "writeOnly": True},
        "name": {"type": "string"},
        "ref": ref("Id"),
    },
}


def test_what_only_the_answer_has_is_not_required_of_a_request() -> None:
    assert fits(READ_WRITE, {"key": "k", "name": "n"}, "request")
    assert not fits(READ_WRITE, {"id": "i", "ref": "r", "name": "n"}, "request")


def test_what_only_the_request_has_is_not_required_of_an_answer() -> None:
    assert fits(READ_WRITE, {"id": "i", "ref": "r", "name": "n"}, "response")
    assert not fits(READ_WRITE, {"key": "k", "name": "n"}, "response")


def test_what_travels_the_other_way_only_is_no_part_of_a_closed_object() -> None:
    closed = {**READ_WRITE, "additionalProperties": False}
    assert fits(closed, {"key": "k", "name": "n"}, "request")
    assert not fits(closed, {"key": "k", "name": "n", "id": "i"}, "request")
    assert not fits(closed, {"id": "i", "ref": "r", "name": "n", "key": "k"}, "response")


def test_what_an_object_needs_is_told_for_each_way_through_references_and_compositions() -> None:
    schema = {"allOf": [READ_WRITE, {"type": "object", "required": ["size"]}]}
    assert left_out(schema, COMPONENTS, "request") == {"id", "ref"}
    assert left_out(schema, COMPONENTS, "response") == {"key"}
    assert required_of(schema, COMPONENTS, "request") == {"key", "name", "size"}
    assert required_of(schema, COMPONENTS, "response") == {"id", "ref", "name", "size"}


def test_a_schema_of_which_nothing_is_required_any_more_can_be_used() -> None:
    schema = {"type": "object", "required": ["id"], "properties": {"id": {"readOnly": True}}}
    assert fits(schema, {}, "request")


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (ref("Status"), "idle"),
        ({"type": "array", "items": STATUS}, ["idle"]),
        ({"oneOf": [ref("Left"), ref("Right")]}, {"k": "up"}),
        ({"oneOf": [ref("Left"), ref("Right")]}, {"k": "left"}),
        ({"type": "string", "nullable": True, "enum": ["a"]}, None),
    ],
)
def test_open_enums_take_words_that_nobody_knows_yet(schema: dict[str, Any], value: Any) -> None:
    assert fits(schema, value, open_enums=True)


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (ref("Status"), 1),
        ({"oneOf": [ref("Left"), ref("Right")]}, {"k": 1}),
        ({"oneOf": [STATUS], "anyOf": [{"type": "integer"}]}, "busy"),
        ({"enum": [1, 2]}, 3),
    ],
)
def test_open_enums_take_nothing_of_another_type(schema: dict[str, Any], value: Any) -> None:
    assert not fits(schema, value, open_enums=True)


def test_only_what_is_referred_to_is_taken_along() -> None:
    converted = json_schema(ref("Node"), COMPONENTS, direction="request")
    assert list(converted["components"]["schemas"]) == ["Node"]
    assert "components" not in json_schema(STATUS, COMPONENTS, direction="request")


def test_converting_changes_nothing_that_was_given() -> None:
    before = repr(COMPONENTS)
    json_schema({"type": "object", "nullable": True, "properties": COMPONENTS}, COMPONENTS, direction="response")
    assert repr(COMPONENTS) == before


def test_formats_can_be_left_out() -> None:
    assert compile_schema({"type": "string", "format": "uri"}, formats=False).is_valid("b c")
