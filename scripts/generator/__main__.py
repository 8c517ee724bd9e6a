"""scripts/regenerate: the generated client, written anew from the contract."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from spacely_spec import SpecError, load

from ._output import difference, fresh_package, is_writable, recover, replace
from ._project import PACKAGE, GenerationError

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    """Run the command; the result is its exit status: 0 done, 1 --check found a difference, 2 not possible."""
    parser = argparse.ArgumentParser(
        prog="scripts/regenerate",
        description="Generate the client from the contract.",
        epilog="Exit status: 0 written, or nothing to change; 1 --check found a difference; 2 it could not be done.",
    )
    parser.add_argument(
        "--spec", type=Path, default=ROOT / "openapi.yaml", metavar="FILE", help="the contract (default: openapi.yaml)"
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=ROOT / "generated",
        metavar="DIR",
        help=f"the folder that gets {PACKAGE}/ (default: generated)",
    )
    parser.add_argument(
        "--check", action="store_true", help=f"write nothing; say what {PACKAGE}/ in that folder lacks to be up to date"
    )
    arguments = parser.parse_args()
    try:
        return _run(arguments.spec, arguments.output, check=arguments.check)
    except (SpecError, GenerationError) as error:
        print(error, file=sys.stderr)
    except OSError as error:
        print(f"{error.filename or arguments.output}: {error.strerror}", file=sys.stderr)
    print("Nothing was written.", file=sys.stderr)
    return 2


def _run(spec_path: Path, output: Path, *, check: bool) -> int:
    spec = load(spec_path)
    target = output / PACKAGE
    if not is_writable(output):
        raise GenerationError(f"{output}: cannot be written to; name another folder with --output")
    if target.exists() and not (target / "__init__.py").exists() and any(target.iterdir()):
        raise GenerationError(f"{target}: holds something that is no generated client; name another --output")
    recover(target)
    with fresh_package(spec, beside=output) as package:
        found = difference(package, target)
        if check and found:
            print(found, end="")
            print(f"{target} is not what {spec.path.name} gives; run scripts/regenerate", file=sys.stderr)
            return 1
        if found:
            replace(package, target)
    print(f"{target}: {'up to date' if not found else 'written'} ({len(spec.operations)} operations)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
