"""Recorded traffic held to the contract: nothing is sent, and whatever the recording shows is found."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from ..outcome import COULD_NOT_RUN, HELD, VIOLATED
from .cli import main
from .conftest import MakeApi

API = "https://api.spacely.ai/api/v1"
KEY = "sk-recorded-77d0c1a5"
JOB = "63d17492-43d9-4161-0000-b067be1316dc"
IMAGE = "https://storage.example.com/1.png?signature=s3cr3t"
SAMPLE = {"model": "spacely-v1", "imageUrl": "https://example.com/room.jpg", "renovateType": "residential"}
Entry: TypeAlias = dict[str, Any]


def entry(
    method: str, url: str, status: int, answer: Any = None, *, sent: Any = None, at: float = 0, **more: Any
) -> Entry:
    """One exchange as a browser records it."""
    headers = more.get("headers", {"X-API-KEY": KEY})
    content: dict[str, Any] = {"size": 0, "mimeType": "x-unknown"}
    received = dict(more.get("received", {}))
    if answer is not None:
        text = answer if isinstance(answer, str) else json.dumps(answer)
        received = {"Content-Type": "application/json", "Content-Encoding": "br", **received}
        content = {"size": len(text), "mimeType": received["Content-Type"], "text": text}
    request: dict[str, Any] = {"method": method, "url": url, "headers": [{"name": ":authority", "value": "a"}]}
    request["headers"] += [{"name": name, "value": value} for name, value in headers.items()]
    if sent is not None:
        request["headers"].append({"name": "content-type", "value": "application/json"})
        request["postData"] = {
            "mimeType": "application/json",
            "text": sent if isinstance(sent, str) else json.dumps(sent),
        }
    response = {"status": status, "statusText": "", "content": content}
    response["headers"] = [{"name": name, "value": value} for name, value in received.items()]
    moment = f"2026-11-25T10:{int(at) // 60:02d}:{at % 60:06.3f}Z"
    return {"startedDateTime": moment, "time": 1, "request": request, "response": response}


def poll(status: str, result: list[Any], at: float, **more: Any) -> Entry:
    return entry(
        "GET",
        f"{API}/generate/poll-result?refId={JOB}",
        200,
        {"data": {"status": status, "result": result}},
        at=at,
        **more,
    )


def session() -> list[Entry]:
    """A render as a browser records it, with what else a page fetches."""
    return [
        entry("OPTIONS", f"{API}/generate/advance", 204, headers={}),
        entry("POST", f"{API}/generate/advance", 200, {"data": JOB}, sent=SAMPLE, at=0),
        entry("GET", "https://fonts.example.com/a.woff", 200, headers={}),
        entry("GET", f"{API}/generate/styles", 200, [], headers={}),
        poll("processing", [], 2),
        entry("GET", f"{API}/generate/poll-result?refId={JOB}", 0),
        entry("GET", f"{API}/generate/poll-result?refId={JOB}", 304),
        poll("success", [IMAGE], 4),
        entry("GET", f"{API}/generate/poll-result?refId=none", 400, at=5),
        entry("GET", f"{API}/generate/poll-result?refId={JOB}", 401, headers={}, at=6),
    ]


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Runs the command with a recording and without a key in the environment, where nothing may be written."""
    monkeypatch.delenv("SPACELY_API_KEY", raising=False)
    monkeypatch.delenv("SPACELY_BASE_URL", raising=False)
    monkeypatch.chdir(tmp_path)

    def run(entries: Any, *arguments: str) -> int:
        text = entries if isinstance(entries, str) else json.dumps({"log": {"version": "1.2", "entries": entries}})
        (tmp_path / "traffic.har").write_text(text)
        return main(["--har", "traffic.har", *arguments])

    return run


def states(folder: str) -> dict[str, str]:
    return {row["pointer"]: row["state"] for row in json.loads(Path(folder, "assumptions.json").read_text())}


def test_a_recording_that_keeps_the_contract_is_read_without_a_key_and_nothing_is_sent(
    read: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert read(session(), "--report-dir", "out") == HELD
    said = capsys.readouterr().out
    assert "1 exchanges of other hosts are left out: fonts.example.com (1)" in said
    assert "1 times GET /api/v1/generate/styles: the contract has no such operation" in said
    assert "2 exchanges have no answer" in said
    assert "requests were sent" not in said
    assert {path.name for path in tmp_path.iterdir()} == {"traffic.har", "out"}
    found = states("out")
    loop = "/paths/~1generate~1advance/post/responses/200/links/result/x-polling"
    for pointer in (
        "/components/schemas/JobStatus/enum/0",
        "/components/schemas/JobStatus/enum/1",
        "/components/schemas/RefId/minLength",
        "/components/securitySchemes/ApiKey/in",
        f"{loop}/successCriteria/0",
        f"{loop}/delaySeconds",
        f"{loop}/intervalSeconds",
        f"{loop}/timeoutSeconds",
    ):
        assert found[pointer] == "confirmed", pointer


def test_neither_the_recorded_key_nor_a_signature_is_repeated(
    read: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    entries = [*session(), poll("queued", [IMAGE], 7, received={"X-Account": KEY})]
    assert read(entries, "--report-dir", "out") == VIOLATED
    said = capsys.readouterr()
    everything = said.out + said.err + "".join(path.read_text() for path in Path("out").iterdir())
    assert "storage.example.com/1.png?…" in everything
    assert KEY not in everything
    assert "s3cr3t" not in everything


def test_no_session_of_the_recording_is_repeated_and_what_it_was_for_is_still_seen(
    read: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    opened = {"Cookie": "sid=c00kie-of-a-user; dark=1", "Authorization": "Basic dXNlcjpwYXNzd29yZA=="}
    given = {"Set-Cookie": "sid=an0ther-one; Path=/; HttpOnly", "X-Session": "an0ther-one"}
    entries = [*session(), entry("GET", f"{API}/generate/poll-result", 401, headers=opened, received=given, at=9)]
    read(entries, "--report-dir", "out")
    said = capsys.readouterr()
    everything = said.out + said.err + "".join(path.read_text() for path in Path("out").iterdir())
    for secret in ("c00kie-of-a-user", "dXNlcjpwYXNzd29yZA", "an0ther-one", "dark=1"):
        assert secret not in everything
    for kept in ("sid=[redacted]; dark=[redacted]", "Basic [redacted]", "sid=[redacted]; Path=/; HttpOnly"):
        assert kept in Path("out", "exchanges.har").read_text()


VIOLATIONS: dict[str, tuple[Entry, str]] = {
    "an undocumented status": (
        entry("GET", f"{API}/generate/poll-result?refId={JOB}", 503, at=9),
        "answer_conforms",
    ),
    "an answer that breaks its schema": (poll("success", [1], 9), "answer_conforms"),
    "another media type": (
        poll("success", [], 9, received={"Content-Type": "text/plain"}),
        "answer_conforms",
    ),
    "a status outside the enum": (poll("queued", [], 9), "answer_conforms"),
    "an answer without a key": (poll("success", [IMAGE], 9, headers={}), "key_missing"),
    "a key in the URL": (
        entry("GET", f"{API}/generate/poll-result?refId={JOB}&key={KEY}", 400, at=9),
        "key_only_in_place",
    ),
    "an invalid request that was accepted": (
        entry("POST", f"{API}/generate/advance", 200, {"data": "a"}, sent={"model": "m"}, at=9),
        "invalid_request_refused",
    ),
    "a body that is no JSON and was accepted": (
        entry("POST", f"{API}/generate/advance", 200, {"data": "a"}, sent="{", at=9),
        "invalid_request_refused",
    ),
    "a poll without an id that was answered": (
        entry("GET", f"{API}/generate/poll-result", 200, {"data": {"status": "processing", "result": []}}, at=9),
        "invalid_request_refused",
    ),
    "an answer that repeats the key": (poll("success", [IMAGE], 9, received={"X-Key": KEY}), "key_not_echoed"),
}


@pytest.mark.parametrize("name", VIOLATIONS)
def test_a_recorded_exchange_that_breaks_the_contract_is_reported(
    name: str, read: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    broken, check = VIOLATIONS[name]
    assert read([*session(), broken]) == VIOLATED
    said = capsys.readouterr().out
    assert f"VIOLATED 1 times: {check}  (" in said, said


def test_a_failure_of_the_server_is_not_laid_to_an_invalid_request(
    read: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert read([*session(), entry("POST", f"{API}/generate/advance", 500, sent={"model": "m"}, at=9)]) == HELD
    assert "invalid_request_refused" not in capsys.readouterr().out


def test_a_recorded_status_contradicts_what_was_assumed(read: Callable[..., int]) -> None:
    assert read([*session(), poll("queued", [], 9)], "--report-dir", "out") == VIOLATED
    assert states("out")["/components/schemas/JobStatus/enum"] == "contradicted"


def test_a_job_recorded_beyond_its_time_contradicts_the_timeout(read: Callable[..., int]) -> None:
    submit = entry("POST", f"{API}/generate/advance", 200, {"data": JOB}, sent=SAMPLE)
    assert read([submit, poll("processing", [], 2), poll("processing", [], 700)], "--report-dir", "out") == VIOLATED
    loop = "/paths/~1generate~1advance/post/responses/200/links/result/x-polling"
    assert states("out")[f"{loop}/timeoutSeconds"] == "contradicted"


def test_contents_in_base64_are_read_and_missing_ones_are_not_judged(read: Callable[..., int]) -> None:
    encoded, missing = poll("processing", [], 2), poll("processing", [], 3)
    content = encoded["response"]["content"]
    content.update(text=base64.b64encode(content["text"].encode()).decode(), encoding="base64")
    del missing["response"]["content"]["text"]
    assert read([encoded, missing], "--report-dir", "out") == HELD
    assert states("out")["/components/schemas/JobStatus/enum/0"] == "confirmed"


def test_what_a_run_recorded_can_be_read_again_for_nothing(api: MakeApi, tmp_path: Path) -> None:
    live = api()
    assert live.climb("--credits", "1") == HELD
    first = live.assumptions()
    came = len(live.journal())
    assert live.climb("--har", str(live.reports / "exchanges.har")) == HELD
    assert len(live.journal()) == came
    again = live.assumptions()
    # The key is not in the recording, nor what the probes were sent for.
    differ = {pointer for pointer in first if first[pointer]["state"] != again[pointer]["state"]}
    assert differ == {"/components/securitySchemes/ApiKey/x-key-pattern"}
    assert again["/components/securitySchemes/ApiKey/x-key-pattern"]["state"] == "still unknown"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no HAR (JSONDecodeError"),
        ("[]", "is no HAR (TypeError"),
        ('{"log": {}}', "is no HAR (KeyError: 'entries')"),
        ('{"log": {"entries": [{}]}}', "log.entries[0] is no HAR entry (KeyError: 'request')"),
        ('{"log": {"entries": [7]}}', "log.entries[0] is no HAR entry (TypeError"),
        ('{"log": {"entries": []}}', "has no exchange of an operation"),
    ],
)
def test_a_file_that_is_no_recording_of_the_api_gives_2(
    text: str, said: str, read: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert read(text) == COULD_NOT_RUN
    assert said in capsys.readouterr().err


def test_a_recording_of_other_hosts_alone_says_which(
    read: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert read([entry("GET", "https://staging.example.com/api/generate/poll-result?refId=1", 200)]) == COULD_NOT_RUN
    assert "(other hosts in it: staging.example.com)" in capsys.readouterr().err


def test_a_request_of_which_only_a_part_was_recorded_is_not_judged(
    read: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    submit = entry("POST", f"{API}/generate/advance", 200, {"data": JOB}, sent=json.dumps(SAMPLE)[:40])
    assert read([*session(), submit]) == VIOLATED
    submit["request"]["bodySize"] = len(json.dumps(SAMPLE))
    assert read([*session(), submit]) == HELD
    assert "1 exchanges have only a part of what was sent" in capsys.readouterr().out


def test_an_answer_of_which_only_a_part_was_recorded_is_not_held_to_its_schema(read: Callable[..., int]) -> None:
    broken = poll("processing", [], 9)
    content = broken["response"]["content"]
    content["text"] = content["text"][:20]
    assert read([*session(), broken]) == HELD
    content["size"] = len(content["text"])
    assert read([*session(), broken]) == VIOLATED


def test_nothing_is_sent_for_a_recording_so_it_may_be_of_a_host_without_encryption(read: Callable[..., int]) -> None:
    entries = json.loads(json.dumps(session()).replace("https://api.spacely.ai", "http://staging.example.com"))
    assert read(entries, "--base-url", "http://staging.example.com/api/v1") == HELD


def test_a_recording_of_another_host_is_read_with_its_base_url(read: Callable[..., int]) -> None:
    entries = json.loads(json.dumps(session()).replace("https://api.spacely.ai", "https://staging.example.com"))
    assert read(entries, "--base-url", "https://staging.example.com/api/v1") == HELD


def test_a_file_that_is_not_there_gives_2(read: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--har", "nowhere.har"]) == COULD_NOT_RUN
    assert "nowhere.har: cannot be read" in capsys.readouterr().err
