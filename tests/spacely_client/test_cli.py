"""The command line: one command for each operation, exit statuses that scripts can act on, ids never lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from spacely_mock import MockServer
from spacely_spec import load

ROOT = Path(__file__).parents[2]
SUBMIT = [
    "generate-advance",
    "--model",
    "spacely-v1",
    "--image-url",
    "https://x.test/1.jpg",
    "--renovate-type",
    "residential",
]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with MockServer(load(ROOT / "openapi.yaml"), render_time=0) as server:
        yield server.url


def spacely(*arguments: str, url: str = "", key: str = "sk-test") -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SPACELY_")}
    environment |= {"SPACELY_API_KEY": key} if key else {}
    environment |= {"SPACELY_BASE_URL": url} if url else {}
    command = [sys.executable, "-m", "spacely_client", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_a_submit_prints_the_id_and_ends(url: str) -> None:
    done = spacely(*SUBMIT, url=url)
    assert done.returncode == 0, done.stderr
    assert done.stderr.strip() == f"job {done.stdout.strip()}"


def test_the_images_are_downloaded_and_their_paths_printed(url: str, tmp_path: Path) -> None:
    done = spacely(*SUBMIT, "--download", str(tmp_path), url=url)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) == 4
    assert all(Path(path).stat().st_size > 1000 for path in done.stdout.split())


def test_a_job_is_waited_for_by_its_id_in_another_process_and_told_as_json(url: str) -> None:
    job_id = spacely(*SUBMIT, url=url).stdout.strip()
    done = spacely("wait", job_id, "--json", url=url)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["job_id"], told["state"], told["response"]["data"]["status"]) == (job_id, "succeeded", "success")


def test_a_poll_prints_the_answer(url: str) -> None:
    job_id = spacely(*SUBMIT, url=url).stdout.strip()
    done = spacely("poll-result", "--ref-id", job_id, url=url)
    assert json.loads(done.stdout)["data"]["status"] == "success"


def test_a_job_that_is_not_done_in_time_ends_with_3_and_says_how_to_go_on() -> None:
    with MockServer(load(ROOT / "openapi.yaml"), render_time=60) as server:
        done = spacely(*SUBMIT, "--wait", "--timeout", "0", url=server.url)
    assert done.returncode == 3
    job_id = done.stderr.split()[1]
    assert f"Take it up again: spacely wait --timeout 0.0 {job_id}" in done.stderr


@pytest.mark.parametrize(
    ("asked", "status", "state"), [("outcome=failure", 1, "failed"), ("outcome=pending", 3, "running")]
)
def test_json_tells_the_last_answer_of_a_job_that_has_not_succeeded(
    url: str, tmp_path: Path, asked: str, status: int, state: str
) -> None:
    for words in (["--wait"], ["--download", str(tmp_path)]):
        done = spacely(*SUBMIT, "--prompt", f"[mock {asked}]", *words, "--timeout", "0", "--json", url=url)
        assert done.returncode == status, done.stderr
        told = json.loads(done.stdout)
        assert (told["job_id"], told["state"]) == (done.stderr.split()[1], state)
        assert told["response"]["data"]["status"]


@pytest.mark.parametrize(
    ("arguments", "options", "status", "words"),
    [
        (SUBMIT, {"key": ""}, 2, "set SPACELY_API_KEY"),
        (SUBMIT[:-2], {}, 2, "--renovate-type"),
        ([*SUBMIT[:-1], "palatial"], {}, 2, "palatial"),
        ([*SUBMIT[:3], "--image-url", "no-url", *SUBMIT[-2:]], {}, 2, "image_url"),
        (["unknown-command"], {}, 2, "unknown-command"),
        (SUBMIT, {"url": "http://127.0.0.1:1"}, 1, "nothing was sent"),
        (["wait", "nothing"], {}, 1, "400"),
    ],
    ids=["no key", "missing option", "bad choice", "bad url", "unknown command", "no network", "unknown job"],
)
def test_what_goes_wrong_is_one_message_and_an_exit_status(
    url: str, arguments: list[str], options: dict[str, str], status: int, words: str
) -> None:
    done = spacely(*arguments, **{"url": url, **options})
    assert done.returncode == status, done.stderr
    assert words in done.stderr + done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["--wait", "--timeout", "-1"],
        ["--wait", "--timeout", "nan"],
        ["--download", __file__],
        ["--download", f"{__file__}/x"],
    ],
    ids=["negative timeout", "no timeout", "a file", "a folder in a file"],
)
def test_what_cannot_be_waited_for_or_kept_is_refused_before_it_is_paid_for(words: list[str]) -> None:
    posts: list[str] = []
    with MockServer(load(ROOT / "openapi.yaml"), observe=lambda *request: posts.append(request[0])) as server:
        done = spacely(*SUBMIT, *words, url=server.url)
    assert done.returncode == 2, done.stderr
    assert words[-2] in done.stderr
    assert posts == []


def test_a_result_without_files_is_said_to_be_one(url: str, tmp_path: Path) -> None:
    done = spacely(*SUBMIT, "--prompt", "[mock outcome=empty]", "--download", str(tmp_path), url=url)
    assert (done.returncode, done.stdout) == (0, "")
    assert "names no files" in done.stderr


def test_a_submit_that_may_have_been_accepted_is_said_to_be_one(url: str) -> None:
    for asked in ("status=500", "status=303", "fault=lost"):
        done = spacely(*SUBMIT, "--prompt", f"[mock {asked}]", url=url)
        assert done.returncode == 1
        assert "may have been accepted" in done.stderr, asked


@pytest.fixture(params=["a reader that has gone", "a full disk"])
def taking_nothing(request: pytest.FixtureRequest) -> Iterator[int]:
    if request.param == "a full disk":
        stream = os.open("/dev/full", os.O_WRONLY)
    else:
        reader, stream = os.pipe()
        os.close(reader)
    yield stream
    os.close(stream)


# With and without a buffer, for a write and a flush fail at different places.
@pytest.mark.parametrize("buffered", ["", "1"])
@pytest.mark.parametrize("words", [["--wait", "--json"], ["--json"], []], ids=" ".join)
def test_output_that_nobody_takes_ends_with_4_and_the_id(
    url: str, taking_nothing: int, words: list[str], buffered: str
) -> None:
    environment = {**os.environ, "PYTHONUNBUFFERED": buffered, "SPACELY_API_KEY": "sk-test", "SPACELY_BASE_URL": url}
    command = [sys.executable, "-m", "spacely_client", *SUBMIT, *words]
    done = subprocess.run(
        command, stdout=taking_nothing, stderr=subprocess.PIPE, text=True, check=False, env=environment
    )
    lines = done.stderr.splitlines()
    assert done.returncode == 4, done.stderr
    assert lines[-2].startswith("spacely: the output cannot be written: ")
    assert lines[-1].startswith("Take it up again: spacely wait ")
    assert lines[-1].endswith(lines[0].removeprefix("job "))
    assert "Traceback" not in done.stderr


def test_a_job_is_followed_to_its_end_where_standard_error_takes_nothing(url: str, taking_nothing: int) -> None:
    environment = {**os.environ, "SPACELY_API_KEY": "sk-test", "SPACELY_BASE_URL": url}
    command = [sys.executable, "-m", "spacely_client", *SUBMIT, "--wait"]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=taking_nothing, text=True, check=False, env=environment
    )
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 4)


def test_nothing_but_the_result_is_on_standard_output_where_standard_error_is_closed(url: str) -> None:
    environment = {**os.environ, "SPACELY_API_KEY": "sk-test", "SPACELY_BASE_URL": url}
    command = ["bash", "-c", 'exec "$@" 2>&-', "bash", sys.executable, "-m", "spacely_client", *SUBMIT]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert (done.returncode, len(done.stdout.strip())) == (0, 36)


def test_help_describes_every_command_without_a_key() -> None:
    done = spacely("--help", key="")
    assert done.returncode == 0
    for command in ("generate-advance", "poll-result", "wait"):
        assert command in done.stdout
        assert spacely(command, "--help", key="").returncode == 0
