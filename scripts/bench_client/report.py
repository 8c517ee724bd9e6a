"""The client's section of BENCHMARKS.md."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence

from bench_page import machine

from .cost import Cost
from .flow import CALLS_A_SECOND, MEDIAN_SECONDS, SIGMA, Flow
from .footprint import Imports, Memory

_OF_THE_CEILING = 0.8 * CALLS_A_SECOND / 2
_CALLS_A_JOB = 2.5
_LATE = 0.15
_OF_BARE = 1.15
_OF_HTTPX = 1.3


_TEXT = """\
## The client: `scripts/bench client`

{machine}

### A rate limit, spent on jobs

{jobs:,} jobs of the mock in real time, lognormal about a median of {median:g} s (sigma {sigma:g}), {calls} calls a
second. As each job takes two calls at least, {ceiling} jobs a second are the ceiling. *All* is the jobs divided by the
time from the first submit until the last job was known to be done, so the beginning and the end count, in which there
is nothing to poll or nothing to submit; *steady* is the rate of the middle eight tenths. *Late* is the time between a
job being ready and its caller knowing, as a part of the job's own time. Calls and windows are those of the mock's
journal, and so is when a job was ready.

| | jobs/s, all | steady | calls a job | worst second | late, median | mean | nine in ten | errors | lost |
|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|
{flows}

The pollers are bare httpx behind a simple limiter, and poll every second as public code does: with as many jobs in hand
as it can poll so often, or with all at once, when calls wait in line. The last one knows how long jobs take before the
first, and polls at fixed ages.

### One call

A poll through the client, held to the contract both ways, against the same request through bare httpx and `json()`;
processor time of this process in µs, medians of {rounds} rounds in which the two take turns. Over a socket is what a
caller pays; in process nothing is sent, so the part of the client is larger.

| | client | bare httpx | ratio |
|---|--:|--:|--:|
{costs}

### Import and memory

Importing the client takes {client_ms:.0f} ms of processor time, httpx alone {httpx_ms:.0f} ms; both without
click and rich, which httpx imports for a command line of its own where they are there. Besides httpx, each by itself
and slowed by the measuring: {beyond}.

{in_flight:,} jobs that are waited for at once take {resident:.1f} KiB each (resident; {allocated:.1f} KiB allocated by
Python); a task of asyncio that only sleeps takes {task:.1f} KiB.

### Targets

| what | target | measured | reached |
|---|--:|--:|---|
{targets}
"""


def report(flows: Sequence[Flow], cost: Sequence[Cost], imports: Imports, memory: Memory, *, rounds: int) -> str:
    """The whole section."""
    return _TEXT.format(
        machine="\n".join(machine("httpx", "attrs", "jsonschema-rs", "uvicorn")),
        jobs=flows[0].jobs,
        median=MEDIAN_SECONDS,
        sigma=SIGMA,
        calls=CALLS_A_SECOND,
        ceiling=CALLS_A_SECOND // 2,
        flows="\n".join(map(_flow_row, flows)),
        rounds=rounds,
        costs="\n".join(f"| {each.what} | {each.client:.0f} | {each.bare:.0f} | {each.ratio:.2f} |" for each in cost),
        client_ms=imports.client * 1e3,
        httpx_ms=imports.httpx * 1e3,
        beyond=", ".join(f"{name} {milliseconds:.1f} ms" for name, milliseconds in imports.beyond),
        in_flight=memory.jobs,
        resident=memory.resident / 1024,
        allocated=memory.allocated / 1024,
        task=memory.task / 1024,
        targets="\n".join(_targets(flows[0], cost, imports)),
    )


def _flow_row(flow: Flow) -> str:
    late = flow.late
    cells = [
        f"{flow.name} ({flow.jobs:,} jobs)",
        f"{flow.rate:.1f}",
        f"{flow.steady_rate:.1f}",
        f"{flow.calls_a_job:.2f}",
        str(flow.worst_second),
        f"{statistics.median(late):.1%}",
        f"{statistics.mean(late):.1%}",
        f"{late[len(late) * 9 // 10]:.1%}",
        str(sum(flow.errors.values())),
        str(flow.lost),
    ]
    return f"| {' | '.join(cells)} |"


def _targets(client: Flow, cost: Sequence[Cost], imports: Imports) -> Iterator[str]:
    yield _target("jobs a second, steady", _OF_THE_CEILING, client.steady_rate, at_least=True)
    yield _target("jobs a second, all", _OF_THE_CEILING, client.rate, at_least=True)
    yield _target("calls a job", _CALLS_A_JOB, client.calls_a_job)
    yield _target("calls within any second", CALLS_A_SECOND, client.worst_second)
    yield _target("late, median, as a part of the job's time", _LATE, statistics.median(client.late))
    for each in cost[:2]:
        yield _target(f"one call {each.what}, against bare httpx", _OF_BARE, each.ratio)
    yield _target("import, against httpx", _OF_HTTPX, imports.ratio)


def _target(what: str, target: float, measured: float, *, at_least: bool = False) -> str:
    reached = measured >= target if at_least else measured <= target
    bound = "at least" if at_least else "at most"
    return f"| {what} | {bound} {target:g} | {measured:.3g} | {'yes' if reached else 'no'} |"
