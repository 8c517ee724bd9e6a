"""Faults of a mock in what it owes beyond the contract: files, limits, wishes, and the contract's own file."""

from __future__ import annotations

from collections.abc import Callable

from tests.contract.forced import SERVED_AT
from tests.contract.mutants.mock_seams import (
    mock,
    on_ended,
    on_files,
    on_replies,
    on_requests,
    with_header,
    without_header,
)
from tests.contract.mutants.model import NotApplicable
from tests.contract.mutants.site import Site, written
from tests.contract.seams import Fault, Inner, Reply, Request

_TOO_MANY = 429

mock.topic("images")


@mock.fault("file_served")
def an_image_is_not_there(site: Site) -> Fault:
    """The download of every program fails, and its tests cannot show that it works."""
    return on_files(site, lambda _, __: Reply(404, {}, b""))


@mock.fault("file_served")
def an_image_asks_for_the_key(site: Site) -> Fault:
    """A client must send its key to the host of the images, or fail."""
    return on_files(site, lambda request, reply: reply if site.shown(request) else Reply(401, {}, b""))


@mock.fault("file_served")
def an_image_leads_to_another_host(site: Site) -> Fault:
    """Tests need the network, and fail without it."""
    return on_ended(site, lambda _, reply: written(reply, site.result_place, ["https://files.invalid/room.png"]))


@mock.fault("file_as_named")
def an_image_is_a_web_page(site: Site) -> Fault:
    """What is saved as an image cannot be opened."""
    return on_files(site, lambda _, reply: Reply(200, {"content-type": "text/html"}, b"<h1>Sign in</h1>"))


@mock.fault("file_as_named")
def an_image_has_no_type(site: Site) -> Fault:
    """A browser offers it for download and does not show it."""
    return on_files(site, lambda _, reply: with_header(reply, "content-type", "application/octet-stream"))


@mock.fault("file_whole")
def an_image_is_cut_off(site: Site) -> Fault:
    """The lower half of what was paid for is grey."""
    return on_files(site, lambda _, reply: reply.but(body=reply.body[: len(reply.body) // 2]))


@mock.fault("file_stable")
def an_image_changes_from_download_to_download(site: Site) -> Fault:
    """A test that compares images fails now and then."""
    count = 0

    def change(_: Request, reply: Reply) -> Reply:
        nonlocal count
        count += 1
        return reply.but(body=reply.body + bytes([count % 256]))

    return on_files(site, change)


mock.topic("limits")


@mock.fault("limit_held")
def the_rate_limit_is_not_held(site: Site) -> Fault:
    """A program that is too fast passes its tests and is blocked in production."""
    return _asking_again(site, lambda _: True)


@mock.fault("limit_not_early")
def the_rate_limit_is_one_call_too_low(site: Site) -> Fault:
    """A program that keeps the limit is refused."""
    rate = site.spec.rate_limit
    if rate is None:
        raise NotApplicable("the contract declares no rate limit")
    count = 0

    async def fault(request: Request, inner: Inner) -> Reply:
        nonlocal count
        count += site.is_submit(request) or site.is_poll(request)
        return await inner(request) if count % rate.requests else Reply(_TOO_MANY, {}, b"")

    return fault


@mock.fault("limit_held")
def only_submits_count_for_the_rate_limit(site: Site) -> Fault:
    """A program that polls too fast passes its tests and is blocked in production."""
    return _asking_again(site, site.is_poll)


@mock.fault("limit_passes")
def a_refusal_for_speed_never_ends(site: Site) -> Fault:
    """A program that waits as it should is refused all the same."""
    refused = False

    async def fault(request: Request, inner: Inner) -> Reply:
        nonlocal refused
        reply = await inner(request)
        refused = refused or reply.status == _TOO_MANY
        return Reply(_TOO_MANY, {"retry-after": "1"}, b"") if refused else reply

    return fault


@mock.fault("limit_told")
def a_refusal_for_speed_does_not_say_how_long(_: Site) -> Fault:
    """A program does not know how long to wait."""
    return on_replies(lambda _, reply: without_header(reply, "retry-after"))


@mock.fault("answer_conforms")
def every_twentieth_call_is_refused_for_speed(site: Site) -> Fault:
    """Tests fail now and then, and nobody knows why."""
    count = 0

    async def fault(request: Request, inner: Inner) -> Reply:
        nonlocal count
        count += site.is_submit(request) or site.is_poll(request)
        return await inner(request) if count % 20 else Reply(_TOO_MANY, {}, b"")

    return fault


mock.topic("wishes and the served contract")


@mock.fault("forced_status", "forced_example")
def a_wish_for_an_answer_is_not_heard(_: Site) -> Fault:
    """Nobody can try out what their program does with an error."""
    return on_requests(
        lambda request: request.but(headers={name: v for name, v in request.headers.items() if name != "prefer"})
    )


@mock.fault("forced_status")
def a_wish_for_a_server_error_gets_another_one(_: Site) -> Fault:
    """Somebody tries out the wrong error and believes it is the right one."""

    def change(request: Request, reply: Reply) -> Reply:
        return reply.but(status=reply.status + 1) if "prefer" in request.headers and reply.status >= 400 else reply

    return on_replies(change)


@mock.fault("forced_example")
def a_wish_for_a_state_gets_another_one(site: Site) -> Fault:
    """Somebody tries out success and believes it is failure."""

    def change(request: Request, reply: Reply) -> Reply:
        wished = "example=" in request.headers.get("prefer", "") and site.is_poll(request) and reply.status == 200
        return reply.with_json(site.example("succeeded")) if wished else reply

    return on_replies(change)


@mock.fault("contract_served")
def the_served_contract_is_not_the_file(_: Site) -> Fault:
    """Whoever generates a client from it generates another one."""
    return on_replies(lambda request, reply: reply.but(body=reply.body + b"\n") if request.path == SERVED_AT else reply)


def _asking_again(site: Site, excused: Callable[[Request], bool]) -> Fault:
    """A fault that asks once more, later, where a request was refused for speed."""
    rate = site.spec.rate_limit
    if rate is None:
        raise NotApplicable("the contract declares no rate limit")

    async def fault(request: Request, inner: Inner) -> Reply:
        reply = await inner(request)
        if reply.status != _TOO_MANY or not excused(request):
            return reply
        with site.at(2 * rate.seconds):
            return await inner(request)

    return fault
