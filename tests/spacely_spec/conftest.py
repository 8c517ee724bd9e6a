"""Contracts to break: edits of openapi.yaml, and whole files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from spacely_spec import Problem, SpecError, load

ROOT = Path(__file__).parents[2]
OPENAPI = ROOT / "openapi.yaml"


@pytest.fixture
def edited(tmp_path: Path) -> Callable[..., Path]:
    """Writes openapi.yaml with edits (old text, new text) and gives the path; each old text must be there."""

    def write(*edits: tuple[str, str]) -> Path:
        text = OPENAPI.read_text(encoding="utf-8")
        for old, new in edits:
            assert old in text, f"openapi.yaml has no {old!r}"
            text = text.replace(old, new, 1)
        path = tmp_path / "contract.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def problems_of(path: Path) -> tuple[Problem, ...]:
    with pytest.raises(SpecError) as caught:
        load(path)
    return caught.value.problems


def line_of(path: Path, text: str) -> int:
    """The number of the one line of a file that holds a text."""
    lines = [number for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1) if text in line]
    assert len(lines) == 1, f"{text!r} stands in the lines {lines}"
    return lines[0]
