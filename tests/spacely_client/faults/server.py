"""A server that answers as it is told, byte by byte, and counts what it was asked."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import TypeAlias

_PATIENCE = 10.0  # Seconds after which a connection is given up, so that no test hangs.
_HEAD_END = b"\r\n\r\n"
_TLS_RECORD = 0x16


class Act(Enum):
    """Something that is no bytes."""

    RESET = auto()  # The connection breaks: a TCP reset.
    RESET_EARLY = auto()  # … as soon as the first bytes of the request are there. Only as the first step.
    STALL = auto()  # Nothing more, until the client has gone.


@dataclass(frozen=True)
class Drip:
    """The same bytes again and again, each time after a pause in seconds, until the client has gone."""

    data: bytes
    pause: float


@dataclass(frozen=True)
class Flood:
    """The same bytes again and again, as fast as the client takes them, so many times or until it has gone."""

    data: bytes
    times: int = 1_000_000


Step: TypeAlias = bytes | Act | Drip | Flood
Script: TypeAlias = Sequence[Step]


class ScriptedServer:
    """Plays, on each connection, the script that the path of the request leads to, then closes the connection.

    Attributes:
        scripts: What is played, by a part of the path; the first that fits counts. Of several, each is played once,
            and the last from then on.
        heads: The heads of the requests that came, in order; of one that was reset early, what came of it.
    """

    def __init__(self) -> None:
        self.scripts: dict[str, list[Script]] = {}
        self.heads: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def count(self, part: str) -> int:
        """How many requests came whose path has this part."""
        return sum(part.encode() in head.partition(b"\r\n")[0] for head in self.heads.copy())

    def wait_for(self, part: str, count: int) -> int:
        """The same, once there are so many: the client may have given up before the server got to read."""
        end = time.monotonic() + _PATIENCE
        while self.count(part) < count and time.monotonic() < end:
            time.sleep(0.005)
        return self.count(part)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join(_PATIENCE)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(_PATIENCE)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection, contextlib.suppress(OSError):
            received = connection.recv(65536)
            if not received:
                return
            script = self._script(received)
            if received[0] != _TLS_RECORD:
                if script[:1] != [Act.RESET_EARLY]:
                    received = _read_request(connection, received)
                self.heads.append(received.partition(_HEAD_END)[0])
            for step in script:
                _play(connection, step)

    def _script(self, received: bytes) -> Script:
        path = "TLS" if received[0] == _TLS_RECORD else received.partition(b"\r\n")[0].decode("latin-1")
        scripts = next(scripts for part, scripts in self.scripts.items() if part in path)
        return scripts.pop(0) if len(scripts) > 1 else scripts[0]


def _read_request(connection: socket.socket, received: bytes) -> bytes:
    while _HEAD_END not in received:
        received += connection.recv(65536)
    head, _, body = received.partition(_HEAD_END)
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    missing = int(lengths[0].partition(b":")[2]) - len(body) if lengths else 0
    while missing > 0:
        missing -= len(connection.recv(65536))
    return received


def _play(connection: socket.socket, step: Step) -> None:
    match step:
        case bytes():
            connection.sendall(step)
        case Drip():
            connection.settimeout(step.pause)
            while True:
                connection.sendall(step.data)
                with contextlib.suppress(TimeoutError):
                    if not connection.recv(1):
                        return
        case Flood():
            for _ in range(step.times):
                connection.sendall(step.data)
        case Act.STALL:
            while connection.recv(65536):
                pass
        case Act.RESET | Act.RESET_EARLY:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()


class FullServer:
    """A port at which connections are neither made nor refused: its queue is full."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=0)
        self.port: int = self._listener.getsockname()[1]
        self._waiting: list[socket.socket] = []
        for _ in range(16):
            waiting = socket.socket()
            waiting.settimeout(0.05)
            self._waiting.append(waiting)
            try:
                waiting.connect(("127.0.0.1", self.port))
            except TimeoutError:
                return
        raise RuntimeError("the queue of connections does not fill up on this system")

    def close(self) -> None:
        for waiting in self._waiting:
            waiting.close()
        self._listener.close()


def closed_port() -> int:
    """A port at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
