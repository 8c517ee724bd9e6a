"""What the contract tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from spacely_spec import Spec, load

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def no_summary_of_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    """The runs that tests make are no part of what a CI job tells of itself."""
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)


@pytest.fixture(scope="session")
def spec() -> Spec:
    """The contract of this project."""
    return load(ROOT / "openapi.yaml")
