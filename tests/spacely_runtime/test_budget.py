"""The rate budget: no window holds more calls than the limit, and all clients with one key share it."""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Generator

from tests.spacely_runtime.things import RUNNING, Clock, Server

from spacely_runtime._budget import Budget, RateLimit
from spacely_runtime._defaults import BUDGET_MARGIN

WINDOW = 1 + BUDGET_MARGIN


def other_call(budget: Budget, made: list[float]) -> Generator[float, float, None]:
    now, again, granted = (yield 0.0), False, False
    while not granted:
        wait, granted = budget.ask(now, again=again)
        again = True
        now = yield wait
    made.append(now)


def submit(budget: Budget, made: list[float]) -> Generator[float, float, None]:
    now, granted = (yield 0.0), False
    ticket = budget.enter()
    while not granted:
        wait, granted = budget.ask_to_submit(ticket, now)
        now = yield wait
    budget.leave(ticket)
    made.append(now)


def run(*callers: tuple[float, Generator[float, float, None]]) -> None:
    """Let callers wait as they are told to, in a time that moves by itself."""
    order = itertools.count()
    waiting = [(start, next(order), caller) for start, caller in callers]
    for _, _, caller in waiting:
        next(caller)
    heapq.heapify(waiting)
    while waiting:
        now, _, caller = heapq.heappop(waiting)
        try:
            wait = caller.send(now)
        except StopIteration:
            continue
        assert wait >= 0
        heapq.heappush(waiting, (now + wait, next(order), caller))


def most_in_a_window(moments: list[float], seconds: float) -> int:
    moments = sorted(moments)
    return max(sum(start <= each < start + seconds for each in moments) for start in moments)


def test_no_window_of_the_limits_length_holds_more_calls_than_the_limit() -> None:
    chance = random.Random(1)
    budget, made = Budget(RateLimit(10, 1.0)), list[float]()
    run(
        *((chance.uniform(0, 20), submit(budget, made)) for _ in range(60)),
        *((chance.uniform(0, 20), other_call(budget, made)) for _ in range(150)),
    )
    assert len(made) == 210
    assert most_in_a_window(made, 1.0) <= 10


def test_a_burst_of_submits_leaves_room_for_the_polls_that_follow() -> None:
    budget, submits, polls = Budget(RateLimit(100, 1.0)), list[float](), list[float]()
    run(
        *((0.0, submit(budget, submits)) for _ in range(200)),
        *((1 + n / 50, other_call(budget, polls)) for n in range(100)),
    )
    assert most_in_a_window([*submits, *polls], 1.0) <= 100
    assert all(moment - (1 + n / 50) < 0.2 for n, moment in enumerate(sorted(polls)))


def test_submits_that_wait_go_before_polls_that_wait() -> None:
    budget, submits, polls = Budget(RateLimit(10, 1.0)), list[float](), list[float]()
    run(
        *((0.0, other_call(budget, [])) for _ in range(10)),
        *((0.1, other_call(budget, polls)) for _ in range(20)),
        *((0.2, submit(budget, submits)) for _ in range(3)),
    )
    assert max(submits) < sorted(polls)[len(polls) // 2]


def test_calls_below_the_limit_wait_for_nothing() -> None:
    budget = Budget(RateLimit(10, 1.0))
    assert [budget.ask(n * 0.2, again=False) for n in range(50)] == [(0.0, True)] * 50


def test_all_clients_of_a_process_with_one_key_share_a_budget(clock: Clock) -> None:
    server = Server(RUNNING)
    with (
        server.client(rate_limit=2) as one,
        server.client(rate_limit=2) as other,
        server.client(rate_limit=2, api_key="sk-of-somebody-else") as foreign,
    ):
        one.look("t")
        other.look("t")
        foreign.look("t")
        assert clock.pauses == []
        one.look("t")
        assert sum(clock.pauses) >= 1.0


def test_a_rate_limit_of_none_is_off(clock: Clock) -> None:
    with Server(RUNNING).client(rate_limit=None) as client:
        for _ in range(500):
            client.look("t")
    assert clock.pauses == []


def test_the_contracts_limit_holds_by_default(clock: Clock) -> None:
    with Server(RUNNING).client(api_key="sk-of-this-test-alone") as client:
        for _ in range(101):
            client.look("t")
    assert 1.0 <= sum(clock.pauses) < 1.1
