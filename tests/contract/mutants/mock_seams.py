"""How faults of a mock are written: functions of a site that give what stands around the mock."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from tests.contract.mutants.model import Registry
from tests.contract.mutants.site import Site
from tests.contract.seams import Fault, Inner, Reply, Request

mock = Registry("mock")

Change = Callable[[Request, Reply], Reply]


async def nothing(request: Request, inner: Inner) -> Reply:
    """No fault."""
    return await inner(request)


def on_requests(change: Callable[[Request], Request]) -> Fault:
    """A fault that changes requests on their way in."""

    async def fault(request: Request, inner: Inner) -> Reply:
        return await inner(change(request))

    return fault


def on_replies(change: Change) -> Fault:
    """A fault that changes answers on their way out."""

    async def fault(request: Request, inner: Inner) -> Reply:
        return change(request, await inner(request))

    return fault


def on_submits(site: Site, change: Change, status: int | None = None) -> Fault:
    """A fault that changes what submits are answered with a status: by default those that are accepted."""
    wanted = site.accepted if status is None else status
    return on_replies(
        lambda request, reply: change(request, reply) if site.is_submit(request) and reply.status == wanted else reply
    )


def on_polls(site: Site, change: Change, status: int | None = None) -> Fault:
    """A fault that changes what polls are answered with a status: by default those of known jobs."""
    wanted = site.polled if status is None else status
    return on_replies(
        lambda request, reply: change(request, reply) if site.is_poll(request) and reply.status == wanted else reply
    )


def on_ended(site: Site, change: Change) -> Fault:
    """A fault that changes what polls are answered once a job has succeeded."""
    return on_polls(site, lambda request, reply: change(request, reply) if site.state(reply) == "succeeded" else reply)


def on_files(site: Site, change: Change) -> Fault:
    """A fault that changes the files that results lead to: whatever is served beside the operations and is no text."""
    del site

    def changed(request: Request, reply: Reply) -> Reply:
        kind = header(reply, "content-type")
        return change(request, reply) if reply.status == 200 and kind.startswith("image/") else reply

    return on_replies(changed)


def always(reply: Reply) -> Callable[[Request, Inner], Awaitable[Reply]]:
    """A fault that answers everything the same."""

    async def fault(request: Request, inner: Inner) -> Reply:
        del request, inner
        return reply

    return fault


def refusing(site: Site, refuses: Callable[[Request], bool]) -> Fault:
    """A fault that refuses submits which the mock takes."""

    def change(request: Request, reply: Reply) -> Reply:
        return Reply(site.rejected, {}, b"") if refuses(request) else reply

    return on_submits(site, change)


def accepting(site: Site, mended: Callable[[Request], Request | None]) -> Fault:
    """A fault that takes submits which the mock refuses, by passing on others in their place."""

    async def fault(request: Request, inner: Inner) -> Reply:
        reply = await inner(request)
        if not site.is_submit(request) or reply.status != site.rejected:
            return reply
        other = mended(request)
        return reply if other is None else await inner(other)

    return fault


def accepting_values(site: Site, name: str, mended: Callable[[str], Any]) -> Fault:
    """A fault that takes submits which the mock refuses, by passing on another value of a property that is a text."""

    def change(request: Request) -> Request | None:
        body = json_body(request)
        value = body.get(name)
        return with_json(request, {**body, name: mended(value)}) if isinstance(value, str) else None

    return accepting(site, change)


def showing_the_last_job(site: Site, shows: Callable[[Request], bool]) -> Fault:
    """A fault that answers some polls as if they had asked for the job that was submitted last."""
    last = ""

    async def fault(request: Request, inner: Inner) -> Reply:
        nonlocal last
        if site.is_poll(request) and last and shows(request):
            request = site.asking_for(request, last)
        reply = await inner(request)
        if site.is_submit(request) and reply.status == site.accepted:
            last = str(site.job_id(reply))
        return reply

    return fault


def first_looks(site: Site) -> Callable[[Request], bool]:
    """Tells of each poll whether it is the first that asks for its id."""
    seen: set[str] = set()

    def first(request: Request) -> bool:
        job_id = site.asked_for(request)
        if job_id in seen:
            return False
        seen.add(job_id)
        return True

    return first


def header(reply: Reply, name: str) -> str:
    """The value of a header, empty where there is none."""
    return next((value for each, value in reply.headers.items() if each.lower() == name), "")


def without_header(reply: Reply, name: str) -> Reply:
    """An answer without a header."""
    return reply.but(headers={each: value for each, value in reply.headers.items() if each.lower() != name})


def with_header(reply: Reply, name: str, value: str) -> Reply:
    """An answer with a header in place of the one it has."""
    return reply.but(headers={**without_header(reply, name).headers, name: value})


def json_body(request: Request) -> dict[str, Any]:
    """The JSON object that a request carries; empty where it carries none."""
    value = Reply(0, {}, request.body).json
    return value if isinstance(value, dict) else {}


def with_json(request: Request, value: Any) -> Request:
    """A request with a JSON value as its body."""
    return request.but(body=Reply(0, {}, b"").with_json(value).body)
