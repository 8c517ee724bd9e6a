"""The one module that imports httpx: what the runtime uses of it, so that another HTTP library is one file away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
from httpx import URL as Url  # noqa: N811 - a class, no constant
from httpx import (
    AsyncBaseTransport,
    AsyncByteStream,
    Auth,
    BaseTransport,
    ByteStream,
    ConnectError,
    ConnectTimeout,
    DecodingError,
    Headers,
    HTTPError,
    InvalidURL,
    Limits,
    LocalProtocolError,
    PoolTimeout,
    ProxyError,
    QueryParams,
    ReadTimeout,
    Request,
    RequestError,
    Response,
    SyncByteStream,
    Timeout,
    UnsupportedProtocol,
    WriteTimeout,
    create_ssl_context,
)

__all__ = [
    "AsyncBaseTransport",
    "AsyncByteStream",
    "AsyncClient",
    "Auth",
    "BaseTransport",
    "ByteStream",
    "Client",
    "ConnectError",
    "ConnectTimeout",
    "Cookies",
    "DecodingError",
    "HTTPError",
    "Headers",
    "InvalidURL",
    "Limits",
    "LocalProtocolError",
    "PoolTimeout",
    "ProxyError",
    "QueryParams",
    "ReadTimeout",
    "Request",
    "RequestError",
    "Response",
    "SyncByteStream",
    "Timeout",
    "UnsupportedProtocol",
    "Url",
    "WriteTimeout",
    "create_ssl_context",
]


class Cookies(httpx.Cookies):
    """Looks for cookies only where an answer sets some: httpx takes every answer apart, a fifth of a call's cost."""

    def extract_cookies(self, response: Response) -> None:
        if "set-cookie" in response.headers:
            super().extract_cookies(response)


class _Jar:
    """A client whose cookies are such, and may be those of other clients too."""

    def __init__(self, options: Mapping[str, Any], cookies: Cookies) -> None:
        super().__init__(**options)
        self._jar = cookies

    @property
    def cookies(self) -> httpx.Cookies:
        """What the server has set."""
        return self._jar

    @cookies.setter
    def cookies(self, cookies: Any) -> None:
        self._jar = Cookies(cookies)


class Client(_Jar, httpx.Client):
    """httpx's synchronous client: the same on the wire, for less work."""


class AsyncClient(_Jar, httpx.AsyncClient):
    """httpx's asynchronous client: the same on the wire, for less work."""
