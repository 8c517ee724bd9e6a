"""What the client takes before it does anything, and while it waits: time to import it, memory of jobs in flight."""

from __future__ import annotations

import asyncio
import json
import os
import re
import statistics
import subprocess
import sys
import tracemalloc
from dataclasses import dataclass
from pathlib import Path

import httpx

from bench_mock.requests import KEY, answers
from bench_mock.servers import PAGE
from spacely_client import AsyncSpacely
from spacely_spec import Spec, load

from .flow import submit_arguments

# httpx imports click and rich, for a command line of its own, where something else has brought them along. Whoever
# installs the client alone has neither.
_TIMED = """
import sys, time
sys.modules["click"] = None
began = time.process_time()
import {}
print(time.process_time() - began)
"""
_IMPORTED = re.compile(r"import time:\s+(\d+) \|\s+(\d+) \| ( *)(\S+)")


@dataclass(frozen=True)
class Imports:
    """Seconds of processor time that an import takes in a fresh process, medians; and the median of the ratios."""

    client: float
    httpx: float
    ratio: float
    beyond: list[tuple[str, float]]
    """What is imported besides httpx, by package, and the milliseconds that it takes by itself."""


def imports(rounds: int) -> Imports:
    """Import the client and httpx by turns, each time in a fresh process."""
    package = AsyncSpacely.__module__.partition(".")[0]
    # The first pair warms up the disk.
    pairs = [(_import_seconds(package), _import_seconds("httpx")) for _ in range(rounds + 1)][1:]
    return Imports(
        statistics.median(ours for ours, _ in pairs),
        statistics.median(bare for _, bare in pairs),
        statistics.median(ours / bare for ours, bare in pairs),
        _beyond_httpx(),
    )


def _import_seconds(module: str) -> float:
    return float(_python("-c", _TIMED.format(module)).stdout)


def _beyond_httpx() -> list[tuple[str, float]]:
    package = AsyncSpacely.__module__.partition(".")[0]
    text = _python("-X", "importtime", "-c", f"import httpx, {package}").stderr
    spent: dict[str, float] = {}
    names = [(match[4], int(match[1])) for match in map(_IMPORTED.match, text.splitlines()) if match]
    after = next(number for number, (name, _) in enumerate(names) if name == "httpx")
    for name, microseconds in names[after + 1 :]:
        top = name.partition(".")[0]
        spent[top] = spent.get(top, 0.0) + microseconds / 1000
    return sorted(spent.items(), key=lambda item: -item[1])[:8]


@dataclass(frozen=True)
class Memory:
    """Bytes for each job that is waited for.

    Attributes:
        jobs: How many there were.
        resident: By what the process holds (resident set).
        allocated: By what Python has allocated.
        task: By what the process holds, of a task of asyncio that only sleeps.
    """

    jobs: int
    resident: float
    allocated: float
    task: float


def memory(spec: Spec, jobs: int) -> Memory:
    """Wait for many jobs at once, in fresh processes."""

    def measured(what: str) -> float:
        return float(_python("-m", f"{__package__}.footprint", what, str(spec.path), str(jobs)).stdout) / jobs

    return Memory(jobs, measured("resident"), measured("allocated"), measured("task"))


def _python(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # What is installed has its bytecode, and so should ours.
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True, env=environment)


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


async def _jobs_in_flight(spec: Spec, jobs: int) -> None:
    """Submit jobs that never end, and wait until all of them are waited for."""
    bodies = {method: json.dumps(value).encode() for (method, _), value in answers(spec).items()}
    name, arguments = submit_arguments(spec)
    waiting = 0
    all_wait = asyncio.Event()

    def answered(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=bodies[request.method], headers={"content-type": "application/json"})

    async def one(client: AsyncSpacely) -> None:
        nonlocal waiting
        job = await getattr(client, name)(**arguments)
        waiting += 1
        if waiting == jobs:
            all_wait.set()
        await job.wait()

    transport = httpx.MockTransport(answered)
    async with AsyncSpacely(KEY, "http://127.0.0.1", rate_limit=1e6, poll_interval=600, transport=transport) as client:
        tasks = [asyncio.create_task(one(client)) for _ in range(jobs)]
        await all_wait.wait()
        await asyncio.sleep(0.1)
        _tell_growth()
        for task in tasks:
            task.cancel()


async def _tasks_that_sleep(jobs: int) -> None:
    tasks = [asyncio.create_task(asyncio.sleep(600)) for _ in range(jobs)]
    await asyncio.sleep(0.1)
    _tell_growth()
    for task in tasks:
        task.cancel()


_before = 0


def _tell_growth() -> None:
    now = tracemalloc.get_traced_memory()[0] if tracemalloc.is_tracing() else _resident()
    sys.stdout.write(f"{now - _before}\n")


def main(what: str, path: str, jobs: str) -> None:
    """Print how many bytes so many jobs take; for ``memory``, in a process of its own."""
    global _before  # noqa: PLW0603 - of this process, which does nothing else
    spec = load(Path(path))
    # Whatever the first job loads and keeps is not for each job.
    asyncio.run(_warm_up(spec))
    if what == "allocated":
        tracemalloc.start()
    else:
        _before = _resident()
    asyncio.run(_tasks_that_sleep(int(jobs)) if what == "task" else _jobs_in_flight(spec, int(jobs)))


async def _warm_up(spec: Spec) -> None:
    written, sys.stdout.write = sys.stdout.write, lambda _: 0  # type: ignore[method-assign] # no figures of this one
    try:
        await _jobs_in_flight(spec, 10)
    finally:
        sys.stdout.write = written  # type: ignore[method-assign]


if __name__ == "__main__":
    main(*sys.argv[1:])
