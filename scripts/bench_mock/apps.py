"""Four applications to measure beside the mock, on the very server and settings that the mock runs on.

usage: python -m bench_mock.apps bare|short_cut|starlette|connexion SPEC PORT
"""

# connexion is annotated in part and ships no types.
from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

from spacely_mock._server import listen, make_server
from spacely_spec import Spec, load

from .requests import KEY, answers


def bare(spec: Spec) -> Any:
    """An ASGI function that reads the request and answers by method: the limit of the server."""
    ready = {}
    for (method, _), value in answers(spec).items():
        body = json.dumps(value, separators=(",", ":")).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        ready[method] = ({"type": "http.response.start", "status": 200, "headers": headers}, body)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while True:
                await send({"type": (await receive())["type"] + ".complete"})
        while (await receive()).get("more_body", False):
            pass
        start, body = ready[scope["method"]]
        await send(start)
        await send({"type": "http.response.body", "body": body})

    return app


class _ShortCut:
    """Answers at once, as the mock does with ordinary requests, and always the same."""

    def __init__(self, spec: Spec) -> None:
        self._asgi = bare(spec)
        self._ready = {}
        for (method, _), value in answers(spec).items():
            body = json.dumps(value, separators=(",", ":")).encode()
            head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
            self._ready[method] = head + body

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self._asgi(scope, receive, send)

    def answer_at_once(self, request: Any, _server_headers: Any) -> bytes:
        return self._ready[request.method]


def starlette(spec: Spec) -> Any:
    """Starlette routes that read the body and answer the examples; nothing is checked."""
    from starlette.applications import Starlette
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    def route(method: str, path: str, value: Any) -> Route:
        async def answer(request: Any) -> JSONResponse:
            if method != "GET":
                await request.json()
            return JSONResponse(value)

        return Route(path, answer, methods=[method])

    return Starlette(routes=[route(method, path, value) for (method, path), value in answers(spec).items()])


def connexion(spec: Spec) -> Any:
    """Stock connexion, as it comes: asynchronous, responses validated, a function that knows the key."""
    warnings.filterwarnings("ignore")
    from connexion.apps.asynchronous import AsyncApp
    from connexion.resolver import Resolver

    examples = answers(spec)
    handlers = {
        operation.id: _handler(examples[operation.method, spec.base_path + operation.path])
        for operation in spec.operations
    }
    document = json.loads(json.dumps(spec.document))
    for scheme in document["components"]["securitySchemes"].values():
        scheme["x-apikeyInfoFunc"] = f"{__package__}.apps.key_info"
    app = AsyncApp(__name__, resolver=Resolver(handlers.__getitem__))
    app.add_api(document, base_path=spec.base_path, validate_responses=True)
    return app


def key_info(key: str, required_scopes: Any = None) -> dict[str, str] | None:  # noqa: ARG001 - connexion passes it
    """Whose key it is, as connexion asks."""
    return {"sub": "benchmark"} if key == KEY else None


def _handler(value: Any) -> Any:
    async def handle(**_: Any) -> Any:
        return value

    return handle


def main(name: str, spec: str, port: str) -> None:
    """Serve one of them."""
    app: Any = {"bare": bare, "short_cut": _ShortCut, "starlette": starlette, "connexion": connexion}[name](
        load(Path(spec))
    )
    make_server(app, lambda: None).run([listen("127.0.0.1", int(port))])


if __name__ == "__main__":
    main(*sys.argv[1:])
