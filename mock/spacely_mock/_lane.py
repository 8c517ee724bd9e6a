"""The fast lane: the short way to an operation for the ordinary request, laid out from the contract at the start.

The lane takes a request only if nothing about it leaves anything to weigh and all of it is valid. It then hands the
values to the same ``CompiledOperation.answer`` that every other request reaches by way of the framework, so there is
one place where answers are made. Whatever is unusual or wrong it leaves to the framework, as if it had not looked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from starlette.types import Message, Receive, Scope, Send

from spacely_spec import SecurityScheme

from ._asking import HEADER_PREFIX, may_be_magic
from ._bodies import BodyError, read_json
from ._directives import NOTHING
from ._http import ENTRY, Observe, Request, origin_of
from ._journal import Journal
from ._operations import Call, CompiledOperation
from ._parameters import ParameterRule
from ._requests import Checked, Fits, RequestRules
from ._routes import Routes

# Bytes that stand for themselves in a path and in a query, so that there is nothing to decode.
_PLAIN_PATH = re.compile(rb"[A-Za-z0-9._~/-]+")
_PLAIN_QUERY = re.compile(rb"[A-Za-z0-9._~-]+=[A-Za-z0-9._~-]*(?:&[A-Za-z0-9._~-]+=[A-Za-z0-9._~-]*)*")
# Headers that ask for something or say that a body is not simply what follows.
_UNUSUAL = frozenset({b"prefer", b"expect", b"transfer-encoding", b"content-encoding"})
_CONTENT_TYPES = ("{}", "{};charset=utf-8", "{}; charset=utf-8", "{}; charset=UTF-8")

_NO_BODY: Message = {}

_Headers: TypeAlias = Mapping[bytes, bytes]
_Key: TypeAlias = tuple[str, str]  # Location and name of a parameter.
_Sent: TypeAlias = tuple[ParameterRule | None, str]


class FastLane:
    """Answers ordinary requests.

    Args:
        routes: The contract's paths.
        compiled: Its operations, by operationId.
        headers: What every answer carries.
        body_limit: The largest body that is taken, in bytes.
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
        headers: tuple[tuple[bytes, bytes], ...],
        body_limit: int,
        observe: Observe | None,
        journal: Journal,
    ) -> None:
        self.taken = 0
        self._journal = journal
        self._routes = routes
        self._headers = headers
        self._body_limit = body_limit
        self._observe = observe
        self._concrete: dict[tuple[str, bytes], _Lane] = {}
        self._templated: dict[tuple[str, str], _Lane] = {}
        for route in routes.all:
            for method, operation in route.operations.items():
                lane = None if method in {"HEAD", "OPTIONS"} else _lay_out(compiled[operation.id])
                if lane is None:
                    continue
                if "{" in route.template:
                    self._templated[method, route.template] = lane
                elif _PLAIN_PATH.fullmatch(route.template.encode()):
                    self._concrete[method, route.template.encode()] = lane

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> Receive | None:
        """Answer a request and return None; or leave it, and return what it is to be received from."""
        path: bytes = scope.get("raw_path") or b""
        lane, path_values = self._find(scope["method"], path)
        raw_headers: tuple[tuple[bytes, bytes], ...] = () if lane is None else tuple(scope["headers"])
        headers = dict(raw_headers)
        # Of a header that is sent twice, or in capitals, it would have to be weighed what it means.
        names = b"\n".join(headers)
        plain = len(headers) == len(raw_headers) and names.islower() and HEADER_PREFIX not in names
        if lane is None or not plain or not lane.unusual.isdisjoint(headers) or not lane.compiled.director.at_rest:
            return receive
        query: bytes = scope.get("query_string", b"")
        owner = lane.owner(headers)
        parameters = lane.parameters(path_values, query, headers)
        if owner is None or parameters is None:
            return receive
        message, value = _NO_BODY, None
        if lane.bodies is not None:
            fits = lane.bodies.get(headers.get(b"content-type", b""))
            if fits is None:
                return receive
            message = await receive()
            receive = _again(message, receive)
            value = self._read(message, fits)
            if value is None:
                return receive
        origin = origin_of(scope, headers.get(b"host", b""))
        body: bytes = message.get("body", b"")
        request = Request(scope["method"], path.decode(), query, raw_headers, body, False, origin)
        # The long way, where it comes to that, finds the request in the journal.
        scope[ENTRY] = entry = await self._journal.arrived(lane.compiled.operation.id, request)
        try:
            reply = await lane.compiled.answer(Call(request, owner, Checked(parameters, value, []), NOTHING, None))
        except Exception:  # noqa: BLE001 - the long way it is raised again, and reported
            return receive
        entry.job = reply.job
        await self._journal.answered(entry, reply.status)
        self.taken += 1
        if self._observe is not None:
            self._observe(request, reply.status)
        answer_headers = [*reply.encoded_headers(), *self._headers]
        await send({"type": "http.response.start", "status": reply.status, "headers": answer_headers})
        await send({"type": "http.response.body", "body": reply.body})
        return None

    def _find(self, method: str, path: bytes) -> tuple[_Lane | None, Mapping[str, str]]:
        """The lane of a path, and the values of the path's parameters."""
        lane = self._concrete.get((method, path))
        if lane is not None or not self._templated or not _PLAIN_PATH.fullmatch(path):
            return lane, {}
        match = self._routes.find(path.decode())
        return (None, {}) if match is None else (self._templated.get((method, match.route.template)), match.values)

    def _read(self, message: Message, fits: Fits) -> Any:
        """The value of a body that came whole; None where it is not one that fits (or is null)."""
        body: bytes = message.get("body", b"")
        if message.get("more_body", False) or len(body) > self._body_limit or may_be_magic(body):
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
            values[rule.key] = rule.scalar(text)
            if values[rule.key] is None:
                return None
        return None if any(values[key] is None for key in self.required) else values

    def _sent(self, path_values: Mapping[str, str], query: bytes, headers: _Headers) -> list[_Sent]:
        """The texts of the parameters that were sent, each with its rule; None where the lane knows no rule for it."""
        sent: list[_Sent] = []
        if query:
            pairs = [pair.partition("=") for pair in query.decode().split("&")]
            sent += [(self.in_query.get(name), text) for name, _, text in pairs]
        if path_values:
            sent += [(self.in_path.get(name), text) for name, text in path_values.items()]
        for name in self.in_headers.keys() & headers.keys():
            sent.append((self.in_headers[name], headers[name].decode("latin-1")))
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


def _encode(name: str) -> bytes:
    return name.lower().encode("latin-1", "replace")


def _again(message: Message, receive: Receive) -> Receive:
    """What gives a message that has been received once more, and then the rest."""
    unread = [message]

    async def receive_again() -> Message:
        return unread.pop() if unread else await receive()

    return receive_again
