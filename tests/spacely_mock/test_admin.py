"""The mock's own interface under /__mock__/: the same behaviour with memory and with Redis behind it."""

import json
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
import schemathesis
import yaml
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance
from tests.spacely_mock.helpers import CONTRACT, KEY, POLL, RENDER, ROOT, SUBMIT, Caller
from tests.spacely_mock.redis_server import until

from spacely_mock import ManualClock, MockServer
from spacely_mock._redis import RedisState
from spacely_mock._state import namespace_of

CONTROL = ROOT / "mock" / "spacely_mock" / "control.yaml"
OTHER = {"X-API-KEY": "sk-two"}
ONE, TWO = namespace_of("sk-one"), namespace_of("sk-two")


@pytest.fixture(scope="module", params=["memory", "redis"])
def server(request):
    options = {}
    if request.param == "redis":
        options["state"] = RedisState(request.getfixturevalue("redis_server").url)
    with MockServer(CONTRACT, seed=1, clock=ManualClock(1_800_000_000.25), **options) as running:
        yield running


@pytest.fixture
def call(server):
    """Calls the mock; nothing has happened at it yet."""
    with httpx.Client(base_url=server.origin, timeout=20) as client:
        client.post("/__mock__/reset").raise_for_status()
        yield client


def submit(call, headers=KEY, **changes):
    return call.post(SUBMIT, json={**RENDER, **changes}, headers=headers)


def poll(call, job_id):
    return call.get(POLL, params={"refId": job_id}, headers=KEY)


def count(call, **filters):
    return call.get("/__mock__/requests/count", params=filters).json()["count"]


FILTERS = [
    ({}, 5),
    ({"operation": "generateAdvance"}, 3),
    ({"method": "get"}, 2),
    ({"path": SUBMIT}, 3),
    ({"path": "*/generate/*"}, 4),
    ({"status": "200"}, 2),
    ({"status": "4XX"}, 3),
    ({"status": "404"}, 1),
    ({"namespace": TWO}, 1),
    ({"namespace": "public"}, 1),
    ({"operation": "generateAdvance", "status": "400"}, 1),
]


def test_requests_are_found_by_what_they_are(call):
    submit(call)
    submit(call, OTHER)
    submit(call, model=1)
    call.get("/api/v1/generate/poll-result", params={"refId": "unknown"}, headers=KEY)
    call.get("/api/v1/nowhere")
    assert [(filters, count(call, **filters)) for filters, _ in FILTERS] == FILTERS


def test_requests_are_found_by_their_job_and_after_a_line(call):
    jobs = [submit(call).json()["data"] for _ in range(3)]
    listed = call.get("/__mock__/requests", params={"job": jobs[1]}).json()
    assert [line["job"] for line in listed["requests"]] == [jobs[1]]
    later = call.get("/__mock__/requests", params={"since": listed["requests"][0]["id"]}).json()
    assert [line["job"] for line in later["requests"]] == [jobs[2]]


def test_requests_are_found_by_what_stands_in_their_bodies(call):
    submit(call, prompt="a stormy sea")
    submit(call, prompt="a calm sea")
    submit(call, model=1)
    call.get("/api/v1/nowhere")
    wanted = [
        ({"$.prompt": "*storm*"}, 1),
        ({"$.prompt": "*sea"}, 2),
        ({"$.prompt": "*sea", "$.model": "spacely-*"}, 2),
        ({"$.model": 1}, 1),
        ({"$.model": "1"}, 0),
        ({"$[?@.prompt == 'a calm sea'].nothing": "*"}, 0),
        ({"$..*": "a calm sea"}, 1),
    ]
    assert [(paths, count(call, body=json.dumps(paths))) for paths, _ in wanted] == wanted
    missed = call.get("/__mock__/requests", params={"body": '{"$.prompt": "*fire*"}', "method": "POST"}).json()
    assert missed["nearMisses"][0]["differs"] == [
        {"field": "body", "wanted": '{"$.prompt": "*fire*"}', "got": {**RENDER, "model": 1}}
    ]


def test_a_body_that_is_no_json_or_a_text_has_nothing_in_it(call):
    submit(call, prompt="a calm sea")
    headers = {**KEY, "Content-Type": "application/json"}
    for content in ('{"prompt": "a calm sea"', '"{bad"', json.dumps('{"prompt": "a calm sea"}')):
        assert call.post(SUBMIT, content=content, headers=headers).status_code == 400
    for path in ("$.prompt", "$..*", "$[?@ == 'a calm sea']"):
        paths = {"body": json.dumps({path: "*sea"})}
        assert count(call, **paths) == 1
        assert call.get("/__mock__/requests", params=paths).json()["requests"][0]["status"] == 200
        assert call.get("/__mock__/requests/wait", params=paths).json()["met"]


@pytest.mark.parametrize("body", ["prompt", "[]", "{}", "7", '{"prompt": "a"}', '{"$.a[": 1}', "{" * 10_000])
def test_a_filter_of_a_body_that_cannot_be_understood_is_refused_by_name(call, body):
    response = call.get("/__mock__/requests", params={"body": body})
    assert (response.status_code, response.json()["type"]) == (400, "/__mock__/problems/invalid-request")
    assert "JSONPath" in response.json()["detail"]


@pytest.mark.parametrize("operation", ["nope", "", "pollresult", "poll*"])
def test_a_filter_for_an_operation_that_there_is_not_is_refused_with_those_there_are(call, operation):
    for path in ("requests", "requests/count", "requests/wait"):
        response = call.get(f"/__mock__/{path}", params={"operation": operation})
        assert (response.status_code, response.json()["type"]) == (400, "/__mock__/problems/invalid-request")
        assert "write one of generateAdvance, pollResult" in response.json()["detail"]
    assert "did you mean pollResult?" in call.get("/__mock__/requests", params={"operation": "pollresult"}).text


def test_a_key_sees_its_own_requests_and_no_others(call):
    submit(call)
    submit(call, OTHER)
    mine = call.get("/__mock__/requests", headers=KEY).json()
    assert [line["namespace"] for line in mine["requests"]] == [ONE]
    missed = call.get("/__mock__/requests", headers=KEY, params={"status": "500"}).json()
    assert [miss["request"]["namespace"] for miss in missed["nearMisses"]] == [ONE]
    assert call.get("/__mock__/", headers=KEY).json()["namespace"] == ONE


def test_near_misses_tell_what_differs_the_nearest_first(call):
    submit(call)
    submit(call, model=1)
    call.get("/api/v1/nowhere")
    wanted = {"operation": "generateAdvance", "status": "500", "method": "POST"}
    found = call.get("/__mock__/requests", params=wanted).json()
    assert (found["met"], found["count"], found["requests"]) == (False, 0, [])
    assert [miss["request"]["status"] for miss in found["nearMisses"]] == [400, 200, 404]
    assert found["nearMisses"][0]["differs"] == [{"field": "status", "wanted": "500", "got": 400}]
    assert {difference["field"] for difference in found["nearMisses"][2]["differs"]} == {
        "operation",
        "status",
        "method",
    }


def test_who_waits_for_requests_is_answered_as_soon_as_they_have_come(call):
    answers = []

    def wait():
        parameters = {"count": 2, "timeout": 10, "status": "200"}
        answers.append(call.get("/__mock__/requests/wait", params=parameters).json())

    waiting = threading.Thread(target=wait)
    began = time.monotonic()
    waiting.start()
    with httpx.Client(base_url=call.base_url) as other:
        for _ in range(2):
            assert not answers
            submit(other)
    waiting.join(9)
    assert time.monotonic() - began < 5
    assert (answers[0]["met"], answers[0]["count"], answers[0]["nearMisses"]) == (True, 2, [])


def test_who_waits_in_vain_is_told_what_came_instead(call):
    submit(call)
    parameters = {"count": 1, "timeout": 0.05, "status": "500"}
    found = call.get("/__mock__/requests/wait", params=parameters).json()
    assert (found["met"], found["count"], len(found["nearMisses"])) == (False, 0, 1)


def test_the_journal_is_emptied_for_a_key_or_for_all(call):
    submit(call)
    submit(call)
    submit(call, OTHER)
    assert call.delete("/__mock__/requests", headers=KEY).json() == {"removed": 2}
    assert count(call) == 1
    assert call.delete("/__mock__/requests").json() == {"removed": 1}
    assert count(call) == 0


def test_rules_belong_to_a_key_or_to_all(call):
    rule, other = ({"id": name, "when": {"path": "/x"}, "then": {"status": 503}} for name in ("one", "two"))
    assert call.put("/__mock__/rules", json=[rule], headers=KEY).json() == [rule]
    assert call.post("/__mock__/rules", json=rule).json() == [rule]
    assert call.get("/__mock__/rules", headers=KEY).json() == [rule]
    assert call.get("/__mock__/rules", headers=OTHER).json() == []
    assert call.post("/__mock__/rules", json=rule, headers=KEY).status_code == 400
    assert call.post("/__mock__/rules", json=other, headers=KEY).json() == [rule, other]
    assert call.delete("/__mock__/rules", headers=KEY).json() == []
    assert call.get("/__mock__/rules").json() == [rule]
    call.post("/__mock__/reset")
    assert call.get("/__mock__/rules").json() == []


def test_a_rule_does_what_it_says_to_its_key_alone_and_a_new_one_counts_anew(call):
    for _ in range(2):
        call.put("/__mock__/rules", json=[{"then": {"status": 503}, "times": 1}], headers=KEY).raise_for_status()
        assert [submit(call).status_code for _ in range(2)] == [503, 200]
        assert submit(call, OTHER).status_code == 200
    call.post("/__mock__/rules", json={"then": {"status": 429}, "times": 1}).raise_for_status()
    assert [submit(call, OTHER).status_code for _ in range(2)] == [429, 200]
    noted = call.get("/__mock__/requests", headers=OTHER).json()["requests"]
    assert [line["status"] for line in noted] == [200, 200, 429, 200]


def test_jobs_are_listed_with_how_they_stand(call):
    first = submit(call).json()["data"]
    call.post("/__mock__/clock", json={"advance": 2.5})
    second = submit(call, OTHER).json()["data"]
    submit(call, model=1)
    jobs = call.get("/__mock__/jobs").json()["jobs"]
    assert [(job["id"], job["done"], job["namespace"]) for job in jobs] == [(first, True, ONE), (second, False, TWO)]
    assert [job["seconds"] for job in jobs] == [2, 2]
    assert jobs[1]["created"] - jobs[0]["created"] == pytest.approx(2.5, abs=0.002)
    assert {job["operation"] for job in jobs} == {"generateAdvance"}
    assert [job["id"] for job in call.get("/__mock__/jobs", headers=KEY).json()["jobs"]] == [first]


NEVER_ANSWERED = {
    "is lost": {"X-Mock-Fault": "lost"},
    "is lost to a client that has gone": {"X-Mock-Delay": "9s"},
}


@pytest.mark.parametrize("headers", NEVER_ANSWERED.values(), ids=NEVER_ANSWERED.keys())
def test_a_job_whose_answer_is_lost_is_listed_and_counted(call, headers):
    before = jobs_counted(call)
    with pytest.raises(httpx.TransportError):
        call.post(SUBMIT, json=RENDER, headers={**KEY, **headers}, timeout=0.5)
    until(lambda: jobs_counted(call) == before + 1)
    submit(call)
    lost, answered = call.get("/__mock__/jobs").json()["jobs"]
    assert (lost["status"], lost["done"], answered["status"]) == (None, False, 200)
    first = call.get("/__mock__/requests").json()["requests"][0]
    assert (first["job"], first["status"], first["seconds"]) == (lost["id"], None, None)
    call.post("/__mock__/clock", json={"advance": 10})
    assert poll(call, lost["id"]).json()["data"]["status"] == "success"


def jobs_counted(call):
    found = re.search(r'spacely_mock_jobs_total\{operation="generateAdvance"\} (\d+)', call.get("/metrics").text)
    return int(found[1]) if found else 0


def test_a_job_is_listed_in_memory_as_soon_as_it_has_started_though_its_answer_is_late():
    with MockServer(CONTRACT) as server, httpx.Client(base_url=server.origin) as client, ThreadPoolExecutor() as pool:
        late = pool.submit(submit, client, {**KEY, "X-Mock-Delay": "1s"})
        (job,) = until(lambda: client.get("/__mock__/jobs").json()["jobs"])
        assert (job["status"], late.done()) == (None, False)
        assert late.result().json()["data"] == job["id"]
        assert client.get("/__mock__/jobs").json()["jobs"] == [{**job, "status": 200}]


def test_reset_of_a_key_leaves_the_others(call):
    submit(call)
    submit(call, OTHER)
    assert call.post("/__mock__/reset", headers=KEY).json() == {"namespace": ONE}
    assert [line["namespace"] for line in call.get("/__mock__/requests").json()["requests"]] == [TWO]


def made(call):
    """The ids and the images that some requests make, always at the same time."""
    call.put("/__mock__/clock", json={"now": 1_900_000_000})
    jobs = [submit(call).json()["data"] for _ in range(3)]
    call.post("/__mock__/clock", json={"advance": 3})
    done = poll(call, jobs[0]).json()["data"]
    return jobs, [call.get(url).content for url in done["result"]]


def test_after_a_reset_the_same_requests_make_the_same_ids_and_the_same_images(call):
    first = made(call)
    assert made(call)[0] != first[0]
    call.post("/__mock__/reset")
    assert made(call) == first


@pytest.fixture
def alone():
    """Calls a mock that shares nothing with others."""
    with (
        MockServer(CONTRACT, seed=1, clock=ManualClock()) as server,
        httpx.Client(base_url=server.origin, timeout=20) as client,
    ):
        yield client


def test_the_same_seed_and_requests_make_the_same_ids_and_the_same_images(alone):
    assert alone.put("/__mock__/seed", json={"seed": 42}).json() == {"seed": 42}
    first = made(alone)
    alone.put("/__mock__/seed", json={"seed": 42})
    assert made(alone) == first
    alone.put("/__mock__/seed", json={"seed": 43})
    assert made(alone)[0] != first[0]
    assert alone.get("/__mock__/seed").json() == {"seed": 43}


def test_ids_are_those_of_a_mock_started_with_the_seed(alone):
    started = Caller(seed=42)
    alone.put("/__mock__/seed", json={"seed": 42})
    alone.put("/__mock__/clock", json={"now": started.clock.now()})
    assert submit(alone).json() == started.submit().json()


def test_a_seed_that_other_mocks_of_the_store_would_not_hear_of_is_refused():
    call = Caller(state=RedisState("redis://127.0.0.1:1"))
    answer = call("PUT", "/__mock__/seed", json={"seed": 42})
    assert (answer.status_code, answer.json()["type"]) == (503, "/__mock__/problems/several-processes")
    assert "share the store" in answer.json()["detail"]
    assert call("GET", "/__mock__/seed").json() == {"seed": 1}


def test_the_clock_of_the_machine_cannot_be_moved():
    call = Caller(clock=None)
    answer = call("POST", "/__mock__/clock", json={"advance": 1})
    assert (answer.status_code, answer.json()["type"]) == (409, "/__mock__/problems/clock-runs")
    assert "--clock manual" in call("GET", answer.json()["type"]).json()["meaning"]
    assert call("GET", "/__mock__/clock").json()["manual"] is False


WRONG = [
    ("GET", "/__mock__/requests?status=abc", None, 400),
    ("GET", "/__mock__/requests?colour=blue", None, 400),
    ("GET", "/__mock__/requests?since=x", None, 400),
    ("GET", "/__mock__/requests/wait?timeout=61", None, 400),
    ("GET", "/__mock__/requests/wait?count=0", None, 400),
    ("PUT", "/__mock__/seed", {"seed": "x"}, 400),
    ("PUT", "/__mock__/seed", None, 400),
    ("PUT", "/__mock__/rules", {}, 400),
    ("POST", "/__mock__/clock", {"advance": -1}, 400),
    ("PATCH", "/__mock__/seed", None, 405),
    ("GET", "/__mock__/nothing", None, 404),
]


@pytest.mark.parametrize(("method", "path", "body", "status"), WRONG)
def test_what_is_wrong_is_told_as_a_problem(method, path, body, status):
    answer = Caller()(method, path, json=body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


def test_rules_that_cannot_be_used_are_refused_and_none_is_set():
    call = Caller()
    assert call("PUT", "/__mock__/rules", json=[{"then": {"no-such-word": 1}}]).status_code == 400
    assert call("GET", "/__mock__/rules").json() == []


def test_the_rules_that_the_mock_was_started_with_are_listed_and_stay():
    first = {"when": {"operation": "generate*"}, "then": {"status": 418}, "times": 2}
    listed = {"id": "rule-1", **first, "then": {"status": "418"}, "origin": "start"}
    other = {"id": "other", "then": {"delay": "1ms"}}
    call = Caller(rules=[first])
    assert call("GET", "/__mock__/rules").json() == [listed]
    assert call("GET", "/__mock__/rules", headers=KEY).json() == [listed]
    assert call("POST", "/__mock__/rules", json=other).json() == [listed, other]
    assert call("PUT", "/__mock__/rules", json=[other]).json() == [listed, other]
    assert call("DELETE", "/__mock__/rules").json() == [listed]
    call("POST", "/__mock__/reset")
    assert call("GET", "/__mock__/rules").json() == [listed]
    assert call.submit().status_code == 418


def test_a_rule_cannot_be_given_out_as_one_that_the_mock_was_started_with():
    call = Caller(rules=[{"then": {"delay": "1ms"}}])
    answer = call("PUT", "/__mock__/rules", json=call("GET", "/__mock__/rules").json())
    assert answer.status_code == 400
    assert "origin" in answer.text


CONTROLLED = ("/__mock__/", "/__mock__/requests", "/__mock__/openapi.json", "/__mock__/metrics", "/metrics")


def test_with_a_token_every_endpoint_asks_for_it_and_nothing_else_does():
    call = Caller(admin_token="let-me-in")
    for path in CONTROLLED:
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic let-me-in"}, KEY):
            answer = call("GET", path, headers=headers)
            assert (answer.status_code, answer.headers["www-authenticate"][:6]) == (401, "Bearer")
            assert "let-me-in" not in answer.text
        assert call("GET", path, headers={"Authorization": "bearer let-me-in"}).status_code == 200
    assert call.submit().status_code == 200
    assert call("GET", "/healthz").status_code == 200
    described = call("GET", "/__mock__/openapi.json", headers={"Authorization": "Bearer let-me-in"}).json()
    assert described["security"] == [{"token": []}]
    assert "let-me-in" not in json.dumps(described)


def test_a_closed_interface_is_not_there_but_images_and_problems_are():
    call = Caller(admin=False)
    for path in CONTROLLED:
        assert call("GET", path).status_code == 404
    job_id = call.submit().json()["data"]
    call.clock.advance(5)
    images = call.poll(job_id).json()["data"]["result"]
    assert call("GET", images[0]).status_code == 200
    assert call("GET", "/__mock__/problems/not-found").status_code == 200


def test_the_interface_lists_itself_and_every_operation_has_a_handler():
    call = Caller()
    described = call("GET", "/__mock__/").json()
    document = call("GET", "/__mock__/openapi.json").json()
    listed = {(endpoint["method"], endpoint["path"]) for endpoint in described["endpoints"]}
    assert listed == {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    written = yaml.safe_load(CONTROL.read_text())
    assert listed == {(method.upper(), path) for path, item in written["paths"].items() for method in item}
    assert document["components"] == written["components"]
    for method, path in listed:
        assert call(method, path, params={"timeout": 0} if path.endswith("wait") else {}).status_code in {200, 400, 409}


HELD = schemathesis.openapi.from_asgi("/__mock__/openapi.json", Caller().app)


# The one that waits is left out: it may wait for a minute.
@HELD.exclude(path="/__mock__/requests/wait").parametrize()
@settings(max_examples=15, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_the_interface_keeps_to_its_description(case):
    # What a rule may say, and a filter of a body, is more than a schema can tell.
    excluded = [positive_data_acceptance] if case.path.startswith(("/__mock__/rules", "/__mock__/requests")) else []
    case.call_and_validate(excluded_checks=excluded)
