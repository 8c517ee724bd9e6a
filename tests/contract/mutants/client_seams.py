"""How faults of a client are written: functions of a site that give what changes a class of the client."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import itertools
import json
from collections.abc import Callable
from typing import Any

import httpx
from tests.contract.clients import ERRORS, Prepare
from tests.contract.mutants.model import Registry
from tests.contract.mutants.site import Site
from tests.contract.seams import Line

client = Registry("client")

Outward = Callable[[httpx.Request], httpx.Request]
Inward = Callable[[httpx.Request, httpx.Response], httpx.Response]


def nothing(client: type[Any]) -> type[Any]:
    """No fault."""
    return client


def on_the_line(outward: Outward = lambda request: request, inward: Inward = lambda _, response: response) -> Prepare:
    """A client whose requests and answers are changed between it and its transport."""

    def prepare(client: type[Any]) -> type[Any]:
        class Faulty(client):  # type: ignore[misc]  # the class is known only here
            def __init__(self, *, transport: Any, **options: Any) -> None:
                super().__init__(transport=Line(transport, outward, inward), **options)

        return _named(Faulty, client)

    return prepare


def on_bodies(change: Callable[[dict[str, Any]], Any]) -> Prepare:
    """A client that sends every JSON object changed."""

    def outward(request: httpx.Request) -> httpx.Request:
        return (
            with_body(request, json.dumps(change(json.loads(request.content))).encode()) if request.content else request
        )

    return on_the_line(outward)


def on_texts(change: Callable[[str], str]) -> Prepare:
    """A client that sends every text of a JSON object changed."""
    return on_bodies(lambda body: {name: change(v) if isinstance(v, str) else v for name, v in body.items()})


def on_answers(change: Callable[[Any], Any]) -> Prepare:
    """A client that gets every JSON object of an answer of success changed."""

    def inward(_: httpx.Request, response: httpx.Response) -> httpx.Response:
        if not response.is_success or not hasattr(response, "_content"):
            return response  # A file is on its way.
        try:
            value = json.loads(response.content)
        except (ValueError, RecursionError):
            return response
        if not isinstance(value, dict):
            return response
        headers = {"content-type": response.headers.get("content-type", "")}
        return httpx.Response(response.status_code, headers=headers, content=json.dumps(change(value)).encode())

    return on_the_line(inward=inward)


def on_values(change: Callable[[Any], Any]) -> Prepare:
    """A client that gets every value within the answers of success changed, the innermost first."""

    def deep(value: Any) -> Any:
        if isinstance(value, dict):
            value = {name: deep(each) for name, each in value.items()}
        elif isinstance(value, list):
            value = [deep(each) for each in value]
        return change(value)

    return on_answers(deep)


def with_operations(change: Callable[[Any], Any]) -> Prepare:
    """A client that was told something else of the operations."""

    def prepare(client: type[Any]) -> type[Any]:
        operations = {name: change(operation) for name, operation in client.operations.items()}
        return _named(type(client.__name__, (client,), {"operations": operations}), client)

    return prepare


def with_submit(site: Site, change: Callable[[Any], Any]) -> Prepare:
    """A client that was told something else of the submit."""
    return with_operations(lambda operation: change(operation) if operation.id == site.submit.id else operation)


def with_polling(site: Site, change: Callable[[Any], Any]) -> Prepare:
    """A client that was told something else of the Link."""
    return with_submit(site, lambda operation: dataclasses.replace(operation, polling=change(operation.polling)))


def around_send(handle: Callable[[Any, Callable[[], Any]], Any]) -> Prepare:
    """A client that deals with what goes wrong in its own way: ``handle`` gets the client and what makes the call."""

    def prepare(client: type[Any]) -> type[Any]:
        if inspect.iscoroutinefunction(client._send):

            class Asynchronous(client):  # type: ignore[misc]  # the class is known only here
                async def _send(self, *arguments: Any) -> Any:
                    try:
                        result, error = await super()._send(*arguments), None
                    except Exception as raised:  # noqa: BLE001 - to be raised again by replay
                        result, error = None, raised
                    return handle(self, lambda: _replay(result, error))

            return _named(Asynchronous, client)

        class Synchronous(client):  # type: ignore[misc]  # the class is known only here
            def _send(self, *arguments: Any) -> Any:
                return handle(self, lambda: super(Synchronous, self)._send(*arguments))

        return _named(Synchronous, client)

    return prepare


def crashing_on_the_line(inward: Inward) -> Prepare:
    """A client that an answer crashes: it makes no error of its own of the ValueError that is raised there."""

    def instead(_: Any, error: Any) -> Any:
        return error.__cause__ if isinstance(error.__cause__, ValueError) else error

    return lambda client: on_error("ClientError", instead)(on_the_line(inward=inward)(client))


def errors() -> Any:
    """The errors of the client under test, which may be another package by the time that a fault is put in."""
    return importlib.import_module(ERRORS)


def on_error(kind: str, instead: Callable[[Any, Any], Exception | None]) -> Prepare:
    """A client that makes something else of its errors of a kind.

    ``instead`` gets the client and the error; it says what is raised, or None where nothing is and the call gives
    nothing.
    """

    def handle(client: Any, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except getattr(errors(), kind) as error:
            other = instead(client, error)
            if other is None:
                return None, None
            if other is error:
                raise
            raise other from (other.__cause__ or error)

    return around_send(handle)


def with_retries(change: Callable[[Any, Any, Any], None]) -> Prepare:
    """A client that makes calls again as it sees fit.

    ``change`` gets the operation, the id of the job if the call is a poll of one, and what decides, to change it. What
    makes each call once anyway, because it was told to, is left alone.
    """

    def retries(self: Any, original: Any, operation: Any, request: Any, job_id: Any) -> Any:
        decider = original(operation, request, job_id)
        if self._max_retries:
            change(operation, job_id, decider)
        return decider

    return overriding(_retries=retries)


def retrying(decide: Callable[[Any, int], float | None]) -> Prepare:
    """A client that makes a call, other than a poll of a wait, again after so many seconds, or not at all at None.

    ``decide`` gets the error and the retries so far.
    """

    def change(_: Any, job_id: Any, decider: Any) -> None:
        if job_id is None:
            made = itertools.count()
            decider.pause = lambda error: decide(error, next(made))

    return with_retries(change)


def overriding(**methods: Callable[..., Any]) -> Prepare:
    """A client with other methods; each gets the method that it stands in for, and then its arguments."""

    def prepare(client: type[Any]) -> type[Any]:
        def bound(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
            def call(self: Any, *arguments: Any, **named: Any) -> Any:
                return method(self, getattr(super(faulty, self), name), *arguments, **named)

            return call

        members = {name: bound(name, method) for name, method in methods.items()}
        faulty = _named(type(client.__name__, (client,), members), client)
        return faulty

    return prepare


def rebuilt(request: httpx.Request, **changes: Any) -> httpx.Request:
    """A request with other parts."""
    parts = {"method": request.method, "url": request.url, "headers": request.headers, "content": request.content}
    return httpx.Request(**{**parts, **changes}, extensions=request.extensions)


def with_body(request: httpx.Request, content: bytes) -> httpx.Request:
    """A request with another body."""
    headers = {name: value for name, value in request.headers.items() if name != "content-length"}
    return rebuilt(request, headers=headers, content=content)


def _replay(result: Any, error: Exception | None) -> Any:
    if error is not None:
        raise error
    return result


def _named(faulty: type[Any], client: type[Any]) -> type[Any]:
    faulty.__name__ = client.__name__
    return faulty
