"""The command: what it refuses before anything is sent, and how it is reached."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from ..cli import main as contract
from ..outcome import COULD_NOT_RUN, HELD, INCOMPLETE
from . import cli
from .cli import main
from .conftest import KEY, MakeApi
from .settings import CannotRun


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A key that must not get anywhere, and a folder in which nothing may appear."""
    monkeypatch.setenv("SPACELY_API_KEY", KEY)
    monkeypatch.delenv("SPACELY_BASE_URL", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--base-url", "http://api.example.com/v1"], "would send the key unencrypted: use https"),
        (["--base-url", "api.example.com"], "is no URL of a server"),
        (["--base-url", "https://"], "is no URL of a server"),
        (["--base-url", "https://a:b@api.example.com/"], "leave user, query and fragment out"),
        (["--base-url", "https://api.example.com/?key=1"], "leave user, query and fragment out"),
        (["--up-to", "recorded"], "give it with --har FILE"),
        (["--up-to", "job"], "--up-to job: there is nothing to do on that rung; name a job with --job-id ID"),
        (["--up-to", "canary"], "allow it with --credits 1"),
        (["--up-to", "more"], "allow it with --credits 1"),
        (["--up-to", "more", "--credits", "1"], "--up-to more: there is nothing to do on that rung; allow it more"),
        (["--operation", "pollResult"], "is no operation that starts a job; there are: generateAdvance"),
        (["--body", "nowhere.json"], "--body nowhere.json: cannot be read as JSON"),
        (["--ledger", "nowhere/ledger"], "cannot be used as the ledger"),
        (["--spec", "nowhere.yaml"], "nowhere.yaml: cannot be read"),
    ],
)
def test_what_cannot_run_gives_2_says_why_and_leaves_nothing(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == COULD_NOT_RUN
    assert said in capsys.readouterr().err
    assert not [path for path in tmp_path.iterdir() if path.stat().st_size]


@pytest.mark.parametrize("arguments", [["--credits", "-1"], ["--up-to", "nothing"], ["--max-requests", "many"]])
def test_arguments_that_are_none_give_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == COULD_NOT_RUN


def test_the_contract_command_hands_the_target_live_over(capsys: pytest.CaptureFixture[str]) -> None:
    assert contract(["--target", "live", "--dry-run", "--credits", "1"]) == HELD
    assert "Would call https://api.spacely.ai/api/v1" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "rungs"),
    [
        ([], "2"),
        (["--job-id", "a"], "23"),
        (["--credits", "1"], "24"),
        (["--credits", "2", "--job-id", "a"], "2345"),
        (["--credits", "2", "--up-to", "canary"], "24"),
        (["--job-id", "a", "--up-to", "probes"], "2"),
    ],
)
def test_the_options_say_how_far_up_it_goes(
    arguments: list[str], rungs: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, "--dry-run"]) == HELD
    lines = capsys.readouterr().out.splitlines()
    assert "".join(line[0] for line in lines if line[:2] in {"1 ", "2 ", "3 ", "4 ", "5 "}) == rungs


def test_a_job_that_an_earlier_run_has_started_is_taken_up_again(
    api: MakeApi, capsys: pytest.CaptureFixture[str]
) -> None:
    live = api()
    assert live.climb("--credits", "1", "--max-requests", "16") == INCOMPLETE
    (job,) = [line["job"] for line in live.lines("outcome") if "job" in line]
    assert live.climb("--up-to", "job") == HELD
    assert f"The job {job} of generateAdvance: succeeded." in capsys.readouterr().out
    assert live.charged() == 1
    with pytest.raises(CannotRun, match="knows of none whose end was not seen"):
        live.climb("--up-to", "job")


def test_the_body_of_the_canary_may_be_given(api: MakeApi, tmp_path: Path) -> None:
    live = api()
    body = tmp_path / "body.json"
    body.write_text('{"model": "mine", "imageUrl": "https://example.com/a.jpg", "renovateType": "commercial"}')
    assert live.climb("--credits", "1", "--body", str(body)) == HELD
    sent = [entry["body"] for entry in live.journal(operation="generateAdvance")]
    assert all("mine" in str(each) for each in sent)


def test_a_body_that_breaks_the_contract_is_not_paid_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "body.json").write_text('{"model": 7, "renovateType": "industrial"}')
    assert main(["--credits", "1", "--body", "body.json"]) == COULD_NOT_RUN
    said = capsys.readouterr().err
    assert "--body body.json breaks the contract" in said
    assert "'imageUrl' is missing; add 'imageUrl'" in said
    assert "write one of: residential, commercial" in said


def test_an_api_that_is_not_there_gives_2_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--base-url", "http://127.0.0.1:1/v1", "--max-requests", "3"]) == COULD_NOT_RUN
    assert "nothing answers at http://127.0.0.1:1/v1: there was no answer (ConnectError" in capsys.readouterr().err


def test_an_interrupt_says_where_to_look(
    api: MakeApi, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupted(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_http", lambda _: Interrupted())
    live = api()
    assert main(["--base-url", live.url, "--ledger", str(live.ledger)]) == COULD_NOT_RUN
    assert f"interrupted; {live.ledger} says what was sent" in capsys.readouterr().err


def test_a_fault_in_here_is_no_violation(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> int:
        raise RuntimeError("a fault in here")

    monkeypatch.setattr(cli, "run", fail)
    assert main(["--dry-run"]) == COULD_NOT_RUN
    assert "a fault in here" in capsys.readouterr().err
