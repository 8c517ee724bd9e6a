"""The switch for tests: nothing waits, and all that depends on time goes on as if it had."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.spacely_runtime.things import DONE, RUNNING, STARTED, Server, answer

from spacely_runtime import _clock, errors
from spacely_runtime.testing import is_testing, set_testing


@pytest.fixture(autouse=True)
def _no_real_waiting(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # A mock that other tests share may run beside these: its thread waits as it likes.
    others = {thread.ident for thread in threading.enumerate()} - {threading.get_ident()}
    sleep, sleep_async = time.sleep, asyncio.sleep

    def watched(seconds: float) -> None:
        assert threading.get_ident() in others, f"waited {seconds} s"
        sleep(seconds)

    async def watched_async(seconds: float) -> None:
        assert seconds == 0 or threading.get_ident() in others, f"waited {seconds} s"
        await sleep_async(seconds)

    monkeypatch.setattr(time, "sleep", watched)
    monkeypatch.setattr(asyncio, "sleep", watched_async)
    yield
    set_testing(False)


def test_a_job_is_polled_as_often_as_ever_and_nobody_waits() -> None:
    waits: list[float] = []
    server = Server(STARTED, RUNNING, RUNNING, DONE)
    with set_testing(True, on_wait=waits.append), server.client() as client:
        client.start().wait()
    assert len(server.requests) == 4
    assert waits == pytest.approx([5, 2, 2], abs=0.5)


def test_a_wait_still_ends_at_its_timeout() -> None:
    server = Server(STARTED, RUNNING)
    with set_testing(True), server.client() as client, pytest.raises(errors.JobTimeout, match="60 s"):
        client.start().wait()
    assert 20 < len(server.requests) < 40


def test_retries_go_on_at_once() -> None:
    server = Server(answer(503, retry_after="30"), answer(503), RUNNING)
    with set_testing(True), server.client() as client:
        client.look("t")
    assert len(server.requests) == 3


def test_the_budget_lets_calls_go_at_once_and_still_spreads_them_over_its_clock() -> None:
    with set_testing(True), Server(RUNNING).client(rate_limit=2) as client:
        began = _clock.monotonic()
        for _ in range(20):
            client.look("t")
        assert _clock.monotonic() - began > 8


def test_waits_beside_each_other_do_not_add_up() -> None:
    async def run() -> None:
        async with Server(STARTED, *[STARTED] * 99, *[RUNNING] * 900, DONE).async_client(rate_limit=None) as client:
            jobs = await asyncio.gather(*(client.start() for _ in range(100)))
            # Together they wait for half an hour: of the minute that each has, none uses more than a part.
            await asyncio.gather(*(job.wait() for job in jobs))

    with set_testing(True):
        asyncio.run(run())


def test_threads_have_a_time_each() -> None:
    def ages(_: int) -> float:
        began = _clock.monotonic()
        _clock.sleep(100)
        return _clock.monotonic() - began

    with set_testing(True), ThreadPoolExecutor(4) as threads:
        assert list(threads.map(ages, range(8))) == pytest.approx([100] * 8, abs=1)


def test_the_asynchronous_client_lets_others_run_instead_of_waiting() -> None:
    async def run() -> list[str]:
        order: list[str] = []

        async def other() -> None:
            order.append("other")

        async with Server(STARTED, RUNNING, DONE).async_client() as client:
            job = await client.start()
            task = asyncio.create_task(other())
            await job.wait(on_update=lambda update: order.append(update.state))
            await task
        return order

    with set_testing(True):
        assert asyncio.run(run())[0] == "other"


def test_what_was_before_comes_back() -> None:
    assert not is_testing()
    with set_testing(True):
        with set_testing(False):
            assert not is_testing()
        assert is_testing()
    assert not is_testing()
    with pytest.raises(AssertionError, match="waited"), Server(STARTED, RUNNING).client() as client:
        client.start().wait()


def test_it_is_a_plain_call_too() -> None:
    set_testing(True)
    assert is_testing()
    set_testing(False)
    assert not is_testing()
