"""A budget that is spent makes a run incomplete, whatever it found to be right until then."""

from __future__ import annotations

from _thread import interrupt_main
from typing import Any

import pytest

from spacely_mock import create_app
from spacely_spec import Spec

from .authentication import check_keys
from .budget import Budget, BudgetSpent
from .conftest import ROOT
from .gate import Options, check_app, check_client
from .outcome import INCOMPLETE, VIOLATED, Outcome, result_of
from .phases import PHASES, RUN, run_phases
from .seams import Asgi, Inner, Reply, Request, around
from .server import Server


def test_time_and_requests_are_counted_and_the_one_that_is_spent_is_named() -> None:
    now = [0.0]
    budget = Budget(5, 3, lambda: now[0])
    budget.count(2)
    budget.ask()
    now[0] = 5.0
    assert budget.spent == "the time budget of 5 s is spent"
    now[0] = 4.9
    budget.count()
    with pytest.raises(BudgetSpent, match="the budget of 3 requests is spent"):
        budget.ask()
    assert Budget().spent is None


@pytest.mark.parametrize("part", [check_keys, run_phases])
def test_no_request_goes_beyond_the_budget_and_what_was_not_done_is_listed(part: Any, spec: Spec) -> None:
    sent: list[Request] = []

    async def count(request: Request, inner: Inner) -> Reply:
        sent.append(request)
        return await inner(request)

    def counted(spec: Spec, **options: Any) -> Asgi:
        return around(create_app(spec, **options), count)

    report = check_app(spec, Options(examples=2, budget=Budget(requests=7)), counted, [part])
    assert len(sent) == 7
    assert report.held
    planned = ["authentication"] if part is check_keys else [*PHASES[1:], RUN]
    assert report.unfinished == [f"{phase}: the budget of 7 requests is spent" for phase in planned]
    assert Outcome([result_of(spec, report, "mock")]).status == INCOMPLETE


def test_a_client_run_that_is_cut_short_is_incomplete_too(spec: Spec) -> None:
    report = check_client(spec, Options(examples=2, budget=Budget(requests=30)), ROOT / "generated")
    result = result_of(spec, report, "client")
    assert result.verdict == "incomplete"
    assert result.empty
    assert "error statuses: the budget of 30 requests is spent" in report.unfinished


def test_a_violation_goes_before_what_was_not_done(spec: Spec) -> None:
    async def refuse(request: Request, inner: Inner) -> Reply:
        return Reply(401, {}, b"")

    def refusing(spec: Spec, **options: Any) -> Asgi:
        return around(create_app(spec, **options), refuse)

    report = check_app(spec, Options(examples=2, budget=Budget(requests=7)), refusing, [check_keys, run_phases])
    assert report.unfinished
    assert Outcome([result_of(spec, report, "mock")]).status == VIOLATED


def test_a_server_that_breaks_off_leaves_its_part_unfinished(spec: Spec) -> None:
    async def break_off(request: Request, inner: Inner) -> Reply:
        raise ConnectionResetError

    report = check_app(spec, Options(examples=2), lambda *_, **__: around(create_app(spec), break_off), [check_keys])
    (line,) = report.unfinished
    assert line.startswith("authentication: POST /generate/advance broke off without an answer")
    assert report.violated_checks == {"answered"}


def test_a_phase_that_schemathesis_leaves_out_is_unfinished(spec: Spec, monkeypatch: pytest.MonkeyPatch) -> None:
    configured = Server._config

    def limited(server: Server) -> Any:
        config = configured(server)
        config.update(max_failures=1)
        return config

    monkeypatch.setattr(Server, "_config", limited)

    async def refuse(request: Request, inner: Inner) -> Reply:
        return Reply(401, {}, b"")

    report = check_app(spec, Options(examples=2), lambda *_, **__: around(create_app(spec), refuse), [run_phases])
    assert any("failure limit" in line for line in report.unfinished)


def test_a_run_that_somebody_stops_stops(spec: Spec) -> None:
    sent = 0

    async def stop(request: Request, inner: Inner) -> Reply:
        nonlocal sent
        sent += 1
        if sent == 5:
            interrupt_main()
        return await inner(request)

    with pytest.raises(KeyboardInterrupt):
        check_app(spec, Options(examples=2), lambda *_, **__: around(create_app(spec), stop), [run_phases])
