"""A client that misbehaves as it is told, and a mock in a process of its own that it may do so to."""

import contextlib
import os
import re
import select
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

import h11
import httpx
from tests.spacely_mock.hostile.corpus import API_KEY, CLOSED, EXAMPLE, ID, POLL, SPEC, SUBMIT, Act, Drip, Exchange

from spacely_spec import Answer

LIMIT = 5  # Seconds in which every exchange has to end.
SETTLE = 0.02  # Seconds in which an answer that should not come would come.
_WITHOUT_HTTPTOOLS = "import sys; sys.modules['uvicorn.protocols.http.httptools_impl'] = None; "
_RUN = "from spacely_mock.__main__ import main; main()"


class Victim:
    """A mock in a process of its own: its port, what it writes to stderr, its memory and descriptors."""

    def __init__(self, folder: Path, parser: str, *options: str) -> None:
        self._errors = folder / f"{parser}.stderr"
        code = (_WITHOUT_HTTPTOOLS if parser == "h11" else "") + _RUN
        with self._errors.open("w") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-c", code, "--port", "0", "--render-time", "0", *options],
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                # Or else glibc keeps by chance what large bodies took, and that would look like growth.
                env={**os.environ, "MALLOC_MMAP_THRESHOLD_": "131072"},
            )
        banner = self._process.stdout.readline()
        self.port = int(re.search(r":(\d+)/", banner)[1])
        self._scheme = SPEC.operations[0].security[0][0]
        self._http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", headers={self._scheme.name: API_KEY})
        submit = next(operation for operation in SPEC.operations if operation.polling)
        answer = self.submit()
        job = submit.polling.job_id.read(Answer(answer.status_code, answer.headers, answer.json()))
        polled = self._http.get(POLL.decode(), params={ID.decode(): job})
        urls = submit.polling.result.read(Answer(polled.status_code, polled.headers, polled.json()))
        self._known = {b"{job}": job.encode(), b"{image}": httpx.URL(urls[0]).raw_path}

    def submit(self) -> httpx.Response:
        """An ordinary request, on a connection of its own."""
        return self._http.post(SUBMIT.decode(), json=EXAMPLE, headers={"connection": "close"}, timeout=LIMIT)

    def fill(self, data: bytes) -> bytes:
        for name, value in self._known.items():
            data = data.replace(name, value)
        return data

    @property
    def stderr(self) -> str:
        return self._errors.read_text()

    @property
    def memory(self) -> int:
        """Resident memory, in bytes."""
        return int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")

    @property
    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self._process.pid}/fd"))  # noqa: PTH208 - counted, not walked

    def stop(self) -> None:
        self._http.close()
        self._process.terminate()
        self._process.communicate(timeout=LIMIT)
        self._process.stdout.close()


def perform(victim: Victim, exchange: Exchange) -> list[int]:
    """Go through an exchange.

    Returns:
        The status of each answer, in order; that of an interim answer counts only where no other follows.

    Raises:
        h11.RemoteProtocolError: An answer is not well-formed HTTP.
        TimeoutError: It does not end.
    """
    received = bytearray()
    deadline = time.monotonic() + LIMIT
    with socket.create_connection(("127.0.0.1", victim.port)) as connection:
        connection.settimeout(LIMIT)
        with contextlib.suppress(ConnectionError):
            for step in exchange.steps:
                _take_step(victim, connection, step, received)
            if not {Act.RESET, Act.LEAVE} & set(exchange.steps):
                _drain(connection, received, exchange, deadline)
    return statuses(bytes(received), _methods(exchange))


def _take_step(victim: Victim, connection: socket.socket, step: bytes | Act | Drip, received: bytearray) -> None:
    match step:
        case bytes():
            connection.sendall(victim.fill(step))
        case Drip():
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in victim.fill(step.data):
                connection.sendall(bytes([byte]))
                if select.select([connection], [], [], step.interval)[0]:
                    break  # The server has had enough; whoever sends on may lose its answer.
        case Act.AWAIT:
            received += connection.recv(65536)
        case Act.HALF_CLOSE:
            connection.shutdown(socket.SHUT_WR)
        case Act.RESET:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()
        case Act.LEAVE:
            connection.close()


def _drain(connection: socket.socket, received: bytearray, exchange: Exchange, deadline: float) -> None:
    """Read until the server closes, or has sent as much as was expected and then nothing more for a moment."""
    methods = _methods(exchange)
    least = sum(CLOSED not in each for each in exchange.expected) or 1
    while True:
        is_enough = len(statuses(bytes(received), methods, is_whole=False)) >= least
        connection.settimeout(SETTLE if is_enough else max(0.01, deadline - time.monotonic()))
        try:
            piece = connection.recv(1 << 20)
        except TimeoutError:
            if is_enough:
                return
            raise
        if not piece:
            return
        received += piece


def statuses(received: bytes, methods: list[str], *, is_whole: bool = True) -> list[int]:
    """The statuses of the answers in what was received; where it has to be whole, a torn answer is an error."""
    found: list[int] = []
    while received:
        reader = h11.Connection(h11.CLIENT, max_incomplete_event_size=1 << 24)
        method = methods[min(len(found), len(methods) - 1)]
        reader.send(h11.Request(method=method, target="/", headers=[("host", "mock")]))
        reader.send(h11.EndOfMessage())
        reader.receive_data(received)
        status = 0
        while not isinstance(event := reader.next_event(), h11.EndOfMessage):
            if isinstance(event, h11.InformationalResponse):
                status = event.status_code
            elif isinstance(event, h11.Response):
                status = event.status_code
                _check_headers(event)
            elif event is h11.NEED_DATA:
                if is_whole and status >= 200:
                    reader.receive_data(b"")
                    reader.next_event()
                return [*found, status] if is_whole and status else found
        found.append(status)
        received = reader.trailing_data[0]
    return found


def _check_headers(response: h11.Response) -> None:
    """No answer has a header that somebody slipped in."""
    names = {name for name, _ in response.headers}
    assert not names & {b"set-cookie", b"x-injected"}, response.headers


def _methods(exchange: Exchange) -> list[str]:
    """The methods of the requests, as far as they decide how an answer is read."""
    sent = b"".join(step for step in exchange.steps if isinstance(step, bytes))
    return ["HEAD", "GET"] if sent.startswith(b"HEAD ") else ["GET"]
