"""Downloads tell hooks of each attempt and callers of each piece, by either client alike, and show no signature."""

from __future__ import annotations

import asyncio
import gzip
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.spacely_runtime.things import DONE, KEY, Clock, Server, Spans, answer

from spacely_runtime import (
    DownloadAttemptEvent,
    DownloadEvent,
    DownloadProgress,
    Hook,
    LoggingHook,
    errors,
)

Download = Callable[..., list[Path]]
ONE, TWO = answer(body=b"first image"), answer(body=b"second image")


class Recorder(Spans):
    """Keeps all it is told of downloads and waits, in order."""

    def on_download_attempt(self, event: DownloadAttemptEvent) -> None:
        self.told.append(event)

    def on_download(self, event: DownloadEvent) -> Any:
        return self.span(event)

    @property
    def attempts(self) -> list[DownloadAttemptEvent]:
        return [each for each in self.told if isinstance(each, DownloadAttemptEvent)]


@pytest.fixture(params=["sync", "async"])
def download(request: pytest.FixtureRequest, clock: Clock, tmp_path: Path) -> Download:
    """Downloads the files of a job that is done, by one of the two clients, from a server that answers as given."""

    def sync(transport: Any, *, on_progress: Any = None, **options: Any) -> list[Path]:
        with Server(DONE).client(transport=httpx.MockTransport(transport), **options) as client:
            return client.job("start", "t-1").download(tmp_path, on_progress=on_progress)

    async def run(transport: Any, on_progress: Any, options: dict[str, Any]) -> list[Path]:
        async with Server(DONE).async_client(transport=httpx.MockTransport(transport), **options) as client:
            return await client._resume("start", "t-1").download(tmp_path, on_progress=on_progress)

    def asynchronous(transport: Any, *, on_progress: Any = None, **options: Any) -> list[Path]:
        return asyncio.run(run(transport, on_progress, options))

    return sync if request.param == "sync" else asynchronous


def test_each_download_is_told_attempt_by_attempt(download: Download, tmp_path: Path) -> None:
    hook = Recorder()
    download(Server(DONE, answer(503), httpx.ReadError("reset"), ONE, TWO), hooks=[hook])
    assert hook.kinds == [
        *("WaitEvent", "left"),
        *("DownloadEvent", *["DownloadAttemptEvent"] * 3, "left"),
        *("DownloadEvent", "DownloadAttemptEvent", "left"),
    ]
    first = DownloadEvent(
        operation="startThing", job_id="t-1", url="https://files.test/a/one.png", path=tmp_path / "t-1-1.png"
    )
    assert hook.told[2] == first
    assert [(each.attempt, each.status_code, each.received, type(each.error)) for each in hook.attempts] == [
        (1, 503, 0, errors.DownloadError),
        (2, None, 0, errors.DownloadError),
        (3, 200, 11, type(None)),
        (1, 200, 12, type(None)),
    ]
    assert {each.job_id for each in hook.attempts} == {"t-1"}
    assert "sig" not in repr(hook.told)


def test_a_download_that_fails_for_good_is_left_with_its_error(download: Download) -> None:
    hook = Recorder()
    with pytest.raises(errors.DownloadError) as caught:
        download(Server(DONE, answer(404)), hooks=[hook])
    assert hook.told[-1] == ("left with", errors.DownloadError)
    (attempt,) = hook.attempts
    assert attempt.error is caught.value
    assert attempt.status_code == 404


def test_a_redirect_is_part_of_its_attempt(download: Download) -> None:
    hook = Recorder()
    moved = answer(302, location="https://elsewhere.test/one.png?sig=2")
    download(Server(DONE, moved, ONE, TWO), hooks=[hook])
    assert [(each.url, each.status_code) for each in hook.attempts] == [
        ("https://files.test/a/one.png", 200),
        ("https://files.test/two.png", 200),
    ]


def test_what_came_before_a_download_broke_off_is_told(download: Download) -> None:
    def broken() -> Iterator[bytes]:
        yield b"half"
        raise httpx.ReadError("reset")

    hook = Recorder()
    with pytest.raises(errors.DownloadError):
        download(streaming(broken), hooks=[hook], max_retries=0)
    assert [each.received for each in hook.attempts] == [4]


def test_a_hook_that_fails_costs_no_file(download: Download, caplog: pytest.LogCaptureFixture) -> None:
    class Faulty(Hook):
        def on_download(self, event: DownloadEvent) -> Any:
            raise RuntimeError("a mistake in a hook")

        def on_download_attempt(self, event: DownloadAttemptEvent) -> None:
            raise RuntimeError("a mistake in a hook")

    assert len(download(Server(DONE, ONE, TWO), hooks=[Faulty()])) == 2
    assert caplog.text.count("A hook failed; the call goes on") == 4
    assert {vars(each)["job_id"] for each in caplog.records if "A hook" in each.message} == {"t-1"}


def test_downloads_are_logged_with_their_job(download: Download, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "spacely_runtime")
    download(Server(DONE, answer(503), ONE, TWO), hooks=[LoggingHook()])
    records: list[Any] = [each for each in caplog.records if "https://files.test" in each.message]
    told = [each for each in records if each.module == "hooks"]
    assert [(each.levelname, each.job_id) for each in told] == [("INFO", "t-1"), ("DEBUG", "t-1"), ("DEBUG", "t-1")]
    assert "11 bytes" in told[1].message
    assert KEY not in caplog.text
    assert "sig=" not in caplog.text


def streaming(body: Callable[[], Iterator[bytes]], **headers: str) -> Callable[[httpx.Request], httpx.Response]:
    """A server whose files come in pieces."""

    class Stream(httpx.SyncByteStream, httpx.AsyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            return body()

        async def __aiter__(self) -> AsyncIterator[bytes]:
            for piece in body():
                yield piece

    def serve(request: httpx.Request) -> httpx.Response:
        if request.url.host == "things.test":
            return httpx.Response(200, content=DONE.content)
        return httpx.Response(200, headers={k.replace("_", "-"): v for k, v in headers.items()}, stream=Stream())

    return serve


PIECES = b"one", b"two", b"three"


def test_each_piece_is_told_with_the_length_that_the_host_gave(download: Download, tmp_path: Path) -> None:
    seen: list[DownloadProgress] = []
    download(streaming(lambda: iter(PIECES), content_length="11"), on_progress=seen.append)
    assert [(each.received, each.total) for each in seen] == [(0, 11), (3, 11), (6, 11), (11, 11)] * 2
    assert {each.job_id for each in seen} == {"t-1"}
    assert [each.path for each in seen] == [tmp_path / "t-1-1.png"] * 4 + [tmp_path / "t-1-2.png"] * 4


def test_a_length_that_nobody_gave_is_known_at_the_end(download: Download) -> None:
    seen: list[DownloadProgress] = []
    download(streaming(lambda: iter(PIECES)), on_progress=seen.append)
    each_file = [(0, None), (3, None), (6, None), (11, None), (11, 11)]
    assert [(each.received, each.total) for each in seen] == each_file * 2


def test_the_length_of_a_compressed_file_is_not_taken_for_that_of_the_file(download: Download) -> None:
    packed = gzip.compress(b"image" * 1000)
    seen: list[DownloadProgress] = []
    server = streaming(lambda: iter([packed]), content_length=str(len(packed)), content_encoding="gzip")
    download(server, on_progress=seen.append)
    assert {each.total for each in seen} == {None, 5000}
    assert seen[-1].received == 5000


def test_an_attempt_begins_anew(download: Download) -> None:
    seen: list[DownloadProgress] = []
    download(Server(DONE, answer(body=b""), ONE, TWO), on_progress=seen.append)
    assert [each.received for each in seen] == [0, 0, 11, 0, 12]


def test_what_a_caller_raises_ends_the_download_as_it_is_and_leaves_no_file(download: Download, tmp_path: Path) -> None:
    def on_progress(progress: DownloadProgress) -> None:
        raise ValueError("enough")

    with pytest.raises(ValueError, match="enough") as caught:
        download(Server(DONE, ONE, TWO), on_progress=on_progress)
    assert "The job t-1 goes on" in caught.value.__notes__[0]
    assert list(tmp_path.iterdir()) == []


def test_a_download_that_is_cancelled_is_left_as_such_and_leaves_no_half_file(tmp_path: Path) -> None:
    hook, server = Recorder(), Server(DONE, ONE, TWO)

    async def serve(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)  # A moment at which a task can be cancelled.
        return server(request)

    async def run() -> asyncio.CancelledError:
        def cancel(_: DownloadProgress) -> None:
            task.cancel()

        async with server.async_client(hooks=[hook], transport=httpx.MockTransport(serve)) as client:
            job = client._resume("start", "t-1")
            task = asyncio.create_task(job.download(tmp_path, on_progress=cancel))
            with pytest.raises(asyncio.CancelledError) as caught:
                await task
            return caught.value

    assert "The job t-1 goes on" in asyncio.run(run()).__notes__[0]
    assert hook.told[-1] == ("left with", asyncio.CancelledError)
    assert [path.name for path in tmp_path.iterdir()] == ["t-1-1.png"]


def test_nothing_is_made_for_hooks_where_there_are_none(download: Download, monkeypatch: pytest.MonkeyPatch) -> None:
    def unwanted(*_: Any, **__: Any) -> None:
        raise AssertionError("made for nobody")

    monkeypatch.setattr("spacely_runtime._watch.DownloadWatch", unwanted)
    assert len(download(Server(DONE, ONE, TWO))) == 2


def test_an_error_about_a_file_shows_no_key_and_is_short(clock: Clock, tmp_path: Path) -> None:
    for result in (KEY, f"https://files.test/{KEY}.png", f"https://files.test/{'x' * 100_000}.png"):
        done = answer(body={"state": "done", "files": [result]})
        with Server(done, answer(404)).client() as client, pytest.raises(errors.DownloadError) as caught:
            client.job("start", "t-1").download(tmp_path)
        assert KEY not in str(caught.value) + caught.value.url
        assert len(str(caught.value)) < 3000
