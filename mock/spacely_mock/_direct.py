"""The short cut through the server: a request that comes alone and in one piece is answered where it is parsed.

Between a socket and an ASGI application, a server makes a task, a scope and several messages for each request. Where
the application says that it can answer at once, none of this is needed. Whatever else comes - in several pieces, behind
another request, on a connection that is to be closed - goes the way that uvicorn has for it, as if nothing had been.

A client sends the same few heads again and again. One that has been parsed, and was plain, is known from then on by its
bytes, so the next request that begins with it needs no parser.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ._http import Application, RawHeaders, Request

_WEIGHED_HEADERS = frozenset({b"transfer-encoding", b"expect"})
"""Those that say how a request is to be read."""
_PLAIN_TARGET = re.compile(rb"/[A-Za-z0-9._~/-]*(?:\?[A-Za-z0-9._~=&-]*)?")
"""Nothing but a path and a query, in which nothing is to be decoded, and of which no parser thinks otherwise."""


_END_OF_HEAD = b"\r\n\r\n"
_REMEMBERED = 1024
_LONGEST_REMEMBERED = 2048  # Bytes. With the number above a limit to what a hostile client can make the mock keep.


@dataclass(frozen=True, slots=True)
class _Head:
    """What the parser made of a plain head."""

    method: str
    path: str
    query: bytes
    headers: RawHeaders
    body_length: int


class KnownHeads:
    """Plain heads, by their bytes."""

    def __init__(self) -> None:
        self._heads: dict[bytes, _Head] = {}

    def find(self, data: bytes) -> tuple[_Head, bytes] | None:
        """The head and the body of a request; None where its head is not known, or it is not just one whole request."""
        end = data.find(_END_OF_HEAD) + len(_END_OF_HEAD)
        head = self._heads.get(data[:end])
        return (head, data[end:]) if head is not None and head.body_length == len(data) - end else None

    def add(self, data: bytes, head: _Head) -> None:
        """Remember the head of one whole request."""
        raw = data[: len(data) - head.body_length]
        # What has another end of the head before its own begins with line ends that belong to nothing.
        if len(raw) > _LONGEST_REMEMBERED or raw.find(_END_OF_HEAD) + len(_END_OF_HEAD) != len(raw):
            return
        if len(self._heads) >= _REMEMBERED:
            self._heads.clear()
        self._heads[raw] = head


class Outbox:
    """Answers that are sent together, when all has been read that there was to read.

    Each answer that is sent by itself wakes a client that waits, which takes longer than it takes to send it.
    """

    def __init__(self) -> None:
        self._protocols: list[DirectProtocol] = []

    def add(self, protocol: DirectProtocol) -> None:
        """Send what a connection has unsent once the event loop has come around."""
        if not self._protocols:
            protocol.loop.call_soon(self._send)
        self._protocols.append(protocol)

    def _send(self) -> None:
        protocols, self._protocols = self._protocols, []
        for protocol in protocols:
            protocol.send_answer()


class DirectProtocol(HttpToolsProtocol):
    """uvicorn's fast protocol, which asks the application first whether it answers a request at once.

    Attributes:
        outbox: What sends the answers of all connections of an event loop.
        heads: The heads that are known, of all connections.
        is_resting: Whether the last that came was a whole request, and it was answered at once.
    """

    outbox: Outbox
    heads: KnownHeads
    _answered = b""
    _is_between = True  # Whether the parser waits for the first byte of a request.
    _reads_head = False
    _is_weighed = False
    _is_held = False
    _is_whole = False
    is_resting = False
    _may_hold = False
    _body = b""
    _rests_since = 0.0
    _rest_timer: asyncio.TimerHandle | None = None

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._application: Application | None = (
            cast("Application", self.config.app) if hasattr(self.config.app, "answer_at_once") else None
        )

    def data_received(self, data: bytes) -> None:
        self.send_answer()
        self.is_resting = False
        cycle: Any = self.cycle
        self._may_hold = self._application is not None and (cycle is None or cycle.response_complete)
        begins_here = self._is_between
        answer = self._answer_known(data) if self._may_hold and begins_here else None
        if answer is None:
            super().data_received(data)
            if not self._is_held:
                return
            answer = self._answer(data if begins_here else None) if self._is_whole else None
            if answer is None:
                self._release()
                return
            self._is_held = False
        self._answered = answer
        self._is_between = True
        self.outbox.add(self)
        self.server_state.total_requests += 1
        self._rest()

    def on_message_begin(self) -> None:
        self._release()  # There is another request behind it.
        self._is_between = False
        self._reads_head, self._is_weighed = True, False
        self.url = b""
        self.expect_100_continue = False
        self.headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        # What comes after the head is a trailer. uvicorn would count it among the headers, though the request has
        # been handed on: a key, or a length, that no gateway in front has seen.
        if not self._reads_head:
            return
        name = name.lower()
        if name in _WEIGHED_HEADERS:
            self._is_weighed = True
            _check_coding(name, value)
            super().on_header(name, value)
        else:
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        self._reads_head = False
        if self._may_hold and self._is_plain():
            self._is_held, self._is_whole = True, False
            self._body = b""
        else:
            self._begin()
        self._may_hold = False

    def on_body(self, body: bytes) -> None:
        if self._is_held:
            self._body += body
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if self._is_held:
            self._is_whole = True
        else:
            super().on_message_complete()

    def _release(self) -> None:
        """Hand uvicorn what has been held back."""
        if not self._is_held:
            return
        self._is_held = False
        self._begin()
        if self._body:
            super().on_body(self._body)
        if self._is_whole:
            super().on_message_complete()

    def eof_received(self) -> None:
        self.send_answer()  # The connection is closed behind it.
        super().eof_received()

    def shutdown(self) -> None:
        self.send_answer()
        super().shutdown()

    def send_answer(self) -> None:
        """Send the answer that has not been sent yet, if there is one."""
        if self._answered:
            answer, self._answered = self._answered, b""
            self.transport.write(answer)

    def stop_resting(self) -> None:
        """Let go of the connection."""
        if self._rest_timer is not None:
            self._rest_timer.cancel()
            self._rest_timer = None

    def _is_plain(self) -> bool:
        """Whether a body is simply what follows, the connection stays as it is, and it takes an answer."""
        parser: Any = self.parser
        return bool(
            not self._is_weighed
            and _PLAIN_TARGET.fullmatch(self.url)
            and parser.should_keep_alive()
            and parser.get_http_version() == "1.1"
            and not parser.should_upgrade()
            and not self.flow.write_paused
            and not self.transport.is_closing()
        )

    def _answer_known(self, data: bytes) -> bytes | None:
        """The answer to a request whose head is known; None where it is not, or the application leaves it."""
        found = self.heads.find(data)
        if found is None or self.flow.write_paused or self.transport.is_closing():
            return None
        head, body = found
        answer = self._ask(head, body)
        if answer is not None:
            self._unset_keepalive_if_required()
        return answer

    def _answer(self, data: bytes | None) -> bytes | None:
        """The answer to the request that has been held back; None where the application leaves it.

        Args:
            data: The bytes that it came in; None where it began in some before them, so that they do not hold its head.
        """
        path, _, query = self.url.partition(b"?")
        parser: Any = self.parser
        head = _Head(
            parser.get_method().decode("ascii"),
            path.decode("ascii"),  # See _PLAIN_TARGET.
            query,
            tuple(self.headers),
            len(self._body),
        )
        answer = self._ask(head, self._body)
        if answer is not None and data is not None and data.endswith(self._body):
            self.heads.add(data, head)
        return answer

    def _ask(self, head: _Head, body: bytes) -> bytes | None:
        assert self._application is not None  # noqa: S101 - see data_received
        scheme = self.scheme or "http"
        request = Request(head.method, head.path, head.query, head.headers, body, False, scheme, self.server)
        return self._application.answer_at_once(request, self.server_state.default_headers)

    def _begin(self) -> None:
        """Hand uvicorn the head: what it would have noted of it piece by piece, had it been asked."""
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers += headers
        super().on_headers_complete()

    def _rest(self) -> None:
        """Wait for the next request as long as uvicorn would. The timer is not moved for each request: it looks."""
        self.is_resting = True
        self._rests_since = self.loop.time()
        if self._rest_timer is None:
            self._rest_timer = self.loop.call_later(self.timeout_keep_alive, self._rested)

    def _rested(self) -> None:
        self._rest_timer = None
        if not self.is_resting:  # A request has come since, and whatever answers it waits anew.
            return
        left = self._rests_since + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self._rest_timer = self.loop.call_later(left, self._rested)
        else:
            self.timeout_keep_alive_handler()


def _check_coding(name: bytes, value: bytes) -> None:
    """Raise ValueError, of which the parser makes a 400, for a transfer coding that is not undone here."""
    if name == b"transfer-encoding" and value.strip().lower() != b"chunked":
        raise ValueError("the transfer coding is not known")
