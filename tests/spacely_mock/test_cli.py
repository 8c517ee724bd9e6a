"""The command: how it starts, what it says, how it stops."""

import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from tests.spacely_mock.helpers import CONTRACT, KEY, RENDER, ROOT

from spacely_mock import create_app
from spacely_mock._cli import main
from spacely_mock._directives import WORDS
from spacely_mock._durations import parse_duration

BANNER = re.compile(r"Spacely AI Enterprise 1\.0\.0 \(2 operations\) at (\S+/api/v1) - docs at (\S+/docs)\n")


@contextmanager
def running(*options, cwd=ROOT):
    command = [sys.executable, "-m", "spacely_mock", "--port", "0", *options]
    with subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process, BANNER.fullmatch(process.stdout.readline())
        finally:
            process.kill()


def test_one_line_tells_what_is_served_and_where():
    with running() as (process, banner):
        url, docs = banner.groups()
        assert httpx.get(docs).status_code == 200
        response = httpx.post(url + "/generate/advance", headers=KEY, json=RENDER)
        assert response.status_code == 200
        process.terminate()
        assert process.communicate(timeout=5) == ("", "")


@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_at_once_and_cleanly_whatever_connections_are_open(name):
    with running() as (process, banner), httpx.Client() as idle:
        idle.get(banner[2])
        url = httpx.URL(banner[1])
        with socket.create_connection((url.host, url.port)) as half_sent:
            half_sent.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Le")
            began = time.monotonic()
            process.send_signal(name)
            assert process.communicate(timeout=10) == ("", "")
            assert process.returncode == 0
            assert time.monotonic() - began < 2


def test_a_signal_before_it_is_up_stops_it_cleanly_too():
    command = [sys.executable, "-m", "spacely_mock", "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        # The interpreter itself has to be up; from then on any moment will do.
        deadline = time.monotonic() + 5
        status = f"/proc/{process.pid}/status"
        if sys.platform == "linux":
            while not _catches(status, signal.SIGTERM) and time.monotonic() < deadline:
                time.sleep(0.005)
        else:
            process.stdout.readline()
        process.terminate()
        assert process.communicate(timeout=5)[1] == ""
        assert process.returncode == 0


def _catches(status, name):
    lines = Path(status).read_text().splitlines()
    mask = next(line for line in lines if line.startswith("SigCgt:"))
    return int(mask.split()[1], 16) >> (name - 1) & 1


def test_a_taken_port_is_named_with_the_option_that_changes_it(capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["--port", str(port), "--spec", str(CONTRACT)]) == 1
    message = capsys.readouterr().err
    assert f"port {port} on 127.0.0.1 is taken" in message
    assert "--port" in message


def test_a_host_of_another_machine_is_refused(capsys):
    assert main(["--host", "192.0.2.1", "--port", "0", "--spec", str(CONTRACT)]) == 1
    assert "192.0.2.1" in capsys.readouterr().err


LINK = "operationId: pollResult\n              description: Poll with"
POLL_ID = "operationId: pollResult\n      tags"
BROKEN = {
    "not YAML": ("openapi: 3.0.3", "openapi: [", "is not YAML"),
    "not OpenAPI": ("openapi: 3.0.3", "title: a", "is not an OpenAPI document"),
    "OpenAPI 3.1": ("openapi: 3.0.3", "openapi: 3.1.0", "OpenAPI 3.1.0 is not supported"),
    "a Link to nowhere": (LINK, LINK.replace("pollResult", "nowhere"), "does not exist"),
    "a bad criterion": ("status == 'success'", "status ~ 'success'", "cannot be parsed"),
    "a bad example": ("status: success\n", "status: gone\n", "the example breaks its schema"),
    "one operationId twice": (POLL_ID, POLL_ID.replace("pollResult", "generateAdvance"), "generateAdvance"),
}


@pytest.mark.parametrize(("old", "new", "message"), BROKEN.values(), ids=BROKEN.keys())
def test_a_contract_that_cannot_be_used_is_explained_without_a_traceback(tmp_path, capsys, old, new, message):
    text = CONTRACT.read_text()
    file = tmp_path / "openapi.yaml"
    file.write_text(text.replace(old, new))
    assert file.read_text() != text
    assert main(["--spec", str(file)]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert "remedy:" in said
    assert "Traceback" not in said


def test_a_missing_contract_is_named(capsys, tmp_path):
    assert main(["--spec", str(tmp_path / "missing.yaml")]) == 2
    assert "missing.yaml" in capsys.readouterr().err


def test_the_contract_of_the_working_directory_is_served_before_the_packaged_one(tmp_path, monkeypatch):
    (tmp_path / "openapi.yaml").write_text("a: 1")
    monkeypatch.chdir(tmp_path)
    assert main([]) == 2
    (tmp_path / "openapi.yaml").unlink()
    with running(cwd=tmp_path) as (_, banner):
        assert banner


@pytest.mark.parametrize(
    "options",
    [
        ["--port", "99999"],
        ["--port", "x"],
        ["--render-time", "soon"],
        ["--progress", "soon"],
        ["--progress", "2s", "--render-time", "2s"],
        ["--outcome", "luck"],
        ["--rate-limit", "0"],
        ["--rate-limit-block"],
        ["--nonsense"],
    ],
)
def test_a_wrong_option_is_a_usage_error(options, capsys):
    with pytest.raises(SystemExit) as exit_:
        main(options)
    assert exit_.value.code == 2
    assert options[0] in capsys.readouterr().err


def test_verbose_prints_requests_but_no_key_and_no_query():
    with running("--verbose") as (process, banner):
        httpx.get(banner[1] + "/generate/poll-result?refId=secret-id", headers=KEY)
        process.terminate()
        assert process.communicate(timeout=5)[0] == "GET /api/v1/generate/poll-result 400\n"


def test_options_reach_the_mock():
    options = ["--api-key", "one", "--api-key", "two", "--render-time", "0", "--seed", "3", "--secret", "hush"]
    with running(*options) as (_, banner):
        for key, status in (("one", 200), ("two", 200), ("sk-one", 401)):
            response = httpx.post(banner[1] + "/generate/advance", headers={"X-API-KEY": key}, json=RENDER)
            assert response.status_code == status
        poll = {
            "params": {
                "refId": httpx.post(banner[1] + "/generate/advance", headers={"X-API-KEY": "one"}, json=RENDER).json()[
                    "data"
                ]
            }
        }
        assert (
            httpx.get(banner[1] + "/generate/poll-result", headers={"X-API-KEY": "one"}, **poll).json()["data"][
                "status"
            ]
            == "success"
        )


def test_options_of_control_reach_the_mock(tmp_path):
    rules = tmp_path / "rules.yaml"
    rules.write_text("- when: {headers: {x-team: red}}\n  then: {status: 503}\n")
    options = ["--progress", "polls:0", "--outcome", "failure", "--rules", str(rules), "--rate-limit", "3"]
    with (
        running(*options, "--rate-limit-block", "--clock", "manual") as (_, banner),  # So that no window passes.
        httpx.Client(base_url=banner[1], headers=KEY) as client,
    ):
        assert client.post("/generate/advance", json=RENDER, headers={"X-Team": "red"}).status_code == 503
        job_id = client.post("/generate/advance", json=RENDER).json()["data"]
        poll = {"url": "/generate/poll-result", "params": {"refId": job_id}}
        assert client.get(**poll).json()["data"]["status"] == "failed"
        assert client.get(**poll).status_code == 429
        assert "blocked" in client.get(**poll).json()["detail"]


@pytest.mark.parametrize(
    ("text", "message"),
    [("- then: {outcome: luck}", "rules.yaml:1: outcome='luck'"), ("[", "is not YAML"), (None, "cannot be read")],
)
def test_rules_that_cannot_be_used_are_explained_without_a_traceback(tmp_path, capsys, text, message):
    file = tmp_path / "rules.yaml"
    if text is not None:
        file.write_text(text)
    assert main(["--spec", str(CONTRACT), "--rules", str(file)]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert "remedy:" in said


@pytest.mark.parametrize("option", ["--admin-token", "--api-key", "--secret"])
def test_a_secret_that_is_empty_is_refused_as_one_of_a_variable_that_is_not_set(option, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["--spec", str(CONTRACT), option, ""])
    assert f"argument {option}: the t" in capsys.readouterr().err


@pytest.mark.parametrize("token", [" ", "a b", "ü", "a\n"])
def test_a_token_that_no_header_can_carry_is_refused(token, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["--spec", str(CONTRACT), "--admin-token", token])
    assert "printable ASCII" in capsys.readouterr().err


def test_an_application_with_an_empty_token_is_not_made():
    with pytest.raises(ValueError, match="token is empty"):
        create_app(CONTRACT, admin_token="")


def test_help_explains_every_option(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    for word in (
        "--host",
        "--port",
        "--spec",
        "--render-time",
        "--seed",
        "--api-key",
        "--secret",
        "Prefer: code=500",
        *WORDS,
    ):
        assert word in text


@pytest.mark.parametrize(
    ("text", "seconds"), [("2s", 2), ("500ms", 0.5), ("1m", 60), ("0", 0), ("1.5", 1.5), ("2h", 7200)]
)
def test_durations_are_read_as_people_write_them(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "-1s", "s", "1 day", "1e3", "inf", "nan"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError, match="is no duration"):
        parse_duration(text)


def test_importing_the_package_does_not_import_the_framework():
    code = "import sys, spacely_mock; sys.exit(bool({'connexion', 'uvicorn', 'PIL', 'starlette'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_call_from_a_program_leaves_its_signal_handlers_as_they_were(tmp_path):
    before = [signal.getsignal(name) for name in (signal.SIGTERM, signal.SIGINT)]
    assert main(["--spec", str(tmp_path / "missing.yaml")]) == 2
    assert [signal.getsignal(name) for name in (signal.SIGTERM, signal.SIGINT)] == before
