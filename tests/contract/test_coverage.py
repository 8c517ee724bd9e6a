"""The cells of a contract: all there, each filled by what it says, and those that stay empty named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from spacely_spec import Spec, load

from .authentication import check_keys
from .client_requests import check_refusals, check_requests
from .conftest import ROOT
from .coverage import OperationCells
from .forced import check_forced
from .gate import ANY_SERVER, PARTS, Options, check_app, check_client
from .jobs import check_jobs
from .malformed import check_malformed
from .outcome import INCOMPLETE, Outcome, Result, result_of
from .output import outcome_text
from .recording import NOTHING, Answered, Message
from .schema_cells import SATISFIED, VIOLATED, SchemaCells
from .seams import changed_contract
from .wire import values_of

FEW = Options(examples=2)


def mock_without(spec: Spec, *left_out: Any) -> Result:
    parts = [part for part in PARTS if part not in left_out]
    return result_of(spec, check_app(spec, FEW, parts=parts), "mock")


def empty(result: Result) -> set[str]:
    return {f"{cell.part}{cell.at}: {cell.rule} {cell.case}" for cell in result.empty}


def test_a_run_without_generated_requests_names_the_keywords_that_nothing_broke(spec: Spec) -> None:
    report = check_app(spec, FEW, parts=[check_keys, check_jobs, check_malformed, check_forced])
    result = result_of(spec, report, "mock")
    assert empty(result) == {
        "request body: required violated",
        "request body application/json/imageUrl: format violated",
        "request body application/json/renovateType: enum violated",
        "query refId: required violated",
        "query refId: minLength violated",
    }
    outcome = Outcome([result])
    assert outcome.status == INCOMPLETE
    line = next(number for number, text in enumerate(spec.source.decode().splitlines(), 1) if "[residential" in text)
    said = f"enum violated  (line {line}, /components/schemas/RenovateType/enum)"
    assert said in outcome_text(outcome)


def test_a_run_without_forced_answers_names_the_statuses_and_states_that_nobody_saw(spec: Spec) -> None:
    assert empty(mock_without(spec, check_forced)) == {
        "answer 500: status given",
        'answer 200 application/json/data/status: enum "failed"',
    }


def test_a_run_without_wrong_keys_and_followed_jobs_names_them(spec: Spec) -> None:
    result = result_of(spec, check_app(spec, FEW, parts=[check_forced]), "mock")
    assert {"security ApiKey: key wrong", "security ApiKey: key missing"} <= empty(result)
    assert "answer 200: Link result followed" in empty(result)
    followed = result_of(spec, check_app(spec, FEW, parts=[check_keys, check_jobs]), "mock")
    assert not {"security ApiKey: key wrong", "answer 200: Link result followed"} & empty(followed)


def test_a_client_that_is_only_called_has_no_answer_that_breaks_a_keyword(spec: Spec) -> None:
    report = check_client(spec, FEW, ROOT / "generated", parts=[check_requests, check_refusals])
    result = result_of(spec, report, "client")
    assert "answer 200 application/json/data/status: required violated" in empty(result)
    assert not any(cell.startswith(("request", "query")) for cell in empty(result))


def test_what_a_url_cannot_be_asked_for_is_out_of_reach_by_rule(spec: Spec) -> None:
    result = result_of(spec, check_app(spec, FEW, parts=ANY_SERVER), "server")
    assert not result.empty
    reasons = {str(cell).split(", ", 1)[1]: reason for cell, reason in result.unreachable.items()}
    assert reasons["answer 500: status given"] == "A request cannot make a server at a URL answer this status."
    assert "cannot be asked" in reasons['answer 200 application/json at /data/status: enum "failed"']


EVERYTHING: dict[str, Any] = {
    "type": "object",
    "required": ["name"],
    "minProperties": 1,
    "maxProperties": 9,
    "properties": {
        "name": {"type": "string", "minLength": 2, "maxLength": 4, "pattern": "^[a-z]*$"},
        "count": {"type": "integer", "format": "int32", "minimum": 0, "exclusiveMinimum": True, "multipleOf": 2},
        "free": {"type": "string", "format": "password", "minLength": 0, "pattern": ".*"},
        "when": {"type": "string", "format": "date", "nullable": True},
        "tags": {"type": "array", "minItems": 1, "maxItems": 2, "uniqueItems": True, "items": {"type": "string"}},
        "either": {"oneOf": [{"type": "string"}, {"type": "integer", "maximum": 5}]},
        "yes": {"type": "boolean", "enum": [True, False]},
        "closed": {"type": "object", "properties": {"a": {}}, "additionalProperties": False},
        "open": {"type": "object", "additionalProperties": {"type": "number"}},
        "not": {"not": {"type": "string"}},
        "self": {"$ref": "#/components/schemas/Everything"},
        "ours": {"type": "string", "readOnly": True},
    },
}


@pytest.fixture
def everything(spec: Spec, tmp_path: Path) -> SchemaCells:
    def add(document: dict[str, Any]) -> None:
        document["components"]["schemas"]["Everything"] = EVERYTHING

    changed = changed_contract(spec, tmp_path, add)
    return SchemaCells(changed, {"$ref": "#/components/schemas/Everything"}, "", "request")


def filled(cells: SchemaCells, value: Any) -> set[str]:
    return {f"{mark.at} {mark.rule} {mark.case}" for mark in cells.filled(value)}


@pytest.mark.parametrize(
    ("value", "fills"),
    [
        ([], {" type violated"}),
        ({}, {" minProperties violated", "/name required violated", "/tags property left out"}),
        ({str(number): 1 for number in range(10)}, {" maxProperties violated"}),
        ({"name": "a"}, {"/name minLength violated", "/name maxLength satisfied", "/name pattern satisfied"}),
        ({"name": "ABCDE"}, {"/name maxLength violated", "/name pattern violated", "/name property given"}),
        ({"count": 0}, {"/count exclusiveMinimum violated", "/count minimum violated"}),
        ({"count": 3}, {"/count exclusiveMinimum satisfied", "/count multipleOf violated"}),
        ({"count": -2}, {"/count minimum violated"}),
        ({"count": 1 << 40}, {"/count format violated"}),
        ({"count": 1.5}, {"/count type violated"}),
        ({"when": None}, {"/when nullable satisfied", "/when type satisfied"}),
        ({"when": "soon"}, {"/when format violated"}),
        ({"when": "2030-01-31"}, {"/when format satisfied"}),
        ({"tags": []}, {"/tags minItems violated"}),
        ({"tags": ["a", "a", 1]}, {"/tags maxItems violated", "/tags uniqueItems violated", "/tags/* type violated"}),
        ({"either": 7}, {"/either oneOf violated", "/either maximum violated"}),
        ({"either": "a"}, {"/either oneOf satisfied", "/either type satisfied", "/either type violated"}),
        ({"yes": True}, {"/yes enum true"}),
        ({"closed": {"b": 1}}, {"/closed additionalProperties violated", "/closed/a property left out"}),
        ({"open": {"b": "1"}}, {"/open/+ type violated"}),
        ({"not": "text"}, {"/not not violated"}),
        ({"not": 1}, {"/not not satisfied"}),
        ({"free": ""}, {"/free minLength satisfied"}),
    ],
)
def test_a_value_fills_the_cells_of_the_keywords_that_it_keeps_and_breaks(
    value: Any, fills: set[str], everything: SchemaCells
) -> None:
    assert fills <= filled(everything, value)


def test_a_value_of_another_type_breaks_the_type_and_nothing_else(everything: SchemaCells) -> None:
    assert {cell for cell in filled(everything, {"name": 5}) if cell.startswith("/name")} == {
        "/name property given",
        "/name type violated",
    }


def test_all_that_a_value_fills_was_planned_and_what_nothing_fills_is_known(everything: SchemaCells) -> None:
    planned = {f"{mark.at} {mark.rule} {mark.case}": possible for mark, possible in everything.all()}
    values = [{}, {"name": "ab", "count": 2, "when": "x", "tags": ["a"], "either": 1, "self": {"name": ""}}, []]
    assert all(filled(everything, value) <= planned.keys() for value in values)
    assert {cell for cell, possible in planned.items() if not possible} == {
        "/free minLength violated",
        "/free pattern violated",
        "/yes enum violated",
    }
    assert not any("ours" in cell or "password" in cell for cell in planned)
    assert not any(cell.startswith("/self/") for cell in planned)


def message(url: str, **headers: str) -> Message:
    return Message("GET", url, tuple(headers.items()), b"", None, 0.0, 0.0)


def test_parameters_are_read_from_where_and_as_they_are_sent() -> None:
    spec = load(ROOT / "tests" / "specs" / "growth" / "plain_get.yaml")
    styles = spec.operation("listStyles")
    read = values_of(spec, styles, message("http://a/v1/styles?limit=7&tags=warm&tags=a%20b"))
    assert read is not None
    assert read.parameters == {("query", "limit"): 7, ("query", "tags"): ["warm", "a b"]}
    assert read.body is NOTHING
    for text, value in (("seven", "seven"), ("7.5", 7.5), ("true", "true"), ("", "")):
        read = values_of(spec, styles, message(f"http://a/v1/styles?limit={text}"))
        assert read is not None
        assert read.parameters["query", "limit"] == value
    assert values_of(spec, styles, message("http://a/v1/other")) is None


def test_an_answer_of_a_status_that_is_not_documented_fills_nothing(spec: Spec) -> None:
    cells = OperationCells(spec, spec.operations[0])
    assert list(cells.answered(Answered(418, "", (("content-type", "application/json"),), b"{}"))) == []
    said = {f"{cell.rule} {cell.case}" for cell in cells.answered(Answered(400, "", (), b""))}
    assert said == {"status given"}


def test_every_planned_cell_of_every_contract_is_filled_or_says_why_not(spec: Spec) -> None:
    planned = [cell for operation in spec.operations for cell, _ in OperationCells(spec, operation).all()]
    assert len(planned) == len(set(planned))
    assert {SATISFIED, VIOLATED} <= {cell.case for cell in planned}
    assert all(spec.line(cell.pointer) for cell in planned)
