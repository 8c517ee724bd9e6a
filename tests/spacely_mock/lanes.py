"""Requests of every kind, sent through the fast lane and through the framework, and what came of them compared.

Half of them are handed over as ASGI has it, half as bytes to the HTTP protocol that the mock is served with, in one
piece or in several; some while rules are set, some with a rate limit, some with what is shared in Redis. Compared is
what was answered, what the journal has of it, and what was counted.

Run as ``python -m tests.spacely_mock.lanes --requests 50000`` for a large comparison.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import requests
import schemathesis
import uvicorn
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from tests.contract.generation import draw
from tests.spacely_mock.helpers import CONTRACT, GROWTH, texts_of
from tests.spacely_mock.redis_server import RedisServer, binary
from uvicorn.server import ServerState

from spacely_mock import ManualClock, create_app
from spacely_mock._protocol import make_protocol
from spacely_mock._redis import RedisState
from spacely_mock._sample import sample
from spacely_mock._state import EVERYONE, MemoryState, State, namespace_of
from spacely_spec import Answer, Operation, Spec, load

KEY = "sk-one"
BODY_LIMIT = 4096
Headers = list[tuple[bytes, bytes]]
Chance = random.Random


@dataclass(frozen=True)
class Raw:
    """A request as an HTTP server hands it to an application."""

    method: str
    path: bytes
    query: bytes
    headers: Headers
    chunks: list[bytes] = field(default_factory=lambda: [b""])

    def scope(self) -> dict[str, Any]:
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": self.method,
            "scheme": "http",
            "path": self.path.decode("latin-1"),
            "raw_path": self.path,
            "query_string": self.query,
            "root_path": "",
            "headers": list(self.headers),
            "client": ("127.0.0.1", 50000),
            "server": ("127.0.0.1", 4010),
        }

    def with_header(self, name: bytes, value: bytes) -> Raw:
        kept = [pair for pair in self.headers if pair[0].lower() != name]
        return replace(self, headers=[*kept, (name, value)])

    def with_body(self, body: bytes) -> Raw:
        return replace(self, chunks=[body]).with_header(b"content-length", str(len(body)).encode())

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)


Answered = tuple[int, list[tuple[bytes, bytes]], bytes] | None


async def exchange(app: Any, raw: Raw) -> Answered:
    """The answer of an application; None where it sends none."""
    chunks = iter(raw.chunks)
    last = len(raw.chunks) - 1
    position = -1
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        nonlocal position
        position += 1
        chunk = next(chunks, None)
        if chunk is None:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": chunk, "more_body": position < last}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(raw.scope(), receive, send)
    if not sent:
        return None
    return sent[0]["status"], list(sent[0]["headers"]), b"".join(message["body"] for message in sent[1:])


class Wire:
    """An application behind the protocol that the mock is served with, on a connection without a socket."""

    def __init__(self, app: Any) -> None:
        self._config = uvicorn.Config(
            app, http=make_protocol(30), ws="none", lifespan="off", log_config=None, log_level="critical"
        )
        self._config.load()
        self._server = ServerState()
        self._server.default_headers = [(b"date", b"Sun, 06 Nov 1994 08:49:37 GMT")]
        self._protocol: Any = None
        self._transport = _Transport()

    async def exchange(self, pieces: list[bytes]) -> bytes:
        """What is written in answer to some bytes; the connection is kept for the next where both sides keep it."""
        if self._protocol is None:
            self._transport = _Transport()
            self._protocol = self._config.http_protocol_class(  # type: ignore[call-arg] # as uvicorn calls it
                config=self._config, server_state=self._server, app_state={}, _loop=asyncio.get_running_loop()
            )
            self._transport.protocol = self._protocol
            self._protocol.connection_made(self._transport)
        transport, written = self._transport, len(self._transport.written)
        for piece in pieces:
            # The request before it may have made another protocol of it.
            transport.protocol.data_received(piece)
            await self._settle()
            if transport.closing:
                break
        answer = bytes(transport.written[written:])
        cycle = transport.protocol.cycle
        if transport.closing or self._server.tasks or (cycle is not None and not cycle.response_complete):
            answer += b"<closed>" if transport.closing else b"<waits>"
            transport.protocol.connection_lost(None)
            self._protocol = None
            await self._settle()
        return answer

    async def _settle(self) -> None:
        """Let the application answer, or come to where it waits for more."""
        await asyncio.sleep(0)  # What was answered at once is sent.
        for _ in range(200):
            await asyncio.sleep(0)
            if not self._server.tasks:
                return


class _Transport(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.written = bytearray()
        self.closing = False
        self.protocol: Any = None

    def write(self, data: Any) -> None:
        if not self.closing:
            self.written += data

    def close(self) -> None:
        self.closing = True

    def is_closing(self) -> bool:
        return self.closing

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"sockname": ("127.0.0.1", 4010), "peername": ("127.0.0.1", 50000)}.get(name, default)

    def get_protocol(self) -> Any:
        return self.protocol

    def set_protocol(self, protocol: Any) -> None:
        self.protocol = protocol

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None:
        """Nothing comes by itself."""

    def resume_reading(self) -> None:
        """Nothing comes by itself."""


def on_the_wire(raw: Raw, chance: Chance) -> list[bytes]:
    """A request as bytes, in one piece or in several."""
    target = raw.path + (b"?" + raw.query if raw.query else b"")
    head = b"%b %b HTTP/1.1\r\n" % (raw.method.encode(), target or b"/")
    headers = [(name, value) for name, value in raw.headers if b"\n" not in name + value]
    body = raw.body
    if len(raw.chunks) > 1:
        headers = [header for header in headers if header[0].lower() != b"content-length"]
        headers.append((b"transfer-encoding", b"chunked"))
        body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in raw.chunks if chunk) + b"0\r\n\r\n"
    head += b"".join(b"%b: %b\r\n" % header for header in headers) + b"\r\n"
    cut = chance.choice([None, None, None, len(head), chance.randrange(1, len(head + body))])
    return [head + body] if cut is None or not body[cut - len(head) :] else [(head + body)[:cut], (head + body)[cut:]]


# --- Requests as they should be ---------------------------------------------------------------------------------------


def ordinary(spec: Spec, operation: Operation, values: dict[str, Any]) -> Raw:
    """A valid request for an operation, made from the contract alone."""
    path, query, headers = spec.base_path + operation.path, [], [(b"host", b"mock.test:4010")]
    for scheme in operation.security[0] if operation.security else ():
        if scheme.location == "query":
            query.append(f"{scheme.name}={KEY}")
        else:
            headers.append((scheme.name.lower().encode(), (scheme.prefix + KEY).encode()))
    for parameter in operation.parameters:
        value = values.get(parameter.name, next(iter(parameter.examples.values()), None))
        if value is None and parameter.required:
            value = sample(parameter.schema, spec.components, "1")
        if value is None or isinstance(value, list):  # Nothing has to be sent, or what is no ordinary thing to send.
            continue
        [text] = texts_of(parameter, value)
        if parameter.location == "path":
            path = path.replace("{" + parameter.name + "}", text)
        elif parameter.location == "query":
            query.append(f"{parameter.name}={text}")
        else:
            headers.append((parameter.name.lower().encode(), text.encode()))
    raw = Raw(operation.method, path.encode(), "&".join(query).encode(), headers)
    if operation.body is None:
        return raw
    content = operation.body.content["application/json"]
    body = next(iter(content.examples.values()), None) or sample(content.schema or {}, spec.components, "1")
    return raw.with_header(b"content-type", b"application/json").with_body(json.dumps(body).encode())


@cache
def made_up(file: Path, count: int) -> list[Raw]:
    """Requests that Schemathesis makes up for each operation: as many valid as invalid ones, all with a good key."""
    spec = load(file)
    found: list[Raw] = []
    for result in schemathesis.openapi.from_path(str(file)).get_all_operations():
        operation = result.ok()
        schemes = spec.operation(operation.definition.raw["operationId"]).security[:1]
        keys = [scheme for alternative in schemes for scheme in alternative if scheme.location == "header"]
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            try:
                cases = draw(operation.as_strategy(generation_mode=mode), count, 1)
            except Unsatisfiable:  # There is no way to break an operation that takes nothing.
                continue
            for case in cases:
                raw = _raw(case, spec.base_path)
                for scheme in keys:
                    raw = raw.with_header(scheme.name.lower().encode(), (scheme.prefix + KEY).encode())
                found.append(raw)
    return found


_SENT = ("method", "url", "headers", "params", "json", "data", "cookies", "files")


def _raw(case: Any, base: str) -> Raw:
    arguments = case.as_transport_kwargs(base_url="http://mock.test:4010" + base)
    prepared = requests.Request(**{name: arguments[name] for name in _SENT if name in arguments}).prepare()
    url = urlsplit(prepared.url or "")
    body = prepared.body or b""
    headers = [
        (name.lower().encode("latin-1", "replace"), value if isinstance(value, bytes) else value.encode("utf-8"))
        for name, value in prepared.headers.items()
        if name.lower() not in {"accept-encoding", "connection", "user-agent", "accept"}
    ]
    raw = Raw(prepared.method or "GET", url.path.encode(), url.query.encode(), [(b"host", b"mock.test:4010"), *headers])
    return replace(raw, chunks=[body.encode() if isinstance(body, str) else body])


# --- Requests as they should not be, or only seldom are ---------------------------------------------------------------

_ODD_HEADERS = [
    (b"prefer", b"code=400"),
    (b"prefer", b"code=500, example=none"),
    (b"prefer", b"example=success"),
    (b"prefer", b"respond-async"),
    (b"x-mock-fault", b"status=503"),
    (b"x-mock-delay", b"0s"),
    (b"expect", b"100-continue"),
    (b"transfer-encoding", b"chunked"),
    (b"content-encoding", b"gzip"),
    (b"accept", b"text/html"),
    (b"accept", b"*/*"),
    (b"cookie", b"a=b; c=d"),
    (b"origin", b"https://page.example"),
    (b"access-control-request-method", b"POST"),
    (b"content-length", b"0"),
    (b"content-length", b"junk"),
    (b"host", b""),
    (b"host", b"a host/with?odd#things"),
    (b"host", b"[::1]:80"),
    (b"host", b"\xff\xfe"),
    (b"user-agent", b"\xc3\xa4\x00"),
    (b"x-unknown", b""),
    (b"upgrade", b"h2c"),
    (b"x-forwarded-proto", b"https"),
]
_CONTENT_TYPES = [
    b"",
    b"text/plain",
    b"application/json;charset=utf-8",
    b"application/json; charset=UTF-8",
    b'application/json; charset="utf-8"',
    b"application/json; charset=latin-1",
    b"Application/JSON",
    b" application/json",
    b"application/json ;charset=utf-8",
    b"application/json; charset=utf-8; charset=utf-16",
    b"application/json; boundary=x",
    b"application/problem+json",
    b"application/x-www-form-urlencoded",
    b"multipart/form-data; boundary=x",
    b"*/*",
    b"\xff",
]
_BODIES = [
    b"",
    b" ",
    b"null",
    b"[]",
    b"{}",
    b"0",
    b'"text"',
    b"{",
    b"\xff\xfe{}",
    b"\xef\xbb\xbf{}",
    b"[" * 150 + b"]" * 150,
    b"[" * 201 + b"]" * 201,
    b"[" * 2000 + b"]" * 2000,
    b'{"a":' * 300 + b"1" + b"}" * 300,
    b"1" * 4000,
    b'"' + b"a" * BODY_LIMIT + b'"',
    b'"' + b"a" * 3 * BODY_LIMIT + b'"',
]
# What may stand in an object beside what is there already; a closed object refuses it, an open one does not.
_MEMBERS = [
    b'"odd":NaN',
    b'"odd":-Infinity',
    b'"odd":1e999',
    b'"odd":1e308',
    b'"odd":123456789012345678901234567890',
    b'"odd":' + b"9" * 500,
    b'"odd":1,"odd":2',
    b'"odd":"\\ud800"',
    b'"\\udc00":1',
    b'"odd":"\\ud83d\\ude00"',
    b'"odd":"\\u0000"',
    b'"odd":"\xff"',
    b'"odd":"\xed\xa0\x80"',
    b'"odd":"\t"',
    b'"odd":[[[]]]',
    b'"odd":' + b"[" * 198 + b"]" * 198,
    b'"odd":' + b"[" * 199 + b"]" * 199,
    b'"odd":0x1',
    b'"odd":01',
    b"'odd':1",
    b'"odd":1,',
]
_QUERIES = [
    b"odd=1",
    b"odd",
    b"=",
    b"&",
    b"&&",
    b"%",
    b"%zz=1",
    b"a=%ff",
    b"a+b=c",
    b"x=1;y=2",
    b"\xff=\xfe",
    b"?",
    b"a[b]=c",
]
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "get", "post", "BREW"]
_ENDS = [b"/", b"//", b"/.", b"/..", b"%2f", b"%00", b"%ff", b"%", b";a=b", b" ", b"\xff", b"x", b"?a=b"]

Mutation = Callable[[Chance, Raw], Raw]


def _capital_header(chance: Chance, raw: Raw) -> Raw:
    return _changed_header(chance, raw, lambda name, value: (name.title(), value))


def _spaced_header(chance: Chance, raw: Raw) -> Raw:
    space = chance.choice([b" ", b"\t", b"  "])
    return _changed_header(chance, raw, lambda name, value: (name, chance.choice([space + value, value + space])))


def _emptied_header(chance: Chance, raw: Raw) -> Raw:
    return _changed_header(chance, raw, lambda name, _: (name, b""))


def _changed_header(chance: Chance, raw: Raw, change: Callable[[bytes, bytes], tuple[bytes, bytes]]) -> Raw:
    headers = list(raw.headers)
    index = chance.randrange(len(headers))
    headers[index] = change(*headers[index])
    return replace(raw, headers=headers)


def _repeated_header(chance: Chance, raw: Raw) -> Raw:
    name, value = chance.choice(raw.headers)
    other = chance.choice([value, b"other", b""])
    return replace(raw, headers=[*raw.headers, (chance.choice([name, name.upper()]), other)])


def _missing_header(chance: Chance, raw: Raw) -> Raw:
    headers = list(raw.headers)
    del headers[chance.randrange(len(headers))]
    return replace(raw, headers=headers or [(b"host", b"h")])


def _shuffled_headers(chance: Chance, raw: Raw) -> Raw:
    return replace(raw, headers=chance.sample(raw.headers, len(raw.headers)))


def _odd_header(chance: Chance, raw: Raw) -> Raw:
    return replace(raw, headers=[*raw.headers, chance.choice(_ODD_HEADERS)])


def _other_key(chance: Chance, raw: Raw) -> Raw:
    other = chance.choice([b"sk-two", b"nonsense", b"sk-\xff", b"sk-one ", b"SK-ONE", b""])
    return replace(raw, headers=[(name, value.replace(KEY.encode(), other)) for name, value in raw.headers])


def _content_type(chance: Chance, raw: Raw) -> Raw:
    return raw.with_header(b"content-type", chance.choice(_CONTENT_TYPES))


def _odd_path(chance: Chance, raw: Raw) -> Raw:
    path = raw.path
    match chance.randrange(4):
        case 0:
            path += chance.choice(_ENDS)
        case 1:
            index = chance.randrange(len(path))
            path = path[:index] + b"%%%02x" % path[index] + path[index + 1 :]
        case 2:
            path = path.replace(b"/", chance.choice([b"//", b"/./", b"%2F"]), chance.randrange(3))
        case _:
            path = path.swapcase()
    return replace(raw, path=path)


def _odd_query(chance: Chance, raw: Raw) -> Raw:
    query = raw.query
    match chance.randrange(5):
        case 0:
            query = query + b"&" + chance.choice(_QUERIES)
        case 1:
            query = chance.choice(_QUERIES)
        case 2:
            query = query + b"&" + query
        case 3 if query:
            index = chance.randrange(len(query))
            query = query[:index] + b"%%%02X" % query[index] + query[index + 1 :]
        case _:
            query = query.partition(b"&")[0]
    return replace(raw, query=query)


def _altered_value(chance: Chance, raw: Raw) -> Raw:
    """One character of the query or the path replaced: an id that is forged, a number that is none."""

    def alter(text: bytes) -> bytes:
        index = chance.randrange(len(text)) if text else 0
        return text[:index] + chance.choice([b"0", b"a", b"-", b"8", b"A", b""]) + text[index + 1 :]

    return replace(raw, query=alter(raw.query)) if raw.query else replace(raw, path=alter(raw.path))


def _other_method(chance: Chance, raw: Raw) -> Raw:
    return replace(raw, method=chance.choice(_METHODS))


def _other_body(chance: Chance, raw: Raw) -> Raw:
    return raw.with_body(chance.choice(_BODIES))


def _odd_member(chance: Chance, raw: Raw) -> Raw:
    body = raw.body.rstrip()
    if not body.endswith(b"}"):
        return raw
    separator = b"" if body == b"{}" else b","
    return raw.with_body(body[:-1] + separator + chance.choice(_MEMBERS) + b"}")


def _repeated_member(chance: Chance, raw: Raw) -> Raw:
    match = re.match(rb'\s*\{\s*("[^"\\]*"\s*:\s*"[^"\\]*")', raw.body)
    return raw.with_body(b"{" + match[1] + b"," + raw.body.strip()[1:]) if match else raw


def _spaced_body(chance: Chance, raw: Raw) -> Raw:
    space = chance.choice([b" ", b"\n", b"\t\r\n", b"\x00", b"\x0c", b"\xc2\xa0"])
    return raw.with_body(chance.choice([space + raw.body, raw.body + space, raw.body + b"," + space]))


def _cut_body(chance: Chance, raw: Raw) -> Raw:
    return raw.with_body(raw.body[: chance.randrange(len(raw.body) + 1)])


def _flipped_body(chance: Chance, raw: Raw) -> Raw:
    body = bytearray(raw.body or b"{}")
    body[chance.randrange(len(body))] = chance.randrange(256)
    return raw.with_body(bytes(body))


def _chunked_body(chance: Chance, raw: Raw) -> Raw:
    body = raw.body
    cuts = sorted(chance.randrange(len(body) + 1) for _ in range(chance.randrange(1, 4)))
    edges = [0, *cuts, len(body)]
    return replace(raw, chunks=[body[start:end] for start, end in pairwise(edges)])


MUTATIONS: tuple[Mutation, ...] = (
    _capital_header, _spaced_header, _emptied_header, _repeated_header, _missing_header, _shuffled_headers, _odd_header,
    _other_key, _content_type, _odd_path, _odd_query, _altered_value, _other_method, _other_body, _odd_member,
    _repeated_member, _spaced_body, _cut_body, _flipped_body, _chunked_body,
)  # fmt: skip


# --- Both lanes -------------------------------------------------------------------------------------------------------


@dataclass
class Comparison:
    """What came of it.

    Attributes:
        compared: How many requests were sent both ways.
        taken: How many of them the fast lane answered itself.
        statuses: How often each status was the answer.
        ruled: How many were sent while a rule was set.
        differences: The requests that were answered or noted differently, each with what came of it both ways.
    """

    compared: int = 0
    taken: int = 0
    ruled: int = 0
    statuses: Counter[int | None] = field(default_factory=Counter)
    differences: list[tuple[Any, Any, Any]] = field(default_factory=list)

    def __iadd__(self, other: Comparison) -> Self:
        self.compared += other.compared
        self.taken += other.taken
        self.ruled += other.ruled
        self.statuses += other.statuses
        self.differences += other.differences
        return self


class Lanes:
    """The same mock twice, once with the fast lane and once without, each with a state of its own."""

    def __init__(self, file: Path, states: tuple[State, State] | None = None, **options: Any) -> None:
        self.spec = load(file)
        self.clock = ManualClock(1_800_000_000.25)
        options = {"clock": self.clock, "seed": 1, "body_limit": BODY_LIMIT, "sleep": _no_sleep, **options}
        if file != CONTRACT:  # The keys of other contracts look different.
            options["api_keys"] = [KEY]
        self.states = states or (MemoryState(100), MemoryState(100))
        self.ruled: set[str] = set()
        self.fast: Any = create_app(self.spec, state=self.states[0], **options)
        self.slow: Any = create_app(self.spec, state=self.states[1], fast_lane=False, **options)
        self.wires = (Wire(self.fast), Wire(self.slow))
        self.ids: dict[str, list[str]] = {}
        self.result = Comparison()
        self._sent: list[list[bytes]] = []

    @property
    def taken(self) -> int:
        """How many requests the fast lane has answered itself."""
        return int(self.fast._lane.taken)

    async def send(self, raw: Raw, operation: Operation | None = None) -> Answered:
        """Send a request both ways and compare; the id of a job that it starts is kept for later polls."""
        before = self.taken
        short, long = await exchange(self.fast, raw), await exchange(self.slow, raw)
        await self._compare(raw, short, long, before)
        self.result.statuses[long[0] if long else None] += 1
        self._keep(operation, long)
        return long

    async def send_bytes(self, raw: Raw, chance: Chance, operation: Operation | None = None) -> None:
        """The same over HTTP/1.1."""
        before = self.taken
        pieces = self._again(chance) or on_the_wire(raw, chance)
        self._sent = [*self._sent[-5:], pieces]
        short, long = [await wire.exchange(pieces) for wire in self.wires]
        await self._compare(pieces, short, long, before)
        status = re.match(rb"HTTP/1.1 ([0-9]{3})", long)
        self.result.statuses[int(status[1]) if status else None] += 1
        head, _, body = long.partition(b"\r\n\r\n")
        if status and status[1] == b"200":
            headers = [line.partition(b": ")[::2] for line in head.split(b"\r\n")[1:]]
            self._keep(operation, (200, headers, body.removesuffix(b"<closed>")))

    def _again(self, chance: Chance) -> list[bytes] | None:
        """One of the latest requests once more, since its head is known by then; perhaps with another end."""
        if not self._sent or chance.random() < 0.7:
            return None
        whole = b"".join(chance.choice(self._sent))
        return [chance.choice([whole, whole, whole[:-1] + b"!", whole + b"\r\n", whole * 2])]

    async def set_rules(self, namespace: str, rules: list[Any]) -> None:
        """Set rules both ways."""
        self.ruled = self.ruled | {namespace} if rules else self.ruled - {namespace}
        for state in self.states:
            await state.set_rules(namespace, rules)

    async def reset(self, namespace: str) -> None:
        """Forget what there is of a namespace, both ways."""
        self.ruled -= {namespace}
        for state in self.states:
            await state.reset(namespace)

    async def close(self) -> None:
        """Let go of the stores."""
        for app in (self.fast, self.slow):
            await app._journal.close()

    def counted(self) -> list[list[Any]]:
        """What was counted, each way; how long answers took is another each time."""
        snapshots = (app._journal._metrics.snapshot() for app in (self.fast, self.slow))
        counts = [[row for row in each if row[0].endswith(("_total", "_count"))] for each in snapshots]
        return [sorted((row for row in each if not row[0].startswith("process_")), key=str) for each in counts]

    async def _compare(self, sent: Any, short: Any, long: Any, before: int) -> None:
        result = self.result
        result.compared += 1
        result.taken += self.taken - before
        result.ruled += bool(self.ruled)
        noted = [await _last_line(state) for state in self.states]
        if (short, noted[0]) != (long, noted[1]):
            result.differences.append((sent, (short, noted[0]), (long, noted[1])))

    def _keep(self, operation: Operation | None, answer: Answered) -> None:
        if operation is None or operation.polling is None or answer is None or answer[0] >= 300:
            return
        polling = operation.polling
        headers = {name.decode(): value.decode("latin-1") for name, value in answer[1]}
        ids = self.ids.setdefault(polling.target, [])
        with suppress(LookupError, ValueError):  # A rule may have made something else of the answer.
            body = json.loads(answer[2]) if answer[2] else None
            ids.append(str(polling.job_id.read(Answer(answer[0], headers, body))))
        del ids[:-20]

    def ordinary(self, operation: Operation, chance: Chance) -> Raw:
        """A valid request for an operation; where it is polled for jobs, for one of those that were started."""
        values: dict[str, Any] = {}
        for other in self.spec.operations:
            if other.polling is not None and other.polling.target == operation.id and self.ids.get(operation.id):
                values = {**other.polling.constants, other.polling.parameter: chance.choice(self.ids[operation.id])}
        return ordinary(self.spec, operation, values)


async def _last_line(state: State) -> dict[str, Any] | None:
    """The last line of a journal, but for how long the answer took, and the ids that Redis gives by its clock."""
    if not isinstance(state, MemoryState):
        lines = await state.lines()
        return {**lines[-1], "id": None, "seconds": None} if lines else None
    if not state._lines:
        return None
    line = state._lines[-1]
    return {"id": line.id, **line.arrival(), **line.outcome(), "seconds": None}


async def _no_sleep(_: float) -> None:
    """Nothing is waited for."""


def rules_for(spec: Spec, chance: Chance) -> list[Any]:
    """A few rules, some of which concern an operation, and some none."""
    operation = chance.choice(spec.operations)
    whens = [
        {},
        {"operation": operation.id},
        {"method": operation.method, "path": "*" + operation.path.partition("{")[0] + "*"},
        {"path": "/nowhere/*"},
        {"namespace": "nobody"},
        {"headers": {"x-unknown": "*"}},
        {"query": {"odd": "*"}},
        {"body": {"$.*": "*a*"}},
        {"body": {"$.odd": 1}},
    ]
    thens = [{"status": 503}, {"delay": "1s"}, {"outcome": "pending"}, {"fault": "truncated"}, {"progress": "polls:1"}]
    often: list[dict[str, Any]] = [{}, {}, {"times": 2}, {"every": 3}, {"probability": 0.5}]
    return [
        {"id": f"r{number}", "when": chance.choice(whens), "then": chance.choice(thens), **chance.choice(often)}
        for number in range(chance.randrange(1, 4))
    ]


# What the mock is started with for how large a part of the requests.
_VARIANTS: tuple[tuple[float, dict[str, Any]], ...] = (
    (0.6, {}),
    (0.1, {"progress": "polls:2"}),
    (0.1, {"rate_limit": 3}),
    (0.1, {"rate_limit": 3, "rate_limit_block": True}),
    (0.1, {"rate_limit": 5, "progress": "polls:2"}),
)


async def compare(
    file: Path, count: int, *, seed: int = 0, variety: int = 12, most: int = 1000, store: str | None = None
) -> Comparison:
    """Send requests of every kind both ways.

    Args:
        file: The contract.
        count: How many.
        seed: What the choice depends on.
        variety: How many requests Schemathesis makes up for each operation, valid and invalid each.
        most: After how many differences it ends.
        store: The URL of a Redis without the number of a database; by default, all is kept in memory.
    """
    result = Comparison()
    for number, (part, options) in enumerate(_VARIANTS):
        states = None if store is None else (RedisState(f"{store}/1", 10), RedisState(f"{store}/2", 10))
        lanes = Lanes(file, states, **options)
        await _compare(lanes, made_up(file, variety), int(count * part), random.Random(f"{seed} {number}"), most)
        fast, slow = lanes.counted()
        for state in lanes.states:
            await state.reset(None)
        await lanes.close()
        if fast != slow:
            lanes.result.differences.append(("what was counted", fast, slow))
        result += lanes.result
    return result


async def _compare(lanes: Lanes, strange: list[Raw], count: int, chance: Chance, most: int) -> None:
    for number in range(count):
        if len(lanes.result.differences) >= most:
            return
        if chance.random() < 0.02:
            namespace = chance.choice([EVERYONE, namespace_of(KEY), namespace_of("sk-two")])
            await lanes.set_rules(namespace, chance.choice([*[[]] * 6, rules_for(lanes.spec, chance)]))
        if chance.random() < 0.02:
            await lanes.reset(namespace_of(chance.choice([KEY, "sk-two", ""])))
        operation = None
        if number < len(strange):
            raw = strange[number]
        else:
            operation = chance.choice(lanes.spec.operations)
            raw = chance.choice(strange) if chance.random() < 0.2 else lanes.ordinary(operation, chance)
            for _ in range(chance.choice([0, 1, 1, 1, 2, 3])):
                raw = chance.choice(MUTATIONS)(chance, raw)
            operation = operation if raw.path.endswith(operation.path.encode()) else None
        # With a store, the protocol has no short cut, and how long it takes is not told by turns of the event loop.
        if chance.random() < 0.5 or lanes.states[0].shared:
            await lanes.send(raw, operation)
        else:
            await lanes.send_bytes(raw, chance, operation)
        lanes.clock.advance(chance.choice([0, 0, 0.001, 0.3, 1]))


def main(arguments: list[str] | None = None) -> int:
    """Compare on a large scale and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=50_000, help="how many, over all contracts (default: 50000)")
    parser.add_argument("--seed", type=int, default=0, help="what the choice of requests depends on (default: 0)")
    options = parser.parse_args(arguments)
    each = options.requests // len(FILES)
    differences = sum(_told(file, each, options.seed) for file in FILES)
    if binary() is None:
        sys.stdout.write("nothing was compared with Redis: there is no redis-server here\n")
    else:
        with RedisServer() as redis:
            differences += sum(_told(file, each // 4, options.seed, redis.url.rpartition("/")[0]) for file in FILES)
    return 1 if differences else 0


FILES = (CONTRACT, *GROWTH)


def _told(file: Path, count: int, seed: int, store: str | None = None) -> int:
    """Compare, and print what came of it; the number of differences."""
    start = time.monotonic()
    result = asyncio.run(compare(file, count, seed=seed, variety=5 if store else 100, store=store))
    share = f"{result.taken} by the fast lane, {result.ruled} under rules, {len(result.differences)} differ"
    statuses = ", ".join(f"{status or 'none'}: {count}" for status, count in sorted(result.statuses.items(), key=str))
    name = file.stem + (", in Redis" if store else "")
    sys.stdout.write(f"{name}: {result.compared} requests, {share} ({statuses}; {time.monotonic() - start:.0f} s)\n")
    for sent, short, long in result.differences[:5]:
        sys.stdout.write(f"  {sent}\n    fast lane: {short}\n    framework: {long}\n")
    return len(result.differences)


if __name__ == "__main__":
    sys.exit(main())
