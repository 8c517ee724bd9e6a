"""The outermost layer: everything that must hold for every request, whatever it asks for and however it is sent.

The fast lane comes first and takes what is ordinary. Any other request is read whole here, within a limit, and reaches
the layers below in one well-formed piece.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Protocol

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ._cors import Cors
from ._delivery import RECEIVE, Interrupted, reset
from ._http import ENTRY, PATH_VALUES, REQUEST, Observe, Reply, Request
from ._journal import Entry, Journal
from ._lane import FastLane
from ._lifespan import live
from ._problems import INTERNAL, METHOD_NOT_ALLOWED, NOT_FOUND, SEVERAL_PROCESSES, STORE_GONE, problem
from ._receiving import read_request
from ._routes import Match, Routes, served_as
from ._state import StateUnavailableError, UnsharedError

_OF_THE_BODY = frozenset({b"content-type", b"content-length", b"transfer-encoding"})
_log = logging.getLogger("spacely_mock")


class OwnPages(Protocol):
    """The mock's own paths, beside those of the contract."""

    async def answer(self, request: Request) -> Reply | None:
        """The answer to a request; None where the path is not one of these."""
        ...

    paths: tuple[str, ...]


class FrontDoor:
    """The mock as an ASGI application.

    Args:
        routes: The contract's paths.
        framework: Serves the contract's operations.
        pages: The mock's own paths.
        cors: What browsers are told.
        body_limit: The largest body that is taken, in bytes.
        observe: Called for every request with the status it got.
        journal: Where requests for operations are noted, and those that find none.
        lane: Answers ordinary requests the short way; None where all go the long way.
    """

    def __init__(
        self,
        *,
        routes: Routes,
        framework: ASGIApp,
        pages: OwnPages,
        cors: Cors,
        body_limit: int,
        observe: Observe | None,
        journal: Journal,
        lane: FastLane | None,
    ) -> None:
        self._lane = lane
        self._routes = routes
        self._framework = framework
        self._pages = pages
        self._cors = cors
        self._body_limit = body_limit
        self._observe = observe
        self._journal = journal

    def answer_at_once(self, request: Request, server_headers: Sequence[tuple[bytes, bytes]]) -> bytes | None:
        """Answer an ordinary request without waiting for anything; None for any other. See Application."""
        return None if self._lane is None else self._lane.answer_at_once(request, server_headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "http":
            if self._lane is not None:
                unread = await self._lane.serve(scope, receive, send)
                if unread is None:
                    return
                receive = unread
            await self._http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await live(receive, send, self._journal.close)
        else:
            await send({"type": "websocket.close", "code": 1000})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = await read_request(scope, receive, self._body_limit)
        if request is None:
            return  # The client has gone.
        answering = _Answering(send, request, self._cors, self._observe, self._journal)
        match = self._routes.find(request.path)
        try:
            reply = await self._own_reply(request, match)
            if reply is not None:
                await reply(scope, receive, answering.send)
                return
            method = served_as(request.method, match)
            operation = None if match is None else match.route.operations.get(method)
            answering.entry = scope.get(ENTRY) or await self._journal.arrived(
                operation.id if operation else None, request
            )
            if match is None:
                await self._not_found(request)(scope, receive, answering.send)
            elif operation is None:
                await _not_allowed(request, match)(scope, receive, answering.send)
            else:
                outer = {**scope, "method": method, ENTRY: answering.entry, RECEIVE: receive}
                await self._serve(request, match, outer, answering.send)
        except Interrupted as interrupted:
            if answering.entry is not None and not answering.started:
                await self._journal.unanswered(answering.entry)
            await reset(interrupted, scope, receive)
        except StateUnavailableError as error:
            kind = SEVERAL_PROCESSES if isinstance(error, UnsharedError) else STORE_GONE
            await problem(kind, str(error), request.instance)(scope, receive, answering.send)
        except Exception:
            _log.exception("%s %s", request.method, request.path)
            if answering.started:
                raise
            detail = "The mock could not answer; its log says why."
            await problem(INTERNAL, detail, request.instance)(scope, receive, answering.send)

    async def _serve(self, request: Request, match: Match, scope: Scope, send: Send) -> None:
        """Hand a request for an operation to the framework."""
        # The framework is told what it needs to find the operation. The rest has been read here already; left in, it
        # would be parsed again, and less carefully, for a handler that does not ask for it.
        headers = [header for header in request.raw_headers if header[0] not in _OF_THE_BODY]
        inner = {
            **scope,
            "headers": headers,
            "path": match.route.specimen,
            "root_path": "",
            "query_string": b"",
            REQUEST: request,
            PATH_VALUES: match.values,
        }
        await self._framework(inner, _no_body, send)

    async def _own_reply(self, request: Request, match: Match | None) -> Reply | None:
        """The reply to a request that is not meant for the contract's operations; None where it is."""
        if self._cors.is_preflight(request):
            return self._cors.preflight(request, match.route.operations if match else None)
        if match is None:
            return await self._pages.answer(request)
        if request.method == "OPTIONS" and "OPTIONS" not in match.route.operations:
            return Reply(204, (("allow", match.route.allow),))
        return None

    def _not_found(self, request: Request) -> Reply:
        paths = [route.template for route in self._routes.all]
        nearest = self._routes.nearest(request.path)
        hint = f" Did you mean {nearest}?" if nearest else ""
        detail = f"The contract has no such path.{hint} The mock's own paths are: {', '.join(self._pages.paths)}."
        return problem(NOT_FOUND, detail, request.instance, extensions={"paths": paths})


class _Answering:
    """Sends one answer: adds what every answer carries, and leaves the body out of an answer to HEAD."""

    def __init__(self, send: Send, request: Request, cors: Cors, observe: Observe | None, journal: Journal) -> None:
        self._send = send
        self._request = request
        self._cors = cors
        self._observe = observe
        self._journal = journal
        self.entry: Entry | None = None
        self.started = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            message = {**message, "headers": [*message.get("headers", ()), *self._cors.headers]}
            if self._observe is not None:
                self._observe(self._request, message["status"])
            if self.entry is not None:
                await self._journal.answered(self.entry, message["status"])
        elif self._request.method == "HEAD":
            message = {**message, "body": b""}
        await self._send(message)


def _not_allowed(request: Request, match: Match) -> Reply:
    detail = f"This path has {', '.join(sorted(match.route.operations))}."
    return problem(METHOD_NOT_ALLOWED, detail, request.instance, headers=(("allow", match.route.allow),))


async def _no_body() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}
