"""The types tell the truth: several checkers read how people use the client, right uses and wrong ones."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "checker", [["mypy", "--warn-unused-ignores"], ["basedpyright", "--warnings"]], ids=lambda checker: checker[0]
)
def test_uses_of_the_client_check(checker: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *checker, "tests/spacely_client/typing_api.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
