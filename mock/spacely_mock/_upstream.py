"""The server behind a proxy: a request is sent to it once, as it came, and never again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from urllib.parse import quote, urlsplit

import httpx

from ._answers import CODINGS
from ._http import Reply, Request, quoted_path
from ._problems import UPSTREAM_GONE, UPSTREAM_SLOW, Kind

# Fields that concern one connection and not what is sent over it (RFC 9110, section 7.6.1).
_HOP_BY_HOP = frozenset(
    {
        *(b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"proxy-connection"),
        *(b"te", b"trailer", b"transfer-encoding", b"upgrade"),
    }
)
_OF_THE_CONNECTION = _HOP_BY_HOP | {b"host", b"expect"}
# A kept connection that the server closes at the moment when it is used would leave it open whether a request has
# arrived. Servers keep them for five seconds or more.
_KEPT = 1.0
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)


class UpstreamURLError(ValueError):
    """A URL leads to no upstream; the message says why."""


class UpstreamError(Exception):
    """No answer came; the message says why, and whether the request may have arrived.

    Attributes:
        kind: What kind of problem it is.
    """

    def __init__(self, kind: Kind, reason: str, *, sent: bool) -> None:
        arrived = "the request may have arrived, and what it asks for may be done" if sent else "nothing was sent"
        super().__init__(f"{reason}; {arrived}.")
        self.kind = kind


class Upstream:
    """Sends requests on.

    Args:
        url: Its base URL, as a client would be given it. Without a path it has that of the contract.
        base_path: The path under which the contract's operations are, here.
        timeout: How long an answer may take, in seconds.
        limit: The largest body of an answer that is taken, in bytes.
        transport: Takes the requests; by default they go out on the network.

    Raises:
        UpstreamURLError: The URL cannot be used.
    """

    def __init__(
        self,
        url: str,
        base_path: str,
        *,
        timeout: float,
        limit: int,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._origin, path = _split(url)
        self._base = quote(base_path).encode()
        self._path = quote(path or base_path, safe="/%").encode()
        self._timeout = timeout
        self._limit = limit
        # No redirects, no retries: the answer is handed back whatever it is.
        limits = httpx.Limits(max_connections=None, keepalive_expiry=_KEPT)
        self._http = httpx.AsyncClient(transport=transport, limits=limits, follow_redirects=False)

    @property
    def url(self) -> str:
        """The base URL, its path included."""
        return self._origin + self._path.decode()

    @property
    def origin(self) -> str:
        """Its scheme and authority."""
        return self._origin

    def url_of(self, path: str) -> str:
        """Where a request's path (see Request) leads to."""
        return self._origin + self._target(quoted_path(path).encode()).decode()

    async def send(self, request: Request, path: bytes) -> Reply:
        """Send a request, once.

        Args:
            request: The request.
            path: Its path as it came.

        Returns:
            The answer, its body as it came, content codings included.

        Raises:
            UpstreamError: There is none.
        """
        target = self._target(path) + (b"?" + request.raw_query if request.raw_query else b"")
        steps = httpx.Timeout(self._timeout, pool=None).as_dict()
        try:
            outgoing = httpx.Request(
                request.method,
                self._origin,
                headers=list(_forwarded(request)),
                content=request.body,
                extensions={"target": target, "timeout": steps},
            )
            async with asyncio.timeout(self._timeout):  # The steps have their limits each; this holds for the whole.
                return await self._exchange(outgoing)
        except (httpx.TimeoutException, TimeoutError) as error:
            sent = not isinstance(error, _NOT_SENT)
            raise UpstreamError(UPSTREAM_SLOW, f"No answer came within {self._timeout:g} seconds", sent=sent) from error
        except httpx.LocalProtocolError as error:
            raise UpstreamError(UPSTREAM_GONE, f"The request cannot be sent on: {error}", sent=False) from error
        except httpx.TransportError as error:
            reason = str(error).rstrip(".") or type(error).__name__
            sent = not isinstance(error, _NOT_SENT)
            raise UpstreamError(UPSTREAM_GONE, f"{self._origin} gave no answer: {reason}", sent=sent) from error

    async def close(self) -> None:
        """Let go of connections."""
        await self._http.aclose()

    async def _exchange(self, outgoing: httpx.Request) -> Reply:
        response = await self._http.send(outgoing, stream=True)
        try:
            body = bytearray()
            async for piece in response.aiter_raw():
                body += piece
                if len(body) > self._limit:
                    reason = f"The body of the answer is larger than {self._limit} bytes"
                    raise UpstreamError(UPSTREAM_GONE, reason, sent=True)
        finally:
            await response.aclose()
        return Reply(response.status_code, tuple(_returned(response)), bytes(body))

    def _target(self, path: bytes) -> bytes:
        if path == self._base or path.startswith(self._base + b"/"):
            return self._path + path[len(self._base) :] or b"/"
        return path


def _split(url: str) -> tuple[str, str]:
    """The origin of a URL, and its path without a slash at the end."""
    parts = urlsplit(url)
    try:
        known = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        known = False
    if not known or parts.query or parts.fragment:
        raise UpstreamURLError(f"{url!r} is no base URL; write one such as https://api.example.com/v1")
    if parts.username is not None:
        raise UpstreamURLError("the URL of the upstream has a user name in it; clients send their credentials along")
    return f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/")


def _forwarded(request: Request) -> Iterator[tuple[bytes, bytes]]:
    """The headers of a request as they are sent on."""
    dropped = _OF_THE_CONNECTION | _named(value for name, value in request.raw_headers if name == b"connection")
    for name, value in request.raw_headers:
        if name == b"accept-encoding":
            yield name, _readable(value)
        elif name not in dropped:
            yield name, value


def _readable(value: bytes) -> bytes:
    """The content codings of an Accept-Encoding header that can be undone here, so that answers can be read."""
    offers = [offer.strip() for offer in value.decode("latin-1").split(",")]
    kept = [offer for offer in offers if offer.partition(";")[0].strip().lower() in CODINGS]
    return (", ".join(kept) or "identity").encode("latin-1")


def _returned(response: httpx.Response) -> Iterator[tuple[str, str]]:
    """The headers of an answer as they are handed back."""
    raw = [(name.lower(), value) for name, value in response.headers.raw]
    dropped = _HOP_BY_HOP | _named(value for name, value in raw if name == b"connection")
    for name, value in raw:
        if name not in dropped:
            yield name.decode("latin-1"), value.decode("latin-1")


def _named(values: Iterator[bytes]) -> frozenset[bytes]:
    """The fields that Connection headers name."""
    return frozenset(name.strip().lower() for value in values for name in value.split(b","))
