"""The mock on a socket: in the foreground for the command, in a thread for tests and scripts."""

from __future__ import annotations

import asyncio
import errno
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

from spacely_spec import Spec, load

from ._clock import Clock, ShiftedClock
from ._reset import resettable

if TYPE_CHECKING:
    import uvicorn
    from starlette.types import ASGIApp

REQUEST_TIMEOUT = 30.0
"""How long a client may take to send one request, in seconds."""
_GRACE = 3  # Seconds that requests under way are given when the server stops.
_BACKLOG = 2048
_WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - recognised here, not bound


class PortError(OSError):
    """The address cannot be listened on; the message says why."""


def listen_many(host: str, port: int, count: int) -> list[socket.socket]:
    """Sockets that listen on one address, among which the kernel divides the connections; port 0 picks a free one.

    Raises:
        PortError: As for ``listen``.
    """
    # A socket that shares its port with others does not notice that yet another server has it.
    with listen(host, port) as alone:
        port = int(alone.getsockname()[1])
    return [listen(host, port, share=True) for _ in range(count)]


def listen(host: str, port: int, *, share: bool = False) -> socket.socket:
    """A socket that listens on an address; port 0 picks a free one.

    Args:
        host: The address, or a name of it.
        port: The port.
        share: Whether other sockets that say the same may listen there too.

    Raises:
        PortError: The port is taken, or the host is not one of this machine's.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        try:
            if hasattr(socket, "SO_REUSEPORT"):  # Not on Windows, where SO_REUSEADDR lets two servers share a port.
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if share:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            listener.bind(address)
            listener.listen(_BACKLOG)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortError(f"port {port} on {host} is taken") from error
        raise PortError(f"cannot listen on {host}, port {port}: {error.strerror or error}") from error
    return listener


def origin(listener: socket.socket) -> str:
    """The URL, without a path, under which a listening socket is reached from this machine."""
    host, port = str(listener.getsockname()[0]), int(listener.getsockname()[1])
    host = _WILDCARDS.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def make_server(
    app: ASGIApp, on_ready: Callable[[], None], *, request_timeout: float = REQUEST_TIMEOUT, dated: bool = True
) -> uvicorn.Server:
    """A server for an application; it calls ``on_ready`` once it accepts connections.

    Args:
        app: The application.
        on_ready: What it calls.
        request_timeout: How long a client may take to send one request, in seconds.
        dated: Whether it gives each answer a Date header.
    """
    # Imported here: a light import of this package serves those that never start a server.
    import uvicorn

    from ._protocol import MOST_OVERHEAD, make_protocol

    class Server(uvicorn.Server):
        async def serve(self, sockets: list[socket.socket] | None = None) -> None:
            try:
                await super().serve(sockets)
            finally:  # The event loop warns of what is still open when it is closed: all, where this is interrupted.
                for server in getattr(self, "servers", ()):
                    server.close()
                self._hang_up()
                await asyncio.sleep(0)  # Until then they are not closed.

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            # Whoever waits for a client is told that it has gone, and ends by itself. uvicorn would cancel it, answer
            # 500, and leave open what a client does not take.
            hanging_up = asyncio.get_running_loop().call_later(_GRACE, self._hang_up)
            try:
                await super().shutdown(sockets)
            finally:
                hanging_up.cancel()

        def _hang_up(self) -> None:
            for connection in list(self.server_state.connections):
                connection.transport.abort()

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            on_ready()

    return Server(
        uvicorn.Config(
            app,
            http=resettable(make_protocol(request_timeout)),
            h11_max_incomplete_event_size=MOST_OVERHEAD,
            ws="none",
            lifespan="on",
            log_config=None,
            log_level="critical",  # The application reports its own errors; requests cut off at the end are none.
            access_log=False,
            server_header=False,
            date_header=dated,
            timeout_graceful_shutdown=_GRACE + 1,
        )
    )


class MockServer:
    """A mock server in a thread of its own, ready when the ``with`` block is entered and gone when it is left.

    Args:
        spec: The contract, or the path of its file; see create_app for the default.
        host: The address to listen on.
        port: The port; 0 picks a free one.
        request_timeout: How long a client may take to send one request, in seconds.
        options: What else create_app takes.

    Attributes:
        app: The ASGI application that it serves.
        clock: Its clock; where it was given none, one that can be moved on.
        loop: The event loop that it runs in, once it does.
        is_controlled: Whether its own interface is open.
        admin_token: The bearer token that the interface asks for; None where it asks for none.
        api_keys: The only keys that it takes; empty where it takes any.
        keys_in_use: Those of them that belong to someone.

    Raises:
        SpecError: The contract cannot be used.
        PortError: The address cannot be listened on.
    """

    def __init__(
        self,
        spec: Spec | str | Path | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        request_timeout: float = REQUEST_TIMEOUT,
        **options: Any,
    ) -> None:
        from ._app import create_app, default_spec

        self.spec = spec if isinstance(spec, Spec) else load(spec or default_spec())
        self.clock: Clock = options.pop("clock", None) or ShiftedClock()
        self.app: ASGIApp = create_app(self.spec, clock=self.clock, **options)
        self.is_controlled: bool = options.get("admin", True)
        self.admin_token: str | None = options.get("admin_token")
        self.api_keys: tuple[str, ...] = tuple(options.get("api_keys", ()))
        self.keys_in_use: set[str] = set()
        self._address = (host, port)
        self._request_timeout = request_timeout
        self.loop: asyncio.AbstractEventLoop
        self._listener: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self._server: uvicorn.Server | None = None

    @property
    def origin(self) -> str:
        """Scheme, host and port, such as ``http://127.0.0.1:4010``."""
        if self._listener is None:
            raise RuntimeError("the mock server is not running; enter its with block first")
        return origin(self._listener)

    @property
    def url(self) -> str:
        """The base URL that clients are given: the origin and the contract's base path."""
        return self.origin + quote(self.spec.base_path)

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self.origin.rpartition(":")[2])

    def start(self) -> Self:
        """Start serving; returns when connections are accepted."""
        ready = threading.Event()

        def begin() -> None:
            self.loop = asyncio.get_running_loop()
            ready.set()

        self._listener = listen(*self._address)
        self._server = make_server(self.app, begin, request_timeout=self._request_timeout)
        self._thread = threading.Thread(target=self._server.run, args=([self._listener],), daemon=True)
        self._thread.start()
        while not ready.wait(0.1):
            if not self._thread.is_alive():
                raise RuntimeError("the mock server did not start")
        return self

    def stop(self) -> None:
        """Stop serving; returns when the port is free."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join()
        self._server = self._thread = self._listener = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()
