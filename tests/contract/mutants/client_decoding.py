"""Faults of a client in what it makes of answers and errors."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
from tests.contract.clients import Prepare
from tests.contract.mutants.client_seams import (
    around_send,
    client,
    crashing_on_the_line,
    errors,
    on_error,
    on_values,
    overriding,
)
from tests.contract.mutants.model import NotApplicable
from tests.contract.mutants.site import Site
from tests.contract.mutants.spec_given import errors_have_a_body

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
    return on_error("InvalidResponse", lambda _, __: None)


@client.fault("only_client_errors", "broken_answer_refused")
def a_missing_field_is_a_key_error(_: Site) -> Prepare:
    """A program that catches the client's errors crashes."""
    return on_error("InvalidResponse", lambda _, __: KeyError("field"))


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
    return on_error("StatusError", lambda _, error: error if error.documented else None)


@client.fault("error_status_raised")
def an_error_that_is_documented_is_nothing(_: Site) -> Prepare:
    """A program goes on as if all were well."""
    return on_error("StatusError", lambda _, error: None if error.documented else error)


@client.fault("error_status_raised")
def an_error_has_another_status(_: Site) -> Prepare:
    """A program that goes by the status does the wrong thing."""

    def instead(_: Any, error: Any) -> Any:
        error.status_code = error.status_code // 100 * 100
        return error

    return on_error("StatusError", instead)


@client.fault("error_status_raised")
def an_error_is_of_no_type(_: Site) -> Prepare:
    """A program cannot tell a wrong key from a server that is down."""
    return on_error("StatusError", lambda _, error: errors().ClientError(str(error)))


@client.fault("documented_error_raised", given=errors_have_a_body)
def an_error_with_the_body_of_the_contract_is_taken_for_a_result(site: Site) -> Prepare:
    """A program goes on as if all were well, with an error in place of its result."""
    known = [
        set(site.resolved(content.schema or {}).get("required", ()))
        for response in site.poll.responses.values()
        for content in response.content.values()
        if not response.status.startswith("2")
    ]
    if not any(known):
        raise NotApplicable("no error has a body that can be told by its properties")

    def instead(_: Any, error: Any) -> Any:
        try:
            body = json.loads(error.body)
        except (ValueError, RecursionError):
            return error
        documented = isinstance(body, dict) and any(names and names <= body.keys() for names in known)
        return None if documented else error

    return on_error("StatusError", instead)


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
    return on_error("TransportError", lambda _, error: error.__cause__ or error)
