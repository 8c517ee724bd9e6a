"""A small API of two operations, made by hand: the runtime knows none but what it is told."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import httpx

from spacely_runtime import (
    AsyncClient,
    AsyncJob,
    Hook,
    Job,
    Key,
    Operation,
    Polling,
    RateLimit,
    RawCalls,
    Reply,
    SyncClient,
    Validator,
    WaitEvent,
    returning_raw,
    returning_raw_async,
)

KEY = "sk-secret-of-the-tests-0123456"
Handler = Callable[[httpx.Request], httpx.Response]


def _encode_start(arguments: Any, body: Any) -> dict[str, Any]:
    return {"method": "post", "url": "/start", "json": body}


def _encode_look(arguments: Any, body: Any) -> dict[str, Any]:
    return {"method": "get", "url": f"/look/{arguments['ticket']}"}


def _json(body: Any) -> Any:
    return body


START = Operation(
    id="startThing",
    method="POST",
    path="/start",
    summary="Start a thing",
    encode=_encode_start,
    body=Validator(
        {
            "type": "object",
            "required": ["photo"],
            "properties": {"photo": {"type": "string", "format": "uri"}, "size": {"type": "integer", "minimum": 1}},
        },
        formats=True,
    ),
    body_required=True,
    body_names={"photo": "photo_url", "size": "size"},
    replies={
        "200": Reply(
            Validator({"type": "object", "required": ["ticket"], "properties": {"ticket": {"type": "string"}}}, False),
            _json,
        )
    },
    statuses=frozenset({"200", "400", "500"}),
    keys=(Key("header", "X-Key"),),
    polling=Polling(
        target="look",
        parameter="ticket",
        constants={},
        read_id=lambda answer: answer.at("/ticket"),
        parse_id=str,
        succeeded=lambda answer: answer.at("/state") == "done",
        failed=lambda answer: answer.at("/state") == "broken",
        result=lambda answer: answer.at("/files"),
        delay_seconds=5,
        interval_seconds=2,
        timeout_seconds=60,
    ),
)
LOOK = Operation(
    id="lookAt",
    method="GET",
    path="/look/{ticket}",
    summary="Look at a thing",
    encode=_encode_look,
    parameters={"ticket": Validator({"type": "string"}, formats=True)},
    path_parameters=frozenset({"ticket"}),
    required=frozenset({"ticket"}),
    replies={
        "200": Reply(
            Validator({"type": "object", "required": ["state"], "properties": {"state": {"type": "string"}}}, False),
            _json,
        )
    },
    statuses=frozenset({"200", "400", "404"}),
    keys=(Key("header", "X-Key"),),
)


class Things(SyncClient):
    """The synchronous client of the small API."""

    operations = {"start": START, "look": LOOK}
    _default_base_url = "https://things.test/v1"
    _environment_prefix = "THINGS"
    _contract_rate_limit = RateLimit(100, 1.0)

    def start(self, /, **body: Any) -> Job[Any]:
        return self._submit("start", {}, {"photo": body.pop("photo_url", "https://x.test/1.jpg"), **body})

    def look(self, ticket: str) -> Any:
        return self._call("look", {"ticket": ticket})

    def job(self, operation: str, job_id: str) -> Job[Any]:
        return self._resume(operation, job_id)

    @property
    def with_raw_response(self) -> ThingsWithRawResponse:
        return ThingsWithRawResponse(self._raw_calls())


class ThingsWithRawResponse:
    """The operations of the synchronous client, with the answers as they came."""

    def __init__(self, calls: RawCalls) -> None:
        self.start = returning_raw(Things.start, calls)
        self.look = returning_raw(Things.look, calls)


class AsyncThings(AsyncClient):
    """The asynchronous client of the small API."""

    operations = Things.operations
    _default_base_url = "https://things.test/v1"
    _environment_prefix = "THINGS"
    _contract_rate_limit = RateLimit(100, 1.0)

    async def start(self, /, **body: Any) -> AsyncJob[Any]:
        return await self._submit("start", {}, {"photo": body.pop("photo_url", "https://x.test/1.jpg"), **body})

    async def look(self, ticket: str) -> Any:
        return await self._call("look", {"ticket": ticket})

    @property
    def with_raw_response(self) -> AsyncThingsWithRawResponse:
        return AsyncThingsWithRawResponse(self._raw_calls())


class AsyncThingsWithRawResponse:
    """The operations of the asynchronous client, with the answers as they came."""

    def __init__(self, calls: RawCalls) -> None:
        self.start = returning_raw_async(AsyncThings.start, calls)
        self.look = returning_raw_async(AsyncThings.look, calls)


class Clock:
    """A clock that moves when somebody waits, and not otherwise."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        if seconds > 0:
            self.pauses.append(seconds)
            self.now += seconds

    async def sleep_async(self, seconds: float) -> None:
        self.sleep(seconds)


class Server:
    """Answers requests from a script and remembers them."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    def client(self, **options: Any) -> Things:
        return Things(**{"api_key": KEY, "transport": httpx.MockTransport(self), **options})

    def async_client(self, **options: Any) -> AsyncThings:
        return AsyncThings(**{"api_key": KEY, "transport": httpx.MockTransport(self), **options})


def answer(status: int = 200, body: Any = None, **headers: str) -> httpx.Response:
    content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    return httpx.Response(
        status, headers={name.replace("_", "-"): value for name, value in headers.items()}, content=content
    )


STARTED = answer(body={"ticket": "t-1"})
RUNNING = answer(body={"state": "running"})
DONE = answer(body={"state": "done", "files": ["https://files.test/a/one.png?sig=1", "https://files.test/two.png"]})
BROKEN = answer(body={"state": "broken"})


class Spans(Hook):
    """Keeps what it is told, in order, and when what it was told of ends."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    @contextmanager
    def span(self, event: Any) -> Generator[None]:
        self.told.append(event)
        try:
            yield
        except BaseException as error:
            self.told.append(("left with", type(error)))
            raise
        self.told.append("left")

    def on_wait(self, event: WaitEvent) -> Any:
        return self.span(event)

    @property
    def kinds(self) -> list[Any]:
        return [each if isinstance(each, (str, tuple)) else type(each).__name__ for each in self.told]
