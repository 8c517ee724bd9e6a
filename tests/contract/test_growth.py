"""Other contracts, with nothing changed by hand: the mock made from each and the client generated from each keep it."""

from __future__ import annotations

from pathlib import Path

import pytest

from spacely_spec import load

from .cli import HELD, main
from .conftest import ROOT
from .gate import Options, check_app
from .outcome import result_of
from .output import as_text

CONTRACTS = sorted((ROOT / "tests" / "specs" / "growth").glob("*.yaml"))


def test_there_are_contracts_to_grow_by() -> None:
    assert len(CONTRACTS) >= 6


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda path: path.stem)
def test_the_mock_keeps_another_contract(contract: Path) -> None:
    spec = load(contract)
    report = check_app(spec, Options(examples=4))
    assert report.held, as_text(report)
    assert not result_of(spec, report, "mock").empty


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda path: path.stem)
def test_a_client_generated_from_another_contract_keeps_it(contract: Path, capfd: pytest.CaptureFixture[str]) -> None:
    status = main(["--target", "client", "--spec", str(contract), "--max-examples", "4"])
    said = capfd.readouterr().out
    assert status == HELD, said
    assert "client: held" in said
    assert ", 0 empty" in said
