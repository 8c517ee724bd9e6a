"""A proxy in front of any server of the contract: requests and answers pass as they are, and are held to the contract.

What breaks it is told in a header of the answer, in a line of the log and in the journal.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.types import Receive, Scope, Send

from spacely_spec import Operation, Spec, load

from ._answers import UndoneError, undone
from ._app import BODY_LIMIT, default_spec
from ._clock import SystemClock
from ._control import CONTROL_PATH, METRICS_PATH, Control, Controlled
from ._exchanges import Exchange, ProxyMetrics, on_one_line
from ._http import Reply, Request
from ._lifespan import live
from ._problems import (
    BROKEN_ANSWER,
    CONTENT_TOO_LARGE,
    INTERNAL,
    KINDS,
    NOT_FOUND,
    PROBLEM_JSON,
    PROBLEMS_PATH,
    kind_of,
    problem,
    problem_document,
)
from ._proxied import Found, ProxiedContract, ProxiedOperation
from ._receiving import raw_path, read_request
from ._recording import Recording
from ._redaction import Credentials, scrub
from ._state import JOURNAL_ENTRIES, MemoryState, State
from ._upstream import Upstream, UpstreamError

if TYPE_CHECKING:
    import httpx

TIMEOUT = 60.0
"""How long an upstream may take to answer, in seconds."""
VIOLATIONS = "x-mock-violations"
_SHOWN = 64 * 1024  # The bytes of a replaced answer that are still told.
_log = logging.getLogger("spacely_mock")


class Proxy:
    """The proxy as an ASGI application. Made by ``create_proxy``.

    Args:
        spec: The contract.
        upstream: Where requests go.
        errors: Whether what breaks the contract is answered with a problem in place of being passed on.
        record: Where what passes is written down; None for nowhere.
        credentials: Where requests carry keys.
        state: Keeps the journal.
        admin: Whether the interface under /__mock__/ is open.
        admin_token: The bearer token that it asks for; None for none.
        body_limit: The largest body that is taken, in bytes.
        say: Called with each line of the log.
        verbose: Whether the log has every request.
    """

    def __init__(
        self,
        spec: Spec,
        upstream: Upstream,
        *,
        errors: bool,
        record: Recording | None,
        credentials: Credentials,
        state: State,
        admin: bool,
        admin_token: str | None,
        body_limit: int,
        say: Callable[[str], None],
        verbose: bool,
    ) -> None:
        self._upstream = upstream
        self._errors = errors
        self._record = record
        self._credentials = credentials
        self._state = state
        self._body_limit = body_limit
        self._contract = ProxiedContract(spec, body_limit)
        self._say = say
        self._verbose = verbose
        self._clock = SystemClock()
        self._metrics = ProxyMetrics()
        controlled = Controlled(spec, state, self._clock, credentials, self._metrics)
        self._control = Control(controlled, admin_token) if admin else None
        health = {"status": "ok", "title": spec.title, "version": spec.version, "upstream": upstream.url}
        self._pages = {"/healthz": health} | {
            PROBLEMS_PATH + kind.slug: {"type": PROBLEMS_PATH + kind.slug, "title": kind.title, "meaning": kind.meaning}
            for kind in KINDS
        }

    @property
    def upstream(self) -> str:
        """The base URL of the server behind it."""
        return self._upstream.url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await live(receive, send, self._close)
        else:
            await send({"type": "websocket.close", "code": 1000})

    async def _close(self) -> None:
        await self._upstream.close()
        await self._state.close()
        if self._record is not None:
            self._record.close()

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = await read_request(scope, receive, self._body_limit)
        if request is None:
            return  # The client has gone.
        found = self._contract.find(request)
        try:
            reply = None if found.match is not None else await self._own(request)
            if reply is None:
                reply = await self._pass(request, found, raw_path(scope))
        except Exception:  # noqa: BLE001 - whatever it is, it is reported, and the client has an answer
            _log.exception("%s %s", request.method, request.instance)
            reply = problem(INTERNAL, "The proxy could not answer; its log says why.", request.instance)
        await _send(reply, request, send)

    async def _own(self, request: Request) -> Reply | None:
        """The answer of the proxy's own pages; None where the request is not for them."""
        if self._control is not None:
            reply = await self._control.answer(request)
            if reply is not None:
                return reply
        page = self._pages.get(request.path)
        if page is not None and request.method in {"GET", "HEAD"}:
            return Reply(200, (("content-type", "application/json"),), json.dumps(page).encode())
        if request.path.startswith(CONTROL_PATH):  # Never passed on: it would ask another for what is asked here.
            detail = f"A proxy has no such page; it has /healthz, {METRICS_PATH} and {CONTROL_PATH}."
            return problem(NOT_FOUND, detail, request.instance)
        return None

    async def _pass(self, request: Request, found: Found, path: bytes) -> Reply:
        operation = None if found.entry is None else found.entry.operation
        exchange = Exchange(self._clock.now(), None if operation is None else operation.id, request, self._credentials)
        await self._state.append(exchange)
        violations, exchange.job = self._contract.check_request(request, found)
        exchange.add("request", violations)
        refused = self._refuse(request, operation, exchange)
        reply = refused or await self._exchange(request, found.entry, exchange, path)
        with _harmless(exchange):
            seconds = exchange.answered(reply.status)
            self._metrics.count(exchange.operation, reply.status, seconds)
            self._metrics.count_violations(exchange)
            await self._state.complete(exchange)
            for line in exchange.lines(reply.status, verbose=self._verbose):
                self._say(line)
        told = f"request={exchange.count('request')}, answer={exchange.count('answer')}"
        return reply.with_headers((VIOLATIONS, told))

    async def _exchange(
        self, request: Request, entry: ProxiedOperation | None, exchange: Exchange, path: bytes
    ) -> Reply:
        try:
            reply = await self._upstream.send(request, path)
        except UpstreamError as error:
            with _harmless(exchange):
                self._write(request, exchange, None, str(error))
                self._say(f"{exchange.shown} {error.kind.fallback} upstream: {on_one_line(error)}")
            return problem(error.kind, str(error), request.instance)
        with _harmless(exchange):
            self._write(request, exchange, reply, "")
        if entry is None:
            return reply
        with _harmless(exchange):
            violations, job = entry.check_answer(reply, has_body=request.method != "HEAD")
            exchange.add("answer", violations)
            if job:
                exchange.job = job
                self._metrics.count_job(entry.operation.id)
        if self._errors and exchange.count("answer"):
            return self._replaced(request, reply, exchange)
        return reply

    def _refuse(self, request: Request, operation: Operation | None, exchange: Exchange) -> Reply | None:
        """The answer to a request that is not passed on; None where it is."""
        violations = [violation for _, violation in exchange.broken]
        if not violations or not (self._errors or request.oversized):
            return None
        kind = CONTENT_TOO_LARGE if request.oversized else kind_of(violations)
        status = kind.status(operation.responses if operation is not None else ())
        detail = "The request breaks the contract and was not passed on; see errors."
        document = problem_document(kind, status, detail, request.instance, {"errors": exchange.violations()})
        return Reply(status, (("content-type", PROBLEM_JSON),), json.dumps(document).encode())

    def _replaced(self, request: Request, reply: Reply, exchange: Exchange) -> Reply:
        """A problem in place of an answer. The answer is told in it: a job's id must not be lost with it."""
        try:
            body = undone(reply, self._body_limit)
        except UndoneError:
            body = reply.body
        answer: dict[str, Any] = {"status": reply.status, "bodyBytes": len(body)}
        try:
            answer["body"] = json.loads(body[:_SHOWN])
        except (ValueError, RecursionError):
            answer["body"] = body[:_SHOWN].decode("utf-8", "replace")
        extensions = {"errors": exchange.violations(), "answer": scrub(answer, exchange.secret)}
        detail = "The request was passed on and answered, and the answer breaks the contract; see errors and answer."
        return problem(BROKEN_ANSWER, detail, request.instance, extensions=extensions)

    def _write(self, request: Request, exchange: Exchange, reply: Reply | None, comment: str) -> None:
        if self._record is None:
            return
        url = self._upstream.url_of(scrub(request.path, exchange.secret))
        seconds = max(self._clock.now() - exchange.at, 0.0)
        try:
            self._record.add(exchange.at, seconds, request, url, reply, comment)
        except OSError as error:  # The answer counts for more than its record.
            self._say(f"cannot write {self._record.file}: {error.strerror}; nothing more is recorded")
            self._record.close()
            self._record = None


@contextmanager
def _harmless(exchange: Exchange) -> Generator[None]:
    """Report what the block raises, and go on: an answer may tell of a job that is paid for, and is not lost for it."""
    try:
        yield
    except Exception:  # noqa: BLE001 - whatever it is
        _log.exception("%s was passed on; what it came to could not be checked or noted", exchange.shown)


def create_proxy(
    spec: Spec | str | Path | None = None,
    *,
    upstream: str,
    errors: bool = False,
    record: Path | None = None,
    timeout: float = TIMEOUT,
    journal: int = JOURNAL_ENTRIES,
    admin: bool = True,
    admin_token: str | None = None,
    body_limit: int = BODY_LIMIT,
    say: Callable[[str], None] = print,
    verbose: bool = False,
    transport: httpx.AsyncBaseTransport | None = None,
) -> Proxy:
    """Make a proxy that holds what passes it to a contract.

    Args:
        spec: The contract, or the path of its file; by default as for ``create_app``.
        upstream: The base URL of the server behind it, as a client would be given it; without a path it has the
            contract's.
        errors: Whether a request that breaks the contract is refused and not passed on, and an answer that breaks it
            replaced by a problem (502) that tells it. Otherwise both pass.
        record: A file to write all exchanges to, as an HTTP Archive without keys. There must be none of that name.
        timeout: How long the server may take to answer, in seconds.
        journal: How many requests the journal keeps; 0 keeps none.
        admin: Whether the interface under /__mock__/ is open.
        admin_token: The bearer token that it asks for; by default none.
        body_limit: The largest body of a request or an answer that is taken, in bytes.
        say: Called with each line of the log.
        verbose: Whether the log has every request.
        transport: Takes the requests that are passed on; by default they go out on the network.

    Returns:
        An ASGI application.

    Raises:
        SpecError: The contract cannot be used.
        UpstreamURLError: The URL cannot be used.
        OSError: The recording cannot be written, or is there already.
    """
    contract = spec if isinstance(spec, Spec) else load(spec or default_spec())
    credentials = Credentials(contract.operations)
    behind = Upstream(upstream, contract.base_path, timeout=timeout, limit=body_limit, transport=transport)
    return Proxy(
        contract,
        behind,
        errors=errors,
        record=None if record is None else Recording(record, credentials, body_limit),
        credentials=credentials,
        state=MemoryState(journal),
        admin=admin,
        admin_token=admin_token,
        body_limit=body_limit,
        say=say,
        verbose=verbose,
    )


async def _send(reply: Reply, request: Request, send: Send) -> None:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers]
    is_head = request.method == "HEAD"
    has_body = reply.status >= 200 and reply.status not in {204, 304}
    if not (is_head and has_body):  # The length of an answer to HEAD is that of the body which it would have.
        headers = [header for header in headers if header[0] != b"content-length"]
        if has_body:
            headers.append((b"content-length", b"%d" % len(reply.body)))
    body = b"" if is_head or not has_body else reply.body
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
