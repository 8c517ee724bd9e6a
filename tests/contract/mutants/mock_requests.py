"""Faults of a mock in what it takes, and what it refuses."""

from __future__ import annotations

import json

from tests.contract.mutants.mock_seams import (
    accepting,
    accepting_values,
    always,
    json_body,
    mock,
    on_replies,
    on_submits,
    refusing,
    showing_the_last_job,
    with_json,
)
from tests.contract.mutants.site import Site
from tests.contract.seams import Fault, Inner, Reply, Request

mock.topic("validation")


@mock.fault("negative_data_rejection")
def an_invalid_request_is_answered_as_if_the_key_were_wrong(site: Site) -> Fault:
    """Whoever made a mistake in the body looks for it in the key."""
    return on_submits(site, lambda _, reply: reply.but(status=site.refused), site.rejected)


@mock.fault("negative_data_rejection")
def an_invalid_request_is_accepted(site: Site) -> Fault:
    """A program that sends nonsense passes its tests and fails in production."""
    return accepting(site, lambda request: with_json(request, site.sample))


@mock.fault("negative_data_rejection", "edge_refused")
def a_required_property_may_be_missing(site: Site) -> Fault:
    """A program that forgets it passes its tests and fails in production."""

    def mended(request: Request) -> Request | None:
        body = json_body(request)
        lacks = bool(body) and site.required not in body
        return with_json(request, {**body, site.required: site.sample[site.required]}) if lacks else None

    return accepting(site, mended)


@mock.fault("positive_data_acceptance", "edge_accepted")
def an_optional_property_is_required(site: Site) -> Fault:
    """A program that leaves out what it may leave out fails its tests for no reason."""
    return refusing(site, lambda request: site.optional not in json_body(request))


@mock.fault("edge_refused")
def null_is_taken_for_what_was_left_out(site: Site) -> Fault:
    """A client that sends null for every unset field passes its tests and fails in production."""

    def mended(request: Request) -> Request | None:
        body = json_body(request)
        return with_json(request, {name: value for name, value in body.items() if value is not None})

    return accepting(site, mended)


@mock.fault("edge_refused")
def a_number_is_taken_for_a_text(site: Site) -> Fault:
    """What was not quoted goes unnoticed until production."""

    def mended(request: Request) -> Request | None:
        body = json_body(request)
        return with_json(request, {name: str(v) if isinstance(v, (int, float)) else v for name, v in body.items()})

    return accepting(site, mended)


@mock.fault("negative_data_rejection", "edge_refused")
def a_value_outside_an_enum_is_accepted(site: Site) -> Fault:
    """A misspelt value goes unnoticed until production."""
    name = site.property_with("enum")
    return accepting_values(site, name, lambda _: site.properties[name]["enum"][0])


@mock.fault("edge_refused")
def an_enum_is_taken_in_any_case(site: Site) -> Fault:
    """A value in capital letters goes unnoticed until production."""
    return accepting_values(site, site.property_with("enum"), str.lower)


@mock.fault("edge_refused")
def a_format_is_not_looked_at(site: Site) -> Fault:
    """A file name in place of a URL goes unnoticed until production."""
    name = site.property_with("format")

    return accepting_values(site, name, lambda _: site.sample[name])


@mock.fault("edge_accepted")
def a_property_that_is_not_known_is_refused(site: Site) -> Fault:
    """A client of tomorrow's contract fails against it, though today's allows what it sends."""
    return refusing(site, lambda request: not json_body(request).keys() <= site.properties.keys())


@mock.fault("positive_data_acceptance", "edge_accepted")
def an_empty_text_is_refused(site: Site) -> Fault:
    """The vendor's own sample fails."""
    return refusing(site, lambda request: "" in json_body(request).values())


@mock.fault("edge_accepted")
def a_long_text_is_refused(site: Site) -> Fault:
    """An instruction of some length fails in tests, for a limit that nobody has declared."""
    return refusing(site, lambda request: len(request.body) > 5000)


@mock.fault("edge_accepted")
def a_text_that_is_not_in_ascii_is_a_server_error(site: Site) -> Fault:
    """Whoever writes in Thai cannot use it."""
    return on_submits(
        site,
        lambda request, reply: reply if request.body.isascii() and b"\\u" not in request.body else Reply(500, {}, b""),
    )


@mock.fault("not_a_server_error", "edge_accepted")
def one_value_of_an_enum_is_a_server_error(site: Site) -> Fault:
    """Half of the users cannot use it."""
    name = site.property_with("enum")
    last = site.properties[name]["enum"][-1]
    return on_submits(
        site, lambda request, reply: Reply(500, {}, b"") if json_body(request).get(name) == last else reply
    )


@mock.fault("edge_refused")
def another_content_type_is_taken_for_json(site: Site) -> Fault:
    """A client that names the wrong type passes its tests and fails in production."""

    async def fault(request: Request, inner: Inner) -> Reply:
        if site.is_submit(request) and request.headers.get("content-type", "").startswith("text/"):
            request = request.but(headers={**request.headers, "content-type": "application/json"})
        return await inner(request)

    return fault


@mock.fault("edge_accepted")
def a_content_type_with_a_parameter_is_refused(site: Site) -> Fault:
    """Every client whose library adds the charset fails."""
    return refusing(site, lambda request: ";" in request.headers.get("content-type", ""))


@mock.fault("negative_data_rejection")
def a_poll_without_an_id_shows_the_last_job(site: Site) -> Fault:
    """A program that forgets the id shows one user the result of another."""
    return showing_the_last_job(site, lambda request: not site.asked_for(request))


@mock.fault("malformed_body_refused")
def a_body_that_is_cut_off_is_completed(site: Site) -> Fault:
    """What was lost on the way becomes a job, and is charged for."""
    return accepting(site, lambda request: with_json(request, site.sample) if _is_no_json(request) else None)


@mock.fault("malformed_body_refused")
def a_body_that_is_no_utf8_is_a_server_error(site: Site) -> Fault:
    """A broken client takes the server's logs with it."""

    def change(request: Request, reply: Reply) -> Reply:
        try:
            request.body.decode()
        except UnicodeDecodeError:
            return Reply(500, {}, b"")
        return reply

    return on_submits(site, change, site.rejected)


@mock.fault("malformed_body_refused")
def a_body_that_is_nested_deeply_is_a_server_error(site: Site) -> Fault:
    """Anybody can bring a worker down."""
    return on_submits(
        site, lambda request, reply: Reply(500, {}, b"") if b"[" * 1000 in request.body else reply, site.rejected
    )


@mock.fault("malformed_body_refused")
def an_empty_body_is_accepted(site: Site) -> Fault:
    """A program that sends nothing at all passes its tests."""
    return accepting(site, lambda request: None if request.body else with_json(request, site.sample))


def _is_no_json(request: Request) -> bool:
    try:
        json.loads(request.body)
    except (ValueError, RecursionError):
        return True
    return False


mock.topic("statuses and errors")


@mock.canary("not_a_server_error", "submit_accepted")
def every_request_is_answered_500(_: Site) -> Fault:
    """Nothing works at all."""
    return always(Reply(500, {}, b""))


@mock.canary("answer_conforms", "submit_accepted")
def every_request_is_answered_404(_: Site) -> Fault:
    """Nothing works at all."""
    return always(Reply(404, {}, b""))


@mock.canary("answer_conforms", "key_missing")
def every_request_is_answered_200_with_an_empty_object(_: Site) -> Fault:
    """Everything seems to work, and nothing does."""
    return always(Reply(200, {"content-type": "application/json"}, b"{}"))


@mock.fault("status_code_conformance", "positive_data_acceptance")
def a_valid_request_is_answered_with_an_undocumented_status(site: Site) -> Fault:
    """No client knows what to make of it."""
    return on_submits(site, lambda _, reply: reply.but(status=418))


@mock.fault("status_code_conformance", "negative_data_rejection")
def an_invalid_request_is_answered_with_an_undocumented_status(site: Site) -> Fault:
    """A program that looks for the documented rejection does not recognise this one."""
    return on_submits(site, lambda _, reply: reply.but(status=424), site.rejected)


@mock.fault("negative_data_rejection")
def an_invalid_request_is_a_server_error(site: Site) -> Fault:
    """Whoever made the mistake waits for the server to recover."""
    return on_submits(site, lambda _, reply: reply.but(status=500), site.rejected)


@mock.fault("response_schema_conformance", "negative_data_rejection")
def an_error_is_told_with_the_status_of_success(site: Site) -> Fault:
    """A program that looks at the status takes every error for a job."""
    kind = {"content-type": "application/json"}
    return on_submits(
        site, lambda _, reply: Reply(site.accepted, kind, b'{"error": "bad request", "code": 400}'), site.rejected
    )


@mock.fault("not_a_server_error")
def every_tenth_submit_is_a_server_error(site: Site) -> Fault:
    """Tests fail now and then, and nobody knows why."""
    count = 0

    def change(_: Request, reply: Reply) -> Reply:
        nonlocal count
        count += 1
        return reply if count % 10 else Reply(500, {}, b"")

    return on_submits(site, change)


@mock.fault("answer_conforms")
def the_first_request_is_turned_away(site: Site) -> Fault:
    """The first test of a run fails, whichever it is."""
    count = 0

    def change(request: Request, reply: Reply) -> Reply:
        nonlocal count
        count += site.is_submit(request)
        return Reply(503, {}, b"") if count == 1 and site.is_submit(request) else reply

    return on_replies(change)


@mock.fault("answered", "engine_error")
def the_server_breaks_off(site: Site) -> Fault:
    """A submit that may have been accepted is lost, with what it cost."""

    async def fault(request: Request, inner: Inner) -> Reply:
        if site.is_submit(request):
            raise RuntimeError("the worker is gone")
        return await inner(request)

    return fault
