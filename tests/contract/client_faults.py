"""Faults of the client of this API, each with the checks that must report it; applied to a subclass of the client."""

from __future__ import annotations

import dataclasses
import inspect
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import httpx

from spacely_client import errors

from .client_answers import check_broken_answers, check_statuses, check_transport, check_valid_answers
from .client_jobs import check_waits
from .client_requests import check_refusals, check_requests
from .clients import Prepare
from .gate import ClientPart, Options
from .seams import Line

QUICK = Options(examples=5)
POLL = "/generate/poll-result"

MakeFault: TypeAlias = Callable[[], Prepare]


@dataclass(frozen=True)
class Case:
    """A fault, and what must come of it."""

    fault: MakeFault
    checks: frozenset[str]
    parts: tuple[ClientPart, ...]


CASES: dict[str, Case] = {}


def seeded(*checks: str, by: Sequence[ClientPart]) -> Callable[[MakeFault], MakeFault]:
    """Put a fault into the table: the checks that must report it, and the parts of the run that make them."""

    def register(fault: MakeFault) -> MakeFault:
        CASES[fault.__name__.replace("_", " ")] = Case(fault, frozenset(checks), tuple(by))
        return fault

    return register


# --- Seams -------------------------------------------------------------------------------------------------------


def on_the_line(
    outward: Callable[[httpx.Request], httpx.Request] = lambda request: request,
    inward: Callable[[httpx.Request, httpx.Response], httpx.Response] = lambda _, response: response,
) -> Prepare:
    """A client whose requests and answers are changed between it and its transport."""

    def prepare(client: type[Any]) -> type[Any]:
        class Faulty(client):  # type: ignore[misc]  # the class is known only here
            def __init__(self, *, transport: Any, **options: Any) -> None:
                super().__init__(transport=Line(transport, outward, inward), **options)

        return Faulty

    return prepare


def on_answers(change: Callable[[Any], Any]) -> Prepare:
    """A client that gets every JSON answer of success changed."""

    def inward(_: httpx.Request, response: httpx.Response) -> httpx.Response:
        try:
            value = json.loads(response.content)
        except (ValueError, RecursionError):
            return response
        if not response.is_success or not isinstance(value, dict):
            return response
        return httpx.Response(response.status_code, json=change(value))

    return on_the_line(inward=inward)


def with_operations(change: Callable[[Any], Any]) -> Prepare:
    """A client that was told something else of the operations."""

    def prepare(client: type[Any]) -> type[Any]:
        operations = {name: change(operation) for name, operation in client.operations.items()}
        return type(client.__name__, (client,), {"operations": operations})

    return prepare


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

            return Asynchronous

        class Synchronous(client):  # type: ignore[misc]  # the class is known only here
            def _send(self, *arguments: Any) -> Any:
                return handle(self, lambda: super(Synchronous, self)._send(*arguments))

        return Synchronous

    return prepare


def crashing_on_the_line(inward: Callable[[httpx.Request, httpx.Response], httpx.Response]) -> Prepare:
    """A client that an answer crashes: it does not make an error of its own of what is raised there."""

    def handle(_: Any, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except errors.ClientError as error:
            if isinstance(error.__cause__, ValueError):
                raise error.__cause__ from None
            raise

    return lambda client: around_send(handle)(on_the_line(inward=inward)(client))


def _replay(result: Any, error: Exception | None) -> Any:
    if error is not None:
        raise error
    return result


def rebuilt(request: httpx.Request, **changes: Any) -> httpx.Request:
    parts = {"method": request.method, "url": request.url, "headers": request.headers, "content": request.content}
    return httpx.Request(**{**parts, **changes})


# --- What is sent ------------------------------------------------------------------------------------------------


@seeded("key_nowhere_else", "query", by=[check_requests])
def the_key_is_in_the_url_too() -> Prepare:
    def outward(request: httpx.Request) -> httpx.Request:
        url = request.url.copy_merge_params({"key": request.headers["x-api-key"]})
        return rebuilt(request, url=url)

    return on_the_line(outward)


@seeded("key_in_place", "key_nowhere_else", by=[check_requests])
def the_key_is_not_sent() -> Prepare:
    return with_operations(lambda operation: dataclasses.replace(operation, keys=()))


@seeded("method", by=[check_requests])
def a_put_is_sent_for_a_post() -> Prepare:
    return on_the_line(lambda request: rebuilt(request, method="PUT" if request.method == "POST" else request.method))


@seeded("path", by=[check_requests])
def a_slash_ends_the_path() -> Prepare:
    return on_the_line(lambda request: rebuilt(request, url=request.url.copy_with(path=request.url.path + "/")))


@seeded("query", "polls_the_link", by=[check_requests, check_waits])
def the_query_is_lost() -> Prepare:
    return on_the_line(lambda request: rebuilt(request, url=request.url.copy_with(query=None)))


@seeded("body", by=[check_requests])
def an_empty_text_is_left_out() -> Prepare:
    def outward(request: httpx.Request) -> httpx.Request:
        if not request.content:
            return request
        body = {name: value for name, value in json.loads(request.content).items() if value != ""}
        headers = {name: value for name, value in request.headers.items() if name != "content-length"}
        return rebuilt(request, headers=headers, content=json.dumps(body).encode())

    return on_the_line(outward)


@seeded("content_type", by=[check_requests])
def json_is_sent_as_text() -> Prepare:
    return on_the_line(lambda request: rebuilt(request, headers={**request.headers, "content-type": "text/plain"}))


@seeded("valid_input_sent", by=[check_requests])
def every_request_is_sent_twice() -> Prepare:
    def prepare(client: type[Any]) -> type[Any]:
        class Faulty(client):  # type: ignore[misc]  # the class is known only here
            def __init__(self, *, transport: Any, **options: Any) -> None:
                def outward(request: httpx.Request) -> httpx.Request:
                    transport.sent.append(request)
                    return request

                super().__init__(transport=Line(transport, outward), **options)

        return Faulty

    return prepare


@seeded("arguments_named", by=[check_requests])
def an_argument_has_another_name() -> Prepare:
    def prepare(client: type[Any]) -> type[Any]:
        class Faulty(client):  # type: ignore[misc]  # the class is known only here
            def poll_result(self, *, id: str) -> Any:  # noqa: A002 - the wrong name is the fault
                return super().poll_result(ref_id=id)

        return Faulty

    return prepare


@seeded("invalid_input_refused", by=[check_refusals])
def input_is_not_looked_at() -> Prepare:
    def change(operation: Any) -> Any:
        validators = {name: _anything(each) for name, each in operation.parameters.items()}
        body = _anything(operation.body) if operation.body else None
        return dataclasses.replace(operation, parameters=validators, body=body)

    return with_operations(change)


def _anything(validator: Any) -> Any:
    return type(validator)({}, formats=False)


# --- What is made of answers -------------------------------------------------------------------------------------


@seeded("valid_answer_kept", "tolerable_answer_kept", by=[check_valid_answers])
def fields_that_are_not_known_are_dropped() -> Prepare:
    return on_answers(lambda body: {"data": body["data"]} if "data" in body else body)


@seeded("job_has_id", "polls_the_link", by=[check_valid_answers, check_waits])
def the_id_of_a_job_is_put_in_lower_case() -> Prepare:
    return with_operations(_reading_ids(lambda job_id: f"{job_id}".lower() + "."))


def _reading_ids(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def changed(operation: Any) -> Any:
        polling = operation.polling
        if polling is None:
            return operation
        replaced = dataclasses.replace(polling, read_id=lambda answer: change(polling.read_id(answer)))
        return dataclasses.replace(operation, polling=replaced)

    return changed


@seeded("tolerable_answer_kept", by=[check_valid_answers])
def a_value_outside_an_enum_is_refused() -> Prepare:
    def change(operation: Any) -> Any:
        replies = {}
        for status, reply in operation.replies.items():
            schema = json.loads(json.dumps(reply.schema.schema))
            known = schema["components"]["schemas"].get("JobStatus")
            if known is not None:
                known["enum"] = ["processing", "success", "failed"]
            replies[status] = dataclasses.replace(reply, schema=type(reply.schema)(schema, formats=False))
        return dataclasses.replace(operation, replies=replies)

    return with_operations(change)


@seeded("broken_answer_refused", by=[check_broken_answers])
def an_answer_that_breaks_the_contract_is_nothing() -> Prepare:
    def handle(_: Any, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except errors.InvalidResponse:
            return None, None

    return around_send(handle)


@seeded("only_client_errors", "broken_answer_refused", by=[check_broken_answers])
def a_missing_field_is_a_key_error() -> Prepare:
    def handle(_: Any, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except errors.InvalidResponse as error:
            raise KeyError("data") from error

    return around_send(handle)


@seeded("drifted_answer_kept", "only_client_errors", by=[check_broken_answers])
def half_a_surrogate_pair_crashes_it() -> Prepare:
    def inward(_: httpx.Request, response: httpx.Response) -> httpx.Response:
        if rb"\ud800" in response.content and response.is_success:
            raise ValueError("surrogates not allowed")
        return response

    return crashing_on_the_line(inward)


@seeded("content_type_survived", "only_client_errors", by=[check_broken_answers])
def another_content_type_crashes_it() -> Prepare:
    def inward(_: httpx.Request, response: httpx.Response) -> httpx.Response:
        if "utf-16" in response.headers.get("content-type", ""):
            response.content.decode("utf-16-be").encode("ascii")
        return response

    return crashing_on_the_line(inward)


@seeded("error_status_raised", by=[check_statuses])
def an_error_that_is_not_documented_is_nothing() -> Prepare:
    def handle(_: Any, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except errors.StatusError as error:
            if error.documented:
                raise
            return None, None

    return around_send(handle)


@seeded("redirect_not_followed", by=[check_statuses])
def a_redirect_is_followed() -> Prepare:
    def prepare(client: type[Any]) -> type[Any]:
        class Faulty(client):  # type: ignore[misc]  # the class is known only here
            def _http_options(self, operation_timeout: float) -> dict[str, Any]:
                return {**super()._http_options(operation_timeout), "follow_redirects": True, "max_redirects": 1}

        return Faulty

    return prepare


@seeded("key_not_told", by=[check_statuses])
def an_error_tells_the_key() -> Prepare:
    def handle(client: Any, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except errors.StatusError as error:
            error.body += f" (sent with {client._secret.reveal()})"
            raise

    return around_send(handle)


@seeded("transport_error_raised", "only_client_errors", by=[check_transport])
def an_error_of_httpx_escapes() -> Prepare:
    def handle(_: Any, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except errors.TransportError as error:
            raise (error.__cause__ or error) from None

    return around_send(handle)


@seeded("transport_error_raised", by=[check_transport])
def a_submit_that_may_have_been_accepted_looks_as_if_it_had_not() -> Prepare:
    def handle(_: Any, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except errors.SubmissionUncertain as error:
            raise errors.TransportError(error.message, never_sent=True) from error

    return around_send(handle)


# --- Jobs --------------------------------------------------------------------------------------------------------


def polling(**changes: Any) -> Prepare:
    def change(operation: Any) -> Any:
        if operation.polling is None:
            return operation
        return dataclasses.replace(operation, polling=dataclasses.replace(operation.polling, **changes))

    return with_operations(change)


@seeded("polls_until_the_end", "success_returned", "states_told", by=[check_waits])
def the_first_answer_is_taken_for_the_end() -> Prepare:
    return polling(succeeded=lambda _: True)


@seeded("failure_raised", "states_told", by=[check_waits])
def a_failure_is_taken_for_success() -> Prepare:
    return polling(succeeded=lambda answer: answer.at("/data/status") != "processing")


@seeded("result_told", by=[check_waits])
def the_result_is_looked_for_in_the_wrong_place() -> Prepare:
    return polling(result=lambda answer: answer.at("/result"))
