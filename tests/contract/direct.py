"""Requests beside the operations: paths that the contract does not have, files, the served contract."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from urllib.parse import urljoin, urlsplit

import httpx

from .report import Exchange, shortened
from .server import Server

_IN_PROCESS = "http://testserver"


def origin(server: Server) -> str:
    """Scheme, host and port of the server."""
    parts = urlsplit(server.base_url or _IN_PROCESS)
    return f"{parts.scheme}://{parts.netloc}"


def fetch(
    server: Server,
    url: str,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    content: bytes | None = None,
) -> httpx.Response:
    """Send one request as it is written; redirects are not followed.

    Args:
        server: What to send it to.
        url: A URL, or a path of the server.
        method: The method.
        headers: The headers.
        content: The body.

    Returns:
        The answer.
    """
    return asyncio.run(_fetch(server, urljoin(origin(server), url), method, headers, content))


def evidence(response: httpx.Response) -> Exchange:
    """A request and its answer, as a person would repeat it."""
    request = response.request
    kind = response.headers.get("content-type", "")
    body = shortened(response.text) if "text" in kind or "json" in kind else f"{len(response.content)} bytes of {kind}"
    return Exchange(f"curl -X {request.method} {request.url}", f"{response.status_code}\n{body}")


async def _fetch(
    server: Server, url: str, method: str, headers: Mapping[str, str] | None, content: bytes | None
) -> httpx.Response:
    transport = None if server.app is None else httpx.ASGITransport(server.app)
    async with httpx.AsyncClient(transport=transport) as client:
        return await client.request(method, url, headers=headers, content=content)
