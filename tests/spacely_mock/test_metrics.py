"""What the mock counts, as Prometheus reads it."""

import re

import httpx
import pytest
from tests.spacely_mock.helpers import CONTRACT, KEY, RENDER, Caller
from tests.spacely_mock.redis_server import until

from spacely_mock import MockServer
from spacely_mock._metrics import exposition
from spacely_mock._redis import RedisState

SAMPLE = re.compile(
    r'(?P<name>[a-z_]+)(?:\{(?P<labels>[a-zA-Z_]+="[^"]*"(?:,[a-z]+="[^"]*")*)\})? (?P<value>[0-9.e+-]+)'
)


def samples(text):
    """The samples of an exposition by name and labels; every line has to be one, or a comment."""
    found = {}
    for line in text.splitlines():
        if not line.startswith("# "):
            match = SAMPLE.fullmatch(line)
            assert match, line
            found[match["name"], match["labels"] or ""] = float(match["value"])
    return found


@pytest.mark.parametrize("path", ["/metrics", "/__mock__/metrics"])
@pytest.mark.parametrize("fast_lane", [True, False])
def test_requests_and_jobs_are_counted(path, fast_lane):
    call = Caller(fast_lane=fast_lane)
    for _ in range(3):
        job_id = call.submit().json()["data"]
    call.submit({"model": 1})
    call.poll(job_id)
    call("GET", "/nowhere")
    answer = call("GET", path)
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    found = samples(answer.text)
    assert found["spacely_mock_requests_total", 'operation="generateAdvance",status="200"'] == 3
    assert found["spacely_mock_requests_total", 'operation="generateAdvance",status="400"'] == 1
    assert found["spacely_mock_requests_total", 'operation="pollResult",status="200"'] == 1
    assert found["spacely_mock_requests_total", 'operation="",status="404"'] == 1
    assert found["spacely_mock_jobs_total", 'operation="generateAdvance"'] == 3
    assert found["spacely_mock_journal_lines", ""] == 6
    assert found["process_resident_memory_bytes", ""] > 1_000_000
    assert found["process_open_fds", ""] > 3


def test_the_histogram_adds_up():
    call = Caller()
    for _ in range(5):
        call.submit()
    found = samples(call("GET", "/metrics").text)
    buckets = [value for (name, _), value in found.items() if name == "spacely_mock_request_seconds_bucket"]
    assert buckets == sorted(buckets)
    label = 'operation="generateAdvance"'
    assert buckets[-1] == found["spacely_mock_request_seconds_count", label] == 5
    assert 0 < found["spacely_mock_request_seconds_sum", label] < 5
    assert ("spacely_mock_request_seconds_bucket", f'{label},le="+Inf"') in found


def test_every_family_is_explained_once_before_its_samples():
    lines = Caller()("GET", "/metrics").text.splitlines()
    types = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(types) == len(set(types))
    for line in lines:
        if not line.startswith("#"):
            name = re.match(r"[a-z_]+", line)[0]
            assert any(name.startswith(family) for family in types), line


def test_a_label_may_hold_anything():
    snapshot = [["spacely_mock_jobs_total", {"operation": 'a"b\\c\nd'}, 1]]
    assert b'{operation="a\\"b\\\\c\\nd"} 1\n' in exposition([snapshot], 0)


def test_mocks_that_share_a_store_are_counted_together(redis_url):
    with (
        MockServer(CONTRACT, state=RedisState(redis_url)) as one,
        MockServer(CONTRACT, state=RedisState(redis_url)) as two,
        httpx.Client(headers=KEY) as client,
    ):
        for server in (one, two, two):
            client.post(server.url + "/generate/advance", json=RENDER).raise_for_status()

        def total():
            found = samples(client.get(one.origin + "/metrics").text)
            return found.get(("spacely_mock_jobs_total", 'operation="generateAdvance"')) == 3

        until(total)
