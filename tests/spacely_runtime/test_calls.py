"""What a call sends, and what it makes of an answer."""

from __future__ import annotations

import asyncio
import logging
import pickle
import traceback
from typing import Any

import httpx
import pytest
from tests.spacely_runtime.things import DONE, KEY, RUNNING, STARTED, Server, Things, answer

from spacely_runtime import errors


def test_a_call_goes_to_the_operation_under_the_base_url_with_the_key_in_its_place() -> None:
    server = Server(RUNNING)
    with server.client(base_url="https://proxy.test/v2/") as client:
        assert client.look("t-1") == {"state": "running"}
    (request,) = server.requests
    assert str(request.url) == "https://proxy.test/v2/look/t-1"
    assert request.headers["x-key"] == KEY
    assert KEY not in str(request.url)


def test_a_call_carries_the_headers_that_httpx_gives_every_request() -> None:
    server = Server(RUNNING)
    with server.client() as client:
        client.look("t-1")
    (request,) = server.requests
    expected = httpx.Client(headers={"accept-encoding": "gzip", "x-key": KEY}).build_request("GET", request.url)
    assert dict(request.headers) == dict(expected.headers)


def test_a_cookie_goes_back_to_the_server_that_set_it_from_the_next_call_on() -> None:
    server = Server(answer(200, {"state": "running"}, **{"Set-Cookie": "sticky=node-7; Path=/"}), RUNNING)
    with server.client() as client:
        for _ in range(2):
            client.look("t-1")
    assert [request.headers.get("cookie") for request in server.requests] == [None, "sticky=node-7"]


async def _twice(server: Server) -> None:
    async with server.async_client() as client:
        for _ in range(2):
            await client.look("t-1")


def test_the_asynchronous_client_keeps_cookies_too() -> None:
    server = Server(answer(200, {"state": "running"}, **{"Set-Cookie": "sticky=node-7; Path=/"}), RUNNING)
    asyncio.run(_twice(server))
    assert [request.headers.get("cookie") for request in server.requests] == [None, "sticky=node-7"]


def test_every_argument_that_breaks_the_contract_is_listed_and_nothing_is_sent() -> None:
    server = Server(STARTED)
    with server.client() as client, pytest.raises(errors.InvalidRequest) as caught:
        client.start(photo_url="no url", size=0)
    assert {violation.place for violation in caught.value.violations} == {"photo_url", "size"}
    assert server.requests == []


@pytest.mark.parametrize("ticket", ["", ".", ".."])
def test_a_path_parameter_that_would_lead_elsewhere_is_refused(ticket: str) -> None:
    server = Server(RUNNING)
    with server.client() as client, pytest.raises(errors.InvalidRequest):
        client.look(ticket)
    assert server.requests == []


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, errors.BadRequest),
        (401, errors.Unauthorized),
        (402, errors.PaymentRequired),
        (403, errors.Forbidden),
        (404, errors.NotFound),
        (409, errors.Conflict),
        (418, errors.StatusError),
        (422, errors.UnprocessableContent),
        (429, errors.TooManyRequests),
        (500, errors.ServerError),
        (599, errors.ServerError),
        (777, errors.ServerError),
        (302, errors.StatusError),
    ],
)
def test_an_error_status_of_any_number_is_raised_as_its_class(status: int, expected: type[errors.StatusError]) -> None:
    with Server(answer(status, b"<html>oops</html>")).client() as client, pytest.raises(errors.StatusError) as caught:
        client.look("t-1")
    assert type(caught.value) is expected
    assert caught.value.status_code == status
    assert caught.value.body == "<html>oops</html>"
    assert caught.value.operation == "lookAt"


def test_an_error_says_whether_its_status_is_documented() -> None:
    for status, documented in ((404, True), (418, False)):
        with Server(answer(status)).client() as client, pytest.raises(errors.StatusError) as caught:
            client.look("t-1")
        assert caught.value.documented is documented
        assert ("does not document" in str(caught.value)) is not documented


def test_a_redirect_is_an_error_and_takes_the_key_nowhere() -> None:
    server = Server(answer(307, location="https://elsewhere.test/"))
    with server.client() as client, pytest.raises(errors.StatusError, match="redirects are not followed"):
        client.look("t-1")
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html></html>",
        b'{"state": "run',
        b"\xff\xfe\xff",
        b"null",
        b"[]",
        b'"text"',
        b"{}",
        b'{"state": null}',
        b'{"state": 1}',
        b'{"state": NaN}',
        b"[" * 100_000,
        b'{"state": ' + b"9" * 5_000 + b"}",
    ],
    ids=lambda body: body[:20].decode(errors="replace"),
)
def test_an_answer_of_success_that_breaks_the_contract_is_an_invalid_response(body: bytes) -> None:
    with Server(answer(200, body)).client() as client, pytest.raises(errors.InvalidResponse) as caught:
        client.look("t-1")
    assert caught.value.violations
    assert caught.value.status_code == 200
    assert len(caught.value.body) <= 2000


def test_an_undocumented_success_is_an_invalid_response() -> None:
    with Server(answer(203, {"state": "done"})).client() as client, pytest.raises(errors.InvalidResponse, match="203"):
        client.look("t-1")


def test_unknown_fields_and_values_are_kept() -> None:
    with Server(answer(body={"state": "levitating", "more": 1})).client() as client:
        assert client.look("t-1") == {"state": "levitating", "more": 1}


@pytest.mark.parametrize(
    "error", [httpx.ConnectError("refused"), httpx.ConnectTimeout("slow"), httpx.PoolTimeout("full")]
)
def test_a_submit_that_was_never_sent_is_an_ordinary_transport_error(error: Exception) -> None:
    with Server(error).client() as client, pytest.raises(errors.TransportError) as caught:
        client.start()
    assert not isinstance(caught.value, errors.SubmissionUncertain)
    assert "nothing was sent" in str(caught.value)


@pytest.mark.parametrize(
    "failure",
    [
        httpx.ReadTimeout("slow"),
        httpx.WriteTimeout("slow"),
        httpx.ReadError("reset"),
        httpx.RemoteProtocolError("half an answer"),
        httpx.DecodingError("bad gzip"),
        httpx.LocalProtocolError("what HTTP/2 says of an answer that it cannot read"),
        answer(500),
        answer(503),
        answer(200, b"<html>"),
        answer(200, {"ticket": 1}),
    ],
    ids=repr,
)
def test_a_submit_that_may_have_been_accepted_is_uncertain_and_sent_once(failure: Any) -> None:
    server = Server(failure)
    with server.client() as client, pytest.raises(errors.SubmissionUncertain):
        client.start()
    assert len(server.requests) == 1


def test_the_same_failures_of_another_operation_are_not_uncertain() -> None:
    for failure in (httpx.ReadTimeout("slow"), answer(500), answer(200, b"<html>")):
        with Server(failure).client() as client, pytest.raises(errors.ClientError) as caught:
            client.look("t-1")
        assert not isinstance(caught.value, errors.SubmissionUncertain)


def test_the_id_of_a_job_is_read_even_off_an_answer_that_breaks_the_contract() -> None:
    with Server(answer(200, {"ticket": 17})).client() as client, pytest.raises(errors.UncertainResponse) as caught:
        client.start()
    assert caught.value.job_id == "17"


def test_the_asynchronous_client_makes_the_same_of_the_same_answers() -> None:
    async def run() -> None:
        async with Server(DONE).async_client() as client:
            assert (await client.look("t-1"))["state"] == "done"
        async with Server(answer(404)).async_client() as client:
            with pytest.raises(errors.NotFound):
                await client.look("t-1")
        async with Server(httpx.ReadError("reset")).async_client() as client:
            with pytest.raises(errors.UncertainTransport):
                await client.start()

    asyncio.run(run())


def test_the_key_is_in_no_repr_error_traceback_or_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    told: list[str] = []
    echo = answer(400, f"bad key {KEY}".encode(), x_echo=KEY)
    for failure in (echo, httpx.ReadError(f"reset {KEY}"), answer(200, f'{{"state": 1, "{KEY}": 1}}'.encode())):
        with Server(failure).client() as client:
            told += [repr(client), str(client)]
            try:
                client.look("t-1")
            except errors.ClientError as error:
                told += [str(error), repr(error), repr(vars(error)), "".join(traceback.format_exception(error))[:-1]]
    assert not [text for text in told if KEY in text]
    assert KEY not in caplog.text


def test_the_exception_below_an_error_shows_no_key_in_its_causes_and_frames() -> None:
    def fails(request: httpx.Request) -> httpx.Response:
        headers = dict(request.headers)
        assert KEY in headers.values()
        raise httpx.RemoteProtocolError("it breaks off") from ValueError(f"illegal status line: {KEY}".encode())

    def call_while_another_is_handled(client: Things) -> None:
        try:
            raise mine
        except RuntimeError:
            client.look("t-1")

    mine = RuntimeError("of the caller's")
    client = Server(RUNNING).client(transport=httpx.MockTransport(fails))
    with client, pytest.raises(errors.TransportError) as caught:
        call_while_another_is_handled(client)
    assert mine.__traceback__ is not None
    cause = caught.value.__cause__
    assert cause is not None
    assert "illegal status line: ***" in str(cause.__cause__)
    causes = traceback.TracebackException.from_exception(cause, capture_locals=True)
    assert KEY not in "".join(causes.format())


def test_a_call_that_asks_for_a_job_tells_its_id_in_errors_and_records(caplog: pytest.LogCaptureFixture) -> None:
    with Server(answer(500)).client(max_retries=1) as client, pytest.raises(errors.ServerError) as caught:
        client.look("t-1")
    assert caught.value.job_id == "t-1"
    assert [record.__dict__["job_id"] for record in caplog.records if record.name == "spacely_runtime"] == ["t-1"]


def test_a_filter_that_raises_loses_no_job() -> None:
    def fails(record: logging.LogRecord) -> bool:
        raise ValueError("a mistake")

    logger = logging.getLogger("spacely_runtime")
    logger.addFilter(fails)
    try:
        with Server(STARTED).client() as client:
            assert client.start().id == "t-1"
    finally:
        logger.removeFilter(fails)


def test_an_error_survives_the_way_to_another_process_with_its_job() -> None:
    with Server(STARTED, answer(400, b"gone")).client() as client:
        job = client.start()
        with pytest.raises(errors.BadRequest) as caught:
            job.poll()
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (type(copy), copy.job_id, copy.status_code, str(copy)) == (
        errors.BadRequest,
        "t-1",
        400,
        str(caught.value),
    )
