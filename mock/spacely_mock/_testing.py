"""The mock as a test sees it: what came, what is to be answered, what time it is."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Mapping, Sequence
from json import dumps
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, cast

import httpx

from spacely_spec import Spec, snake_case

from ._clock import ManualClock, ShiftedClock
from ._control import CONTROL_PATH
from ._server import MockServer
from ._state import namespace_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ORIGIN = "http://mock.test"
_LITERAL_START = re.compile(r"\^([A-Za-z0-9_-]+)")


class Mock:
    """One test's view of a mock server: a namespace of its own, with control and journal.

    Left as a ``with`` block, it holds what came to what was promised, and forgets all of it.

    Args:
        server: The server, running.

    Attributes:
        url: The base URL for clients.
        api_key: The key for clients; what is sent with another key belongs to another namespace.
        spec: The contract.
        environment: The client's environment variables that lead here.

    Raises:
        ValueError: The server has no control to offer, or no key that is not in use.
    """

    def __init__(self, server: MockServer) -> None:
        if not server.is_controlled:
            raise ValueError(
                "the mock server's control is closed (admin=False), and Mock needs it; start it without that"
            )
        self._server = server
        self.url = server.url
        self.spec = server.spec
        self.api_key = _free_key(server) if server.api_keys else _new_key(server.spec)
        prefix = snake_case(server.spec.sdk_name).upper()
        self.environment = {f"{prefix}_API_KEY": self.api_key, f"{prefix}_BASE_URL": self.url}
        self._promises: list[tuple[dict[str, Any], int]] = []
        headers = {} if server.admin_token is None else {"Authorization": f"Bearer {server.admin_token}"}
        self._http = httpx.Client(transport=self.transport(), base_url=_ORIGIN, headers=headers)

    def transport(self) -> InProcessTransport:
        """What makes any httpx client, sync or async, call the mock in process, without a socket."""
        return InProcessTransport(self._server)

    def requests(self, operation: str | None = None, **filters: Any) -> list[dict[str, Any]]:
        """The requests of this test that match, the oldest first.

        Args:
            operation: The operation that they called, by its operationId or the client's name for it.
            filters: Others of the journal's: ``method``, ``path`` (a pattern as of file names), ``status``, ``job``,
                ``body`` (values by JSONPath, as a rule's: ``{"$.items[*].name": "a*"}``).

        Returns:
            Lines of the journal.
        """
        found: list[dict[str, Any]] = self._get("requests", self._filters(operation, filters))["requests"]
        return found

    def count(self, operation: str | None = None, **filters: Any) -> int:
        """How many requests match; see ``requests``."""
        return int(self._get("requests/count", self._filters(operation, filters))["count"])

    def jobs(self) -> list[dict[str, Any]]:
        """The jobs of this test, the oldest first: also those that no caller knows of, whose answer was lost.

        Returns:
            For each its ``id``, ``operation``, ``created``, ``seconds`` that it runs, ``done``, and the ``status`` that
            its submit was answered with: None where the answer was lost, or has not been sent yet.
        """
        found: list[dict[str, Any]] = self._get("jobs", {})["jobs"]
        return found

    def wait_for(
        self, operation: str | None = None, *, times: int = 1, timeout: float = 5, **filters: Any
    ) -> list[dict[str, Any]]:
        """Wait until as many requests match.

        Args:
            operation: As for ``requests``.
            times: How many.
            timeout: How long to wait at most, in seconds up to 60.
            filters: As for ``requests``.

        Returns:
            Those that do.

        Raises:
            AssertionError: They did not come in time; the message has those that come nearest.
        """
        wanted = self._filters(operation, filters)
        found = self._get("requests/wait", {**wanted, "count": times, "timeout": timeout})
        if not found["met"]:
            raise AssertionError(_shortfall(wanted, times, found))
        requests: list[dict[str, Any]] = found["requests"]
        return requests

    def expect(self, operation: str | None = None, *, times: int = 1, **filters: Any) -> None:
        """Promise that exactly as many requests will have matched when the test ends; else it fails."""
        self._promises.append((self._filters(operation, filters), times))

    def verify(self) -> None:
        """Hold what came to what was promised; done by itself when the test ends.

        Raises:
            AssertionError: More or fewer requests match than was promised.
        """
        failures: list[str] = []
        for wanted, times in self._promises:
            found = self._get("requests/wait", {**wanted, "count": max(times, 1), "timeout": 0})
            if found["count"] != times:
                failures.append(_shortfall(wanted, times, found))
        self._promises.clear()
        if failures:
            raise AssertionError("\n".join(failures))

    def rule(self, then: Mapping[str, Any], *, operation: str | None = None, **parts: Any) -> None:
        """Add a rule for this test's requests.

        Args:
            then: What is to be done: words of the mock's vocabulary, with their values.
            operation: With which operation; any by default.
            parts: What else a rule has: ``when``, ``times``, ``every``, ``probability``.
        """
        when = dict(parts.pop("when", {}))
        if operation is not None:
            when["operation"] = self._operation(operation)
        rule = {"when": when, "then": {name.replace("_", "-"): value for name, value in then.items()}, **parts}
        self._send("POST", "rules", json=rule)

    def fail_next(
        self, operation: str | None = None, *, times: int = 1, status: int | None = None, **words: Any
    ) -> None:
        """Let this test's next requests fail.

        Args:
            operation: Those for this operation; any by default.
            times: How many of them.
            status: With which status; by default 500, unless ``fault`` or ``code`` say how they fail.
            words: What else is to be done; see ``rule``.
        """
        if status is None and not words.keys() & {"fault", "code"}:
            status = 500
        said = {} if status is None else {"status": status}
        self.rule({**said, **words}, operation=operation, times=times)

    def outcome(self, outcome: str, *, times: int | None = None) -> None:
        """Say how the jobs end that this test starts from now on, such as ``failure``: all of them, or the next few."""
        parts: dict[str, Any] = {} if times is None else {"times": times}
        self.rule({"outcome": outcome}, **parts)

    def advance(self, seconds: float) -> None:
        """Move the mock's clock on, so that jobs end without a wait.

        Raises:
            TypeError: The server was given a clock that cannot be moved.
        """
        clock = self._server.clock
        if not isinstance(clock, (ManualClock, ShiftedClock)):
            raise TypeError(f"the mock's clock is a {type(clock).__name__}; give it a ShiftedClock, or none")
        clock.advance(seconds)

    def reset(self) -> None:
        """Forget this test's requests, rules and promises."""
        self._promises.clear()
        self._send("POST", "reset")

    def close(self) -> None:
        """Forget everything of this test."""
        try:
            self.reset()
        finally:
            self._server.keys_in_use.discard(self.api_key)
            self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None:  # What a block promised that did not come to its end is nothing to complain about.
            self._close_after(error)
            return
        try:
            self.verify()
        except Exception as broken:
            self._close_after(broken)
            raise
        self.close()

    def _close_after(self, error: BaseException) -> None:
        """Close, but let what went wrong before be what is told."""
        try:
            self.close()
        except Exception as another:  # noqa: BLE001 - whatever it is, it comes second
            error.add_note(f"Nor could the mock be reset: {another}")

    def _filters(self, operation: str | None, filters: Mapping[str, Any]) -> dict[str, Any]:
        named = {} if operation is None else {"operation": self._operation(operation)}
        texts = {name: dumps(value) if isinstance(value, Mapping) else str(value) for name, value in filters.items()}
        return {**named, **texts}

    def _operation(self, name: str) -> str:
        ids = [operation.id for operation in self.spec.operations]
        for each in ids:
            if name in {each, snake_case(each)}:
                return each
        raise ValueError(f"the contract has no operation {name!r}; it has {', '.join(ids)}")

    def _get(self, path: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        return cast("dict[str, Any]", self._send("GET", path, params=parameters))

    def _send(self, method: str, path: str, *, params: Mapping[str, Any] | None = None, json: Any = None) -> Any:
        scope = {"namespace": namespace_of(self.api_key)}
        response = self._http.request(
            method, CONTROL_PATH + path, params={**(params or {}), **scope}, json=json, timeout=None
        )
        if response.is_error:
            raise ValueError(response.json()["detail"])
        return response.json()


class InProcessTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Hands an httpx client's requests to a running mock server without a socket.

    They are answered in the server's own event loop, so that clients of every kind, in any thread, share its state.

    Args:
        server: The server, running.
    """

    def __init__(self, server: MockServer) -> None:
        self._server = server
        self._serving: set[asyncio.Future[None]] = set()  # The event loop itself would let go of them.

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request of a sync client."""
        request.read()
        return asyncio.run_coroutine_threadsafe(self._answer(request), self._server.loop).result()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request of an async client."""
        await request.aread()
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._answer(request), self._server.loop))

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        # The bytes are both kinds of stream, whatever kind the client's is.
        inner = httpx.Request(request.method, request.url, headers=request.headers, content=request.content)
        patience = request.extensions.get("timeout", {}).get("read")
        app = self._patient(request.content, patience)
        response = await httpx.ASGITransport(app).handle_async_request(inner)
        body = b"".join([piece async for piece in cast("httpx.AsyncByteStream", response.stream)])
        return httpx.Response(response.status_code, headers=response.headers, content=body)

    def _patient(self, body: bytes, patience: float | None) -> ASGIApp:
        """The mock as called by a client that waits so many seconds for each piece of an answer, and then hangs up.

        It receives the body in one message, as servers hand on a short one. httpx sends a body and then its end, and a
        mock takes such a request the long way.
        """

        async def call(scope: Scope, _: Receive, send: Send) -> None:
            loop = asyncio.get_running_loop()
            unread: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
            over = asyncio.Event()
            heard = loop.time()

            async def receive() -> Message:
                if unread:
                    return unread.pop()
                await over.wait()
                return {"type": "http.disconnect"}

            async def hear(message: Message) -> None:
                nonlocal heard
                heard = loop.time()
                await send(message)
                if message["type"] == "http.response.body" and not message.get("more_body", False):
                    over.set()

            # It is not cancelled: on a socket, too, it is told that the client has gone, and ends by itself.
            serving = asyncio.ensure_future(self._server.app(scope, receive, hear))
            self._serving.add(serving)
            serving.add_done_callback(self._let_go)
            try:
                while not serving.done():
                    left = None if patience is None else heard + patience - loop.time()
                    if left is not None and left <= 0:
                        raise httpx.ReadTimeout(
                            f"The mock sent nothing for {patience:g} s, as long as the client waits."
                        )
                    await asyncio.wait({serving}, timeout=left)
            finally:
                over.set()
            serving.result()

        return call

    def _let_go(self, serving: asyncio.Future[None]) -> None:
        self._serving.discard(serving)
        if not serving.cancelled():
            serving.exception()  # Looked at here, for where its client has gone nobody else does.


def _new_key(spec: Spec) -> str:
    """An API key that nobody else has, and that every scheme of the contract takes."""
    schemes = {scheme for each in spec.operations for alternative in each.security for scheme in alternative}
    patterns: Sequence[str] = [scheme.key_pattern for scheme in schemes if scheme.key_pattern is not None]
    starts = [match[1] for match in map(_LITERAL_START.match, patterns) if match]
    for start in ("test-", *starts):
        key = start + uuid.uuid4().hex
        if all(re.search(pattern, key) for pattern in patterns):
            return key
    raise ValueError(f"no API key can be made that fits {' and '.join(patterns)}; let it begin with letters, as ^sk-")


def _free_key(server: MockServer) -> str:
    """One of the only keys that a server takes: a namespace, as long as nobody else has it."""
    for key in server.api_keys:
        if key not in server.keys_in_use:
            server.keys_in_use.add(key)
            return key
    count = len(server.api_keys)
    raise ValueError(
        f"each Mock needs an API key of its own, and all {count} of the server's (api_keys) are in use; close another "
        "Mock, or give the server more keys, or none"
    )


def _shortfall(wanted: Mapping[str, Any], times: int, found: Mapping[str, Any]) -> str:
    what = " ".join(f"{name}={value}" for name, value in wanted.items()) or "any"
    misses = [f"  came near: {miss}" for miss in found["nearMisses"]]
    return "\n".join([f"{times} requests were to match {what}, {found['count']} did", *misses])
