"""Runtime expressions, criteria and JSON pointers."""

from __future__ import annotations

from typing import Any

import pytest

from spacely_spec import (
    Answer,
    Criterion,
    Expression,
    ExpressionError,
    all_hold,
    join_pointer,
    read_pointer,
    snake_case,
)

ANSWER = Answer(200, {"Location": "/jobs/7"}, {"a": {"b/c": [1, {"d~e": None}]}, "n": 1, "t": True, "s": "it's"})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$statusCode", 200),
        ("$response.body", ANSWER.body),
        ("$response.body#", ANSWER.body),
        ("$response.body#/n", 1),
        ("$response.body#/a/b~1c/0", 1),
        ("$response.body#/a/b~1c/1/d~0e", None),
        ("$response.body#/a/b~1c/9", None),
        ("$response.body#/a/b~1c/-1", None),
        ("$response.body#/n/deeper", None),
        ("$response.body#/missing", None),
        ("$response.header.location", "/jobs/7"),
        ("$response.header.X-None", None),
    ],
)
def test_an_expression_reads_its_place_and_nothing_where_there_is_none(text: str, value: Any) -> None:
    assert Expression.parse(text).read(ANSWER) == value


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "data",
            "$response",
            "$response.body/data",
            "$response.body#data",
            "$response.header.",
            "$response.header.a b",
        ),
        *("$request.body#/id", "$response.query.id", "$url", "$method", "{$response.body#/id}"),
    ],
)
def test_what_is_no_expression_is_refused(text: str) -> None:
    with pytest.raises(ExpressionError):
        Expression.parse(text)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("$statusCode == 200", True),
        ("$statusCode!=200", False),
        ("$response.body#/s == 'it''s'", True),
        ('$response.body#/s == "it\'s"', True),
        ("$response.body#/s != 'other'", True),
        ("$response.body#/n == 1", True),
        ("$response.body#/n == true", False),
        ("$response.body#/t == true", True),
        ("$response.body#/t == 1", False),
        ("$response.body#/n == '1'", False),
        ("$response.body#/missing == null", True),
        ("$response.body#/missing != 'x'", True),
    ],
)
def test_a_criterion_compares_as_json_does(text: str, holds: bool) -> None:
    assert Criterion.parse(text).holds(ANSWER) is holds


@pytest.mark.parametrize(
    "text",
    [
        *("", "$statusCode", "$statusCode == ", "$statusCode = 200", "$statusCode > 200", "200 == $statusCode"),
        *("$statusCode == ok", "$statusCode == 'a' && $statusCode == 'b'", "$statusCode == [1]", "$url == 'x'"),
    ],
)
def test_what_is_no_single_comparison_is_refused(text: str) -> None:
    with pytest.raises(ExpressionError):
        Criterion.parse(text)


def test_all_criteria_must_hold_and_no_criteria_are_never_met() -> None:
    yes, no = Criterion.parse("$statusCode == 200"), Criterion.parse("$statusCode == 500")
    assert all_hold([yes, yes], ANSWER)
    assert not all_hold([yes, no], ANSWER)
    assert not all_hold([], ANSWER)


def test_a_pointer_is_joined_as_it_is_read() -> None:
    assert join_pointer("a/b", "c~d", 0, "") == "/a~1b/c~0d/0/"
    assert read_pointer({"a/b": {"c~d": [{"": 5}]}}, join_pointer("a/b", "c~d", 0, "")) == 5
    with pytest.raises(LookupError):
        read_pointer({"a": 1}, "/a/b")


@pytest.mark.parametrize(
    ("name", "snake"),
    [
        ("generateAdvance", "generate_advance"),
        ("getHTTPResult", "get_http_result"),
        ("get-plan", "get_plan"),
        ("GET plan", "get_plan"),
        ("list_items", "list_items"),
        ("item2", "item2"),
        ("nPrompt", "n_prompt"),
    ],
)
def test_a_name_is_put_in_snake_case(name: str, snake: str) -> None:
    assert snake_case(name) == snake
