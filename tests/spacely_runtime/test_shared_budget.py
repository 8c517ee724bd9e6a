"""A rate limit shared through a real Redis: who gets a turn when, what the store sees, what happens without it."""

from __future__ import annotations

import asyncio
import itertools
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from tests.spacely_mock.redis_server import RedisServer
from tests.spacely_runtime.things import DONE, KEY, RUNNING, STARTED, Server

from spacely_runtime import RateLimit, errors
from spacely_runtime._secret import Secret
from spacely_runtime._shared_budget import SharedBudget
from spacely_runtime.testing import set_testing

LIMIT = RateLimit(10, 0.2)
keys = (f"sk-{number}" for number in itertools.count())


@pytest.fixture(scope="module")
def store() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture
def budget(store: RedisServer) -> Iterator[SharedBudget]:
    budget = SharedBudget(store.url, Secret(next(keys)), LIMIT, "things")
    yield budget
    budget.close()


def turns(store: RedisServer, budget: SharedBudget) -> list[float]:
    """The moments of the last calls in seconds, by the store."""
    with redis.Redis.from_url(store.url) as connection:
        return [score for _, score in connection.zrange(budget._names[0], 0, -1, withscores=True)]


def take(budget: SharedBudget, *, submit: bool = False) -> float:
    budget.answered(budget.take_turn(submit=submit, polls_a_job=1.45))
    return time.monotonic()


def most_in_a_window(moments: list[float], seconds: float) -> int:
    moments = sorted(moments)
    return max(sum(start <= each < start + seconds for each in moments) for start in moments)


def test_no_window_holds_more_calls_than_the_limit_whoever_makes_them(store: RedisServer) -> None:
    key = next(keys)
    granted: list[float] = []
    seen: dict[bytes, float] = {}

    def call(number: int) -> None:
        budget = SharedBudget(store.url, Secret(key), LIMIT, "things")
        chance = random.Random(number)
        with redis.Redis.from_url(store.url) as connection:
            for _ in range(25):
                granted.append(take(budget, submit=chance.random() < 0.3))
                seen.update(connection.zrange(budget._names[0], 0, -1, withscores=True))
        budget.close()

    threads = [threading.Thread(target=call, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(granted) == len(seen) == 100
    assert most_in_a_window([moment / 1e6 for moment in seen.values()], LIMIT.seconds) == LIMIT.calls


def test_calls_below_the_limit_wait_for_nothing_once_the_store_is_known(
    budget: SharedBudget, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(budget)
    monkeypatch.setattr("spacely_runtime._clock.sleep", lambda seconds: seconds and pytest.fail(f"waited {seconds}"))
    for _ in range(LIMIT.calls - 2):
        take(budget)


def test_a_new_store_or_one_that_lost_its_memory_lets_nobody_call_for_one_window(
    store: RedisServer, budget: SharedBudget
) -> None:
    began = time.monotonic()
    assert take(budget) - began >= LIMIT.seconds
    began = take(budget)
    store.flush()
    assert take(budget) - began >= LIMIT.seconds


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
def test_a_call_that_was_held_up_counts_as_late_as_it_may_have_arrived(store: RedisServer, asynchronous: bool) -> None:
    # A window so long that the store remembers the call until it is asked, on a busy machine too.
    budget = SharedBudget(store.url, Secret(next(keys)), RateLimit(10, 1.0), "things")

    async def held_up() -> None:
        turn = await budget.take_turn_async(submit=False, polls_a_job=1.45)
        await asyncio.sleep(0.1)
        budget.answered_async(turn)
        await budget.aclose()

    take(budget)
    began = time.time() * 1e6
    if asynchronous:
        asyncio.run(held_up())
    else:
        turn = budget.take_turn(submit=False, polls_a_job=1.45)
        time.sleep(0.1)
        budget.answered(turn)
    answered = time.time() * 1e6
    assert began + 100_000 <= max(turns(store, budget)) <= answered
    budget.close()


def test_what_is_told_of_a_call_that_is_long_over_leaves_nothing_behind(
    store: RedisServer, budget: SharedBudget
) -> None:
    turn = budget.take_turn(submit=False, polls_a_job=1.45)
    store.flush()
    time.sleep(0.1)
    budget.answered(turn)
    assert turns(store, budget) == []


def test_submits_that_wait_go_before_polls_that_wait(store: RedisServer, budget: SharedBudget) -> None:
    async def run() -> list[str]:
        order: list[str] = []

        async def call(name: str, *, submit: bool) -> None:
            await budget.take_turn_async(submit=submit, polls_a_job=0.01)
            order.append(name)

        await asyncio.gather(*(call("first", submit=False) for _ in range(LIMIT.calls)))
        polls = [asyncio.create_task(call("poll", submit=False)) for _ in range(20)]
        await asyncio.sleep(0.02)
        submits = [asyncio.create_task(call("submit", submit=True)) for _ in range(3)]
        await asyncio.gather(*polls, *submits)
        await budget.aclose()
        return order[LIMIT.calls :]

    order = asyncio.run(run())
    assert [index for index, name in enumerate(order) if name == "submit"][-1] < 10, order


def test_submits_of_all_are_spaced_so_that_their_polls_find_room(store: RedisServer) -> None:
    key = Secret(next(keys))
    one, other = (SharedBudget(store.url, key, RateLimit(100, 1.0), "things") for _ in range(2))

    def submit(budget: SharedBudget) -> None:
        for _ in range(20):
            take(budget, submit=True)

    threads = [threading.Thread(target=submit, args=(budget,)) for budget in (one, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made = turns(store, one)
    # After the burst that is allowed, 39 a second leave room for 1.45 polls each.
    assert len(made) == 40
    assert made[-1] - made[0] >= 20 / 39 * 1e6
    one.close()
    other.close()


def test_the_key_is_not_in_the_store_in_the_clear(store: RedisServer) -> None:
    server = Server(RUNNING)
    with server.client(rate_limit_store=store.url) as client, redis.Redis.from_url(store.url) as connection:
        client.look("t")
        names = connection.keys("things:rate-limit:*")
        assert len([name for name in names if name.endswith((b":turns", b":known"))]) >= 2
        held = b"".join(connection.dump(name) or b"" for name in connection.scan_iter())
    assert KEY.encode() not in held + b"".join(names)


def test_clients_share_it_through_the_environment_too(store: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THINGS_RATE_LIMIT_STORE", store.url)
    key = next(keys)
    with Server(RUNNING).client(api_key=key, rate_limit=1000) as client:
        client.look("t")
        assert len(turns(store, client._shared_budget)) == 1  # type: ignore[arg-type]  # it has one


def test_where_the_limit_is_off_there_is_nothing_to_share() -> None:
    with Server(RUNNING).client(rate_limit=None, rate_limit_store="redis://127.0.0.1:1/0") as client:
        client.look("t")


def test_without_waiting_the_store_is_not_asked() -> None:
    with set_testing(True), Server(RUNNING).client(rate_limit_store="redis://127.0.0.1:1/0") as client:
        client.look("t")


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
def test_without_the_store_nothing_is_sent_and_the_error_says_so(
    asynchronous: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server(STARTED)
    options: dict[str, Any] = {"rate_limit_store": "redis://127.0.0.1:1/0", "max_retries": 1}

    async def start() -> None:
        async with server.async_client(**options) as client:
            await client.start()

    def run() -> None:
        if asynchronous:
            asyncio.run(start())
        with server.client(**options) as client:
            client.start()

    with pytest.raises(errors.RateLimitStoreError, match="nothing was sent") as caught:
        run()
    assert server.requests == []
    assert (caught.value.operation, caught.value.never_sent, caught.value.attempts) == ("startThing", True, 2)
    assert not isinstance(caught.value, errors.SubmissionUncertain)


def test_a_wait_outlives_a_store_that_is_gone_for_a_while() -> None:
    with RedisServer() as store:
        server = Server(STARTED, RUNNING, DONE)
        with server.client(rate_limit_store=store.url, rate_limit=1000, poll_interval=0.05) as client:
            job = client.start()
            store.stop()
            with pytest.raises(errors.RateLimitStoreError) as caught:
                job.poll()
            assert caught.value.job_id == "t-1"
            threading.Timer(0.2, store.start).start()
            assert job.wait()["state"] == "done"
    assert len(server.requests) == 3


def test_a_url_that_is_none_is_told_without_its_password() -> None:
    with pytest.raises(errors.ConfigurationError, match="write it as redis://") as caught:
        Server(RUNNING).client(rate_limit_store="http://:hunter2@store:6379")
    assert "hunter2" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_without_redis_the_extra_is_named() -> None:
    code = (
        "import sys; sys.modules['redis'] = None\n"
        "from tests.spacely_runtime.things import Things\n"
        "Things('k', rate_limit_store='redis://x')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "install the client with its extra redis" in done.stderr
