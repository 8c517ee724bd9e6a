"""What the contract tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from spacely_spec import Spec, load

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def spec() -> Spec:
    """The contract of this project."""
    return load(ROOT / "openapi.yaml")
