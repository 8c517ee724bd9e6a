"""A store that comes and goes, and several mocks that share one."""

import asyncio
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from math import inf

import httpx
import pytest
from tests.spacely_mock.helpers import CONTRACT, KEY, RENDER, ROOT
from tests.spacely_mock.redis_server import RedisServer, until

from spacely_mock import ManualClock, MockServer
from spacely_mock._redis import RedisState
from spacely_mock._state import Hit, StateUnavailableError
from spacely_spec import load

RULE = {"id": "r", "then": {"status": 503}}


def submit(client, server):
    return client.post(server.url + "/generate/advance", json=RENDER)


def poll(client, server, job_id):
    return client.get(server.url + "/generate/poll-result", params={"refId": job_id})


def count(client, server):
    return client.get(server.origin + "/__mock__/requests/count")


@pytest.fixture
def client():
    with httpx.Client(headers=KEY, timeout=20) as client:
        yield client


def test_a_mock_goes_on_without_its_store_and_finds_it_again(client):
    with RedisServer() as redis, MockServer(CONTRACT, state=RedisState(redis.url), render_time=0) as server:
        job_id = submit(client, server).json()["data"]
        assert count(client, server).json() == {"count": 1}
        redis.stop()
        for _ in range(3):
            assert submit(client, server).status_code == 200
            assert poll(client, server, job_id).json()["data"]["status"] == "success"
            gone = count(client, server)
            assert (gone.status_code, gone.json()["type"]) == (503, "/__mock__/problems/store-gone")
            assert f"127.0.0.1:{redis.port}" in gone.json()["detail"]
        assert client.get(server.origin + "/metrics").status_code == 503
        assert client.get(server.origin + "/healthz").status_code == 200
        redis.start()
        until(lambda: count(client, server).status_code == 200)
        before = count(client, server).json()["count"]
        submit(client, server)
        assert count(client, server).json()["count"] == before + 1


def test_a_mock_starts_without_its_store(client):
    redis = RedisServer()
    with MockServer(CONTRACT, state=RedisState(redis.url)) as server:
        assert submit(client, server).status_code == 200
        assert count(client, server).status_code == 503
        with redis:
            until(lambda: count(client, server).status_code == 200)


def test_the_password_of_a_store_is_not_told():
    async def use():
        state = RedisState("redis://user:hush@127.0.0.1:1/0")
        with pytest.raises(StateUnavailableError) as caught:
            await state.increment("a", "x")
        await state.close()
        return str(caught.value)

    assert "hush" not in asyncio.run(use())


@pytest.fixture
def guarded():
    """A Redis that wants a password."""
    with RedisServer() as redis:
        redis.ask(b"CONFIG SET requirepass hush\r\n")
        yield redis


@pytest.mark.parametrize("login", ["", "user:wrong@", ":wrong@"])
def test_a_store_that_refuses_the_login_is_not_said_to_be_out_of_reach(guarded, login):
    async def use():
        state = RedisState(guarded.url.replace("127", login + "127"))
        said = []
        for _ in range(2):  # Where it is not asked again so soon, the reason is still the same.
            with pytest.raises(StateUnavailableError) as caught:
                await state.increment("a", "x")
            said.append(str(caught.value))
        await state.close()
        return said

    first, second = asyncio.run(use())
    assert first == second
    assert f"127.0.0.1:{guarded.port} refused the login" in first
    assert "wrong" not in first


def test_a_store_that_takes_the_login_is_used(guarded):
    async def use():
        state = RedisState(guarded.url.replace("127", ":hush@127"))
        count = await state.increment("a", "x")
        await state.close()
        return count

    assert asyncio.run(use()) == 1


def test_a_store_that_cannot_do_what_is_asked_says_why(redis_server):
    async def use():
        state = RedisState(redis_server.url.replace("/0", "/99"))
        with pytest.raises(StateUnavailableError) as caught:
            await state.increment("a", "x")
        await state.close()
        return str(caught.value)

    assert "refused what the mock asks of it: DB index is out of range" in asyncio.run(use())


def test_a_mock_that_starts_without_its_store_says_so_and_what_it_will_do_without():
    command = [sys.executable, "-m", "spacely_mock", "--port", "0", "--store", "redis://:hush@127.0.0.1:1"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert " at http" in process.stdout.readline()
        process.terminate()
        said = process.communicate(timeout=10)[1]
    assert said.startswith("spacely-mock: Redis at 127.0.0.1:1 cannot be reached. Until it answers, counted polls")
    assert "hush" not in said


def test_what_every_request_needs_makes_do_with_what_is_known():
    async def use(redis):
        state = RedisState(redis.url)
        await state.set_rules("a", [{"n": 1}])
        known = await state.rules("a")
        blocked = [await state.hit("b", Hit(1.0, 1, 9.0, blocks=True)) for _ in range(2)]
        redis.stop()
        assert await state.rules("a") == known
        assert [await state.hit("a", Hit(1.0, 1, 9.0)) for _ in range(2)] == [0, 9]
        assert [*blocked, await state.hit("b", Hit(99.0, 1, 9.0, blocks=True))] == [0, inf, inf]
        for needs in (state.increment("a", "x"), state.lines(), state.reset(None), state.set_rules("a", [])):
            with pytest.raises(StateUnavailableError):
                await needs
        await state.close()

    with RedisServer() as redis:
        asyncio.run(use(redis))
        redis.start()


def test_mocks_with_one_store_and_one_secret_answer_as_one(redis_url, client):
    clock = ManualClock(1_800_000_000)
    options = {"secret": "shared", "clock": clock, "seed": 1}
    with (
        MockServer(CONTRACT, state=RedisState(redis_url), **options) as one,
        MockServer(CONTRACT, state=RedisState(redis_url), **options) as two,
    ):
        job_id = submit(client, one).json()["data"]
        clock.advance(3)
        images = poll(client, two, job_id).json()["data"]["result"]
        assert client.get(images[0]).content == client.get(images[0].replace(two.origin, one.origin)).content
        for server in (one, two):
            lines = client.get(server.origin + "/__mock__/requests").json()["requests"]
            assert [line["operation"] for line in lines] == ["generateAdvance", "pollResult"]
        client.put(one.origin + "/__mock__/rules", json=[RULE])
        assert client.get(two.origin + "/__mock__/rules").json() == [RULE]
        client.post(two.origin + "/__mock__/reset")
        assert client.get(one.origin + "/__mock__/rules").json() == []
        assert count(client, one).json() == {"count": 0}


def told(client, server, **words):
    headers = {f"X-Mock-{name.replace('_', '-')}": value for name, value in words.items()}
    return client.post(server + "/api/v1/generate/advance", json=RENDER, headers=headers)


def state(client, server, job_id):
    answer = client.get(server + "/api/v1/generate/poll-result", params={"refId": job_id})
    return answer.json()["data"]["status"] if answer.is_success else answer.status_code


def test_processes_with_one_store_and_one_secret_answer_alike(redis_url, client):
    shared = ("--store", redis_url, "--secret", "shared", "--render-time", "0")
    with running(*shared) as one, running(*shared) as two, running("--store", redis_url, "--secret", "own") as stranger:
        job_id = told(client, one).json()["data"]
        assert [state(client, each, job_id) for each in (one, two, stranger)] == ["success", "success", 400]
        counted = told(client, two, progress="polls:3").json()["data"]
        polls = [state(client, each, counted) for each in (one, two, one, two, one)]
        assert polls == ["processing"] * 3 + ["success"] * 2
        client.post(one + "/__mock__/rules", json={"then": {"status": 503}, "times": 3}).raise_for_status()
        assert [told(client, each).status_code for each in (two, one, two, one, two)] == [503] * 3 + [200] * 2
        before = client.get(two + "/__mock__/requests/count").json()["count"]
        waiting = {"operation": "pollResult", "status": 400, "count": 2, "timeout": 10}
        with ThreadPoolExecutor() as pool:
            found = pool.submit(client.get, two + "/__mock__/requests/wait", params=waiting)
            assert state(client, one, "unknown") == 400
            assert found.result().json()["met"]
        assert client.get(one + "/__mock__/requests/count").json()["count"] == before + 1
        other = client.get(one + "/__mock__/requests/count", headers={"X-API-KEY": "sk-other"})
        assert other.json() == {"count": 0}


def test_a_rate_limit_holds_for_all_processes_together(redis_url, client, tmp_path):
    spec = tmp_path / "contract.yaml"
    spec.write_text(re.sub(r"(x-rate-limit:[^}]*seconds: )1\b", r"\g<1>3600", CONTRACT.read_text()))
    assert load(spec).rate_limit.seconds == 3600
    options = ("--store", redis_url, "--rate-limit", "4", "--spec", str(spec))
    with running(*options) as one, running(*options) as two:
        statuses = [told(client, each).status_code for each in (one, two, one, two, one, two)]
        assert statuses == [200] * 4 + [429] * 2
        assert int(told(client, one).headers["retry-after"]) > 3000
        client.post(two + "/__mock__/reset").raise_for_status()
        assert told(client, one).status_code == 200


def test_without_its_store_what_counts_says_so_and_what_runs_by_time_goes_on(client):
    with RedisServer() as redis, running("--store", redis.url, "--render-time", "0") as mock:
        timed, counted = (told(client, mock, **words).json()["data"] for words in ({}, {"progress": "polls:1"}))
        redis.stop()
        assert state(client, mock, timed) == "success"
        gone = client.get(mock + "/api/v1/generate/poll-result", params={"refId": counted})
        assert (gone.status_code, gone.json()["type"]) == (503, "/__mock__/problems/store-gone")
        for path in ("requests", "requests/wait", "jobs", "metrics"):
            assert client.get(f"{mock}/__mock__/{path}").status_code == 503, path
        assert client.post(mock + "/__mock__/reset").status_code == 503
        again = told(client, mock).json()["data"]
        redis.start()
        until(lambda: state(client, mock, counted) == "processing")
        assert state(client, mock, counted) == "success"
        assert state(client, mock, again) == "success"


@contextmanager
def running(*options):
    """A mock in a process of its own, as on a machine of its own; its origin."""
    command = [sys.executable, "-m", "spacely_mock", "--port", "0", *options]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield re.search(r"http://[^/]+", process.stdout.readline())[0]
        finally:
            process.terminate()
            assert process.communicate(timeout=10) == ("", "")


def test_keys_are_struck_out_before_they_reach_the_store(redis_url, client):
    secret = "sk-never-in-redis"
    with MockServer(CONTRACT, state=RedisState(redis_url)) as server:
        client.post(server.url + "/generate/advance", json={**RENDER, "prompt": secret}, headers={"X-API-KEY": secret})
        client.put(server.origin + "/__mock__/rules", json=[RULE], headers={"X-API-KEY": secret})
        client.post(server.url + "/generate/advance?x-api-key=" + secret, json={**RENDER, "X-API-KEY": secret})

    async def everything():
        state = RedisState(redis_url)
        redis = state._redis
        kept = [key async for key in redis.scan_iter("*")]
        kept += [str(await redis.xrange(key)) for key in kept if await redis.type(key) == "stream"]
        await state.close()
        return " ".join(kept)

    kept = asyncio.run(everything())
    assert "generateAdvance" in kept
    assert secret not in kept


def rules(client, server, rules):
    client.put(server.origin + "/__mock__/rules", json=rules).raise_for_status()


def test_a_rule_holds_at_every_mock_as_soon_as_one_has_taken_it(redis_url, client):
    with (
        MockServer(CONTRACT, state=RedisState(redis_url)) as one,
        MockServer(CONTRACT, state=RedisState(redis_url)) as two,
    ):
        for _ in range(10):
            for setter, other in ((one, two), (two, one)):
                rules(client, setter, [RULE])
                assert [submit(client, server).status_code for server in (other, setter)] == [503, 503]
                rules(client, setter, [])
                assert [submit(client, server).status_code for server in (other, setter)] == [200, 200]
        assert one.app._lane.taken == two.app._lane.taken == 20


def test_with_a_store_what_no_rule_matches_takes_the_lane(redis_url, client):
    with MockServer(CONTRACT, state=RedisState(redis_url)) as server:
        rules(client, server, [{"when": {"operation": "pollResult"}, "then": {"status": 503}}])
        job_id = submit(client, server).json()["data"]
        assert server.app._lane.taken == 1
        assert poll(client, server, job_id).status_code == 503
        assert server.app._lane.taken == 1
        lines = client.get(server.origin + "/__mock__/requests").json()["requests"]
        assert [(line["operation"], line["status"]) for line in lines] == [
            ("generateAdvance", 200),
            ("pollResult", 503),
        ]


def test_the_rules_that_were_known_hold_in_the_lane_while_the_store_is_gone(client):
    with RedisServer() as redis, MockServer(CONTRACT, state=RedisState(redis.url)) as server:
        rules(client, server, [RULE])
        assert submit(client, server).status_code == 503
        redis.stop()
        assert submit(client, server).status_code == 503
        redis.start()
        until(lambda: count(client, server).status_code == 200)
        rules(client, server, [])
        assert submit(client, server).status_code == 200


def test_polls_are_counted_over_all_mocks_in_the_lane(redis_url, client):
    options = {"secret": "shared", "progress": "polls:3"}
    with (
        MockServer(CONTRACT, state=RedisState(redis_url), **options) as one,
        MockServer(CONTRACT, state=RedisState(redis_url), **options) as two,
    ):
        job_id = submit(client, one).json()["data"]
        told = [poll(client, server, job_id).json()["data"]["status"] for server in (one, two, one, two)]
        assert told == ["processing", "processing", "processing", "success"]
        assert one.app._lane.taken + two.app._lane.taken == 5


def test_a_request_waits_for_one_trip_to_the_store_before_its_answer_and_one_after(redis_url, client, monkeypatch):
    trips = []
    ask = RedisState._ask

    def counted(state, command):
        trips.append(command.__qualname__)
        return ask(state, command)

    monkeypatch.setattr(RedisState, "_ask", counted)
    for options in ({}, {"rate_limit": 1}, {"rate_limit": 1, "rate_limit_block": True}):
        with MockServer(CONTRACT, state=RedisState(redis_url), **options) as server:
            for _ in range(2):
                trips.clear()
                submit(client, server)
                assert len(trips) == 2, (options, trips)
