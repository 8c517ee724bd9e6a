"""Every check of a server has been seen to fail: a fault for each, told by the part of the run that makes the check."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.contract.mutants.catalogue import CATALOGUE
from tests.contract.mutants.mock_seams import always, nothing
from tests.contract.mutants.model import Kind, Mutant
from tests.contract.mutants.site import Site
from tests.contract.mutants.spec_given import there_are_things_to_be_made

from spacely_mock import MockServer, create_app
from spacely_spec import Spec, load

from .authentication import check_keys
from .conftest import ROOT
from .gate import PARTS, Options, Part, check_app, check_url
from .jobs import check_jobs
from .output import as_text
from .phases import run_phases
from .seams import Asgi, Reply, around, changed_contract

QUICK = Options(examples=4)
FAULTS = [mutant for mutant in CATALOGUE if mutant.side == "mock" and mutant.kind is not Kind.NO_OP]
FAULT_OF: dict[str, Mutant] = {
    check: mutant for mutant in reversed(FAULTS) for check in sorted(mutant.expected["mock"])
}
EDIT_OF: dict[str, Mutant] = {
    check: mutant
    for mutant in CATALOGUE
    for check in sorted(mutant.expected.get("old mock", ()))
    if check not in FAULT_OF
}
# These are made only where something is wrong.
MADE_ON_DEMAND: dict[str, Part] = {
    "answered": check_keys,
    "engine_error": run_phases,
    "warning_missing_auth": run_phases,
}
# Every part that sends requests makes these; the cheapest will do.
CHEAPEST: dict[str, Part] = {"answer_conforms": check_jobs, "key_not_echoed": check_keys}


def parts_by_check(spec: Spec) -> dict[str, Part]:
    """The part of a run that makes each check of a mock without a fault."""
    reports = {
        part: check_app(spec, QUICK, lambda spec, **options: around(create_app(spec, **options), nothing), [part])
        for part in PARTS
    }
    assert all(report.held for report in reports.values())
    return {check: part for part, report in reports.items() for _, _, check in report.tallies}


@pytest.fixture(scope="module")
def part_of(spec: Spec) -> dict[str, Part]:
    """The part of a run that makes each check; those that this contract has no place for are made of a bearer token."""
    bearer = check_app(load(ROOT / "tests" / "specs" / "growth" / "bearer.yaml"), QUICK, parts=[check_keys])
    of_keys = {check: check_keys for _, _, check in bearer.tallies}
    return {**MADE_ON_DEMAND, **of_keys, **parts_by_check(spec), **CHEAPEST}


@pytest.mark.parametrize("check", sorted(FAULT_OF))
def test_a_check_tells_the_fault_that_it_is_there_for(
    check: str, part_of: dict[str, Part], spec: Spec, tmp_path: Path
) -> None:
    mutant = FAULT_OF[check]
    held = edited(spec, tmp_path, mutant.given) if mutant.given is not None else spec

    def faulty(spec: Spec, **options: Any) -> Asgi:
        return around(create_app(spec, **options), mutant.apply(Site.of_mock(spec, options)))

    report = check_app(held, QUICK, faulty, [part_of[check]])
    assert check in report.violated_checks, f"{mutant.name}\n{as_text(report)}"


@pytest.mark.parametrize("check", sorted(EDIT_OF))
def test_a_check_tells_the_edit_that_an_older_mock_does_not_know_of(
    check: str, part_of: dict[str, Part], spec: Spec, tmp_path: Path
) -> None:
    held = edited(spec, tmp_path, EDIT_OF[check].apply)
    report = check_app(held, QUICK, lambda _, **options: create_app(spec, **options), [part_of[check]])
    assert check in report.violated_checks, f"{EDIT_OF[check].name}\n{as_text(report)}"


def test_there_is_a_fault_for_every_check(part_of: dict[str, Part]) -> None:
    assert part_of.keys() <= FAULT_OF.keys() | EDIT_OF.keys()


def test_a_mock_that_answers_401_to_everything_is_violated(spec: Spec) -> None:
    report = check_app(spec, QUICK, lambda *_, **__: around(create_app(spec), always(Reply(401, {}, b""))))
    assert not report.held


def test_a_server_that_shows_what_was_deleted_is_violated_and_a_mock_need_not_know(spec: Spec, tmp_path: Path) -> None:
    changed = edited(spec, tmp_path, there_are_things_to_be_made)
    report = check_app(changed, QUICK, parts=[run_phases])
    assert report.held, as_text(report)
    with MockServer(changed, render_time=0.05, api_keys=("sk-any",)) as server:
        report = check_url(changed, QUICK, server.url, "sk-any")
    assert report.violated_checks == {"use_after_free"}, as_text(report)


def edited(spec: Spec, folder: Path, edit: Any) -> Spec:
    """The contract with an edit of the catalogue in it."""
    return changed_contract(spec, folder, lambda document: edit(document, Site(spec)))
