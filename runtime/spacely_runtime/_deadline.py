"""An end to every attempt, however slowly the server feeds it.

httpx's timeouts are for each read from a socket, so a server that sends a byte now and then holds a call for as long
as it likes. Asynchronous calls are ended by ``asyncio.timeout``. A synchronous one can only be ended where it reads:
so the streams of its connections look at the time that the call of their thread has left.
"""

from __future__ import annotations

import math
import ssl
import threading
from collections.abc import Iterable
from types import TracebackType
from typing import Any

from . import _clock, _httpx

_WRITE_BYTES = 65_536


class _Call(threading.local):
    """The call that a thread makes: when it is to end, and how long it was given."""

    end = math.inf
    seconds = math.inf


_call = _Call()


class deadline:  # noqa: N801 - used as a function is; one made by contextlib takes three times as long
    """End what the block reads and writes after so many seconds, with ``httpx.ReadTimeout`` or ``WriteTimeout``."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __enter__(self) -> None:
        _call.end, _call.seconds = _clock.monotonic() + self._seconds, self._seconds

    def __exit__(self, *_: object) -> None:
        _call.end = math.inf


def check_deadline() -> None:
    """Raise ``httpx.ReadTimeout`` where the time of this thread's call is over."""
    if _call.end <= _clock.monotonic():
        raise _httpx.ReadTimeout(_too_slow(_call.seconds))


class deadline_async:  # noqa: N801 - see above
    """The same for asyncio, for whatever the block waits for."""

    def __init__(self, seconds: float) -> None:
        import asyncio  # Synchronous code does without.

        self._seconds = seconds
        self._timeout = asyncio.timeout(seconds)

    async def __aenter__(self) -> None:
        await self._timeout.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            await self._timeout.__aexit__(kind, error, traceback)
        except TimeoutError:
            raise _httpx.ReadTimeout(_too_slow(self._seconds)) from None


def _too_slow(seconds: float) -> str:
    return f"the answer was not complete after {seconds:g} s"


def keep_deadlines(client: _httpx.Client) -> None:
    """Make the connections of a client keep to the deadlines of its calls.

    httpx has no public way to its connections. Where another version has none of these attributes, or the caller's
    own transport is in use, bodies still keep to the deadline, and heads to httpx's timeouts alone.
    """
    transports: Iterable[Any] = (getattr(client, "_transport", None), *getattr(client, "_mounts", {}).values())
    for transport in transports:
        pool: Any = getattr(transport, "_pool", None)
        if hasattr(pool, "_network_backend"):
            pool._network_backend = _Network(pool._network_backend)  # noqa: SLF001 - see above


class _Network:
    """A httpcore.NetworkBackend whose streams keep to the deadline."""

    def __init__(self, network: Any) -> None:
        self._network = network

    def connect_tcp(self, *args: Any, **options: Any) -> _Stream:
        return _Stream(self._network.connect_tcp(*args, **options))

    def connect_unix_socket(self, *args: Any, **options: Any) -> _Stream:
        return _Stream(self._network.connect_unix_socket(*args, **options))

    def sleep(self, seconds: float) -> None:
        self._network.sleep(seconds)


class _Stream:
    """A httpcore.NetworkStream that keeps to the deadline of whichever call uses it."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        check_deadline()
        data: bytes = self._stream.read(max_bytes, timeout=_shorter(timeout))
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _WRITE_BYTES):
            if _call.end <= _clock.monotonic():
                raise _httpx.WriteTimeout("the request could not be sent in time")
            self._stream.write(buffer[start : start + _WRITE_BYTES], timeout=_shorter(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> _Stream:
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _shorter(timeout: float | None) -> float | None:
    if _call.end == math.inf:
        return timeout
    left = max(_call.end - _clock.monotonic(), 0.001)
    return left if timeout is None else min(timeout, left)
