"""The mock keeps the contract, and every part of the run has really looked at it."""

from __future__ import annotations

from typing import Any

import pytest

from spacely_mock import create_app
from spacely_spec import Spec, load

from .conftest import ROOT
from .expectations import label, pollings
from .gate import Options, check_app, check_http
from .outcome import result_of
from .output import as_text
from .phases import run_phases
from .report import Report
from .seams import Asgi, Inner, Reply, Request, around

PHASES = {"examples", "coverage", "fuzzing", "stateful", "authentication", "jobs", "forced answers"}


@pytest.fixture(scope="module", params=[check_app, check_http], ids=["in process", "over HTTP"])
def report(request: pytest.FixtureRequest, spec: Spec) -> Report:
    report: Report = request.param(spec, Options(examples=8))
    return report


def test_the_mock_keeps_the_contract(report: Report) -> None:
    assert report.held, as_text(report)


def test_every_cell_of_the_contract_is_filled(report: Report, spec: Spec) -> None:
    result = result_of(spec, report, "mock")
    assert len(result.coverage.filled) >= 70
    assert not result.empty, as_text(report)


def test_every_phase_sends_requests_to_every_operation(report: Report, spec: Spec) -> None:
    sent = {key for key, count in report.requests.items() if count}
    assert {(phase, label(operation)) for phase in PHASES for operation in spec.operations} <= sent


def test_every_link_is_followed_by_schemathesis_and_to_the_end_of_the_job(report: Report, spec: Spec) -> None:
    checks = {(phase, check) for (phase, _, check), tally in report.tallies.items() if tally.passed}
    assert pollings(spec)
    assert {("stateful", "linked_job_known"), ("whole run", "link_followed"), ("jobs", "job_ends")} <= checks


def test_the_same_seed_sends_the_same_and_another_one_does_not(spec: Spec) -> None:
    first, again, other = (_sent(spec, seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def _sent(spec: Spec, seed: int) -> list[tuple[str, str, bytes]]:
    """What a run with a seed sends."""
    sent: list[tuple[str, str, bytes]] = []

    async def note(request: Request, inner: Inner) -> Reply:
        sent.append((request.method, request.path + str(request.query), request.body))
        return await inner(request)

    def noted(spec: Spec, **options: Any) -> Asgi:
        return around(create_app(spec, **options), note)

    check_app(spec, Options(seed, examples=3), noted)
    return sent


@pytest.mark.parametrize("contract", ["openapi.yaml", "tests/specs/growth/integer_job.yaml"])
@pytest.mark.parametrize("seed", [3, 7])
def test_a_short_run_follows_the_links_and_takes_no_id_that_was_made_up_for_one(contract: str, seed: int) -> None:
    report = check_app(load(ROOT / contract), Options(seed, examples=1), parts=[run_phases])
    assert report.held, as_text(report)
