"""The command behind scripts/spec-diff."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from generator._project import GenerationError
from spacely_spec import SpecError

from ._python import python_changes
from ._report import Comparison, as_json, markdown, text
from ._sides import CannotCompare, base, revision
from ._wire import flow_changes, has_redocly, redocly_changes

_ROOT = Path(__file__).resolve().parents[2]
_NO_NODE = (
    "most of what changed on the wire, because npx is not here (it comes with Node), and with it Redocly's diff; "
    "the version below counts only what was looked at"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare and report; the result is the exit status: 0, 1 the version is too small, 2 nothing could be said."""
    options = _parser().parse_args(arguments)
    try:
        found = _compare(options.base, options.spec.resolve())
        for path, report in ((options.markdown, markdown), (options.json, as_json)):
            if path is not None:
                path.write_text(report(found), encoding="utf-8")
    except (CannotCompare, SpecError, GenerationError) as error:
        print(f"scripts/spec-diff: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"scripts/spec-diff: {error.filename}: {error.strerror}", file=sys.stderr)
        return 2
    print(text(found), end="")
    return 1 if found.version_is_too_small else 0


def _compare(base_name: str | None, contract: Path) -> Comparison:
    new = revision(contract)
    with base(base_name, contract) as old:
        wire = flow_changes(old.spec, new.spec)
        if has_redocly():
            wire += redocly_changes(old.spec.path, new.spec.path)
        return Comparison(
            base=old.name,
            revision=new.name,
            wire=wire,
            python=python_changes(old.spec, new.spec),
            base_version=old.version,
            version=new.version,
            left_out=None if has_redocly() or old.spec.document == new.spec.document else _NO_NODE,
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/spec-diff",
        description="Say what a change of the contract does: on the wire, for Python callers, and to the version.",
        epilog="Exit status: 0 the version in pyproject.toml is large enough for the change, 1 it is too small, "
        "2 nothing could be said.",
    )
    parser.add_argument(
        "base",
        nargs="?",
        metavar="BASE",
        help="a revision of git, or a file (default: the main branch, where this one left it)",
    )
    parser.add_argument("--spec", type=Path, default=_ROOT / "openapi.yaml", metavar="FILE", help="the contract")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="also write it as a comment for a pull request")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write it for a program")
    return parser


if __name__ == "__main__":
    sys.exit(main())
