"""What a validator found is said in the words of the alternative that was most likely meant."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema_rs import Draft4Validator

from spacely_spec._explain import faults

KINDS: dict[str, Any] = {
    "oneOf": [
        {"required": ["$ref"], "properties": {"$ref": {"type": "string"}}},
        {"required": ["k", "x"], "properties": {"k": {"enum": ["a"]}}},
        {"required": ["k", "y"], "properties": {"k": {"enum": ["b"]}}},
    ]
}


@pytest.mark.parametrize(
    ("schema", "value", "expected"),
    [
        (KINDS, {"k": "a"}, [("", "'x' is missing", "add 'x'")]),
        (KINDS, {"k": "b"}, [("", "'y' is missing", "add 'y'")]),
        (KINDS, {"k": "c"}, [("/k", "'c' is none of the values allowed here", "write one of: a, b")]),
        (KINDS, {"$ref": 1, "k": "a"}, [("/$ref", '1 is not of type "string"', "mend it")]),
        (
            {"additionalProperties": False, "properties": {"a": {}}},
            {"b/c": 1, "d": 2},
            [
                (f"/{p}", f"{n!r} is not known here", "correct its spelling, or remove it")
                for p, n in (("b~1c", "b/c"), ("d", "d"))
            ],
        ),
        (
            {"enum": list(range(20))},
            99,
            [("", "99 is none of the values allowed here", "write one of: " + ", ".join(map(str, range(12))) + ", …")],
        ),
        ({"allOf": [{"type": "string"}, {"type": "string"}]}, 1, [("", '1 is not of type "string"', "mend it")]),
    ],
)
def test_the_fault_is_where_and_what_a_person_would_say(
    schema: dict[str, Any], value: Any, expected: list[Any]
) -> None:
    assert list(faults(Draft4Validator(schema).iter_errors(value), "mend it")) == expected


def test_a_long_value_is_cut_short() -> None:
    (fault,) = faults(Draft4Validator({"type": "string"}).iter_errors(["x" * 5000]), "mend it")
    assert len(fault.message) < 300
