"""Other contracts, with nothing changed by hand: the ladder climbs each, and keeps its limits and its secrets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from spacely_spec import load, snake_case

from ..conftest import ROOT
from ..outcome import COULD_NOT_RUN, HELD
from .cli import main
from .conftest import MakeApi

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


def test_nothing_made_up_is_paid_for(
    api: MakeApi, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    contract = ROOT / "tests" / "specs" / "growth" / "bearer.yaml"
    monkeypatch.setenv("NIGHT_RENDERS_API_KEY", KEY)
    live = api(contract=load(contract), api_keys=(KEY,))
    arguments = ["--spec", str(contract), "--base-url", live.url, "--ledger", str(live.ledger), "--credits", "1"]
    assert main(arguments) == COULD_NOT_RUN
    assert "the contract shows no body for createNight" in capsys.readouterr().err
    assert live.journal() == []
