"""Faults of a client in what it sends for a call, and changes of form that are none."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import httpx
from tests.contract.clients import BASE_URL, Prepare
from tests.contract.mutants.client_seams import (
    around_send,
    client,
    nothing,
    on_answers,
    on_bodies,
    on_texts,
    on_the_line,
    overriding,
    rebuilt,
    with_body,
    with_operations,
    with_submit,
)
from tests.contract.mutants.model import NotApplicable
from tests.contract.mutants.site import Site
from tests.contract.mutants.spec_requests import a_header_may_be_sent
from tests.contract.seams import Line

client.topic("encoding")


@client.canary("valid_input_sent", "broken_answer_refused", "error_status_raised")
def nothing_is_ever_sent(_: Site) -> Prepare:
    """Every call seems to work, and nothing happens."""

    async def later() -> Any:
        return None

    def call(self: Any, original: Any, *_: Any, **__: Any) -> Any:
        del original
        return later() if type(self).__name__.startswith("Async") else None

    return overriding(_call=call, _submit=call)


@client.canary("only_client_errors", "valid_input_sent", "valid_answer_kept")
def every_call_breaks(_: Site) -> Prepare:
    """Nothing works at all."""

    def handle(client: Any, call: Callable[[], Any]) -> Any:
        raise RuntimeError("broken")

    return around_send(handle)


@client.fault("method")
def a_put_is_sent_for_a_post(_: Site) -> Prepare:
    """The server knows no such method."""
    return on_the_line(lambda request: rebuilt(request, method="PUT" if request.method == "POST" else request.method))


@client.fault("path")
def a_slash_ends_the_path(_: Site) -> Prepare:
    """The server knows no such path, or sends the client elsewhere."""
    return on_the_line(lambda request: rebuilt(request, url=request.url.copy_with(path=request.url.path + "/")))


@client.fault("path")
def the_path_of_the_base_url_is_lost(_: Site) -> Prepare:
    """Behind a gateway every call goes astray."""
    base = httpx.URL(BASE_URL).path
    return on_the_line(
        lambda request: rebuilt(request, url=request.url.copy_with(path=request.url.path.removeprefix(base)))
    )


@client.fault("query", "polls_the_link")
def the_query_is_lost(site: Site) -> Prepare:
    """No job can be asked for."""
    if site.parameter_location != "query":
        raise NotApplicable("the poll has its id elsewhere")
    return on_the_line(lambda request: rebuilt(request, url=request.url.copy_with(query=None)))


@client.fault("query")
def the_query_is_encoded_twice(site: Site) -> Prepare:
    """An id with a sign in it is unknown."""
    if site.parameter_location != "query":
        raise NotApplicable("the poll has its id elsewhere")

    def outward(request: httpx.Request) -> httpx.Request:
        return rebuilt(request, url=request.url.copy_with(query=request.url.query.replace(b"%", b"%25")))

    return on_the_line(outward)


@client.fault("body")
def an_empty_text_is_left_out(_: Site) -> Prepare:
    """The vendor's sample is sent as something else."""
    return on_bodies(lambda body: {name: value for name, value in body.items() if value != ""})


@client.fault("body")
def what_was_left_out_is_sent_as_null(site: Site) -> Prepare:
    """A server that keeps the contract refuses it."""
    return on_bodies(lambda body: {**dict.fromkeys(site.properties), **body})


@client.fault("body")
def what_was_left_out_is_sent_as_an_empty_text(site: Site) -> Prepare:
    """The server's own default is never used."""
    return on_bodies(lambda body: {site.optional: "", **body})


@client.fault("body")
def an_optional_property_is_never_sent(site: Site) -> Prepare:
    """What the user asked for is not done, and is charged for."""
    return on_bodies(lambda body: {name: value for name, value in body.items() if name != site.optional})


@client.fault("body")
def a_text_is_trimmed(_: Site) -> Prepare:
    """What is sent is not what the user wrote."""
    return on_texts(str.strip)


@client.fault("body")
def a_text_is_put_in_lower_case(_: Site) -> Prepare:
    """What is sent is not what the user wrote."""
    return on_texts(str.lower)


@client.fault("body")
def a_text_is_put_in_ascii(_: Site) -> Prepare:
    """Whoever writes in Thai sends question marks."""
    return on_texts(lambda text: text.encode("ascii", "replace").decode())


@client.fault("body")
def a_long_text_is_cut_off(_: Site) -> Prepare:
    """Half of an instruction is done, and charged for."""
    return on_texts(lambda text: text[:5])


@client.fault("content_type")
def json_is_sent_as_text(_: Site) -> Prepare:
    """The server refuses every submit."""
    return on_the_line(lambda request: rebuilt(request, headers={**request.headers, "content-type": "text/plain"}))


@client.fault("header", given=a_header_may_be_sent)
def a_header_is_never_sent(site: Site) -> Prepare:
    """What the user asked for is not done, and is charged for."""
    named = {
        each.name.lower()
        for operation in site.spec.operations
        for each in operation.parameters
        if each.location == "header"
    }
    if not named:
        raise NotApplicable("no operation has a header")
    return on_the_line(
        lambda request: rebuilt(
            request, headers={name: value for name, value in request.headers.items() if name not in named}
        )
    )


@client.fault("valid_input_sent")
def every_request_is_sent_twice(_: Site) -> Prepare:
    """Every job is paid for twice."""

    def prepare(client: type[Any]) -> type[Any]:
        class Faulty(client):  # type: ignore[misc]  # the class is known only here
            def __init__(self, *, transport: Any, **options: Any) -> None:
                def outward(request: httpx.Request) -> httpx.Request:
                    transport.sent.append(request)
                    return request

                super().__init__(transport=Line(transport, outward), **options)

        return Faulty

    return prepare


@client.fault("invalid_input_refused")
def input_is_not_looked_at(_: Site) -> Prepare:
    """A slip of the pen costs a call, and perhaps a job."""

    def change(operation: Any) -> Any:
        validators = {name: _anything(each) for name, each in operation.parameters.items()}
        body = _anything(operation.body) if operation.body else None
        return dataclasses.replace(operation, parameters=validators, body=body)

    return with_operations(change)


@client.fault("invalid_input_refused")
def formats_of_input_are_not_looked_at(site: Site) -> Prepare:
    """A file name in place of a URL costs a call, and perhaps a job."""
    site.property_with("format")
    return with_submit(
        site, lambda operation: dataclasses.replace(operation, body=type(operation.body)(operation.body.schema, False))
    )


def _anything(validator: Any) -> Any:
    return type(validator)({}, formats=False)


client.topic("no drift")


@client.no_op()
def a_subclass_that_changes_nothing(_: Site) -> Prepare:
    """What faults are put in with is no fault."""
    return nothing


@client.no_op()
def every_seam_without_a_change(_: Site) -> Prepare:
    """What faults are put in with is no fault."""

    def prepare(client: type[Any]) -> type[Any]:
        for each in (on_the_line(), with_operations(lambda each: each), around_send(lambda _, call: call())):
            client = each(client)
        return client

    return prepare


@client.no_op()
def the_keys_of_a_body_come_in_another_order(_: Site) -> Prepare:
    """JSON objects have no order."""
    return on_bodies(lambda body: dict(reversed(body.items())))


@client.no_op()
def a_body_is_written_with_white_space(_: Site) -> Prepare:
    """JSON may be indented."""
    return on_the_line(
        lambda request: (
            with_body(request, json.dumps(json.loads(request.content), indent=4).encode())
            if request.content
            else request
        )
    )


@client.no_op()
def a_body_is_written_without_escapes(_: Site) -> Prepare:
    """JSON is in UTF-8; any character may stand for itself."""

    def outward(request: httpx.Request) -> httpx.Request:
        text = json.dumps(json.loads(request.content), ensure_ascii=False) if request.content else ""
        try:
            return with_body(request, text.encode()) if text else request
        except UnicodeEncodeError:
            return request

    return on_the_line(outward)


@client.no_op()
def header_names_are_written_in_capital_letters(_: Site) -> Prepare:
    """Header names have no case."""
    return on_the_line(
        lambda request: rebuilt(request, headers={name.upper(): value for name, value in request.headers.items()})
    )


@client.no_op()
def requests_have_a_header_more(_: Site) -> Prepare:
    """Any proxy adds some."""
    return on_the_line(lambda request: rebuilt(request, headers={**request.headers, "x-request-id": "4bf92f3577b3"}))


@client.no_op()
def answers_come_in_another_order(_: Site) -> Prepare:
    """JSON objects have no order."""
    return on_answers(lambda body: dict(reversed(body.items())))
