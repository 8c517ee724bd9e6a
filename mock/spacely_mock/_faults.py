"""Answers that go wrong on purpose: late, slow, cut off, mislabelled, or lost with the connection.

What is sent is not held to the contract: that it breaks it is what was asked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from http.client import responses as phrases
from typing import TYPE_CHECKING, Literal, NoReturn, TypeAlias

from ._bodies import is_json
from ._directives import Directive, Dribble, ErrorBody, Fault
from ._http import Reply, Request
from ._problems import PROBLEM_JSON, about_blank

if TYPE_CHECKING:  # Nothing of the framework is needed to read a request.
    from starlette.types import Receive, Scope, Send

Sleep: TypeAlias = Callable[[float], Awaitable[None]]
Cut: TypeAlias = Literal["before", "midway", "after"]

RESET = "spacely_mock.reset"
"""The extension of the ASGI scope in which the server puts a function that resets the connection."""

_CUTS: dict[Fault | None, Cut] = {
    Fault.RESET: "before",
    Fault.LOST: "before",
    Fault.RESET_MIDWAY: "midway",
    Fault.RESET_AFTER: "after",
}


class Interrupted(Exception):
    """The connection is to be reset now: there is no more to be sent."""

    def __init__(self, cut: Cut) -> None:
        self.cut = cut
        super().__init__(cut)


@dataclass(frozen=True, slots=True)
class Delivery:
    """How an answer is sent.

    Attributes:
        sleep: Waits for a number of seconds.
        delay: How long the answer waits, in seconds.
        dribble: How slowly the body is sent.
        cut: Where the connection is reset.
    """

    sleep: Sleep
    delay: float = 0
    dribble: Dribble | None = None
    cut: Cut | None = None

    async def send(self, reply: Reply, send: Send) -> None:
        """Send an answer; raise Interrupted where the connection is to be reset."""
        if self.delay:
            await self.sleep(self.delay)
        if self.cut == "before":
            raise Interrupted(self.cut)
        await send({"type": "http.response.start", "status": reply.status, "headers": list(reply.encoded_headers())})
        body = reply.body
        if self.cut == "midway":
            body = body[: len(body) // 2]
        if self.dribble is not None:
            size = self.dribble.size
            for start in range(0, len(body), size):
                await send({"type": "http.response.body", "body": body[start : start + size], "more_body": True})
                await self.sleep(self.dribble.interval)
            body = b""
        await send({"type": "http.response.body", "body": body, "more_body": self.cut == "midway"})
        if self.cut is not None:
            raise Interrupted(self.cut)


def status_reply(directive: Directive, request: Request) -> Reply:
    """The answer with a status that the contract need not have."""
    status = directive.status or 500  # With a reset alone, it is never sent.
    if status in {204, 304} or directive.body == ErrorBody.EMPTY:
        return Reply(status)
    phrase = phrases.get(status, "Status")
    if directive.body == ErrorBody.HTML:
        title = f"{status} {phrase}"
        page = f"<html>\n<head><title>{title}</title></head>\n<body><h1>{title}</h1></body>\n</html>\n"
        return Reply(status, (("content-type", "text/html; charset=utf-8"),), page.encode())
    return about_blank(status, phrase, "The mock was told to answer with this status.", request.instance)


def spoiled(reply: Reply, directive: Directive, delay: float, sleep: Sleep) -> Reply:
    """An answer with what a directive says of it besides its content."""
    headers = [(name, value) for name, value in reply.headers if name != "retry-after" or directive.retry_after is None]
    if directive.retry_after is not None:
        headers.append(("retry-after", directive.retry_after))
    body = reply.body
    if directive.fault == Fault.TRUNCATED:
        body = body[: len(body) // 2]
    if directive.fault == Fault.WRONG_TYPE:
        wrong = (
            "text/html" if any(name == "content-type" and is_json(value) for name, value in headers) else PROBLEM_JSON
        )
        headers = [(name, wrong if name == "content-type" else value) for name, value in headers]
    delivery = None
    cut = _CUTS.get(directive.fault)
    if delay or directive.dribble or cut:
        delivery = Delivery(sleep, delay, directive.dribble, cut)
    return replace(reply, headers=tuple(headers), body=body, delivery=delivery)


async def reset(interrupted: Interrupted, scope: Scope, receive: Receive) -> None:
    """Reset the connection that a request came on.

    In process there is no connection. There httpx's own error is raised, which the caller gets as from a socket; after
    a whole answer nothing is, since the caller has it.
    """
    reset_connection: Callable[[], None] | None = (scope.get("extensions") or {}).get(RESET)
    if reset_connection is not None:
        reset_connection()
        # Until the server knows that it has lost the client, it would take this for an answer never given.
        while (await receive())["type"] != "http.disconnect":
            pass
    elif interrupted.cut != "after":
        _fail_as_httpx(interrupted.cut)


def _fail_as_httpx(cut: Cut) -> NoReturn:
    # Imported here: only callers in process need it, and they have it.
    import httpx

    if cut == "before":
        raise httpx.ReadError("The mock reset the connection before it answered.")
    raise httpx.RemoteProtocolError("The mock reset the connection midway through its answer.")


async def real_sleep(seconds: float) -> None:
    """Wait, as the machine's clock has it."""
    await asyncio.sleep(seconds)
