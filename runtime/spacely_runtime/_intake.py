"""The body of an answer on its way in: decoded, and never more of it than is wanted, whatever the server sends."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Iterator
from typing import Any, cast

from . import _httpx
from ._deadline import check_deadline
from ._defaults import BODY_BYTES

ENCODINGS = {"accept-encoding": "gzip"}
"""What is asked for; httpx would ask for all it can decode, and decodes without a bound."""
_PIECE_BYTES = 65_536


class TooLarge(Exception):
    """A body is larger than is wanted."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"it is larger than {limit / 1024 / 1024:g} MiB")


class Intake(_httpx.SyncByteStream, _httpx.AsyncByteStream):
    """Takes the place of the stream of an answer; what it gives is decoded already.

    httpx decodes a chunk at once, however much it becomes. Here a chunk is decoded piece by piece, so a small body
    that unfolds to gigabytes is noticed at the limit.

    Args:
        response: The answer, its body not read yet (or there already, where a transport of the caller's made it).
        limit: The most bytes that the body may have, decoded.

    Attributes:
        beginning: The first bytes of the body, as far as they have come.
    """

    def __init__(self, response: _httpx.Response, limit: int) -> None:
        self.response = response
        self.beginning = b""
        # Of an error, its beginning will do.
        self._limit = limit if response.is_success else min(limit, BODY_BYTES)
        self._size = 0
        self._stream = response.stream
        self._inflate: Any = None
        self._encoding = ""
        if not response.is_stream_consumed:
            if "content-encoding" in response.headers:
                self._encoding = response.headers.pop("content-encoding").strip()
            response.stream = self

    def check(self) -> None:
        """Raise TooLarge where the body is there already, or is said to be, and is too large."""
        response = self.response
        if response.is_stream_consumed:
            self._count(response.content)
        declared = response.headers.get("content-length", "")
        if response.is_success and declared.isdecimal() and int(declared[:20]) > self._limit:
            raise TooLarge(self._limit)

    def __iter__(self) -> Iterator[bytes]:
        self._begin()
        for chunk in cast("_httpx.SyncByteStream", self._stream):
            check_deadline()
            if self._inflate is None:
                yield self._count(chunk)
            else:
                yield from self._unfold(chunk)
        if self._inflate is not None:
            yield self._end()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self._begin()
        async for chunk in cast("_httpx.AsyncByteStream", self._stream):
            if self._inflate is None:
                yield self._count(chunk)
            else:
                for piece in self._unfold(chunk):
                    yield piece
        if self._inflate is not None:
            yield self._end()

    def close(self) -> None:
        """Close the stream itself."""
        cast("_httpx.SyncByteStream", self._stream).close()

    async def aclose(self) -> None:
        """Close the stream itself."""
        await cast("_httpx.AsyncByteStream", self._stream).aclose()

    def _begin(self) -> None:
        encoding = self._encoding.lower()
        if encoding in {"gzip", "x-gzip", "deflate"}:
            self._inflate = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # It looks which of them it is.
        elif encoding not in {"", "identity"}:
            raise _httpx.DecodingError(f"the body is encoded as {self._encoding[:40]!r}, which was not asked for")

    def _unfold(self, chunk: bytes) -> Iterator[bytes]:
        while chunk and not self._inflate.eof:
            try:
                piece = self._inflate.decompress(chunk, _PIECE_BYTES)
            except zlib.error as error:
                raise _httpx.DecodingError(str(error)) from error
            chunk = self._inflate.unconsumed_tail
            yield self._count(piece)

    def _end(self) -> bytes:
        piece = self._count(self._inflate.flush())
        if self._size and not self._inflate.eof:
            raise _httpx.DecodingError("the compressed body breaks off")
        return piece

    def _count(self, piece: bytes) -> bytes:
        self._size += len(piece)
        if len(self.beginning) < BODY_BYTES:
            self.beginning += piece[:BODY_BYTES]
        if self._size > self._limit:
            raise TooLarge(self._limit)
        return piece
