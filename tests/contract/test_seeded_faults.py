"""Every check of a server has been seen to fail: fault after fault, each with the check that must report it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spacely_mock import create_app
from spacely_spec import Spec, load

from .authentication import check_keys
from .conftest import ROOT
from .faults import CASES, POLL, SUBMIT, always
from .gate import Options, Part, check_app
from .jobs import check_jobs
from .output import as_text
from .phases import run_phases
from .seams import Asgi, Inner, Reply, Request, around, changed_contract

QUICK = Options(examples=4)


@pytest.mark.parametrize("name", CASES)
def test_a_faulty_mock_is_reported(name: str, spec: Spec) -> None:
    case = CASES[name]

    def faulty(spec: Spec, **options: Any) -> Asgi:
        return around(create_app(spec, **options), case.fault(options))

    report = check_app(spec, QUICK, faulty, case.parts)
    assert case.checks <= report.violated_checks, as_text(report)


def test_a_mock_without_a_fault_is_held_behind_the_same_seam(spec: Spec) -> None:
    async def nothing(request: Request, inner: Inner) -> Reply:
        return await inner(request)

    report = check_app(spec, QUICK, lambda spec, **options: around(create_app(spec, **options), nothing))
    assert report.held, as_text(report)
    made = {check for _, _, check in report.tallies}
    seen_to_fail = {check for case in CASES.values() for check in case.checks} | {check for _, check, _ in CHANGES}
    assert made - NOT_IN_THIS_CONTRACT <= seen_to_fail


def test_a_mock_that_answers_401_to_everything_is_violated(spec: Spec) -> None:
    report = check_app(spec, QUICK, lambda *_, **__: around(create_app(spec), always(Reply(401, {}, b""))))
    assert not report.held


def rename_a_property(document: dict[str, Any]) -> None:
    fields = document["components"]["schemas"]["GenerateAdvanceRequest"]
    fields["properties"]["roomType"] = fields["properties"].pop("renovateType")
    fields["required"] = ["model", "imageUrl", "roomType"]
    body = document["paths"][SUBMIT]["post"]["requestBody"]["content"]["application/json"]
    body["examples"]["vendor"]["value"]["roomType"] = body["examples"]["vendor"]["value"].pop("renovateType")


def document_a_header(document: dict[str, Any]) -> None:
    ok = document["paths"][POLL]["get"]["responses"]["200"]
    ok["headers"] = {"X-Queue-Length": {"required": True, "schema": {"type": "integer"}}}


def require_a_header(document: dict[str, Any]) -> None:
    header = {"name": "X-Project", "in": "header", "required": True, "schema": {"type": "string", "minLength": 1}}
    document["paths"][SUBMIT]["post"]["parameters"] = [header]


def call_success_a_failure_too(document: dict[str, Any]) -> None:
    polling = document["paths"][SUBMIT]["post"]["responses"]["200"]["links"]["result"]["x-polling"]
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
