"""The mock's own interface under /__mock__/: what it has seen. What it does besides is in _mockcontrol.py.

Routing, validation and the interface's description come from control.yaml, by the same means as the mocked API's.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from spacely_spec import Operation, Spec, load

from ._clock import Clock, ManualClock
from ._filters import Filter, FilterError
from ._http import Reply, Request
from ._metrics import TEXT_FORMAT, Metrics, exposition
from ._problems import (
    CONTROL_TOKEN,
    INVALID_REQUEST,
    METHOD_NOT_ALLOWED,
    SEVERAL_PROCESSES,
    STORE_GONE,
    Kind,
    problem,
)
from ._redaction import Credentials
from ._requests import Checked, RequestRules
from ._routes import Match, Routes
from ._state import EVERYONE, State, StateUnavailableError, namespace_of

CONTROL_PATH = "/__mock__/"
METRICS_PATH = "/metrics"
_CAPITAL = re.compile(r"(?=[A-Z])")


@dataclass(frozen=True)
class Controlled:
    """What can be seen.

    Attributes:
        spec: The mocked API's contract.
        state: What requests share.
        clock: Tells the time.
        credentials: Where requests carry keys.
        metrics: What this process counts.
        workers: How many processes serve.
    """

    spec: Spec
    state: State
    clock: Clock
    credentials: Credentials
    metrics: Metrics
    workers: int = 1


@dataclass(frozen=True)
class Asked:
    """A request that has been admitted: its values, and the namespace it concerns; None is all."""

    request: Request
    checked: Checked
    namespace: str | None

    def parameter(self, name: str) -> Any:
        """The value of a query parameter; None where it was not sent."""
        return self.checked.parameters["query", name]

    @property
    def scope(self) -> str:
        """Where the rules stand that it concerns."""
        return EVERYONE if self.namespace is None else self.namespace


class RefusedError(Exception):
    """A request to the interface is refused: with what kind of problem, and why."""

    def __init__(self, kind: Kind, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind


class Control:
    """Answers requests for the interface: of what control.yaml describes, those operations that have a method here.

    Args:
        controlled: What can be seen.
        token: What callers have to send as a bearer token; None asks for nothing.

    Raises:
        ValueError: The token is empty.
    """

    def __init__(self, controlled: Controlled, token: str | None) -> None:
        if token == "":  # As of a variable that is not set; whoever sends none would have it.
            raise ValueError("the admin token is empty; give one, or None to ask for none")
        self._mock = controlled
        self._token = token

    async def answer(self, request: Request) -> Reply | None:
        """The answer to a request; None where the path is not one of the interface's."""
        path = CONTROL_PATH + "metrics" if request.path == METRICS_PATH else request.path
        match = self._routes.find(path) if path.startswith(CONTROL_PATH) else None
        if match is None:
            return None
        operation = match.route.operations.get("GET" if request.method == "HEAD" else request.method)
        allow = ("allow", match.route.allow)
        if request.method == "OPTIONS":
            return Reply(204, (allow,))
        if operation is None:
            detail = f"This path has {', '.join(sorted(match.route.operations))}."
            return problem(METHOD_NOT_ALLOWED, detail, request.instance, headers=(allow,))
        try:
            return await self._serve(operation, match, request)
        except RefusedError as error:
            challenge = (("www-authenticate", 'Bearer realm="mock control"'),) if error.kind is CONTROL_TOKEN else ()
            return problem(error.kind, str(error), request.instance, headers=challenge)
        except StateUnavailableError as error:
            return problem(STORE_GONE, str(error), request.instance)

    async def _serve(self, operation: Operation, match: Match, request: Request) -> Reply:
        self._require_token(request)
        if self._mock.workers > 1:
            each = f"{self._mock.workers} workers serve, and what this asks for is another in each of them"
            if operation.raw.get("x-single"):
                raise RefusedError(SEVERAL_PROCESSES, f"{each}, with a store too. Start the mock with --workers 1.")
            if operation.raw.get("x-shared") and not self._mock.state.shared:
                raise RefusedError(SEVERAL_PROCESSES, f"{each}.")
        checked = self._rules[operation.id].check(request, match.values)
        if checked.violations:
            errors = {"errors": [violation.as_json() for violation in checked.violations]}
            return problem(INVALID_REQUEST, checked.violations[0].detail, request.instance, extensions=errors)
        handler: Callable[[Asked], Awaitable[Any]] = getattr(self, _method_of(operation.id))
        value = await handler(Asked(request, checked, self._namespace(request, checked)))
        if isinstance(value, bytes):
            return Reply(200, (("content-type", TEXT_FORMAT),), value)
        return Reply(200, (("content-type", "application/json"),), json.dumps(value).encode())

    def _require_token(self, request: Request) -> None:
        if self._token is None:
            return
        sent = request.headers("authorization")
        scheme, _, token = sent[0].partition(" ") if len(sent) == 1 else ("", "", "")
        if scheme.lower() != "bearer" or not hmac.compare_digest(token.strip().encode(), self._token.encode()):
            raise RefusedError(CONTROL_TOKEN, "The control endpoints of this mock want a token.")

    def _namespace(self, request: Request, checked: Checked) -> str | None:
        named = checked.parameters.get(("query", "namespace"))
        owner = self._mock.credentials.owner(request)
        if named is not None or owner in {"", self._token}:
            return cast("str | None", named)
        return namespace_of(owner)

    @cached_property
    def _contract(self) -> Spec:
        # Read when it is first needed: most mocks are started without ever being asked.
        return load(Path(__file__).with_name("control.yaml"))

    @cached_property
    def _routes(self) -> Routes:
        return Routes(self._contract.base_path, self._operations)

    @cached_property
    def _operations(self) -> list[Operation]:
        return [operation for operation in self._contract.operations if hasattr(self, _method_of(operation.id))]

    @cached_property
    def _rules(self) -> dict[str, RequestRules]:
        return {
            operation.id: RequestRules(
                operation, self._contract.components, security_names=frozenset(), body_limit=10 * 1024 * 1024
            )
            for operation in self._operations
        }

    async def _describe(self, asked: Asked) -> dict[str, Any]:
        return {
            "title": self._mock.spec.title,
            "version": self._mock.spec.version,
            "namespace": asked.namespace,
            "state": "shared" if self._mock.state.shared else "memory",
            "workers": self._mock.workers,
            "clock": self._clock(),
            "description": CONTROL_PATH + "openapi.json",
            "endpoints": [
                {"method": operation.method, "path": operation.path, "summary": operation.summary}
                for operation in self._operations
            ],
        }

    async def _describe_control(self, _: Asked) -> dict[str, Any]:
        document = dict(self._contract.document)
        document["paths"] = {
            route.template: {method.lower(): operation.raw for method, operation in route.operations.items()}
            for route in self._routes.all
        }
        if self._token is not None:
            schemes = {"token": {"type": "http", "scheme": "bearer"}}
            document["components"] = {**document["components"], "securitySchemes": schemes}
            document["security"] = [{"token": []}]
        return document

    async def _list_requests(self, asked: Asked) -> dict[str, Any]:
        return self._found(self._filter(asked), await self._mock.state.lines(), 1)

    async def _count_requests(self, asked: Asked) -> dict[str, Any]:
        return {"count": len(self._filter(asked).find(await self._mock.state.lines()))}

    async def _wait_for_requests(self, asked: Asked) -> dict[str, Any]:
        wanted = asked.parameter("count") or 1
        timeout = asked.parameter("timeout")
        loop = asyncio.get_running_loop()
        deadline = loop.time() + (5 if timeout is None else timeout)
        while True:
            version = await self._mock.state.version()
            found = self._found(self._filter(asked), await self._mock.state.lines(), wanted)
            left = deadline - loop.time()
            if found["met"] or left <= 0:
                return found
            await self._mock.state.changed(version, left)

    async def _clear_requests(self, asked: Asked) -> dict[str, Any]:
        return {"removed": await self._mock.state.clear(asked.namespace)}

    async def _reset(self, asked: Asked) -> dict[str, Any]:
        await self._mock.state.reset(asked.namespace)
        return {"namespace": asked.namespace}

    async def _metrics(self, _: Asked) -> bytes:
        own = self._mock.metrics.snapshot()
        await self._mock.state.publish(own)
        return exposition(await self._mock.state.published() or [own], await self._mock.state.length())

    def _clock(self) -> dict[str, Any]:
        clock = self._mock.clock
        return {"now": clock.now(), "manual": isinstance(clock, ManualClock)}

    @cached_property
    def _operation_ids(self) -> list[str]:
        """The operations of the mocked API."""
        return [operation.id for operation in self._mock.spec.operations]

    def _filter(self, asked: Asked) -> Filter:
        wanted = {name: value for (_, name), value in asked.checked.parameters.items()}
        try:
            return Filter(wanted, asked.namespace, asked.parameter("since"), self._operation_ids)
        except FilterError as error:
            raise RefusedError(INVALID_REQUEST, str(error)) from error

    @staticmethod
    def _found(asked: Filter, lines: list[dict[str, Any]], wanted: int) -> dict[str, Any]:
        found = asked.find(lines)
        met = len(found) >= wanted
        return {"met": met, "count": len(found), "requests": found, "nearMisses": [] if met else asked.nearest(lines)}


def _method_of(operation_id: str) -> str:
    return "_" + _CAPITAL.sub("_", operation_id).lower()
