"""The catalogue: enough mutants of each side, each named, explained, and expected to be told by something."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tests.contract.conftest import ROOT
from tests.contract.mutants.catalogue import CATALOGUE
from tests.contract.mutants.model import Kind, Mutant, NotApplicable
from tests.contract.mutants.site import Site
from tests.contract.seams import changed_contract
from tests.contract.server import Clock

from spacely_mock import create_app
from spacely_spec import Spec, SpecError, load

LEAST = {"mock": 60, "client": 40, "spec": 40}
FAULTS = [mutant for mutant in CATALOGUE if mutant.kind is Kind.FAULT]
EDITS = [mutant for mutant in CATALOGUE if mutant.side == "spec"]


@pytest.mark.parametrize("side", LEAST)
def test_there_are_enough_faults_of_each_side(side: str) -> None:
    assert sum(mutant.side == side for mutant in FAULTS) >= LEAST[side]


@pytest.mark.parametrize("side", ["mock", "client"])
def test_there_are_canaries_and_changes_that_are_no_drift(side: str) -> None:
    kinds = Counter(mutant.kind for mutant in CATALOGUE if mutant.side == side)
    assert kinds[Kind.CANARY] >= 2
    assert kinds[Kind.NO_OP] >= 5


def test_every_mutant_has_a_name_of_its_own() -> None:
    assert not [name for name, count in Counter((each.side, each.name) for each in CATALOGUE).items() if count > 1]


@pytest.mark.parametrize("mutant", CATALOGUE, ids=lambda mutant: f"{mutant.side}: {mutant.name}")
def test_a_mutant_says_why_it_matters(mutant: Mutant) -> None:
    assert mutant.reason.endswith(".")
    assert mutant.topic


@pytest.mark.parametrize("mutant", FAULTS, ids=lambda mutant: f"{mutant.side}: {mutant.name}")
def test_a_fault_of_mock_or_client_is_meant_to_be_told(mutant: Mutant) -> None:
    assert mutant.side == "spec" or all(mutant.expected.values())


def test_some_edits_must_be_told_and_some_must_not() -> None:
    told = [mutant for mutant in EDITS if any(mutant.expected.values())]
    assert len(told) >= 40
    assert sum(not any(mutant.expected.values()) for mutant in EDITS) >= 8


@pytest.mark.parametrize("mutant", EDITS, ids=lambda mutant: mutant.name)
def test_an_edit_gives_a_contract_that_can_be_read_unless_it_is_to_be_refused(
    mutant: Mutant, spec: Spec, tmp_path: Path
) -> None:
    refused = False
    try:
        changed_contract(spec, tmp_path, lambda document: mutant.apply(document, Site(spec)))
    except SpecError:
        refused = True
    assert refused is ("contract_refused" in mutant.expected.get("mock", ()))


@pytest.mark.parametrize("mutant", [each for each in CATALOGUE if each.side != "spec"], ids=lambda each: each.name)
def test_a_fault_applies_to_this_contract_or_to_one_with_what_it_is_about(
    mutant: Mutant, spec: Spec, tmp_path: Path
) -> None:
    given = mutant.given
    if given is not None:
        site = Site(spec)
        spec = changed_contract(spec, tmp_path, lambda document: given(document, site))
    options: dict[str, Any] = {"api_keys": ("key",), "clock": Clock(), "render_time": 1.0}
    assert callable(mutant.apply(Site.of_mock(spec, options)))


@pytest.mark.parametrize("contract", sorted((ROOT / "tests" / "specs" / "growth").glob("*.yaml")), ids=lambda p: p.stem)
def test_most_faults_apply_to_another_contract_as_they_stand(contract: Path) -> None:
    spec = load(contract)
    options: dict[str, Any] = {"api_keys": ("key",), "clock": Clock(), "render_time": 1.0}
    create_app(spec, **options)
    applied = 0
    mutants = [mutant for mutant in CATALOGUE if mutant.side == "mock"]
    for mutant in mutants:
        try:
            mutant.apply(Site.of_mock(spec, options))
        except NotApplicable:
            continue
        applied += 1
    assert applied > 0.8 * len(mutants)
