"""The fast lane: the short way to an operation for the ordinary request, laid out from the contract at the start.

The lane takes a request only if nothing about it leaves anything to weigh and all of it is valid. It then hands the
values to the same ``CompiledOperation.answer`` that every other request reaches by way of the framework, so there is
one place where answers are made. Whatever is unusual or wrong it leaves to the framework, as if it had not looked.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from starlette.types import Message, Receive, Scope, Send

from spacely_spec import SecurityScheme

from ._asking import HEADER_PREFIX, may_be_magic
from ._bodies import BodyError, read_json
from ._directives import NOTHING
from ._director import Director
from ._http import ENTRY, Observe, RawHeaders, Reply, Request, server_of
from ._journal import Journal
from ._limits import Limit
from ._operations import Call, CompiledOperation
from ._parameters import ParameterRule
from ._requests import Checked, Fits, RequestRules
from ._routes import Routes
from ._state import StateUnavailableError, namespace_of
from ._wire import AnswerWriter

# Bytes that stand for themselves in a path and in a query, so that there is nothing to decode.
_PLAIN_PATH = re.compile(r"[A-Za-z0-9._~/-]+")
_PLAIN_QUERY = re.compile(rb"[A-Za-z0-9._~-]+=[A-Za-z0-9._~-]*(?:&[A-Za-z0-9._~-]+=[A-Za-z0-9._~-]*)*")
# Headers that ask for something, say that a body is not simply what follows, or tell of a gateway in front.
_UNUSUAL = frozenset({b"prefer", b"expect", b"transfer-encoding", b"content-encoding", b"x-forwarded-proto"})
_CONTENT_TYPES = ("{}", "{};charset=utf-8", "{}; charset=utf-8", "{}; charset=UTF-8")

_MOST_PIECES = 4  # An ordinary body comes in one piece, or in two with an empty one behind it.
_NO_VALUES: Mapping[str, str] = {}
_log = logging.getLogger("spacely_mock")

_Headers: TypeAlias = Mapping[bytes, bytes]
_Key: TypeAlias = tuple[str, str]  # Location and name of a parameter.
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
        if last["type"] != "http.request" or last.get("more_body", False) or (body and lane.bodies is None):
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
        headers = dict(request.raw_headers)
        # Of a header that is sent twice, or in capitals, it would have to be weighed what it means.
        names = b"\n".join(headers)
        plain = len(headers) == len(request.raw_headers) and names.islower() and HEADER_PREFIX not in names
        if not plain or not lane.unusual.isdisjoint(headers):
            return None
        owner = lane.owner(headers)
        parameters = lane.parameters(path_values, request.raw_query, headers)
        if owner is None or parameters is None:
            return None
        value = None
        if lane.bodies is not None:
            fits = lane.bodies.get(headers.get(b"content-type", b""))
            value = None if fits is None else self._value(request.body, fits)
            if value is None:
                return None
        return Call(request, owner, Checked(parameters, value, []), NOTHING, None)

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
        scheme: The one key that is needed, sent in a header; None where anyone may call.
        key_header: That header.
        unusual: Headers that no ordinary request has.
        absent: The parameters, each without a value.
        required: Those that must have one.
        in_path: The rules for parameters in the path, by name.
        in_query: The same for the query.
        in_headers: The same for headers.
        bodies: What tells whether a body fits, by Content-Type; None where the operation takes no body.
    """

    compiled: CompiledOperation
    operation: str
    scheme: SecurityScheme | None
    key_header: bytes
    unusual: frozenset[bytes]
    absent: Mapping[_Key, Any]
    required: tuple[_Key, ...]
    in_path: Mapping[str, ParameterRule]
    in_query: Mapping[str, ParameterRule]
    in_headers: Mapping[bytes, ParameterRule]
    bodies: Mapping[bytes, Fits] | None

    def owner(self, headers: _Headers) -> str | None:
        """The namespace of the caller; None where the request may not pass."""
        if self.scheme is None:
            return ""
        value = headers.get(self.key_header)
        return None if value is None else self.compiled.gate.admit_alone(self.scheme, value.decode("latin-1"))

    def parameters(self, path_values: Mapping[str, str], query: bytes, headers: _Headers) -> dict[_Key, Any] | None:
        """The values of the parameters; None where they leave anything to weigh or do not fit."""
        if query and not _PLAIN_QUERY.fullmatch(query):
            return None
        values = {**self.absent}
        for rule, text in self._sent(path_values, query, headers):
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

    def _sent(self, path_values: Mapping[str, str], query: bytes, headers: _Headers) -> list[_Sent]:
        """The texts of the parameters that were sent, each with its rule; None where the lane knows no rule for it."""
        sent: list[_Sent] = []
        if query:
            for pair in query.decode().split("&"):
                name, _, text = pair.partition("=")
                sent.append((self.in_query.get(name), text))
        if path_values:
            sent += [(self.in_path.get(name), text) for name, text in path_values.items()]
        for header, rule in self.in_headers.items():
            if header in headers:
                sent.append((rule, headers[header].decode("latin-1")))
        return sent


def _lay_out(compiled: CompiledOperation) -> _Lane | None:
    """The lane of an operation; None where no request for it is ordinary."""
    gate, rules = compiled.gate, compiled.rules
    scheme = gate.lone_header
    if scheme is None and not gate.is_open:
        return None
    scalars = [rule for rule in rules.parameters if rule.is_scalar and rule.parameter.location != "cookie"]
    others = [rule for rule in rules.parameters if rule not in scalars]
    if any(rule.parameter.required for rule in others):
        return None
    # A parameter that is no scalar is seldom sent. Where it is, the request is not ordinary: its name in the query is
    # not one the lane knows, and its header is one of the unusual.
    unusual = {_encode(rule.parameter.name) for rule in others if rule.parameter.location == "header"}
    if any(rule.parameter.location == "cookie" for rule in others):
        unusual.add(b"cookie")
    if compiled.responses.weighs_accept:
        unusual.add(b"accept")
    if not rules.takes_body:
        unusual.add(b"content-length")

    def having(location: str) -> dict[str, ParameterRule]:
        return {rule.parameter.name: rule for rule in scalars if rule.parameter.location == location}

    return _Lane(
        compiled=compiled,
        operation=compiled.operation.id,
        scheme=scheme,
        key_header=_encode(scheme.name) if scheme else b"",
        unusual=_UNUSUAL | unusual,
        absent={rule.key: None for rule in rules.parameters},
        required=tuple(rule.key for rule in scalars if rule.parameter.required),
        in_path=having("path"),
        in_query=having("query"),
        in_headers={_encode(name): rule for name, rule in having("header").items()},
        bodies=dict(_bodies(rules)) if rules.takes_body else None,
    )


def _bodies(rules: RequestRules) -> Iterator[tuple[bytes, Fits]]:
    for name in rules.media_types:
        for written in _CONTENT_TYPES:
            content_type = written.format(name)
            fits = rules.json_validator(content_type)
            if fits is not None:
                yield content_type.encode("latin-1", "replace"), fits


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


def _encode(name: str) -> bytes:
    return name.lower().encode("latin-1", "replace")


def _again(messages: Sequence[Message], receive: Receive) -> Receive:
    """What gives the messages that have been received once more, and then the rest."""
    unread = [*reversed(messages)]

    async def receive_again() -> Message:
        return unread.pop() if unread else await receive()

    return receive_again
