"""Schemathesis' four phases, run by its own engine, with its findings taken into the report."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from schemathesis.cli.commands.run.warnings import WarningCollector
from schemathesis.engine import Status, StopReason, events, from_schema
from schemathesis.engine.recorder import ScenarioRecorder
from schemathesis.engine.run import TESTING_PHASES, PhaseName
from schemathesis.engine.summary import WarningData

from spacely_spec import Operation

from . import expectations
from .report import Exchange
from .server import HttpExchange, Server, contains

RUN = "whole run"
_NEVER_ACCEPTED = frozenset({"missing_test_data", "validation_mismatch"})


class EngineError(Exception):
    """Schemathesis could not run; what it said is the message."""


def run_phases(server: Server) -> None:
    """Send what Schemathesis generates in its examples, coverage, fuzzing and stateful phases, and judge it.

    Besides Schemathesis' own checks, its warnings count as violations, a job that was submitted must be known
    to the operation that polls it, and no operation may have been left without a valid request that succeeded.

    Args:
        server: What to send to; findings go into its report.

    Raises:
        EngineError: The engine stopped before its end.
    """
    if server.timing is not None:
        # Some polls then find the job running and some find it ended.
        server.timing.clock.step = server.timing.render_time / 6
    warnings = WarningCollector(server.schema.config)
    lookup: Any = SimpleNamespace(find_operation=server.schema.find_operation_by_label)
    seen = _Seen(server)
    for event in from_schema(server.schema).execute():
        match event:
            case events.ScenarioFinished():
                warnings.on_scenario_finished(lookup, event)
                if event.phase in TESTING_PHASES:
                    seen.scenario(event.phase, event.recorder)
            case events.SchemaAnalysisWarnings():
                warnings.on_schema_warnings(event)
            case events.NonFatalError():
                server.report.violated(
                    _phase(event.phase), event.label, "engine_error", event.info.format(), Exchange()
                )
            case events.FatalError():
                raise EngineError(str(event.exception)) from event.exception
            case events.EngineFinished() if event.stop_reason is not StopReason.COMPLETED:
                raise EngineError(f"the run ended early: {event.stop_reason.value.replace('_', ' ')}")
            case _:
                pass
    if server.timing is not None:
        server.timing.clock.step = 0.0
    seen.warnings(warnings.data)
    seen.finish()


class _Seen:
    """What the engine sent, judged as it passes by."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._report = server.report
        self._operations = {expectations.label(operation): operation for operation in server.spec.operations}
        self._succeeded: set[str] = set()
        self._followed: set[str] = set()

    def scenario(self, phase: PhaseName, recorder: ScenarioRecorder) -> None:
        name = _phase(phase)
        for case_id, node in recorder.cases.items():
            label = node.value.operation.label
            interaction = recorder.interactions.get(case_id)
            response = interaction.response if interaction is not None else None
            self._report.requested(name, label)
            if response is None:
                rule = "A server answers every request."
                self._report.violated(name, label, "answered", rule, HttpExchange(node.value, None))
                continue
            exchange = HttpExchange(node.value, response)
            if not self._report.check(
                name,
                label,
                "key_not_echoed",
                not contains(response, self._server.key),
                "No answer repeats the key.",
                exchange,
            ):
                continue
            operation = self._operations[label]
            if node.value.method.upper() != operation.method or node.value.meta is None:
                continue
            valid = node.value.meta.generation.mode.is_positive
            if valid and expectations.allows(expectations.successes(operation), response.status_code):
                self._succeeded.add(label)
            if valid and phase is PhaseName.STATEFUL_TESTING and node.transition and node.is_transition_applied:
                self._link(name, recorder, node, operation, response.status_code, exchange)
        self._checks(name, recorder)

    def _link(
        self, phase: str, recorder: ScenarioRecorder, node: Any, target: Operation, status: int, exchange: HttpExchange
    ) -> None:
        parent = recorder.find_parent(case_id=node.value.id)
        answer = recorder.find_response(case_id=parent.id) if parent is not None else None
        if parent is None or answer is None or node.transition.is_inferred:
            return
        source = self._operations[parent.operation.label]
        polling = source.polling
        if polling is None or polling.target != target.id:
            return
        if not expectations.allows((polling.status,), answer.status_code):
            return
        self._followed.add(expectations.label(source))
        label, wanted = expectations.label(target), expectations.successes(target)
        rule = f"The id that a submit returned is known to {label}: it answers {' or '.join(wanted)}."
        known = expectations.allows(wanted, status)
        self._report.check(phase, label, "linked_job_known", known, rule, exchange)

    def _checks(self, phase: str, recorder: ScenarioRecorder) -> None:
        for case_id, nodes in recorder.checks.items():
            case = recorder.cases[case_id].value
            for node in nodes:
                if node.status is Status.SUCCESS or node.failure_info is None:
                    self._report.passed(phase, case.operation.label, node.name)
                    continue
                failure = node.failure_info.failure
                at = failure.case_id or case_id
                interaction = recorder.interactions.get(at)
                exchange = HttpExchange(recorder.cases[at].value, interaction.response if interaction else None)
                rule = f"{failure.title}: {failure.message}" if failure.message else failure.title
                self._report.violated(phase, case.operation.label, node.name, rule, exchange)

    def warnings(self, data: WarningData) -> None:
        """What Schemathesis warns of fails here, unless the run itself has shown it to be unfounded."""
        for kind, labels in data.as_labels().items():
            for label in labels:
                if kind in _NEVER_ACCEPTED and label in self._succeeded:
                    continue  # Such an operation refuses invented ids, and accepted a real one.
                rule = f"Schemathesis warns of this operation: {kind.replace('_', ' ')}."
                self._report.violated(RUN, label, f"warning_{kind}", rule, Exchange())

    def finish(self) -> None:
        """Whoever was never reached was never tested: that is a finding too."""
        nothing = Exchange()
        for label, operation in self._operations.items():
            self._report.check(
                RUN,
                label,
                "succeeds_once",
                label in self._succeeded,
                f"At least one valid request is answered {' or '.join(expectations.successes(operation))}.",
                nothing,
            )
            if operation.polling is not None:
                self._report.check(
                    RUN,
                    label,
                    "link_followed",
                    label in self._followed,
                    f"The Link {operation.polling.link!r} can be followed: a submit succeeds and its id is polled.",
                    nothing,
                )


def _phase(phase: PhaseName | None) -> str:
    return phase.value if phase is not None else RUN
