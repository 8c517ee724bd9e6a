"""Retries: what may pass is tried again, and nothing that could be charged for twice."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
from tests.spacely_runtime.things import DONE, RUNNING, STARTED, Clock, Server, answer

from spacely_runtime import _retry, errors

PASSING = [
    httpx.ConnectError("refused"),
    httpx.ReadTimeout("slow"),
    httpx.ReadError("reset"),
    answer(408),
    answer(429),
    answer(500),
    answer(503),
]


@pytest.fixture(autouse=True)
def _no_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.uniform", lambda _low, high: high)


@pytest.mark.parametrize("failure", PASSING, ids=repr)
def test_a_call_that_changes_nothing_is_made_again_with_growing_pauses(
    clock: Clock, failure: httpx.Response | Exception
) -> None:
    server = Server(failure, failure, RUNNING)
    with server.client() as client:
        assert client.look("t") == {"state": "running"}
    assert clock.pauses == [0.5, 1.0]


def test_retries_end_and_the_error_says_how_many_attempts_there_were(clock: Clock) -> None:
    server = Server(answer(503))
    with server.client() as client, pytest.raises(errors.ServerError, match="3 attempts") as caught:
        client.look("t")
    assert caught.value.attempts == len(server.requests) == 3


@pytest.mark.parametrize("status", [400, 401, 404, 501])
def test_an_answer_that_will_not_change_is_not_asked_for_again(clock: Clock, status: int) -> None:
    server = Server(answer(status))
    with server.client() as client, pytest.raises(errors.StatusError):
        client.look("t")
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "failure", [httpx.ConnectError("refused"), httpx.ConnectTimeout("slow"), answer(429), answer(503, retry_after="1")]
)
def test_a_submit_is_sent_again_where_it_was_certainly_not_accepted(
    clock: Clock, failure: httpx.Response | Exception
) -> None:
    server = Server(failure, STARTED)
    with server.client() as client:
        assert client.start().id == "t-1"
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    "failure",
    [httpx.ReadTimeout("slow"), httpx.WriteError("reset"), httpx.RemoteProtocolError("half"), answer(500), answer(503)],
)
def test_a_submit_that_may_have_been_accepted_is_never_sent_again(
    clock: Clock, failure: httpx.Response | Exception
) -> None:
    server = Server(failure, STARTED)
    with server.client() as client, pytest.raises(errors.SubmissionUncertain) as caught:
        client.start()
    assert len(server.requests) == caught.value.attempts == 1


def test_a_submit_that_was_turned_away_is_not_uncertain(clock: Clock) -> None:
    with Server(answer(503, retry_after="1")).client() as client, pytest.raises(errors.ServerError) as caught:
        client.start()
    assert not isinstance(caught.value, errors.SubmissionUncertain)


def test_the_server_is_given_the_time_it_asks_for(clock: Clock) -> None:
    with Server(answer(429, retry_after="7"), RUNNING).client() as client:
        client.look("t")
    assert clock.pauses == [7]


def test_a_server_that_asks_for_too_long_is_not_waited_for(clock: Clock) -> None:
    with Server(answer(429, retry_after="3600")).client() as client, pytest.raises(errors.TooManyRequests):
        client.look("t")
    assert clock.pauses == []


def test_a_poll_of_a_job_waits_as_long_as_the_server_asks(clock: Clock) -> None:
    with Server(STARTED, answer(429, retry_after="30"), DONE).client() as client:
        client.start().wait()
    assert clock.pauses == [5, 30]


def test_retries_can_be_turned_off(clock: Clock) -> None:
    server = Server(answer(503))
    with server.client(max_retries=0) as client, pytest.raises(errors.ServerError):
        client.look("t")
    assert len(server.requests) == 1


def test_the_asynchronous_client_tries_again_too(clock: Clock) -> None:
    async def run() -> None:
        async with Server(answer(502), RUNNING).async_client() as client:
            assert await client.look("t") == {"state": "running"}

    asyncio.run(run())
    assert clock.pauses == [0.5]


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("5", 5), ("0", 0), ("", None), ("soon", None), ("-1", None), ("Wed, 21 Oct 2015 07:28:00 GMT", 0)],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(header: str, seconds: float | None) -> None:
    assert _retry.retry_after({"retry-after": header} if header else {}) == seconds


def test_a_date_to_come_is_that_many_seconds_away() -> None:
    moment = datetime.now(UTC) + timedelta(seconds=30)
    assert _retry.retry_after({"retry-after": format_datetime(moment, usegmt=True)}) == pytest.approx(30, abs=2)


@pytest.mark.parametrize(
    "given",
    [httpx.ReadTimeout("slow"), answer(500, b"body"), answer(303), answer(200, b"<html>"), answer(204)],
    ids=["no answer", "500", "a redirect", "no JSON", "undocumented"],
)
def test_a_submit_that_may_have_been_accepted_is_said_to_be_one(given: httpx.Response | Exception) -> None:
    with (
        Server(given).client() as client,
        pytest.raises(errors.SubmissionUncertain, match="the submit may have been accepted, so it is not sent again"),
    ):
        client.start()
    with Server(given).client(max_retries=0) as client, pytest.raises(errors.ClientError) as caught:
        client.look("t")
    assert "accepted" not in str(caught.value)
