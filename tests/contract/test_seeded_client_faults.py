"""Every check of the client has been seen to fail: a fault for each, told by the part of the run that makes it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.contract.mutants.catalogue import CATALOGUE
from tests.contract.mutants.model import Kind, Mutant
from tests.contract.mutants.site import Site

from spacely_spec import Spec

from .client_answers import check_statuses, check_valid_answers
from .client_requests import check_requests
from .clients import Prepare
from .gate import CLIENT_PARTS, ClientPart, Options, check_client
from .output import as_text
from .seams import Line, changed_contract

QUICK = Options(examples=5)
POLL = "/generate/poll-result"
FAULTS = [mutant for mutant in CATALOGUE if mutant.side == "client" and mutant.kind is not Kind.NO_OP]
FAULT_OF: dict[str, Mutant] = {
    check: mutant for mutant in reversed(FAULTS) for check in sorted(mutant.expected["client"])
}


@pytest.fixture(scope="module")
def parts_of(spec: Spec) -> dict[str, list[ClientPart]]:
    """The parts of a run that make each check."""
    reports = {part: check_client(spec, QUICK, parts=[part]) for part in CLIENT_PARTS}
    assert all(report.held for report in reports.values())
    checks = {check for report in reports.values() for _, _, check in report.tallies}
    return {
        check: [part for part, report in reports.items() if any(check == made for _, _, made in report.tallies)]
        for check in checks
    }


@pytest.mark.parametrize("check", sorted(FAULT_OF))
def test_a_check_tells_the_fault_that_it_is_there_for(
    check: str, parts_of: dict[str, list[ClientPart]], spec: Spec
) -> None:
    mutant = FAULT_OF[check]
    report = check_client(spec, QUICK, prepare=mutant.apply(Site(spec)), parts=parts_of[check])
    assert check in report.violated_checks, f"{mutant.name}\n{as_text(report)}"


def test_there_is_a_fault_for_every_check(parts_of: dict[str, list[ClientPart]]) -> None:
    assert parts_of.keys() <= FAULT_OF.keys()


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
