"""Every limit of the ladder, counted where it matters: in the journal of the mock that plays the API."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from spacely_spec import Spec

from ..conftest import ROOT
from ..outcome import COULD_NOT_RUN, HELD, INCOMPLETE, VIOLATED
from ..seams import Inner, Reply, Request, changed_contract
from . import guard
from .cli import main
from .conftest import KEY, LiveApi, MakeApi
from .guard import MAX_PER_SECOND
from .settings import CannotRun

SUBMIT, POLL = "generateAdvance", "pollResult"


def texts(live: LiveApi) -> str:
    """Everything that a run has written."""
    return "".join(path.read_text() for path in [live.ledger, *live.reports.iterdir()])


def most_in_a_second(moments: list[float]) -> int:
    """How many of the moments lie in the second that has most of them."""
    nearly = 1 - 1e-6  # As far as numbers of this size are exact.
    return max(sum(start <= moment < start + nearly for moment in moments) for start in moments)


class Line(httpx.BaseTransport):
    """HTTP, with something done before each request."""

    def __init__(self, before: Callable[[], None]) -> None:
        self._before = before
        self._inner = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._before()
        return self._inner.handle_request(request)

    def close(self) -> None:
        self._inner.close()


def test_credits_are_counted_over_all_runs_with_a_ledger(api: MakeApi, capsys: pytest.CaptureFixture[str]) -> None:
    live = api()
    assert live.climb("--credits", "1") == HELD
    assert live.climb("--credits", "1") == INCOMPLETE
    assert live.charged() == 1
    said = capsys.readouterr().out
    assert "NOT FINISHED  canary: one job, to its end (generateAdvance)" in said
    assert "1 of the 1 allowed by --credits are spent" in said
    assert live.climb("--credits", "2", "--up-to", "canary") == HELD
    assert live.charged() == 2


# The process dies at its first submit that may cost something: before the request has left, or after it has arrived.
CLIMB = """
import os, signal, sys
import httpx
from spacely_mock import ManualClock
from spacely_spec import load
from tests.contract.live import cli, settings
from tests.contract.live.conftest import Time

class Dying(httpx.BaseTransport):
    def __init__(self, moment):
        self.moment, self.inner = moment, httpx.HTTPTransport()
    def handle_request(self, request):
        paid = request.method == "POST" and request.headers.get("x-api-key") == os.environ["SPACELY_API_KEY"]
        if paid and self.moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        response = self.inner.handle_request(request)
        if paid and self.moment == "after":
            os.kill(os.getpid(), signal.SIGKILL)
        return response

moment, *arguments = sys.argv[1:]
options = settings.parser().parse_args(arguments)
sys.exit(cli.run(load(options.spec), options, Dying(moment), Time(ManualClock())))
"""


@pytest.mark.parametrize(("moment", "charged"), [("before", 0), ("after", 1)])
def test_a_run_that_is_killed_at_its_submit_and_run_again_does_not_submit_again(
    moment: str, charged: int, api: MakeApi, tmp_path: Path
) -> None:
    live = api()
    arguments = ["--base-url", live.url, "--ledger", str(live.ledger), "--credits", "1"]
    command = [sys.executable, "-c", CLIMB, moment, *arguments]
    killed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert killed.returncode == -9, killed.stderr
    assert live.charged() == charged
    (last,) = [line for line in live.lines("send") if line["credits"]]
    assert last == live.lines("send")[-1]
    assert len(live.lines("outcome")) == len(live.lines("send")) - 1
    assert live.climb("--credits", "1") == INCOMPLETE
    assert live.charged() == charged


@pytest.mark.parametrize("fault", ["lost", "reset"])
def test_a_submit_without_an_answer_counts_as_accepted(fault: str, api: MakeApi) -> None:
    live = api()
    live.rule({"fault": fault}, when={"operation": SUBMIT, "headers": {"x-api-key": KEY}})
    for _ in range(2):
        assert live.climb("--credits", "1") == INCOMPLETE
    assert len(live.journal(operation=SUBMIT)) == 1 + 2 * 3  # The one, and the probes without a key of two runs.


def test_a_submit_that_never_left_costs_nothing(api: MakeApi) -> None:
    live = api()

    class Unreachable(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            raise httpx.ConnectError("no route", request=request)

    with pytest.raises(CannotRun, match="nothing answers at"):
        live.climb("--credits", "1", inner=Unreachable())
    assert live.climb("--credits", "1") == HELD
    assert live.charged() == 1


def test_a_refused_submit_costs_nothing_and_one_that_failed_may_have(api: MakeApi) -> None:
    live = api()
    live.rule({"status": "500"}, when={"operation": SUBMIT, "headers": {"x-api-key": KEY}}, times=1)
    assert live.climb("--credits", "2", "--up-to", "canary") == VIOLATED
    live.rule({"status": "400"}, when={"operation": SUBMIT, "headers": {"x-api-key": KEY}}, times=1)
    assert live.climb("--credits", "2", "--up-to", "canary") == VIOLATED
    assert [line["credits"] for line in live.lines("outcome") if line["credits"]] == [1]


@pytest.mark.parametrize("status", [402, 403, 429])
@pytest.mark.parametrize("times", [0, 5])
def test_402_403_and_429_end_the_run(status: int, times: int, api: MakeApi, capsys: pytest.CaptureFixture[str]) -> None:
    count = 0

    async def stop(request: Request, inner: Inner) -> Reply:
        nonlocal count
        if request.path.startswith("/__mock__"):
            return await inner(request)
        count += 1
        return Reply(status, {}, b"") if count > times else await inner(request)

    live = api(stop)
    assert live.climb("--credits", "1") == INCOMPLETE
    assert count == times + 1
    said = capsys.readouterr().out
    assert f"the API answered {status} to" in said
    # Every step that was not done, the one that was stopped among them.
    assert said.count("NOT FINISHED") == 15 - times


def test_a_403_for_want_of_a_key_does_not_end_the_run_where_the_contract_has_it(
    api: MakeApi, spec: Spec, tmp_path: Path
) -> None:
    def document(contract: dict[str, Any]) -> None:
        for path in contract["paths"].values():
            for operation in path.values():
                operation["responses"]["403"] = operation["responses"].pop("401")

    async def forbid(request: Request, inner: Inner) -> Reply:
        reply = await inner(request)
        return reply.but(status=403) if reply.status == 401 else reply

    live = api(forbid)
    assert live.climb(spec=changed_contract(spec, tmp_path, document)) == HELD
    assert len(live.journal()) == 14


def test_no_more_than_the_allowed_requests_are_sent(api: MakeApi, capsys: pytest.CaptureFixture[str]) -> None:
    live = api()
    assert live.climb("--max-requests", "7") == INCOMPLETE
    assert len(live.journal()) == 7
    assert capsys.readouterr().out.count("all 7 requests of --max-requests are sent") == 7


def test_no_second_sees_more_than_five_requests_not_even_over_two_runs(api: MakeApi) -> None:
    live = api()
    live.climb()
    live.climb("--credits", "1")
    moments = sorted(entry["time"] for entry in live.journal())
    assert len(moments) > 24
    assert most_in_a_second(moments) == MAX_PER_SECOND


def test_the_pace_holds_where_requests_take_their_time(api: MakeApi) -> None:
    live = api()
    count = 0

    def slow_now_and_then() -> None:
        nonlocal count
        count += 1
        if count % 6 == 1:
            live.time.sleep(0.9)

    live.climb(inner=Line(slow_now_and_then))
    moments = sorted(entry["time"] for entry in live.journal())
    assert most_in_a_second(moments) == MAX_PER_SECOND


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(status: int, api: MakeApi) -> None:
    elsewhere = api()

    async def redirect(request: Request, inner: Inner) -> Reply:
        if request.path.startswith("/__mock__"):
            return await inner(request)
        return Reply(status, {"location": f"{elsewhere.url}{request.path}"}, b"")

    live = api(redirect)
    assert live.climb("--credits", "1") == VIOLATED
    assert elsewhere.journal() == []


def test_the_key_is_in_nothing_that_is_written_or_said(api: MakeApi, capsys: pytest.CaptureFixture[str]) -> None:
    async def repeat(request: Request, inner: Inner) -> Reply:
        reply = await inner(request)
        if "json" not in reply.headers.get("content-type", "") or not request.path.startswith("/api/"):
            return reply
        return reply.but(headers={**reply.headers, "x-account": KEY}).with_json({**reply.json, "account": KEY})

    live = api(repeat)
    assert live.climb("--credits", "3") == VIOLATED
    said = capsys.readouterr()
    everything = texts(live) + said.out + said.err
    assert len(everything) > 20_000
    assert not any(form in everything for form in (KEY, quote(KEY), KEY[3:]))


def test_the_key_is_in_no_url_and_in_no_request_for_an_image(api: MakeApi) -> None:
    seen: list[Request] = []

    async def note(request: Request, inner: Inner) -> Reply:
        seen.append(request)
        return await inner(request)

    assert api(note).climb("--credits", "1") == HELD
    assert not [request for request in seen if KEY in str(request.query) + request.path]
    images = [request for request in seen if "/images/" in request.path]
    assert images
    assert not [request for request in images if KEY in str(request.headers)]


def test_no_cookie_stands_in_for_a_key(api: MakeApi) -> None:
    cookies: list[str | None] = []

    async def session(request: Request, inner: Inner) -> Reply:
        cookies.append(request.headers.get("cookie"))
        reply = await inner(request)
        return reply.but(headers={**reply.headers, "set-cookie": "session=1; Path=/"})

    api(session).climb()
    assert len(cookies) > 10
    assert not any("session" in (cookie or "") for cookie in cookies)


def test_two_runs_do_not_share_a_ledger_at_the_same_time(
    api: MakeApi, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    live = api()
    other: list[int] = []

    def meanwhile() -> None:
        if not other:
            other.append(main(["--base-url", live.url, "--ledger", str(live.ledger)]))

    assert live.climb("--credits", "1", inner=Line(meanwhile)) == HELD
    assert other == [COULD_NOT_RUN]
    assert "is in use by another run" in capsys.readouterr().err
    assert live.charged() == 1


def test_nothing_is_sent_without_a_key(
    api: MakeApi, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    live = api()
    monkeypatch.delenv("SPACELY_API_KEY")
    assert main(["--base-url", live.url, "--ledger", str(live.ledger)]) == COULD_NOT_RUN
    assert "set SPACELY_API_KEY in the environment" in capsys.readouterr().err
    assert live.journal() == []


@pytest.mark.parametrize("rung", ["canary", "more"])
def test_what_costs_is_not_sent_without_credits(rung: str, api: MakeApi) -> None:
    live = api()
    with pytest.raises(CannotRun, match="this may cost credits, 1 at worst: allow it with --credits 1"):
        live.climb("--up-to", rung)
    assert live.journal() == []


def test_a_dry_run_sends_nothing_needs_no_key_and_says_what_it_would_cost(
    api: MakeApi, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    live = api()
    monkeypatch.delenv("SPACELY_API_KEY")
    assert main(["--base-url", live.url, "--ledger", str(live.ledger), "--credits", "3", "--dry-run"]) == HELD
    said = capsys.readouterr().out
    assert f"Would call {live.url}" in said
    assert "2 negative probes: 14 requests and 0 credits at most" in said
    assert "4 canary: 311 requests and 1 credits at most" in said
    assert "5 more submits: 2 requests and 2 credits at most" in said
    assert "and 3 credits" in said
    assert live.journal() == []
    assert not live.ledger.exists()


def test_a_run_sends_no_more_than_its_plan_says(api: MakeApi, capsys: pytest.CaptureFixture[str]) -> None:
    live = api()
    live.climb("--credits", "15", "--dry-run")
    plan = capsys.readouterr().out
    steps = [line.split(maxsplit=2) for line in plan.splitlines() if line.startswith("     ")]
    most = {title: (int(requests), int(credits)) for requests, credits, title in steps}
    assert live.climb("--credits", "15") == HELD
    sent = live.lines("send")
    assert len(sent) <= sum(requests for requests, _ in most.values())
    assert sum(line["credits"] for line in sent) == sum(credits for _, credits in most.values())


def test_the_environment_is_read_for_the_url_only_where_none_is_given(
    api: MakeApi, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SPACELY_BASE_URL", "https://staging.example.com/api")
    assert main(["--dry-run"]) == HELD
    assert "Would call https://staging.example.com/api," in capsys.readouterr().out
    assert main(["--dry-run", "--base-url", "https://other.example.com"]) == HELD
    assert "Would call https://other.example.com," in capsys.readouterr().out
    monkeypatch.delenv("SPACELY_BASE_URL")
    assert main(["--dry-run"]) == HELD
    assert "Would call https://api.spacely.ai/api/v1," in capsys.readouterr().out


def test_nothing_is_sent_where_the_reports_could_not_be_written(
    api: MakeApi, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    live = api()
    (tmp_path / "file").touch()
    arguments = ["--base-url", live.url, "--ledger", str(live.ledger), "--credits", "1"]
    assert main([*arguments, "--report-dir", str(tmp_path / "file")]) == COULD_NOT_RUN
    assert "file: no report can be written there: File exists; give another" in capsys.readouterr().err
    assert live.journal() == []


@pytest.mark.parametrize("part", ["head", "body"])
def test_an_answer_without_an_end_is_given_up_and_the_ledger_says_so(
    part: str, api: MakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "EXCHANGE_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def dribble() -> None:
            connection, _ = listening.accept()
            head = b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n" if part == "body" else b"HTTP/1.1 200 OK\r\nX: "
            with connection, suppress(OSError):
                connection.sendall(head)
                while True:
                    connection.sendall(b"x")
                    time.sleep(0.1)

        threading.Thread(target=dribble, daemon=True).start()
        live = api()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/api/v1"
        began = time.monotonic()
        with pytest.raises(CannotRun, match="ReadTimeout"):
            live.climb("--base-url", url, "--max-requests", "1")
        assert time.monotonic() - began < 20
        assert [line["error"] for line in live.lines("outcome")] == ["ReadTimeout"]
