"""The Python control of a mock outside the fixture."""

import asyncio
import subprocess
import sys
import time

import httpx
import pytest
from tests.spacely_mock.helpers import CONTRACT, RENDER, ROOT

from spacely_mock import ManualClock, Mock, MockServer, SystemClock
from spacely_mock._redis import RedisState


@pytest.fixture(scope="module")
def server():
    with MockServer(CONTRACT) as running:
        yield running


def submit(mock, **changes):
    headers = {"X-API-KEY": mock.api_key}
    return httpx.post(mock.url + "/generate/advance", headers=headers, json={**RENDER, **changes})


def test_a_server_of_ones_own_has_the_journal_the_rules_and_the_clock_in_python(server):
    with Mock(server) as mock:
        mock.expect("generate_advance", times=3)
        mock.fail_next("generate_advance", status=503)
        assert [submit(mock).status_code for _ in range(2)] == [503, 200]
        job_id = submit(mock, prompt="a stormy sea").json()["data"]
        mock.advance(60)
        params = {"refId": job_id}
        polled = httpx.get(mock.url + "/generate/poll-result", params=params, headers={"X-API-KEY": mock.api_key})
        assert polled.json()["data"]["status"] == "success"
        assert mock.count("generate_advance", body={"$.prompt": "*storm*"}) == 1
        assert mock.requests(body={"$.prompt": "*"})[0]["job"] == job_id
    with Mock(server) as another:
        assert another.count() == 0


def test_the_jobs_of_a_test_are_those_it_started_and_also_the_one_whose_answer_was_lost(server):
    with Mock(server) as mock, Mock(server) as another:
        submit(another)
        mock.rule({"fault": "lost"}, operation="generate_advance", times=1)
        with pytest.raises(httpx.TransportError):
            submit(mock)
        known = submit(mock).json()["data"]
        lost, answered = mock.jobs()
        assert [(lost["status"], lost["done"]), (answered["status"], answered["id"])] == [(None, False), (200, known)]


def test_a_request_that_is_to_fail_by_a_fault_is_served_as_far_as_the_fault_lets_it(server):
    with Mock(server) as mock:
        mock.fail_next("generate_advance", fault="lost")
        with pytest.raises(httpx.TransportError):
            submit(mock)
        assert [job["status"] for job in mock.jobs()] == [None]
        mock.fail_next("generate_advance", fault="truncated")
        truncated = submit(mock)
        assert (truncated.status_code, truncated.text[:9]) == (200, '{"data":"')


def test_a_request_that_is_to_fail_has_the_status_500_unless_it_is_told_how(server):
    with Mock(server) as mock:
        for words, status in [({"delay": "1ms"}, 500), ({"code": 401}, 401), ({"fault": "lost", "status": 503}, None)]:
            mock.fail_next("generate_advance", **words)
            if status is None:
                with pytest.raises(httpx.TransportError):
                    submit(mock)
                assert mock.jobs() == []
            else:
                assert submit(mock).status_code == status
            assert submit(mock).status_code == 200
            mock.reset()


def test_a_promise_that_was_not_kept_is_told_where_the_block_ends(server):
    with pytest.raises(AssertionError, match="1 requests were to match"), Mock(server) as mock:
        mock.expect("generate_advance")


def test_an_error_in_the_block_is_not_covered_by_a_promise(server):
    mock = Mock(server)
    mock.expect("generate_advance")
    with pytest.raises(ZeroDivisionError), mock:
        raise ZeroDivisionError


def test_an_error_in_the_block_is_told_though_the_mock_cannot_be_reset_after_it():
    with MockServer(CONTRACT, state=RedisState("redis://127.0.0.1:1")) as server:
        with pytest.raises(ZeroDivisionError) as told, Mock(server):
            raise ZeroDivisionError
        assert told.value.__notes__ == ["Nor could the mock be reset: Redis at 127.0.0.1:1 cannot be reached."]
        with pytest.raises(ValueError, match="cannot be reached"), Mock(server):
            pass


def test_a_token_is_taken_from_the_server():
    with MockServer(CONTRACT, admin_token="hush") as server, Mock(server) as mock:
        mock.fail_next(status=503)
        assert [submit(mock).status_code for _ in range(2)] == [503, 200]
        assert mock.count() == 2


def test_a_closed_control_is_told_before_it_is_missed():
    with MockServer(CONTRACT, admin=False) as server, pytest.raises(ValueError, match=r"admin=False.*start it without"):
        Mock(server)


def test_of_a_server_that_takes_certain_keys_each_mock_has_one_as_long_as_it_is_open():
    with MockServer(CONTRACT, api_keys=["sk-one", "sk-two"]) as server:
        with Mock(server) as one, Mock(server) as two:
            assert [one.api_key, two.api_key] == ["sk-one", "sk-two"]
            two.fail_next(status=503)
            assert [submit(mock).status_code for mock in (one, two)] == [200, 503]
            with pytest.raises(ValueError, match=r"all 2 of the server's .* are in use; close another"):
                Mock(server)
        with Mock(server) as again:
            assert again.api_key == "sk-one"


def test_a_filter_that_cannot_be_understood_is_an_error_and_no_empty_answer(server):
    with Mock(server) as mock, pytest.raises(ValueError, match="JSONPath"):
        mock.count(body={"prompt": "*"})


@pytest.mark.parametrize("clock", [ManualClock(), SystemClock()])
def test_a_clock_is_moved_on_where_it_can_be(clock):
    with MockServer(CONTRACT, clock=clock) as server, Mock(server) as mock:
        if isinstance(clock, ManualClock):
            before = clock.now()
            mock.advance(5)
            assert clock.now() == before + 5
        else:
            with pytest.raises(TypeError, match="SystemClock"):
                mock.advance(5)


def test_in_process_an_ordinary_request_takes_the_short_way():
    code = f"""
import sys, httpx
from spacely_mock import Mock, MockServer
with MockServer({str(CONTRACT)!r}) as server, Mock(server) as mock:
    with httpx.Client(transport=mock.transport(), base_url=mock.url, headers={{"X-API-KEY": mock.api_key}}) as client:
        assert client.post("/generate/advance", json={RENDER!r}).status_code == 200
        assert "connexion" not in sys.modules
        assert client.post("/generate/advance", json={{}}).status_code == 400
        assert "connexion" in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def call_sync(mock, **options):
    with httpx.Client(transport=mock.transport(), base_url=mock.url, **options) as client:
        return client.post("/generate/advance", json=RENDER, headers={"X-API-KEY": mock.api_key})


def call_async(mock, **options):
    async def send():
        async with httpx.AsyncClient(transport=mock.transport(), base_url=mock.url, **options) as client:
            return await client.post("/generate/advance", json=RENDER, headers={"X-API-KEY": mock.api_key})

    return asyncio.run(send())


@pytest.mark.parametrize("call", [call_sync, call_async])
def test_in_process_a_client_waits_as_long_as_on_a_socket(server, call):
    with Mock(server) as mock:
        mock.rule({"delay": "20s"}, times=1)
        began = time.monotonic()
        with pytest.raises(httpx.ReadTimeout, match=r"0\.2 s"):
            call(mock, timeout=0.2)
        assert 0.2 <= time.monotonic() - began < 5
        assert [(line["status"], bool(line["job"])) for line in mock.requests()] == [(None, True)]
        assert call(mock, timeout=None).status_code == 200


@pytest.mark.parametrize("call", [call_sync, call_async])
def test_in_process_each_piece_of_an_answer_may_take_as_long_as_the_client_waits(server, call):
    with Mock(server) as mock:
        mock.rule({"dribble": "10/100ms"}, times=1)  # Half a second in all.
        assert call(mock, timeout=0.4).json()["data"]
        mock.rule({"dribble": "10/20s"}, times=1)
        with pytest.raises(httpx.ReadTimeout):
            call(mock, timeout=0.2)


def test_in_process_a_body_of_many_pieces_arrives_whole(server):
    async def pieces():
        for letter in b'{"model": 7}':
            yield bytes([letter])

    async def send(mock):
        headers = {"X-API-KEY": mock.api_key, "Content-Type": "application/json"}
        async with httpx.AsyncClient(transport=mock.transport(), base_url=mock.url, headers=headers) as client:
            return await client.post("/generate/advance", content=pieces())

    with Mock(server) as mock:
        assert asyncio.run(send(mock)).status_code == 400
        assert mock.requests()[0]["body"] == {"model": 7}
