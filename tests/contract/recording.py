"""What passes between the suite and its target, kept as it went over the wire: one record for each request."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import httpx
from schemathesis import Response
from schemathesis.core import SCHEMATHESIS_TEST_CASE_HEADER
from schemathesis.engine.recorder import Request

Headers: TypeAlias = tuple[tuple[str, str], ...]

# A label that Schemathesis makes up anew in each run, whatever the seed.
_LABEL = SCHEMATHESIS_TEST_CASE_HEADER.lower()


# No value at all, which JSON's null is one of.
NOTHING: Any = object()


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer as it came.

    Attributes:
        status: Its number.
        reason: The phrase that stands beside it.
        headers: As they came, names and values.
        body: The bytes of the body, decoded where they were compressed.
    """

    status: int
    reason: str
    headers: Headers
    body: bytes

    def header(self, name: str) -> str | None:
        """The value of a header, its name in any case; None where there is none."""
        return _find(self.headers, name)


@dataclass(frozen=True, slots=True)
class Message:
    """A request as it was sent, with its answer.

    Attributes:
        method: In upper case.
        url: The whole of it.
        headers: As they were sent, names and values.
        body: The bytes of the body.
        answer: What came back; None where nothing did.
        started: When it was sent, in seconds since the Unix epoch.
        seconds: How long the answer took.
    """

    method: str
    url: str
    headers: Headers
    body: bytes
    answer: Answered | None
    started: float
    seconds: float

    def header(self, name: str) -> str | None:
        """The value of a header, its name in any case; None where there is none."""
        return _find(self.headers, name)


@dataclass(frozen=True, slots=True)
class Record:
    """One request of a run: its number there, counted from 1, what it was sent for, and what was said."""

    number: int
    phase: str
    operation: str
    message: Message


@dataclass(frozen=True, slots=True)
class Input:
    """What an operation was asked with, as values: parameters by location and name, and the body if there is one.

    Attributes:
        operation: The operationId.
        parameters: The values that were given.
        body: The value of the body; NOTHING where there is none, or it is none that the media type allows.
        media_type: The media type of the body; empty where there is none.
    """

    operation: str
    parameters: Mapping[Any, Any]
    body: Any = NOTHING
    media_type: str = ""


def of_schemathesis(request: Request, response: Response | None, ended: float) -> Message:
    """A request that Schemathesis sent, with its answer, which came at a moment since the Unix epoch."""
    answer, seconds = None, 0.0
    if response is not None:
        answer = Answered(response.status_code, response.message, _flat(response.headers), response.content)
        seconds = response.elapsed
    headers = tuple((name, value) for name, value in _flat(request.headers) if name.lower() != _LABEL)
    return Message(request.method, request.uri, headers, request.body or b"", answer, ended - seconds, seconds)


def of_httpx(request: httpx.Request, response: httpx.Response | None, started: float, seconds: float) -> Message:
    """A request of httpx, with its answer."""
    answer = None
    if response is not None:
        headers = _headers(response.headers.multi_items())
        answer = Answered(response.status_code, response.reason_phrase, headers, _read(response))
    return Message(
        request.method, str(request.url), _headers(request.headers.multi_items()), _read(request), answer, started,
        seconds,
    )  # fmt: skip


def _read(message: httpx.Request | httpx.Response) -> bytes:
    """A body that is there; one that is still to come is left to whoever waits for it."""
    try:
        return message.content
    except (httpx.RequestNotRead, httpx.ResponseNotRead):
        return b""


def _flat(headers: Mapping[str, Sequence[str]]) -> Headers:
    return _headers((name, value) for name, values in headers.items() for value in values)


def _headers(items: Iterable[tuple[Any, Any]]) -> Headers:
    return tuple((_text(name), _text(value)) for name, value in items)


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _find(headers: Headers, wanted: str) -> str | None:
    return next((value for name, value in headers if name.lower() == wanted.lower()), None)
