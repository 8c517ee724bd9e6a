"""What a run leaves behind: the same from the same seed, readable by other tools, and without a key."""

from __future__ import annotations

import base64
import json
import shlex
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis.internal.conjecture import providers

from spacely_mock import create_app
from spacely_spec import Spec

from . import cli
from .authentication import check_keys
from .conftest import ROOT
from .credentials import made_up_key
from .gate import Options, check_app, check_client
from .har import as_har
from .ndjson import as_lines
from .outcome import Outcome, Result, result_of
from .output import summary, write
from .recording import of_httpx
from .redaction import REDACTED, gives_away, redact
from .report import Exchange, Report
from .seams import Asgi, Inner, Reply, Request, around
from .wire import values_of

FEW = Options(examples=3)
TIMES = {"time", "seconds"}


@pytest.fixture(scope="module")
def outcome(spec: Spec) -> Outcome:
    server, client = check_app(spec, FEW), check_client(spec, FEW, ROOT / "generated")
    return Outcome([result_of(spec, server, "mock"), result_of(spec, client, "client")])


def events(outcome: Outcome) -> list[dict[str, Any]]:
    return [json.loads(line) for line in as_lines(outcome)]


def test_the_same_seed_gives_the_same_lines_but_for_times(outcome: Outcome, spec: Spec) -> None:
    server, client = check_app(spec, FEW), check_client(spec, FEW, ROOT / "generated")
    again = Outcome([result_of(spec, server, "mock"), result_of(spec, client, "client")])
    first, second = (
        [{key: value for key, value in event.items() if key not in TIMES} for event in events(each)]
        for each in (outcome, again)
    )
    assert first == second


def test_what_is_drawn_does_not_hang_on_the_code_that_is_imported() -> None:
    assert len(providers.HypothesisProvider(None)._local_constants) == 0


def test_every_exchange_and_every_check_has_a_line(outcome: Outcome) -> None:
    lines = events(outcome)
    for kind, counted in (
        ("exchange", sum(result.report.sent for result in outcome.results)),
        ("check", sum(result.report.checks for result in outcome.results)),
        ("run", 2),
        ("end", 2),
    ):
        assert sum(line["event"] == kind for line in lines) == counted
    checked = {line["exchange"] for line in lines if line["event"] == "check"}
    assert checked - {None} <= {line["exchange"] for line in lines if line["event"] == "exchange"}
    assert len(checked) > 100


def test_every_request_that_was_counted_was_recorded(outcome: Outcome) -> None:
    for result in outcome.results:
        assert sum(result.report.requests.values()) == len(result.report.records) == result.report.sent


def test_a_har_has_what_the_format_asks_for_and_says_what_was_sent(outcome: Outcome, spec: Spec) -> None:
    log = as_har([result.report for result in outcome.results])["log"]
    assert log["version"] == "1.2"
    assert {page["id"] for page in log["pages"]} == {entry["pageref"] for entry in log["entries"]}
    records = [record for result in outcome.results for record in result.report.records]
    assert len(log["entries"]) == len(records)
    for entry, record in zip(log["entries"], records, strict=True):
        assert datetime.fromisoformat(entry["startedDateTime"]).tzinfo
        assert entry["time"] == sum(entry["timings"].values())
        request, response = entry["request"], entry["response"]
        assert request.keys() >= {"method", "url", "httpVersion", "cookies", "headers", "queryString", "headersSize"}
        assert response.keys() >= {"status", "statusText", "httpVersion", "cookies", "content", "redirectURL"}
        assert response["content"].keys() >= {"size", "mimeType"}
        assert (request["method"], response["status"]) == (
            record.message.method,
            record.message.answer.status if record.message.answer else 0,
        )
        if record.message.body and "encoding" not in str(request["postData"]) and len(record.message.body) < 1000:
            assert (
                REDACTED in request["postData"]["text"]
                or "base64" in request["postData"].get("comment", "")
                or (request["postData"]["text"].encode() == record.message.body)
            )


def test_a_recorded_request_reads_back_as_the_values_that_were_sent(outcome: Outcome, spec: Spec) -> None:
    records = outcome.results[0].report.records
    (poll,) = [operation for operation in spec.operations if operation.parameters]
    read = [values_of(spec, poll, record.message) for record in records if record.phase == "jobs"]
    polled = [given for given in read if given is not None]
    assert len(polled) > 20
    assert all(given.parameters["query", "refId"] for given in polled)


@pytest.mark.parametrize("key", ["sk-1234567890", "it's-my-key-1", "a/b+c d&e=f", 'quo"te\\ü', "Ünicode/key"])
@pytest.mark.parametrize("before", ["", "a", "ab", "user:"])
@pytest.mark.parametrize("written", [str, str.swapcase, str.upper, str.lower])
def test_a_key_is_taken_out_in_every_form_and_case(key: str, before: str, written: Callable[[str], str]) -> None:
    secret, key = key, written(key)
    texts = [
        key,
        quote(key, safe=""),
        json.dumps(key),
        json.dumps(key, ensure_ascii=False),
        base64.b64encode(f"{before}{key}:after".encode()).decode(),
        base64.urlsafe_b64encode(f"{before}{key}".encode()).decode(),
        key.encode().hex(),
        key.encode().hex().upper(),
        shlex.quote(key),
    ]
    for text in texts:
        assert gives_away(text, secret)
        assert REDACTED in redact(text, [secret])
        assert not gives_away(redact(text, [secret]), secret)


def test_no_report_holds_the_key_even_where_a_server_repeats_it_in_disguise(spec: Spec, tmp_path: Path) -> None:
    key = made_up_key(FEW.seed)
    disguises = [key, quote(key), base64.b64encode(f"x:{key}".encode()).decode()]

    async def repeat(request: Request, inner: Inner) -> Reply:
        reply = await inner(request)
        return reply.but(headers={**reply.headers, "x-echo": disguises[2]}, body=reply.body + key.encode())

    def repeating(spec: Spec, **options: Any) -> Asgi:
        return around(create_app(spec, **options), repeat)

    report = check_app(spec, FEW, repeating)
    outcome = Outcome([result_of(spec, report, "mock")])
    assert "key_not_echoed" in report.violated_checks
    for path in write(outcome, tmp_path):
        text = path.read_text()
        assert not gives_away(text, key), path.name
    assert key not in summary(outcome)


@pytest.mark.parametrize(
    "disguised", [str.swapcase, lambda key: key.encode().hex(), lambda key: key.encode().hex().upper()]
)
def test_a_key_that_comes_back_in_another_case_or_as_hex_is_told(spec: Spec, disguised: Callable[[str], str]) -> None:
    async def repeat(request: Request, inner: Inner) -> Reply:
        reply = await inner(request)
        return reply.but(headers={**reply.headers, "x-echo": disguised(made_up_key(FEW.seed))})

    def repeating(spec: Spec, **options: Any) -> Asgi:
        return around(create_app(spec, **options), repeat)

    assert check_app(spec, FEW, repeating, [check_keys]).violated_checks == {"key_not_echoed"}


def test_the_summary_goes_where_github_wants_it_with_the_command_for_each_violation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = Report("server", "openapi.yaml", 7)
    report.violated("jobs", "GET /jobs/{id}", "one_end", "No answer tells of both.", Exchange("curl", "200"))
    report.left_out(["fuzzing"], "the time budget of 5 s is spent")
    monkeypatch.setattr(cli, "check_app", lambda *_: report)
    monkeypatch.setattr(cli, "check_http", lambda *_: report)
    path = tmp_path / "summary.md"
    path.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
    assert cli.main(["--target", "mock", "--seed", "7"]) == cli.VIOLATED
    said = path.read_text()
    assert said.startswith("before\n### Contract")
    assert "scripts/contract --target mock --seed 7 --max-examples 20 --replay 'jobs/one_end/GET /jobs/{id}'" in said
    assert "**not finished**, server: fuzzing: the time budget of 5 s is spent" in said


def test_a_result_without_cells_says_nothing_of_coverage() -> None:
    report = Report("server", "openapi.yaml", 1)
    report.passed("jobs", "GET /jobs", "answered")
    assert Result(report).verdict == "held"
    assert Result(Report("server", "openapi.yaml", 1)).verdict == "nothing was checked"


def test_a_run_that_recorded_and_measured_nothing_writes_no_empty_files(tmp_path: Path) -> None:
    report = Report("server", "openapi.yaml", 1)
    report.requested("jobs", "GET /jobs")
    report.passed("jobs", "GET /jobs", "answered")
    written = {path.name for path in write(Outcome([Result(report)]), tmp_path)}
    assert written == {"report.html", "summary.md", "junit.xml", "run.ndjson"}
    assert "not measured" in (tmp_path / "summary.md").read_text()
    assert report.sent == 1


def test_a_body_that_is_still_to_come_is_left_alone() -> None:
    def chunks() -> Iterator[bytes]:
        yield b"whole"

    response = httpx.Response(200, stream=httpx.Response(200, content=chunks()).stream)
    message = of_httpx(httpx.Request("GET", "http://a/"), response, 0.0, 0.0)
    assert message.answer is not None
    assert message.answer.body == b""
    assert response.read() == b"whole"
