"""Answers as they came, beside what they were parsed into."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, TypeVar, cast

from .types import UNSET

if TYPE_CHECKING:
    from ._operation import Answer, Operation
    from .types import HttpResponse

T = TypeVar("T")
P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class RawResponse(Generic[T]):
    """An answer of success as it came.

    Attributes:
        status_code: Its status.
        headers: Its headers; names in any case.
        content: Its body.
        elapsed: Seconds from sending the request to having read the answer; of the last attempt, where there were more.
        parsed: What the method returns otherwise; for a submit, the job.
    """

    status_code: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)
    elapsed: float
    parsed: T


@dataclass(frozen=True, slots=True)
class RawCalls:
    """What a method of a client calls in place of the client, to return the answer as it came.

    Attributes:
        send: Makes a call: operation, arguments, body; gives the parsed answer and the answer, or an awaitable of them.
        started: Makes the job that an answer says was started: the method's name, the parsed answer, the answer.
        operations: The operations, by the name of their method.
    """

    send: Callable[[Operation, Mapping[str, Any], Any], Any]
    started: Callable[[str, Any, Answer], Any]
    operations: Mapping[str, Operation]

    def _call(self, name: str, arguments: Mapping[str, Any], body: Any = UNSET) -> Any:
        return self._answer(name, arguments, body, lambda parsed, _: parsed)

    def _submit(self, name: str, arguments: Mapping[str, Any], body: Any = UNSET) -> Any:
        return self._answer(name, arguments, body, lambda parsed, answer: self.started(name, parsed, answer))

    def _answer(self, name: str, arguments: Mapping[str, Any], body: Any, parse: Callable[[Any, Answer], Any]) -> Any:
        sent = self.send(self.operations[name], arguments, body)
        if not inspect.isawaitable(sent):
            return _raw(sent, parse)

        async def answer() -> Any:
            return _raw(await sent, parse)

        return answer()


def returning_raw(method: Callable[Concatenate[Any, P], T], calls: RawCalls) -> Callable[P, RawResponse[T]]:
    """A method of a synchronous client that returns the answer as it came."""
    return functools.wraps(method)(cast("Callable[P, RawResponse[T]]", functools.partial(method, calls)))


def returning_raw_async(
    method: Callable[Concatenate[Any, P], Coroutine[Any, Any, T]], calls: RawCalls
) -> Callable[P, Coroutine[Any, Any, RawResponse[T]]]:
    """A method of an asynchronous client that returns the answer as it came."""
    raw = cast("Callable[P, Coroutine[Any, Any, RawResponse[T]]]", functools.partial(method, calls))
    return functools.wraps(method)(raw)


def _raw(sent: tuple[Any, Answer], parse: Callable[[Any, Answer], Any]) -> RawResponse[Any]:
    parsed, answer = sent
    response = cast("HttpResponse", answer.response)
    return RawResponse(response.status_code, response.headers, response.content, answer.elapsed, parse(parsed, answer))
