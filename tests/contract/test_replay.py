"""A violation is found again by its id alone, with nothing sent that it does not take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from spacely_mock import create_app
from spacely_spec import Spec

from . import cli, gate
from .cli import COULD_NOT_RUN, HELD, VIOLATED, main
from .faults import CASES
from .gate import Options, check_app
from .replay import NoSuchViolation, Replay
from .report import Report
from .seams import around

RUN = ["--target", "mock", "--max-examples", "4"]
QUICK = Options(examples=4)


def faulty(name: str) -> Any:
    def check(spec: Spec, options: Options, *_: Any) -> Report:
        case = CASES[name]
        return gate.check_app(spec, options, lambda spec, **given: around(create_app(spec, **given), case.fault(given)))

    return check


@pytest.mark.parametrize("name", ["a job that has ended runs again", "one value of an enum is a server error"])
def test_each_violation_of_a_run_is_still_there_when_it_is_replayed(name: str, spec: Spec) -> None:
    report = faulty(name)(spec, QUICK)
    assert report.violations
    for violation in report.violations:
        again = faulty(name)(spec, Options(examples=4, replay=Replay.parse(violation.id)))
        assert again.sent < report.sent
        assert any(violation.id == found.id for found in again.violations), violation.id


def test_the_command_says_whether_it_still_fails(
    spec: Spec, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    check = faulty("an empty key is taken")
    monkeypatch.setattr(cli, "check_app", check)
    monkeypatch.setattr(cli, "check_http", check)
    assert main(RUN) == VIOLATED
    said = capsys.readouterr().out
    command = next(line for line in said.splitlines() if line.startswith("  again "))
    assert command.endswith("--replay 'authentication/key_empty/POST /generate/advance'")
    replay = [*RUN, "--replay", "authentication/key_empty/POST /generate/advance"]
    assert main(replay) == VIOLATED
    assert "key_empty of POST /generate/advance is still violated." in capsys.readouterr().out
    monkeypatch.setattr(cli, "check_app", check_app)
    monkeypatch.setattr(cli, "check_http", check_app)
    assert main(replay) == HELD
    assert "is no longer violated." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("replayed", "said"),
    [
        ("jobs", "give PHASE/CHECK/OPERATION"),
        (
            "jobs/no_such_check/POST /generate/advance",
            "nothing was checked as jobs/no_such_check; checks of this phase: ",
        ),
        ("no phase/one_end/POST /generate/advance", "there is no such phase"),
    ],
)
def test_an_id_that_is_none_gives_2(replayed: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*RUN, "--replay", replayed]) == COULD_NOT_RUN
    assert said in capsys.readouterr().err


def test_a_replay_that_is_cut_short_says_nothing_of_the_violation(capsys: pytest.CaptureFixture[str]) -> None:
    replay = ["--replay", "jobs/one_end/POST /generate/advance", "--max-requests", "3"]
    assert main([*RUN, *replay]) == cli.INCOMPLETE
    assert "was not looked at to the end." in capsys.readouterr().out


def test_a_replay_takes_no_baseline(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([*RUN, "--replay", "jobs/one_end/POST /generate/advance", "--baseline", "known.yaml"])
    assert "leave --baseline out" in capsys.readouterr().err


def test_an_operation_brings_along_those_that_its_jobs_need(spec: Spec, tmp_path: Path) -> None:
    for each in spec.operations:
        narrowed = Replay("jobs", "one_end", f"{each.method} {each.path}").narrowed(spec)
        assert narrowed.operations == spec.operations
    with pytest.raises(NoSuchViolation):
        Replay.parse("jobs//GET /")


def test_a_run_with_a_random_seed_names_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*RUN[:2], "--max-examples", "1", "--seed", "random", "--max-requests", "5"]) == cli.INCOMPLETE
    first = capsys.readouterr().out.split("(seed ")[1].split(")")[0]
    assert main([*RUN[:2], "--max-examples", "1", "--seed", "random", "--max-requests", "5"]) == cli.INCOMPLETE
    assert capsys.readouterr().out.split("(seed ")[1].split(")")[0] != first


def test_every_phase_of_a_run_is_one_that_a_part_goes_by(spec: Spec) -> None:
    for report, parts in (
        (check_app(spec, Options(examples=1)), gate.PARTS),
        (gate.check_client(spec, Options(examples=1)), gate.CLIENT_PARTS),
    ):
        known = {phase for part in parts for phase in gate.phases_of(part)}
        assert {phase for phase, _, _ in report.tallies} <= known
