"""The types tell the truth: three checkers read how people use the client, right uses and wrong ones.

What is in the other files of this folder is never run. A wrong use carries the error that each checker must give,
as a comment to ignore it: a comment that nothing needs is an error itself.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = Path("tests", "typing")
FILES = sorted(path.name for path in (ROOT / FOLDER).glob("[!t]*.py"))
CHECKERS = {
    "mypy": ("--warn-unused-ignores", *(str(FOLDER / name) for name in FILES)),
    "basedpyright": ("--warnings", "--project", str(FOLDER)),
    "ty": ("check", "--error-on-warning", *(str(FOLDER / name) for name in FILES)),
}


def test_there_is_something_to_check() -> None:
    assert {"client.py", "async_client.py", "errors_and_hooks.py", "wrong.py"} <= set(FILES)


@pytest.mark.parametrize("checker", CHECKERS)
def test_every_checker_sees_right_uses_as_right_and_wrong_ones_as_wrong(checker: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", checker, *CHECKERS[checker]], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
