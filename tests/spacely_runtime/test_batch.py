"""A batch: no row is submitted twice, no id is lost, and whatever holds it up is told."""

from __future__ import annotations

import _thread
import asyncio
import gc
import json
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.spacely_runtime.things import BROKEN, KEY, STARTED, Clock, Things, answer

from spacely_runtime import BatchProgress, errors
from spacely_runtime._batch import _Ends
from spacely_runtime._journal import Claim, Journal

Answer = httpx.Response | Exception | None


class Server:
    """A server whose jobs end at their first poll; ``submit`` says what else it makes of a submit."""

    def __init__(self, submit: Callable[[dict[str, Any]], Answer] = lambda _: None, state: str = "done") -> None:
        self._submit = submit
        self.state = state
        self.photos: list[str] = []
        self.polls: list[str] = []
        self.files = 200

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            body = json.loads(request.content)
            self.photos.append(body["photo"])
            given = self._submit(body)
            if isinstance(given, Exception):
                raise given
            return given or answer(body={"ticket": f"t-{len(self.photos)}"})
        if request.url.host == "files.test":
            return answer(self.files, b"image")
        self.polls.append(request.url.path.rpartition("/")[2])
        return answer(body={"state": self.state, "files": ["https://files.test/a.png"]})

    def client(self, **options: Any) -> Things:
        return Things(**{"api_key": KEY, "transport": httpx.MockTransport(self), "max_retries": 0, **options})


def rows(number: int) -> list[dict[str, Any]]:
    return [{"photo_url": f"https://x.test/{each}.jpg"} for each in range(number)]


def journal(folder: Path, query: str) -> list[Any]:
    connection = sqlite3.connect(folder / "journal.sqlite")
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def test_every_row_is_submitted_once_and_its_files_are_named_by_it(clock: Clock, tmp_path: Path) -> None:
    server = Server()
    with server.client() as client:
        report = client.batch([{**rows(1)[0], "name": "bath/room 1"}, *rows(3)[1:]], tmp_path)
    assert report.complete
    assert report.counts == {"done": 3}
    assert sorted(server.photos) == [row["photo_url"] for row in rows(3)]
    assert [path.name for row in report.rows for path in row.files] == ["bath_room_1-1.png", "2-1.png", "3-1.png"]
    assert all(path.read_bytes() == b"image" for row in report.rows for path in row.files)
    assert (report.credits, report.calls) == (3, 6)


def test_the_journal_says_that_a_row_is_submitted_before_the_request_goes_out(clock: Clock, tmp_path: Path) -> None:
    seen: list[Any] = []

    def look(body: dict[str, Any]) -> None:
        seen.append(journal(tmp_path, f"SELECT state FROM rows WHERE request LIKE '%{body['photo']}%'")[0][0])

    with Server(look).client() as client:
        client.batch(rows(5), tmp_path)
    assert seen == ["submitting"] * 5


def test_the_id_is_in_the_journal_before_the_first_poll(clock: Clock, tmp_path: Path) -> None:
    seen: list[Any] = []

    class Watching(Server):
        def __call__(self, request: httpx.Request) -> httpx.Response:
            if request.url.path.startswith("/v1/look/"):
                seen.extend(journal(tmp_path, "SELECT state, job_id FROM rows"))
            return super().__call__(request)

    with Watching().client() as client:
        client.batch(rows(1), tmp_path)
    assert seen == [("submitted", "t-1")]


def test_a_complete_batch_makes_no_call_when_it_is_run_again(clock: Clock, tmp_path: Path) -> None:
    server = Server()
    with server.client() as client:
        client.batch(rows(2), tmp_path)
    with server.client() as client:
        assert client.batch(rows(2), tmp_path).calls == 0
    assert len(server.photos) == 2


@pytest.mark.parametrize(
    "failure", [httpx.ReadTimeout("slow"), httpx.WriteError("reset"), answer(500), answer(200, b"<html>")], ids=repr
)
def test_a_row_that_may_have_been_accepted_is_sent_again_only_when_that_is_asked_for(
    clock: Clock, tmp_path: Path, failure: Answer
) -> None:
    failures = iter([failure])
    server = Server(lambda _: next(failures, None))
    with server.client() as client:
        for _ in range(2):
            report = client.batch(rows(2), tmp_path, concurrency=1)
            assert report.counts == {"done": 1, "uncertain": 1}
            assert (report.complete, report.credits, len(server.photos)) == (False, 2, 2)
        report = client.batch(rows(2), tmp_path, retry_uncertain=True)
    assert report.counts == {"done": 2}
    assert (report.credits, len(server.photos)) == (3, 3)


def test_an_answer_that_breaks_the_contract_and_tells_the_id_is_followed(clock: Clock, tmp_path: Path) -> None:
    for status in (200, 201):  # In the one the id is of the wrong type; the other is not documented.
        odd = answer(status, b'{"ticket": 7}')
        server = Server(lambda _, odd=odd: odd)  # type: ignore[misc]  # bound here, as the loop goes on
        with server.client() as client:
            report = client.batch(rows(1), tmp_path / str(status))
        assert (report.counts, report.rows[0].job_id) == ({"done": 1}, "7")


@pytest.mark.parametrize(
    "failure", [httpx.ConnectError("refused"), answer(429), answer(503, retry_after="1")], ids=repr
)
def test_what_was_certainly_not_accepted_is_sent_later_and_costs_nothing(
    clock: Clock, tmp_path: Path, failure: Answer
) -> None:
    failures = iter([failure] * 3)
    server = Server(lambda _: next(failures, None))
    with server.client() as client:
        report = client.batch(rows(2), tmp_path, concurrency=1)
    assert (report.counts, report.credits, len(server.photos)) == ({"done": 2}, 2, 5)
    assert sum(clock.pauses) >= 2


def test_a_server_that_takes_nothing_for_long_ends_the_run_and_keeps_the_rows(clock: Clock, tmp_path: Path) -> None:
    with Server(lambda _: httpx.ConnectError("refused")).client() as client:
        report = client.batch(rows(3), tmp_path)
    assert (report.counts, report.credits) == ({"pending": 3}, 0)
    assert "takes no submits" in str(report.stopped)


@pytest.mark.parametrize("status", [401, 402, 403])
def test_a_wrong_key_or_an_empty_account_ends_the_run_and_keeps_the_rows(
    clock: Clock, tmp_path: Path, status: int
) -> None:
    server = Server(lambda _: answer(status))
    with server.client() as client:
        report = client.batch(rows(40), tmp_path, concurrency=1)
    assert report.counts == {"pending": 40}
    assert len(server.photos) == 1
    assert str(status) in str(report.stopped)


def test_a_row_that_the_server_refuses_fails_and_is_sent_again_by_the_next_run(clock: Clock, tmp_path: Path) -> None:
    refused = iter([answer(400)])
    server = Server(lambda _: next(refused, None))
    with server.client() as client:
        report = client.batch(rows(2), tmp_path, concurrency=1)
        assert (report.counts, report.credits, report.complete) == ({"failed": 1, "done": 1}, 1, True)
        assert client.batch(rows(2), tmp_path).counts == {"done": 2}


def test_a_server_that_refuses_row_after_row_is_not_asked_for_all_of_them(clock: Clock, tmp_path: Path) -> None:
    server = Server(lambda _: answer(500))
    with server.client() as client:
        report = client.batch(rows(40), tmp_path, concurrency=1)
    assert report.counts == {"uncertain": 10, "pending": 30}
    assert "10 times in a row" in str(report.stopped)


def test_the_credits_are_never_exceeded_by_all_runs_together(clock: Clock, tmp_path: Path) -> None:
    failures: Iterator[Answer] = iter([httpx.ReadTimeout("slow"), answer(400)])
    server = Server(lambda _: next(failures, None))
    with server.client() as client:
        for _ in range(3):
            report = client.batch(rows(9), tmp_path, credits=4, retry_uncertain=True)
    assert (report.credits, len(server.photos)) == (4, 5)  # The refused one cost nothing.
    assert "limit of 4 credits" in str(report.stopped)


def test_a_submit_that_turns_out_to_cost_nothing_leaves_its_credit_to_another_row(tmp_path: Path) -> None:
    together = threading.Barrier(2)

    def refuse_the_second(body: dict[str, Any]) -> Answer:
        if "/2." not in body["photo"]:
            together.wait(5)
        return answer(400) if "/1." in body["photo"] else None

    with Server(refuse_the_second).client() as client:
        report = client.batch(rows(3), tmp_path, credits=2)
    assert [row.state for row in report.rows] == ["done", "failed", "done"]
    assert (report.credits, report.complete) == (2, True)


def test_a_job_that_fails_is_a_failed_row_with_its_id(clock: Clock, tmp_path: Path) -> None:
    server = Server(state="broken")
    with server.client() as client:
        report = client.batch(rows(1), tmp_path)
        assert client.batch(rows(1), tmp_path).calls == 2  # Not run again: these are the first run's.
    assert (report.rows[0].state, report.rows[0].job_id) == ("failed", "t-1")
    assert report.rows[0].result["state"] == json.loads(BROKEN.content)["state"]


@pytest.mark.parametrize("held_up_by", ["timeout", "poll", "file"])
def test_a_job_that_is_not_at_its_end_is_taken_up_by_the_next_run(
    clock: Clock, tmp_path: Path, held_up_by: str
) -> None:
    server = Server(state="running" if held_up_by == "timeout" else "done")
    server.files = 500 if held_up_by == "file" else 200
    if held_up_by == "poll":
        server.state = 7  # type: ignore[assignment]  # which no contract allows
    with server.client() as client:
        report = client.batch(rows(2), tmp_path)
        assert not report.complete
        assert [row.error is not None for row in report.rows] == [True, True]
        server.state, server.files = "done", 200
        report = client.batch(rows(2), tmp_path)
    assert report.counts == {"done": 2}
    assert [row.error for row in report.rows] == [None, None]
    assert len(server.photos) == 2
    assert set(server.polls) == {"t-1", "t-2"}


def test_a_file_that_is_gone_is_fetched_again_without_a_submit(clock: Clock, tmp_path: Path) -> None:
    server = Server()
    with server.client() as client:
        client.batch(rows(2), tmp_path).rows[1].files[0].unlink()
        report = client.batch(rows(2), tmp_path)
    assert report.rows[1].files[0].exists()
    assert len(server.photos) == 2


def test_rows_in_the_hands_of_a_process_that_died_are_taken_over(clock: Clock, tmp_path: Path) -> None:
    server = Server()
    with server.client() as client:
        client.batch(rows(3), tmp_path, credits=0)
        connection = sqlite3.connect(tmp_path / "journal.sqlite")
        with connection:
            connection.execute("INSERT INTO runs VALUES ('dead', 'elsewhere', 1, 0)")
            connection.execute("INSERT INTO submits VALUES (1, 1, 0, 'open', NULL), (2, 2, 0, 'accepted', 'old')")
            connection.execute("UPDATE rows SET state = 'submitting', owner = 'dead', submit = 1 WHERE number = 1")
            connection.execute(
                "UPDATE rows SET state = 'submitted', owner = 'dead', submit = 2, job_id = 'old' WHERE number = 2"
            )
        connection.close()
        report = client.batch(rows(3), tmp_path)
    assert [(row.state, row.job_id) for row in report.rows] == [("uncertain", None), ("done", "old"), ("done", "t-1")]
    assert len(server.photos) == 1


def test_rows_in_the_hands_of_a_process_that_lives_are_left_to_it(clock: Clock, tmp_path: Path) -> None:
    server = Server()
    with server.client() as client:
        client.batch(rows(2), tmp_path, credits=0)
        connection = sqlite3.connect(tmp_path / "journal.sqlite")
        with connection:
            connection.execute("INSERT INTO runs VALUES ('other', 'elsewhere', 1, unixepoch())")
            connection.execute("INSERT INTO submits VALUES (1, 1, 0, 'open', NULL)")
            connection.execute("UPDATE rows SET state = 'submitting', owner = 'other', submit = 1 WHERE number = 1")
        connection.close()
        report = client.batch(rows(2), tmp_path, retry_uncertain=True)
    assert [row.state for row in report.rows] == ["submitting", "done"]
    assert not report.complete


def test_an_id_that_comes_after_others_took_the_row_over_is_noted_all_the_same(clock: Clock, tmp_path: Path) -> None:
    def take_over(_: dict[str, Any]) -> None:
        connection = sqlite3.connect(tmp_path / "journal.sqlite")
        with connection:
            connection.execute("UPDATE rows SET state = 'uncertain', owner = NULL")
            connection.execute("UPDATE submits SET outcome = 'uncertain'")
        connection.close()

    with Server(take_over).client() as client:
        report = client.batch(rows(1), tmp_path)
    assert (report.rows[0].state, report.rows[0].job_id, report.credits) == ("done", "t-1", 1)


def test_an_id_that_the_journal_cannot_take_is_in_the_error(clock: Clock, tmp_path: Path) -> None:
    def spoil(_: dict[str, Any]) -> None:
        connection = sqlite3.connect(tmp_path / "journal.sqlite")
        with connection:
            connection.execute("CREATE TRIGGER full BEFORE UPDATE ON submits BEGIN SELECT RAISE(FAIL, 'full'); END")
        connection.close()

    with Server(spoil).client() as client, pytest.raises(errors.JournalError, match="t-1") as caught:
        client.batch(rows(1), tmp_path)
    assert (caught.value.job_id, caught.value.job_ids) == ("t-1", {"1": "t-1"})


class FullDisk:
    """Journals that take so many ids only at a later attempt, as on a disk that is full."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, times: float) -> None:
        self.refused: list[str] = []
        take = Journal.accepted

        def accepted(journal: Journal, claim: Claim, job_id: str) -> None:
            if len(self.refused) < times:
                self.refused.append(job_id)
                raise errors.JournalError("The journal cannot be read or written: database or disk is full")
            take(journal, claim, job_id)

        monkeypatch.setattr(Journal, "accepted", accepted)


def test_all_ids_that_the_journal_cannot_take_are_in_the_one_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    disk = FullDisk(monkeypatch, times=float("inf"))
    together = threading.Barrier(4)

    def wait_for_the_others(_: dict[str, Any]) -> None:
        together.wait(5)

    with (
        Server(wait_for_the_others).client() as client,
        pytest.raises(errors.JournalError, match="write the ids of their jobs down") as caught,
    ):
        client.batch(rows(4), tmp_path)
    gc.collect()
    assert set(caught.value.job_ids) == {"1", "2", "3", "4"}
    assert set(caught.value.job_ids.values()) == set(disk.refused)
    assert all(job_id in str(caught.value) for job_id in disk.refused)
    assert "never retrieved" not in caplog.text


def test_an_id_that_the_journal_takes_a_little_later_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    FullDisk(monkeypatch, times=1)
    with Server().client() as client:
        with pytest.raises(errors.JournalError) as caught:
            client.batch(rows(1), tmp_path)
        assert caught.value.job_ids == {}
        assert journal(tmp_path, "SELECT state, job_id FROM rows") == [("submitted", "t-1")]
        assert client.batch(rows(1), tmp_path).rows[0].state == "done"


@pytest.mark.parametrize("there", ["a file in the place of the folder", "a journal that is none"])
def test_a_folder_that_can_hold_no_journal_is_refused_before_anything_is_sent(there: str, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    if there.startswith("a journal"):
        folder.mkdir()
    (folder / "journal.sqlite" if folder.exists() else folder).write_text("no database, and long enough to tell\n" * 9)
    server = Server()
    with server.client() as client, pytest.raises(errors.ConfigurationError, match="give another output folder"):
        client.batch(rows(1), folder)
    with server.client() as client, pytest.raises(errors.ConfigurationError, match="give another output folder"):
        client.batch(rows(1), "no\0path")
    assert server.photos == []


@pytest.mark.parametrize("name", ["日" * 100, "a" * 300])
def test_a_name_as_long_as_any_becomes_files(name: str, clock: Clock, tmp_path: Path) -> None:
    with Server().client() as client:
        report = client.batch([{**rows(1)[0], "name": name}], tmp_path)
    assert report.complete, report.rows[0].error
    assert report.rows[0].files[0].exists()


def test_a_batch_that_stops_does_not_warn_of_jobs_that_its_journal_keeps(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def stop(progress: BatchProgress) -> None:
        if progress.running == 3:
            _thread.interrupt_main()

    with Server(state="running").client() as client, pytest.raises(KeyboardInterrupt):
        client.batch(rows(3), tmp_path, on_progress=stop)
    assert "Nobody waits" not in caplog.text


@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_batch_that_is_cancelled_however_often_notes_the_submit_in_the_air(times: int, tmp_path: Path) -> None:
    from tests.spacely_runtime.things import AsyncThings

    sent, release = asyncio.Event(), asyncio.Event()

    async def slow(request: httpx.Request) -> httpx.Response:
        sent.set()
        await release.wait()
        return STARTED

    async def run() -> None:
        async with AsyncThings(api_key=KEY, transport=httpx.MockTransport(slow)) as client:
            batch = asyncio.create_task(client.batch(rows(3), tmp_path, concurrency=1))
            await sent.wait()
            for _ in range(times):
                batch.cancel()
                await asyncio.sleep(0.01)
            assert not batch.done()
            release.set()
            with pytest.raises(asyncio.CancelledError):
                await batch

    asyncio.run(run())
    assert journal(tmp_path, "SELECT state, job_id, owner FROM rows ORDER BY number") == [
        ("submitted", "t-1", None),
        ("pending", None, None),
        ("pending", None, None),
    ]
    assert json.loads((tmp_path / "report.json").read_text())["states"] == {"submitted": 1, "pending": 2}


def test_an_interruption_stops_it_once_all_is_noted(tmp_path: Path) -> None:
    def interrupt(body: dict[str, Any]) -> None:
        _thread.interrupt_main()

    with Server(interrupt, state="running").client() as client, pytest.raises(KeyboardInterrupt):
        client.batch(rows(1), tmp_path)
    assert journal(tmp_path, "SELECT state, job_id FROM rows") == [("submitted", "t-1")]


def test_progress_adds_up_and_ends_with_the_end(clock: Clock, tmp_path: Path) -> None:
    seen: list[BatchProgress] = []
    with Server().client() as client:
        client.batch(rows(4), tmp_path, credits=3, on_progress=seen.append)
    for each in seen:
        assert each.rows == 4 == each.done + each.running + each.failed + each.uncertain + each.pending
    assert (seen[-1].done, seen[-1].pending, seen[-1].credits, seen[-1].credit_limit) == (3, 1, 3, 3)
    assert "limit" in str(seen[-1].note)


def test_the_time_left_is_told_by_the_rate_of_ends_and_not_by_the_time_before_the_first(clock: Clock) -> None:
    ends = _Ends()
    clock.sleep(30)  # So long the first renders take; then two a second end.
    ends.note()
    assert ends.left(99, clock.now) is None
    for _ in range(10):
        clock.sleep(0.5)
        ends.note()
    assert ends.left(89, clock.now) == pytest.approx(44.5)
    assert ends.left(0, clock.now) == 0


@pytest.fixture
def begun(clock: Clock, tmp_path: Path) -> Iterator[Things]:
    with Server().client() as client:
        client.batch(rows(2), tmp_path)
        yield client


@pytest.mark.parametrize("other", [rows(1), [*rows(1), {"photo_url": "https://other.test"}]], ids=["fewer", "changed"])
def test_another_input_in_the_same_folder_is_refused(begun: Things, tmp_path: Path, other: list[Any]) -> None:
    with pytest.raises(errors.ConfigurationError, match="give another output folder"):
        begun.batch(other, tmp_path)


def test_a_journal_of_another_version_is_refused(begun: Things, tmp_path: Path) -> None:
    journal(tmp_path, "PRAGMA user_version = 9")
    with pytest.raises(errors.ConfigurationError, match=r"another version of this program \(9\); give another output"):
        begun.batch(rows(2), tmp_path)


def test_another_server_in_the_same_folder_is_refused(begun: Things, tmp_path: Path) -> None:
    with Server().client(base_url="https://other.test") as client, pytest.raises(errors.ConfigurationError):
        client.batch(rows(2), tmp_path)


def test_rows_may_be_appended(begun: Things, tmp_path: Path) -> None:
    report = begun.batch(rows(3), tmp_path)
    assert Counter(row.state for row in report.rows) == {"done": 3}
    assert report.credits == 3


@pytest.mark.parametrize(
    "options",
    [
        {"operation": "look"},
        {"operation": "none"},
        {"credits": -1},
        {"concurrency": 0},
        {"timeout": -1},
        {"timeout": float("nan")},
    ],
    ids=repr,
)
def test_settings_that_make_no_sense_are_refused(tmp_path: Path, options: dict[str, Any]) -> None:
    with Server().client() as client, pytest.raises(errors.ConfigurationError):
        client.batch(rows(1), tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_the_key_is_in_no_file_even_where_the_server_repeats_it(clock: Clock, tmp_path: Path) -> None:
    failures = iter([answer(400, KEY.encode()), answer(500, KEY.encode())])
    with Server(lambda _: next(failures, None)).client() as client:
        report = client.batch(rows(3), tmp_path)
    assert report.counts == {"failed": 1, "uncertain": 1, "done": 1}
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or KEY.encode() not in path.read_bytes()
    assert KEY not in repr(report)
