"""The contract's file is changed while the mock serves it."""

import re
import subprocess
import sys
import threading
from contextlib import contextmanager

import httpx
import pytest
from tests.spacely_mock.helpers import CONTRACT, KEY, RENDER

SWAPS = 10


@contextmanager
def watching(file, *options):
    command = [sys.executable, "-m", "spacely_mock", "--port", "0", "--watch", "--spec", str(file), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process, re.search(r"at (\S+) - docs", process.stdout.readline())[1]
        finally:
            process.kill()


@pytest.fixture
def file(tmp_path):
    copy = tmp_path / "contract.yaml"
    copy.write_text(CONTRACT.read_text())
    return copy


def change(file, old, new):
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_ten_changes_under_load_drop_no_request_and_no_job(file):
    failed, answered, stop = [], [0] * 4, threading.Event()

    def load(number, url):
        with httpx.Client(base_url=url, headers=KEY) as client:
            job = client.post("/generate/advance", json=RENDER).json()["data"]
            while not stop.is_set():
                submitted = client.post("/generate/advance", json=RENDER)
                polled = client.get("/generate/poll-result", params={"refId": job})
                answered[number] += 2
                failed.extend(response for response in (submitted, polled) if response.status_code != 200)

    with watching(file, "--render-time", "1m") as (process, url):
        threads = [threading.Thread(target=load, args=(number, url)) for number in range(len(answered))]
        for thread in threads:
            thread.start()
        for number in range(SWAPS):
            before = sum(answered)
            change(file, f"version: 1.0.{number}", f"version: 1.0.{number + 1}")
            assert f" 1.0.{number + 1} (2 operations) at {url} " in process.stdout.readline()
            assert sum(answered) > before
        stop.set()
        for thread in threads:
            thread.join()
        assert httpx.get(httpx.URL(url).join("/healthz")).json()["version"] == f"1.0.{SWAPS}"
        process.terminate()
        assert process.communicate(timeout=5) == ("", "")
    assert not failed


def test_a_new_operation_is_served_and_the_journal_goes_on(file):
    with watching(file) as (process, url):
        httpx.post(url + "/generate/advance", headers=KEY, json=RENDER)
        assert httpx.get(url + "/more", headers=KEY).status_code == 404
        change(file, "paths:\n", "paths:\n  /more:\n    get:\n      operationId: more\n      responses:\n"
               "        '204': {description: There is more.}\n")  # fmt: skip
        assert "(3 operations)" in process.stdout.readline()
        assert httpx.get(url + "/more").status_code == 204
        requests = httpx.get(httpx.URL(url).join("/__mock__/requests")).json()["requests"]
        assert [each["status"] for each in requests] == [200, 404, 204]


def test_a_broken_contract_is_reported_and_the_one_before_goes_on_until_it_is_mended(file):
    with watching(file) as (process, url):
        job = httpx.post(url + "/generate/advance", headers=KEY, json=RENDER).json()["data"]
        change(
            file, "operationId: pollResult\n              description", "operationId: gone\n              description"
        )
        said = process.stderr.readline()
        while "goes on" not in said:
            said += process.stderr.readline()
        assert f"{file}" in said
        assert "remedy:" in said
        assert "Traceback" not in said
        assert httpx.get(url + "/generate/poll-result", headers=KEY, params={"refId": job}).status_code == 200
        file.unlink()
        while "cannot be read" not in said:
            said += process.stderr.readline()
        file.write_text(CONTRACT.read_text().replace("version: 1.0.0", "version: 2.0.0"))
        assert " 2.0.0 (" in process.stdout.readline()
        assert httpx.get(url + "/generate/poll-result", headers=KEY, params={"refId": job}).status_code == 200


def test_what_was_counted_is_counted_on_after_a_change(file):
    with watching(file) as (process, url), httpx.Client(headers=KEY) as client:
        origin = url.removesuffix("/api/v1")

        def counted():
            found = re.search(r'requests_total{operation="generateAdvance",status="200"} (\d+)', metrics())
            return int(found[1])

        def metrics():
            return client.get(origin + "/metrics").text

        client.post(url + "/generate/advance", json=RENDER)
        assert counted() == 1
        change(file, "version: 1.0.0", "version: 1.1.0")
        assert " 1.1.0 " in process.stdout.readline()
        client.post(url + "/generate/advance", json=RENDER)
        assert counted() == 2
