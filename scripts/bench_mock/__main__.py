"""The command behind scripts/bench mock."""

from __future__ import annotations

import argparse
import compileall
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from bench_page import write_section
from spacely_spec import load

from .measure import Bench
from .report import report
from .servers import MOCK, SERVERS, TWO_WORKERS, Server, install

_ROOT = Path(__file__).parents[2]
_GROWTH_SECONDS = 300  # The longest that one server is loaded to see its memory grow.


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write; the exit code is 2 where the load tool is missing."""
    options = _parser().parse_args(arguments)
    for name, usual, quick in (
        ("rounds", 5, 1),
        ("seconds", 3, 1),
        ("requests", 10**6, 50_000),
        ("peer_requests", 10**5, 10_000),
    ):
        if getattr(options, name) is None:
            setattr(options, name, quick if options.quick else usual)
    if shutil.which("wrk") is None:
        _say("scripts/bench: wrk is missing; on Debian: apt-get install wrk")
        return 2
    _compile()
    cache: Path = options.cache
    left_out: list[str] = []
    servers: list[Server] = []
    for server in SERVERS:
        if install(server, cache):
            servers.append(server)
        else:
            left_out.append(f"{server.name} ({server.package} could not be fetched; is npm there?)")
    if "--workers" in subprocess.run([*MOCK.command[:3], "--help"], capture_output=True, text=True, check=True).stdout:
        servers.append(TWO_WORKERS)
    else:
        left_out.append(f"{TWO_WORKERS.name} (the mock has no such option)")
    seconds, rounds, marks = options.seconds, options.rounds, [10_000, options.requests]
    bench = Bench(load(options.spec), cache, seconds, _say)
    results = bench.rounds(servers, rounds)
    for result in results:
        if result.server is MOCK:
            bench.grow(result, marks, _GROWTH_SECONDS)
        elif result.server.package is not None:
            bench.grow(result, [10_000, options.peer_requests], _GROWTH_SECONDS // 5)
    text = report(results, rounds=rounds, seconds=seconds, left_out=left_out)
    write_section(options.output, "mock", text)
    sys.stdout.write(text)
    return 0


def _compile() -> None:
    """Compile the packages, as pip does with what it installs: a checkout would else be compiled at each start."""
    for package in ("mock", "spec", "scripts/bench_mock"):
        compileall.compile_dir(_ROOT / package, quiet=1)


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")


def _parser() -> argparse.ArgumentParser:
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "spacely-bench"
    parser = argparse.ArgumentParser(prog="scripts/bench mock", description=_DESCRIPTION)
    parser.add_argument("--quick", action="store_true", help="one short round and fewer requests: to try the command")
    parser.add_argument("--rounds", type=int, help="how often each server is measured (default: 5; quick: 1)")
    parser.add_argument("--seconds", type=int, help="how long each measurement lasts (default: 3; quick: 1)")
    parser.add_argument(
        "--requests", type=int, help="after how many this mock's memory is read (default: 1000000; quick: 50000)"
    )
    parser.add_argument(
        "--peer-requests", type=int, help="after how many that of others is (default: 100000; quick: 10000)"
    )
    parser.add_argument("--spec", type=Path, default=_ROOT / "openapi.yaml", help="the contract")
    parser.add_argument("--output", type=Path, default=_ROOT / "BENCHMARKS.md", help="the file that it writes into")
    parser.add_argument("--cache", type=Path, default=cache, help="where npm packages are kept (default: %(default)s)")
    return parser


_DESCRIPTION = """\
Measures this mock, other mock servers and the limit of the server that the mock runs on, and writes its section of
BENCHMARKS.md. Only 127.0.0.1 is loaded. The whole takes about ten minutes; --quick about two.
"""

if __name__ == "__main__":
    sys.exit(main())
