"""Several processes that serve one port."""

import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from tests.spacely_mock.helpers import CONTRACT, KEY, RENDER, ROOT
from tests.spacely_mock.redis_server import until

from spacely_mock import MockServer
from spacely_mock._cli import main
from spacely_mock._ids import Sealer

BANNER = re.compile(r"Spacely AI Enterprise .* at (\S+/api/v1) - docs at \S+/docs\n")

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc to find the workers")

RULE = {"id": "r", "then": {"status": 503}}


@contextmanager
def running(*options):
    command = [sys.executable, "-m", "spacely_mock", "--port", "0", *options]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process, BANNER.fullmatch(process.stdout.readline())[1]
        finally:
            process.terminate()
            process.wait(10)


def workers(process):
    return {int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()}


@pytest.fixture
def http():
    """Calls with a connection for each, so that the workers take turns."""
    with httpx.Client(limits=httpx.Limits(max_keepalive_connections=0), timeout=20) as client:
        yield client


def submit(http, url):
    return http.post(url + "/generate/advance", headers=KEY, json=RENDER)


def poll(http, url, job_id):
    return http.get(url + "/generate/poll-result", headers=KEY, params={"refId": job_id})


def test_workers_start_with_one_line_know_each_others_jobs_and_stop_together(http):
    with running("--workers", "2", "--render-time", "0") as (process, url):
        assert len(workers(process)) == 2
        jobs = [submit(http, url).json()["data"] for _ in range(12)]
        assert len(set(jobs)) == 12
        for job_id in jobs:
            assert {poll(http, url, job_id).json()["data"]["status"] for _ in range(3)} == {"success"}
        children = workers(process)
        process.terminate()
        said, notice = process.communicate(timeout=10)
        assert (said, process.returncode) == ("", 0)
        assert "--store" in notice
        assert not any(Path(f"/proc/{pid}").exists() for pid in children)


def test_no_two_workers_take_the_same_seed_for_a_job():
    sealers = [Sealer(b"secret", 7, worker, 3) for worker in range(3)]
    seeds = [sealer.new_seed() for _ in range(100) for sealer in sealers]
    alone = Sealer(b"secret", 7)
    assert seeds == [alone.new_seed() for _ in range(300)]


def test_a_worker_that_is_killed_is_replaced_and_its_jobs_go_on(http):
    with running("--workers", "2", "--render-time", "0") as (process, url):
        job_id = submit(http, url).json()["data"]
        before = workers(process)
        os.kill(min(before), signal.SIGKILL)
        until(lambda: len(workers(process)) == 2 and workers(process) != before)
        until(lambda: all(poll(http, url, job_id).status_code == 200 for _ in range(8)))
        assert process.poll() is None


def test_workers_end_when_the_process_that_started_them_is_killed():
    with running("--workers", "2") as (process, _):
        children = workers(process)
        process.kill()
        process.wait(5)
        until(lambda: not any(Path(f"/proc/{pid}/cmdline").exists() and _runs(pid) for pid in children))


def _runs(pid):
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_workers_without_a_store_say_what_they_cannot_answer_for_all(http):
    with running("--workers", "2") as (_, url):
        origin = url.removesuffix("/api/v1")
        for path in ("requests", "requests/count", "requests/wait", "rules", "jobs", "metrics", "seed"):
            answer = http.get(f"{origin}/__mock__/{path}")
            assert (answer.status_code, answer.json()["type"]) == (503, "/__mock__/problems/several-processes"), path
        meaning = http.get(origin + "/__mock__/problems/several-processes").json()["meaning"]
        assert "--store" in meaning
        assert http.get(origin + "/__mock__/").json()["workers"] == 2


def test_workers_without_a_store_start_no_job_whose_polls_would_be_counted_and_count_none(http):
    with running("--workers", "2", "--render-time", "0") as (process, url):
        for words in ({"headers": {"X-Mock-Progress": "polls:2"}}, {"prompt": "[mock progress=polls:2]"}):
            headers = {**KEY, **words.pop("headers", {})}
            answer = http.post(url + "/generate/advance", headers=headers, json={**RENDER, **words})
            assert (answer.status_code, answer.json()["type"]) == (503, "/__mock__/problems/several-processes")
            assert "count the polls" in answer.json()["detail"]
        with MockServer(CONTRACT, progress="polls:2") as alone:  # It has the same secret, so its jobs are known here.
            job_id = submit(http, alone.url).json()["data"]
        assert {poll(http, url, job_id).status_code for _ in range(4)} == {503}
        assert submit(http, url).status_code == 200
        process.terminate()
        assert "Traceback" not in process.communicate(timeout=10)[1]


COUNTED = {
    "polls": (["--progress", "polls:2"], "--progress polls:2"),
    "a rate limit": (["--rate-limit", "2"], "--rate-limit"),
    "a rule that is used up": (["--rules", "- {id: twice, then: {status: 503}, times: 2}"], "twice"),
    "a rule for each third": (["--rules", "- {id: third, then: {status: 503}, every: 3}"], "third"),
    "a rule that has polls counted": (["--rules", "- {id: slow, then: {progress: 'polls:2'}}"], "slow"),
}


@pytest.mark.parametrize(("options", "named"), COUNTED.values(), ids=COUNTED.keys())
def test_workers_do_not_start_without_a_store_where_they_would_have_to_count_together(tmp_path, capsys, options, named):
    if options[0] == "--rules":
        (tmp_path / "rules.yaml").write_text(options[1])
        options = ["--rules", str(tmp_path / "rules.yaml")]
    assert main(["--port", "0", "--workers", "2", *options]) == 2
    said = capsys.readouterr().err
    assert named in said
    assert "--store redis://... or --workers 1" in said


def test_workers_start_with_rules_that_need_no_count(tmp_path, http):
    (tmp_path / "rules.yaml").write_text("- then: {status: 503}\n  probability: 1")
    with running("--workers", "2", "--rules", str(tmp_path / "rules.yaml")) as (_, url):
        assert {submit(http, url).status_code for _ in range(4)} == {503}


def test_workers_with_a_store_answer_as_one(http, redis_url):
    with running("--workers", "2", "--store", redis_url) as (process, url):
        origin = url.removesuffix("/api/v1")
        jobs = [submit(http, url).json()["data"] for _ in range(8)]
        for _ in range(6):  # Whichever worker answers.
            listed = http.get(origin + "/__mock__/requests").json()["requests"]
            assert [line["job"] for line in listed] == jobs
            assert [job["id"] for job in http.get(origin + "/__mock__/jobs").json()["jobs"]] == jobs
        http.put(origin + "/__mock__/rules", json=[RULE], headers=KEY).raise_for_status()
        assert [http.get(origin + "/__mock__/rules", headers=KEY).json() for _ in range(6)] == [[RULE]] * 6
        assert http.get(origin + "/__mock__/clock").json()["manual"] is False
        for method, path, body in (
            ("PUT", "clock", {"now": 1}),
            ("POST", "clock", {"advance": 1}),
            ("GET", "seed", None),
        ):
            answer = http.request(method, f"{origin}/__mock__/{path}", json=body)
            assert (answer.status_code, answer.json()["type"]) == (503, "/__mock__/problems/several-processes"), path
            assert "--workers 1" in answer.json()["detail"]
        process.terminate()
        assert process.communicate(timeout=10) == ("", "")


def test_a_port_that_another_mock_has_is_not_shared_with_it(capsys):
    with running("--workers", "2") as (_, url):
        port = str(httpx.URL(url).port)
        assert main(["--port", port, "--workers", "2"]) == 1
    assert f"port {port}" in capsys.readouterr().err


WRONG = {
    "no worker": (["--workers", "0"], "1 to 64"),
    "a manual clock for several": (["--workers", "2", "--clock", "manual"], "time of its own"),
    "a journal of less than nothing": (["--journal", "-1"], "--journal"),
}


@pytest.mark.parametrize(("options", "message"), WRONG.values(), ids=WRONG.keys())
def test_options_that_cannot_be_met_are_refused(capsys, options, message):
    with pytest.raises(SystemExit, match="2"):
        main(options)
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("url", ["http://127.0.0.1", "localhost:6379", "redis://127.0.0.1:port"])
def test_a_store_that_is_none_is_refused(capsys, url):
    assert main(["--port", "0", "--store", url]) == 2
    assert "--store" in capsys.readouterr().err


def test_listening_to_other_machines_is_said_with_what_closes_the_controls():
    for options, controls in ((["--workers", "2"], True), (["--no-admin"], False), (["--admin-token", "x"], False)):
        with running("--host", "0.0.0.0", *options) as (process, _):
            process.terminate()
            notice = process.communicate(timeout=10)[1]
            assert "whoever reaches this machine can use the mock" in notice
            assert ("--admin-token" in notice) is controls
