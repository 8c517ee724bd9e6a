"""Other contracts, with nothing changed by hand: the ladder climbs each, and keeps its limits and its secrets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from spacely_spec import Spec, load, snake_case

from ..conftest import ROOT
from ..outcome import HELD, INCOMPLETE
from ..seams import changed_contract
from .conftest import MakeApi
from .settings import CannotRun

CONTRACTS = sorted((ROOT / "tests" / "specs" / "growth").glob("*.yaml"))
KEY = "tok_8c2e41d97b50f36a"
BODY = {"photoUrl": "https://example.com/room.jpg", "moon": True}


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda path: path.stem)
def test_another_contract_is_climbed_to_its_canary(
    contract: Path,
    api: MakeApi,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    spec = load(contract)
    variable = f"{snake_case(spec.sdk_name).upper()}_API_KEY"
    scheme = next(scheme for operation in spec.operations for each in operation.security for scheme in each)
    key = KEY if scheme.key_pattern != "^sk-" else KEY.replace("tok_", "sk-")
    monkeypatch.setenv(variable, key)
    (tmp_path / "body.json").write_text(json.dumps(BODY))
    body = ["--body", str(tmp_path / "body.json")] if contract.stem == "bearer" else []
    live = api(contract=spec, api_keys=(key,))
    assert live.climb("--credits", "1", *body) == HELD
    submits = {operation.id for operation in spec.operations if operation.polling is not None}
    came = live.journal()
    accepted = [entry for entry in came if entry["operation"] in submits and entry["status"] < 300]
    assert len(accepted) == 1
    said = capsys.readouterr()
    written = live.ledger.read_text() + "".join(path.read_text() for path in live.reports.iterdir())
    assert key not in said.out + said.err + written
    assert f"The job {live.lines('job-ended')[0]['job']} of {accepted[0]['operation']}: succeeded." in said.out


def test_nothing_made_up_is_paid_for(api: MakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHT_RENDERS_API_KEY", KEY)
    live = api(contract=load(ROOT / "tests" / "specs" / "growth" / "bearer.yaml"), api_keys=(KEY,))
    with pytest.raises(CannotRun, match="the contract shows no body for createNight"):
        live.climb("--credits", "1")
    assert live.journal() == []


def test_the_limit_of_the_contract_holds_where_it_is_lower_than_the_ladders_own(
    api: MakeApi, spec: Spec, tmp_path: Path
) -> None:
    def slow_down(document: dict[str, Any]) -> None:
        document["x-rate-limit"] = {"requests": 3, "seconds": 10}

    live = api()
    assert live.climb(spec=changed_contract(spec, tmp_path, slow_down)) == HELD
    moments = [entry["time"] for entry in live.journal()]
    assert len(moments) == 14
    assert all(later - earlier > 9.99 for earlier, later in zip(moments, moments[3:], strict=False))


def test_a_contract_that_asks_for_no_key_is_climbed_too(
    api: MakeApi, spec: Spec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def open_to_all(document: dict[str, Any]) -> None:
        del document["components"]["securitySchemes"]
        for path in document["paths"].values():
            for operation in path.values():
                operation["security"] = []

    monkeypatch.delenv("SPACELY_API_KEY")
    contract = changed_contract(spec, tmp_path, open_to_all)
    live = api(contract=contract, api_keys=())
    assert live.climb() == HELD
    assert live.charged() == 0
    assert live.climb("--credits", "1") == HELD
    assert live.climb("--credits", "1") == INCOMPLETE
    assert live.charged() == 1


def test_an_operation_that_changes_something_and_starts_no_job_is_never_called(
    api: MakeApi, spec: Spec, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def delete_jobs(document: dict[str, Any]) -> None:
        responses = {"204": {"description": "It is gone."}, "401": {"description": "Unauthorised."}}
        found = document["paths"]["/generate/poll-result"]["get"]
        document["paths"]["/generate/poll-result"]["delete"] = {
            "operationId": "deleteJob",
            "summary": "Delete a job",
            "security": found["security"],
            "parameters": found["parameters"],
            "responses": responses,
        }

    live = api(contract=changed_contract(spec, tmp_path, delete_jobs))
    assert live.climb("--credits", "20", "--dry-run") == HELD
    assert "Never called, since it may change something: DELETE /generate/poll-result" in capsys.readouterr().out
    assert live.climb("--credits", "20") == HELD
    assert "DELETE" not in {entry["method"] for entry in live.journal()}
