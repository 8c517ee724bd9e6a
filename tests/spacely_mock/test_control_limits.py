"""The rate limit: off by default, for each key, over a sliding window."""

import asyncio

import pytest
from tests.spacely_mock.helpers import GROWTH, KEY, Caller

from spacely_mock._state import MemoryState, namespace_of
from spacely_spec import SpecError

TWO = {"X-API-KEY": "sk-two"}


def statuses(call, count, headers=KEY):
    return [call.submit(headers=headers).status_code for _ in range(count)]


def test_without_being_asked_for_there_is_no_limit():
    assert set(statuses(Caller(), 120)) == {200}


def test_the_contracts_own_limit_holds_where_it_is_asked_for():
    call = Caller(rate_limit=True)
    assert statuses(call, 101) == [200] * 100 + [429]


def test_the_window_slides():
    call = Caller(rate_limit=2)
    assert statuses(call, 1) == [200]
    call.clock.advance(0.6)
    assert statuses(call, 2) == [200, 429]
    call.clock.advance(0.5)
    assert statuses(call, 2) == [200, 429]
    call.clock.advance(0.6)
    assert statuses(call, 1) == [200]


def test_waiting_as_long_as_retry_after_says_is_enough():
    call = Caller(rate_limit=3)
    assert statuses(call, 3) == [200, 200, 200]
    call.clock.advance(0.4)
    refused = call.submit()
    assert refused.status_code == 429
    assert refused.json()["type"] == "/__mock__/problems/rate-limited"
    assert "3 calls in 1 s" in refused.json()["detail"]
    call.clock.advance(int(refused.headers["retry-after"]))
    assert statuses(call, 1) == [200]


def test_polls_count_and_each_key_counts_alone():
    call = Caller(rate_limit=2)
    job_id = call.submit().json()["data"]
    assert [call.poll(job_id).status_code for _ in range(2)] == [200, 429]
    assert statuses(call, 1, TWO) == [200]


def test_a_call_without_a_key_is_refused_for_that_and_counts_for_nobody():
    call = Caller(rate_limit=1)
    assert statuses(call, 5, {}) == [401] * 5
    assert statuses(call, 2) == [200, 429]


def test_a_key_that_is_blocked_stays_so_until_its_namespace_is_reset():
    state = MemoryState()
    call = Caller(rate_limit=1, rate_limit_block=True, state=state)
    assert statuses(call, 2) == [200, 429]
    call.clock.advance(3600)
    refused = call.submit()
    assert refused.status_code == 429
    assert "retry-after" not in refused.headers
    assert "blocked" in refused.json()["detail"]
    assert statuses(call, 1, TWO) == [200]
    asyncio.run(state.reset(namespace_of("sk-one")))
    assert statuses(call, 1) == [200]


def test_a_contract_without_a_limit_needs_a_number():
    bearer = next(file for file in GROWTH if file.stem == "bearer")
    with pytest.raises(SpecError, match="declares no rate limit"):
        Caller(bearer, rate_limit=True)
    assert Caller(bearer, rate_limit=5)("GET", "/healthz").status_code == 200
