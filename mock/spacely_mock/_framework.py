"""The connexion application: it routes a request to its operation and calls what the resolver found for it.

connexion's own security and validation middlewares are left out. They report the first thing wrong where all
are wanted, build their validators anew for every request, and answer 500 to bodies that are merely malformed.
``ContractMiddleware`` stands in their place, in the stack as connexion means it to be extended.
"""

# connexion is annotated in part and ships neither stubs nor py.typed.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
from __future__ import annotations

import re
import warnings
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from spacely_spec import Spec

from ._http import ENTRY, PATH_VALUES, REQUEST, Reply, Request
from ._operations import Call, CompiledOperation

with warnings.catch_warnings():
    # connexion imports starlette.testclient, which warns about httpx, and classes that jsonschema has deprecated;
    # neither is this package's to mend.
    warnings.filterwarnings("ignore", message="Using `httpx` with `starlette.testclient` is deprecated")
    warnings.filterwarnings("ignore", message=r"jsonschema\.\S+ is deprecated")
    from connexion.apps.asynchronous import AsyncApp
    from connexion.context import scope as current_scope
    from connexion.middleware.abstract import RoutedAPI, RoutedMiddleware
    from connexion.middleware.context import ContextMiddleware
    from connexion.middleware.routing import RoutingMiddleware
    from connexion.operations.abstract import AbstractOperation
    from connexion.resolver import Resolution, Resolver

_CALL = "spacely_mock.call"
_PARAMETER = re.compile(r"\{[^{}]+\}")


class _Operation:
    """Admits a request to its operation, or answers it with what is wrong."""

    def __init__(self, next_app: ASGIApp, compiled: CompiledOperation) -> None:
        self._next_app = next_app
        self._compiled = compiled

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request: Request = scope[REQUEST]
        call = await self._compiled.admit(request, scope[PATH_VALUES], scope[ENTRY].wait)
        if isinstance(call, Reply):
            await call(scope, receive, send)
            return
        scope[_CALL] = call
        await self._next_app(scope, receive, send)


class _ContractAPI(RoutedAPI[_Operation]):
    def __init__(self, *args: Any, compiled: Mapping[str, CompiledOperation], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._compiled = compiled
        self.add_paths()

    def make_operation(self, operation: AbstractOperation) -> _Operation:
        return _Operation(self.next_app, self._compiled[operation.operation_id])


class ContractMiddleware(RoutedMiddleware[_ContractAPI]):
    """Holds each request to the contract of the operation that connexion has routed it to."""

    api_cls = _ContractAPI


class _ContractResolver(Resolver):
    """Finds for every operation the handler that answers as its contract says."""

    def __init__(self, compiled: Mapping[str, CompiledOperation]) -> None:
        super().__init__()
        self._handlers = {name: _handler(operation) for name, operation in compiled.items()}

    def resolve(self, operation: AbstractOperation) -> Resolution:
        name = operation.operation_id
        return Resolution(self._handlers[name], name)  # type: ignore[no-untyped-call] # connexion does not annotate it


def _handler(compiled: CompiledOperation) -> Callable[[], Awaitable[Any]]:
    from starlette.responses import Response

    class Ready(Response):
        """A reply as connexion takes one."""

        def __init__(self, reply: Reply) -> None:
            super().__init__(reply.body, reply.status)
            self._reply = reply

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            await self._reply(scope, receive, send)

    async def handle(**_: str) -> Response:
        call: Call = current_scope[_CALL]
        reply = await compiled.answer(call)
        current_scope[ENTRY].job = reply.job
        return Ready(reply)

    return handle


def build_framework(spec: Spec, compiled: Mapping[str, CompiledOperation]) -> ASGIApp:
    """The connexion application that serves a contract, ready for its first request."""
    application = AsyncApp(
        __name__,
        middlewares=[RoutingMiddleware, ContractMiddleware, ContextMiddleware],
        resolver=_ContractResolver(compiled),
    )
    # Given as a mapping, the document is not taken for a Jinja template.
    application.add_api(_routable(spec), base_path=spec.base_path, compiled=compiled)
    middleware = application.middleware
    # connexion puts its stack together on the first request; this makes the first as fast as the second.
    middleware.app, middleware.middleware_stack = middleware._build_middleware_stack()  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - there is no public way
    return application


def _routable(spec: Spec) -> dict[str, Any]:
    """The document with what concerns routing put so that connexion takes every path of OpenAPI's.

    Path parameters are renamed to what Starlette accepts for a name and are plain text, so that a value of the wrong
    type is refused as any other wrong value is, not as an unknown path; concrete paths come before templated ones.
    """
    paths: dict[str, dict[str, Any]] = {}
    for operation in sorted(spec.operations, key=lambda each: "{" in each.path):
        names = _PARAMETER.findall(operation.path)
        path = operation.path
        for index, name in enumerate(names):
            path = path.replace(name, f"{{p{index}}}", 1)
        parameters = [
            {"name": f"p{index}", "in": "path", "required": True, "schema": {"type": "string"}}
            for index in range(len(names))
        ]
        paths.setdefault(path, {})[operation.method.lower()] = {**operation.raw, "parameters": parameters}
    return {**spec.document, "paths": paths}
