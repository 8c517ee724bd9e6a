"""The client's own schedule and budget in a time that moves by itself: to tune them, and to hold them in the tests.

usage: python -m bench_client.simulate [--seeds N] [--only TEXT] [--polls-per-job N ...]
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import math
import random
import statistics
import sys
from bisect import bisect_left
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from spacely_runtime import _clock
from spacely_runtime._budget import Budget, RateLimit
from spacely_runtime._jobs import AnyJob
from spacely_runtime._operation import Answer, Operation, Polling
from spacely_runtime._pace import Pace
from spacely_runtime._wait import Following, Wait

RenderTime = Callable[[random.Random, int, int], float]
"""Draws how long a job takes, given its number and how many there are."""


@dataclass(frozen=True)
class Case:
    """What is simulated.

    Attributes:
        name: What tables call it.
        draw: How long each job takes, in seconds.
        jobs: How many there are; all are there to be submitted from the beginning.
        rate: Calls a second.
        polls_per_job: What the caller asks for; None leaves it to the client.
        workers: So many jobs are in hand at a time; None is all of them.
        round_trip: Seconds between a call and its answer, at least; there is some jitter on top.
    """

    name: str
    draw: RenderTime
    jobs: int = 2000
    rate: int = 100
    polls_per_job: float | None = None
    workers: int | None = None
    round_trip: float = 0.004


def lognormal(median: float, sigma: float) -> RenderTime:
    """Times whose logarithm is normal."""
    return lambda chance, _, __: median * math.exp(sigma * chance.gauss(0, 1))


def either(*draws: RenderTime) -> RenderTime:
    """Times of several kinds, mixed."""
    return lambda chance, number, jobs: chance.choice(draws)(chance, number, jobs)


def one_after_the_other(*draws: RenderTime) -> RenderTime:
    """Times that change on the way."""
    return lambda chance, number, jobs: draws[number * len(draws) // jobs](chance, number, jobs)


CASES = (
    Case("lognormal 3 s, sigma 0.2", lognormal(3, 0.2)),
    Case("lognormal 3 s, sigma 0.05", lognormal(3, 0.05)),
    Case("lognormal 3 s, sigma 0.5", lognormal(3, 0.5)),
    Case("2 s or 6 s", either(lognormal(2, 0.1), lognormal(6, 0.1))),
    Case("3 s, then 6 s", one_after_the_other(lognormal(3, 0.2), lognormal(6, 0.2))),
    Case("6 s, then 3 s", one_after_the_other(lognormal(6, 0.2), lognormal(3, 0.2))),
    Case("lognormal 30 s, sigma 0.2", lognormal(30, 0.2)),
    Case("lognormal 0.4 s, sigma 0.2", lognormal(0.4, 0.2)),
    Case("5 calls a second, 100 jobs", lognormal(3, 0.2), jobs=100, rate=5),
    Case("1 job", lognormal(3, 0.2), jobs=1),
    Case("10 jobs", lognormal(3, 0.2), jobs=10),
    Case("200 jobs in hand at a time", lognormal(3, 0.2), workers=200),
    Case("one in a hundred takes 60 s", lambda c, n, j: 60.0 if n % 100 == 7 else lognormal(3, 0.2)(c, n, j)),
    Case("round trips of 0.2 s", lognormal(3, 0.2), round_trip=0.2),
)


@dataclass
class Outcome:
    """What came of it: moments in seconds since the beginning, a value for each job or call."""

    submitted: list[float] = field(default_factory=list)
    known: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    """Seconds between being ready and being known, as parts of the render time."""
    polls: list[int] = field(default_factory=list)
    arrived: list[float] = field(default_factory=list)
    """Calls, by when they arrived at the server."""

    @property
    def rate(self) -> float:
        """Jobs a second, from the first submit to when the last job was known to be done."""
        return len(self.known) / (max(self.known) - min(self.submitted))

    @property
    def steady_rate(self) -> float:
        """Jobs a second among the middle eight tenths of those that came to be known."""
        known = sorted(self.known)
        first, last = len(known) // 10, len(known) * 9 // 10
        return (last - first) / (known[last] - known[first]) if last > first else math.nan

    @property
    def calls_a_job(self) -> float:
        """Calls for each job, submits included."""
        return len(self.arrived) / len(self.known)

    def worst_window(self, seconds: float = 1.0) -> int:
        """The most calls that arrived within any so many seconds."""
        moments = sorted(self.arrived)
        return max(bisect_left(moments, start + seconds) - at for at, start in enumerate(moments))

    def row(self) -> list[str]:
        """The figures as text."""
        tenth = statistics.quantiles(self.late, n=10)[-1] if len(self.late) > 1 else self.late[0]
        return [
            f"{self.rate:.1f}",
            f"{self.steady_rate:.1f}",
            f"{self.calls_a_job:.2f}",
            str(self.worst_window()),
            f"{statistics.median(self.late):.1%}",
            f"{statistics.mean(self.late):.1%}",
            f"{tenth:.1%}",
        ]


HEADINGS = ["jobs/s", "steady", "calls a job", "worst second", "median late", "mean late", "p90 late"]


Actor: TypeAlias = Generator[float, None, None]
"""Somebody who acts, and in between waits for as many seconds as are yielded."""


class _Simulation:
    """One run: a clock that moves on when all wait, and the workers that submit and follow jobs."""

    def __init__(self, case: Case, seed: int) -> None:
        self.now = 0.0
        self.outcome = Outcome()
        self._case = case
        self._chance = random.Random(seed)
        self._budget = Budget(RateLimit(case.rate, 1.0))
        if case.polls_per_job is not None:
            self._budget.expect(case.polls_per_job)
        self._following = Following(Pace(delay=2.0, interval=2.0), self._budget, self._polls_a_job)
        self._numbers = iter(range(case.jobs))
        self._order = itertools.count()
        self._waiting: list[tuple[float, int, Actor]] = []

    def run(self) -> None:
        for _ in range(min(self._case.workers or self._case.jobs, self._case.jobs)):
            self._wait(0.0, self._worker())
        while self._waiting:
            self.now, _, actor = heapq.heappop(self._waiting)
            pause = next(actor, None)
            if pause is not None:
                self._wait(pause, actor)

    def _wait(self, seconds: float, actor: Actor) -> None:
        heapq.heappush(self._waiting, (self.now + seconds, next(self._order), actor))

    def _polls_a_job(self, seconds: float | None) -> float:
        return self._case.polls_per_job or self._budget.affordable_polls(self.now, seconds)

    def _worker(self) -> Actor:
        for number in self._numbers:
            yield from self._job(number)

    def _job(self, number: int) -> Actor:
        yield from self._turn(submit=True)
        self.outcome.submitted.append(self.now)
        seconds = self._case.draw(self._chance, number, self._case.jobs)
        ready = (yield from self._call()) + seconds
        wait: Wait[None] = Wait(_job(self._following, self.now), None)
        while True:
            while pause := wait.pause():
                yield pause
            yield from self._turn(submit=False)
            sent = self.now
            arrived = yield from self._call()
            update = wait.answered(None, Answer(200, {}, arrived >= ready, sent))
            if update.state != "running":
                break
        wait.close()
        self.outcome.known.append(self.now)
        self.outcome.late.append((self.now - ready) / seconds)
        self.outcome.polls.append(update.polls)

    def _turn(self, *, submit: bool) -> Actor:
        ticket, granted = self._budget.enter(submit=submit), False
        while not granted:
            pause, granted = self._budget.ask(ticket, self.now)
            yield pause
        self._budget.leave(ticket)

    def _call(self) -> Generator[float, None, float]:
        """Send something; when it arrived."""
        sent = self.now
        yield self._case.round_trip / 2 + self._chance.expovariate(1000)
        arrived = self.now
        self.outcome.arrived.append(arrived)
        yield self._case.round_trip / 2 + self._chance.expovariate(1000)
        self._budget.answered(sent, self.now)
        return arrived


def simulate(case: Case, seed: int) -> Outcome:
    """Run one case."""
    simulation = _Simulation(case, seed)
    before, _clock.monotonic = _clock.monotonic, lambda: simulation.now
    try:
        simulation.run()
    finally:
        _clock.monotonic = before
    return simulation.outcome


def _job(following: Following, submitted_at: float) -> AnyJob:
    return AnyJob(
        name="start", operation=_OPERATION, job_id="1", interval=None, following=following, submitted_at=submitted_at
    )


_OPERATION = Operation(
    id="start",
    method="POST",
    path="/",
    summary="",
    encode=lambda _, __: {},
    replies={},
    statuses=frozenset(),
    polling=Polling(
        target="look",
        parameter="id",
        constants={},
        read_id=lambda _: "1",
        parse_id=str,
        succeeded=lambda answer: bool(answer.body),
        failed=lambda _: False,
        result=None,
        delay_seconds=2,
        interval_seconds=2,
        timeout_seconds=600,
    ),
)


def table(cases: Sequence[Case], seeds: int) -> list[list[str]]:
    """The figures of each case, each the median over several runs."""
    rows: list[list[str]] = []
    for case in cases:
        runs = [simulate(case, seed).row() for seed in range(seeds)]
        rows.append([case.name, *(_middle(column) for column in zip(*runs, strict=True))])
    return rows


def _middle(column: Sequence[str]) -> str:
    return sorted(column, key=lambda text: float(text.rstrip("%")))[len(column) // 2]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures as a table."""
    parser = argparse.ArgumentParser(prog="python -m bench_client.simulate", description=__doc__)
    parser.add_argument("--seeds", type=int, default=3, help="runs of each case, of which the median is shown")
    parser.add_argument("--only", default="", help="cases whose name holds this text")
    parser.add_argument("--polls-per-job", type=float, nargs="*", help="compare these for the first case")
    options = parser.parse_args(arguments)
    cases: Sequence[Case] = [case for case in CASES if options.only in case.name]
    if options.polls_per_job:
        first = cases[0]
        cases = [Case(f"{polls:g} polls a job", first.draw, polls_per_job=polls) for polls in options.polls_per_job]
    print(f"| | {' | '.join(HEADINGS)} |\n|---|{'--:|' * len(HEADINGS)}")
    for row in table(cases, options.seeds):
        print(f"| {' | '.join(row)} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
