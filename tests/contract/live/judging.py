"""Observations held to the contract: what each answer must be, whatever it is an answer to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from .. import expectations
from ..report import Report
from ..server import nonconformities
from .har import Recording
from .observations import Observation, Observations, without_signatures
from .rungs import Rung
from .samples import Samples


@dataclass(frozen=True)
class Judge:
    """Holds what is seen to the contract.

    Args:
        report: Where findings go.
        observations: Where all that is seen goes.
        samples: Knows the contract as Schemathesis reads it.
    """

    report: Report
    observations: Observations
    samples: Samples

    def read(self, recording: Recording) -> None:
        """Hold recorded traffic to the contract."""
        phase = Rung.RECORDED.title
        for each in recording.observations:
            self.observations.all.append(each)
            self.hold(phase, each, recording.keys)
            schemes = [scheme for alternative in each.operation.security for scheme in alternative]
            if not any(scheme.location == "query" for scheme in schemes):
                in_url = any(key in str(each.request.url) for key in recording.keys)
                rule = "The key is where the contract wants it, and not in the URL, which is written to logs."
                self.check(phase, each, "key_only_in_place", not in_url, rule)

    def hold(self, phase: str, observation: Observation, keys: Iterable[str]) -> None:
        """Hold one answer to what the contract says of it; one that was cut off is held to its status alone."""
        label = expectations.label(observation.operation)
        self.report.requested(phase, label)
        if observation.whole:
            case = self.samples.empty_case(observation.operation)
            observation.response.elapsed = timedelta()  # Schemathesis asks for it; a recording does not say.
            failures = nonconformities(case, observation.response)
            for failure in failures:
                self.check(phase, observation, "answer_conforms", False, without_signatures(failure))
            if not failures:
                self.report.passed(phase, label, "answer_conforms")
            text = "\n".join([observation.response.text, *observation.response.headers.values()])
            echoed = any(key in text for key in keys if key)
            self.check(phase, observation, "key_not_echoed", not echoed, "No answer repeats the key.")
        if observation.check and observation.expected:
            wanted = " or ".join(observation.expected)
            holds = expectations.allows(observation.expected, observation.status)
            self.check(phase, observation, observation.check, holds, f"{observation.source}: the answer is {wanted}.")

    def check(self, phase: str, observation: Observation, check: str, holds: bool, rule: str) -> None:
        """Record one check of an observation."""
        label = expectations.label(observation.operation)
        self.report.check(phase, label, check, holds, rule, observation.evidence(self.report.secrets))
