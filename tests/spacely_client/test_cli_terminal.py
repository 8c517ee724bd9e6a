"""The command line in the hands of a person: at a terminal, interrupted, with a shell that completes words."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import re
import shlex
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from rich.console import Console
from tests.spacely_client.faults.server import Act, ScriptedServer

from spacely_mock import MockServer
from spacely_runtime._terminal import _table
from spacely_spec import load

ROOT = Path(__file__).parents[2]
SUBMIT = ["generate-advance", "--model", "m", "--image-url", "https://x.test/1.jpg", "--renovate-type", "residential"]
COMMAND = [sys.executable, "-m", "spacely_client"]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with MockServer(load(ROOT / "openapi.yaml"), render_time=0) as server:
        yield server.url


def environment(url: str, key: str = "sk-test", columns: int = 200) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SPACELY_")}
    return {
        **kept,
        "SPACELY_BASE_URL": url,
        "TERM": "xterm",
        "COLUMNS": str(columns),
        **({"SPACELY_API_KEY": key} if key else {}),
    }


def at_a_terminal(
    *arguments: str, url: str, key: str = "sk-test", typed: str = "", columns: int = 200
) -> tuple[int, str]:
    """The exit status, and what the terminal showed, without its colours and moves."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*COMMAND, *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment(url, key, columns),
        start_new_session=True,
        # So that Ctrl-C reaches it.
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - one system call takes no lock
    ) as process:
        os.close(theirs)
        shown = b""
        while True:
            if typed and b"is not set): " in shown:  # What is typed before the question is thrown away.
                os.write(ours, typed.encode())
                typed = ""
            try:
                shown += os.read(ours, 65536)
            except OSError:  # So Linux says that nobody has the terminal open any more.
                break
    os.close(ours)
    return process.returncode, re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", shown.decode())


def test_an_answer_is_a_table_at_a_terminal(url: str) -> None:
    job_id = at_a_terminal(*SUBMIT, url=url)[1].split()[-1]
    status, shown = at_a_terminal("poll-result", "--ref-id", job_id, url=url)
    assert status == 0, shown
    assert re.search(r"^data\.status +success *$", shown, re.MULTILINE)
    assert re.search(r"^data\.result +http://\S+ *$", shown, re.MULTILINE)
    assert "{" not in shown


@pytest.mark.parametrize("columns", [20, 100])
def test_no_url_and_no_id_is_folded_or_cut_however_narrow_the_terminal(url: str, columns: int, tmp_path: Path) -> None:
    status, shown = at_a_terminal(*SUBMIT, "--wait", url=url, columns=columns)
    assert status == 0, shown
    (job_id,) = set(re.findall(r"^job +(\S+)$", shown, re.MULTILINE))
    urls = re.findall(rf"http://\S+/{job_id}-\d[.]png$", shown, re.MULTILINE)
    assert len(urls) == 4
    shown = at_a_terminal("poll-result", "--ref-id", job_id, url=url, columns=columns)[1]
    assert re.findall(r"http://\S+$", shown, re.MULTILINE) == urls
    shown = at_a_terminal("wait", job_id, "--download", str(tmp_path), url=url, columns=columns)[1]
    assert all(re.search(rf"{path}$", shown, re.MULTILINE) for path in tmp_path.iterdir())


def test_the_columns_of_rows_stand_below_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    Console(width=20).print(
        _table([{"id": "a" * 30, "部屋": "浴室"}, {"id": "b", "部屋": ["x", "y"], "n": 1}]), soft_wrap=True
    )
    a = "a" * 30
    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == [
        f"{'id':30}  部屋  n",
        f"{a}  浴室",
        f"{'b':30}  x     1",
        f"{'':30}  y",
    ]


def test_json_is_json_at_a_terminal_too(url: str) -> None:
    status, shown = at_a_terminal(*SUBMIT, "--json", url=url)
    assert status == 0
    assert '"job_id": "' in shown


def test_a_job_that_was_waited_for_is_a_table_with_its_files(url: str, tmp_path: Path) -> None:
    status, shown = at_a_terminal(*SUBMIT, "--download", str(tmp_path), url=url)
    assert status == 0, shown
    assert re.search(r"^state +succeeded *$", shown, re.MULTILINE)
    assert all(str(path) in shown for path in tmp_path.iterdir())


BAR = re.compile(r"-([1-4])[.]png +━+ +([\d.]+)/([\d.]+) (bytes|kB|MB)")


def test_each_file_has_a_bar_with_its_bytes_at_a_terminal(url: str, tmp_path: Path) -> None:
    status, shown = at_a_terminal(*SUBMIT, "--download", str(tmp_path), url=url)
    assert status == 0, shown
    complete = {number for number, received, total, _ in BAR.findall(shown) if received == total}
    assert complete == {"1", "2", "3", "4"}
    assert "succeeded" in shown.partition("━")[0]  # The job's line stands above, in the same display.


def test_nothing_moves_with_json_or_without_a_terminal(url: str, tmp_path: Path) -> None:
    status, shown = at_a_terminal(*SUBMIT, "--download", str(tmp_path), "--json", url=url)
    assert status == 0, shown
    words = [*COMMAND, *SUBMIT, "--download", str(tmp_path)]
    piped = subprocess.run(words, capture_output=True, text=True, check=True, env=environment(url))
    for each in (shown, piped.stderr):
        assert "succeeded" in each
        assert "━" not in each
        assert "\x1b" not in each


def test_a_person_is_asked_for_the_key_and_it_is_not_shown(url: str) -> None:
    status, shown = at_a_terminal(*SUBMIT, url=url, key="", typed="sk-typed-by-hand\n")
    assert status == 0, shown
    assert "API key (SPACELY_API_KEY is not set):" in shown
    assert "sk-typed-by-hand" not in shown


@pytest.mark.parametrize(("typed", "status"), [("\x04", 2), ("\x03", 130)], ids=["Ctrl-D", "Ctrl-C"])
def test_whoever_gives_no_key_when_asked_gets_one_line(url: str, typed: str, status: int) -> None:
    ended, shown = at_a_terminal(*SUBMIT, url=url, key="", typed=typed)
    assert ended == status, shown
    assert "Traceback" not in shown
    assert shown.splitlines()[-1].startswith("spacely: ")


def test_a_second_ctrl_c_ends_a_batch_at_once_and_leaves_the_cursor_visible(tmp_path: Path) -> None:
    rooms = tmp_path / "rooms.csv"
    rooms.write_text("model,image_url,renovate_type\nm,https://x.test/1.jpg,residential\n")
    ours, theirs = pty.openpty()
    with MockServer(load(ROOT / "openapi.yaml"), render_time=60) as server:
        words = [*COMMAND, "batch", str(rooms), "--output", str(tmp_path / "out")]
        streams = {"stdin": theirs, "stdout": theirs, "stderr": theirs}
        with subprocess.Popen(words, **streams, env=environment(server.url)) as process:  # type: ignore[call-overload]  # a mapping of three streams
            os.close(theirs)
            shown = b""
            for until in (b"1 running", b"Once more to stop at once"):
                while until not in shown:
                    shown += os.read(ours, 65536)
                process.send_signal(signal.SIGINT)
            with contextlib.suppress(OSError):  # So Linux says that nobody has the terminal open any more.
                while True:
                    shown += os.read(ours, 65536)
    os.close(ours)
    assert process.returncode == 130
    assert shown.rfind(b"\x1b[?25h") > shown.rfind(b"\x1b[?25l") >= 0


@pytest.mark.parametrize(("by", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_wait_that_a_signal_ends_leaves_the_cursor_visible(by: int, status: int) -> None:
    ours, theirs = pty.openpty()
    with MockServer(load(ROOT / "openapi.yaml"), render_time=60) as server:
        streams = {"stdin": theirs, "stdout": theirs, "stderr": theirs}
        with subprocess.Popen([*COMMAND, *SUBMIT, "--wait"], **streams, env=environment(server.url)) as process:  # type: ignore[call-overload]  # a mapping of three streams
            os.close(theirs)
            shown = b""
            while b"running" not in shown:
                shown += os.read(ours, 65536)
            process.send_signal(by)
            with contextlib.suppress(OSError):  # So Linux says that nobody has the terminal open any more.
                while True:
                    shown += os.read(ours, 65536)
    os.close(ours)
    assert process.returncode == status
    assert shown.rfind(b"\x1b[?25h") > shown.rfind(b"\x1b[?25l") >= 0
    assert b"Take it up again: spacely wait " in shown


def test_no_option_takes_a_key() -> None:
    for command in ([], SUBMIT[:1], ["wait"], ["batch"]):
        done = subprocess.run([*COMMAND, *command, "--help"], capture_output=True, text=True, check=True)
        assert "-key" not in done.stdout


def interrupted(*arguments: str, url: str, when: str, by: int = signal.SIGINT) -> tuple[int, str]:
    """The exit status and the rest of standard error of a command that gets a signal once it has printed something."""
    with subprocess.Popen([*COMMAND, *arguments], stderr=subprocess.PIPE, text=True, env=environment(url)) as process:
        assert process.stderr
        line = process.stderr.readline() if when else ""
        assert when in line
        process.send_signal(by)
        rest = process.stderr.read()
    return process.returncode, line + rest


@pytest.mark.parametrize(
    ("by", "status", "word"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]
)
def test_ctrl_c_or_sigterm_prints_the_command_that_takes_the_job_up_again_as_it_was_asked_for(
    by: int, status: int, word: str
) -> None:
    with MockServer(load(ROOT / "openapi.yaml"), render_time=60) as server:
        given = ["--download", "some folder", "--timeout", "99.5", "--json", "--base-url", server.url]
        ended, said = interrupted(*SUBMIT, *given, url=server.url, when="job ", by=by)
    job_id = said.split()[1]
    assert ended == status
    assert said.splitlines()[-2:] == [
        f"spacely: {word}",
        f"Take it up again: spacely wait {shlex.join(given)} {job_id}",
    ]
    assert "Nobody waits" not in said  # It would be said twice.
    assert "Traceback" not in said


def test_the_command_that_was_printed_works() -> None:
    with MockServer(load(ROOT / "openapi.yaml"), render_time=1) as server:
        said = interrupted(*SUBMIT, "--wait", "--json", url=server.url, when="job ")[1]
        words = said.partition("Take it up again: spacely ")[2].split()
        done = subprocess.run(
            [*COMMAND, *words], capture_output=True, text=True, check=False, env=environment(server.url)
        )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["state"] == "succeeded"


def test_ctrl_c_while_a_submit_is_in_the_air_says_that_it_may_have_been_accepted() -> None:
    with MockServer(load(ROOT / "openapi.yaml")) as server:
        words = [*SUBMIT, "--prompt", "[mock delay=30s]"]
        with subprocess.Popen([*COMMAND, *words], stderr=subprocess.PIPE, text=True, env=environment(server.url)) as it:
            origin = server.url.removesuffix("/api/v1")
            while not httpx.get(f"{origin}/__mock__/requests/count").json()["count"]:
                time.sleep(0.05)
            it.send_signal(signal.SIGINT)
            assert it.stderr
            said = it.stderr.read()
    assert it.returncode == 130
    assert "It was being submitted and may have been accepted" in said


def played(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def test_ctrl_c_in_a_download_leaves_no_half_file_and_says_how_to_go_on(tmp_path: Path) -> None:
    server = ScriptedServer()
    url = f"http://127.0.0.1:{server.port}"
    done = json.dumps({"data": {"status": "success", "result": [f"{url}/1.png", f"{url}/2.png"]}}).encode()
    server.scripts["/poll-result"] = [[played(done)]]
    server.scripts["/1.png"] = [[played(b"whole")]]
    server.scripts["/2.png"] = [[played(b"half a")[:-2], Act.STALL]]
    words = [*COMMAND, "wait", "r-1", "--download", str(tmp_path)]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env=environment(url)) as it:
        while not list(tmp_path.glob("*-2.png.*.part")):
            time.sleep(0.02)
        it.send_signal(signal.SIGINT)
        assert it.stderr
        said = it.stderr.read()
    server.close()
    assert it.returncode == 130
    assert f"Take it up again: spacely wait --download {tmp_path} r-1" in said
    assert [path.name for path in tmp_path.iterdir()] == ["r-1-1.png"]


def test_a_render_that_failed_is_not_to_be_taken_up_again(url: str) -> None:
    words = [*SUBMIT, "--wait", "--prompt", "[mock outcome=failure]"]
    done = subprocess.run([*COMMAND, *words], capture_output=True, text=True, check=False, env=environment(url))
    assert done.returncode == 1
    assert "Take it up again" not in done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_the_commands_the_options_and_their_values(tmp_path: Path, shell: str) -> None:
    script = tmp_path / "completion"
    words = ["--install-completion", "--shell", shell, "--output", str(script)]
    subprocess.run([*COMMAND, *words], check=True, capture_output=True, env={**os.environ, "HOME": str(tmp_path)})
    text = script.read_text()
    assert all(word in text for word in ("generate-advance", "renovate-type", "residential", "install-completion"))


@pytest.mark.parametrize("command", [[], SUBMIT[:1], ["poll-result"], ["wait"], ["batch"]])
def test_help_tells_the_exit_statuses(command: list[str]) -> None:
    done = subprocess.run([*COMMAND, *command, "--help"], capture_output=True, text=True, check=True)
    assert "Exit status: 0 " in done.stdout
