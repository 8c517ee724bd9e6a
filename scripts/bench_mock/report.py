"""The mock's section of BENCHMARKS.md: the tables, and what they were measured on."""

from __future__ import annotations

import os
import statistics
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench_page import machine

from .load import CONNECTIONS
from .measure import Result
from .servers import BARE, CONNEXION, MOCK, PRISM, SHORT_CUT, STEADY, TWO_WORKERS

_TARGETS = {"submit": ((STEADY, 4), (PRISM, 8), (CONNEXION, 12)), "poll": ((STEADY, 2), (PRISM, 5), (CONNEXION, 10))}
_OF_THE_LIMIT = 0.7
_OF_PRISMS_START = 0.25
_GROWTH = 1.05
_OF_TWO_WORKERS = 1.5


@dataclass(frozen=True)
class Ratio:
    """One line of the table of ratios."""

    what: str
    target: float
    measured: float
    at_most: bool = False

    def row(self) -> str:
        met = self.measured <= self.target if self.at_most else self.measured >= self.target
        bound = "at most" if self.at_most else "at least"
        return f"| {self.what} | {bound} {self.target:g} | {self.measured:.2f} | {'yes' if met else 'no'} |"


def report(results: Sequence[Result], *, rounds: int, seconds: int, left_out: Sequence[str]) -> str:
    """The whole section."""
    by_name = {result.server.name: result for result in results}
    lines = [
        "## The mock beside others: `scripts/bench mock`",
        "",
        "Only ratios within one run",
        "mean anything: all servers run on the same machine, one after the other, get the same two requests, made from",
        "the examples of the contract, and are loaded by the same tool. A submit starts a job at this mock, and a poll",
        "asks for that job, which runs; the other servers have no jobs and answer an example.",
        "",
        *_machine(),
        f"- wrk, one thread, {CONNECTIONS} connections, {seconds} s after a warm-up; medians of {rounds} rounds",
        "",
        "### Requests a second",
        "",
        "| server | what it does | submit/s | p50 ms | p99 ms | CPU µs | poll/s | p50 ms | p99 ms | CPU µs |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|",
        *map(_speed_row, results),
        "",
        "CPU is the processor time that the server uses for one request; it varies less than the rates do.",
        "",
        "### Start and memory",
        "",
        "| server | start to first answer, s | memory at rest, MB | memory after many requests |",
        "|---|--:|--:|---|",
        *map(_start_row, results),
        "",
        "### Ratios",
        "",
        "| what | target | measured | reached |",
        "|---|--:|--:|---|",
        *(ratio.row() for ratio in ratios(by_name)),
        "",
    ]
    if BARE.name in by_name and SHORT_CUT.name in by_name:
        lines += ["## Where the time goes", "", *_breakdown(by_name), ""]
    if TWO_WORKERS.name in by_name:
        lines += ["## What the load costs", "", *_load_note(by_name), ""]
    if left_out:
        lines += ["Left out: " + "; ".join(left_out) + ".", ""]
    return "\n".join(lines)


def _breakdown(by_name: Mapping[str, Result]) -> Iterator[str]:
    mock, bare, short = by_name[MOCK.name], by_name[BARE.name], by_name[SHORT_CUT.name]
    yield "The mock answers an ordinary request where it is parsed: no task, no scope, no messages are made for it. So"
    yield "it is not bound by what the server takes for an ASGI application; everything else still goes that way."
    yield ""
    yield "| processor time of a request, µs | submit | poll |"
    yield "|---|--:|--:|"
    parts = (
        ("bare ASGI function: system, event loop, parser, and ASGI", bare, None),
        ("short cut with a constant answer: system, event loop, parser", short, None),
        ("this mock beyond that: key, parameters, body, schema, id, answer, journal, metrics", mock, short),
        ("this mock", mock, None),
    )
    for name, result, less in parts:
        cells = [result.median(kind, "cpu") - (less.median(kind, "cpu") if less else 0) for kind in _TARGETS]
        yield f"| {name} | {cells[0]:.0f} | {cells[1]:.0f} |"


def _load_note(by_name: Mapping[str, Result]) -> Iterator[str]:
    one, two = by_name[MOCK.name], by_name[TWO_WORKERS.name]
    processors = os.cpu_count() or 1
    yield f"The load runs on the same {processors} processors as the servers, and takes its share of them."
    yield ""
    yield "| | one worker, µs | two workers, µs | wrk, µs | room here, against one | load elsewhere, against one |"
    yield "|---|--:|--:|--:|--:|--:|"
    for kind in _TARGETS:
        alone, both, load = one.median(kind, "cpu"), two.median(kind, "cpu"), two.median(kind, "load_cpu")
        room = processors * 1e6 / (both + load) / one.median(kind, "rate")
        yield f"| {kind} | {alone:.0f} | {both:.0f} | {load:.0f} | {room:.2f} | {2 * alone / both:.2f} |"
    yield ""
    yield "The first three are processor times of one request. The room is what all processors together have time for,"
    yield "over the rate of one worker: two workers cannot do more than that beside the load. The last is what follows"
    yield "where each worker has its own processor; the next step is to measure it with the load on another machine."


def ratios(by_name: Mapping[str, Result]) -> Iterator[Ratio]:
    """The ratios that this mock is to reach, as far as the servers they compare it with were measured."""
    mock = by_name[MOCK.name]
    for kind, targets in _TARGETS.items():
        rate = mock.median(kind, "rate")
        for server, target in targets:
            if server.name in by_name:
                yield Ratio(f"{kind}: against {server.name}", target, rate / by_name[server.name].median(kind, "rate"))
        limit = by_name[BARE.name].median(kind, "rate")
        yield Ratio(f"{kind}: against the bare ASGI function", _OF_THE_LIMIT, rate / limit)
    if PRISM.name in by_name:
        start = statistics.median(mock.starts) / statistics.median(by_name[PRISM.name].starts)
        yield Ratio("start to first answer: against Prism", _OF_PRISMS_START, start, at_most=True)
    if len(mock.growth) >= 2:
        (few, before), (many, after) = mock.growth[0], mock.growth[-1]
        yield Ratio(f"memory after {many:,} requests: against after {few:,}", _GROWTH, after / before, at_most=True)
    if TWO_WORKERS.name in by_name:
        two = by_name[TWO_WORKERS.name]
        for kind in _TARGETS:
            measured = two.median(kind, "rate") / mock.median(kind, "rate")
            yield Ratio(f"{kind}: two workers against one", _OF_TWO_WORKERS, measured)


def _speed_row(result: Result) -> str:
    cells = [result.server.name, result.server.does]
    for kind in ("submit", "poll"):
        cells.append(f"{result.median(kind, 'rate'):,.0f}")
        cells += [f"{result.median(kind, figure):.1f}" for figure in ("p50", "p99")]
        cells.append(f"{result.median(kind, 'cpu'):.0f}")
    return f"| {' | '.join(cells)} |"


def _start_row(result: Result) -> str:
    grown = "; ".join(f"{memory / 1e6:,.1f} MB after {done:,}" for done, memory in result.growth)
    rest = statistics.median(result.memory_at_rest) / 1e6
    return f"| {result.server.name} | {statistics.median(result.starts):.2f} | {rest:,.0f} | {grown} |"


def _machine() -> Iterator[str]:
    yield from machine("uvicorn", "uvloop", "httptools", "connexion", "starlette", "jsonschema-rs")
    node = _output("node", "--version")
    if node:
        yield (
            f"- Node {node.removeprefix('v')}; "
            + ", ".join(server.package for server in (PRISM, STEADY) if server.package)
            + ", @mockoon/cli@9.9.0"
        )


def _output(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        return ""
