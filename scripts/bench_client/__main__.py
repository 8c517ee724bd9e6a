"""The command behind scripts/bench client."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench_page import write_section
from spacely_spec import load

from .cost import costs
from .flow import flows
from .footprint import imports, memory
from .report import report

_ROOT = Path(__file__).parents[2]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(prog="scripts/bench client", description=_DESCRIPTION)
    parser.add_argument("--quick", action="store_true", help="few of everything: to try the command")
    parser.add_argument("--jobs", type=int, help="how many jobs (default: 2000; quick: 120)")
    parser.add_argument("--rounds", type=int, help="rounds of each comparison (default: 60; quick: 5)")
    parser.add_argument("--in-flight", type=int, help="jobs waited for at a time (default: 10000; quick: 500)")
    parser.add_argument("--spec", type=Path, default=_ROOT / "openapi.yaml", help="the contract")
    parser.add_argument("--output", type=Path, default=_ROOT / "BENCHMARKS.md", help="the file that it writes into")
    options = parser.parse_args(arguments)
    jobs = options.jobs or (120 if options.quick else 2000)
    rounds = options.rounds or (5 if options.quick else 60)
    in_flight = options.in_flight or (500 if options.quick else 10_000)
    spec = load(options.spec)
    with tempfile.TemporaryDirectory() as folder:
        _say("What a call costs …")
        cost = costs(spec, Path(folder), rounds)
        _say("What an import costs, and what memory jobs in flight take …")
        footprint = imports(max(3, rounds // 4)), memory(spec, in_flight)
        text = report(flows(spec, Path(folder), jobs, _say), cost, *footprint, rounds=rounds)
    write_section(options.output, "client", text)
    sys.stdout.write(text + "\n")
    return 0


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")


_DESCRIPTION = """\
Measures how the client spends a rate limit, beside simpler ways to do so, on jobs of the mock in real time; what a
call costs beside bare httpx; what the import costs, and the memory of jobs in flight. Writes its section of
BENCHMARKS.md. The whole takes about six minutes; --quick about half a minute.
"""

if __name__ == "__main__":
    sys.exit(main())
