"""Where faults are put in without touching a file: around a mock, around a client, and in a copy of the contract."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, urlencode

import httpx
import yaml

from spacely_spec import Spec, load

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Scope]]
Send: TypeAlias = Callable[[Scope], Awaitable[None]]
Asgi: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]


@dataclass(frozen=True)
class Request:
    """A request on its way to a mock, to be passed on as it is or changed."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    def but(self, **changes: Any) -> Request:
        """The same request with other parts."""
        return dataclasses.replace(self, **changes)


@dataclass(frozen=True)
class Reply:
    """An answer on its way back, to be passed on as it is or changed."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def but(self, **changes: Any) -> Reply:
        """The same answer with other parts."""
        return dataclasses.replace(self, **changes)

    @property
    def json(self) -> Any:
        """The body as a JSON value, None where it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def with_json(self, value: Any) -> Reply:
        """The same answer with a JSON value as its body."""
        return self.but(body=json.dumps(value).encode())


Inner: TypeAlias = Callable[[Request], Awaitable[Reply]]
Fault: TypeAlias = Callable[[Request, Inner], Awaitable[Reply]]


def around(app: Asgi, fault: Fault) -> Asgi:
    """An ASGI application with a fault around it.

    Args:
        app: The application.
        fault: Takes each request and what passes it on; gives the answer.

    Returns:
        The faulty application.
    """

    async def faulty(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        body = await _read(receive)
        request = Request(
            scope["method"],
            scope["path"],
            dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)),
            {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]},
            body,
        )

        async def inner(changed: Request) -> Reply:
            return await _pass_on(app, scope, request, changed)

        reply = await fault(request, inner)
        headers = {**reply.headers, "content-length": str(len(reply.body))}
        encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": reply.status, "headers": encoded})
        await send({"type": "http.response.body", "body": reply.body})

    return faulty


async def _read(receive: Receive) -> bytes:
    body: bytes = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body


async def _pass_on(app: Asgi, scope: Scope, original: Request, request: Request) -> Reply:
    headers = {**request.headers, "content-length": str(len(request.body))} if request.body else request.headers
    scope = {
        **scope,
        "method": request.method,
        "path": request.path,
        "raw_path": request.path.encode(),
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()],
    }
    if request.query != original.query:  # Else it stays as it was written, which the mock may look at.
        scope["query_string"] = urlencode(request.query).encode()
    messages: list[Scope] = []

    async def receive() -> Scope:
        return {"type": "http.request", "body": request.body}

    async def send(message: Scope) -> None:
        messages.append(message)

    await app(scope, receive, send)
    start = messages[0]
    body = b"".join(message.get("body", b"") for message in messages[1:])
    return Reply(start["status"], {k.decode("latin-1"): v.decode("latin-1") for k, v in start["headers"]}, body)


class Line(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """A transport that changes what passes between a client and the transport it was given."""

    def __init__(
        self,
        inner: Any,
        outward: Callable[[httpx.Request], httpx.Request] = lambda request: request,
        inward: Callable[[httpx.Request, httpx.Response], httpx.Response] = lambda _, response: response,
    ) -> None:
        self._inner = inner
        self._outward = outward
        self._inward = inward

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Pass a request of the synchronous client on, changed."""
        return self._inward(request, self._inner.handle_request(self._outward(request)))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Pass a request of the asynchronous client on, changed."""
        return self._inward(request, await self._inner.handle_async_request(self._outward(request)))


def changed_contract(spec: Spec, folder: Path, change: Callable[[dict[str, Any]], None]) -> Spec:
    """A copy of a contract with a change in it.

    Args:
        spec: The contract.
        folder: Where the copy goes.
        change: Changes the document.

    Returns:
        The copy, loaded.
    """
    document = json.loads(json.dumps(spec.document))
    change(document)
    path = folder / "changed.yaml"
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return load(path)


def put(document: Any, pointer: str, value: Any) -> Any:
    """A document with another value at a JSON pointer; as it was where it has nothing there."""
    if not pointer:
        return value
    first, _, rest = pointer[1:].partition("/")
    name = first.replace("~1", "/").replace("~0", "~")
    rest = f"/{rest}" if rest else ""
    if isinstance(document, dict) and name in document:
        return {**document, name: put(document[name], rest, value)}
    if isinstance(document, list) and name.isdecimal() and int(name) < len(document):
        index = int(name)
        return [*document[:index], put(document[index], rest, value), *document[index + 1 :]]
    return document
