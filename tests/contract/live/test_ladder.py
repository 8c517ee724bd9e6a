"""The ladder against the mock as the API: what is sent on each rung, what it costs, what is found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from spacely_spec import Spec

from ..outcome import HELD, INCOMPLETE, VIOLATED
from ..seams import Inner, Reply, Request, changed_contract
from .conftest import KEY, MakeApi, seeded

SUBMIT, POLL = "generateAdvance", "pollResult"


def test_the_probes_create_nothing_and_cost_nothing(api: MakeApi) -> None:
    live = api()
    assert live.climb() == HELD
    came = live.journal()
    assert len(came) == 14
    assert live.charged() == 0
    # Whatever went to the submit was on nobody's account.
    assert {entry["status"] for entry in came if entry["operation"] == SUBMIT} == {401}
    assert {entry["status"] for entry in came if entry["operation"] == POLL} == {400, 401}


def test_a_known_job_is_polled_to_its_end_and_its_images_are_fetched_without_a_key(
    api: MakeApi, capsys: pytest.CaptureFixture[str]
) -> None:
    live = api()
    body = live.server.spec.operation(SUBMIT).body
    assert body is not None
    sample = next(iter(body.content["application/json"].examples.values()))
    job = httpx.post(f"{live.url}/generate/advance", json=sample, headers={"X-API-KEY": KEY}, trust_env=False).json()[
        "data"
    ]
    assert live.climb("--job-id", job) == HELD
    assert live.charged() == 1
    polls = live.journal(operation=POLL, job=job)
    assert len(polls) == 4  # After the two seconds of the probes: at 2, 4 and 6 of 5 seconds, and once more.
    images = [line for line in live.lines("send") if "/images/" in line["url"]]
    assert len(images) == 4
    assert f"The job {job} of generateAdvance: succeeded." in capsys.readouterr().out


def test_the_canary_is_one_accepted_submit_followed_to_its_end(
    api: MakeApi, capsys: pytest.CaptureFixture[str]
) -> None:
    live = api()
    assert live.climb("--credits", "1") == HELD
    assert live.charged() == 1
    assert "1 of 1 credits are spent" in capsys.readouterr().out
    found = live.assumptions()
    confirmed = {pointer for pointer, row in found.items() if row["state"] == "confirmed"}
    assert {
        "/components/schemas/RefId/minLength",
        "/components/schemas/JobStatus/enum/0",
        "/components/schemas/JobStatus/enum/1",
        "/components/securitySchemes/ApiKey/in",
        "/components/securitySchemes/ApiKey/x-key-pattern",
    } <= confirmed
    assert found["/components/schemas/JobStatus/enum/2"]["state"] == "still unknown"
    assert found["/components/schemas/JobStatus/enum/2"]["toldBy"] == "rung 3, known job"
    assert found["/info/license"]["note"] == "nothing that travels depends on it"


def test_a_job_that_fails_tells_what_was_assumed_of_failure(api: MakeApi) -> None:
    live = api()
    live.rule({"outcome": "failure"})
    assert live.climb("--credits", "1") == HELD
    found = live.assumptions()
    example = "/paths/~1generate~1poll-result/get/responses/200/content/application~1json/examples/failed"
    assert found[example]["state"] == "confirmed"
    assert found["/components/schemas/JobStatus/enum/2"]["state"] == "confirmed"


def test_more_is_sent_only_as_far_as_the_credits_reach(api: MakeApi, capsys: pytest.CaptureFixture[str]) -> None:
    live = api()
    assert live.climb("--credits", "15") == HELD
    assert live.charged() == 3  # The canary, and the two valid ones; invalid ones are refused, and cost nothing.
    sent = [line for line in live.lines("send") if line["step"].startswith("more submits") and line["credits"]]
    assert len(sent) == 14
    assert "3 of 15 credits are spent" in capsys.readouterr().out


def test_two_credits_plan_one_submit_beside_the_canary(api: MakeApi) -> None:
    live = api()
    assert live.climb("--credits", "2") == HELD
    assert len([line for line in live.lines("send") if line["credits"]]) == 2


def test_a_poll_that_fails_does_not_end_a_job(api: MakeApi) -> None:
    live = api()
    live.rule({"status": "500", "body": "empty"}, when={"operation": POLL, "headers": {"x-api-key": KEY}}, every=3)
    assert live.climb("--credits", "1") == VIOLATED  # An id of no job is answered 500 now and then.
    assert live.journal(operation=POLL, status="500")
    assert live.assumptions()["/components/schemas/JobStatus/enum/1"]["state"] == "confirmed"


def end_soon(document: dict[str, Any]) -> None:
    links = document["paths"]["/generate/advance"]["post"]["responses"]["200"]["links"]
    links["result"]["x-polling"]["timeoutSeconds"] = 12


@pytest.mark.parametrize(
    ("fault", "check"),
    [
        ("the id is missing", "job_id_usable"),
        ("the id of a submit is not the jobs", "submitted_job_known"),
        ("a submit is answered with another success", "submit_accepted"),
        ("a job that runs shows a result", "result_when_done"),
        ("the result changes from poll to poll", "end_is_stable"),
        ("an unknown id is taken for a job that runs", "unknown_id_refused"),
        ("an unknown id is answered with an undocumented status", "unknown_id_refused"),
        ("an answer repeats the key", "key_not_echoed"),
        ("no key is looked at", "key_missing"),
        ("a bearer token is taken for the key", "key_misnamed"),
        ("json is sent as html", "answer_conforms"),
        ("a job has a state that nobody knows", "answer_conforms"),
        ("an invalid request is accepted", "invalid_request_refused"),
    ],
)
def test_an_api_that_breaks_the_contract_is_reported(
    fault: str, check: str, api: MakeApi, spec: Spec, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    live = api(seeded(spec, fault))
    assert live.climb("--credits", "3", spec=changed_contract(spec, tmp_path, end_soon)) == VIOLATED
    said = capsys.readouterr().out
    assert f": {check}  (" in said, said
    assert KEY not in said


def test_a_job_that_never_ends_is_reported(
    api: MakeApi, spec: Spec, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    live = api(outcome="pending")
    assert live.climb("--credits", "1", spec=changed_contract(spec, tmp_path, end_soon)) == VIOLATED
    assert ": job_ends  (" in capsys.readouterr().out


def test_a_result_that_is_not_there_is_reported(api: MakeApi, capsys: pytest.CaptureFixture[str]) -> None:
    async def gone(request: Request, inner: Inner) -> Reply:
        return Reply(404, {}, b"") if "/images/" in request.path else await inner(request)

    assert api(gone).climb("--credits", "1") == VIOLATED
    assert ": result_fetchable  (" in capsys.readouterr().out


def test_what_an_invalid_submit_has_started_is_told(
    api: MakeApi, spec: Spec, capsys: pytest.CaptureFixture[str]
) -> None:
    live = api(seeded(spec, "an invalid request is accepted"))
    assert live.climb("--credits", "3") == VIOLATED
    (canary, started) = [line["job"] for line in live.lines("outcome") if "job" in line]
    said = capsys.readouterr().out
    assert f"The job {canary} of generateAdvance: succeeded." in said
    assert f"The job {started} of generateAdvance: its end was not seen." in said
    assert live.charged() == 2


def test_the_job_of_a_submit_that_was_answered_otherwise_is_told(
    api: MakeApi, spec: Spec, capsys: pytest.CaptureFixture[str]
) -> None:
    live = api(seeded(spec, "a submit is answered with another success"))
    assert live.climb("--credits", "1") == VIOLATED
    (job,) = [line["job"] for line in live.lines("outcome") if "job" in line]
    assert f"The job {job} of generateAdvance: its end was not seen." in capsys.readouterr().out


def test_a_key_that_is_refused_ends_the_run(
    api: MakeApi, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    live = api()
    monkeypatch.setenv("SPACELY_API_KEY", "sk-of-somebody-else")
    assert live.climb("--credits", "1") == INCOMPLETE
    said = capsys.readouterr().out
    assert "the API answered 401 to the key: check that it is valid" in said
    assert "NOT FINISHED  canary" in said
    assert live.charged() == 0


def test_the_reports_are_written_and_agree(api: MakeApi, spec: Spec) -> None:
    live = api()
    live.climb()
    names = {path.name for path in live.reports.iterdir()}
    assert {"junit.xml", "report.html", "exchanges.har", "assumptions.md", "assumptions.json"} <= names
    table = json.loads((live.reports / "assumptions.json").read_text())
    markdown = (live.reports / "assumptions.md").read_text()
    assert all(f"`{row['pointer']}`" in markdown for row in table)
    lines = spec.source.decode().splitlines()
    key_pattern = next(row for row in table if row["pointer"].endswith("x-key-pattern"))
    assert "x-key-pattern" in lines[key_pattern["line"] - 1]
    assert key_pattern["evidence"]["request"].startswith("GET http://")
