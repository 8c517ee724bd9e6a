"""Faults of a mock in how its jobs run and end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.contract.mutants.mock_seams import first_looks, mock, on_ended, on_polls, on_submits, showing_the_last_job
from tests.contract.mutants.model import NotApplicable
from tests.contract.mutants.site import Site, written
from tests.contract.seams import Fault, Inner, Reply, Request

mock.topic("job flow")


@mock.fault("submit_accepted")
def a_submit_is_answered_with_another_success(site: Site) -> Fault:
    """A client that goes by the documented status takes the job for lost."""
    return on_submits(site, lambda _, reply: reply.but(status=site.accepted + 3))


@mock.fault("distinct_ids")
def every_submit_is_answered_with_the_first_id(site: Site) -> Fault:
    """All results but one are lost, with what they cost."""
    first: list[Any] = []

    def change(_: Request, reply: Reply) -> Reply:
        first.append(site.job_id(reply))
        return site.with_job_id(reply, first[0])

    return on_submits(site, change)


@mock.fault("distinct_ids")
def the_same_submit_twice_is_one_job(site: Site) -> Fault:
    """Whoever asks for a second try gets the first one again."""
    known: dict[bytes, Any] = {}

    def change(request: Request, reply: Reply) -> Reply:
        return site.with_job_id(reply, known.setdefault(request.body, site.job_id(reply)))

    return on_submits(site, change)


@mock.fault("submitted_job_known", "linked_job_known")
def the_id_of_a_submit_is_not_the_jobs(site: Site) -> Fault:
    """The job is lost, with what it cost."""

    def change(_: Request, reply: Reply) -> Reply:
        known = site.job_id(reply)
        return site.with_job_id(reply, known + 1_000_003 if isinstance(known, int) else f"{known}-1")

    return on_submits(site, change)


@mock.fault("submitted_job_known")
def a_job_is_known_only_after_a_while(site: Site) -> Fault:
    """A client that polls at once takes the job for lost."""
    first = first_looks(site)
    return on_polls(site, lambda request, reply: Reply(site.unknown, {}, b"") if first(request) else reply)


@mock.fault("submitted_job_known")
def a_job_is_forgotten_once_its_end_was_told(site: Site) -> Fault:
    """Whoever loses the answer to one poll loses the result, with what it cost."""
    told: set[str] = set()

    def change(request: Request, reply: Reply) -> Reply:
        again = site.asked_for(request) in told
        if site.state(reply) != "running":
            told.add(site.asked_for(request))
        return Reply(site.unknown, {}, b"") if again else reply

    return on_polls(site, change)


@mock.fault("submitted_job_known")
def a_job_is_forgotten_some_time_after_its_end(site: Site) -> Fault:
    """Whoever looks later loses the result, with what it cost."""

    async def fault(request: Request, inner: Inner) -> Reply:
        reply = await inner(request)
        if not site.is_poll(request) or reply.status != site.polled:
            return reply
        with site.at(-5 * site.render_time):
            earlier = await inner(request)
        return Reply(site.unknown, {}, b"") if site.state(earlier) != "running" else reply

    return fault


@mock.fault("job_ends", "state_in_step")
def a_job_never_ends(site: Site) -> Fault:
    """A client waits until its patience ends."""
    return _aged(site, lambda _, __: 0.0)


@mock.fault("state_in_step")
def a_job_has_ended_at_once(site: Site) -> Fault:
    """The waiting in a program is never tried out."""
    return _aged(site, lambda _, age: age + 2 * site.render_time)


@mock.fault("state_in_step")
def a_job_takes_twice_as_long_as_it_should(site: Site) -> Fault:
    """Tests run into their timeouts."""
    return _aged(site, lambda _, age: age / 2)


@mock.fault("state_never_goes_back")
def a_job_that_has_ended_runs_again(site: Site) -> Fault:
    """Whoever looks twice takes back what was told before."""
    ended: set[str] = set()

    def shown(job_id: str, age: float) -> float:
        if job_id in ended:
            return 0.0
        if age > site.render_time:
            ended.add(job_id)
        return age

    return _aged(site, shown)


@mock.fault("end_is_stable")
def the_result_changes_from_poll_to_poll(site: Site) -> Fault:
    """Two programs that share a job see two results."""
    count = 0

    def change(_: Request, reply: Reply) -> Reply:
        nonlocal count
        count += 1
        return written(reply, site.result_place, [f"https://files.invalid/{count}.png"])

    return on_ended(site, change)


@mock.fault("result_when_done")
def a_job_that_runs_shows_a_result(site: Site) -> Fault:
    """A program that takes what it finds takes it too early."""

    def change(_: Request, reply: Reply) -> Reply:
        early = site.state(reply) == "running"
        return written(reply, site.result_place, ["https://files.invalid/1.png"]) if early else reply

    return on_polls(site, change)


@mock.fault("result_when_done")
def a_job_that_has_succeeded_shows_no_result(site: Site) -> Fault:
    """What was paid for is never seen."""
    return on_ended(site, lambda _, reply: written(reply, site.result_place, []))


@mock.fault("result_when_done")
def a_result_comes_later_than_success(site: Site) -> Fault:
    """A program that stops at success sees nothing."""
    first = first_looks(site)
    return on_ended(site, lambda request, reply: written(reply, site.result_place, []) if first(request) else reply)


@mock.fault("job_succeeds")
def every_job_fails(site: Site) -> Fault:
    """Nothing that comes after a success is ever tried out."""
    return on_ended(site, lambda _, reply: reply.with_json(site.example("failed")))


@mock.fault("jobs_apart")
def only_the_newest_job_is_known(site: Site) -> Fault:
    """Of jobs that run side by side all results but one are lost."""
    return showing_the_last_job(site, lambda _: True)


@mock.fault("results_apart")
def every_job_has_the_same_result(site: Site) -> Fault:
    """A program that mixes up its jobs passes its tests."""
    first: list[Any] = []

    def change(_: Request, reply: Reply) -> Reply:
        first.append(site.result(reply))
        return written(reply, site.result_place, first[0])

    return on_ended(site, change)


@mock.fault("unknown_id_refused")
def an_unknown_id_is_taken_for_a_job_that_runs(site: Site) -> Fault:
    """A misspelt id is waited for until patience ends."""
    kind = {"content-type": "application/json"}
    return on_polls(site, lambda _, __: Reply(site.polled, kind, b"").with_json(site.example("running")), site.unknown)


@mock.fault("unknown_id_refused")
def an_unknown_id_is_answered_with_the_last_job(site: Site) -> Fault:
    """One user sees the result of another."""
    last = ""

    async def fault(request: Request, inner: Inner) -> Reply:
        nonlocal last
        reply = await inner(request)
        if site.is_submit(request) and reply.status == site.accepted:
            last = str(site.job_id(reply))
        if site.is_poll(request) and reply.status == site.unknown and last and site.asked_for(request):
            return await inner(site.asking_for(request, last))
        return reply

    return fault


@mock.fault("unknown_id_refused", "answer_conforms")
def an_unknown_id_is_answered_with_an_undocumented_status(site: Site) -> Fault:
    """A program that looks for the documented status does not recognise this one."""
    return on_polls(site, lambda _, reply: reply.but(status=424), site.unknown)


@mock.fault("unknown_id_refused")
def an_id_may_have_something_behind_it(site: Site) -> Fault:
    """An id that was pasted with its punctuation works in tests and is unknown in production."""
    known: list[str] = []

    async def fault(request: Request, inner: Inner) -> Reply:
        reply = await inner(request)
        if site.is_submit(request) and reply.status == site.accepted:
            known.append(str(site.job_id(reply)))
        if site.is_poll(request) and reply.status == site.unknown:
            for each in known:
                if site.asked_for(request).startswith(each):
                    return await inner(site.asking_for(request, each))
        return reply

    return fault


@mock.fault("unknown_id_refused")
def an_id_is_matched_in_any_case(site: Site) -> Fault:
    """An id that was put in capital letters on its way works in tests and is unknown in production."""
    known: dict[str, str] = {}

    async def fault(request: Request, inner: Inner) -> Reply:
        reply = await inner(request)
        if site.is_submit(request) and reply.status == site.accepted:
            known[str(site.job_id(reply)).lower()] = str(site.job_id(reply))
        other = known.get(site.asked_for(request).lower()) if site.is_poll(request) else None
        return await inner(site.asking_for(request, other)) if other is not None else reply

    return fault


@mock.fault("submitted_job_known", "answer_conforms")
def a_second_poll_is_too_soon(site: Site) -> Fault:
    """A client that keeps the declared pace is refused."""
    asked: dict[str, int] = {}

    def change(request: Request, reply: Reply) -> Reply:
        count = asked[site.asked_for(request)] = asked.get(site.asked_for(request), 0) + 1
        return Reply(429, {}, b"") if count == 2 else reply

    return on_polls(site, change)


def _aged(site: Site, shown: Callable[[str, float], float]) -> Fault:
    """A fault that shows jobs at another age than they have: takes a job's id and its age in seconds."""
    started: dict[str, float] = {}

    async def fault(request: Request, inner: Inner) -> Reply:
        assert site.clock is not None
        now = site.clock.time
        job_id = site.asked_for(request) if site.is_poll(request) else ""
        if job_id in started:
            age = now - started[job_id]
            with site.at(shown(job_id, age) - age):
                return await inner(request)
        reply = await inner(request)
        if site.is_submit(request) and reply.status == site.accepted:
            started[str(site.job_id(reply))] = now
        return reply

    return fault


mock.topic("no drift")


@mock.no_op()
def ids_look_different(site: Site) -> Fault:
    """An id is opaque: nothing may depend on its form."""
    if any(keyword in site.resolved(_id_schema(site)) for keyword in ("pattern", "format", "maxLength")):
        raise NotApplicable("the contract says what ids look like")
    mark = "job_"

    async def fault(request: Request, inner: Inner) -> Reply:
        if site.is_poll(request) and (asked := site.asked_for(request)):
            bare = asked.removeprefix(mark)
            request = site.asking_for(request, bare if asked.startswith(mark) else "~" + asked)
        reply = await inner(request)
        if site.is_submit(request) and reply.status == site.accepted and isinstance(site.job_id(reply), str):
            return site.with_job_id(reply, mark + site.job_id(reply))
        return reply

    return fault


def _id_schema(site: Site) -> Any:
    return next(each.schema for each in site.poll.parameters if each.name == site.polling.parameter)
