"""A request received whole, within a limit."""

from __future__ import annotations

from starlette.types import Receive, Scope

from ._http import Request, server_of
from ._routes import canonical_path

# How much of a body that is too large is still read, so that a client that sends first and reads then gets its answer.
_DRAIN = 64 * 1024 * 1024


async def read_request(scope: Scope, receive: Receive, body_limit: int) -> Request | None:
    """The request of a connection, its body cut off where it is larger than the limit; None where the client left."""
    pieces: list[bytes] = []
    size = 0
    more = True
    while more and size <= body_limit + _DRAIN:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        piece: bytes = message.get("body", b"")
        size += len(piece)
        if size <= body_limit:
            pieces.append(piece)
        more = message.get("more_body", False)
    return Request(
        method=scope["method"].upper(),
        path=canonical_path(raw_path(scope)),
        raw_query=scope.get("query_string", b""),
        raw_headers=tuple((bytes(name).lower(), bytes(value)) for name, value in scope["headers"]),
        body=b"".join(pieces),
        oversized=size > body_limit,
        scheme=scope.get("scheme", "http"),
        server=server_of(scope),
    )


def raw_path(scope: Scope) -> bytes:
    """The path of a connection's request as it was sent, without the query."""
    path: bytes = scope.get("raw_path") or scope["path"].encode("utf-8", "surrogateescape")
    return path.partition(b"?")[0]
