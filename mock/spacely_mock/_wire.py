"""Answers as HTTP/1.1 has them on the wire."""

from __future__ import annotations

import re
from collections.abc import Sequence
from http.client import responses as phrases

from ._http import RawHeaders, Reply, encoded

# What would end a header, or the head, before its time. Names and values come from the contract, so it is asked once.
_FORBIDDEN_IN_NAMES = re.compile(rb"[^!#$%&'*+.^_`|~0-9A-Za-z-]")
_FORBIDDEN_IN_VALUES = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_MOST_HEADS = 1000


class AnswerWriter:
    """Writes replies; the heads of those that have the same status and headers are made once.

    Args:
        headers: What every answer carries.
    """

    def __init__(self, headers: RawHeaders) -> None:
        self._last = _lines(headers) + b"\r\n"
        self._heads: dict[object, tuple[bytes, bytes]] = {}
        self._server_headers: Sequence[tuple[bytes, bytes]] = ()
        self._server_lines = b""

    def write(self, reply: Reply, server_headers: Sequence[tuple[bytes, bytes]]) -> bytes:
        """A whole answer.

        Args:
            reply: What is answered.
            server_headers: The server's own; another list whenever they change.

        Raises:
            ValueError: A header cannot be sent.
        """
        if server_headers is not self._server_headers:
            self._server_headers, self._server_lines = server_headers, _lines(server_headers)
        key = reply.status, reply.headers
        head = self._heads.get(key)
        if head is None:
            start = b"HTTP/1.1 %d %b\r\n" % (reply.status, phrases.get(reply.status, "").encode())
            head = start, _lines(encoded(reply.headers))
            if len(self._heads) >= _MOST_HEADS:  # Headers can be another for each answer.
                self._heads.clear()
            self._heads[key] = head
        start, lines = head
        if not reply.has_body:
            return b"".join((start, self._server_lines, lines, self._last))
        length = b"content-length: %d\r\n" % len(reply.body)
        return b"".join((start, self._server_lines, lines, length, self._last, reply.body))


def _lines(headers: Sequence[tuple[bytes, bytes]]) -> bytes:
    for name, value in headers:
        if _FORBIDDEN_IN_NAMES.search(name) or _FORBIDDEN_IN_VALUES.search(value):
            raise ValueError(f"the header {name!r} cannot be sent as it is")
    return b"".join(b"%b: %b\r\n" % header for header in headers)
