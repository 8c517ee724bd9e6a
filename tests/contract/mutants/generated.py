"""A client generated from an edited contract, imported in place of the project's own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.contract.clients import PACKAGE

from spacely_spec import Spec

_ROOT = Path(__file__).resolve().parents[3]


class GenerationRefused(Exception):
    """The generator makes no client from the contract; the message says why."""


@contextmanager
def generated_client(spec: Spec, folder: Path) -> Iterator[Path]:
    """Generate a client and put it where imports find it.

    Args:
        spec: The contract.
        folder: Where to write it.

    Yields:
        The folder that holds the package.

    Raises:
        GenerationRefused: No client can be made from it.
    """
    output = folder / "generated"
    output.mkdir()
    command = [sys.executable, "-m", "generator", "--spec", str(spec.path), "--output", str(output)]
    environment = {**os.environ, "PYTHONPATH": str(_ROOT / "scripts")}
    made = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if made.returncode:
        raise GenerationRefused(made.stderr.strip())
    _forget()
    sys.path.insert(0, str(output))
    try:
        yield output
    finally:
        sys.path.remove(str(output))
        _forget()


def _forget() -> None:
    for name in [name for name in sys.modules if name == PACKAGE or name.startswith(PACKAGE + ".")]:
        del sys.modules[name]
