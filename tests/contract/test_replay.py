"""A violation is found again by its id alone, with nothing sent that it does not take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.contract.mutants.catalogue import CATALOGUE

from spacely_mock import create_app
from spacely_spec import Spec

from . import cli, gate
from .checks import check_names
from .cli import COULD_NOT_RUN, HELD, VIOLATED, main
from .credentials import made_up_key
from .gate import Options, check_app
from .replay import NoSuchViolation, Replay
from .report import Exchange, Report
from .seams import Fault, Inner, Reply, Request, around

RUN = ["--target", "mock", "--max-examples", "4"]
QUICK = Options(examples=4)


async def a_server_error(request: Request, inner: Inner) -> Reply:
    """One value of an enum is too much for the server."""
    return Reply(500, {}, b"") if b"commercial" in request.body else await inner(request)


async def a_job_without_an_end(request: Request, inner: Inner) -> Reply:
    """A job never ends."""
    reply = await inner(request)
    return reply.but(body=reply.body.replace(b'"success"', b'"processing"'))


async def an_open_door(request: Request, inner: Inner) -> Reply:
    """A key that is empty is taken for the right one."""
    keys = {"x-api-key": made_up_key(1)} if request.headers.get("x-api-key") == "" else {}
    return await inner(request.but(headers={**request.headers, **keys}))


def faulty(fault: Fault) -> Any:
    def check(spec: Spec, options: Options, *_: Any) -> Report:
        return gate.check_app(spec, options, lambda spec, **given: around(create_app(spec, **given), fault))

    return check


@pytest.mark.parametrize("fault", [a_server_error, a_job_without_an_end])
def test_each_violation_of_a_run_is_still_there_when_it_is_replayed(fault: Fault, spec: Spec) -> None:
    report = faulty(fault)(spec, QUICK)
    assert report.violations
    for violation in report.violations:
        again = faulty(fault)(spec, Options(examples=4, replay=Replay.parse(violation.id)))
        assert again.sent < report.sent
        assert any(violation.id == found.id for found in again.violations), violation.id


def test_the_command_says_whether_it_still_fails(
    spec: Spec, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    check = faulty(an_open_door)
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
            "nothing was checked as jobs/no_such_check of POST /generate/advance; checks of it in this phase: ",
        ),
        ("authentication/key_wrong/GET /nowhere", "of GET /nowhere; what this phase looks at: GET /generate/poll"),
        ("no phase/one_end/POST /generate/advance", "there is no such phase"),
    ],
)
def test_an_id_that_is_none_gives_2(replayed: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*RUN, "--replay", replayed]) == COULD_NOT_RUN
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("check", ["answered", "warning_missing_auth"])
def test_a_check_that_is_noted_only_where_it_fails_is_found_to_hold(
    check: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*RUN, "--replay", f"whole run/{check}/POST /generate/advance"]) == HELD
    assert f"{check} of POST /generate/advance is no longer violated." in capsys.readouterr().out


def test_a_replay_counts_nothing_as_violated_but_what_it_looks_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def less_than_a_whole_run(spec: Spec, options: Options, *_: Any) -> Report:
        report = check_app(spec, options)
        report.violated("whole run", "POST /generate/advance", "succeeds_once", "One succeeds.", Exchange())
        return report

    monkeypatch.setattr(cli, "check_app", less_than_a_whole_run)
    monkeypatch.setattr(cli, "check_http", less_than_a_whole_run)
    replay = ["--replay", "authentication/key_empty/POST /generate/advance", "--report-dir", str(tmp_path)]
    assert main([*RUN, *replay]) == HELD
    said = capsys.readouterr().out
    assert "0 violated" in said
    assert "is no longer violated." in said
    assert '"held": false' not in (tmp_path / "run.ndjson").read_text()


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
        assert {check for _, _, check in report.tallies} <= check_names()


def test_every_check_that_a_seeded_fault_is_told_by_is_one_that_a_baseline_may_name() -> None:
    told = {check for mutant in CATALOGUE for checks in mutant.expected.values() for check in checks}
    assert told - {"contract_refused"} <= check_names()  # A contract that is refused is told by no run.
