"""The fast lane: the short way to an operation for the ordinary request, laid out from the contract at the start.

The lane takes a request only if nothing about it leaves anything to weigh and all of it is valid. It then hands the
values to the same ``CompiledOperation.answer`` that every other request reaches by way of the framework, so there is
one place where answers are made. Whatever is unusual or wrong it leaves to the framework, as if it had not looked.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from starlette.types import Message, Receive, Scope, Send

from ._asking import may_be_magic
from ._bodies import BodyError, read_json
from ._directives import NOTHING
from ._director import Director
from ._heads import Heads
from ._http import ENTRY, Observe, RawHeaders, Reply, Request, server_of
from ._journal import Journal
from ._limits import Limit
from ._operations import Call, CompiledOperation
from ._parameters import Key, ParameterRule
from ._requests import Checked, Fits
from ._routes import Routes
from ._state import StateUnavailableError, namespace_of
from ._wire import AnswerWriter

# Bytes that stand for themselves in a path and in a query, so that there is nothing to decode.
_PLAIN_PATH = re.compile(r"[A-Za-z0-9._~/-]+")
_PLAIN_QUERY = re.compile(rb"[A-Za-z0-9._~-]+=[A-Za-z0-9._~-]*(?:&[A-Za-z0-9._~-]+=[A-Za-z0-9._~-]*)*")

_MOST_PIECES = 4  # An ordinary body comes in one piece, or in two with an empty one behind it.
_NO_VALUES: Mapping[str, str] = {}
_log = logging.getLogger("spacely_mock")

_Sent: TypeAlias = tuple[ParameterRule | None, str]
_Value = TypeVar("_Value")


class FastLane:
    """Answers ordinary requests.

    Args:
        routes: The contract's paths.
        compiled: Its operations, by operationId.
        headers: What every answer carries.
        body_limit: The largest body that is taken, in bytes.
        director: Knows what is to be done with requests besides.
        observe: Called for every request with the status it got.
        journal: Where requests are noted.

    Attributes:
        taken: How many requests the lane has answered.
    """

    def __init__(
        self,
        *,
        routes: Routes,
        compiled: Mapping[str, CompiledOperation],
        headers: RawHeaders,
        body_limit: int,
        director: Director,
        observe: Observe | None,
        journal: Journal,
    ) -> None:
        self.taken = 0
        self._director = director
        self._limit = director.limit
        self._journal = journal
        self._routes = routes
        self._headers = headers
        self._writer = AnswerWriter(headers)
        self._body_limit = body_limit
        self._observe = observe
        self._concrete: dict[tuple[str, str], _Lane] = {}
        self._templated: dict[tuple[str, str], _Lane] = {}
        for route in routes.all:
            for method, operation in route.operations.items():
                lane = None if method in {"HEAD", "OPTIONS"} else _lay_out(compiled[operation.id])
                if lane is None:
                    continue
                if "{" in route.template:
                    self._templated[method, route.template] = lane
                elif _PLAIN_PATH.fullmatch(route.template):
                    self._concrete[method, route.template] = lane

    def answer_at_once(self, request: Request, server_headers: Sequence[tuple[bytes, bytes]]) -> bytes | None:
        """Answer a request, or leave it: then nothing has been done (None). See Application."""
        lane, path_values = self._find(request.method, request.path)
        if lane is None or not self._journal.is_at_hand:
            return None
        try:
            call = self._read(lane, path_values, request)
            if call is None or not self._director.leaves_alone(request, lane.operation, call.owner, call.checked.body):
                return None
            entry = self._journal.entry(lane.operation, request)
            reply = None if self._limit is None else self._refused(self._limit, lane, call)
            if reply is None:
                reply = lane.compiled.answer_at_once(call) or _run(lane.compiled.answer(call))
            answer = self._writer.write(reply, server_headers)
            self._journal.note(entry, reply)
            self._count(request, reply)
        except StateUnavailableError:  # The long way it is told.
            return None
        except Exception:  # noqa: BLE001 - whatever it is, the long way is not concerned
            _report(request)
            return None
        return answer

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> Receive | None:
        """Answer a request and return None; or leave it, and return what it is to be received from."""
        method, path = scope["method"], (scope.get("raw_path") or b"").decode("latin-1")
        lane, path_values = self._find(method, path)
        if lane is None:
            return receive
        messages = [await receive()]
        while messages[-1].get("more_body", False) and len(messages) < _MOST_PIECES:
            messages.append(await receive())
        receive = _again(messages, receive)
        body = b"".join([message.get("body", b"") for message in messages])
        last = messages[-1]
        if last["type"] != "http.request" or last.get("more_body", False) or (body and not lane.takes_body):
            return receive
        headers, query = tuple(scope["headers"]), scope.get("query_string", b"")
        request = Request(method, path, query, headers, body, False, scope.get("scheme", "http"), server_of(scope))
        try:
            call = self._read(lane, path_values, request)
            reply = None if call is None else await self._noted(lane, call, scope)
        except StateUnavailableError:  # The long way it is told.
            return receive
        except Exception:  # noqa: BLE001 - whatever it is, the long way is not concerned
            _report(request)
            return receive
        if reply is None:
            return receive
        answer_headers = [*reply.encoded_headers(), *self._headers]
        await send({"type": "http.response.start", "status": reply.status, "headers": answer_headers})
        await send({"type": "http.response.body", "body": reply.body})
        return None

    async def _noted(self, lane: _Lane, call: Call, scope: Scope) -> Reply | None:
        """Note a request and answer it; None where something is to be done with it besides."""
        namespace = namespace_of(call.owner)
        # The long way, where it comes to that, finds the request in the journal.
        hit = None if self._limit is None else self._limit.hit()
        scope[ENTRY] = entry = await self._journal.arrived(lane.operation, call.request, rules_of=namespace, hit=hit)
        refusal = None if self._limit is None or entry.wait is None else self._limit.refusal(entry.wait)
        if refusal is not None:
            reply = lane.compiled.limited(refusal, call.request)
        elif self._director.leaves_alone(call.request, lane.operation, call.owner, call.checked.body):
            reply = await lane.compiled.answer(call)
        else:
            return None
        entry.job = reply.job
        await self._journal.answered(entry, reply.status)
        self._count(call.request, reply)
        return reply

    def _refused(self, limit: Limit, lane: _Lane, call: Call) -> Reply | None:
        """Count a call in a state that is at hand: its answer where it is one too many, else None."""
        refusal = _run(limit.refuse(namespace_of(call.owner)))
        return None if refusal is None else lane.compiled.limited(refusal, call.request)

    def _count(self, request: Request, reply: Reply) -> None:
        self.taken += 1
        if self._observe is not None:
            self._observe(request, reply.status)

    def _find(self, method: str, path: str) -> tuple[_Lane | None, Mapping[str, str]]:
        """The lane of a path, and the values of the path's parameters."""
        lane = self._concrete.get((method, path))
        if lane is not None or not self._templated or not _PLAIN_PATH.fullmatch(path):
            return lane, _NO_VALUES
        match = self._routes.find(path)
        if match is None:
            return None, _NO_VALUES
        return self._templated.get((method, match.route.template)), match.values

    def _read(self, lane: _Lane, path_values: Mapping[str, str], request: Request) -> Call | None:
        """What a request asks for; None where anything about it leaves something to weigh, or is wrong."""
        head = lane.heads.read(request.raw_headers)
        parameters = None if head is None else lane.parameters(path_values, request.raw_query, head.values)
        if head is None or parameters is None:
            return None
        value = None
        if lane.takes_body:
            value = None if head.fits is None else self._value(request.body, head.fits)
            if value is None:
                return None
        # Headers that have been there before are kept once, however many requests the journal has.
        request.raw_headers, request.head_size = head.raw, head.size
        return Call(request, head.owner, Checked(parameters, value, []), NOTHING, None)

    def _value(self, body: bytes, fits: Fits) -> Any:
        """The value of a body; None where it is not one that fits (or is null)."""
        if len(body) > self._body_limit or may_be_magic(body):
            return None
        try:
            value = read_json(body)
        except BodyError:
            return None
        return value if fits(value) else None


@dataclass(frozen=True, slots=True)
class _Lane:
    """What one operation's ordinary request looks like.

    Attributes:
        compiled: The operation.
        operation: Its operationId.
        heads: What its headers say.
        takes_body: Whether it has a body.
        absent: The parameters, each without a value.
        required: Those that must have one.
        in_path: The rules for parameters in the path, by name.
        in_query: The same for the query.
    """

    compiled: CompiledOperation
    operation: str
    heads: Heads
    takes_body: bool
    absent: Mapping[Key, Any]
    required: tuple[Key, ...]
    in_path: Mapping[str, ParameterRule]
    in_query: Mapping[str, ParameterRule]

    def parameters(
        self, path_values: Mapping[str, str], query: bytes, in_headers: Mapping[Key, Any]
    ) -> dict[Key, Any] | None:
        """The values of the parameters; None where they leave anything to weigh or do not fit."""
        if query and not _PLAIN_QUERY.fullmatch(query):
            return None
        values = {**self.absent, **in_headers}
        for rule, text in self._sent(path_values, query):
            # Of a parameter that is sent twice it would have to be weighed which is meant.
            if rule is None or values[rule.key] is not None:
                return None
            value = values[rule.key] = rule.scalar(text)
            if value is None:
                return None
        for key in self.required:
            if values[key] is None:
                return None
        return values

    def _sent(self, path_values: Mapping[str, str], query: bytes) -> list[_Sent]:
        """The texts of the parameters in the URL, each with its rule; None where the lane knows no rule for it."""
        sent: list[_Sent] = []
        if query:
            for pair in query.decode().split("&"):
                name, _, text = pair.partition("=")
                sent.append((self.in_query.get(name), text))
        if path_values:
            sent += [(self.in_path.get(name), text) for name, text in path_values.items()]
        return sent


def _lay_out(compiled: CompiledOperation) -> _Lane | None:
    """The lane of an operation; None where no request for it is ordinary."""
    gate, rules = compiled.gate, compiled.rules
    if gate.lone_header is None and not gate.is_open:
        return None
    scalars = [rule for rule in rules.parameters if rule.is_scalar and rule.parameter.location != "cookie"]
    others = [rule for rule in rules.parameters if rule not in scalars]
    if any(rule.parameter.required for rule in others):
        return None

    # A parameter that is no scalar is seldom sent. Where it is, the request is not ordinary: its name in the query is
    # not one the lane knows, and its header is one of the unusual.
    def having(location: str, among: Sequence[ParameterRule] = scalars) -> dict[str, ParameterRule]:
        return {rule.parameter.name: rule for rule in among if rule.parameter.location == location}

    unusual = [*having("header", others), *(["cookie"] if having("cookie", others) else [])]
    return _Lane(
        compiled=compiled,
        operation=compiled.operation.id,
        heads=Heads(compiled, having("header"), unusual),
        takes_body=rules.takes_body,
        absent={rule.key: None for rule in rules.parameters},
        required=tuple(rule.key for rule in scalars if rule.parameter.required),
        in_path=having("path"),
        in_query=having("query"),
    )


def _run(coroutine: Coroutine[Any, Any, _Value]) -> _Value:
    """What comes of a coroutine that waits for nothing, as none does where all that is shared is at hand."""
    try:
        coroutine.send(None)
    except StopIteration as ended:
        value: _Value = ended.value
        return value
    coroutine.close()
    raise RuntimeError("what is shared is at hand, and yet was waited for")


def _report(request: Request) -> None:
    _log.exception("the fast lane failed, and left %s %s to the framework", request.method, request.path)


def _again(messages: Sequence[Message], receive: Receive) -> Receive:
    """What gives the messages that have been received once more, and then the rest."""
    unread = [*reversed(messages)]

    async def receive_again() -> Message:
        return unread.pop() if unread else await receive()

    return receive_again
