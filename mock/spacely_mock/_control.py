"""The mock's own interface under /__mock__/: what it has seen, and what it does.

Routing, validation and the interface's description come from control.yaml, by the same means as the mocked API's.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from spacely_spec import Operation, Spec, load

from ._clock import ManualClock
from ._filters import Filter
from ._http import Reply, Request
from ._jobs import JobSettings, SubmitJob
from ._metrics import TEXT_FORMAT, Metrics, exposition
from ._problems import (
    CLOCK_RUNS,
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
    """What can be seen and set.

    Attributes:
        spec: The mocked API's contract.
        state: What requests share.
        settings: What all jobs share.
        submits: The operations that start jobs, by operationId.
        credentials: Where requests carry keys.
        metrics: What this process counts.
        workers: How many processes serve.
        check_rules: Raises ValueError where rules cannot be used.
    """

    spec: Spec
    state: State
    settings: JobSettings
    submits: Mapping[str, SubmitJob]
    credentials: Credentials
    metrics: Metrics
    workers: int
    check_rules: Callable[[Sequence[Any]], object]


@dataclass(frozen=True)
class _Asked:
    """A request that has been admitted: its values, and the namespace it concerns; None is all."""

    request: Request
    checked: Checked
    namespace: str | None

    def parameter(self, name: str) -> Any:
        return self.checked.parameters["query", name]

    @property
    def scope(self) -> str:
        return EVERYONE if self.namespace is None else self.namespace


class _RefusedError(Exception):
    def __init__(self, kind: Kind, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind


class Control:
    """Answers requests for the mock's own interface.

    Args:
        controlled: What can be seen and set.
        token: What callers have to send as a bearer token; None asks for nothing.
    """

    def __init__(self, controlled: Controlled, token: str | None) -> None:
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
        except _RefusedError as error:
            challenge = (("www-authenticate", 'Bearer realm="mock control"'),) if error.kind is CONTROL_TOKEN else ()
            return problem(error.kind, str(error), request.instance, headers=challenge)
        except StateUnavailableError as error:
            return problem(STORE_GONE, str(error), request.instance)

    async def _serve(self, operation: Operation, match: Match, request: Request) -> Reply:
        self._require_token(request)
        several = self._mock.workers > 1
        if several and (
            operation.raw.get("x-single") or (operation.raw.get("x-shared") and not self._mock.state.shared)
        ):
            detail = f"{self._mock.workers} workers serve, and what this asks for is another in each of them."
            raise _RefusedError(SEVERAL_PROCESSES, detail)
        checked = self._rules[operation.id].check(request, match.values)
        if checked.violations:
            errors = {"errors": [violation.as_json() for violation in checked.violations]}
            return problem(INVALID_REQUEST, checked.violations[0].detail, request.instance, extensions=errors)
        handler: Callable[[_Asked], Awaitable[Any]] = getattr(self, "_" + _CAPITAL.sub("_", operation.id).lower())
        value = await handler(_Asked(request, checked, self._namespace(request, checked)))
        if isinstance(value, bytes):
            return Reply(200, (("content-type", TEXT_FORMAT),), value)
        return Reply(200, (("content-type", "application/json"),), json.dumps(value).encode())

    def _require_token(self, request: Request) -> None:
        if self._token is None:
            return
        sent = request.headers("authorization")
        scheme, _, token = sent[0].partition(" ") if len(sent) == 1 else ("", "", "")
        if scheme.lower() != "bearer" or not hmac.compare_digest(token.strip().encode(), self._token.encode()):
            raise _RefusedError(CONTROL_TOKEN, "The control endpoints of this mock want a token.")

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
        return Routes(self._contract.base_path, self._contract.operations)

    @cached_property
    def _rules(self) -> dict[str, RequestRules]:
        return {
            operation.id: RequestRules(
                operation, self._contract.components, security_names=frozenset(), body_limit=10 * 1024 * 1024
            )
            for operation in self._contract.operations
        }

    async def _describe(self, asked: _Asked) -> dict[str, Any]:
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
                for operation in self._contract.operations
            ],
        }

    async def _describe_control(self, _: _Asked) -> dict[str, Any]:
        document = dict(self._contract.document)
        if self._token is not None:
            schemes = {"token": {"type": "http", "scheme": "bearer"}}
            document["components"] = {**document["components"], "securitySchemes": schemes}
            document["security"] = [{"token": []}]
        return document

    async def _list_requests(self, asked: _Asked) -> dict[str, Any]:
        return self._found(self._filter(asked), await self._mock.state.lines(), 1)

    async def _count_requests(self, asked: _Asked) -> dict[str, Any]:
        return {"count": len(self._filter(asked).find(await self._mock.state.lines()))}

    async def _wait_for_requests(self, asked: _Asked) -> dict[str, Any]:
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

    async def _clear_requests(self, asked: _Asked) -> dict[str, Any]:
        return {"removed": await self._mock.state.clear(asked.namespace)}

    async def _list_rules(self, asked: _Asked) -> list[Any]:
        return await self._mock.state.rules(asked.scope)

    async def _add_rule(self, asked: _Asked) -> list[Any]:
        rule = await self._named(asked.checked.body, asked)
        self._check_rules([*await self._list_rules(asked), rule])
        await self._mock.state.add_rule(asked.scope, rule)
        return await self._list_rules(asked)

    async def _replace_rules(self, asked: _Asked) -> list[Any]:
        rules = [await self._named(rule, asked) for rule in asked.checked.body]
        self._check_rules(rules)
        await self._mock.state.set_rules(asked.scope, rules)
        return await self._list_rules(asked)

    async def _named(self, rule: Mapping[str, Any], asked: _Asked) -> dict[str, Any]:
        """A rule with an id that no rule before it has had, so that it does not go on with the counter of another."""
        if "id" in rule:
            return dict(rule)
        number = await self._mock.state.increment(asked.scope, "rules")
        return {"id": f"{asked.scope or 'everyone'}-{number}", **rule}

    async def _delete_rules(self, asked: _Asked) -> list[Any]:
        await self._mock.state.set_rules(asked.scope, [])
        return await self._list_rules(asked)

    async def _list_jobs(self, asked: _Asked) -> dict[str, Any]:
        settings = self._mock.settings
        jobs: list[dict[str, Any]] = []
        for line in await self._mock.state.lines():
            submit = self._mock.submits.get(line["operation"] or "")
            if submit is None or line["job"] is None or asked.namespace not in {None, line["namespace"]}:
                continue
            job = settings.sealer.glance(submit.form, line["job"])
            if job is not None:
                jobs.append(
                    {
                        "id": job.id,
                        "operation": line["operation"],
                        "namespace": line["namespace"],
                        "created": job.created,
                        "seconds": settings.plan(job).seconds,
                        "done": settings.has_run(job),
                    }
                )
        return {"jobs": jobs}

    async def _reset(self, asked: _Asked) -> dict[str, Any]:
        await self._mock.state.reset(asked.namespace)
        if asked.namespace is None:
            self._mock.settings.sealer.restart(self._mock.settings.sealer.start)
        return {"namespace": asked.namespace}

    async def _get_seed(self, _: _Asked) -> dict[str, Any]:
        return {"seed": self._mock.settings.sealer.start}

    async def _put_seed(self, asked: _Asked) -> dict[str, Any]:
        self._mock.settings.sealer.restart(asked.checked.body["seed"])
        return await self._get_seed(asked)

    async def _get_clock(self, _: _Asked) -> dict[str, Any]:
        return self._clock()

    async def _set_clock(self, asked: _Asked) -> dict[str, Any]:
        self._manual_clock().set(asked.checked.body["now"])
        return self._clock()

    async def _advance_clock(self, asked: _Asked) -> dict[str, Any]:
        self._manual_clock().advance(asked.checked.body["advance"])
        return self._clock()

    async def _metrics(self, _: _Asked) -> bytes:
        own = self._mock.metrics.snapshot()
        await self._mock.state.publish(own)
        return exposition(await self._mock.state.published() or [own], await self._mock.state.length())

    def _clock(self) -> dict[str, Any]:
        clock = self._mock.settings.clock
        return {"now": clock.now(), "manual": isinstance(clock, ManualClock)}

    def _manual_clock(self) -> ManualClock:
        clock = self._mock.settings.clock
        if isinstance(clock, ManualClock):
            return clock
        raise _RefusedError(CLOCK_RUNS, "The clock of this mock is the machine's.")

    def _check_rules(self, rules: Sequence[Any]) -> None:
        try:
            self._mock.check_rules(rules)
        except ValueError as error:
            raise _RefusedError(INVALID_REQUEST, str(error)) from error

    @staticmethod
    def _filter(asked: _Asked) -> Filter:
        wanted = {name: value for (_, name), value in asked.checked.parameters.items()}
        return Filter(wanted, asked.namespace, asked.parameter("since"))

    @staticmethod
    def _found(asked: Filter, lines: list[dict[str, Any]], wanted: int) -> dict[str, Any]:
        found = asked.find(lines)
        met = len(found) >= wanted
        return {"met": met, "count": len(found), "requests": found, "nearMisses": [] if met else asked.nearest(lines)}
