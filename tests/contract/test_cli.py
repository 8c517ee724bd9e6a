"""The command: its exit status, its summary, its reports, and what it refuses to do."""

from __future__ import annotations

import base64
import subprocess
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import httpx
import pytest

from spacely_mock import MockServer
from spacely_spec import Spec

from . import cli, deadline
from .cli import COULD_NOT_RUN, HELD, INCOMPLETE, VIOLATED, main
from .conftest import ROOT
from .credentials import made_up_key
from .outcome import Result
from .redaction import gives_away
from .report import REDACTED, Exchange, Report
from .seams import changed_contract

KEY = "contract-live-6e8f0d1b"
REPORTS = {"report.html", "summary.md", "junit.xml", "exchanges.har", "run.ndjson", "coverage.json"}
FEW = ["--max-examples", "2"]


@pytest.fixture
def quick(spec: Spec, tmp_path: Path) -> Spec:
    """The contract with a Link that polls at once, so that a job followed in real time costs none."""

    def hurry(document: dict[str, Any]) -> None:
        for path in document["paths"].values():
            for link in path.get("post", {}).get("responses", {}).get("200", {}).get("links", {}).values():
                link["x-polling"] |= {"delaySeconds": 0, "intervalSeconds": 0.05}

    return changed_contract(spec, tmp_path, hurry)


@pytest.fixture
def url(quick: Spec, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The base URL of a mock that runs, with its key in the environment."""
    monkeypatch.setenv("SPACELY_API_KEY", KEY)
    with MockServer(quick, render_time=0.2, api_keys=(KEY,)) as mock:
        yield mock.url


def test_a_mock_that_keeps_the_contract_gives_0_a_summary_of_every_operation_and_reports(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "new" / "folder"
    assert main(["--target", "mock", "--report-dir", str(folder), *FEW]) == HELD
    said = capsys.readouterr().out
    assert "mock, in process: held." in said
    assert "mock, over HTTP: held." in said
    assert "Wrote" in said
    rows = [line.split() for line in said.splitlines()]
    assert any(row[:3] == ["coverage", "POST", "/generate/advance"] and row[-1] == "0" for row in rows)
    suites = ET.parse(folder / "junit.xml").getroot()
    assert [suite.attrib["name"] for suite in suites] == ["mock, in process", "mock, over HTTP"]
    assert all(int(suite.attrib["tests"]) > 50 and suite.attrib["failures"] == "0" for suite in suites)
    page = (folder / "report.html").read_text()
    assert page.count('<span class="held">held</span>') == 2
    assert made_up_key(1) not in page


def test_a_client_that_keeps_the_contract_gives_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--target", "client", *FEW]) == HELD
    assert "client: held." in capsys.readouterr().out


def test_a_server_at_a_url_that_keeps_the_contract_gives_0(
    url: str, quick: Spec, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--target", url, "--spec", str(quick.path), *FEW]) == HELD
    said = capsys.readouterr().out
    assert f"{url}: held." in said
    assert "jobs" in said


def test_a_violation_gives_1_and_says_what_was_sent_what_came_and_what_is_asked_for(
    url: str, spec: Spec, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def rename_the_id(document: dict[str, Any]) -> None:
        schema = document["components"]["schemas"]["GenerateAdvanceResponse"]
        schema["properties"]["job"] = schema["properties"].pop("data")
        schema["required"] = ["job"]
        accepted = document["paths"]["/generate/advance"]["post"]["responses"]["200"]
        accepted["content"]["application/json"]["examples"]["accepted"]["value"] = {"job": "1"}
        accepted["links"]["result"]["parameters"]["refId"] = "$response.body#/job"

    other = changed_contract(spec, tmp_path, rename_the_id)
    assert main(["--target", url, "--spec", str(other.path), "--report-dir", str(tmp_path / "r"), *FEW]) == VIOLATED
    said = capsys.readouterr().out
    assert "job_id_usable  (POST /generate/advance, jobs)" in said
    assert "rule  There is an id at $response.body#/job" in said
    assert "sent  curl -X POST" in said
    assert "got   200 OK" in said
    suites = ET.parse(tmp_path / "r" / "junit.xml").getroot()
    assert suites.find(".//testcase[@name='job_id_usable']/failure") is not None
    assert int(suites[0].attrib["failures"]) > 0
    assert "job_id_usable: POST /generate/advance" in (tmp_path / "r" / "report.html").read_text()


def test_neither_the_output_nor_a_report_holds_the_key(
    url: str, spec: Spec, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # The mock takes another key than the one sent, so that each request is in the report.
    wrong = "contract-live-wrong"
    monkeypatch.setenv("SPACELY_API_KEY", wrong)
    assert main(["--target", url, "--spec", str(spec.path), "--report-dir", str(tmp_path / "r"), *FEW]) == VIOLATED
    said = capsys.readouterr()
    reports = {path.name: path.read_text() for path in (tmp_path / "r").iterdir()}
    assert reports.keys() == REPORTS
    assert all("X-API-KEY" in text for name, text in reports.items() if name != "coverage.json")
    assert all(REDACTED in reports[name] for name in ("exchanges.har", "run.ndjson"))
    assert not any(gives_away(text, wrong) for text in (said.out, said.err, *reports.values()))


def test_the_key_in_another_case_that_a_probe_sends_is_in_no_report(
    url: str, quick: Spec, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["--target", url, "--spec", str(quick.path), "--report-dir", str(tmp_path / "r"), "--max-requests", "9"])
    said = capsys.readouterr()
    texts = [said.out, said.err, *(path.read_text() for path in (tmp_path / "r").iterdir())]
    assert sum(REDACTED in text for text in texts) >= 2
    assert not any(KEY in text.swapcase() or KEY.lower() in text.lower() for text in texts)


@pytest.mark.parametrize("password", ["p4ss-word-of-mine", "pw7"])
def test_neither_the_output_nor_a_report_holds_the_password_of_a_url(
    password: str, url: str, quick: Spec, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = url.replace("://", f"://somebody:{password}@")
    options = ["--spec", str(quick.path), "--report-dir", str(tmp_path / "r")]
    main(["--target", target, *options, "--max-requests", "9", "--max-examples", "2"])
    main(["--target", target.replace("http:", "ftp:"), *options])
    main(["--target", f"http://somebody:{password}@127.0.0.1:1/api", *options])
    said = capsys.readouterr()
    assert "[redacted]@127.0.0.1" in said.out
    texts = [said.out, said.err, *(path.read_text() for path in (tmp_path / "r").iterdir())]
    encoded = base64.b64encode(f"somebody:{password}".encode()).decode()
    assert not any(password in text or encoded in text for text in texts)


def dribbled(url: str, path: str) -> None:
    """Have the mock send the answers of a path a byte at a time."""
    rule = {"when": {"path": path}, "then": {"dribble": "1/3s"}}
    httpx.post(f"{url.partition('/api')[0]}/__mock__/rules", json=rule, trust_env=False).raise_for_status()


def test_an_answer_that_is_still_to_come_when_the_time_runs_out_ends_the_run_with_3(
    url: str, quick: Spec, capsys: pytest.CaptureFixture[str]
) -> None:
    dribbled(url, "*/poll-result")
    began = time.monotonic()
    assert main(["--target", url, "--spec", str(quick.path), "--time-budget", "4", *FEW]) == INCOMPLETE
    assert time.monotonic() - began < 20
    said = capsys.readouterr().out
    assert "NOT FINISHED  authentication: the time budget of 4 s is spent" in said
    assert "0 violated" in said


def test_an_answer_that_takes_longer_than_any_may_is_a_violation(
    url: str, quick: Spec, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadline, "EXCHANGE_SECONDS", 0.5)
    dribbled(url, "*/generate/*")
    assert main(["--target", url, "--spec", str(quick.path), "--max-requests", "9", *FEW]) == VIOLATED
    assert "rule  A server answers every request within" in capsys.readouterr().out


def test_a_report_redacts_a_key_however_it_is_written() -> None:
    key = "a/b+c"
    report = Report("server", "openapi.yaml", 1, (key,))
    report.violated("jobs", "GET /", "check", f"rule {key}", Exchange("curl /?key=a%2Fb%2Bc", f'{{"key": "{key}"}}'))
    (violation,) = report.violations
    assert [violation.rule, violation.sent, violation.received] == [
        f"rule {REDACTED}",
        f"curl /?key={REDACTED}",
        f'{{"key": "{REDACTED}"}}',
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--target", "mock", "--spec", "nowhere.yaml"], "nowhere.yaml: cannot be read"),
        (["--target", "client", "--client", "nowhere"], "holds no spacely_client; write it with scripts/regenerate"),
        (["--target", "renders"], "give mock, client, or a base URL"),
        (["--target", "ftp://127.0.0.1/"], "give mock, client, or a base URL"),
        (["--target", "http://127.0.0.1:1/api"], "no server answers at http://127.0.0.1:1/api"),
        (["--target", "http://127.0.0.1:1/api?x=1"], "what follows its own path, from ? or # on"),
        (["--target", "http://127.0.0.1:1/api#top"], "what follows its own path, from ? or # on"),
        (["--target", "http://renders.example/api"], "give --accept-charges"),
        (["--target", "http://renders.example/api", "--replay", "jobs/one_end/GET /jobs"], "give --accept-charges"),
        (["--target", "mock", "--baseline", "nowhere.yaml"], "nowhere.yaml: cannot be read"),
        (["--target", "mock", "--report-dir", "/dev/null/r"], "/dev/null/r: no report can be written there: Not a dir"),
    ],
)
def test_what_cannot_run_gives_2_and_says_why(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPACELY_API_KEY", KEY)
    assert main(arguments) == COULD_NOT_RUN
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("target", ["mock", "client"])
def test_a_contract_without_operations_gives_2(target: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    contract = tmp_path / "openapi.yaml"
    contract.write_text(
        "openapi: 3.0.3\ninfo: {title: T, version: '1'}\nservers: [{url: 'https://t.test'}]\npaths: {}\n"
    )
    assert main(["--target", target, "--spec", str(contract)]) == COULD_NOT_RUN
    assert "has no operation that could be checked" in capsys.readouterr().err


def test_a_server_that_needs_a_key_is_not_called_without_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SPACELY_API_KEY", raising=False)
    assert main(["--target", "http://127.0.0.1:1/api"]) == COULD_NOT_RUN
    assert "set SPACELY_API_KEY" in capsys.readouterr().err


@pytest.mark.parametrize("target", ["http://127.0.0.1:1/api", "live"])
@pytest.mark.parametrize(
    ("key", "fault"),
    [
        ("sk-mine\n", "it begins or ends with a blank or a line break"),
        (" sk-mine", "it begins or ends with a blank or a line break"),
        ("sk-\u00e9", "it has a character that is not ASCII"),
        ("sk-\x01mine", "it has a control character or a line break"),
    ],
)
def test_a_key_that_cannot_be_sent_gives_2_and_is_not_shown(
    target: str, key: str, fault: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPACELY_API_KEY", key)
    assert main(["--target", target]) == COULD_NOT_RUN
    said = capsys.readouterr()
    assert f"SPACELY_API_KEY is no key that can be sent: {fault}; set it to" in said.err
    assert key.strip() not in said.out + said.err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--target", "mock", "--max-examples", "0"],
        ["--target", "mock", "--sed", "1"],
        ["--target", "mock", "--seed", "soon"],
        ["--target", "mock", "--time-budget", "0"],
        ["--target", "mock", "--max-requests", "-1"],
        ["--target", "mock", "--baseline-update"],
    ],
)
def test_arguments_that_are_none_give_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == COULD_NOT_RUN


def test_a_contract_that_is_broken_gives_2_with_its_problems(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("openapi: 3.1.0\ninfo: {title: A, version: '1'}\npaths: {}\n")
    assert main(["--target", "mock", "--spec", str(broken)]) == COULD_NOT_RUN
    said = capsys.readouterr().err
    assert "broken.yaml:1" in said
    assert "remedy" in said


def test_a_fault_of_the_checks_themselves_is_no_violation(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> Report:
        raise RuntimeError("a fault in here")

    monkeypatch.setattr(cli, "check_app", fail)
    assert main(["--target", "mock"]) == COULD_NOT_RUN
    assert "a fault in here" in capsys.readouterr().err


def test_a_baseline_is_applied_written_and_pruned(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = ["It answers within a second."]

    def found(*_: Any) -> Report:
        report = Report("server", "openapi.yaml", 1)
        report.requested("jobs", "GET /jobs")
        report.passed("jobs", "GET /jobs", "answered")
        for rule in rules:
            report.violated("jobs", "GET /jobs", "answered", rule, Exchange("curl", "200"))
        return report

    monkeypatch.setattr(cli, "check_app", found)
    monkeypatch.setattr(cli, "check_http", found)
    monkeypatch.setattr(cli, "result_of", lambda _spec, report, _target: Result(report))
    path = tmp_path / "known.yaml"
    run = ["--target", "mock", "--baseline", str(path)]
    assert main(run) == COULD_NOT_RUN
    assert main([*run, "--baseline-update"]) == VIOLATED
    assert "Wrote 1 entries" in capsys.readouterr().out
    assert main(run) == HELD
    assert "KNOWN 1 times: answered  (GET /jobs, jobs)" in capsys.readouterr().out
    monkeypatch.setattr(cli, "_today", lambda: date(2999, 1, 1))
    assert main(run) == VIOLATED
    assert "EXPIRED  the baseline no longer accepts answered of GET /jobs (line 1, until " in capsys.readouterr().out
    rules.clear()
    assert main(run) == HELD
    assert "STALE  nothing matches any more what the baseline accepts: answered of GET" in capsys.readouterr().out
    assert main([*run, "--baseline-prune"]) == HELD
    assert "Removed 1 entries" in capsys.readouterr().out
    assert main(run) == HELD
    assert "STALE" not in capsys.readouterr().out
    path.write_text("- check: [answered]\n")
    assert main(run) == COULD_NOT_RUN
    said = capsys.readouterr().err
    assert "known.yaml:1: check is no text" in said
    assert "remedy" in said


def test_the_script_runs_from_any_folder_with_paths_from_there(spec: Spec, tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "__init__.py").write_text("raise RuntimeError('not these tests')")
    (tmp_path / "mine.yaml").write_bytes(spec.source)
    script = str(ROOT / "scripts" / "contract")
    command = [script, "--target", "mock", "--spec", "mine.yaml", "--report-dir", "out", *FEW]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == HELD, done.stdout + done.stderr
    assert {path.name for path in (tmp_path / "out").iterdir()} == REPORTS
    assert {path.name for path in tmp_path.iterdir()} == {"tests", "mine.yaml", "out"}
