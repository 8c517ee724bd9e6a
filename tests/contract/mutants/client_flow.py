"""Faults of a client in how it waits, what it sends again, and how it downloads."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from typing import Any

import httpx
from tests.contract.clients import BASE_URL, Prepare
from tests.contract.mutants.client_seams import (
    client,
    errors,
    on_error,
    on_the_line,
    overriding,
    retrying,
    with_polling,
    with_retries,
)
from tests.contract.mutants.site import Site

client.topic("job loop")


def _changed(**changes: Any) -> Callable[[Any], Any]:
    return lambda polling: dataclasses.replace(polling, **changes)


@client.fault("job_has_id", "polls_the_link")
def the_id_of_a_job_is_changed(site: Site) -> Prepare:
    """The job is lost, with what it cost."""

    def change(polling: Any) -> Any:
        def read(answer: Any) -> Any:
            job_id = polling.read_id(answer)
            return job_id + 1 if isinstance(job_id, int) else f"{job_id}."

        return dataclasses.replace(polling, read_id=read)

    return with_polling(site, change)


@client.fault("polls_until_the_end", "success_returned", "states_told")
def the_first_answer_is_taken_for_the_end(site: Site) -> Prepare:
    """A program goes on without its result."""
    return with_polling(site, _changed(succeeded=lambda _: True))


@client.fault("failure_raised", "states_told")
def a_failure_is_taken_for_success(site: Site) -> Prepare:
    """A program goes on without its result."""

    def change(polling: Any) -> Any:
        return dataclasses.replace(
            polling,
            succeeded=lambda answer: polling.succeeded(answer) or polling.failed(answer),
            failed=lambda _: False,
        )

    return with_polling(site, change)


@client.fault("polls_until_the_end", "success_returned")
def success_has_the_name_of_an_older_contract(site: Site) -> Prepare:
    """A program waits for ever for what is long done."""
    return with_polling(site, _changed(succeeded=lambda _: False))


@client.fault("failure_raised")
def failure_is_not_noticed(site: Site) -> Prepare:
    """A program waits for ever for what will never be."""
    return with_polling(site, _changed(failed=lambda _: False))


@client.fault("result_told")
def the_result_is_looked_for_in_the_wrong_place(site: Site) -> Prepare:
    """A program sees no result in the updates."""
    return with_polling(site, _changed(result=lambda answer: answer.at("/elsewhere")))


@client.fault("unknown_state_waited")
def a_state_that_is_not_known_is_taken_for_failure(site: Site) -> Prepare:
    """A state that the server adds tomorrow ends every wait, and its result is lost."""

    def change(polling: Any) -> Any:
        known = {each.value for each in (*site.polling.success, *site.polling.failure)}
        known.add(site.state_place.read(_answer(site)))
        pointer = site.state_place.key
        return dataclasses.replace(polling, failed=lambda a: polling.failed(a) or a.at(pointer) not in known)

    return with_polling(site, change)


@client.fault("wait_survives")
def a_poll_that_fails_ends_the_wait(_: Site) -> Prepare:
    """One bad second of a network costs every result that is waited for."""
    return on_error("TransportError", lambda _, error: errors().ClientError(error.message))


@client.fault("timeout_raised")
def a_wait_never_ends(site: Site) -> Prepare:
    """A program hangs."""
    return with_polling(site, _changed(timeout_seconds=float("inf")))


@client.fault("timeout_raised")
def the_time_is_up_ten_times_too_late(site: Site) -> Prepare:
    """A program hangs for an hour."""
    return with_polling(
        site, lambda polling: dataclasses.replace(polling, timeout_seconds=10 * polling.timeout_seconds)
    )


@client.fault("timeout_raised")
def the_time_is_up_too_early(site: Site) -> Prepare:
    """A program gives up on what was paid for."""
    return with_polling(
        site, lambda polling: dataclasses.replace(polling, timeout_seconds=polling.timeout_seconds / 10)
    )


@client.fault("job_id_told")
def an_error_of_a_job_does_not_tell_its_id(_: Site) -> Prepare:
    """The job cannot be taken up again: it is lost, with what it cost."""

    def instead(_: Any, error: Any) -> Any:
        error.job_id = None
        return error

    return on_error("ClientError", instead)


@client.fault("resumed_by_polling")
def a_job_that_is_taken_up_again_has_another_id(_: Site) -> Prepare:
    """The job is lost, with what it cost."""
    return overriding(_resume=lambda self, original, name, job_id: original(name, _next(job_id)))


@client.fault("states_told")
def updates_are_not_told(_: Site) -> Prepare:
    """A progress bar stands still."""

    def silenced(job: Any) -> Any:
        finish = job._finish
        job._finish = lambda timeout, on_update: finish(timeout, None)
        return job

    async def later(job: Any) -> Any:
        return silenced(await job)

    def submit(self: Any, original: Any, *arguments: Any) -> Any:
        del self
        job = original(*arguments)
        return later(job) if inspect.isawaitable(job) else silenced(job)

    return overriding(_submit=submit)


client.topic("retries and double charges")


@client.fault("sent_once", "uncertainty_told")
def a_submit_is_sent_again_after_no_answer(_: Site) -> Prepare:
    """The job is paid for twice."""
    return retrying(lambda error, made: 0.5 if made < 2 and not hasattr(error, "status_code") else None)


@client.fault("sent_once")
def a_submit_is_sent_again_after_a_server_error(_: Site) -> Prepare:
    """The job is paid for twice."""
    return retrying(lambda error, made: 0.5 if made < 2 and getattr(error, "status_code", 0) >= 500 else None)


@client.fault("sent_once")
def every_error_is_tried_again(_: Site) -> Prepare:
    """A wrong key is sent again and again, until the user is blocked."""
    return retrying(lambda _, made: 0.5 if made < 2 else None)


@client.fault("retried_where_safe")
def nothing_is_ever_tried_again(_: Site) -> Prepare:
    """One lost packet ends a program."""
    return retrying(lambda _, __: None)


@client.fault("retried_where_safe")
def only_submits_are_tried_again(_: Site) -> Prepare:
    """One lost packet ends a program, where trying again could do no harm."""

    def change(operation: Any, _: Any, decider: Any) -> None:
        if operation.polling is None:
            decider.pause = lambda _: None

    return with_retries(change)


@client.fault("retry_after_kept")
def retry_after_is_not_heard(_: Site) -> Prepare:
    """A server that asks for patience blocks the user."""

    def change(_: Any, __: Any, decider: Any) -> None:
        pause = decider.pause
        decider.pause = lambda error: None if pause(error) is None else 0.1

    return with_retries(change)


@client.fault("retries_bounded")
def trying_again_never_ends(_: Site) -> Prepare:
    """A program hangs, and hammers a server that is down."""

    def change(_: Any, __: Any, decider: Any) -> None:
        decider.pause = lambda error: 8.0 if decider._may_help(error) else None

    return with_retries(change)


@client.fault("transport_error_raised", "uncertainty_told")
def a_submit_that_may_have_been_accepted_looks_as_if_it_had_not(_: Site) -> Prepare:
    """A program sends it again, and pays twice."""
    return on_error("SubmissionUncertain", lambda _, error: errors().TransportError(error.message, never_sent=True))


@client.fault("uncertainty_told")
def a_submit_that_was_refused_looks_as_if_it_had_been_accepted(_: Site) -> Prepare:
    """A program looks for a job that there is not."""
    return on_error("BadRequest", lambda _, error: errors().SubmissionUncertain(error.message))


client.topic("downloads")


@client.fault("download_without_key")
def the_key_is_shown_to_the_host_of_the_files(_: Site) -> Prepare:
    """Whoever keeps the files can start jobs at the user's expense."""

    def change(self: Any, original: Any, *arguments: Any, **options: Any) -> None:
        original(*arguments, **options)
        self._files.headers["x-key"] = self._secret.reveal()

    return overriding(__init__=change)


@client.fault("download_refused")
def a_page_of_an_error_is_saved_as_a_file(_: Site) -> Prepare:
    """What was paid for is a page that says that it has expired."""

    def inward(request: httpx.Request, response: httpx.Response) -> httpx.Response:
        return httpx.Response(200, content=response.content) if _is_file(request) and response.is_error else response

    return on_the_line(inward=inward)


@client.fault("download_refused")
def half_a_file_is_left_behind(_: Site) -> Prepare:
    """A program takes half a file for a whole one."""

    class Patient(httpx.SyncByteStream, httpx.AsyncByteStream):
        def __init__(self, stream: Any) -> None:
            self._stream = stream

        def __iter__(self) -> Iterator[bytes]:
            with suppress(httpx.ReadError):
                yield from self._stream

        async def __aiter__(self) -> AsyncIterator[bytes]:
            with suppress(httpx.ReadError):
                async for part in self._stream:
                    yield part

    def inward(request: httpx.Request, response: httpx.Response) -> httpx.Response:
        return httpx.Response(200, stream=Patient(response.stream)) if _is_file(request) else response

    return on_the_line(inward=inward)


@client.fault("download_whole")
def only_the_first_file_is_downloaded(site: Site) -> Prepare:
    """All images but one are lost, with what they cost."""

    def change(polling: Any) -> Any:
        return dataclasses.replace(polling, result=lambda answer: (polling.result(answer) or [None])[:1])

    return with_polling(site, change)


def _is_file(request: httpx.Request) -> bool:
    return request.url.host != httpx.URL(BASE_URL).host


def _next(job_id: str) -> str:
    return str(int(job_id) + 1) if job_id.isdecimal() else job_id + "."


def _answer(site: Site) -> Any:
    from spacely_spec import Answer

    return Answer(site.polled, {}, site.example("running"))
