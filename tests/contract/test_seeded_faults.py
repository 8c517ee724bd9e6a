"""Every check of a server has been seen to fail: a fault for each, told by the part of the run that makes the check."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.contract.mutants.catalogue import CATALOGUE
from tests.contract.mutants.mock_seams import always, nothing
from tests.contract.mutants.model import Kind, Mutant
from tests.contract.mutants.site import Site

from spacely_mock import create_app
from spacely_spec import Spec, load

from .authentication import check_keys
from .conftest import ROOT
from .gate import PARTS, Options, Part, check_app
from .jobs import check_jobs
from .output import as_text
from .phases import run_phases
from .seams import Asgi, Inner, Reply, Request, around, changed_contract

QUICK = Options(examples=4)
FAULTS = [mutant for mutant in CATALOGUE if mutant.side == "mock" and mutant.kind is not Kind.NO_OP]
FAULT_OF: dict[str, Mutant] = {
    check: mutant for mutant in reversed(FAULTS) for check in sorted(mutant.expected["mock"])
}
# These are made only where something is wrong.
MADE_ON_DEMAND: dict[str, Part] = {
    "answered": check_keys,
    "engine_error": run_phases,
    "warning_missing_auth": run_phases,
}


@pytest.fixture(scope="module")
def part_of(spec: Spec) -> dict[str, Part]:
    """The part of a run that makes each check."""
    reports = {
        part: check_app(spec, QUICK, lambda spec, **options: around(create_app(spec, **options), nothing), [part])
        for part in PARTS
    }
    assert all(report.held for report in reports.values())
    found = {check: part for part, report in reports.items() for _, _, check in report.tallies}
    # Every part that sends requests makes these; the cheapest will do.
    return {**MADE_ON_DEMAND, **found, "answer_conforms": check_jobs, "key_not_echoed": check_keys}


@pytest.mark.parametrize("check", sorted(FAULT_OF))
def test_a_check_tells_the_fault_that_it_is_there_for(check: str, part_of: dict[str, Part], spec: Spec) -> None:
    mutant = FAULT_OF[check]

    def faulty(spec: Spec, **options: Any) -> Asgi:
        return around(create_app(spec, **options), mutant.apply(Site.of_mock(spec, options)))

    report = check_app(spec, QUICK, faulty, [part_of[check]])
    assert check in report.violated_checks, f"{mutant.name}\n{as_text(report)}"


def test_there_is_a_fault_for_every_check(part_of: dict[str, Part]) -> None:
    by_edits = {check for _, check, _ in CHANGES}
    assert part_of.keys() - NOT_IN_THIS_CONTRACT <= FAULT_OF.keys() | by_edits


def test_a_mock_that_answers_401_to_everything_is_violated(spec: Spec) -> None:
    report = check_app(spec, QUICK, lambda *_, **__: around(create_app(spec), always(Reply(401, {}, b""))))
    assert not report.held


def rename_a_property(document: dict[str, Any]) -> None:
    fields = document["components"]["schemas"]["GenerateAdvanceRequest"]
    fields["properties"]["roomType"] = fields["properties"].pop("renovateType")
    fields["required"] = ["model", "imageUrl", "roomType"]
    body = document["paths"]["/generate/advance"]["post"]["requestBody"]["content"]["application/json"]
    body["examples"]["vendor"]["value"]["roomType"] = body["examples"]["vendor"]["value"].pop("renovateType")


def document_a_header(document: dict[str, Any]) -> None:
    ok = document["paths"]["/generate/poll-result"]["get"]["responses"]["200"]
    ok["headers"] = {"X-Queue-Length": {"required": True, "schema": {"type": "integer"}}}


def require_a_header(document: dict[str, Any]) -> None:
    header = {"name": "X-Project", "in": "header", "required": True, "schema": {"type": "string", "minLength": 1}}
    document["paths"]["/generate/advance"]["post"]["parameters"] = [header]


def call_success_a_failure_too(document: dict[str, Any]) -> None:
    polling = document["paths"]["/generate/advance"]["post"]["responses"]["200"]["links"]["result"]["x-polling"]
    polling["failureCriteria"] = polling["successCriteria"]


CHANGES = [
    (rename_a_property, "positive_data_acceptance", run_phases),
    (document_a_header, "response_headers_conformance", run_phases),
    (require_a_header, "missing_required_header", run_phases),
    (call_success_a_failure_too, "one_end", check_jobs),
]
# These look at an operation that deletes, at a path that extends another, or at a second user; there are none here.
NOT_IN_THIS_CONTRACT = {"use_after_free", "ensure_resource_availability", "object_level_authorization"}


@pytest.mark.parametrize(("change", "check", "part"), CHANGES, ids=[change.__name__ for change, _, _ in CHANGES])
def test_a_mock_of_another_contract_is_reported(
    change: Callable[[dict[str, Any]], None], check: str, part: Part, spec: Spec, tmp_path: Path
) -> None:
    changed = changed_contract(spec, tmp_path, change)
    report = check_app(changed, QUICK, lambda _, **options: create_app(spec, **options), [part])
    assert check in report.violated_checks, as_text(report)


def test_a_bearer_token_without_its_prefix_is_not_taken() -> None:
    async def fault(request: Request, inner: Inner) -> Reply:
        value = request.headers.get("authorization", "")
        prefixed = value if value.startswith("Bearer ") or not value else "Bearer " + value
        return await inner(
            request.but(headers={**request.headers, "authorization": prefixed} if value else request.headers)
        )

    bearer = load(ROOT / "tests" / "specs" / "growth" / "bearer.yaml")
    report = check_app(bearer, QUICK, lambda spec, **options: around(create_app(spec, **options), fault), [check_keys])
    assert "key_without_prefix" in report.violated_checks, as_text(report)
