"""Jobs with plans of their own: when they end, and how."""

import httpx
import pytest
import yaml
from tests.spacely_mock.helpers import CONTRACT, GROWTH, KEY, RENDER, Caller

from spacely_mock._ids import WIDE, NewJob, Sealer, UuidForm
from spacely_mock._plans import Outcome, Plan, Progress
from spacely_spec import SpecError, load


def state(call, job_id):
    return call.poll(job_id).json()["data"]["status"]


def told(**words):
    return {"headers": {**KEY, **{f"X-Mock-{name}": value for name, value in words.items()}}}


def test_a_job_keeps_the_progress_it_was_submitted_with_beside_the_default():
    call = Caller(render_time=2)
    slow, usual = call.submit(**told(progress="10s")).json()["data"], call.submit().json()["data"]
    call.clock.advance(2.1)
    assert (state(call, slow), state(call, usual)) == ("processing", "success")
    call.clock.advance(7.8)
    assert state(call, slow) == "processing"
    call.clock.advance(0.2)
    assert state(call, slow) == "success"


def test_a_plan_outlives_a_restart_with_other_defaults():
    job_id = Caller(render_time=2).submit(**told(progress="10s", outcome="failure")).json()["data"]
    restarted = Caller(progress="immediate", outcome="pending", seed=99)
    restarted.clock.advance(9)
    assert state(restarted, job_id) == "processing"
    restarted.clock.advance(1.1)
    assert state(restarted, job_id) == "failed"


@pytest.mark.parametrize(("progress", "early", "later", "late"), [("1s..4s", 0.9, 2.4, 4.1), ("vendor", 10, 30, 90)])
def test_random_times_stay_within_their_bounds_and_differ(progress, early, later, late):
    call = Caller(progress=progress)
    jobs = [call.submit().json()["data"] for _ in range(12)]
    call.clock.advance(early)
    assert {state(call, job_id) for job_id in jobs} == {"processing"}
    call.clock.advance(later - early)
    assert {state(call, job_id) for job_id in jobs} == {"processing", "success"}
    call.clock.advance(late - later)
    assert {state(call, job_id) for job_id in jobs} == {"success"}


def test_the_same_seed_draws_the_same_times():
    spans = [[Progress.parse("lognormal:3s,0.2").span(seed) for seed in range(20)] for _ in range(2)]
    assert spans[0] == spans[1]
    assert len(set(spans[0])) == 20


def test_a_job_may_end_after_a_number_of_polls_and_no_time():
    call = Caller(progress="polls:2")
    first, second = call.submit().json()["data"], call.submit().json()["data"]
    assert [state(call, first) for _ in range(4)] == ["processing", "processing", "success", "success"]
    assert state(call, second) == "processing"


def test_polls_of_another_key_are_not_counted():
    call = Caller(progress="polls:1")
    job_id = call.submit().json()["data"]
    for _ in range(3):
        assert call.poll(job_id, headers={"X-API-KEY": "sk-two"}).status_code == 400
    assert [state(call, job_id) for _ in range(2)] == ["processing", "success"]


@pytest.mark.parametrize(
    "seconds", [0, 0.0004, 0.001, 0.2, 0.29, 1.23456, 2, 7.5, 8.191, 8.192, 30, 60, 599.9, 3600, 1e6]
)
def test_a_span_is_never_too_short_and_at_most_a_thousandth_too_long(seconds):
    plan = Plan.read(0, Progress.after(seconds).span(0))
    assert plan is not None
    assert seconds <= plan.seconds < seconds * 1.001 + 0.001
    if seconds <= 8.191 and round(seconds, 3) == seconds:
        assert plan.seconds == seconds


def test_the_longest_span_is_24_days_and_never_taken_for_polls():
    plan = Plan.read(0, Progress.after(1e9).span(0))
    assert plan is not None
    assert plan.seconds is not None
    assert 24 < plan.seconds / 86_400 < 25


def test_every_bit_of_a_wide_id_is_spoken_for():
    assert WIDE.time + WIDE.operation + WIDE.plan + WIDE.seed + WIDE.tag == 122
    assert WIDE.tag >= 36


@pytest.mark.parametrize("outcome", Outcome)
def test_an_id_says_what_was_sealed_into_it(outcome):
    sealer = Sealer(b"secret", 3)
    span = Progress.parse("polls:8191").span(0)
    value = sealer.issue(UuidForm(), NewJob(1.8e9, 63, sealer.new_seed(), outcome, span), "key")
    job = sealer.read(UuidForm(), str(value), "key")
    assert job is not None
    assert (job.created, job.operation, job.plan) == (1.8e9, 63, Plan(outcome, None, 8191))


def outcome_of(call, outcome):
    response = call.submit(**told(outcome=outcome, progress="immediate"))
    return call.poll(response.json()["data"]).json()["data"]


def test_each_outcome_is_what_it_is_called():
    call = Caller()
    assert outcome_of(call, "failure") == {"status": "failed", "result": []}
    assert outcome_of(call, "pending") == {"status": "processing", "result": []}
    assert outcome_of(call, "empty") == {"status": "success", "result": []}
    assert len(outcome_of(call, "success")["result"]) == 4


def test_a_pending_job_is_pending_for_ever():
    call = Caller()
    job_id = call.submit(**told(outcome="pending", progress="immediate")).json()["data"]
    call.clock.advance(1e8)
    assert state(call, job_id) == "processing"


def test_a_status_that_the_contract_does_not_know_breaks_its_schema_on_purpose():
    answer = outcome_of(Caller(), "unknown-status")
    known = yaml.safe_load(CONTRACT.read_text())["components"]["schemas"]["JobStatus"]["enum"]
    assert isinstance(answer["status"], str)
    assert answer["status"] not in known


@pytest.mark.parametrize(("outcome", "status"), [("success", 200), ("missing-images", 404), ("expired-images", 403)])
def test_images_can_be_there_missing_or_expired(outcome, status):
    call = Caller()
    answer = outcome_of(call, outcome)
    assert answer["status"] == "success"
    assert {call("GET", url).status_code for url in answer["result"]} == {status}


@pytest.mark.parametrize("outcome", ["success", "expired-images", "failure", "empty", "unknown-status"])
def test_an_image_that_no_answer_has_told_of_is_not_there(outcome):
    call = Caller()
    job_id = call.submit(**told(outcome=outcome, progress="immediate")).json()["data"]
    result = [httpx.URL(url).path for url in call.poll(job_id).json()["data"]["result"] if job_id in url]
    folder = f"/__mock__/images/{Sealer(b'spacely-mock', 0).signature(job_id)}/{job_id}"
    images = [f"{folder}-{number}.png" for number in (*range(1, 6), 99, 999)]
    assert images[: len(result)] == result
    assert {call("GET", image).status_code for image in images[len(result) :]} == {404}


def test_the_images_of_a_job_that_ends_by_polls_are_there_once_it_has_ended():
    call = Caller(progress="polls:0")
    answer = call.poll(call.submit().json()["data"]).json()["data"]
    assert call("GET", answer["result"][0]).status_code == 200


def test_the_default_outcome_holds_for_all_jobs_that_ask_for_no_other():
    call = Caller(render_time=0, outcome="failure")
    assert state(call, call.submit().json()["data"]) == "failed"
    assert state(call, call.submit(**told(outcome="success")).json()["data"]) == "success"


@pytest.mark.parametrize("options", [{"progress": "soon"}, {"progress": "polls:x"}, {"outcome": "luck"}])
def test_a_default_that_cannot_be_understood_stops_the_start(options):
    with pytest.raises(ValueError, match="write"):
        Caller(**options)


BEARER, INTEGER = (next(file for file in GROWTH if file.stem == name) for name in ("bearer", "integer_job"))
TOKEN = {"Authorization": "Bearer t"}
PLAN = {"photos": ["https://example.com/a.jpg"]}
NIGHT = {"photoUrl": "https://example.com/a.jpg", "moon": True}


def night(call, **words):
    return call("POST", "/nights", json=NIGHT, headers={**TOKEN, **told(**words)["headers"]})


def test_an_outcome_that_the_contract_does_not_have_is_a_problem_that_says_why():
    call = Caller(BEARER)
    response = night(call, outcome="failure")
    assert (response.status_code, response.json()["type"]) == (400, "/__mock__/problems/unclear-directive")
    assert "failureCriteria" in response.json()["detail"]


def test_a_default_outcome_that_the_contract_does_not_have_stops_the_start_with_the_line():
    with pytest.raises(SpecError, match=r"bearer.yaml:\d+: no job can have the outcome failure(.|\n)*remedy:"):
        Caller(BEARER, outcome="failure")


def test_outcomes_are_made_from_the_schema_where_there_is_no_example():
    call = Caller(BEARER)
    for outcome, status in (("success", "finished"), ("pending", "running"), ("unknown-status", "undocumented")):
        night_id = night(call, outcome=outcome, progress="immediate").json()["nightId"]
        answer = call("GET", "/nights/state", params={"nightId": night_id}, headers=TOKEN).json()
        assert answer["status"] == status


@pytest.mark.parametrize("file", GROWTH, ids=lambda file: file.stem)
@pytest.mark.parametrize("outcome", Outcome)
def test_every_contract_has_an_answer_for_an_outcome_or_says_why_not(file, outcome):
    spec = load(file)
    links = [operation.polling for operation in spec.operations if operation.polling]
    wanting = {
        Outcome.FAILURE: ("failureCriteria", lambda link: not link.failure),
        **dict.fromkeys(
            (Outcome.EMPTY, Outcome.MISSING_IMAGES, Outcome.EXPIRED_IMAGES), ("result", lambda link: not link.result)
        ),
    }
    reason, wants = wanting.get(outcome, ("", lambda _: False))
    if any(map(wants, links)):
        with pytest.raises(SpecError, match=rf"{file.name}:\d+: no job can have the outcome {outcome}: .*{reason}"):
            Caller(spec, outcome=outcome)
    else:
        Caller(spec, outcome=outcome)


def test_ids_without_room_for_a_plan_follow_the_default_and_say_so_where_another_is_asked_for():
    call = Caller(INTEGER, render_time=3)

    def ask(**words):
        return call("POST", "/api/plans", params={"key": "k"}, json=PLAN, **told(**words))

    for words in ({"outcome": "failure"}, {"progress": "9s"}):
        response = ask(**words)
        assert response.status_code == 400
        assert "no room for a plan" in response.json()["detail"]
    job_id = ask(outcome="success", progress="3s").json()["job"]
    poll = {"params": {"key": "k"}}
    assert call("GET", f"/api/plans/{job_id}", **poll).json()["phase"] == "drawing"
    call.clock.advance(3.1)
    assert call("GET", f"/api/plans/{job_id}", **poll).json()["phase"] == "ready"


def test_ids_without_room_for_a_plan_follow_every_default():
    call = Caller(INTEGER, progress="polls:1", outcome="failure")
    submitted = call("POST", "/api/plans", params={"key": "k"}, json=PLAN)
    path = f"/api/plans/{submitted.json()['job']}"
    phases = [call("GET", path, params={"key": "k"}).json()["phase"] for _ in range(2)]
    assert phases == ["drawing", "broken"]


def test_a_submit_that_is_refused_for_its_plan_starts_no_job_and_a_body_is_still_checked():
    call = Caller()
    assert call.submit({}, **told(outcome="failure")).status_code == 400
    assert call.submit({}, **told(outcome="failure")).json()["type"].endswith("invalid-request")
    assert call.submit(RENDER, **told(outcome="failure")).status_code == 200
