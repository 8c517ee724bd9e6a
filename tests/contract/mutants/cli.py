"""The command: ``scripts/contract mutants``."""

from __future__ import annotations

import argparse
import difflib
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.contract.gate import Options
from tests.contract.mutants.catalogue import CATALOGUE
from tests.contract.mutants.matrix import STOCK, Matrix, Row, as_json, as_markdown
from tests.contract.mutants.model import Mutant
from tests.contract.mutants.pool import run_all
from tests.contract.mutants.run import CONTRACT, Task

from spacely_spec import SpecError, load

AS_EXPECTED, NOT_AS_EXPECTED, COULD_NOT_RUN = 0, 1, 2

# One of each kind: a canary and what is no drift, each side, an edit that is told and one that is not.
SMOKE = (
    "every request is answered 401",
    "the keys of answers come in another order",
    "a submit is sent again after no answer",
    "a path is renamed",
    "the version is raised",
)
_PAGE = CONTRACT.parent / "docs" / "drift.md"
_BEGIN, _END = "<!-- The matrix begins. -->", "<!-- The matrix ends. -->"
_DESCRIPTION = """\
Seed one fault after the other into the mock, the client and the contract, each in a process of its own, and see whether
the contract suite tells it; beside it what stock Schemathesis says of the same faults of the mock.
"""
_EPILOG = """\
Exit status: 0 every fault was killed by the checks that are meant to tell it, and every change that is no drift lived;
1 one was not; 2 the benchmark could not run.
"""


def main(arguments: Sequence[str] | None = None, catalogue: Sequence[Mutant] = CATALOGUE) -> int:
    """Run the command.

    Args:
        arguments: The command line without the program's name; that of the process by default.
        catalogue: The mutants there are.

    Returns:
        The exit status.
    """
    options = _parser().parse_args(sys.argv[1:] if arguments is None else list(arguments))
    if options.smoke:
        options.only, options.stock, options.max_examples = SMOKE, False, 2
    try:
        load(options.spec)
        chosen = _chosen(catalogue, options)
    except (SpecError, LookupError) as error:
        sys.stderr.write(f"scripts/contract mutants: {error.args[0]}\n")
        return COULD_NOT_RUN
    whole = len(chosen) == len(catalogue) and options.stock
    if options.publish and not whole:
        sys.stderr.write(
            "scripts/contract mutants: --publish takes a whole run, without --side, --only or --no-stock\n"
        )
        return COULD_NOT_RUN
    matrix = Matrix.of(chosen, options.spec.resolve(), options.seed, options.max_examples)
    try:
        _fill(matrix, list(_tasks(chosen, options)), options)
    except KeyboardInterrupt:
        sys.stderr.write("scripts/contract mutants: interrupted\n")
        return COULD_NOT_RUN
    return _conclude(matrix, options)


def _chosen(catalogue: Sequence[Mutant], options: argparse.Namespace) -> list[Mutant]:
    names = {mutant.name for mutant in catalogue}
    for name in options.only or ():
        if name not in names:
            near = difflib.get_close_matches(name, names, 3, 0.3)
            raise LookupError(f"there is no mutant {name!r}; near to it are: {'; '.join(near) or 'none'}")
    chosen = [
        mutant
        for mutant in catalogue
        if (options.side in {None, mutant.side}) and (not options.only or mutant.name in options.only)
    ]
    if not chosen:
        raise LookupError("no mutant is left to run; leave out --side or --only")
    return chosen


def _tasks(mutants: Sequence[Mutant], options: argparse.Namespace) -> Iterator[Task]:
    """The suite first, then the stock tools: whoever looks on sees what matters."""
    spec, size = options.spec.resolve(), Options(options.seed, options.max_examples)
    for mutant in mutants:
        for target in mutant.expected:
            yield Task(mutant, target, "gate", spec, size)
    # What stock tools say of a mock without a fault is known of the contract as it is.
    asked = [mutant for mutant in mutants if mutant.expected.get("mock") and mutant.given is None]
    if not options.stock or not asked:
        return
    for tool in STOCK:
        for each in (None, *asked):
            yield Task(each, "mock", "st run" if tool == "st run" else "parametrize", spec, size)


def _fill(matrix: Matrix, tasks: list[Task], options: argparse.Namespace) -> None:
    start = time.monotonic()
    for index, result in run_all(tasks, options.jobs, options.timeout):
        task = tasks[index]
        row = matrix.note(task, result)
        if row is not None and task.tool == "gate" and row.results.keys() == row.mutant.expected.keys():
            sys.stdout.write(_told(row))
            sys.stdout.flush()
    matrix.seconds = time.monotonic() - start


def _told(row: Row) -> str:
    parts = [f"{target}: {row.fate(target)} {row.why(target)}".rstrip() for target in row.results]
    return f"{row.mutant.side:7} {row.mutant.name}: {'; '.join(parts)}\n"


def _conclude(matrix: Matrix, options: argparse.Namespace) -> int:
    markdown = as_markdown(matrix)
    sys.stdout.write("\n" + markdown)
    if options.output is not None:
        options.output.mkdir(parents=True, exist_ok=True)
        for name, text in (("drift.md", markdown), ("drift.json", as_json(matrix))):
            (options.output / name).write_text(text, encoding="utf-8")
            sys.stdout.write(f"Wrote {options.output / name}\n")
    if options.publish:
        _publish(markdown)
    for broken in matrix.broken:
        sys.stderr.write(f"could not run: {broken}\n")
    if matrix.broken:
        return COULD_NOT_RUN
    return AS_EXPECTED if matrix.as_expected else NOT_AS_EXPECTED


def _publish(markdown: str) -> None:
    page = _PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    _PAGE.write_text(f"{before}{_BEGIN}\n\n{markdown}\n{_END}{after}", encoding="utf-8")
    sys.stdout.write(f"Wrote {_PAGE}\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/contract mutants", description=_DESCRIPTION, epilog=_EPILOG)
    parser.add_argument("--side", choices=("mock", "client", "spec"), help="only the mutants of one side")
    parser.add_argument("--only", action="append", metavar="NAME", help="only the mutant of that name; may be repeated")
    parser.add_argument("--smoke", action="store_true", help="a few of every kind, for each change of the code")
    parser.add_argument("--no-stock", dest="stock", action="store_false", help="leave out st run and parametrize")
    parser.add_argument("--jobs", type=_positive, default=os.cpu_count() or 1, metavar="N", help="how many at a time")
    parser.add_argument("--output", type=Path, metavar="DIR", help="write drift.md and drift.json there")
    parser.add_argument("--publish", action="store_true", help="put the matrix into docs/drift.md; takes a whole run")
    parser.add_argument("--spec", type=Path, default=CONTRACT, metavar="FILE", help="the contract (openapi.yaml)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="what generated data depends on (1)")
    parser.add_argument(
        "--max-examples", type=_positive, default=10, metavar="N", help="examples of each operation and phase (10)"
    )
    parser.add_argument(
        "--timeout",
        type=_positive,
        default=180,
        metavar="SECONDS",
        help="when a mutant counts as not killed (180)",
    )
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return number
