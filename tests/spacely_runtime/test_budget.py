"""The rate budget: no window holds more calls than the limit, and all clients with one key share it."""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Generator

import httpx
import pytest
from tests.spacely_runtime.things import KEY, RUNNING, STARTED, Clock, Server, Things, answer

from spacely_runtime._budget import Budget, RateLimit
from spacely_runtime._defaults import BUDGET_MARGIN, POLLS_A_JOB

WINDOW = 1 + BUDGET_MARGIN


def call(budget: Budget, made: list[float], *, submit: bool, round_trip: float = 0.0) -> Generator[float, float, None]:
    """A call that waits for its turn, notes when it was made, and is answered."""
    now, granted = (yield 0.0), False
    ticket = budget.enter(submit=submit)
    while not granted:
        wait, granted = budget.ask(ticket, now)
        now = yield wait
    sent = now
    made.append(sent)
    now = yield round_trip
    budget.answered(sent, now)
    budget.leave(ticket)


def other_call(budget: Budget, made: list[float]) -> Generator[float, float, None]:
    return call(budget, made, submit=False)


def submit(budget: Budget, made: list[float]) -> Generator[float, float, None]:
    return call(budget, made, submit=True)


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
        *((0.0, submit(budget, submits)) for _ in range(400)),
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


def test_calls_of_a_kind_go_in_the_order_in_which_they_came() -> None:
    budget = Budget(RateLimit(3, 1.0))
    made = [list[float]() for _ in range(30)]
    run(*((number / 100, other_call(budget, each)) for number, each in enumerate(made)))
    assert made == sorted(made)
    assert made[-1][0] < 10 * WINDOW


def test_nobody_overtakes_a_call_that_has_waited_for_longer() -> None:
    budget = Budget(RateLimit(1, 1.0))
    assert granted(budget, 0.0)
    waiting = budget.enter(submit=False)
    assert not budget.ask(waiting, 0.5)[1]
    assert not granted(budget, WINDOW + 0.01)
    assert budget.ask(waiting, WINDOW + 0.02)[1]


def granted(budget: Budget, now: float) -> bool:
    ticket = budget.enter(submit=False)
    try:
        return budget.ask(ticket, now)[1]
    finally:
        budget.leave(ticket)


def test_a_call_that_took_longer_than_others_is_counted_as_if_it_had_arrived_late() -> None:
    budget = Budget(RateLimit(2, 1.0))
    for number in range(10):
        assert granted(budget, number * 2.0)
        budget.answered(number * 2.0, number * 2.0 + 0.1)
    assert granted(budget, 20.0)
    assert granted(budget, 20.1)
    budget.answered(20.1, 20.2)
    budget.answered(20.0, 20.7)  # Others were there and back in 0.1 seconds: it may have been on its way for 0.6.
    assert not granted(budget, 20.1 + WINDOW - 0.01)
    assert granted(budget, 20.1 + WINDOW + 0.01)
    assert not granted(budget, 20.6 + WINDOW - 0.01)
    assert granted(budget, 20.6 + WINDOW + 0.01)


def test_while_it_is_not_known_how_long_the_way_takes_a_call_may_have_arrived_when_it_was_answered() -> None:
    budget = Budget(RateLimit(2, 1.0))
    for now in (0.0, 0.1):
        assert granted(budget, now)
        budget.answered(now, now + 0.5)
    assert not granted(budget, 0.5 + WINDOW - 0.01)
    assert granted(budget, 0.5 + WINDOW + 0.01)


def test_a_few_submits_go_at_once_and_many_are_paced() -> None:
    few, many = list[float](), list[float]()
    budget = Budget(RateLimit(100, 1.0))
    run(*((0.0, submit(budget, few)) for _ in range(60)))
    assert max(few) < 0.1
    budget = Budget(RateLimit(100, 1.0))
    run(*((0.0, submit(budget, many)) for _ in range(400)))
    assert sum(moment < 3 for moment in many) == pytest.approx(10 + 3 * 100 / (1 + POLLS_A_JOB), abs=3)


def test_whoever_leaves_the_queue_holds_nobody_up() -> None:
    budget, made = Budget(RateLimit(2, 1.0)), list[float]()
    for ticket in [budget.enter(submit=kind) for kind in (True, False) for _ in range(10)]:
        budget.ask(ticket, 0.0)
        budget.leave(ticket)
    run(*((2.0, submit(budget, made)) for _ in range(2)))
    assert max(made) < 2.0 + 2 * (1 + POLLS_A_JOB)


def test_calls_below_the_limit_wait_for_nothing() -> None:
    budget = Budget(RateLimit(10, 1.0))
    assert [budget.ask(budget.enter(submit=False), n * 0.2) for n in range(50)] == [(0.0, True)] * 50


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


def test_a_client_tells_its_budget_how_long_a_call_was_on_its_way(clock: Clock) -> None:
    def answered_slowly(_: httpx.Request) -> httpx.Response:
        clock.now += 0.6
        return answer(body={"state": "running"})

    with Things(KEY, rate_limit=1, transport=httpx.MockTransport(answered_slowly)) as client:
        client.look("t")
        client.look("t")
    assert sum(clock.pauses) == pytest.approx(WINDOW)


def test_submits_leave_room_for_as_many_polls_as_the_caller_wants(clock: Clock) -> None:
    def seconds_for_submits(polls_per_job: float) -> float:
        began = clock.now
        with Server(STARTED).client(
            rate_limit=10, polls_per_job=polls_per_job, api_key=f"sk-{polls_per_job}"
        ) as client:
            for _ in range(13):
                client.start()
        return clock.now - began

    assert seconds_for_submits(9) == pytest.approx(10, abs=1.1)
    assert seconds_for_submits(1.2) == pytest.approx(2.2, abs=0.4)


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


def test_calls_for_which_no_connection_is_free_wait_in_their_order_and_a_submit_goes_first() -> None:
    budget = Budget(RateLimit(100, 1.0))
    first, second = budget.enter(submit=False), budget.enter(submit=False)
    submit = budget.enter(submit=True)
    for ticket in (first, second, submit):
        wait, granted = budget.ask(ticket, 10.0, connections=0)
        assert wait > 0
        assert not granted
    assert [budget.ask(ticket, 10.1, connections=1)[1] for ticket in (second, first, submit)] == [False, False, True]
    assert [budget.ask(ticket, 10.2, connections=1)[1] for ticket in (second, first)] == [False, True]
    assert budget.ask(second, 10.3, connections=1) == (0.0, True)
