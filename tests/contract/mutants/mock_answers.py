"""Faults of a mock in the form of its answers, and changes of form that are none."""

from __future__ import annotations

import json
from typing import Any

from tests.contract.mutants.mock_seams import (
    header,
    mock,
    nothing,
    on_ended,
    on_polls,
    on_replies,
    on_submits,
    with_header,
    without_header,
)
from tests.contract.mutants.site import Site, answer, written
from tests.contract.seams import Fault, Reply, Request

mock.topic("answers")


@mock.fault("content_type_conformance")
def json_is_sent_as_html(site: Site) -> Fault:
    """A client that goes by the content type cannot read it."""
    return on_submits(site, lambda _, reply: with_header(reply, "content-type", "text/html"))


@mock.fault("content_type_conformance")
def an_answer_has_no_content_type(site: Site) -> Fault:
    """A client that goes by the content type cannot read it."""
    return on_submits(site, lambda _, reply: without_header(reply, "content-type"))


@mock.fault("response_schema_conformance", "answer_conforms", "job_id_usable")
def the_answer_to_a_submit_is_in_an_envelope(site: Site) -> Fault:
    """The id is not where the client looks for it: the job is lost, with what it cost."""
    return on_submits(site, lambda _, reply: reply.with_json({"payload": reply.json}))


@mock.fault("response_schema_conformance", "answer_conforms", "job_id_usable")
def the_id_is_missing(site: Site) -> Fault:
    """The job is lost, with what it cost."""
    return on_submits(site, lambda _, reply: reply.with_json({}))


@mock.fault("response_schema_conformance", "answer_conforms", "job_id_usable")
def the_id_is_empty(site: Site) -> Fault:
    """The job is lost, with what it cost."""
    return on_submits(site, lambda _, reply: site.with_job_id(reply, ""))


@mock.fault("response_schema_conformance", "answer_conforms", "job_id_usable")
def the_id_is_in_an_object(site: Site) -> Fault:
    """A client that expects a text polls with the text of an object."""
    return on_submits(site, lambda _, reply: site.with_job_id(reply, {"id": site.job_id(reply)}))


@mock.fault("response_schema_conformance", "answer_conforms")
def the_id_is_a_number(site: Site) -> Fault:
    """A client with types fails to read it."""
    return on_submits(site, lambda _, reply: site.with_job_id(reply, 7))


@mock.fault("answer_conforms")
def a_job_has_a_state_that_nobody_knows(site: Site) -> Fault:
    """A client waits for ever, or fails."""
    return on_polls(
        site, lambda _, reply: written(reply, site.state_place, "queued") if site.state(reply) == "running" else reply
    )


@mock.fault("answer_conforms", "job_ends")
def a_state_is_written_in_capital_letters(site: Site) -> Fault:
    """A client compares in vain, and waits for ever."""
    return on_polls(
        site, lambda _, reply: written(reply, site.state_place, str(site.state_place.read(answer(reply))).upper())
    )


@mock.fault("answer_conforms", "job_ends")
def the_state_is_missing(site: Site) -> Fault:
    """A client waits for ever, or fails."""
    return on_polls(site, lambda _, reply: reply.with_json(_without(reply.json, site.state_place.key)))


@mock.fault("answer_conforms")
def the_result_is_null_while_a_job_runs(site: Site) -> Fault:
    """A client that goes through the result fails before the job has ended."""
    return on_polls(
        site, lambda _, reply: written(reply, site.result_place, None) if site.state(reply) == "running" else reply
    )


@mock.fault("answer_conforms")
def a_result_of_many_is_the_first_alone(site: Site) -> Fault:
    """A client that goes through a list goes through the characters of a text."""
    return on_ended(site, lambda _, reply: written(reply, site.result_place, _first(site.result(reply))))


@mock.fault("answer_conforms")
def a_result_is_a_list_of_objects(site: Site) -> Fault:
    """A client that downloads what it finds fails."""
    return on_ended(
        site, lambda _, reply: written(reply, site.result_place, [{"url": each} for each in site.result(reply)])
    )


@mock.fault("answer_conforms")
def a_result_is_told_without_its_host(site: Site) -> Fault:
    """No client can download it."""
    return on_ended(
        site,
        lambda _, reply: written(
            reply, site.result_place, ["/" + str(each).split("/", 3)[-1] for each in site.result(reply)]
        ),
    )


@mock.fault("answer_conforms", "response_schema_conformance")
def an_answer_is_cut_off(site: Site) -> Fault:
    """No client can read it; the job is lost, with what it cost."""
    return on_submits(site, lambda _, reply: reply.but(body=reply.body[: len(reply.body) // 2]))


@mock.fault("answer_conforms", "response_schema_conformance")
def an_answer_is_json_within_json(site: Site) -> Fault:
    """A client finds a text where it looks for an object."""
    return on_submits(site, lambda _, reply: reply.with_json(reply.body.decode()))


mock.topic("no drift")


@mock.no_op()
def a_wrapper_that_changes_nothing(_: Site) -> Fault:
    """What faults are put in with is no fault."""
    return nothing


@mock.no_op()
def the_keys_of_answers_come_in_another_order(_: Site) -> Fault:
    """JSON objects have no order."""
    return on_replies(lambda _, reply: _rewritten(reply, lambda value: json.dumps(_reversed(value))))


@mock.no_op()
def answers_are_written_with_white_space(_: Site) -> Fault:
    """JSON may be indented."""
    return on_replies(lambda _, reply: _rewritten(reply, lambda value: "\r\n " + json.dumps(value, indent=4) + "\n"))


@mock.no_op()
def answers_are_written_with_escapes(_: Site) -> Fault:
    """A slash may be escaped in JSON, as some libraries do."""

    def escaped(value: Any) -> str:
        return json.dumps(value).replace("/", "\\/")

    return on_replies(lambda _, reply: _rewritten(reply, escaped))


@mock.no_op()
def header_names_are_written_in_another_case(_: Site) -> Fault:
    """Header names have no case."""
    return on_replies(lambda _, reply: reply.but(headers={name.upper(): v for name, v in reply.headers.items()}))


@mock.no_op()
def the_content_type_names_its_charset(_: Site) -> Fault:
    """JSON is in UTF-8, whether that is said or not."""
    return on_replies(
        lambda _, reply: (
            with_header(reply, "content-type", f"{_JSON}; charset=utf-8")
            if header(reply, "content-type") == _JSON
            else reply
        )
    )


@mock.no_op()
def answers_have_headers_that_the_contract_does_not_name(_: Site) -> Fault:
    """Any server and any gateway adds some."""
    return on_replies(lambda _, reply: with_header(reply, "x-request-id", "4bf92f3577b34da6a3ce929d0e0e4736"))


@mock.no_op()
def answers_have_properties_that_the_contract_does_not_name(site: Site) -> Fault:
    """The schemas are open: what is new may be added."""
    return on_polls(site, lambda _, reply: reply.with_json({**reply.json, "tomorrow": {"x": [1, None]}}))


@mock.no_op()
def errors_are_told_in_other_words(_: Site) -> Fault:
    """The contract documents no body for them."""

    def change(_: Request, reply: Reply) -> Reply:
        wanted = reply.status >= 400 and "json" in header(reply, "content-type")
        return Reply(reply.status, {**reply.headers, "content-type": "text/plain"}, b"No.") if wanted else reply

    return on_replies(change)


_JSON = "application/json"


def _rewritten(reply: Reply, write: Any) -> Reply:
    value = reply.json
    return (
        reply if value is None or "json" not in header(reply, "content-type") else reply.but(body=write(value).encode())
    )


def _reversed(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _reversed(value[name]) for name in reversed(value)}
    return [_reversed(each) for each in value] if isinstance(value, list) else value


def _without(document: Any, pointer: str) -> Any:
    first, _, rest = pointer[1:].partition("/")
    if not isinstance(document, dict):
        return document
    if not rest:
        return {name: value for name, value in document.items() if name != first}
    return {name: _without(value, "/" + rest) if name == first else value for name, value in document.items()}


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list) and value else value
