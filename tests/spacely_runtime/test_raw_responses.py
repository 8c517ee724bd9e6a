"""with_raw_response: the answer as it came, beside what is returned otherwise."""

from __future__ import annotations

import asyncio
import inspect

import pytest
from tests.spacely_runtime.things import DONE, STARTED, AsyncThings, Server, Things, answer

from spacely_runtime import AsyncJob, Job, RawResponse, errors

LOOKED = answer(201, {"state": "done"}, X_Request_Id="r-7")


def test_an_answer_comes_with_status_headers_body_and_time() -> None:
    with Server(answer(200, b'{"state":  "done"}', X_Request_Id="r-7")).client() as client:
        raw = client.with_raw_response.look("t")
    assert (raw.status_code, raw.content, raw.parsed) == (200, b'{"state":  "done"}', {"state": "done"})
    assert raw.headers["x-request-ID"] == "r-7"
    assert 0 <= raw.elapsed < 10


def test_a_submits_answer_is_parsed_into_the_job_to_wait_for() -> None:
    with Server(STARTED, DONE).client(poll_interval=0.001) as client:
        raw = client.with_raw_response.start()
        assert raw.content == STARTED.content
        assert isinstance(raw.parsed, Job)
        assert raw.parsed.wait()["state"] == "done"


def test_the_asynchronous_client_has_it_too() -> None:
    async def run() -> None:
        async with Server(STARTED, DONE).async_client(poll_interval=0.001) as client:
            raw = await client.with_raw_response.start()
            assert isinstance(raw.parsed, AsyncJob)
            looked = await client.with_raw_response.look("t")
            assert isinstance(looked, RawResponse)
            assert (looked.status_code, looked.content) == (200, DONE.content)

    asyncio.run(run())


@pytest.mark.parametrize("kind", [Things, AsyncThings])
def test_the_methods_look_as_they_do_otherwise(kind: type[Things | AsyncThings]) -> None:
    with_raw = kind(api_key="sk-1").with_raw_response
    assert with_raw.look.__name__ == "look"
    assert list(inspect.signature(with_raw.look).parameters) == ["self", "ticket"]


def test_the_last_attempts_answer_is_the_one_that_is_given() -> None:
    server = Server(answer(503, retry_after="0"), DONE)
    with server.client() as client:
        assert client.with_raw_response.look("t").status_code == 200
    assert len(server.requests) == 2


def test_an_error_status_is_raised_as_ever_and_has_its_headers() -> None:
    server = Server(answer(404, b"gone", X_Request_Id="r-8"))
    with server.client() as client, pytest.raises(errors.NotFound) as caught:
        client.with_raw_response.look("t")
    assert caught.value.headers["x-request-id"] == "r-8"


def test_its_repr_shows_neither_body_nor_headers() -> None:
    with Server(answer(200, {"state": "a secret state"}, X_Token="hidden")).client() as client:
        shown = repr(client.with_raw_response.look("t"))
    assert "hidden" not in shown
    assert shown.startswith("RawResponse(status_code=200, elapsed=")
