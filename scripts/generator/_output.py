"""The generated folder: compared, and replaced as a whole or not at all."""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from spacely_spec import Spec

from ._project import PACKAGE, generate

RECORD = "generated.json"
_MOST_DIFF_LINES = 200


@contextmanager
def fresh_package(spec: Spec, beside: Path) -> Generator[Path]:
    """The client of a contract in a folder of its own that is gone after the block, unless moved away.

    Args:
        spec: The contract.
        beside: The folder to make it in, so that moving it into place is a rename.
    """
    beside.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=beside, prefix=f".{PACKAGE}-") as folder:
        package = Path(folder) / PACKAGE
        generate(spec, package)
        (package / RECORD).write_text(json.dumps(_record(spec), indent=2) + "\n", encoding="utf-8")
        yield package


def replace(package: Path, target: Path) -> None:
    """Put a package in the place of another; whatever interrupts it, one of the two is there afterwards."""
    old = target.with_name(f".{target.name}.old")
    recover(target)
    if target.exists():
        target.rename(old)
    try:
        package.rename(target)
    except BaseException:
        recover(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def recover(target: Path) -> None:
    """Finish what a killed run left behind: bring the old package back if the new one had not come yet."""
    old = target.with_name(f".{target.name}.old")
    if old.exists():
        if target.exists():
            shutil.rmtree(old)
        else:
            old.rename(target)


def difference(expected: Path, actual: Path) -> str:
    """What would have to change in one folder to make it the other, as a unified diff; empty where they are equal."""
    ours, theirs = _files(expected), _files(actual)
    lines: list[str] = []
    for name in sorted(ours.keys() | theirs.keys()):
        if ours.get(name) == theirs.get(name):
            continue
        before, after = (_lines(files.get(name)) for files in (theirs, ours))
        found = list(
            difflib.unified_diff(before, after, f"{PACKAGE}/{name}", f"{PACKAGE}/{name} (as the spec gives it)")
        )
        lines += found or [f"Only one of the two has {name}\n"]
    if len(lines) > _MOST_DIFF_LINES:
        left_out = len(lines) - _MOST_DIFF_LINES
        lines = [*lines[:_MOST_DIFF_LINES], f"… and {left_out} lines more\n"]
    return "".join(lines)


def _files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def _lines(content: bytes | None) -> list[str]:
    if content is None:
        return []
    return [line + "\n" for line in content.decode("utf-8", errors="replace").splitlines()]


def _record(spec: Spec) -> dict[str, object]:
    """What the client was made from; no time and no path, so that the same sources give the same bytes."""
    return {
        "spec": {"file": spec.path.name, "version": spec.version, "sha256": hashlib.sha256(spec.source).hexdigest()},
        "generator": {"openapi-python-client": version("openapi-python-client"), "ruff": version("ruff")},
        "driver": {"sha256": _hash_of(Path(__file__).parent)},
    }


def _hash_of(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.suffix in {".py", ".jinja"}:
            digest.update(f"{path.relative_to(folder).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


def is_writable(folder: Path) -> bool:
    """Whether a package could be written into a folder, or into the nearest one above it that exists."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK)
