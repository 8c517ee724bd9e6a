"""Jobs: submitted, polled, told apart, and known again."""

import random
import uuid

import pytest
from tests.spacely_mock.helpers import CONTRACT, KEY, RENDER, Caller, contract, json_response

from spacely_mock import ManualClock, _ids
from spacely_mock._ids import NewJob, Sealer
from spacely_mock._jobs import JobSettings
from spacely_mock._plans import Outcome, Progress
from spacely_mock._state import MemoryState


def test_a_job_runs_for_the_render_time_and_then_has_succeeded():
    call = Caller(render_time=2)
    job_id = call.submit().json()["data"]
    assert call.poll(job_id).json() == {"data": {"status": "processing", "result": []}}
    call.clock.advance(1.99)
    assert call.poll(job_id).json()["data"]["status"] == "processing"
    call.clock.advance(0.02)
    done = call.poll(job_id).json()["data"]
    assert done["status"] == "success"
    assert [url.rpartition("/")[2] for url in done["result"]] == [f"{job_id}-{number}.png" for number in (1, 2, 3, 4)]


def test_an_id_is_a_uuid_of_version_8():
    assert uuid.UUID(Caller().submit().json()["data"]).version == 8


def test_ten_thousand_ids_made_at_the_same_moment_differ():
    from spacely_mock._ids import NewJob, Sealer, UuidForm

    sealer, form = Sealer(b"secret", 7), UuidForm()
    jobs = [NewJob(1.8e9, 0, sealer.new_seed()) for _ in range(10_000)]
    assert len({sealer.issue(form, job, "key") for job in jobs}) == 10_000


def test_result_urls_lead_to_the_host_that_the_client_called():
    call = Caller(render_time=0)
    job_id = call.submit().json()["data"]
    done = call.poll(job_id, headers={**KEY, "Host": "mock.example:81"}).json()
    assert done["data"]["result"][0].startswith("http://mock.example:81/__mock__/images/")


@pytest.mark.parametrize("host", ['evil"><script>', "a b", "", "host:port", "x" * 9 + "/path"])
def test_a_host_that_is_no_host_is_not_repeated(host):
    call = Caller(render_time=0)
    job_id = call.submit().json()["data"]
    scope = {
        "method": "GET",
        "path": "/api/v1/generate/poll-result",
        "query_string": f"refId={job_id}".encode(),
        "headers": [(b"x-api-key", b"sk-one"), (b"host", host.encode())],
        "server": ("127.0.0.1", 4010),
    }
    _, _, body = call.raw(scope, {"type": "http.request"})
    assert b"http://127.0.0.1:4010/__mock__/" in body


def test_a_restarted_mock_knows_the_jobs_of_the_one_before():
    first = Caller(render_time=1)
    job_id = first.submit().json()["data"]
    second = Caller(render_time=1)
    second.clock.advance(2)
    assert second.poll(job_id).json()["data"]["status"] == "success"


def test_a_mock_with_another_secret_does_not_know_the_job():
    job_id = Caller(secret="one").submit().json()["data"]
    assert Caller(secret="two").poll(job_id).status_code == 400


def test_another_key_does_not_know_the_job():
    call = Caller()
    job_id = call.submit().json()["data"]
    assert call.poll(job_id, headers={"X-API-KEY": "sk-two"}).status_code == 400


def test_an_altered_id_is_unknown():
    call = Caller()
    job_id = call.submit().json()["data"]
    altered = [
        job_id[:at] + digit + job_id[at + 1 :] for at, old in enumerate(job_id) for digit in "0f-" if digit != old
    ]
    assert {call.poll(each).status_code for each in altered} == {400}


@pytest.mark.parametrize("job_id", ["x", "0", " ", "\0", "é", "../../etc/passwd", "{{7*7}}", "9" * 5000, "undefined"])
def test_an_id_that_was_never_issued_gets_the_documented_400(job_id):
    response = Caller().poll(job_id)
    assert (response.status_code, response.json()["type"]) == (400, "/__mock__/problems/unknown-job")


def test_the_same_seed_and_moment_give_the_same_ids():
    first, second = (Caller(seed=5).submit().json()["data"] for _ in range(2))
    assert first == second != Caller(seed=6).submit().json()["data"]


def _job(id_schema, example, *, id_in="query"):
    path = "/jobs/{job}" if id_in == "path" else "/jobs"
    link = {
        "operationId": "read",
        "parameters": {"job": "$response.body#/id"},
        "x-polling": {"successCriteria": [{"condition": "$response.body#/state == 'done'"}]},
    }
    accepted = json_response({"type": "object", "properties": {"id": id_schema}}, example={"id": example})
    state = {"type": "object", "required": ["state"], "properties": {"state": {"enum": ["runs", "done"]}}}
    parameter = {"name": "job", "in": id_in, "required": True, "schema": id_schema}
    return {
        "/submit": {"post": {"operationId": "submit", "responses": {"201": {**accepted, "links": {"job": link}}}}},
        path: {"get": {"operationId": "read", "parameters": [parameter], "responses": {"200": json_response(state)}}},
    }


@pytest.mark.parametrize("place", ["path", "query", "header", "cookie"])
@pytest.mark.parametrize(
    ("schema", "example"),
    [
        ({"type": "string", "format": "uuid"}, "3f2b8c1e-5d4a-4e6f-9a7b-0c1d2e3f4a5b"),
        ({"type": "string", "pattern": "^job_[a-z0-9]+$", "maxLength": 40}, "job_a"),
        ({"type": "string", "pattern": "^[A-Z0-9]{26,}$"}, "A" * 26),
        ({"type": "string", "maxLength": 12}, "a"),
        ({"type": "integer", "format": "int64", "minimum": 1}, 4711),
        ({"type": "string", "pattern": "^[0-9]+$"}, "1"),
    ],
)
def test_an_id_has_the_form_that_the_contract_gives_it_wherever_it_travels(tmp_path, schema, example, place):
    call = Caller(contract(tmp_path, _job(schema, example, id_in=place)), render_time=1)

    def poll(value):
        text = str(value)
        if place == "path":
            return call("GET", f"/jobs/{text}")
        if place == "query":
            return call("GET", "/jobs", params={"job": text})
        return call("GET", "/jobs", headers={"job": text} if place == "header" else {"cookie": f"job={text}"})

    ids = [call("POST", "/submit").json()["id"] for _ in range(20)]
    assert len(set(ids)) == 20
    assert type(ids[0]) is type(example)
    assert poll(ids[0]).json() == {"state": "runs"}
    call.clock.advance(1.1)
    assert poll(ids[0]).json() == {"state": "done"}
    assert poll(example).status_code == 404


def test_an_id_that_can_have_no_fitting_form_stops_the_start_with_the_remedy(tmp_path):
    from spacely_spec import SpecError

    file = contract(tmp_path, _job({"type": "string", "maxLength": 4}, "abcd"))
    with pytest.raises(SpecError, match=r"no id that the mock can make fits.*\n.*let the id be a text of 14"):
        Caller(file)


def test_an_id_may_travel_in_a_header_of_the_answer(tmp_path):
    paths = _job({"type": "string"}, "a")
    answer = paths["/submit"]["post"]["responses"]["201"]
    answer["headers"] = {"X-Job": {"schema": {"type": "string"}}}
    answer["links"]["job"]["parameters"]["job"] = "$response.header.X-Job"
    call = Caller(contract(tmp_path, paths), render_time=0)
    response = call("POST", "/submit")
    assert response.headers.get_list("x-job") == [response.headers["x-job"]]
    assert call("GET", "/jobs", params={"job": response.headers["x-job"]}).json() == {"state": "done"}


def test_each_submit_operation_of_a_shared_poll_operation_has_its_own_states(tmp_path):
    paths = _job({"type": "string"}, "a")
    paths["/jobs"]["get"]["responses"]["200"] = json_response(
        {"type": "object", "properties": {"state": {"enum": ["runs", "done", "finished"]}}}
    )
    other = {**paths["/submit"]["post"], "operationId": "other"}
    link = {**other["responses"]["201"]["links"]["job"]}
    link["x-polling"] = {"successCriteria": [{"condition": "$response.body#/state == 'finished'"}]}
    other["responses"] = {"201": {**other["responses"]["201"], "links": {"job": link}}}
    call = Caller(contract(tmp_path, {**paths, "/other": {"post": other}}), render_time=0)
    states = [
        call("GET", "/jobs", params={"job": call("POST", path).json()["id"]}).json()["state"]
        for path in ("/submit", "/other")
    ]
    assert states == ["done", "finished"]


def test_criteria_on_the_status_choose_among_the_documented_statuses(tmp_path):
    paths = _job({"type": "string"}, "a")
    link = paths["/submit"]["post"]["responses"]["201"]["links"]["job"]
    link["x-polling"] = {"successCriteria": [{"condition": "$statusCode == 200"}]}
    body = json_response({"type": "object"}, example={})
    paths["/jobs"]["get"]["responses"] = {"200": body, "202": body}
    call = Caller(contract(tmp_path, paths), render_time=1)
    job_id = call("POST", "/submit").json()["id"]
    assert call("GET", "/jobs", params={"job": job_id}).status_code == 202
    call.clock.advance(2)
    assert call("GET", "/jobs", params={"job": job_id}).status_code == 200


def test_a_state_that_no_answer_can_show_stops_the_start_with_the_remedy(tmp_path):
    from spacely_spec import SpecError

    paths = _job({"type": "string"}, "a")
    state = {"type": "object", "required": ["state"], "properties": {"state": {"enum": ["done"]}}}
    paths["/jobs"]["get"]["responses"]["200"] = json_response(state)
    with pytest.raises(SpecError, match=r"shows a job still running.*\n.*give the operation an example"):
        Caller(contract(tmp_path, paths))


def test_two_callers_with_the_same_contract_object_do_not_share_state():
    from spacely_spec import load

    spec = load(CONTRACT)
    slow, quick = Caller(spec, render_time=9), Caller(spec, render_time=0)
    assert slow.poll(slow.submit(RENDER).json()["data"]).json()["data"]["status"] == "processing"
    assert quick.poll(quick.submit(RENDER).json()["data"]).json()["data"]["status"] == "success"


def test_a_job_keeps_its_plan_at_a_mock_whose_default_is_another():
    job_id = Caller(render_time=9).submit(RENDER).json()["data"]
    quick = Caller(render_time=0)
    assert quick.poll(job_id).json()["data"]["status"] == "processing"
    quick.clock.advance(9.1)
    assert quick.poll(job_id).json()["data"]["status"] == "success"


@pytest.mark.parametrize("layout", ["UuidForm", "IntegerForm"])
@pytest.mark.parametrize("steps", [(2,), (0.1,) * 20, (1.9, 0.1)], ids=["at once", "in tenths", "nearly first"])
def test_a_clock_moved_on_by_as_long_as_jobs_run_ends_them_at_whatever_moment_they_were_made(layout, steps):
    sealer, form, chance = Sealer(b"secret", 7), getattr(_ids, layout)(), random.Random(1)
    clock = ManualClock()
    settings = JobSettings(sealer, clock, MemoryState(), Progress.after(2), Outcome.SUCCESS)
    for _ in range(500):
        clock.set(1.8e9 + chance.random() * 1e6)
        made = NewJob(clock.now(), 0, sealer.new_seed(), Outcome.SUCCESS, Progress.after(2).span(0))
        job = sealer.read(form, str(sealer.issue(form, made, "key")), "key")
        assert not settings.has_run(job)
        for seconds in steps:
            assert not settings.has_run(job)
            clock.advance(seconds)
        assert settings.has_run(job)
