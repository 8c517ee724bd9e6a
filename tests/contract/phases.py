"""Schemathesis' four phases, run by its own engine, with its findings taken into the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import NoneType, SimpleNamespace
from typing import Any
from urllib.parse import unquote

import schemathesis
from schemathesis.cli.commands.run.warnings import WarningCollector
from schemathesis.engine import Status, StopReason, events, from_schema
from schemathesis.engine.recorder import ScenarioRecorder
from schemathesis.engine.run import TESTING_PHASES, PhaseName, PhaseSkipReason
from schemathesis.engine.summary import WarningData
from schemathesis.hooks import unregister

from spacely_spec import Operation

from . import expectations
from .deadline import EXCHANGE_SECONDS
from .generation import AnyCase
from .recording import of_schemathesis
from .report import Exchange
from .server import HttpExchange, Server, answer_of, container, contains, put_value

RUN = "whole run"
PHASES = tuple(phase.value for phase in TESTING_PHASES)
# A phase is left out where a contract has nothing for it, no examples or no Links, which is well; or for these reasons.
_CUT = frozenset(
    {PhaseSkipReason.FAILURE_LIMIT_REACHED, PhaseSkipReason.SERVER_UNAVAILABLE, PhaseSkipReason.NO_CHECKS_RAN}
)
_NEVER_ACCEPTED = frozenset({"missing_test_data", "validation_mismatch"})


class EngineError(Exception):
    """Schemathesis could not run; what it said is the message."""


class Unfinished(Exception):
    """Some phases did not come to their end.

    Args:
        phases: Their names.
        reason: Why.
    """

    def __init__(self, phases: Sequence[str], reason: str) -> None:
        super().__init__(f"{', '.join(phases)}: {reason}")
        self.phases = tuple(phases)
        self.reason = reason


def run_phases(server: Server) -> None:
    """Send what Schemathesis generates in its examples, coverage, fuzzing and stateful phases, and judge it.

    Besides Schemathesis' own checks, its warnings count as violations, a job that was submitted must be known
    to the operation that polls it, and no operation may have been left without a valid request that succeeded.

    Args:
        server: What to send to; findings go into its report.

    Raises:
        EngineError: The engine could not run.
        KeyboardInterrupt: Somebody wants it to stop.
        Unfinished: It stopped before its end; what it found until then is in the report.
    """
    if server.timing is not None:
        # Some polls then find the job running and some find it ended.
        server.timing.clock.step = server.timing.render_time / 6
    budget, seen = server.report.budget, _Seen(server)
    wanted = [phase for phase in TESTING_PHASES if server.only is None or {RUN, phase.value} & server.only]
    server.schema.config.phases.update(phases=[phase.value for phase in wanted])
    stream = from_schema(server.schema).execute()

    uncounted = 0

    def before_call(_context: Any, case: Any, _arguments: Any) -> None:
        nonlocal uncounted
        _write_out_constants(server, case)
        uncounted -= 1
        budget.count()
        if budget.spent:
            stream.stop()  # After this call: the engine looks between two of them.

    schemathesis.hook(before_call)  # A schema of one's own has no such hook.
    try:
        for event in stream:
            uncounted -= server.report.sent
            seen.event(event)
            uncounted += server.report.sent
            if uncounted > 0:  # Some of Schemathesis' checks send requests that no hook sees.
                budget.count(uncounted)
                uncounted = 0
    finally:
        unregister(before_call)
    if server.timing is not None:
        server.timing.clock.step = 0.0
    if seen.interrupted and not budget.spent:
        raise KeyboardInterrupt  # The engine has kept it to itself.
    cut = [phase.value for phase in wanted if phase not in seen.finished]
    if cut or seen.cut_off:
        raise Unfinished([*cut, RUN], budget.spent or seen.stopped or "Schemathesis skipped it")
    seen.finish()


def _write_out_constants(server: Server, case: AnyCase) -> None:
    """Put the values that a Link names as the contract wants them: Schemathesis sends those as Python writes them."""
    for polling in expectations.pollings(server.spec):
        target = server.spec.operation(polling.target)
        if case.operation.label != expectations.label(target):
            continue
        for parameter in target.parameters:
            value = polling.constants.get(parameter.name)
            given = container(case, parameter.location).get(parameter.name)
            if given == value and not isinstance(value, (str, NoneType)):
                put_value(case, parameter, value)


class _Seen:
    """What the engine sent, judged as it passes by."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._report = server.report
        self._operations = {expectations.label(operation): operation for operation in server.spec.operations}
        self._succeeded: set[str] = set()
        self._followed: set[str] = set()
        self._warnings = WarningCollector(server.schema.config)
        self._lookup: Any = SimpleNamespace(find_operation=server.schema.find_operation_by_label)
        self.finished: set[PhaseName] = set()
        self.stopped = ""
        self.interrupted = False
        self.cut_off = False

    def event(self, event: events.EngineEvent) -> None:
        """Take in what the engine tells of; raise EngineError where it gives up."""
        match event:
            case events.ScenarioFinished():
                self._warnings.on_scenario_finished(self._lookup, event)
                if event.phase in TESTING_PHASES:
                    self._scenario(event.phase, event.recorder)
            case events.SchemaAnalysisWarnings():
                self._warnings.on_schema_warnings(event)
            case events.NonFatalError() if self._report.budget.out_of_time:
                self.cut_off = True  # What had no answer until then says nothing of the server.
            case events.NonFatalError():
                self._report.violated(_phase(event.phase), event.label, "engine_error", event.info.format(), Exchange())
            case events.FatalError():
                raise EngineError(str(event.exception)) from event.exception
            case events.PhaseFinished() if event.status is not Status.INTERRUPTED:
                cut = self._report.budget.spent or event.phase.skip_reason in _CUT
                if not (event.status is Status.SKIP and cut):
                    self.finished.add(event.phase.name)
            case events.EngineFinished() if event.stop_reason is not StopReason.COMPLETED:
                self.stopped = event.stop_reason.value.replace("_", " ")
                self.interrupted = event.stop_reason is StopReason.INTERRUPTED
            case _:
                pass

    def _scenario(self, phase: PhaseName, recorder: ScenarioRecorder) -> None:
        name = _phase(phase)
        numbers: dict[str, int] = {}
        for case_id, node in recorder.cases.items():
            label = node.value.operation.label
            interaction = recorder.interactions.get(case_id)
            response = interaction.response if interaction is not None else None
            messages = [of_schemathesis(each.request, response, each.timestamp) for each in [interaction] if each]
            number = self._report.requested(name, label, messages)
            if response is None and self._report.budget.out_of_time:
                self.cut_off = True
                continue
            if response is None:
                rule = f"A server answers every request within {EXCHANGE_SECONDS:g} s."
                self._report.violated(name, label, "answered", rule, HttpExchange(node.value, None, number))
                continue
            numbers[case_id] = number
            exchange = HttpExchange(node.value, response, number)
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
        self._checks(name, recorder, numbers)

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
        # Schemathesis takes some of what a Link sets and makes up the rest: a made-up id need not be known.
        parameter = next(each for each in target.parameters if each.name == polling.parameter)
        sent = container(node.value, parameter.location).get(parameter.name)
        if unquote(str(sent)) != str(polling.job_id.read(answer_of(answer))):
            return
        self._followed.add(expectations.label(source))
        label, wanted = expectations.label(target), expectations.successes(target)
        rule = f"The id that a submit returned is known to {label}: it answers {' or '.join(wanted)}."
        known = expectations.allows(wanted, status)
        self._report.check(phase, label, "linked_job_known", known, rule, exchange)

    def _checks(self, phase: str, recorder: ScenarioRecorder, numbers: Mapping[str, int]) -> None:
        for case_id, nodes in recorder.checks.items():
            case = recorder.cases[case_id].value
            for node in nodes:
                if node.status is Status.SUCCESS or node.failure_info is None:
                    made = HttpExchange(case, None, numbers.get(case_id))
                    self._report.passed(phase, case.operation.label, node.name, made)
                    continue
                failure = node.failure_info.failure
                at = failure.case_id or case_id
                interaction = recorder.interactions.get(at)
                response = interaction.response if interaction else None
                if response is None and self._report.budget.out_of_time:
                    continue
                exchange = HttpExchange(recorder.cases[at].value, response, numbers.get(at))
                rule = f"{failure.title}: {failure.message}" if failure.message else failure.title
                self._report.violated(phase, case.operation.label, node.name, rule, exchange)

    def _warned(self, data: WarningData) -> None:
        """What Schemathesis warns of fails here, unless the run itself has shown it to be unfounded."""
        for kind, labels in data.as_labels().items():
            for label in labels:
                if kind in _NEVER_ACCEPTED and label in self._succeeded:
                    continue  # Such an operation refuses invented ids, and accepted a real one.
                rule = f"Schemathesis warns of this operation: {kind.replace('_', ' ')}."
                self._report.violated(RUN, label, f"warning_{kind}", rule, Exchange())

    def finish(self) -> None:
        """Judge the run as a whole: whoever was never reached was never tested, and that is a finding too."""
        self._warned(self._warnings.data)
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
