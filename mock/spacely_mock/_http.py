"""A request that has been read whole, and a reply that has been made whole."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Protocol, TypeAlias
from urllib.parse import parse_qsl, quote

if TYPE_CHECKING:  # Nothing of the framework is needed to read a request.
    from starlette.types import Receive, Scope, Send

    from ._delivery import Delivery

RawHeaders: TypeAlias = tuple[tuple[bytes, bytes], ...]

# Where a request travels in an ASGI scope, and the values of its path's parameters.
REQUEST = "spacely_mock.request"
ENTRY = "spacely_mock.entry"
PATH_VALUES = "spacely_mock.path_values"
_LONGEST_INSTANCE = 1000
_AUTHORITY = re.compile(r"[A-Za-z0-9._-]+(?::[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](?::[0-9]{1,5})?")


@dataclass(eq=False)  # Not frozen, here and below: one is made for each request, and frozen it takes thrice as long.
class Request:
    """One HTTP request.

    Attributes:
        method: In upper case.
        path: The path, percent-decoded but for ``/`` and ``%`` inside a segment.
        raw_query: The query string as sent.
        raw_headers: Names in lower case, and values.
        body: The body; cut off where it is oversized.
        oversized: Whether the body is larger than the mock takes.
        scheme: That of the URL.
        server: The address and the port that the server has; None where it does not say.
    """

    method: str
    path: str
    raw_query: bytes = field(repr=False)  # Here, and in what follows, keys may stand.
    raw_headers: RawHeaders = field(repr=False)
    body: bytes = field(repr=False)
    oversized: bool = False
    scheme: str = "http"
    server: tuple[str, int | None] | None = None

    @cached_property
    def head_size(self) -> int:
        """The length of the headers in bytes."""
        return size_of(self.raw_headers)

    @cached_property
    def origin(self) -> str:
        """Scheme and authority as the client wrote them, or as the server knows itself where that is no authority."""
        host = next((value for name, value in self.raw_headers if name == b"host"), b"")
        return _origin(self.scheme, host, self.server or ("127.0.0.1", 80))

    @cached_property
    def instance(self) -> str:
        """The path as a URI reference, as problems name it. The query is left out: it may hold a key."""
        return quoted_path(self.path)[:_LONGEST_INSTANCE]

    def headers(self, name: str) -> list[str]:
        """The values of a header, one for each time it was sent."""
        wanted = name.lower().encode("latin-1", "replace")
        return [value.decode("latin-1") for key, value in self.raw_headers if key == wanted]

    @cached_property
    def query(self) -> list[tuple[str, str]]:
        """The query parameters in their order; bytes that are no UTF-8 stand in them as lone surrogates."""
        text = self.raw_query.decode("ascii", "surrogateescape")
        return parse_qsl(text, keep_blank_values=True, errors="surrogateescape")

    @cached_property
    def cookies(self) -> dict[str, str]:
        """The cookies; none where the header cannot be read."""
        try:
            return {name: morsel.value for name, morsel in SimpleCookie("; ".join(self.headers("cookie"))).items()}
        except CookieError:
            return {}


def size_of(headers: RawHeaders) -> int:
    """The length of headers in bytes."""
    return sum([len(name) + len(value) for name, value in headers])


def quoted_path(path: str) -> str:
    """A request's path (see Request) as it stands in a URI."""
    return quote(path, safe="/%:@!$&'()*+,;=", errors="surrogateescape")


Observe = Callable[[Request, int], None]
"""Called for a request with the status it got."""


class Application(Protocol):
    """An ASGI application that a server may ask first whether it answers without waiting for anything."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        ...

    def answer_at_once(self, request: Request, server_headers: Sequence[tuple[bytes, bytes]]) -> bytes | None:
        """The bytes that answer a request; None where the application has to be called.

        Args:
            request: A request that has come whole over HTTP/1.1, its path as it was sent.
            server_headers: What the server itself puts into answers.
        """
        ...


def server_of(scope: Scope) -> tuple[str, int | None] | None:
    """The address and the port that the server has, as it says itself; None where it does not."""
    server = scope.get("server")
    return None if server is None else (server[0], server[1])


@lru_cache(maxsize=256)
def _origin(scheme: str, host: bytes, server: tuple[str, int | None]) -> str:
    authority = host.decode("latin-1")
    if not _AUTHORITY.fullmatch(authority):
        address, port = server
        authority = f"{address}:{port}" if port else address
    return f"{scheme}://{authority}"


@lru_cache(maxsize=256)  # A mock sends the same few sets of headers again and again.
def encoded(headers: tuple[tuple[str, str], ...]) -> tuple[tuple[bytes, bytes], ...]:
    """Headers as ASGI wants them."""
    return tuple((name.lower().encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers)


@dataclass(slots=True)
class Reply:
    """One HTTP response. It is an ASGI application, so it can be sent wherever one is expected.

    Attributes:
        status: The status.
        headers: Names in lower case, and values.
        body: The body.
        job: The id of the job that it is about; empty where it is about none.
        delivery: How it is sent, where that is not at once and whole.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    job: str = ""
    delivery: Delivery | None = None

    @property
    def has_body(self) -> bool:
        """Whether a response of this status has a body, which may be empty."""
        return self.status >= 200 and self.status != 204

    def with_headers(self, *headers: tuple[str, str]) -> Reply:
        """The same reply with more headers."""
        return replace(self, headers=(*self.headers, *headers))

    def encoded_headers(self) -> list[tuple[bytes, bytes]]:
        """The headers as ASGI wants them, the length of the body included."""
        if not self.has_body:
            return [*encoded(self.headers)]
        return [*encoded(self.headers), (b"content-length", b"%d" % len(self.body))]

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Send it."""
        if self.delivery is not None:
            await self.delivery.send(self, scope, send)
            return
        await send({"type": "http.response.start", "status": self.status, "headers": self.encoded_headers()})
        await send({"type": "http.response.body", "body": self.body})
