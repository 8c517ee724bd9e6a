"""Answers that go wrong on request, in process and on a socket."""

import asyncio
import json
import socket
import sys
import threading
import time

import httpx
import pytest
from tests.spacely_mock.helpers import CONTRACT, KEY, POLL, RENDER, SUBMIT, Caller

from spacely_mock import MockServer


class Sleeper:
    """Notes how long it was asked to wait, and does not."""

    def __init__(self):
        self.waits = []

    async def __call__(self, seconds):
        self.waits.append(seconds)


@pytest.fixture
def sleeper():
    return Sleeper()


@pytest.fixture
def call(sleeper):
    return Caller(render_time=0, sleep=sleeper)


def told(**words):
    return {"headers": {**KEY, **{f"X-Mock-{name.replace('_', '-')}": value for name, value in words.items()}}}


@pytest.mark.parametrize("status", [200, 204, 304, 418, 429, 500, 502, 503, 504, 599])
def test_any_status_can_be_had_documented_or_not(call, status):
    response = call.submit(**told(status=str(status)))
    assert response.status_code == status
    assert "retry-after" not in response.headers
    if status in {204, 304}:
        assert not response.content
    else:
        assert response.json()["status"] == status


def test_a_status_comes_before_the_body_is_checked_and_starts_no_job(call):
    assert call.submit({}, **told(status="503")).status_code == 503
    assert call.submit(content=b"{", **told(status="503")).status_code == 503


@pytest.mark.parametrize(
    ("body", "media_type"),
    [("problem", "application/problem+json"), ("html", "text/html; charset=utf-8"), ("empty", None)],
)
def test_an_error_has_the_body_that_is_asked_for(call, body, media_type):
    response = call.submit(**told(status="502", body=body, retry_after="7"))
    assert response.headers.get("content-type") == media_type
    assert response.headers["retry-after"] == "7"
    assert bool(response.content) is (body != "empty")
    assert response.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize(
    ("body", "media_type"),
    [("problem", "application/problem+json"), ("html", "text/html; charset=utf-8"), ("empty", None)],
)
def test_any_answer_can_have_that_body_and_is_else_what_it_was(call, body, media_type):
    for status, room in ((200, RENDER), (400, {})):
        response = call.submit(room, **told(body=body, retry_after="7"))
        assert (response.status_code, response.headers.get("content-type")) == (status, media_type)
        assert int(response.headers["content-length"]) == len(response.content)
        assert bool(response.content) is (body != "empty")
        assert response.headers["retry-after"] == "7"
    assert [line["status"] for line in call("GET", "/__mock__/jobs").json()["jobs"]] == [200]
    documented = call.submit(headers={**KEY, "Prefer": f"code=500, body={body}"})
    assert (documented.status_code, documented.headers.get("content-type")) == (500, media_type)


def test_a_rule_can_say_the_body_alone(call):
    call("PUT", "/__mock__/rules", json=[{"then": {"body": "html"}}])
    assert call.submit().text.startswith("<html>")


def test_a_retry_after_can_be_junk_but_not_nothing_and_no_second_header(call):
    for odd in ("soon", "-1"):
        assert call.submit(**told(status="429", retry_after=odd)).headers["retry-after"] == odd
    refused = call("PUT", "/__mock__/rules", json=[{"then": {"status": 429, "retry-after": " "}}])
    assert (refused.status_code, "spaces alone" in refused.json()["detail"]) == (400, True)
    body = {**RENDER, "prompt": "[mock status=429 retry-after=1\u00e9]"}
    assert call.submit(body).status_code == 400


def test_a_truncated_answer_is_a_whole_response_of_half_a_body(call):
    response = call.submit(**told(fault="truncated"))
    assert (response.status_code, response.headers["content-type"]) == (200, "application/json")
    assert int(response.headers["content-length"]) == len(response.content) > 0
    with pytest.raises(json.JSONDecodeError):
        response.json()


def test_a_wrong_type_has_the_right_body(call):
    response = call.submit(**told(fault="wrong-type"))
    assert response.headers["content-type"] == "text/html"
    assert response.json()["data"]


@pytest.mark.parametrize(("delay", "low", "high"), [("2s", 2, 2), ("1s..4s", 1, 4), ("lognormal:3s,0.2", 1, 9)])
def test_a_delay_is_waited_before_the_answer(call, sleeper, delay, low, high):
    for _ in range(10):
        assert call.submit(**told(delay=delay)).status_code == 200
    assert all(low <= wait <= high for wait in sleeper.waits)
    assert len(set(sleeper.waits)) == (1 if low == high else 10)


def test_the_same_seed_gives_the_same_delays():
    waits = []
    for _ in range(2):
        sleeper = Sleeper()
        call = Caller(sleep=sleeper)
        for _ in range(5):
            call.submit(**told(delay="1s..4s"))
        waits.append(sleeper.waits)
    assert waits[0] == waits[1]


def test_a_dribbled_body_is_whole_at_the_end(call, sleeper):
    response = call.submit(**told(dribble="10/100ms"))
    assert response.json()["data"]
    assert sleeper.waits == [0.1] * -(-len(response.content) // 10)


@pytest.mark.parametrize("fault", ["reset", "lost", "reset-midway"])
def test_a_reset_is_a_transport_error_in_process(call, fault):
    with pytest.raises(httpx.TransportError):
        call.submit(**told(fault=fault))


def test_a_reset_after_the_answer_leaves_the_answer_in_process(call):
    assert call.submit(**told(fault="reset-after")).status_code == 200


@pytest.mark.parametrize(("fault", "started"), [("reset", 0), ("lost", 1), ("reset-midway", 1)])
def test_a_job_is_started_though_its_answer_is_lost_but_not_where_the_reset_comes_first(fault, started):
    call = Caller(seed=4)
    following = [Caller(seed=4) for _ in range(2)]
    ids = [following[1].submit().json()["data"] for _ in range(2)]
    with pytest.raises(httpx.TransportError):
        call.submit(**told(fault=fault))
    assert call.submit().json()["data"] == ids[started]


def test_faults_reach_every_operation_and_every_answer(call, sleeper):
    response = call("GET", POLL, params={"refId": "never"}, **told(delay="1s", retry_after="3"))
    assert (response.status_code, response.headers["retry-after"], sleeper.waits) == (400, "3", [1.0])


@pytest.fixture(scope="module", params=["httptools", "h11"])
def server(request):
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "h11":
            for name in ("uvicorn.protocols.http.httptools_impl", "spacely_mock._direct"):
                patch.setitem(sys.modules, name, None)
        with MockServer(CONTRACT, render_time=0) as running:
            protocols = [each.__name__ for each in running._server.config.http_protocol_class.__mro__]
            assert ("HttpToolsProtocol" in protocols) is (request.param == "httptools")
            yield running


def exchange(server, *words, path=SUBMIT):
    """What comes back on a socket, and the error that ends it."""
    body = json.dumps(RENDER).encode()
    headers = "".join(f"{word}\r\n" for word in words)
    head = f"POST {path} HTTP/1.1\r\nHost: a\r\nX-API-KEY: sk-one\r\nContent-Type: application/json\r\n{headers}"
    received, error = b"", None
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        try:
            while piece := connection.recv(65536):
                received += piece
                if received.endswith(b"}") and not any("reset" in word for word in words):
                    break
        except OSError as raised:
            error = raised
    return received, error


@pytest.mark.parametrize("fault", ["reset", "lost"])
def test_on_a_socket_a_reset_before_the_answer_sends_nothing(server, fault):
    received, error = exchange(server, f"X-Mock-Fault: {fault}")
    assert received == b""
    assert isinstance(error, ConnectionResetError)


def test_on_a_socket_a_reset_midway_sends_half(server):
    received, error = exchange(server, "X-Mock-Fault: reset-midway")
    head, _, body = received.partition(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    assert 0 < len(body) < length
    assert isinstance(error, ConnectionResetError)


def test_on_a_socket_a_reset_after_the_answer_comes_after_all_of_it(server):
    received, error = exchange(server, "X-Mock-Fault: reset-after")
    assert json.loads(received.partition(b"\r\n\r\n")[2])["data"]
    assert isinstance(error, ConnectionResetError)


def test_on_a_socket_a_body_dribbles(server):
    began = time.monotonic()
    received, error = exchange(server, "X-Mock-Dribble: 20/30ms")
    body = received.partition(b"\r\n\r\n")[2]
    assert json.loads(body)["data"]
    assert error is None
    assert time.monotonic() - began >= 0.03 * (len(body) // 20)


def test_a_reset_leaves_the_server_whole_and_nothing_to_complain_of(server, caplog):
    for fault in ("reset", "reset-midway", "reset-after", "lost"):
        exchange(server, f"X-Mock-Fault: {fault}")
    assert httpx.post(server.origin + SUBMIT, headers=KEY, json=RENDER).status_code == 200
    assert caplog.records == []


@pytest.mark.parametrize("word", ["X-Mock-Delay: 60s", "X-Mock-Dribble: 1/60s"])
def test_nothing_waits_for_a_client_that_has_gone(word, caplog):
    ended = threading.Event()

    async def sleep(seconds):
        try:
            await asyncio.sleep(seconds)
        finally:
            ended.set()

    with MockServer(CONTRACT, sleep=sleep) as server:
        head = f"POST {SUBMIT} HTTP/1.1\r\nHost: a\r\nX-API-KEY: sk-one\r\n{word}\r\nContent-Length: 0\r\n\r\n"
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
            connection.sendall(head.encode())
            if "Dribble" in word:
                connection.recv(1)
        assert ended.wait(5)
        assert httpx.get(server.origin + "/healthz").status_code == 200
    assert caplog.records == []
