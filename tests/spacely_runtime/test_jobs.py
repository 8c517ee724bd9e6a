"""Jobs: polled at the contract's pace, to an end that is told apart from a wait that is over."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.spacely_runtime.things import BROKEN, DONE, KEY, LOOK, RUNNING, STARTED, Clock, Server, Things, answer

from spacely_runtime import JobUpdate, Reply, Validator, errors


def test_a_submit_returns_a_job_with_its_id_at_once(clock: Clock) -> None:
    server = Server(STARTED)
    with server.client() as client:
        job = client.start()
    assert (job.id, job.submitted) == ("t-1", {"ticket": "t-1"})
    assert repr(job) == "<Job start t-1>"
    assert clock.pauses == []


def test_waiting_polls_at_the_pace_of_the_contract_until_the_job_has_succeeded(clock: Clock) -> None:
    server = Server(STARTED, RUNNING, RUNNING, DONE)
    seen: list[JobUpdate[object]] = []
    with server.client() as client:
        response = client.start().wait(on_update=seen.append)
    assert response["state"] == "done"
    assert clock.pauses == [5, 2, 2]
    assert [(each.state, each.polls, each.elapsed) for each in seen] == [
        ("running", 1, 5),
        ("running", 2, 7),
        ("succeeded", 3, 9),
    ]
    assert {each.job_id for each in seen} == {"t-1"}
    assert seen[-1].result == ["https://files.test/a/one.png?sig=1", "https://files.test/two.png"]


def test_a_job_that_fails_is_raised_with_its_id_and_the_last_answer(clock: Clock) -> None:
    with Server(STARTED, BROKEN).client() as client, pytest.raises(errors.JobFailed) as caught:
        client.start().wait()
    assert caught.value.job_id == "t-1"
    assert caught.value.response == {"state": "broken"}


def test_updates_end_with_the_failed_one_and_do_not_raise(clock: Clock) -> None:
    with Server(STARTED, RUNNING, BROKEN).client() as client:
        assert [each.state for each in client.start().updates()] == ["running", "failed"]


def test_a_state_that_the_contract_does_not_know_is_waited_out(clock: Clock) -> None:
    with Server(STARTED, answer(body={"state": "levitating"}), DONE).client() as client:
        assert client.start().wait()["state"] == "done"


def test_a_wait_that_is_over_is_a_timeout_with_a_last_poll_at_its_very_end(clock: Clock) -> None:
    server = Server(STARTED, RUNNING)
    with server.client() as client, pytest.raises(errors.JobTimeout, match=r"client.job\('start', 't-1'\)") as caught:
        client.start().wait(timeout=6.5)
    assert clock.pauses == [5, 1.5]
    assert caught.value.response == {"state": "running"}
    assert caught.value.job_id == "t-1"


def test_a_timeout_shorter_than_the_first_delay_polls_once(clock: Clock) -> None:
    server = Server(STARTED, RUNNING)
    with server.client() as client, pytest.raises(errors.JobTimeout):
        client.start().wait(timeout=0)
    assert len(server.requests) == 2


def test_a_job_is_taken_up_again_by_its_id_and_polled_without_delay(clock: Clock) -> None:
    server = Server(DONE)
    with server.client() as client:
        job = client.job("start", "t-9")
        assert job.submitted is None
        assert job.wait()["state"] == "done"
    assert clock.pauses == []
    assert server.requests[0].url.path == "/v1/look/t-9"


@pytest.mark.parametrize(("operation", "job_id"), [("look", "t-1"), ("nothing", "t-1"), ("start", "")])
def test_only_a_job_of_a_submit_can_be_taken_up_again(operation: str, job_id: str) -> None:
    with Server(DONE).client() as client, pytest.raises(errors.ConfigurationError):
        client.job(operation, job_id)


@pytest.mark.parametrize(
    "failure",
    [httpx.ReadError("reset"), httpx.ConnectError("refused"), answer(502), answer(429), answer(200, b"<html>")],
    ids=repr,
)
def test_a_failed_poll_does_not_end_a_job(clock: Clock, failure: httpx.Response | Exception) -> None:
    with Server(STARTED, failure, failure, DONE).client() as client:
        assert client.start().wait()["state"] == "done"
    assert clock.pauses == [5, 2, 4]


def test_polls_that_keep_failing_are_raised_with_the_jobs_id(clock: Clock) -> None:
    server = Server(STARTED, answer(502))
    with server.client() as client, pytest.raises(errors.ServerError) as caught:
        client.start().wait()
    assert caught.value.job_id == "t-1"
    assert len(server.requests) == 1 + 6


def test_a_poll_that_cannot_get_better_is_raised_at_once(clock: Clock) -> None:
    server = Server(STARTED, answer(401))
    with server.client() as client, pytest.raises(errors.Unauthorized) as caught:
        client.start().wait()
    assert caught.value.job_id == "t-1"
    assert len(server.requests) == 2


def test_the_callers_own_interval_takes_the_place_of_the_contracts(clock: Clock) -> None:
    with Server(STARTED, RUNNING, DONE).client(poll_interval=0.5) as client:
        client.start().wait()
    assert clock.pauses == [0.5, 0.5]


def test_files_are_downloaded_whole_without_the_key(clock: Clock, tmp_path: Path) -> None:
    server = Server(STARTED, DONE, answer(200, b"one"), answer(200, b"two"))
    with server.client() as client:
        paths = client.start().download(tmp_path / "new")
    assert [(path.name, path.read_bytes()) for path in paths] == [("t-1-1.png", b"one"), ("t-1-2.png", b"two")]
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["t-1-1.png", "t-1-2.png"]
    for request in server.requests[2:]:
        assert KEY not in str(request.headers.raw)


def test_a_file_that_cannot_be_fetched_leaves_nothing_behind_and_its_error_hides_the_signature(
    clock: Clock, tmp_path: Path
) -> None:
    with Server(STARTED, DONE, answer(403)).client() as client, pytest.raises(errors.DownloadError) as caught:
        client.start().download(tmp_path)
    assert caught.value.job_id == "t-1"
    assert "sig=1" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_result_that_is_no_url_is_not_fetched(clock: Clock, tmp_path: Path) -> None:
    done = answer(body={"state": "done", "files": ["file:///etc/passwd"]})
    server = Server(STARTED, done)
    with server.client() as client, pytest.raises(errors.DownloadError, match="no http or https URL"):
        client.start().download(tmp_path)
    assert len(server.requests) == 2


def test_an_asynchronous_job_does_what_a_synchronous_one_does(clock: Clock, tmp_path: Path) -> None:
    seen: list[str] = []

    async def note(update: JobUpdate[object]) -> None:
        seen.append(update.state)

    async def run() -> None:
        async with Server(STARTED, RUNNING, httpx.ReadError("reset"), DONE).async_client() as client:
            job = await client.start()
            assert (await job.wait(on_update=note))["state"] == "done"
        async with Server(STARTED, RUNNING, BROKEN).async_client() as client:
            job = await client.start()
            assert [update.state async for update in job.updates()] == ["running", "failed"]
        async with Server(STARTED, DONE, answer(200, b"one")).async_client() as client:
            job = await client.start()
            assert [path.read_bytes() for path in await job.download(tmp_path)] == [b"one", b"one"]
        async with Server(STARTED, RUNNING).async_client() as client:
            job = await client.start()
            assert await job.poll() == {"state": "running"}
            with pytest.raises(errors.JobTimeout):
                await job.wait(timeout=1, on_update=lambda update: seen.append("again"))

    asyncio.run(run())
    assert seen == ["running", "succeeded", "again"]
    assert clock.pauses == [5, 2, 2, 5, 2, 5, 1]


def test_a_job_that_has_failed_is_told_even_by_an_answer_that_breaks_the_contract(clock: Clock) -> None:
    look = {
        **Things.operations,
        "look": replace(LOOK, replies={"200": Reply(Validator({"required": ["files"]}, False), dict)}),
    }
    server = Server(STARTED, BROKEN)
    client = server.client()
    client.operations = look  # type: ignore[misc]  # a contract of its own
    with client, pytest.raises(errors.JobFailed) as caught:
        client.start().wait()
    assert (caught.value.job_id, caught.value.response) == ("t-1", {"state": "broken"})
    assert isinstance(caught.value.__cause__, errors.InvalidResponse)
    assert len(server.requests) == 2


def test_a_wait_ends_at_its_timeout_where_the_rate_limit_lets_it_make_no_poll(clock: Clock) -> None:
    with Server(RUNNING).client(rate_limit=0.1, poll_interval=1) as client:
        client.look("another")  # It takes the one call of the next ten seconds.
        began = clock.now
        with pytest.raises(errors.JobTimeout) as caught:
            client.job("start", "t-1").wait(timeout=3)
    assert clock.now - began == pytest.approx(3)
    assert caught.value.job_id == "t-1"


@pytest.mark.parametrize("timeout", [-1, "5", float("nan")])
def test_a_timeout_that_is_none_is_refused(timeout: Any) -> None:
    with Server(RUNNING).client() as client, pytest.raises(errors.ConfigurationError, match="timeout="):
        client.job("start", "t-1").wait(timeout=timeout)
