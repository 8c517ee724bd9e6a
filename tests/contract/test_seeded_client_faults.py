"""Every check of the client has been seen to fail: fault after fault, each with the check that must report it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from spacely_spec import Spec

from .client_answers import check_statuses, check_valid_answers
from .client_faults import CASES, around_send, on_the_line, with_operations
from .client_requests import check_requests
from .clients import Prepare
from .gate import Options, check_client
from .output import as_text
from .seams import Line, changed_contract

QUICK = Options(examples=5)
POLL = "/generate/poll-result"


@pytest.mark.parametrize("name", CASES)
def test_a_faulty_client_is_reported(name: str, spec: Spec) -> None:
    case = CASES[name]
    report = check_client(spec, QUICK, prepare=case.fault(), parts=case.parts)
    assert case.checks <= report.violated_checks, as_text(report)


def test_a_client_without_a_fault_is_held_behind_the_same_seams(spec: Spec) -> None:
    def nothing(client: type[Any]) -> type[Any]:
        for prepare in _harmless():
            client = prepare(client)
        return client

    report = check_client(spec, QUICK, prepare=nothing)
    assert report.held, as_text(report)
    made = {check for _, _, check in report.tallies}
    assert made <= {check for case in CASES.values() for check in case.checks}


def _harmless() -> Iterator[Prepare]:
    yield on_the_line()
    yield with_operations(lambda operation: operation)
    yield around_send(lambda _, call: call())


def document_an_empty_answer(document: dict[str, Any]) -> None:
    document["paths"][POLL]["get"]["responses"]["204"] = {"description": "Nothing yet."}


def offer_a_header(document: dict[str, Any]) -> None:
    header = {"name": "X-Project", "in": "header", "schema": {"type": "string", "minLength": 1}}
    document["paths"][POLL]["get"]["parameters"].append(header)


def document_the_body_of_an_error(document: dict[str, Any]) -> None:
    schema = {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}}
    responses = document["paths"][POLL]["get"]["responses"]
    responses["409"] = {"description": "Taken.", "content": {"application/json": {"schema": schema}}}


def taking_an_error_with_the_body_of_the_contract_for_a_success(client: type[Any]) -> type[Any]:
    def inward(_: httpx.Request, response: httpx.Response) -> httpx.Response:
        documented = response.status_code == 409 and b'"error"' in response.content
        body = {"data": {"status": "success", "result": []}}
        return httpx.Response(200, json=body) if documented else response

    class Faulty(client):  # type: ignore[misc]  # the class is known only here
        def __init__(self, *, transport: Any, **options: Any) -> None:
            super().__init__(transport=Line(transport, inward=inward), **options)

    return Faulty


def losing_a_header(client: type[Any]) -> type[Any]:
    class Faulty(client):  # type: ignore[misc]  # the class is known only here
        def poll_result(self, *, ref_id: str, x_project: str | None = None) -> Any:
            del x_project
            return super().poll_result(ref_id=ref_id)

    return Faulty


@pytest.mark.parametrize(
    ("change", "prepare", "check"),
    [
        (document_an_empty_answer, None, "empty_answer_is_none"),
        (offer_a_header, losing_a_header, "header"),
        (
            document_the_body_of_an_error,
            taking_an_error_with_the_body_of_the_contract_for_a_success,
            "documented_error_raised",
        ),
    ],
    ids=["an empty answer", "a header", "an error with a body"],
)
def test_a_client_of_another_contract_is_reported(
    change: Callable[[dict[str, Any]], None], prepare: Prepare | None, check: str, spec: Spec, tmp_path: Path
) -> None:
    changed = changed_contract(spec, tmp_path, change)
    report = check_client(changed, QUICK, prepare=prepare, parts=[check_requests, check_valid_answers, check_statuses])
    assert check in report.violated_checks, as_text(report)
