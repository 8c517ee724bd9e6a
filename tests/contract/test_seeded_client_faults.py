"""Every check of the client has been seen to fail: a fault for each, told by the part of the run that makes it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.contract.mutants.catalogue import CATALOGUE
from tests.contract.mutants.model import Kind, Mutant
from tests.contract.mutants.site import Site

from spacely_spec import Spec

from .gate import CLIENT_PARTS, ClientPart, Options, check_client
from .output import as_text
from .seams import changed_contract

QUICK = Options(examples=5)
FAULTS = [mutant for mutant in CATALOGUE if mutant.side == "client" and mutant.kind is not Kind.NO_OP]
FAULT_OF: dict[str, Mutant] = {
    check: mutant for mutant in reversed(FAULTS) for check in sorted(mutant.expected["client"])
}
EDIT_OF: dict[str, Mutant] = {
    check: mutant
    for mutant in CATALOGUE
    for check in sorted(mutant.expected.get("old client", ()))
    if check not in FAULT_OF
}
# This contract has no header to send, no answer without a body, and no error with one.
IN_OTHER_CONTRACTS = {"header", "empty_answer_is_none", "documented_error_raised"}


@pytest.fixture(scope="module")
def parts_of(spec: Spec) -> dict[str, list[ClientPart]]:
    """The parts of a run that make each check."""
    reports = {part: check_client(spec, QUICK, parts=[part]) for part in CLIENT_PARTS}
    assert all(report.held for report in reports.values())
    checks = {check for report in reports.values() for _, _, check in report.tallies}
    return {
        check: [part for part, report in reports.items() if any(check == made for _, _, made in report.tallies)]
        for check in checks
    }


@pytest.mark.parametrize("check", sorted(check for check, mutant in FAULT_OF.items() if mutant.given is None))
def test_a_check_tells_the_fault_that_it_is_there_for(
    check: str, parts_of: dict[str, list[ClientPart]], spec: Spec
) -> None:
    mutant = FAULT_OF[check]
    report = check_client(spec, QUICK, prepare=mutant.apply(Site(spec)), parts=parts_of[check])
    assert check in report.violated_checks, f"{mutant.name}\n{as_text(report)}"


@pytest.mark.parametrize("check", sorted(EDIT_OF))
def test_a_check_tells_the_edit_that_an_older_client_does_not_know_of(check: str, spec: Spec, tmp_path: Path) -> None:
    edit = EDIT_OF[check].apply
    report = check_client(changed_contract(spec, tmp_path, lambda document: edit(document, Site(spec))), QUICK)
    assert check in report.violated_checks, f"{EDIT_OF[check].name}\n{as_text(report)}"


def test_there_is_a_fault_for_every_check(parts_of: dict[str, list[ClientPart]]) -> None:
    assert parts_of.keys() | IN_OTHER_CONTRACTS <= FAULT_OF.keys() | EDIT_OF.keys()
