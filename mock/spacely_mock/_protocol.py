"""HTTP on a connection: uvicorn's parsers, with limits on time and size, and problems for what is not HTTP."""

from __future__ import annotations

import asyncio
import json
import sys
from functools import cache
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.flow_control import FlowControl

from ._problems import PROBLEM_JSON

if TYPE_CHECKING:
    from uvicorn.protocols.http.h11_impl import H11Protocol as _Base
else:
    _Base = object

MOST_OVERHEAD = 64 * 1024
"""How many bytes may come that are no body: a request's head, the trailers of a chunked body."""
_TITLES = {400: "Bad Request", 408: "Request Timeout", 431: "Request Header Fields Too Large"}


def make_protocol(request_timeout: float) -> type[asyncio.Protocol]:
    """The HTTP protocol of uvicorn, the fast one where it is installed, within limits.

    Args:
        request_timeout: How long a client may take to send one request, and to take what is sent to it, in seconds.
    """
    try:
        return _fast(request_timeout)
    except ImportError:
        return _plain(request_timeout)


@cache  # Imported and made where it is first needed: h11 takes its time.
def _plain(request_timeout: float) -> type[asyncio.Protocol]:
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class PlainProtocol(_Limits, H11Protocol):
        timeout = request_timeout

        def send_400_response(self, msg: str) -> None:
            # h11 counts the overhead itself, against what uvicorn's configuration gives it.
            if self.is_waiting and getattr(sys.exception(), "error_status_hint", None) == 431:
                self.refuse_overhead()
            else:
                super().send_400_response(msg)

    return PlainProtocol


def _fast(request_timeout: float) -> type[asyncio.Protocol]:
    from ._direct import DirectProtocol, KnownHeads, Outbox

    class FastProtocol(_Limits, DirectProtocol):  # type: ignore[misc] # _Limits stands on what both protocols have
        timeout = request_timeout
        outbox = Outbox()
        heads = KnownHeads()
        overhead = 0
        received = b""

        def data_received(self, data: bytes) -> None:
            self.received = data
            self.overhead += len(data)
            super().data_received(data)
            if self.is_resting or not self.is_waiting:
                self.overhead = 0
            elif self.overhead > MOST_OVERHEAD:
                self.refuse_overhead()

        def on_body(self, body: bytes) -> None:
            self.overhead = 0
            super().on_body(body)

        def stop_timers(self) -> None:
            super().stop_timers()
            self.stop_resting()

        def _should_upgrade(self) -> bool:
            return True  # uvicorn asks this where the parser has seen an upgrade.

        def handle_websocket_upgrade(self) -> None:  # type: ignore[override] # pyright: ignore[reportIncompatibleMethodOverride] - as in HttpToolsProtocol
            # Nothing is upgraded here, the request is answered as if it had not asked. But httptools drops the body
            # of such a request, and Java's client asks for HTTP/2 in this way with every request; h11 keeps it.
            if not self.is_waiting:
                self.send_400_response("An upgrade cannot be asked for while another request is being answered.")
                return
            _bequeath(self, _plain(request_timeout))

    return FastProtocol


class _Limits(_Base):
    """Ends what would hold a connection for ever: a client that sends, or takes what is sent to it, too slowly."""

    timeout: float
    flow: FlowControl
    scope: Any
    is_resting = False
    _is_silent = True
    _sending: asyncio.TimerHandle | None = None
    _taking: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn declares it
        super().connection_made(transport)
        self._sending = self.loop.call_later(self.timeout, self._too_slow)

    def data_received(self, data: bytes) -> None:
        self._is_silent = False
        super().data_received(data)
        is_done = self.is_resting or not self.is_waiting
        if is_done or self.transport.is_closing() or self.transport.get_protocol() is not self:
            if self._sending is not None:
                self._sending = _stopped(self._sending)
        elif self._sending is None:
            self._sending = self.loop.call_later(self.timeout, self._too_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        self.stop_timers()
        super().connection_lost(exc)

    def stop_timers(self) -> None:
        """Let go of the connection."""
        self._sending, self._taking = _stopped(self._sending), _stopped(self._taking)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._taking = self.loop.call_later(self.timeout, self.transport.abort)

    def resume_writing(self) -> None:
        self._taking = _stopped(self._taking)
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        if self.transport.get_write_buffer_size():
            self.transport.abort()  # Closed gently, it would wait for ever for a client that takes nothing.
        else:
            super().timeout_keep_alive_handler()

    def send_400_response(self, msg: str) -> None:
        if self.is_waiting:
            self.refuse(400, msg)
        else:  # The request before it is being answered: it gets its answer, and then the connection ends.
            self.cycle.keep_alive = False

    @property
    def is_waiting(self) -> bool:
        """Whether there is more to come of a request, or of the next one where the last is answered."""
        cycle: Any = self.cycle
        return cycle is None or cycle.more_body or cycle.response_complete

    def refuse_overhead(self) -> None:
        """Answer that more came than a head or trailers may take."""
        self.refuse(431, f"The request has headers or trailers of more than {MOST_OVERHEAD} bytes.")

    def refuse(self, status: int, detail: str) -> None:
        """Answer with a problem and close."""
        cycle: Any = self.cycle
        is_within_answer = cycle is not None and cycle.response_started and not cycle.response_complete
        if not is_within_answer and not self.transport.is_closing():
            title = _TITLES[status]
            document = {"type": "about:blank", "title": title, "status": status, "detail": detail}
            body = json.dumps(document).encode()
            head = (
                f"HTTP/1.1 {status} {title}\r\n"
                f"content-type: {PROBLEM_JSON}\r\n"
                f"content-length: {len(body)}\r\n"
                "access-control-allow-origin: *\r\n"
                "connection: close\r\n\r\n"
            )
            self.transport.write(head.encode() + body)
        self.transport.close()

    def _too_slow(self) -> None:
        self._sending = None
        if self.flow.read_paused:  # It is the mock that is slow.
            self._sending = self.loop.call_later(self.timeout, self._too_slow)
        elif self._is_silent:
            self.transport.close()
        else:
            self.refuse(408, f"The request did not arrive within {self.timeout:g} seconds.")


def _bequeath(protocol: Any, heir_type: Any) -> None:
    """Hand a connection over to another protocol, with the head that has been read and what came behind it."""
    upgrade = sys.exception()  # Tells where the head ended.
    rest = protocol.received[upgrade.args[0] :] if upgrade else b""
    version = protocol.parser.get_http_version().encode()
    start = b"%b %b HTTP/%b" % (protocol.parser.get_method(), protocol.url, version)
    head = [start, *(b"%b: %b" % header for header in protocol.headers), b"", b""]
    protocol.stop_timers()
    protocol.connections.discard(protocol)
    heir = heir_type(protocol.config, protocol.server_state, protocol.app_state)
    heir.app = protocol.app
    heir.connection_made(protocol.transport)
    protocol.transport.set_protocol(heir)
    heir.data_received(b"\r\n".join(head) + rest)


def _stopped(timer: asyncio.TimerHandle | None) -> asyncio.TimerHandle | None:
    if timer is not None:
        timer.cancel()
    return None
