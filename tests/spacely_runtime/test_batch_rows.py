"""The input of a batch: typed by the contract, and all that is wrong with it told at once."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest
from tests.spacely_runtime.things import KEY, START

from spacely_runtime import Operation, Validator, errors
from spacely_runtime._rows import Row, Source, read_rows
from spacely_runtime._secret import Secret

SHAPES = Operation(
    id="shapes",
    method="POST",
    path="/shapes",
    summary="",
    encode=lambda arguments, body: {},
    parameters={"dry_run": Validator({"type": "boolean"}, formats=True)},
    body=Validator(
        {
            "$ref": "#/components/schemas/Shape",
            "components": {
                "schemas": {
                    "Shape": {
                        "properties": {
                            "sideCount": {"type": "integer", "minimum": 3},
                            "scale": {"type": "number"},
                            "label": {"type": "string", "pattern": "^[^!]*$"},
                            "points": {"type": "array", "items": {"$ref": "#/components/schemas/Point"}},
                        }
                    },
                    "Point": {"type": "object", "required": ["x"], "properties": {"x": {"type": "number"}}},
                }
            },
        },
        formats=True,
    ),
    body_names={"sideCount": "side_count", "scale": "scale", "label": "label", "points": "points"},
    replies={},
    statuses=frozenset(),
)


def read(source: Source, operation: Operation = SHAPES) -> list[Row]:
    return read_rows(source, operation, Secret(KEY))


def problems(source: Source, operation: Operation = SHAPES) -> list[str]:
    with pytest.raises(errors.InvalidRows) as caught:
        read(source, operation)
    return [str(violation) for violation in caught.value.violations]


def csv(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "in.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_cells_become_what_the_contract_asks_for(tmp_path: Path) -> None:
    source = csv(
        tmp_path,
        'dry_run,side_count,scale,label,points,name\nTRUE,5,0.5,12,"[{""x"": 1}]",a b\n,,2,true,,\n\n',
    )
    assert [(row.name, row.arguments, row.body) for row in read(source)] == [
        ("a_b", {"dry_run": True}, {"sideCount": 5, "scale": 0.5, "label": "12", "points": [{"x": 1}]}),
        ("2", {}, {"scale": 2, "label": "true"}),
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_tables_of_spreadsheets_are_read(tmp_path: Path, delimiter: str) -> None:
    text = '\ufeffsideCount,label\r\n4,"zwei\r\nZeilen"\r\n'.replace(",", delimiter)
    assert [row.body for row in read(csv(tmp_path, text))] == [{"sideCount": 4, "label": "zwei\r\nZeilen"}]


def test_json_lines_keep_their_types_and_empty_texts(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text('{"label": "", "sideCount": 3}\n\n{"dry_run": false, "points": []}\n')
    assert [(row.arguments, row.body) for row in read(path)] == [
        ({}, {"label": "", "sideCount": 3}),
        ({"dry_run": False}, {"points": []}),
    ]


def test_all_that_is_wrong_is_told_with_file_line_argument_and_rule(tmp_path: Path) -> None:
    found = problems(csv(tmp_path, "side_count,label,points\n2,!,\nmany,,\n4,,[{}]\n5,,,6\n"))
    assert found == [
        "in.csv:2: side_count: 2 is less than the minimum of 3",
        'in.csv:2: label: "!" does not match "^[^!]*$"',
        'in.csv:3: side_count: "many" is not of type "integer"',
        'in.csv:4: points/0: "x" is a required property',
        "in.csv:5: has 4 cells under a header of 3",
    ]


def test_what_is_wrong_with_a_row_as_a_whole_is_told_of_the_row(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text("size\n1\n")
    assert problems(path, START) == ['in.csv:2: "photo" is a required property']


def test_columns_that_stand_for_nothing_or_twice_are_told(tmp_path: Path) -> None:
    assert "in.csv:2: colour: is no argument of shapes" in problems(csv(tmp_path, "colour,label\nred,x\n"))[0]
    assert "says the same" in problems([{"side_count": 3, "sideCount": 3}])[0]
    assert "twice in the header" in problems(csv(tmp_path, "label,label\na,b\n"))[0]


def test_lines_that_are_no_objects_are_told(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text('{"label": "x"}\n{"label"\n[1]\nNaN\n')
    assert [each.partition(": is no JSON")[0] for each in problems(path)] == [f"in.jsonl:{line}" for line in (2, 3, 4)]


def test_rows_whose_files_would_have_one_name_are_told() -> None:
    assert "as those of row 1 are" in problems([{"name": "A b"}, {"name": "a_B"}])[0]
    assert "as those of row 1 are" in problems([{"name": "2"}, {}])[0]


@pytest.mark.parametrize("name", ["../../etc/passwd", "..", ".hidden", "a\x00b", "ä/ö", "x" * 300])
def test_a_name_cannot_leave_its_folder(name: str) -> None:
    safe = read([{"name": name}])[0].name
    assert safe
    assert not safe.startswith(".")
    assert not set(safe) & set("/\\\x00")
    assert len(safe) <= 100


def test_values_that_cannot_be_noted_are_told() -> None:
    assert "holds what JSON cannot" in problems([{"label": object()}])[0]
    assert "holds what JSON cannot" in problems([{"scale": float("nan")}])[0]
    assert "holds what JSON cannot" in problems([{"label": "\ud800"}])[0]
    assert problems([7]) == ["row 1: is no mapping but a int"]  # type: ignore[list-item]  # what it is about
    assert read([{"label": uuid.UUID(int=0)}])[0].request == '{"label": "00000000-0000-0000-0000-000000000000"}'


def test_a_row_that_holds_the_key_is_refused_without_showing_it() -> None:
    found = problems([{"label": f"my {KEY}!"}])
    assert "holds the API key" in " ".join(found)
    assert KEY not in " ".join(found)


@pytest.mark.parametrize(
    ("name", "content"),
    [("in.xlsx", b""), ("none.csv", None), ("in.csv", b"label\n\xff"), ("in.csv", b"label\n"), ("in\0.csv", None)],
)
def test_an_input_that_cannot_be_read_or_is_empty_is_refused(tmp_path: Path, name: str, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(errors.ConfigurationError, match=name):
        read(tmp_path / name)


def test_a_table_whose_quotes_do_not_end_is_told(tmp_path: Path) -> None:
    assert "is no CSV" in problems(csv(tmp_path, 'label\n"open\n'))[0]


def test_an_argument_called_name_is_an_argument() -> None:
    named = Operation(**{**vars(SHAPES), "parameters": {"name": Validator({"type": "string"}, formats=True)}})
    row: dict[str, Any] = {"name": "an argument", "row_name": "kitchen"}
    assert [(each.name, each.arguments) for each in read([row], named)] == [("kitchen", {"name": "an argument"})]


def test_a_body_that_is_no_object_is_one_column(tmp_path: Path) -> None:
    whole = Operation(**{**vars(START), "body": Validator({"type": "array"}, formats=True), "body_names": {}})
    assert read(csv(tmp_path, "body\n[1]\n"), whole)[0].body == [1]
    assert problems([{}], whole) == ["row 1: body: is required"]
