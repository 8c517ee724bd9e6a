"""Hooks are told of every attempt, call and wait, hold nothing up, and see no key."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Any

import httpx
import pytest
from tests.spacely_runtime.things import BROKEN, DONE, KEY, RUNNING, STARTED, Clock, Server, Spans, answer

from spacely_runtime import CallEvent, Hook, Key, LoggingHook, RequestEvent, ResponseEvent, WaitEvent, errors


class Recorder(Spans):
    """Keeps all it is told, in order, and when calls and waits end."""

    def on_call(self, event: CallEvent) -> Any:
        return self.span(event)

    def on_request(self, event: RequestEvent) -> None:
        self.told.append(event)

    def on_response(self, event: ResponseEvent) -> None:
        self.told.append(event)

    def responses(self) -> list[ResponseEvent]:
        return [each for each in self.told if isinstance(each, ResponseEvent)]


class Faulty(Hook):
    """Raises wherever it can."""

    def __init__(self, *, late: bool) -> None:
        self._late = late

    def on_call(self, event: CallEvent) -> Any:
        return self._span() if self._late else self._fail()

    on_wait: Any = on_call

    def on_request(self, event: RequestEvent) -> None:
        self._fail()

    def on_response(self, event: ResponseEvent) -> None:
        self._fail()

    def _fail(self) -> Any:
        raise RuntimeError("a mistake in a hook")

    @contextmanager
    def _span(self) -> Generator[None]:
        try:
            yield
        finally:
            self._fail()


def test_a_call_is_told_attempt_by_attempt(clock: Clock) -> None:
    hook = Recorder()
    with Server(answer(503), RUNNING).client(hooks=[hook]) as client:
        client.look("t")
    assert hook.kinds == [
        "CallEvent",
        *("RequestEvent", "ResponseEvent", "RequestEvent", "ResponseEvent"),
        "left",
    ]
    assert hook.told[0] == CallEvent(
        operation="lookAt", method="GET", path="/look/{ticket}", url="https://things.test/v1/look/t", job_id="t"
    )
    first, second = hook.responses()
    assert (first.attempt, first.status_code, type(first.error)) == (1, 503, errors.ServerError)
    assert (second.attempt, second.status_code, second.error, second.submitted) == (2, 200, None, False)


def test_a_submit_is_told_with_the_id_of_its_job_and_so_is_each_poll(clock: Clock) -> None:
    hook = Recorder()
    with Server(STARTED, RUNNING, httpx.ReadError("reset"), DONE).client(hooks=[hook]) as client:
        client.start().wait(timeout=30)
    assert [(each.operation, each.job_id, each.submitted) for each in hook.responses()] == [
        ("startThing", "t-1", True),
        *[("lookAt", "t-1", False)] * 3,
    ]
    assert [each.status_code for each in hook.responses()] == [200, 200, None, 200]
    assert [each for each in hook.told if isinstance(each, WaitEvent)] == [
        WaitEvent(operation="startThing", job_id="t-1", timeout=30)
    ]
    assert hook.kinds[-1] == "left"


def test_a_wait_that_ends_badly_is_left_with_its_error(clock: Clock) -> None:
    hook = Recorder()
    with Server(STARTED, BROKEN).client(hooks=[hook]) as client, pytest.raises(errors.JobFailed):
        client.start().wait()
    assert hook.told[-1] == ("left with", errors.JobFailed)


def test_a_submit_that_may_have_been_accepted_is_told_as_uncertain() -> None:
    hook = Recorder()
    with Server(httpx.ReadError("reset")).client(hooks=[hook]) as client, pytest.raises(errors.SubmissionUncertain):
        client.start()
    assert isinstance(hook.responses()[0].error, errors.SubmissionUncertain)
    assert hook.told[-1] == ("left with", errors.UncertainTransport)


def test_the_asynchronous_client_tells_the_same() -> None:
    def told(hook: Recorder) -> list[Any]:
        return hook.kinds

    async def run(hook: Recorder) -> list[Any]:
        server = Server(STARTED, RUNNING, answer(502), DONE)
        async with server.async_client(hooks=[hook], poll_interval=0.001) as client:
            await (await client.start()).wait()
        return told(hook)

    synchronous = Recorder()
    with Server(STARTED, RUNNING, answer(502), DONE).client(hooks=[synchronous], poll_interval=0.001) as client:
        client.start().wait()
    assert asyncio.run(run(Recorder())) == told(synchronous)


@pytest.mark.parametrize("late", [False, True], ids=["when told", "when left"])
def test_a_hook_that_fails_is_logged_and_neither_job_nor_result_is_lost(
    late: bool, caplog: pytest.LogCaptureFixture
) -> None:
    hook = Recorder()
    with Server(STARTED, DONE).client(hooks=[Faulty(late=late), hook], poll_interval=0.001) as client:
        job = client.start()
        assert job.id == "t-1"
        assert job.wait()["state"] == "done"
    assert [each.status_code for each in hook.responses()] == [200, 200]
    failures = [each for each in caplog.records if each.message == "A hook failed; the call goes on"]
    assert len(failures) == 7  # Two calls and a wait, two requests, two responses.
    assert "a mistake in a hook" in str(failures[0].exc_info)
    told = [(each.operation, each.job_id) for each in failures]  # type: ignore[attr-defined]  # its own attributes
    started = told.index(("startThing", "t-1"))
    assert {("startThing", None)} == set(told[:started])  # Before there was an id.
    assert {job_id for _, job_id in told[started:]} == {"t-1"}


def test_a_hook_that_fails_hides_no_error_of_the_call(caplog: pytest.LogCaptureFixture) -> None:
    server = Server(answer(404))
    with server.client(hooks=[Faulty(late=True)]) as client, pytest.raises(errors.NotFound) as caught:
        client.look("t")
    assert caught.value.status_code == 404


def test_a_hooks_context_manager_cannot_swallow_an_error() -> None:
    class Swallowing(Hook):
        @contextmanager
        def on_call(self, event: CallEvent) -> Generator[None]:
            with suppress(errors.ClientError):
                yield

    with Server(answer(404)).client(hooks=[Swallowing()]) as client, pytest.raises(errors.NotFound):
        client.look("t")


def test_no_event_holds_the_key_or_credentials(clock: Clock) -> None:
    hook = Recorder()
    with Server(answer(503, KEY.encode()), RUNNING).client(
        hooks=[hook], base_url=f"https://user:{KEY}@things.test/{KEY}"
    ) as client:
        look = client.operations["look"]
        keyed = type(look)(**{**vars(look), "keys": (Key("query", "key"),)})
        client.operations = {**client.operations, "look": keyed}  # type: ignore[misc]  # for this one alone
        client.look("t")
    assert len(hook.told) == 6
    assert KEY not in repr(hook.told)
    assert "user" not in repr(hook.told)
    assert hook.told[-2].url == "https://things.test/***/look/t"


def test_calls_are_logged_with_their_job(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "spacely_runtime")
    with Server(STARTED, answer(404)).client(hooks=[LoggingHook()]) as client:
        client.start()
        with pytest.raises(errors.NotFound):
            client.job("start", "t-1").poll()
    records: list[Any] = [each for each in caplog.records if each.module == "hooks"]
    assert [(each.levelname, each.operation, each.job_id) for each in records] == [
        ("DEBUG", "startThing", None),
        ("INFO", "startThing", "t-1"),
        ("DEBUG", "lookAt", "t-1"),
        ("INFO", "lookAt", "t-1"),
    ]
    assert "job t-1" in records[1].message
    assert "NotFound" in records[3].message
    assert KEY not in caplog.text


def test_nothing_is_made_for_hooks_where_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def unwanted(*_: Any, **__: Any) -> None:
        raise AssertionError("made for nobody")

    monkeypatch.setattr("spacely_runtime._watch.Watch", unwanted)
    monkeypatch.setattr("spacely_runtime._watch.watched_wait", unwanted)
    with Server(STARTED, DONE).client(poll_interval=0.001) as client:
        client.start().wait()


def test_a_logger_of_ones_own_is_used(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "mine")
    with Server(RUNNING).client(hooks=[LoggingHook(logging.getLogger("mine"))]) as client:
        client.look("t")
    assert {each.name for each in caplog.records} >= {"mine"}


def test_a_hook_need_not_have_all_methods(clock: Clock) -> None:
    class Responses:
        def __init__(self) -> None:
            self.told: list[ResponseEvent] = []

        def on_response(self, event: ResponseEvent) -> None:
            self.told.append(event)

    hook = Responses()
    with Server(STARTED, DONE).client(hooks=[hook]) as client:
        client.start().wait()
    assert [event.job_id for event in hook.told] == ["t-1", "t-1"]


@pytest.mark.parametrize(
    "hooks", [[Hook], [object()], [print], 7], ids=["a class", "an object", "a function", "a number"]
)
def test_what_is_no_hook_is_refused(hooks: Any) -> None:
    with pytest.raises(errors.ConfigurationError, match="hook"):
        Server(DONE).client(hooks=hooks)


def test_what_interrupts_a_hook_tells_the_id_of_the_job_that_was_started(clock: Clock) -> None:
    class Impatient(Hook):
        def on_response(self, event: ResponseEvent) -> None:
            raise KeyboardInterrupt

    with Server(STARTED).client(hooks=[Impatient()]) as client, pytest.raises(KeyboardInterrupt) as caught:
        client.start()
    assert any("t-1" in note for note in caught.value.__notes__)
