"""The two sides of a comparison: files, whether they stand in a folder or in a revision of git."""

from __future__ import annotations

import os
import subprocess
import tomllib
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from packaging.version import InvalidVersion, Version

from spacely_spec import Spec, load


class CannotCompare(Exception):
    """There is nothing to compare; the message names the input and says what to do."""


@dataclass(frozen=True, slots=True)
class Side:
    """One state of the contract.

    Attributes:
        name: What it is called in a report.
        spec: The contract.
        version: The version of the package beside it, or None where there is none.
    """

    name: str
    spec: Spec
    version: Version | None


def revision(contract: Path) -> Side:
    """The contract as it stands in the work tree."""
    project = contract.parent / "pyproject.toml"
    return Side(contract.name, load(contract), _version(project.read_text()) if project.exists() else None)


@contextmanager
def base(name: str | None, contract: Path) -> Generator[Side]:
    """What the contract is compared with.

    Args:
        name: A file, or a revision of git: then the point is taken where the work tree's history left it. None takes
            the main branch.
        contract: The contract in the work tree.

    Raises:
        CannotCompare: It is neither a file nor a revision that has the contract.
    """
    if name is not None and Path(name).is_file():
        yield Side(name, load(name), None)
        return
    tried = [name] if name is not None else ["origin/main", "main"]
    folder = contract.parent
    if _git(folder, "rev-parse", "--show-toplevel") is None:
        raise CannotCompare(
            f"{contract} is in no git repository, so no revision has an earlier one of it; name a file to compare "
            "with, or give --spec one that is in a repository"
        )
    point = next(filter(None, (_git(folder, "merge-base", each, "HEAD") for each in tried)), None)
    if point is None:
        raise CannotCompare(
            f"{' and '.join(tried)}: neither a file nor a revision of git that this one comes from; name the contract "
            "to compare with, or fetch the branch (git fetch origin main; in CI, check out with the whole history)"
        )
    point = point.strip()
    text = _git(folder, "show", f"{point}:./{contract.name}")
    if text is None:
        raise CannotCompare(f"{contract} is not in revision {point[:12]}; name another, or a file to compare with")
    project = _git(folder, "show", f"{point}:./pyproject.toml")
    with TemporaryDirectory(prefix="spec-diff-") as temporary:
        path = Path(temporary) / contract.name
        path.write_text(text)
        yield Side(f"{name or tried[0]} ({point[:12]})", load(path), _version(project) if project else None)


def _git(folder: Path, *words: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *words], cwd=folder, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"}
        )
    except FileNotFoundError as error:
        raise CannotCompare("git is not here; install it, or name a file to compare with") from error
    return done.stdout if done.returncode == 0 else None


def _version(project: str) -> Version | None:
    try:
        return Version(tomllib.loads(project)["project"]["version"])
    except (tomllib.TOMLDecodeError, KeyError, InvalidVersion):
        return None
