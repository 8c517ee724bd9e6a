"""The connections that calls are made over, counted by a server that sees each of them."""

from __future__ import annotations

import asyncio
import json
import socket
import socketserver
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from tests.spacely_runtime.things import KEY, AsyncThings, Things

from spacely_runtime import _any_client, errors

AT_ONCE = 35  # More than httpx keeps idle by default.


class CountingServer(socketserver.ThreadingTCPServer):
    """Counts connections, and answers a request when it may."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Requests)
        self.connections = 0
        self.paths: list[str] = []
        self.arrived = threading.Semaphore(0)
        self.may_answer = threading.Semaphore(0)
        self._lock = threading.Lock()
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def note(self, path: str) -> None:
        with self._lock:
            self.paths.append(path)
        self.arrived.release()

    def process_request(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        self.connections += 1
        super().process_request(request, client_address)

    def wait_for(self, requests: int) -> None:
        for _ in range(requests):
            assert self.arrived.acquire(timeout=30), "a request did not come"

    def answer(self, requests: int) -> None:
        self.may_answer.release(requests)


class Requests(socketserver.StreamRequestHandler):
    server: CountingServer

    def handle(self) -> None:
        while request := self.rfile.readline():
            length = 0
            while (line := self.rfile.readline().strip()) != b"":
                if line.lower().startswith(b"content-length:"):
                    length = int(line.partition(b":")[2])
            self.rfile.read(length)
            self.server.note(request.split()[1].decode())
            self.server.may_answer.acquire()
            body = json.dumps({"state": "running", "ticket": "t-1"}).encode()
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))


@pytest.fixture
def server() -> Iterator[CountingServer]:
    with CountingServer() as server:
        yield server
        server.answer(1000)
        server.shutdown()


@pytest.fixture
def two_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_any_client, "POOLS", 2)
    monkeypatch.setattr(_any_client, "POOL_CONNECTIONS", 1)


def test_calls_that_were_made_at_once_leave_their_connections_to_the_next_ones(server: CountingServer) -> None:
    with (
        Things(KEY, server.url, rate_limit=None) as client,
        ThreadPoolExecutor(AT_ONCE) as threads,
    ):
        for _ in range(3):
            calls = [threads.submit(client.look, "t-1") for _ in range(AT_ONCE)]
            server.wait_for(AT_ONCE)
            server.answer(AT_ONCE)
            assert [call.result() for call in calls] == [{"state": "running", "ticket": "t-1"}] * AT_ONCE
    assert server.connections == AT_ONCE


def test_the_asynchronous_client_uses_its_connections_again_too(server: CountingServer) -> None:
    async def waves() -> None:
        async with AsyncThings(KEY, server.url, rate_limit=None) as client:
            for _ in range(3):
                calls = [asyncio.create_task(client.look("t-1")) for _ in range(AT_ONCE)]
                await asyncio.to_thread(server.wait_for, AT_ONCE)
                server.answer(AT_ONCE)
                await asyncio.gather(*calls)

    asyncio.run(waves())
    assert server.connections == AT_ONCE


def test_calls_one_after_the_other_share_one_connection(server: CountingServer) -> None:
    server.answer(20)
    with Things(KEY, server.url) as client:
        for _ in range(20):
            client.look("t-1")
    assert server.connections == 1


@pytest.mark.usefixtures("two_connections")
def test_a_submit_goes_before_polls_that_wait_for_a_connection_and_none_is_opened_beyond_the_most(
    server: CountingServer,
) -> None:
    async def crowd() -> None:
        async with AsyncThings(KEY, server.url) as client:
            calls = [asyncio.create_task(client.look(f"t-{number}")) for number in range(4)]
            await asyncio.to_thread(server.wait_for, 2)
            submit = asyncio.create_task(client.start())
            await asyncio.sleep(0)
            assert sorted(server.paths) == ["/look/t-0", "/look/t-1"]
            server.answer(1)
            await asyncio.to_thread(server.wait_for, 1)
            assert server.paths[2:] == ["/start"]
            server.answer(10)
            await asyncio.gather(submit, *calls)

    asyncio.run(crowd())
    assert sorted(server.paths[3:]) == ["/look/t-2", "/look/t-3"]
    assert server.connections == 2


@pytest.mark.usefixtures("two_connections")
def test_without_a_budget_a_submit_that_gets_no_connection_in_time_was_certainly_not_sent(
    server: CountingServer,
) -> None:
    with Things(KEY, server.url, rate_limit=None, max_retries=0) as client, ThreadPoolExecutor(2) as threads:
        calls = [threads.submit(client.look, "t-1") for _ in range(2)]
        server.wait_for(2)
        client._http.timeout = httpx.Timeout(30, pool=0.05)
        with pytest.raises(errors.TransportError, match="nothing was sent") as caught:
            client.start()
        server.answer(2)
        assert [call.result()["state"] for call in calls] == ["running", "running"]
    assert not isinstance(caught.value, errors.SubmissionUncertain)
    assert server.paths == ["/look/t-1"] * 2


def test_a_transport_of_the_callers_gets_all_calls_however_many() -> None:
    async def all_at_once() -> None:
        together = asyncio.Barrier(AT_ONCE)

        async def answered(_: httpx.Request) -> httpx.Response:
            await together.wait()
            return httpx.Response(200, json={"state": "running"})

        async with AsyncThings(KEY, rate_limit=None, transport=httpx.MockTransport(answered)) as client:
            await asyncio.gather(*(client.look("t-1") for _ in range(AT_ONCE)))
            assert len(list(client._connections)) == 1

    asyncio.run(all_at_once())
