"""Faults of a client in what it sends, what it makes of answers and errors, and whom it tells the key."""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Callable
from typing import Any

import httpx
from tests.contract.clients import BASE_URL, Prepare, argument_name
from tests.contract.mutants.client_seams import (
    around_send,
    client,
    crashing_on_the_line,
    nothing,
    on_answers,
    on_bodies,
    on_texts,
    on_the_line,
    on_values,
    overriding,
    raising,
    rebuilt,
    with_body,
    with_operations,
    with_submit,
)
from tests.contract.mutants.model import NotApplicable
from tests.contract.mutants.site import Site
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


client.topic("stale generation")


@client.fault("path")
def the_path_is_that_of_an_older_contract(_: Site) -> Prepare:
    """The server knows no such path any more."""
    return on_the_line(
        lambda request: rebuilt(request, url=request.url.copy_with(path=request.url.path.replace("-", "_") + "-v0"))
    )


@client.fault("arguments_named", "valid_input_sent")
def a_property_is_not_known_yet(site: Site) -> Prepare:
    """What the contract offers cannot be asked for."""
    name = argument_name(site.optional)

    def call(self: Any, original: Any, **arguments: Any) -> Any:
        del self
        return original(**arguments)

    def prepare(client: type[Any]) -> type[Any]:
        import inspect

        method = next(name for name, each in client.operations.items() if each.id == site.submit.id)
        faulty = overriding(**{method: call})(client)
        signature = inspect.signature(getattr(client, method))
        kept = [each for each in signature.parameters.values() if each.name != name]

        def checked(self: Any, **arguments: Any) -> Any:
            if name in arguments:
                raise TypeError(f"unexpected keyword argument {name!r}")
            return getattr(client, method)(self, **arguments)

        checked.__signature__ = signature.replace(parameters=kept)  # type: ignore[attr-defined]
        setattr(faulty, method, checked)
        return faulty

    return prepare


@client.fault("valid_input_sent")
def a_value_of_an_enum_is_not_known_yet(site: Site) -> Prepare:
    """What the contract offers cannot be asked for."""
    name = site.property_with("enum")
    return with_submit(site, _body_schema(lambda member: {**member, "enum": member["enum"][:1]}, name))


@client.fault("valid_input_sent")
def an_optional_property_is_still_required(site: Site) -> Prepare:
    """A call that the contract allows cannot be made."""

    def change(schema: dict[str, Any]) -> dict[str, Any]:
        return {**schema, "required": [*schema.get("required", []), site.optional]}

    return with_submit(site, _object_schema(change))


@client.fault("operation_offered")
def an_operation_is_not_known_yet(site: Site) -> Prepare:
    """What the contract offers cannot be done."""

    def prepare(client: type[Any]) -> type[Any]:
        operations = {name: each for name, each in client.operations.items() if each.id != site.submit.id}
        return type(client.__name__, (client,), {"operations": operations})

    return prepare


@client.fault("key_in_place")
def the_key_goes_where_it_went_before(_: Site) -> Prepare:
    """Every call is refused."""
    return with_operations(
        lambda operation: dataclasses.replace(
            operation, keys=tuple(dataclasses.replace(key, name=key.name + "-V0") for key in operation.keys)
        )
    )


def _object_schema(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[Any], Any]:
    """Another schema for the body of an operation; what it refers to is in its components."""

    def changed(operation: Any) -> Any:
        schema = json.loads(json.dumps(operation.body.schema))
        if "$ref" in schema:
            schemas, name = schema["components"]["schemas"], schema["$ref"].rpartition("/")[2]
            schemas[name] = change(schemas[name])
        else:
            schema = change(schema)
        return dataclasses.replace(operation, body=type(operation.body)(schema, operation.body.formats))

    return changed


def _body_schema(change: Callable[[dict[str, Any]], dict[str, Any]], name: str) -> Callable[[Any], Any]:
    """Another schema for a property of the body of an operation, written out in place of a reference."""

    def changed(operation: Any) -> Any:
        components = operation.body.schema.get("components", {}).get("schemas", {})

        def member(schema: dict[str, Any]) -> dict[str, Any]:
            old = schema["properties"][name]
            old = components[old["$ref"].rpartition("/")[2]] if "$ref" in old else old
            return {**schema, "properties": {**schema["properties"], name: change(dict(old))}}

        return _object_schema(member)(operation)

    return changed


client.topic("decoding")


@client.fault("valid_answer_kept", "tolerable_answer_kept")
def fields_that_are_not_known_are_dropped(site: Site) -> Prepare:
    """What the server adds tomorrow is not there for anybody."""
    known = _property_names(site)
    return on_values(
        lambda value: {name: v for name, v in value.items() if name in known} if isinstance(value, dict) else value
    )


@client.fault("valid_answer_kept")
def of_a_list_only_the_first_is_kept(_: Site) -> Prepare:
    """All images but one are lost, with what they cost."""
    return on_values(lambda value: value[:1] if isinstance(value, list) else value)


@client.fault("valid_answer_kept")
def a_list_is_turned_round(_: Site) -> Prepare:
    """The first image is the last."""
    return on_values(lambda value: value[::-1] if isinstance(value, list) else value)


@client.fault("valid_answer_kept")
def what_is_empty_is_dropped(_: Site) -> Prepare:
    """A program that goes through a list finds none."""
    return on_values(
        lambda value: {name: v for name, v in value.items() if v or v == 0} if isinstance(value, dict) else value
    )


@client.fault("valid_answer_kept")
def a_text_of_an_answer_is_trimmed(_: Site) -> Prepare:
    """An id with a sign at its end is unknown."""
    return on_values(lambda value: value[:-1] if isinstance(value, str) and len(value) > 1 else value)


@client.fault("tolerable_answer_kept")
def a_value_outside_an_enum_is_refused(site: Site) -> Prepare:
    """A state that the server adds tomorrow ends every wait."""
    place, known = site.state_place.key, _state_values(site)

    def handle(_: Any, call: Callable[[], Any]) -> Any:
        result, answer = call()
        state = answer.at(place)
        if isinstance(state, str) and state not in known:
            raise ValueError(f"{state!r} is not one of {known}")
        return result, answer

    return around_send(handle)


@client.fault("tolerable_answer_kept")
def a_value_outside_an_enum_becomes_one_within(site: Site) -> Prepare:
    """A state that the server adds tomorrow is taken for another one."""
    place = site.state_place.key.rpartition("/")[2]
    known = _state_values(site)

    def change(value: Any) -> Any:
        if isinstance(value, dict) and isinstance(value.get(place), str) and value[place] not in known:
            return {**value, place: known[0]}
        return value

    return on_values(change)


@client.fault("broken_answer_refused")
def an_answer_that_breaks_the_contract_is_nothing(_: Site) -> Prepare:
    """A submit that was charged for seems not to have happened."""
    return raising(lambda errors: errors.InvalidResponse, lambda _: None)


@client.fault("only_client_errors", "broken_answer_refused")
def a_missing_field_is_a_key_error(_: Site) -> Prepare:
    """A program that catches the client's errors crashes."""
    return raising(lambda errors: errors.InvalidResponse, lambda _: KeyError("field"))


@client.fault("drifted_answer_kept", "only_client_errors")
def half_a_surrogate_pair_crashes_it(_: Site) -> Prepare:
    """One strange character in an answer crashes a program."""

    def inward(_: httpx.Request, response: httpx.Response) -> httpx.Response:
        if response.is_success and hasattr(response, "_content") and rb"\ud800" in response.content:
            raise ValueError("surrogates not allowed")
        return response

    return crashing_on_the_line(inward)


@client.fault("content_type_survived", "only_client_errors")
def another_content_type_crashes_it(_: Site) -> Prepare:
    """A gateway's page crashes a program."""

    def inward(_: httpx.Request, response: httpx.Response) -> httpx.Response:
        if "utf-16" in response.headers.get("content-type", ""):
            response.content.decode("utf-16-be").encode("ascii")
        return response

    return crashing_on_the_line(inward)


def _property_names(site: Site) -> set[str]:
    names: set[str] = set()

    def collect(node: Any) -> None:
        if isinstance(node, dict):
            if isinstance(node.get("properties"), dict):
                names.update(node["properties"])
            for each in node.values():
                collect(each)
        elif isinstance(node, list):
            for each in node:
                collect(each)

    collect(site.spec.document)
    return names


def _state_values(site: Site) -> list[str]:
    values: list[str] = []

    def collect(node: Any) -> None:
        if isinstance(node, dict):
            enum = node.get("enum")
            wanted = [each.value for each in (*site.polling.success, *site.polling.failure)]
            if isinstance(enum, list) and any(each in enum for each in wanted):
                values.extend(enum)
            for each in node.values():
                collect(each)

    collect(site.spec.document)
    if not values:
        raise NotApplicable("the state of a job is no enum")
    return values


client.topic("errors")


@client.fault("error_status_raised")
def an_error_that_is_not_documented_is_nothing(_: Site) -> Prepare:
    """A program goes on as if all were well."""
    return around_send(_swallowing(lambda error: not error.documented))


@client.fault("error_status_raised")
def an_error_that_is_documented_is_nothing(_: Site) -> Prepare:
    """A program goes on as if all were well."""
    return around_send(_swallowing(lambda error: error.documented))


@client.fault("error_status_raised")
def an_error_has_another_status(_: Site) -> Prepare:
    """A program that goes by the status does the wrong thing."""

    def handle(_: Any, call: Callable[[], Any]) -> Any:
        from spacely_client import errors

        try:
            return call()
        except errors.StatusError as error:
            error.status_code = error.status_code // 100 * 100
            raise

    return around_send(handle)


@client.fault("error_status_raised")
def an_error_is_of_no_type(_: Site) -> Prepare:
    """A program cannot tell a wrong key from a server that is down."""

    def instead(error: Any) -> Exception:
        from spacely_client import errors

        return errors.ClientError(str(error))

    return raising(lambda errors: errors.StatusError, instead)


@client.fault("only_client_errors")
def a_page_of_an_error_crashes_it(_: Site) -> Prepare:
    """A gateway's page crashes a program."""

    def inward(_: httpx.Request, response: httpx.Response) -> httpx.Response:
        if response.is_error and b"<" in response.content:
            response.json()
        return response

    return crashing_on_the_line(inward)


@client.fault("redirect_not_followed")
def a_redirect_is_followed(_: Site) -> Prepare:
    """The key goes to wherever an answer says."""

    def options(self: Any, original: Any, operation_timeout: float) -> dict[str, Any]:
        del self
        return {**original(operation_timeout), "follow_redirects": True, "max_redirects": 1}

    return overriding(_http_options=options)


@client.fault("transport_error_raised", "only_client_errors")
def an_error_of_httpx_escapes(_: Site) -> Prepare:
    """A program that catches the client's errors crashes."""
    return raising(lambda errors: errors.TransportError, lambda error: error.__cause__ or error)


def _swallowing(which: Callable[[Any], bool]) -> Callable[[Any, Callable[[], Any]], Any]:
    def handle(_: Any, call: Callable[[], Any]) -> Any:
        from spacely_client import errors

        try:
            return call()
        except errors.StatusError as error:
            if not which(error):
                raise
            return None, None

    return handle


client.topic("key leaks")


@client.fault("key_nowhere_else", "query")
def the_key_is_in_the_url_too(site: Site) -> Prepare:
    """The key gets into the logs of every proxy on the way."""

    def outward(request: httpx.Request) -> httpx.Request:
        shown = request.headers.get(site.scheme.name, "").removeprefix(site.scheme.prefix)
        return rebuilt(request, url=request.url.copy_merge_params({"key": shown})) if shown else request

    return on_the_line(outward)


@client.fault("key_in_place", "key_nowhere_else")
def the_key_is_not_sent(_: Site) -> Prepare:
    """Every call is refused."""
    return with_operations(lambda operation: dataclasses.replace(operation, keys=()))


@client.fault("key_nowhere_else")
def the_key_is_in_the_user_agent_too(site: Site) -> Prepare:
    """The key gets into the logs of the server."""

    def outward(request: httpx.Request) -> httpx.Request:
        shown = request.headers.get(site.scheme.name, "")
        return rebuilt(request, headers={**request.headers, "user-agent": f"client/1 ({shown})"})

    return on_the_line(outward)


@client.fault("key_not_told")
def an_error_tells_the_key(_: Site) -> Prepare:
    """The key gets into every error report."""

    def handle(client: Any, call: Callable[[], Any]) -> Any:
        from spacely_client import errors

        try:
            return call()
        except errors.StatusError as error:
            error.body += f" (sent with {client._secret.reveal()})"
            raise

    return around_send(handle)


@client.fault("key_not_told")
def the_cause_of_an_error_tells_the_key(_: Site) -> Prepare:
    """The key gets into every traceback."""

    def handle(client: Any, call: Callable[[], Any]) -> Any:
        from spacely_client import errors

        try:
            return call()
        except errors.ClientError as error:
            raise error from ValueError(f"while sending {client._secret.reveal()}")

    return around_send(handle)


@client.fault("key_not_told")
def the_representation_of_a_client_tells_the_key(_: Site) -> Prepare:
    """The key gets into every log of a program's state."""
    return overriding(__repr__=lambda self, original: f"{original()} {self._secret.reveal()}")


@client.fault("key_not_told")
def a_call_is_logged_with_the_key(_: Site) -> Prepare:
    """The key gets into every log."""

    def handle(client: Any, call: Callable[[], Any]) -> Any:
        logging.getLogger("spacely_client").debug("calling with %s", client._secret.reveal())
        return call()

    return around_send(handle)


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
