"""The mock on a real socket, and what clients that misbehave get there."""

import json
import socket
import sys
import threading
from contextlib import suppress

import httpx
import pytest
from tests.spacely_mock.helpers import CONTRACT, KEY, RENDER, SUBMIT
from tests.spacely_mock.redis_server import until

from spacely_mock import MockServer, PortError

HEAD = f"POST {SUBMIT} HTTP/1.1\r\nHost: mock\r\nX-API-KEY: sk-one\r\n"
BODY = json.dumps(RENDER)


@pytest.fixture(scope="module", params=["httptools", "h11"])
def server(request):
    """The mock under each of uvicorn's two HTTP parsers: the fast one is not there on every machine."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "h11":
            for name in ("uvicorn.protocols.http.httptools_impl", "spacely_mock._direct"):
                patch.setitem(sys.modules, name, None)
        running = MockServer(CONTRACT, render_time=0, body_limit=100_000).start()
    yield running
    running.stop()


def exchange(server, data, *, half_close=False):
    """Send bytes and read until the server closes or has answered whole."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(data)
        if half_close:
            connection.shutdown(socket.SHUT_WR)
        received = b""
        while piece := connection.recv(65536):
            received += piece
            head, found, body = received.partition(b"\r\n\r\n")
            length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            if found and length and len(body) >= int(length[0].partition(b":")[2]):
                break
        return received


def test_a_client_is_served_under_the_url(server):
    with httpx.Client(base_url=server.url, headers=KEY) as client:
        job_id = client.post("/generate/advance", json=RENDER).json()["data"]
        done = client.get("/generate/poll-result", params={"refId": job_id}).json()["data"]
        assert {client.get(url).headers["content-type"] for url in done["result"]} == {"image/png"}
        assert done["result"][0].startswith(server.origin)


HOSTILE = {
    "no HTTP": b"hello\r\n\r\n",
    "a TLS greeting": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "a junk Content-Length": HEAD.encode() + b"Content-Length: junk\r\n\r\n" + BODY.encode(),
    "a negative Content-Length": HEAD.encode() + b"Content-Length: -5\r\n\r\n" + BODY.encode(),
    "two Content-Lengths": HEAD.encode() + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
    "a length beyond all bounds": HEAD.encode() + b"Content-Length: 99999999999999999999999\r\n\r\n{}",
    "a broken chunk": HEAD.encode() + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n{}\r\n0\r\n\r\n",
    "an unknown transfer coding": HEAD.encode() + b"Transfer-Encoding: rot13\r\nContent-Length: 2\r\n\r\n{}",
    "a null byte in a header": HEAD.encode() + b"X-A: \x00\r\n\r\n",
    "a space in a header's name": HEAD.encode() + b"X A: 1\r\n\r\n",
    "no version": f"POST {SUBMIT}\r\n\r\n".encode(),
    "a null byte in the path": b"GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n",
    "a path of 60,000 characters": b"GET /" + b"a" * 60_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    "a query of 60,000 characters": b"GET /?" + b"a=b&" * 15_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    "a header of 60,000 characters": HEAD.encode() + b"X-A: " + b"a" * 60_000 + b"\r\n\r\n",
    "a proxy's request line": b"GET http://elsewhere/ HTTP/1.1\r\nHost: a\r\n\r\n",
    "a path without a slash": b"GET * HTTP/1.1\r\nHost: a\r\n\r\n",
    "invalid UTF-8 in the path": b"GET /%ff%fe HTTP/1.1\r\nHost: a\r\n\r\n",
    "invalid UTF-8 in the body": HEAD.encode() + b"Content-Type: application/json\r\nContent-Length: 1\r\n\r\n\xff",
    "HTTP/1.0 without a host": b"GET /nowhere HTTP/1.0\r\n\r\n",
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_request_is_a_problem_and_the_next_is_served(server, data):
    answer = exchange(server, data, half_close=data == HOSTILE["no version"] or data == HOSTILE["a TLS greeting"])
    assert answer.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4")), answer[:200]
    assert b"content-type: application/problem+json" in answer
    assert b"access-control-allow-origin: *" in answer
    assert httpx.get(server.origin + "/healthz").status_code == 200


def test_a_chunked_body_is_read(server):
    chunks = "".join(f"{len(piece):x}\r\n{piece}\r\n" for piece in (BODY[:10], BODY[10:])) + "0\r\n\r\n"
    data = f"{HEAD}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}"
    assert exchange(server, data.encode()).startswith(b"HTTP/1.1 200")


def test_a_client_that_waits_for_leave_to_send_gets_it(server):
    data = f"{HEAD}Content-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: {len(BODY)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(data.encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 100")
        connection.sendall(BODY.encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")


def test_a_body_over_the_limit_is_read_to_its_end_and_refused(server):
    body = {**RENDER, "prompt": "a" * 5_000_000}
    response = httpx.post(server.url + "/generate/advance", headers=KEY, json=body)
    assert (response.status_code, response.json()["errors"][0]["rule"]) == (400, "maxBytes")


def test_clients_that_leave_do_no_harm(server):
    for data in (b"POST", HEAD.encode(), HEAD.encode() + b"Content-Length: 500\r\n\r\n{"):
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
            connection.sendall(data)
    assert httpx.get(server.origin + "/healthz").status_code == 200


def test_two_servers_run_beside_each_other_on_ports_of_their_own(server):
    with MockServer(CONTRACT) as other:
        assert other.port != server.port
        assert httpx.get(other.origin + "/healthz").status_code == 200


def test_a_stopped_server_has_left_its_port_and_its_thread():
    before = threading.active_count()
    with MockServer(CONTRACT) as running:
        port, origin = running.port, running.origin
        kept_alive = httpx.Client()
        kept_alive.get(origin + "/healthz")
    kept_alive.close()
    assert threading.active_count() == before
    with MockServer(CONTRACT, port=port) as again:
        assert again.port == port


STILL_THERE = {
    "has sent half a request": HEAD.encode() + b"Content-Length: 500\r\n\r\n{",
    "waits for a late answer": HEAD.encode() + b"Content-Length: 2\r\nX-Mock-Delay: 60s\r\n\r\n{}",
    "takes no answer": b"GET /openapi.yaml HTTP/1.1\r\nHost: mock\r\n\r\n" * 3000,
}


@pytest.mark.parametrize("data", STILL_THERE.values(), ids=STILL_THERE.keys())
def test_a_server_ends_whatever_its_clients_still_do_and_nothing_is_said_of_it(data, monkeypatch, capfd):
    monkeypatch.setattr("spacely_mock._server._GRACE", 0.3)
    running = MockServer(CONTRACT).start()
    thread, loop = running._thread, running.loop
    with socket.create_connection(("127.0.0.1", running.port), timeout=0.5) as client:
        with suppress(TimeoutError):
            client.sendall(data)
        until(lambda: running._server.server_state.tasks)
        running.stop()
    assert (thread.is_alive(), loop.is_closed()) == (False, True)
    assert capfd.readouterr() == ("", "")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # It is meant to end so.
def test_a_server_that_is_interrupted_leaves_nothing_open():
    running = MockServer(CONTRACT).start()
    thread, loop = running._thread, running.loop
    with socket.create_connection(("127.0.0.1", running.port), timeout=5) as client:
        until(lambda: running._server.server_state.connections)
        loop.call_soon_threadsafe(sys.exit)
        thread.join(5)
        assert (thread.is_alive(), loop.is_closed(), client.recv(1)) == (False, True, b"")
    running.stop()


def test_a_server_that_is_not_running_has_no_url():
    with pytest.raises(RuntimeError, match="with block"):
        _ = MockServer(CONTRACT).url


def test_a_taken_port_is_named(server):
    with pytest.raises(PortError, match=f"port {server.port} on 127.0.0.1 is taken"), MockServer(port=server.port):
        pass


def test_ipv6_addresses_stand_in_brackets():
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    try:
        with MockServer(CONTRACT, host="::1") as running:
            assert running.origin == f"http://[::1]:{running.port}"
            assert httpx.get(running.origin + "/healthz").status_code == 200
    except PortError:
        pytest.skip("this machine has no IPv6 loopback")
