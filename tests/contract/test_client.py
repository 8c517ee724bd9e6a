"""The generated client keeps the contract in both directions."""

from __future__ import annotations

from pathlib import Path

import pytest

from spacely_spec import Spec

from .clients import WrongPackage, open_client
from .conftest import ROOT
from .expectations import label
from .gate import Options, check_client
from .outcome import result_of
from .output import as_text
from .report import Report

PHASES = {"client sends", "valid answers", "broken answers", "error statuses", "no answers"}


@pytest.fixture(scope="module")
def report(spec: Spec) -> Report:
    return check_client(spec, Options(examples=8), ROOT / "generated")


def test_the_client_keeps_the_contract(report: Report) -> None:
    assert report.held, as_text(report)


def test_every_cell_of_the_contract_is_filled(report: Report, spec: Spec) -> None:
    result = result_of(spec, report, "client")
    assert len(result.coverage.filled) >= 79
    assert not result.empty


def test_every_operation_is_called_in_every_phase(report: Report, spec: Spec) -> None:
    called = {key for key, count in report.requests.items() if count}
    assert {(phase, label(operation)) for phase in PHASES for operation in spec.operations} <= called


def test_invalid_input_is_tried_on_every_operation_and_never_sent(report: Report, spec: Spec) -> None:
    for operation in spec.operations:
        assert report.tallies["client refuses", label(operation), "invalid_input_refused"].passed > 20
        assert report.requests["client refuses", label(operation)] == 0


def test_a_client_from_another_folder_is_refused(spec: Spec, tmp_path: Path) -> None:
    with pytest.raises(WrongPackage, match=r"imported from .*generated"), open_client(spec, "key", tmp_path):
        pass
