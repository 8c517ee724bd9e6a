"""Faults of a mock in who it lets in."""

from __future__ import annotations

from tests.contract.mutants.mock_seams import always, mock, on_replies, on_requests, on_submits, with_header
from tests.contract.mutants.model import NotApplicable
from tests.contract.mutants.site import Site
from tests.contract.mutants.spec_operations import the_key_becomes_a_bearer_token
from tests.contract.seams import Fault, Inner, Reply, Request

mock.topic("authentication")


@mock.canary("key_accepted", "succeeds_once", "link_followed", "warning_missing_auth")
def every_request_is_answered_401(site: Site) -> Fault:
    """Nothing works at all; plain Schemathesis passes such a server, for 401 is documented."""
    return always(Reply(site.refused, {}, b""))


@mock.fault("key_missing", "key_wrong", "key_empty", "ignored_auth")
def no_key_is_looked_at(site: Site) -> Fault:
    """A program that forgets its key passes its tests and fails in production."""
    return on_requests(site.with_key)


@mock.fault("key_missing")
def only_submits_ask_for_a_key(site: Site) -> Fault:
    """Whoever guesses an id sees the result of somebody else."""
    return on_requests(lambda request: site.with_key(request) if site.is_poll(request) else request)


@mock.fault("key_empty")
def an_empty_key_is_taken(site: Site) -> Fault:
    """An unset environment variable goes unnoticed until production."""
    return on_requests(
        lambda request: site.with_key(request) if site.shown(request) == site.scheme.prefix.rstrip() else request
    )


@mock.fault("key_wrong")
def the_beginning_of_a_key_is_enough(site: Site) -> Fault:
    """A key with something pasted behind it seems to work."""
    full = site.scheme.prefix + site.key
    return on_requests(
        lambda request: site.with_key(request) if (site.shown(request) or "").startswith(full) else request
    )


@mock.fault("key_wrong")
def a_key_is_taken_in_any_case(site: Site) -> Fault:
    """A key that was put in lower case on its way seems to work."""
    full = (site.scheme.prefix + site.key).lower()
    return on_requests(
        lambda request: site.with_key(request) if (site.shown(request) or "").lower() == full else request
    )


@mock.fault("key_misplaced")
def a_key_in_the_query_is_taken(site: Site) -> Fault:
    """Keys end up in URLs, and from there in logs."""

    def change(request: Request) -> Request:
        query = dict(request.query)
        return site.with_key(request.but(query=query)) if query.pop(site.scheme.name, "") == site.key else request

    return on_requests(change)


@mock.fault("key_misplaced")
def a_key_in_a_cookie_is_taken(site: Site) -> Fault:
    """A page of another site can make a browser start jobs."""
    wanted = f"{site.scheme.name}={site.key}"
    return on_requests(
        lambda request: site.with_key(request) if wanted in request.headers.get("cookie", "") else request
    )


@mock.fault("key_misnamed")
def a_bearer_token_is_taken_for_the_key(site: Site) -> Fault:
    """A client that sends the key under the wrong name passes its tests and fails in production."""
    wanted = f"Bearer {site.key}"
    return on_requests(
        lambda request: site.with_key(request) if request.headers.get("authorization") == wanted else request
    )


@mock.fault("key_missing", "answer_conforms")
def a_missing_key_is_answered_with_another_status(site: Site) -> Fault:
    """A program that looks for the documented refusal does not recognise this one."""
    return on_replies(lambda _, reply: reply.but(status=407) if reply.status == site.refused else reply)


@mock.fault("key_not_echoed")
def an_answer_repeats_the_key(site: Site) -> Fault:
    """The key gets into every log of answers."""
    return on_submits(site, lambda _, reply: with_header(reply, "x-account", site.key))


@mock.fault("key_not_echoed")
def a_refusal_repeats_the_key_that_it_refuses(site: Site) -> Fault:
    """A key with a slip of the pen in it stands in the error log, all but that one character."""

    def change(request: Request, reply: Reply) -> Reply:
        return (
            reply.with_json({"detail": f"{site.shown(request)} is no key"}) if reply.status == site.refused else reply
        )

    return on_replies(change)


@mock.fault("key_accepted")
def a_key_works_only_once(site: Site) -> Fault:
    """Every program fails at its second call."""
    seen: list[str] = []

    async def fault(request: Request, inner: Inner) -> Reply:
        if site.shown(request) is not None and (site.is_submit(request) or site.is_poll(request)):
            seen.append(request.path)
        return Reply(site.refused, {}, b"") if len(seen) > 1 else await inner(request)

    return fault


@mock.fault("key_without_prefix", given=the_key_becomes_a_bearer_token)
def a_key_is_taken_without_its_prefix(site: Site) -> Fault:
    """A header with the key alone goes unnoticed until production."""
    prefix = site.scheme.prefix
    if not prefix:
        raise NotApplicable("the key has no prefix")
    name = site.scheme.name.lower()

    def change(request: Request) -> Request:
        shown = site.shown(request)
        if not shown or shown.startswith(prefix):
            return request
        return request.but(headers={**request.headers, name: prefix + shown})

    return on_requests(change)
