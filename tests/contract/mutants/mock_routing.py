"""Faults of a mock in where it listens, and to which methods."""

from __future__ import annotations

import re

from tests.contract.mutants.mock_seams import (
    mock,
    on_replies,
    on_requests,
    on_submits,
    without_header,
)
from tests.contract.mutants.model import NotApplicable
from tests.contract.mutants.site import Site
from tests.contract.mutants.spec_given import there_are_things_to_be_made
from tests.contract.seams import Fault, Inner, Reply, Request

mock.topic("routing")


@mock.fault("unsupported_method")
def a_method_that_the_contract_does_not_have_is_served(_: Site) -> Fault:
    """A program that sends the wrong method passes its tests and fails in production."""
    return on_replies(lambda _, reply: reply.but(status=200) if reply.status == 405 else reply)


@mock.fault("unsupported_method")
def a_405_does_not_say_what_is_allowed(_: Site) -> Fault:
    """Whoever used the wrong method is not told the right one."""
    return on_replies(lambda _, reply: without_header(reply, "allow") if reply.status == 405 else reply)


@mock.fault("allow_header_conformance")
def the_allow_header_lists_a_method_that_is_not_there(_: Site) -> Fault:
    """Whoever believes it is refused."""

    def change(_: Request, reply: Reply) -> Reply:
        return reply.but(
            headers={
                name: f"{value}, DELETE" if name.lower() == "allow" else value for name, value in reply.headers.items()
            }
        )

    return on_replies(change)


@mock.fault("unknown_path_refused")
def a_path_that_does_not_exist_is_answered_with_success(site: Site) -> Fault:
    """A misspelt path goes unnoticed until production."""
    del site
    kind = {"content-type": "application/json"}
    return on_replies(lambda _, reply: Reply(200, kind, b"{}") if reply.status == 404 else reply)


@mock.fault("unknown_path_refused")
def a_path_is_matched_in_any_case(site: Site) -> Fault:
    """A path in capital letters goes unnoticed until production."""

    def change(request: Request) -> Request:
        for operation in (site.submit, site.poll):
            path = site.spec.base_path + operation.path
            if request.path.lower() == path.lower():
                return request.but(path=path)
        return request

    return on_requests(change)


@mock.fault("unknown_path_refused")
def the_base_path_may_be_left_out(site: Site) -> Fault:
    """A base URL without its path passes the tests and fails in production."""
    base = site.spec.base_path
    if not base:
        raise NotApplicable("the contract has no base path")

    def change(request: Request) -> Request:
        known = any(request.path == operation.path for operation in (site.submit, site.poll))
        return request.but(path=base + request.path) if known else request

    return on_requests(change)


@mock.fault("unknown_path_refused")
def whatever_follows_a_path_is_ignored(site: Site) -> Fault:
    """A URL with something pasted behind it goes unnoticed until production."""
    path = site.spec.base_path + site.submit.path

    def change(request: Request) -> Request:
        return request.but(path=path) if request.path.startswith(path) else request

    return on_requests(change)


@mock.fault("submit_accepted", "status_code_conformance")
def a_submit_is_sent_somewhere_else(site: Site) -> Fault:
    """A client that follows redirects takes the key to wherever it is sent."""
    return on_submits(site, lambda request, reply: Reply(307, {"location": request.path + "/"}, reply.body))


@mock.fault("submit_accepted", "succeeds_once")
def an_operation_is_missing(site: Site) -> Fault:
    """A part of the contract cannot be used at all."""
    pattern = re.escape(site.submit.path)

    async def fault(request: Request, inner: Inner) -> Reply:
        return Reply(404, {}, b"") if re.search(pattern, request.path) else await inner(request)

    return fault


@mock.fault("ensure_resource_availability", given=there_are_things_to_be_made)
def what_was_made_is_not_there(site: Site) -> Fault:
    """A program that makes a thing and looks at it is told that there is none."""
    if not any(operation.path.startswith("/things/") for operation in site.spec.operations):
        raise NotApplicable("there are no things")

    def change(request: Request, reply: Reply) -> Reply:
        return Reply(404, {}, b"") if request.method == "GET" and "/things/" in request.path else reply

    return on_replies(change)
