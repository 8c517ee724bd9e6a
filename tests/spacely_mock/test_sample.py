"""Data made from schemas."""

import pytest
from tests.spacely_mock.helpers import Caller, contract, json_response

from spacely_mock._sample import SampleError, sample
from spacely_spec import SpecError, compile_schema, json_schema

TREE = {
    "type": "object",
    "required": ["name", "children"],
    "properties": {
        "name": {"type": "string"},
        "children": {"type": "array", "items": {"$ref": "#/components/schemas/Tree"}},
        "parent": {"$ref": "#/components/schemas/Tree"},
    },
}
ENDLESS = {
    "type": "object", "required": ["next"], "properties": {"next": {"$ref": "#/components/schemas/Endless"}}
}  # fmt: skip
COMPONENTS = {"Tree": TREE, "Endless": ENDLESS, "Kind": {"type": "string", "enum": ["a", "b"]}}
FORMATS = ("date-time", "date", "time", "uri", "uuid", "email", "hostname", "ipv4", "ipv6", "byte")
SIZED = {"required": ["size"], "properties": {"size": {"type": "integer"}}}
NOT_TO_BE_GUESSED = {"type": "string", "pattern": "^(xyzzy|plugh){7}[^a-z]@$"}
SCHEMAS = [
    {},
    {"type": "string"},
    {"type": "string", "minLength": 40},
    {"type": "string", "maxLength": 1},
    *({"type": "string", "format": name} for name in FORMATS),
    {"type": "string", "pattern": "^[A-Z]{3}$"},
    {"type": "string", "pattern": "^[0-9]{4}$"},
    {"type": "string", "pattern": "^#[0-9a-fA-F]{6}$"},
    {"type": "integer", "minimum": 3, "maximum": 3},
    {"type": "integer", "minimum": 0, "exclusiveMinimum": True, "maximum": 2, "exclusiveMaximum": True},
    {"type": "integer", "multipleOf": 7, "minimum": 50},
    {"type": "number", "minimum": -1, "maximum": -0.5},
    {"type": "number", "multipleOf": 0.5, "minimum": 1, "maximum": 2},
    {"type": "number", "maximum": 0.001, "minimum": 0, "exclusiveMinimum": True, "exclusiveMaximum": True},
    {"type": "boolean", "enum": [False]},
    {"type": "string", "nullable": True, "enum": ["x", None]},
    {"type": "array", "items": {"type": "integer"}, "minItems": 5},
    {"type": "array", "items": {"type": "integer"}, "maxItems": 0},
    {"type": "array", "items": {"$ref": "#/components/schemas/Kind"}, "uniqueItems": True, "minItems": 2},
    {"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 3},
    {"type": "object", "required": ["a"], "additionalProperties": {"type": "integer"}},
    {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False},
    {"$ref": "#/components/schemas/Tree"},
    {"allOf": [{"$ref": "#/components/schemas/Tree"}, SIZED]},
    {"oneOf": [{"type": "integer"}, {"type": "number"}, {"type": "string"}]},
    {"anyOf": [{"required": ["a"]}, {"required": ["b"]}], "type": "object", "properties": {"a": {"type": "integer"}}},
    {"allOf": [{"type": "integer", "minimum": 5}, {"maximum": 6}]},
    {"type": "integer", "not": {"enum": [1, 2]}},
    {"type": "object", "properties": {"secret": {"type": "string", "writeOnly": True}}},
]  # fmt: skip


@pytest.mark.parametrize("schema", SCHEMAS, ids=str)
def test_a_value_is_made_that_the_schema_allows(schema):
    for seed in ("1", "2", "3"):
        value = sample(schema, COMPONENTS, seed)
        compile_schema(json_schema(schema, COMPONENTS, direction="response")).validate(value)


def test_the_same_seed_makes_the_same_value():
    schema = {"type": "array", "items": {"type": "integer"}, "minItems": 20}
    assert sample(schema, {}, "a") == sample(schema, {}, "a") != sample(schema, {}, "b")


def test_examples_and_defaults_inside_a_schema_are_used():
    schema = {
        "type": "object",
        "properties": {"a": {"type": "string", "example": "given"}, "b": {"type": "integer", "default": 4}},
    }
    assert sample(schema, {}, "1") == {"a": "given", "b": 4}


def test_what_is_only_written_is_not_answered():
    assert sample(SCHEMAS[-1], {}, "1") == {}


@pytest.mark.parametrize(
    "schema",
    [{"$ref": "#/components/schemas/Endless"}, NOT_TO_BE_GUESSED, {"enum": [1], "type": "string"}],
    ids=str,
)  # fmt: skip
def test_a_schema_of_which_nothing_can_be_made_says_so(schema):
    with pytest.raises(SampleError):
        sample(schema, COMPONENTS, "1")


def test_the_start_fails_where_an_answer_needs_an_example_and_says_where(tmp_path):
    schema = NOT_TO_BE_GUESSED
    file = contract(tmp_path, {"/a": {"get": {"operationId": "a", "responses": {"200": json_response(schema)}}}})
    with pytest.raises(SpecError, match=r"paths/~1a/get/responses/200.*\n.*give it an example"):
        Caller(file)


def test_answers_that_are_no_json_are_made_too(tmp_path):
    def get(media_type, schema=None):
        content = {media_type: {"schema": schema or {"type": "string"}}}
        return {"get": {"responses": {"200": {"description": "An answer.", "content": content}}}}

    left = {"schema": {"type": "integer", "minimum": 7, "maximum": 7}}
    paths = {"/text": get("text/plain"), "/csv": get("text/csv"), "/image": get("image/png"), "/gone": {
        "delete": {"responses": {"204": {"description": "Gone.", "headers": {"X-Left": left}}}}
    }}  # fmt: skip
    call = Caller(contract(tmp_path, paths))
    assert call("GET", "/text").headers["content-type"] == "text/plain; charset=utf-8"
    assert call("GET", "/csv").headers["content-type"] == "text/csv; charset=utf-8"
    assert call("GET", "/image").content.startswith(b"\x89PNG")
    gone = call("DELETE", "/gone")
    assert (gone.status_code, gone.content) == (204, b"")
    assert gone.headers["x-left"] == "7"
