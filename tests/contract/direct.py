"""Requests beside the operations: paths that the contract does not have, files, the served contract."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from urllib.parse import urljoin, urlsplit

import httpx

from .recording import of_httpx
from .report import Exchange, shortened
from .server import Server

_IN_PROCESS = "http://testserver"


def origin(server: Server) -> str:
    """Scheme, host and port of the server."""
    parts = urlsplit(server.base_url or _IN_PROCESS)
    return f"{parts.scheme}://{parts.netloc}"


def fetch(
    server: Server,
    phase: str,
    label: str,
    url: str,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    content: bytes | None = None,
) -> httpx.Response:
    """Send one request as it is written, and record it; redirects are not followed.

    Args:
        server: What to send it to.
        phase: The part of the run.
        label: The operation that it is about, or what else.
        url: A URL, or a path of the server.
        method: The method.
        headers: The headers.
        content: The body.

    Returns:
        The answer.
    """
    server.report.budget.ask()
    server.report.budget.count()
    started = time.time()
    response = asyncio.run(_fetch(server, urljoin(origin(server), url), method, headers, content))
    message = of_httpx(response.request, response, started, time.time() - started)
    response.extensions["number"] = server.report.requested(phase, label, [message])
    return response


def evidence(response: httpx.Response) -> Exchange:
    """A request and its answer, as a person would repeat it."""
    request = response.request
    kind = response.headers.get("content-type", "")
    body = shortened(response.text) if "text" in kind or "json" in kind else f"{len(response.content)} bytes of {kind}"
    return Exchange(
        f"curl -X {request.method} {request.url}", f"{response.status_code}\n{body}", response.extensions["number"]
    )


async def _fetch(
    server: Server, url: str, method: str, headers: Mapping[str, str] | None, content: bytes | None
) -> httpx.Response:
    transport = None if server.app is None else httpx.ASGITransport(server.app)
    async with httpx.AsyncClient(transport=transport) as client:
        return await client.request(method, url, headers=headers, content=content)
