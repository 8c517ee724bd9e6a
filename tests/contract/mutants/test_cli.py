"""The command: green only where every fault is killed and every change that is no drift lives."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.contract.gate import Options
from tests.contract.mutants.catalogue import CATALOGUE
from tests.contract.mutants.cli import AS_EXPECTED, COULD_NOT_RUN, NOT_AS_EXPECTED, main
from tests.contract.mutants.made_up import a_death, a_hang, another_status, broken, no_fault
from tests.contract.mutants.matrix import Matrix, as_markdown
from tests.contract.mutants.model import Kind, Mutant, Target
from tests.contract.mutants.pool import run_all
from tests.contract.mutants.run import Result, Task, Tool

from spacely_spec import Spec

QUICK = ("--no-stock", "--max-examples", "2", "--jobs", "2")


FAULT = Mutant("made up", "mock", "test", Kind.FAULT, "It hurts.", {"mock": frozenset({"submit_accepted"})}, no_fault)
NO_OP = Mutant("harmless", "mock", "test", Kind.NO_OP, "It does not.", {"mock": frozenset()}, no_fault)


def test_a_few_mutants_of_each_side_are_killed_and_what_is_no_drift_lives(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["--smoke", "--jobs", "2", "--output", str(tmp_path)]) == AS_EXPECTED
    said = capsys.readouterr().out
    matrix = json.loads((tmp_path / "drift.json").read_text())
    assert matrix["asExpected"] is True
    fates = {
        each["name"]: {target: run["fate"] for target, run in each["targets"].items()} for each in matrix["mutants"]
    }
    assert fates["every request is answered 401"] == {"mock": "killed"}
    assert fates["a path is renamed"] == {"mock": "killed", "client": "killed"}
    assert fates["the version is raised"] == {"mock": "lives", "client": "lives"}
    assert (tmp_path / "drift.md").read_text() in said


def test_a_fault_of_what_the_contract_has_not_is_put_into_a_copy_that_has(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    there = [mutant for mutant in CATALOGUE if mutant.side == "client" and mutant.given is not None]
    assert main([*QUICK, "--output", str(tmp_path)], there) == AS_EXPECTED
    matrix = json.loads((tmp_path / "drift.json").read_text())
    assert {tuple(each["targets"]["client"]["told"]) for each in matrix["mutants"]} == {
        ("header",),
        ("documented_error_raised",),
    }
    assert "a header is never sent, where a header may be sent" in capsys.readouterr().out


def test_a_fault_that_survives_is_told_and_fails_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(QUICK, [FAULT]) == NOT_AS_EXPECTED
    assert "mock: SURVIVED meant to be told by submit_accepted" in capsys.readouterr().out


def test_a_fault_that_only_other_checks_tell_fails_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    expected: dict[Target, frozenset[str]] = {"mock": frozenset({"distinct_ids"})}
    assert main(QUICK, [dataclasses.replace(FAULT, apply=another_status, expected=expected)]) == NOT_AS_EXPECTED
    assert "mock: MISSED not told by distinct_ids, but by " in capsys.readouterr().out


def test_a_false_alarm_fails_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(QUICK, [dataclasses.replace(NO_OP, apply=another_status)]) == NOT_AS_EXPECTED
    assert "mock: FALSE ALARM told by " in capsys.readouterr().out


def test_a_fault_whose_time_runs_out_is_not_killed(capsys: pytest.CaptureFixture[str]) -> None:
    hanging = dataclasses.replace(FAULT, apply=a_hang)
    assert main([*QUICK, "--timeout", "3"], [hanging]) == NOT_AS_EXPECTED
    assert "mock: TIMED OUT" in capsys.readouterr().out


@pytest.mark.parametrize("apply", [a_death, broken])
def test_a_fault_over_which_the_suite_breaks_is_not_killed(
    apply: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(QUICK, [dataclasses.replace(FAULT, apply=apply)]) == COULD_NOT_RUN
    said = capsys.readouterr()
    assert "mock: TROUBLE" in said.out
    assert "could not run: made up" in said.err


def test_a_run_ends_when_the_checks_have_told_the_mutant_that_are_meant_to(spec: Spec) -> None:
    told_early = Task(dataclasses.replace(FAULT, apply=another_status), "mock", "gate", spec.path, Options(examples=1))
    never_told = dataclasses.replace(told_early, mutant=dataclasses.replace(FAULT, apply=no_fault))
    results = dict(run_all([told_early, never_told], 2, 120))
    assert FAULT.expected["mock"] <= set(results[0].told), results[0].trouble
    assert results[0].requests < results[1].requests / 4, results[1].trouble


def test_a_name_that_there_is_not_is_answered_with_those_that_are_near(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--only", "a job never end"]) == COULD_NOT_RUN
    assert "near to it are: a job never ends" in capsys.readouterr().err


def test_only_a_whole_run_is_published(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--publish", "--side", "mock"]) == COULD_NOT_RUN
    assert main(["--publish", "--no-stock"]) == COULD_NOT_RUN
    assert "takes a whole run" in capsys.readouterr().err


def test_stock_tools_tell_what_they_can(spec: Spec) -> None:
    mutant = next(each for each in CATALOGUE if each.name == "the id is missing")
    tools: tuple[Tool, ...] = ("st run", "parametrize")
    tasks = [Task(mutant, "mock", tool, spec.path, Options()) for tool in tools]
    results = dict(run_all(tasks, 2, 120))
    for index in range(len(tasks)):
        assert "Response violates schema (POST /generate/advance)" in results[index].told, results[index].trouble
        assert results[index].requests > 10


def test_what_stock_tools_say_of_a_mock_without_a_fault_is_not_counted(spec: Spec) -> None:
    matrix = Matrix.of([FAULT], spec.path, 1, 2)
    row = matrix.note(Task(FAULT, "mock", "gate", spec.path, Options()), Result(("submit_accepted",)))
    matrix.note(Task(None, "mock", "st run", spec.path, Options()), Result(("always (GET /)",)))
    assert row is not None
    for said, counted in ((("always (GET /)",), ()), (("always (GET /)", "new (GET /)"), ("new (GET /)",))):
        matrix.note(Task(FAULT, "mock", "st run", spec.path, Options()), Result(said))
        assert matrix.told_by_stock(row, "st run") == counted
    assert "says of the mock without a fault: always (GET /)" in as_markdown(matrix)
    assert "| made up | It hurts. | `submit_accepted` | 0.0 | 0 | new |" in as_markdown(matrix)
