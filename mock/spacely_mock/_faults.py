"""Answers that go wrong on purpose.

They are not held to the contract: that they break it is what was asked for.
"""

from __future__ import annotations

from dataclasses import replace
from http.client import responses as phrases

from ._bodies import is_json
from ._delivery import Cut, Delivery, Sleep
from ._directives import Directive, ErrorBody, Fault
from ._http import Reply, Request
from ._problems import PROBLEM_JSON, about_blank

_CUTS: dict[Fault | None, Cut] = {
    Fault.RESET: "before",
    Fault.LOST: "before",
    Fault.RESET_MIDWAY: "midway",
    Fault.RESET_AFTER: "after",
}


def status_reply(directive: Directive, request: Request) -> Reply:
    """The answer with a status that the contract need not have."""
    return _stock(directive.status or 500, directive.body, request)  # With a reset alone, it is never sent.


def _stock(status: int, body: ErrorBody | None, request: Request) -> Reply:
    if status in {204, 304} or body == ErrorBody.EMPTY:
        return Reply(status)
    phrase = phrases.get(status, "Status")
    if body == ErrorBody.HTML:
        title = f"{status} {phrase}"
        page = f"<html>\n<head><title>{title}</title></head>\n<body><h1>{title}</h1></body>\n</html>\n"
        return Reply(status, (("content-type", "text/html; charset=utf-8"),), page.encode())
    return about_blank(status, phrase, "The mock was told to answer so.", request.instance)


def spoiled(reply: Reply, directive: Directive, request: Request, delay: float, sleep: Sleep) -> Reply:
    """An answer with what a directive says of it besides what it is made of."""
    if directive.body is not None and directive.status is None:
        stock = _stock(reply.status, directive.body, request)
        others = (pair for pair in reply.headers if pair[0] != "content-type")
        reply = replace(reply, headers=(*stock.headers, *others), body=stock.body)
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
