"""Observations held to the contract: what each answer must be, whatever it is an answer to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta

from .. import expectations
from ..recording import of_httpx
from ..redaction import gives_away
from ..report import Report
from ..server import nonconformities
from .har import Recording
from .observations import Observation, Observations, without_signatures
from .provenance import Finding
from .rungs import Rung
from .samples import Samples
from .verdicts import State


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
        self.note(phase, observation)
        if observation.whole:
            case = self.samples.empty_case(observation.operation)
            observation.response.elapsed = timedelta()  # Schemathesis asks for it; a recording does not say.
            failures = nonconformities(case, observation.response)
            for failure in failures:
                self.check(phase, observation, "answer_conforms", False, without_signatures(failure))
            if not failures:
                self.check(phase, observation, "answer_conforms", True, "")
            text = "\n".join([observation.response.text, *observation.response.headers.values()])
            echoed = any(gives_away(text, key) for key in keys)
            self.check(phase, observation, "key_not_echoed", not echoed, "No answer repeats the key.")
        if observation.check and observation.expected:
            wanted = " or ".join(observation.expected)
            holds = expectations.allows(observation.expected, observation.status)
            self.check(phase, observation, observation.check, holds, f"{observation.source}: the answer is {wanted}.")

    def assumptions(self, findings: Iterable[Finding]) -> None:
        """Record what traffic has confirmed or contradicted of what is assumed."""
        for each in findings:
            seen = each.verdict.observation
            if each.verdict.state is not State.UNKNOWN and seen is not None and each.statement is not None:
                rule = f"{each.statement.text}, says {each.pointer}. {each.verdict.note.capitalize()}."
                holds = each.verdict.state is State.CONFIRMED
                self.check("assumptions", seen, "assumption_holds", holds, rule)

    def note(self, phase: str, observation: Observation) -> None:
        """Record an exchange, without what may sign the URLs in its answer."""
        message = of_httpx(observation.request, observation.response, observation.at, 0.0)
        if message.answer is not None:
            body = without_signatures(observation.response.text).encode()
            message = replace(message, answer=replace(message.answer, body=body))
        self.report.requested(phase, expectations.label(observation.operation), [message])

    def check(self, phase: str, observation: Observation, check: str, holds: bool, rule: str) -> None:
        """Record one check of an observation."""
        label = expectations.label(observation.operation)
        self.report.check(phase, label, check, holds, rule, observation.evidence(self.report.secrets))
