"""How a rate limit is spent: many jobs through the mock, in real time, by the client and by simple pollers beside it.

What is told of calls comes from the mock's journal, and when a job was ready from the mock as well; of the client
it is only taken when it knew.
"""

from __future__ import annotations

import asyncio
import math
import statistics
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from bench_mock.requests import KEY, Request, poll_request, submit_request
from bench_mock.servers import MOCK, Running, Server, running
from spacely_client import AsyncSpacely
from spacely_runtime._defaults import POLLS_A_JOB
from spacely_runtime._pace import spread
from spacely_spec import Answer, Polling, Spec, all_hold

MEDIAN_SECONDS = 3.0
SIGMA = 0.2
CALLS_A_SECOND = 100
NextAge = Callable[[float], float]
"""From the age of a job at its last poll, 0 for none, the age at which to poll it next."""


@dataclass
class Flow:
    """What came of one run.

    Attributes:
        name: What the table calls it.
        jobs: How many were to be done.
        known: When each job was known to be done, by its id, in seconds since the Unix epoch.
        errors: What went wrong, by kind.
        calls: When each call arrived at the mock.
        ready: When each job was ready, by its id, as the mock says.
        seconds: How long each job ran, by its id.
        cpu: The seconds of processor time that this process used.
    """

    name: str
    jobs: int
    known: dict[str, float] = field(default_factory=dict[str, float])
    errors: Counter[str] = field(default_factory=Counter[str])
    calls: list[float] = field(default_factory=list[float])
    ready: dict[str, float] = field(default_factory=dict[str, float])
    seconds: dict[str, float] = field(default_factory=dict[str, float])
    cpu: float = 0.0

    @property
    def lost(self) -> int:
        """Jobs that the mock has made, and that nobody knows to be done."""
        return len(self.ready.keys() - self.known.keys())

    @property
    def rate(self) -> float:
        """Jobs a second, from the first call to when the last job was known to be done."""
        return len(self.known) / (max(self.known.values()) - min(self.calls))

    @property
    def steady_rate(self) -> float:
        """Jobs a second among the middle eight tenths of those that came to be known."""
        known = sorted(self.known.values())
        first, last = len(known) // 10, len(known) * 9 // 10
        return (last - first) / (known[last] - known[first])

    @property
    def calls_a_job(self) -> float:
        """Calls for each job, submits included."""
        return len(self.calls) / len(self.known)

    @property
    def worst_second(self) -> int:
        """The most calls within any second, by when they arrived at the mock."""
        moments = sorted(self.calls)
        return max(bisect_left(moments, start + 1.0) - at for at, start in enumerate(moments))

    @property
    def late(self) -> list[float]:
        """Seconds between being ready and being known, as parts of the render time, in order."""
        return sorted((known - self.ready[each]) / self.seconds[each] for each, known in self.known.items())


class Arena:
    """The mock, the contract and the requests, for all who run in it.

    Args:
        spec: The contract.
        cache: Where nothing is kept; as ``running`` asks for one.
        progress: As the mock's option.
    """

    def __init__(self, spec: Spec, cache: Path, progress: str) -> None:
        self.spec = spec
        self.submit = submit_request(spec)
        self._cache = cache
        command = (*MOCK.command[:-2], "--progress", progress, "--journal", "200000")
        self._server = Server("mock", "", command)

    def run(self, flow: Flow, drive: Callable[[Flow, str], Awaitable[None]]) -> Flow:
        """Let somebody drive all jobs through a mock of its own.

        Args:
            flow: Filled in.
            drive: Given it and the base URL.
        """
        with running(self._server, self.spec.path, self._cache, self.submit, [self.spec.base_path]) as mock:
            self._ask(mock, "POST", "reset")
            before = time.process_time()
            asyncio.run(drive(flow, f"http://127.0.0.1:{mock.port}{mock.base}"))  # type: ignore[arg-type] # a coroutine
            flow.cpu = time.process_time() - before
            flow.calls = [line["time"] for line in self._ask(mock, "GET", "requests")["requests"]]
            for job in self._ask(mock, "GET", "jobs")["jobs"]:
                flow.ready[job["id"]] = job["created"] + job["seconds"]
                flow.seconds[job["id"]] = job["seconds"]
        return flow

    @staticmethod
    def _ask(mock: Running, method: str, what: str) -> Any:
        return httpx.request(method, f"http://127.0.0.1:{mock.port}/__mock__/{what}", timeout=60).json()


async def with_client(flow: Flow, url: str, *, arguments: dict[str, Any], name: str) -> None:
    """All jobs through the client, as its user would write it: every one at once, and the client sees to the rest."""

    async def one(client: AsyncSpacely) -> None:
        try:
            job = await getattr(client, name)(**arguments)
            await job.wait()
            flow.known[job.id] = time.time()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is counted
            flow.errors[type(error).__name__] += 1

    async with AsyncSpacely(api_key=KEY, base_url=url, rate_limit=CALLS_A_SECOND) as client:
        await asyncio.gather(*(one(client) for _ in range(flow.jobs)))


def with_poller(spec: Spec, *, in_hand: int, next_age: NextAge, spacing: float) -> Callable[[Flow, str], Any]:
    """All jobs through bare httpx, a simple limiter, and polls at ages that are given.

    Args:
        spec: The contract.
        in_hand: So many jobs at a time.
        next_age: When to poll.
        spacing: Seconds between submits, at least.
    """
    operation = next(each for each in spec.operations if each.polling)
    polling = operation.polling
    assert polling is not None
    submit = submit_request(spec)

    async def drive(flow: Flow, url: str) -> None:
        limiter = _Limiter(CALLS_A_SECOND, 1.02)
        numbers = iter(range(flow.jobs))
        next_submit = time.monotonic()

        async def send(http: httpx.AsyncClient, request: Request) -> Answer:
            await limiter.turn()
            response = await http.request(
                request.method, url + request.path, headers=request.headers, content=request.body or None
            )
            response.raise_for_status()
            return Answer(response.status_code, response.headers, response.json())

        async def one(http: httpx.AsyncClient, polling: Polling) -> None:
            answer = await send(http, submit)
            began = time.monotonic()
            job = str(polling.job_id.read(answer))
            request = poll_request(spec, answer)
            age = 0.0
            while True:
                age = next_age(age)
                await asyncio.sleep(began + age - time.monotonic())
                if all_hold(polling.success, await send(http, request)):
                    flow.known[job] = time.time()
                    return
                age = max(age, time.monotonic() - began)

        async def worker(http: httpx.AsyncClient) -> None:
            nonlocal next_submit
            for _ in numbers:
                next_submit = max(next_submit + spacing, time.monotonic())
                await asyncio.sleep(next_submit - time.monotonic())
                try:
                    await one(http, polling)
                except Exception as error:  # noqa: BLE001 - whatever it is, it is counted
                    flow.errors[type(error).__name__] += 1

        async with httpx.AsyncClient(timeout=30) as http:
            await asyncio.gather(*(worker(http) for _ in range(min(in_hand, flow.jobs))))

    return drive


class _Limiter:
    """At most so many turns in a time, first come, first served."""

    def __init__(self, calls: int, seconds: float) -> None:
        self._calls = calls
        self._seconds = seconds
        self._turns: list[float] = []
        self._lock = asyncio.Lock()

    async def turn(self) -> None:
        async with self._lock:
            if len(self._turns) >= self._calls:
                await asyncio.sleep(self._turns.pop(0) + self._seconds - time.monotonic())
            self._turns.append(time.monotonic())


def every_second(age: float) -> float:
    """The poll schedule that public code has: a second after the submit, and every second from then on."""
    return age + 1.0


def as_if_known(polls_a_job: float) -> NextAge:
    """The schedule of one who knows the distribution before the first job."""
    start, step = spread(polls_a_job)
    ages = [MEDIAN_SECONDS * math.exp(SIGMA * (start + step * each)) for each in range(20)]

    def next_age(age: float) -> float:
        return next((each for each in ages if each > age + 0.01), age * 1.15)

    return next_age


def flows(spec: Spec, cache: Path, jobs: int, say: Callable[[str], None]) -> list[Flow]:
    """The client, and those beside it."""
    arena = Arena(spec, cache, f"lognormal:{MEDIAN_SECONDS:g}s,{SIGMA:g}")
    name, arguments = submit_arguments(spec)
    polls = POLLS_A_JOB
    in_hand = int(CALLS_A_SECOND * 0.75)
    lanes: list[tuple[Flow, Callable[[Flow, str], Any]]] = [
        (Flow("this client", jobs), lambda flow, url: with_client(flow, url, arguments=arguments, name=name)),
        (
            Flow(f"every second, {in_hand} in hand", jobs // 2),
            with_poller(spec, in_hand=in_hand, next_age=every_second, spacing=0),
        ),
        (
            Flow("every second, all at once", jobs),
            with_poller(spec, in_hand=jobs, next_age=every_second, spacing=0),
        ),
        (
            Flow("fixed ages, distribution known", jobs),
            with_poller(
                spec,
                in_hand=jobs,
                next_age=as_if_known(polls),
                spacing=1.02 / CALLS_A_SECOND * (1 + polls),
            ),
        ),
    ]
    done: list[Flow] = []
    for flow, drive in lanes:
        arena.run(flow, drive)
        done.append(flow)
        say(
            f"{flow.name}: {flow.rate:.1f} jobs/s, {flow.calls_a_job:.2f} calls a job, worst second "
            f"{flow.worst_second}, median late {statistics.median(flow.late):.1%}"
        )
    return done


def submit_arguments(spec: Spec) -> tuple[str, dict[str, Any]]:
    """The method that submits, and its arguments out of the contract's first example."""
    operations = AsyncSpacely.operations
    name = next(name for name, operation in operations.items() if operation.polling is not None)
    operation = spec.operation(operations[name].id)
    arguments = {each.name: next(iter(each.examples.values())) for each in operation.parameters if each.required}
    if operation.body is not None:
        content = next(iter(operation.body.content.values()))
        example = next(iter(content.examples.values()))
        arguments |= {operations[name].body_names.get(key, key): value for key, value in example.items()}
    return name, arguments
