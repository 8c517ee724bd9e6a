"""Contracts that grow: no hand-written line is changed, and the client, its types and the mock take them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SPECS = sorted((ROOT / "tests" / "specs" / "growth").glob("*.yaml"))
SCENARIOS = Path(__file__).parent / "growth"


def run(*command: str | Path, **environment: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **environment})
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_growth_contract_has_its_scenario() -> None:
    assert [spec.stem for spec in SPECS] == sorted(scenario.stem for scenario in SCENARIOS.glob("*.py"))


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.stem)
def test_a_grown_contract_works_from_regenerate_to_result(spec: Path, tmp_path: Path) -> None:
    run(ROOT / "scripts" / "regenerate", "--spec", spec, "--output", tmp_path)
    # The folder of the grown client comes first, so that it and not the committed one is imported.
    run(sys.executable, "-W", "error::UserWarning", SCENARIOS / f"{spec.stem}.py", spec, PYTHONPATH=str(tmp_path))
    run(
        *(sys.executable, "-m", "mypy", "--strict", "--no-warn-redundant-casts", "--config-file="),
        *("--cache-dir", ROOT / ".mypy_cache" / "growth", tmp_path / "spacely_client"),
        MYPYPATH=f"{tmp_path}:{ROOT / 'runtime'}",
    )
