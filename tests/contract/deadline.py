"""An end to every exchange over HTTP, however slowly the server feeds it: the libraries' timeouts are for each read."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from weakref import WeakKeyDictionary

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from .budget import Budget

EXCHANGE_SECONDS = 30.0
_LOOK_SECONDS = 0.05


@contextmanager
def exchanges_end(budget: Budget) -> Iterator[None]:
    """Cut off what requests and Schemathesis send in the block where the whole answer is not there in time.

    A read can be ended from outside only by shutting its socket down; urllib3 has no public way to that, but for the
    class of its connections.

    Args:
        budget: Nothing lasts longer than its time.
    """
    ends, over = _Ends(budget), threading.Event()
    pools: tuple[Any, ...] = (HTTPConnectionPool, HTTPSConnectionPool)
    before = [pool.ConnectionCls for pool in pools]
    watcher = threading.Thread(target=ends.watch, args=[over], daemon=True)
    watcher.start()
    try:
        for pool, connection in zip(pools, _connections(ends), strict=True):
            pool.ConnectionCls = connection
        yield
    finally:
        for pool, connection in zip(pools, before, strict=True):
            pool.ConnectionCls = connection
        over.set()
        watcher.join()


class _Ends:
    """The sockets in use, each with the moment at which what it is used for has to be over."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._lock = threading.Lock()
        self._ends: WeakKeyDictionary[socket.socket, float] = WeakKeyDictionary()

    def begin(self, sock: socket.socket | None) -> None:
        if sock is not None:
            with self._lock:
                self._ends[sock] = time.monotonic() + min(EXCHANGE_SECONDS, self._budget.seconds_left)

    def watch(self, over: threading.Event) -> None:
        while not over.wait(_LOOK_SECONDS):
            with self._lock:
                for sock in [sock for sock, end in self._ends.items() if end <= time.monotonic()]:
                    del self._ends[sock]
                    with suppress(OSError):  # It is closed.
                        socket.socket.shutdown(sock, socket.SHUT_RDWR)  # Not TLS's own, which another thread reads.


def _connections(ends: _Ends) -> tuple[type, type]:
    """The connections of urllib3, telling when an exchange begins: on a new one, and on one that is used again."""

    class Telling:
        sock: socket.socket | None

        def connect(self) -> None:
            super().connect()  # type: ignore[misc] # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType] - of the class beside it
            ends.begin(self.sock)

        def putrequest(self, *args: Any, **options: Any) -> None:
            ends.begin(self.sock)
            super().putrequest(*args, **options)  # type: ignore[misc] # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType] - as above

    return type("Http", (Telling, HTTPConnection), {}), type("Https", (Telling, HTTPSConnection), {})
