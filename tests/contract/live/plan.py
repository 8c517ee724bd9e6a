"""The plan: what is sent on each rung, and what it may cost, known before anything is sent."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import httpx

from spacely_spec import Operation, Polling, Spec

from .. import credentials, expectations
from ..generation import AnyCase
from .guard import MAX_PER_SECOND
from .observations import Key
from .provenance import is_assumed
from .rungs import Rung
from .samples import Samples, Variation, has_example
from .tariff import Tariff, is_safe

MOST_IMAGES = 8
# A submit, the poll that sees the end stay, and one that the clock may squeeze in.
_BESIDES = 3


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do.

    Attributes:
        rung: The rung it is on.
        title: What it does, for people.
        operation: The operation that it calls first.
        kind: ``probe`` sends one request, ``job`` follows a job, ``submit`` starts a job and follows it.
        requests: How many requests it sends at most.
        credits: How many credits it costs at most.
        request: What it sends; None for ``job``.
        key: What stands in the key's place.
        check: The name of the check that its answer's status makes.
        expected: The statuses with which the contract answers it.
        breaks: The pointer of the one statement that it breaks; empty where it breaks none.
        shows: The pointer of the statement that it is for; empty where it is for none.
        job: The id of the job that it follows.
    """

    rung: Rung
    title: str
    operation: Operation
    kind: Literal["probe", "job", "submit"]
    requests: int = 1
    credits: int = 0
    request: httpx.Request | None = None
    key: Key = "right"
    check: str = ""
    expected: tuple[str, ...] = ()
    breaks: str = ""
    shows: str = ""
    job: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is sent.

    Attributes:
        steps: The steps in their order.
        left_out: How many there would be more for more credits.
        untouched: The operations that are never called: they change something, and start no job.
    """

    steps: tuple[Step, ...]
    left_out: int = 0
    untouched: tuple[Operation, ...] = ()

    @property
    def requests(self) -> int:
        """How many requests it sends at most."""
        return sum(step.requests for step in self.steps)

    @property
    def credits(self) -> int:
        """How many credits it costs at most."""
        return sum(step.credits for step in self.steps)

    def of(self, rung: Rung) -> list[Step]:
        """The steps of a rung."""
        return [step for step in self.steps if step.rung is rung]


@dataclass
class Planner:
    """Makes the plan.

    Args:
        spec: The contract.
        samples: Makes the requests.
        tariff: Knows what they may cost.
        key: The key; None where the contract asks for none.
        submit: The submit that the canary makes; None where the contract has none.
    """

    spec: Spec
    samples: Samples
    tariff: Tariff
    key: str | None
    submit: Operation | None
    _targets: Mapping[str, Polling] = field(init=False)

    def __post_init__(self) -> None:
        self._targets = {polling.target: polling for polling in expectations.pollings(self.spec)}

    def plan(self, up_to: Rung, jobs: Sequence[tuple[Operation, str]], credits: int) -> Plan:
        """The steps up to a rung.

        Args:
            up_to: The highest rung.
            jobs: The submits and ids of jobs that are known.
            credits: What may be spent on what the canary does not show.

        Returns:
            The plan.
        """
        steps: list[Step] = []
        left_out = 0
        if up_to >= Rung.PROBES:
            steps += [*self._without_key(), *self._reads(), *self._misplaced()]
        if up_to >= Rung.JOB:
            steps += [self._job(operation, job) for operation, job in jobs]
        if up_to >= Rung.CANARY and self.submit is not None:
            steps.append(self._submit(Rung.CANARY, "one job, to its end", self.submit, self.samples.valid(self.submit)))
        if up_to >= Rung.MORE:
            more = list(self._more())
            steps += more[: max(0, credits - 1)]
            left_out = max(0, len(more) - max(0, credits - 1))
        untouched = tuple(operation for operation in self.spec.operations if not _may_be_called(operation))
        return Plan(tuple(steps), left_out, untouched)

    # --- Negative probes --------------------------------------------------------------------------------------------

    def _without_key(self) -> Iterator[Step]:
        """What is on nobody's account."""
        for operation in filter(_may_be_called, self.spec.operations):
            yield from (step for step in self._keys(operation) if not self._carries(step))

    def _misplaced(self) -> Iterator[Step]:
        """The key in wrong places: of operations that only ask, and never in a URL, which is written to logs."""
        for operation in self.spec.operations:
            if is_safe(operation):
                yield from (step for step in self._keys(operation) if self._carries(step) and not self._in_url(step))

    def _keys(self, operation: Operation) -> Iterator[Step]:
        if not credentials.needs_key(operation) or self.key is None:
            return
        case = self.samples.valid(operation)
        for check, carried in credentials.wrong(operation, self.key):
            request = self.samples.request(case, carried)
            placed = [*carried.header, *(f"?{name}" for name in carried.query), *carried.cookie]
            title = check.replace("_", " ") + (f" ({', '.join(placed)})" if placed else "")
            in_place = check in {"key_wrong", "key_empty", "key_without_prefix"}
            yield Step(
                Rung.PROBES,
                title,
                operation,
                "probe",
                credits=self.tariff.at_most(request),
                request=request,
                key="wrong" if in_place else "none",
                check=check,
                expected=expectations.refusals(operation),
            )

    def _carries(self, step: Step) -> bool:
        return step.request is not None and self.tariff.carries_key(step.request)

    def _in_url(self, step: Step) -> bool:
        schemes = [scheme for alternative in step.operation.security for scheme in alternative]
        if step.request is None or any(scheme.location == "query" for scheme in schemes):
            return False
        return self.tariff.carries_key(httpx.Request("GET", step.request.url))

    def _reads(self) -> Iterator[Step]:
        """Requests with the key in its place that only ask."""
        for operation in filter(is_safe, self.spec.operations):
            valid = self.samples.valid(operation)
            polling = self._targets.get(operation.id)
            parameters = operation.parameters
            if polling is None:
                expected = expectations.valid_answers(self.spec, operation)
                yield self._probe(operation, "a valid request", valid, "valid_request_accepted", expected)
            else:
                parameter = next(p for p in operation.parameters if p.name == polling.parameter)
                expected = expectations.unknowns(operation)
                for job in self.samples.unknown_ids(parameter):
                    case = self.samples.with_id(valid, parameter, job, polling.constants)
                    yield self._probe(operation, "an id of no job", case, "unknown_id_refused", expected)
                # What is wrong with the others shows only beside the id of a job, which is known later.
                parameters = (parameter,)
            for variation in self.samples.broken_parameters(valid, parameters):
                expected = (*expectations.rejections(operation), *expectations.unknowns(operation))
                yield self._probe(
                    operation,
                    variation.title,
                    variation.case,
                    "invalid_request_refused",
                    tuple(dict.fromkeys(expected)),
                    variation.statement,
                )

    def _probe(
        self,
        operation: Operation,
        title: str,
        case: AnyCase,
        check: str,
        expected: tuple[str, ...],
        breaks: str = "",
        rung: Rung = Rung.PROBES,
    ) -> Step:
        request = self.samples.request(case, credentials.right(operation, self.key or ""))
        return Step(
            rung,
            title,
            operation,
            "probe",
            credits=self.tariff.at_most(request),
            request=request,
            key="right" if credentials.right(operation, "") != credentials.Credentials() else "none",
            check=check,
            expected=expected,
            breaks=breaks,
        )

    # --- Jobs -------------------------------------------------------------------------------------------------------

    def _job(self, operation: Operation, job: str) -> Step:
        return Step(Rung.JOB, f"the job {job}", operation, "job", requests=self._requests(operation), job=job)

    def _submit(self, rung: Rung, title: str, operation: Operation, case: AnyCase, shows: str = "") -> Step:
        request = self.samples.request(case, credentials.right(operation, self.key or ""))
        polling = operation.polling
        assert polling is not None
        return Step(
            rung,
            title,
            operation,
            "submit",
            requests=self._requests(operation),
            credits=self.tariff.at_most(request),
            request=request,
            check="submit_accepted",
            expected=(polling.status,),
            shows=shows,
        )

    def _requests(self, operation: Operation) -> int:
        """How many requests it takes at most to follow a job to its end, and to look at what it has made."""
        polling = operation.polling
        assert polling is not None
        # The guard lets five a second through, whatever the contract says.
        interval = max(polling.interval_seconds, 1 / MAX_PER_SECOND)
        polls = math.ceil(max(0.0, polling.timeout_seconds) / interval)
        return polls + _BESIDES + MOST_IMAGES + len(broken_polls(self.spec, self.samples, polling, ""))

    def _more(self) -> Iterator[Step]:
        """What is worth a credit after the canary: first what tells about an assumed place, then the rest."""
        found = [step for operation in self._submits() for step in self._variations(operation)]
        yield from sorted(found, key=lambda step: not is_assumed(self.spec, step.breaks or step.shows))

    def _submits(self) -> list[Operation]:
        submits = [
            operation
            for operation in self.spec.operations
            if operation.polling is not None and (operation == self.submit or has_example(self.spec, operation))
        ]
        return sorted(submits, key=lambda operation: operation != self.submit)

    def _variations(self, operation: Operation) -> Iterator[Step]:
        for variation in self.samples.broken_bodies(operation):
            yield self._probe(
                operation,
                variation.title,
                variation.case,
                "invalid_request_refused",
                expectations.rejections(operation),
                variation.statement,
                Rung.MORE,
            )
        valid: list[Variation] = [*self.samples.other_bodies(operation)]
        if operation != self.submit:
            valid.insert(0, Variation("one job, to its end", operation.pointer, self.samples.valid(operation)))
        for variation in valid:
            yield self._submit(Rung.MORE, variation.title, operation, variation.case, variation.statement)


def _may_be_called(operation: Operation) -> bool:
    return is_safe(operation) or operation.polling is not None


def broken_polls(spec: Spec, samples: Samples, polling: Polling, job: str) -> list[Variation]:
    """Polls of a job with one thing wrong that is not its id."""
    target = spec.operation(polling.target)
    parameter = next(p for p in target.parameters if p.name == polling.parameter)
    case = samples.with_id(samples.valid(target), parameter, job, polling.constants)
    return list(samples.broken_parameters(case, (p for p in target.parameters if p is not parameter)))
