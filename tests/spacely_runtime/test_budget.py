"""The rate budget: no window holds more calls than the limit, and all clients with one key share it."""

from __future__ import annotations

import itertools

from tests.spacely_runtime.things import RUNNING, Clock, Server

from spacely_runtime._budget import Budget, RateLimit


def test_no_window_of_the_limits_length_holds_more_calls_than_the_limit() -> None:
    budget = Budget(RateLimit(10, 1.0))
    now, starts = 0.0, []
    for step in itertools.islice(itertools.cycle([0.0, 0.0, 0.03, 0.4, 0.0]), 200):
        now += step
        starts.append(now + budget.reserve(now))
    for first, eleventh in zip(starts, starts[10:], strict=False):
        assert eleventh - first >= 1.0 - 1e-9


def test_calls_below_the_limit_wait_for_nothing() -> None:
    budget = Budget(RateLimit(10, 1.0))
    assert [budget.reserve(n * 0.2) for n in range(50)] == [0.0] * 50


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
        assert clock.pauses == [1.0]


def test_a_rate_limit_of_none_is_off(clock: Clock) -> None:
    with Server(RUNNING).client(rate_limit=None) as client:
        for _ in range(500):
            client.look("t")
    assert clock.pauses == []


def test_the_contracts_limit_holds_by_default(clock: Clock) -> None:
    with Server(RUNNING).client(api_key="sk-of-this-test-alone") as client:
        for _ in range(101):
            client.look("t")
    assert clock.pauses == [1.0]
