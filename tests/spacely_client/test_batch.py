"""The batch against the mock: from the command line and from Python, stopped in every way, and complete at the end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from tests.spacely_client.batch_kills import kill_batches

from spacely_client import AsyncSpacely, BatchProgress, ConfigurationError, InvalidRows, Spacely
from spacely_mock import MockServer
from spacely_spec import load

ROOT = Path(__file__).parents[2]
KEY = "sk-test-of-the-batch-0123456789"
HEADER = "name,model,image_url,renovateType,prompt\n"
ROW = "{name},spacely-v1,https://x.test/1.jpg,residential,style\n"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with MockServer(load(ROOT / "openapi.yaml"), render_time=0.2) as server:
        yield server.url


@pytest.fixture
def rooms(tmp_path: Path) -> Path:
    return table(tmp_path / "rooms.csv", 3)


def table(path: Path, rows: int) -> Path:
    path.write_text(HEADER + "".join(ROW.format(name=f"room {number}") for number in range(rows)))
    return path


def start(*arguments: str | Path, url: str) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SPACELY_")}
    environment |= {"SPACELY_API_KEY": KEY, "SPACELY_BASE_URL": url}
    command = [sys.executable, "-m", "spacely_client", "batch", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def spacely(*arguments: str | Path, url: str) -> tuple[int, str, str]:
    process = start(*arguments, "--poll-interval", "0.1", url=url)
    told = process.communicate(timeout=60)
    return process.returncode, *told


def test_a_table_becomes_images_and_a_report_without_the_key(url: str, rooms: Path, tmp_path: Path) -> None:
    status, told, progress = spacely(rooms, "--output", tmp_path / "out", "--json", url=url)
    assert status == 0, progress
    summary = json.loads(told)
    assert (summary["complete"], summary["rows"], summary["states"], summary["credits"]) == (True, 3, {"done": 3}, 3)
    images = sorted(path.name for path in (tmp_path / "out" / "images").iterdir())
    assert images == [f"room_{row}-{number}.png" for row in range(3) for number in (1, 2, 3, 4)]
    with Image.open(tmp_path / "out" / "images" / images[0]) as image:
        assert image.format == "PNG"
    for path in (tmp_path / "out").rglob("*"):
        assert path.is_dir() or KEY.encode() not in path.read_bytes()
    assert KEY not in told + progress


def test_a_complete_batch_is_not_run_again(url: str, rooms: Path, tmp_path: Path) -> None:
    spacely(rooms, "--output", tmp_path / "out", url=url)
    status, told, _ = spacely(rooms, "--output", tmp_path / "out", "--json", url=url)
    assert (status, json.loads(told)["credits"], json.loads(told)["calls"]) == (0, 3, 0)


def test_every_wrong_row_is_listed_and_nothing_is_made(url: str, tmp_path: Path) -> None:
    rooms = tmp_path / "rooms.csv"
    rooms.write_text(HEADER + "a,spacely-v1,no-url,residential,x\nb,spacely-v1,https://x.test/1.jpg,palatial,x\n")
    status, _, told = spacely(rooms, "--output", tmp_path / "out", url=url)
    assert status == 2
    assert "rooms.csv:2: image_url" in told
    assert "rooms.csv:3: renovate_type" in told
    assert not (tmp_path / "out").exists()


def test_the_limit_of_credits_ends_it_with_3_and_the_next_run_goes_on(url: str, rooms: Path, tmp_path: Path) -> None:
    status, told, progress = spacely(rooms, "--output", tmp_path / "out", "--credits", "2", url=url)
    assert status == 3
    assert "the limit of 2 credits is reached" in told
    said = f"Go on, with as many credits as are needed: spacely batch {rooms} --output {tmp_path / 'out'} --credits 3 "
    assert said in progress
    assert spacely(rooms, "--output", tmp_path / "out", "--credits", "3", url=url)[0] == 0


def test_the_command_to_go_on_has_all_that_was_given(url: str, rooms: Path, tmp_path: Path) -> None:
    given: list[str | Path] = [
        rooms,
        "--output",
        tmp_path / "out",
        "--credits",
        "3",
        "--timeout",
        "0.0",
        "--concurrency",
        "9",
    ]
    status, _, progress = spacely(*given, "--base-url", url, url=url)
    assert status == 3
    (line,) = (line for line in progress.splitlines() if line.startswith("Go on: "))
    assert set(line.removeprefix("Go on: spacely batch ").split()) == {*map(str, given), "--poll-interval", "0.1"} | {
        "--base-url",
        url,
    }


def test_rows_that_may_have_been_accepted_come_with_the_command_that_sends_them_again(
    url: str, rooms: Path, tmp_path: Path
) -> None:
    rooms.write_text(HEADER + ROW.format(name="a").replace("style", "[mock status=500]"))
    status, _, progress = spacely(rooms, "--output", tmp_path / "out", url=url)
    assert status == 3
    assert "Go on:" not in progress  # It would find nothing to do.
    assert "to send the uncertain rows again: spacely batch" in progress
    assert progress.rstrip().endswith("--retry-uncertain")


@pytest.mark.parametrize(
    ("asked", "words"),
    [("outcome=pending", "under way: The job had not ended after"), ("outcome=expired-images", "not downloaded: ")],
)
def test_a_row_that_was_not_brought_to_its_end_is_told_with_the_reason_each_time(
    asked: str, words: str, url: str, rooms: Path, tmp_path: Path
) -> None:
    rooms.write_text(HEADER + ROW.format(name="attic").replace("style", f"[mock {asked}]"))
    for _ in range(2):
        status, _, told = spacely(rooms, "--output", tmp_path / "out", "--timeout", "1", url=url)
        assert status == 3
        lines = told.splitlines()
        assert lines[-2].startswith(f"  attic: {words}")
        assert lines[-1].startswith("Go on: ")


def test_the_reasons_are_told_of_the_first_rows_only(tmp_path: Path) -> None:
    rooms = table(tmp_path / "rooms.csv", 23)
    with MockServer(load(ROOT / "openapi.yaml"), render_time=60) as server:
        told = spacely(rooms, "--output", tmp_path / "out", "--timeout", "0", url=server.url)[2]
    assert told.count(": under way: ") == 20
    assert "  and 3 more\n" in told


def test_a_line_of_the_progress_says_what_is_done_and_what_is_not(url: str, rooms: Path, tmp_path: Path) -> None:
    asked = ["progress=immediate", "outcome=failure", "status=500"]
    lines = [ROW.format(name=number).replace("style", f"[mock {each}]") for number, each in enumerate(asked)]
    rooms.write_text(HEADER + "".join(lines))
    spacely(rooms, "--output", tmp_path / "out", url=url)
    told = spacely(rooms, "--output", tmp_path / "out", url=url)[2]
    assert told.startswith("1/3 done  0 running  1 failed  1 uncertain  3 credits  ")


def test_attempts_that_fail_are_told_by_the_display_alone(rooms: Path, tmp_path: Path) -> None:
    process = start(rooms, "--output", tmp_path / "out", url="http://127.0.0.1:1")
    assert process.stderr
    lines = [process.stderr.readline() for _ in range(2)]
    process.terminate()
    lines += process.stderr.readlines()
    process.communicate()
    assert any("No connection was made" in line for line in lines)
    assert not any("is made again" in line for line in lines)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_and_the_next_run_takes_the_jobs_up(number: int, tmp_path: Path) -> None:
    rooms = table(tmp_path / "rooms.csv", 3)
    posts: list[str] = []

    def observe(method: str, _path: str, _status: int) -> None:
        posts.extend([method] if method == "POST" else [])

    with MockServer(load(ROOT / "openapi.yaml"), render_time=2.5, observe=observe) as server:
        process = start(rooms, "--output", tmp_path / "out", url=server.url)
        end = time.monotonic() + 20
        while len(posts) < 3 and time.monotonic() < end:
            time.sleep(0.01)
        process.send_signal(number)
        told, progress = process.communicate(timeout=20)
        assert process.returncode == 3, progress
        assert "3 under way" in told
        assert "Go on: spacely batch" in progress
        assert "Traceback" not in progress
        status, told, _ = spacely(rooms, "--output", tmp_path / "out", "--json", url=server.url)
    assert (status, json.loads(told)["states"], len(posts)) == (0, {"done": 3}, 3)


def test_a_batch_goes_on_to_its_end_where_nobody_takes_what_it_prints(url: str, rooms: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "SPACELY_API_KEY": KEY, "SPACELY_BASE_URL": url}
    command = [sys.executable, "-m", "spacely_client", "batch", str(rooms), "--output", str(tmp_path / "out")]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=full, check=False, env=environment)
    assert done.returncode == 4
    assert json.loads((tmp_path / "out" / "report.json").read_text())["states"] == {"done": 3}


def test_two_processes_share_a_batch_and_submit_no_row_twice(tmp_path: Path) -> None:
    rooms = table(tmp_path / "rooms.csv", 12)
    posts: list[str] = []

    def observe(method: str, _path: str, _status: int) -> None:
        posts.extend([method] if method == "POST" else [])

    with MockServer(load(ROOT / "openapi.yaml"), render_time=0.3, observe=observe) as server:
        both = [
            start(rooms, "--output", tmp_path / "out", "--poll-interval", "0.1", "--concurrency", "2", url=server.url)
            for _ in range(2)
        ]
        for process in both:
            process.communicate(timeout=60)
        status, told, _ = spacely(rooms, "--output", tmp_path / "out", "--json", url=server.url)
    assert {process.returncode for process in both} <= {0, 3}  # 3: the other still had a row in hand.
    assert (status, json.loads(told)["states"], len(posts)) == (0, {"done": 12}, 12)


def test_both_clients_run_it_from_python(url: str, tmp_path: Path) -> None:
    rows = [{"model": "spacely-v1", "image_url": "https://x.test/1.jpg", "renovate_type": "commercial"}] * 2
    seen: list[BatchProgress] = []
    with Spacely(KEY, url, poll_interval=0.1) as client:
        report = client.batch(rows, tmp_path / "sync", on_progress=seen.append)
    assert report.complete
    assert [row.name for row in report.rows] == ["1", "2"]
    assert (seen[-1].done, seen[-1].credits, seen[-1].left) == (2, 2, 0)

    async def run() -> None:
        async with AsyncSpacely(KEY, url, poll_interval=0.1) as client:
            report = await client.batch(rows, tmp_path / "async")
            assert [(row.state, len(row.files)) for row in report.rows] == [("done", 4), ("done", 4)]
            with pytest.raises(InvalidRows):
                await client.batch([{}], tmp_path / "none")

    asyncio.run(run())


def test_a_folder_of_another_batch_is_refused(url: str, rooms: Path, tmp_path: Path) -> None:
    with Spacely(KEY, url, poll_interval=0.1) as client:
        client.batch(rooms, tmp_path / "out")
        table(rooms, 4)  # A row more is the same batch.
        assert client.batch(rooms, tmp_path / "out").credits == 4
        rooms.write_text(rooms.read_text().replace("room 1", "attic"))
        with pytest.raises(ConfigurationError, match="row 2 was room_1"):
            client.batch(rooms, tmp_path / "out")


def test_killed_twenty_times_it_loses_no_id_and_submits_nothing_twice() -> None:
    figures = kill_batches(int(os.environ.get("BATCH_KILLS", "20")), seed=7)
    assert (figures.lost, figures.twice) == (0, 0)
    assert figures.accepted == figures.rows - figures.uncertain + figures.uncertain_accepted
    assert figures.uncertain_accepted > 0  # Else the kills came at harmless moments only.
