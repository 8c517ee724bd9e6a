"""How a call or a wait ends where nobody planned for it: interrupted, cancelled, misused, or beyond all bounds."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.spacely_runtime.things import DONE, KEY, RUNNING, STARTED, Clock, Server, answer

from spacely_runtime import JobUpdate, _client, _download, errors
from spacely_runtime._deadline import check_deadline, deadline


class Stuck(httpx.AsyncBaseTransport):
    """Never answers."""

    def __init__(self) -> None:
        self.stuck = asyncio.Event()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.stuck.set()
        await asyncio.sleep(60)
        raise AssertionError


async def cancelled(transport: Stuck, task: asyncio.Task[Any]) -> asyncio.CancelledError:
    await transport.stuck.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    return caught.value


def test_a_cancelled_wait_says_which_job_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> asyncio.CancelledError:
        transport = Stuck()
        async with Server(DONE).async_client(transport=transport) as client:
            job = client._resume("start", "t-1")
            return await cancelled(transport, asyncio.create_task(job.wait()))

    error = asyncio.run(run())
    assert error.__notes__ == ["The job t-1 goes on; take it up again with client.job('start', 't-1')"]
    (record,) = (each for each in caplog.records if each.name == "spacely_runtime")
    told = vars(record)
    assert (told["levelno"], told["job_id"], told["operation"]) == (logging.WARNING, "t-1", "startThing")


def test_a_submit_that_is_cancelled_in_the_air_says_that_it_may_have_been_accepted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def run() -> asyncio.CancelledError:
        transport = Stuck()
        async with Server(DONE).async_client(transport=transport) as client:
            return await cancelled(transport, asyncio.create_task(client.start()))

    error = asyncio.run(run())
    assert "may have been accepted" in error.__notes__[0]
    assert "may have been accepted" in caplog.text


def test_an_outer_timeout_stays_one(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        async with Server(DONE).async_client(transport=Stuck()) as client:
            async with asyncio.timeout(0.01):
                await client.look("t-1")

    with pytest.raises(TimeoutError):
        asyncio.run(run())


class Interrupted(httpx.BaseTransport):
    """Answers from a script; where that is over, it is interrupted."""

    def __init__(self, interruption: type[BaseException], *answers: httpx.Response) -> None:
        self.interruption = interruption
        self.answers = list(answers)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if not self.answers:
            raise self.interruption
        answered = self.answers.pop(0)
        return httpx.Response(answered.status_code, content=answered.content)


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit])
def test_an_interrupted_wait_says_which_job_goes_on(clock: Clock, interruption: type[BaseException]) -> None:
    transport = Interrupted(interruption, STARTED, RUNNING)
    with Server(DONE).client(transport=transport) as client, pytest.raises(interruption) as caught:
        client.start().wait()
    assert "client.job('start', 't-1')" in caught.value.__notes__[0]


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit])
def test_a_submit_that_is_interrupted_in_the_air_says_that_it_may_have_been_accepted(
    interruption: type[BaseException],
) -> None:
    with Server(DONE).client(transport=Interrupted(interruption)) as client, pytest.raises(interruption) as caught:
        client.start()
    assert "may have been accepted" in caught.value.__notes__[0]


@pytest.mark.parametrize("error", [ValueError, StopIteration, KeyboardInterrupt])
def test_what_a_callback_raises_is_raised_as_it_is_with_the_job_noted(clock: Clock, error: type[BaseException]) -> None:
    def trip(update: JobUpdate[Any]) -> None:
        raise error("mine")

    with Server(STARTED, RUNNING).client() as client, pytest.raises(error, match="mine") as caught:
        client.start().wait(on_update=trip)
    assert "t-1" in caught.value.__notes__[0]


def test_what_an_asynchronous_callback_raises_is_raised_as_it_is_with_the_job_noted(clock: Clock) -> None:
    async def trip(update: JobUpdate[Any]) -> None:
        raise ValueError("mine")

    async def run() -> None:
        async with Server(STARTED, RUNNING).async_client() as client:
            await (await client.start()).wait(on_update=trip)

    with pytest.raises(ValueError, match="mine") as caught:
        asyncio.run(run())
    assert "t-1" in caught.value.__notes__[0]


def test_an_iteration_over_updates_can_be_left_and_begun_again(clock: Clock) -> None:
    with Server(STARTED, RUNNING, RUNNING, DONE).client() as client:
        job = client.start()
        for update in job.updates():
            assert update.state == "running"
            break
        assert [update.state for update in job.updates()] == ["running", "succeeded"]


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("odd"),
        StopIteration(),
        RecursionError(),
        UnicodeError("odd"),
        ValueError(),
        OSError(5, "odd"),
        KeyError(),
    ],
    ids=repr,
)
def test_whatever_a_transport_raises_is_an_error_of_the_tree(clock: Clock, error: Exception) -> None:
    with Server(error).client() as client:
        with pytest.raises(errors.UncertainTransport):
            client.start()
        with pytest.raises(errors.TransportError) as caught:
            client._resume("start", "t-1").wait()
        assert (caught.value.job_id, caught.value.attempts) == ("t-1", 6)
        with pytest.raises(errors.TransportError):
            list(client._resume("start", "t-1").updates())


def cyclic() -> dict[str, Any]:
    value: dict[str, Any] = {}
    value["more"] = value
    return value


@pytest.mark.parametrize(
    "more",
    [float("nan"), float("inf"), "\ud800", {"\ud800": 1}, object(), b"bytes", {1, 2}, cyclic(), {(1, 2): 3}],
    ids=lambda value: type(value).__name__,
)
def test_what_no_request_can_hold_is_an_invalid_request(more: object) -> None:
    server = Server(STARTED)
    with server.client() as client, pytest.raises(errors.InvalidRequest) as caught:
        client.start(more=more)
    assert caught.value.operation == "startThing"
    assert server.requests == []


@pytest.mark.parametrize("ticket", ["x" * 70_000, "\ud800", "a\nb", 7], ids=lambda value: repr(value)[:9])
def test_what_no_url_can_hold_is_an_invalid_request_or_encoded(ticket: Any) -> None:
    server = Server(RUNNING)
    with server.client() as client:
        try:
            client.look(ticket)
        except errors.InvalidRequest:
            assert server.requests == []
        else:
            assert ticket == "a\nb"


@pytest.mark.parametrize("timeout", [-1, float("nan")])
def test_a_wait_of_no_length_is_refused(timeout: float) -> None:
    with Server(STARTED).client() as client, pytest.raises(errors.ConfigurationError, match="0 or more"):
        client.start().wait(timeout=timeout)


def test_a_closed_client_says_so() -> None:
    with Server(STARTED).client() as client:
        job = client.start()
    for call in (client.start, job.poll, lambda: client.look("t-1")):
        with pytest.raises(errors.ConfigurationError, match="closed"):
            call()


@pytest.mark.parametrize("host", ["a" * 64 + ".test", "a..test", "[::1", "things.test:99999"])
def test_a_host_that_no_resolver_takes_is_no_base_url(host: str) -> None:
    with pytest.raises(errors.ConfigurationError, match="base URL"):
        Server(STARTED).client(base_url=f"https://{host}/v1")


@pytest.mark.parametrize(
    "url",
    ["http://[", "https://" + "a" * 64 + ".test/x.png", "http://", "https://x.test/\x00", "http://x.test:99999/x.png"],
)
def test_a_result_that_no_url_can_be_made_of_is_a_download_error(clock: Clock, tmp_path: Path, url: str) -> None:
    done = answer(body={"state": "done", "files": [url]})
    server = Server(STARTED, done, httpx.UnsupportedProtocol("no host"))
    with server.client() as client, pytest.raises(errors.DownloadError) as caught:
        client.start().download(tmp_path)
    assert caught.value.job_id == "t-1"


def test_two_downloads_of_one_file_do_not_get_in_each_others_way(clock: Clock, tmp_path: Path) -> None:
    class Slow(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            for piece in (b"one ", b"two ", b"three"):
                await asyncio.sleep(0)
                yield piece

    def serve(request: httpx.Request) -> httpx.Response:
        looks = "/look/" in request.url.path
        return httpx.Response(200, content=DONE.content) if looks else httpx.Response(200, stream=Slow())

    async def run() -> None:
        async with Server(DONE).async_client(transport=httpx.MockTransport(serve)) as client:
            jobs = [client._resume("start", "t-1") for _ in range(8)]
            await asyncio.gather(*(job.download(tmp_path) for job in jobs))

    asyncio.run(run())
    whole = b"one two three"
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"t-1-1.png": whole, "t-1-2.png": whole}


def test_a_disk_that_takes_no_file_is_a_download_error_at_once(clock: Clock, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    server = Server(STARTED, DONE, answer(200, b"one"))
    with server.client() as client, pytest.raises(errors.DownloadError, match=r"NotADirectoryError|FileExistsError"):
        client.start().download(tmp_path / "file")
    assert len(server.requests) == 3


def test_a_download_waits_as_long_as_its_host_asks(clock: Clock, tmp_path: Path) -> None:
    with Server(STARTED, DONE, answer(503, retry_after="9"), answer(200, b"one")).client() as client:
        client.start().download(tmp_path)
    assert clock.pauses == [5, 9]


def test_a_password_in_the_url_of_a_file_is_not_told(clock: Clock, tmp_path: Path) -> None:
    done = answer(body={"state": "done", "files": ["https://me:hunter2@files.test/x.png?sig=hunter3"]})
    server = Server(STARTED, done, httpx.ReadError("https://me:hunter2@files.test/x.png?sig=hunter3"))
    with server.client() as client, pytest.raises(errors.DownloadError) as caught:
        client.start().download(tmp_path)
    assert "hunter" not in f"{caught.value} {caught.value!r} {vars(caught.value)}"


@pytest.fixture
def bomb() -> Iterator[int]:
    """A server that answers everything with 256 KiB that unfold to 256 MiB; its port."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    body = b"".join([*(deflate.compress(bytes(1024**2)) for _ in range(256)), deflate.flush()])
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n"
                try:
                    connection.sendall(head.encode() + body)
                except OSError:
                    continue

    thread = threading.Thread(target=serve)
    thread.start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


def test_a_small_body_that_would_become_a_huge_one_is_not_unfolded(bomb: int) -> None:
    with Server(DONE).client(base_url=f"http://127.0.0.1:{bomb}", transport=None, max_retries=0) as client:
        tracemalloc.start()
        try:
            with pytest.raises(errors.InvalidResponse, match="larger than 16 MiB"):
                client.look("t-1")
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert most < 40 * 1024**2


def test_a_large_request_that_is_reset_half_way_is_uncertain_and_not_sent_again() -> None:
    connections = 0
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(10)

    def serve() -> None:
        nonlocal connections
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connections += 1
            connection.recv(1000)
            connection.close()  # With so much unread, that is a reset.

    thread = threading.Thread(target=serve)
    thread.start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with Server(DONE).client(base_url=url, transport=None) as client, pytest.raises(errors.UncertainTransport):
        client.start(more="x" * 20_000_000)
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()
    assert connections == 1


def test_an_answer_of_a_transport_of_ones_own_is_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_client, "ANSWER_BYTES", 10)
    with Server(RUNNING).client() as client, pytest.raises(errors.InvalidResponse, match="larger than"):
        client.look("t-1")


def test_a_key_that_stands_across_the_cut_of_a_body_is_struck_out() -> None:
    for shift in range(len(KEY)):
        body = b"x" * (2000 - shift) + KEY.encode()
        with Server(answer(400, body)).client() as client, pytest.raises(errors.BadRequest) as caught:
            client.look("t-1")
        assert "sk-" not in caught.value.body


def test_a_transports_own_error_does_not_keep_the_key(clock: Clock) -> None:
    with Server(httpx.ReadError("reset")).client() as client, pytest.raises(errors.TransportError) as caught:
        client.look("t-1")
    cause = caught.value.__cause__
    assert isinstance(cause, httpx.RequestError)
    assert cause.request.headers["x-key"] == "***"


def test_an_error_in_another_charset_is_read_in_it() -> None:
    said = answer(400, "größer".encode("utf-16"), content_type="text/plain; charset=utf-16")
    with Server(said).client() as client, pytest.raises(errors.BadRequest, match="größer"):
        client.look("t-1")


def test_every_record_from_the_submit_on_tells_the_job(
    clock: Clock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "spacely_runtime")
    answers = (STARTED, httpx.ReadError("reset"), RUNNING, DONE, answer(503), answer(200, b"one"))
    with Server(answer(429), *answers).client() as client:
        client.start().download(tmp_path)
    told = [(record.message.partition(" [")[0].partition(":")[0], vars(record)["job_id"]) for record in caplog.records]
    assert told == [
        ("A call failed and is made again in 0.5 s", None),
        ("A job was started", "t-1"),
        ("A poll failed and is made again in 2.0 s", "t-1"),
        ("The job has succeeded at poll 3", "t-1"),
        ("A download failed and is tried again in 0.5 s", "t-1"),
    ]


def test_a_wait_that_is_over_while_polls_fail_tells_of_the_failure(clock: Clock) -> None:
    with Server(STARTED, answer(502)).client() as client, pytest.raises(errors.JobTimeout) as caught:
        client.start().wait(timeout=6)
    assert isinstance(caught.value.__cause__, errors.ServerError)


def test_a_file_that_is_too_large_is_not_kept(clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_download, "FILE_BYTES", 2)
    with (
        Server(STARTED, DONE, answer(200, b"one")).client() as client,
        pytest.raises(errors.DownloadError, match="larger"),
    ):
        client.start().download(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_deadline_is_over_with_its_block(clock: Clock) -> None:
    """The connection of a call outlives it; what uses it next has a deadline of its own, or none."""
    with deadline(1):
        check_deadline()
        clock.sleep(1)
        with pytest.raises(httpx.ReadTimeout, match="after 1 s"):
            check_deadline()
    check_deadline()
