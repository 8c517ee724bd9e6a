"""The server that is held to the contract, however it is reached: what Schemathesis and the oracles send through."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import schemathesis
from schemathesis import Config, GenerationMode, Response
from schemathesis.core.failures import FailureGroup
from schemathesis.core.transforms import jsonify_python_specific_types
from schemathesis.engine.recorder import Request
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from spacely_spec import Answer, Operation, Parameter, Spec

from . import credentials, expectations
from .deadline import EXCHANGE_SECONDS
from .generation import AnyCase, AnyOperation, draw
from .recording import of_schemathesis
from .redaction import gives_away
from .report import SHOWN, Report, shortened

# Any moment will do; always the same one makes ids that hold the time repeat.
_EPOCH = 1_800_000_000.0
_LEAST_STATEFUL = 10
_CONFORMANCE = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


class NoAnswer(Exception):
    """The server broke off instead of answering; what it was asked is the message, the report says the rest."""


class Clock:
    """The time that a mock under test lives in: it stands still, or moves by a step at each look.

    Attributes:
        time: Seconds since the Unix epoch.
        step: How far each look moves it.
    """

    def __init__(self) -> None:
        self.time = _EPOCH
        self.step = 0.0

    def now(self) -> float:
        """The time, as the mock asks for it."""
        self.time += self.step
        return self.time


@dataclass(frozen=True, slots=True)
class Timing:
    """How long a job takes on the server, in seconds, and the clock that says so."""

    clock: Clock
    render_time: float


@dataclass(slots=True)
class Server:
    """One server under test.

    Attributes:
        spec: The contract.
        key: The key that the server takes.
        report: Where findings go.
        app: The ASGI application, or None where the server is reached over HTTP.
        limited: The same application made once more, with its rate limit on; None where there is none.
        base_url: The base URL, or None where the application is called in process.
        timing: The clock of the mock; None where time is the server's own.
        examples: How many examples each phase makes of an operation.
        only: The phases of Schemathesis to run; None runs all four.
    """

    spec: Spec
    key: str
    report: Report
    app: Any = None
    limited: Any = None
    base_url: str | None = None
    timing: Timing | None = None
    examples: int = 20
    only: frozenset[str] | None = None
    schema: Any = field(init=False)

    def __post_init__(self) -> None:
        # From the file, never from the server: a server that serves another contract must not be its own judge.
        self.schema = schemathesis.openapi.from_path(self.spec.path, config=self._config())
        self.schema = self.schema.include(operation_id=[operation.id for operation in self.spec.operations])
        if self.app is not None:
            self.schema.app = self.app

    def _config(self) -> Config:
        config: dict[str, Any] = {
            "seed": self.report.seed,
            "continue-on-failure": True,
            "cache": {"enabled": False},
            "analysis": {"constants": {"enabled": False}},
            "warnings": {"fail-on": True},
            # The key is given, and authentication has a phase of its own: a generated key would have 401
            # answer each request, whatever else is wrong with it.
            "generation": {"max-examples": self.examples, "database": "none", "with-security-parameters": False},
            # Too few would follow no Link, which counts as a violation.
            "phases": {"stateful": {"generation": {"max-examples": max(self.examples, _LEAST_STATEFUL)}}},
            "operations": [self._expected(operation) for operation in self.spec.operations],
            "checks": {
                # It takes the keys of two users, and there is one.
                "object_level_authorization": {"enabled": False},
                # A mock keeps jobs and nothing else: what is deleted there is as good as what was never made.
                "use_after_free": {"enabled": self.timing is None},
            },
        }
        schemes = credentials.schemes(self.spec).values()
        if schemes:
            config["auth"] = {"openapi": {scheme.id: self._auth(scheme.type) for scheme in schemes}}
        if self.base_url is not None:
            config["base-url"] = self.base_url
        return Config.from_dict(config)

    def _auth(self, kind: str) -> dict[str, str]:
        return {"api_key" if kind == "apiKey" else "bearer": self.key}

    def _expected(self, operation: Operation) -> dict[str, Any]:
        valid = expectations.valid_answers(self.spec, operation)
        return {
            "include-operation-id": operation.id,
            "checks": {
                "positive_data_acceptance": {"expected-statuses": list(valid)},
                "negative_data_rejection": {"expected-statuses": list(expectations.rejections(operation))},
            },
        }

    def operation(self, operation: Operation) -> AnyOperation:
        """The operation as Schemathesis knows it."""
        found: AnyOperation = self.schema[operation.path][operation.method]
        return found

    def valid_cases(self, operation: Operation, count: int) -> list[AnyCase]:
        """Valid requests without a key: first one made of the contract's examples as far as they go."""
        target = self.operation(operation)
        cases = draw(target.as_strategy(generation_mode=GenerationMode.POSITIVE), count, self.report.seed)
        for examples in target.get_strategies_from_examples()[:1]:
            cases[:1] = draw(examples, 1, self.report.seed)
        cases = [copied(case) for case in cases]
        for case in cases:
            for scheme in credentials.schemes(self.spec).values():
                container(case, scheme.location).pop(scheme.name, None)
        return cases

    def send(
        self,
        phase: str,
        case: AnyCase,
        carried: credentials.Credentials,
        headers: Mapping[str, str] | None = None,
        *,
        documented: bool = True,
    ) -> tuple[Response, HttpExchange]:
        """Send one request; count it, and hold the answer to what the contract says of every answer.

        Args:
            phase: The part of the run it belongs to.
            case: The request without a key.
            carried: The key, or what is sent in its place.
            headers: Further headers.
            documented: Whether the contract must document the answer.

        Returns:
            The response, and what it takes to report it.

        Raises:
            NoAnswer: There was none; the report has it.
            BudgetSpent: There was none before the time ran out.
        """
        label = case.operation.label
        self.report.budget.ask()
        self.report.budget.count()
        case = copied(case)
        case.headers.update({**carried.header, **(headers or {})})
        case.query.update(carried.query)
        case.cookies.update(carried.cookie)
        try:
            response = case.call()
        except Exception as error:
            if self.report.budget.out_of_time:
                self.report.budget.ask()  # It was cut off for that.
            rule = (
                f"A server answers every request within {EXCHANGE_SECONDS:g} s. "
                f"This one broke off: {type(error).__name__}: {error}"
            )
            self.report.violated(phase, label, "answered", rule, HttpExchange(case, None))
            raise NoAnswer(label) from error
        message = of_schemathesis(Request.from_prepared_request(response.request), response, time.time())
        exchange = HttpExchange(case, response, self.report.requested(phase, label, [message]))
        self.report.check(
            phase, label, "key_not_echoed", not contains(response, self.key), "No answer repeats the key.", exchange
        )
        if not documented:
            return response, exchange
        failures = nonconformities(case, response)
        for failure in failures:
            self.report.violated(phase, label, "answer_conforms", failure, exchange)
        if not failures:
            self.report.passed(phase, label, "answer_conforms", exchange)
        return response, exchange


def container(case: AnyCase, location: str) -> Any:
    """The part of a request that holds its parameters of a location."""
    return getattr(
        case, {"path": "path_parameters", "query": "query", "header": "headers", "cookie": "cookies"}[location]
    )


def put_value(case: AnyCase, parameter: Parameter, value: Any) -> None:
    """Give a request a parameter with a value, written in the style that the contract asks for."""
    values = {parameter.name: jsonify_python_specific_types(value)}
    serialize = case.operation.get_parameter_serializer(parameter.location)
    container(case, parameter.location).update(serialize(values) if serialize is not None else values)


def copied(case: AnyCase) -> AnyCase:
    """The same request once more, free to be changed."""
    copy: AnyCase = case.operation.Case(
        path_parameters=dict(case.path_parameters),
        headers=dict(case.headers),
        query=dict(case.query),
        cookies=dict(case.cookies),
        body=case.body,
        media_type=case.media_type,
    )
    return copy


def nonconformities(case: AnyCase, response: Response | httpx.Response) -> list[str]:
    """What in an answer the contract does not have: its status, media type, headers, body."""
    try:
        case.validate_response(response, checks=_CONFORMANCE)
    except FailureGroup as group:
        return [_failure_text(failure) for failure in group.exceptions]
    return []


def answer_of(response: Response) -> Answer:
    """A response as runtime expressions read it; a body that is no JSON reads as nothing."""
    try:
        body = response.json()
    except ValueError:
        body = None
    return Answer(response.status_code, {name: ", ".join(values) for name, values in response.headers.items()}, body)


@dataclass(frozen=True, slots=True)
class HttpExchange:
    """One request of Schemathesis and its answer, as evidence."""

    case: AnyCase
    response: Response | None
    number: int | None = None

    @property
    def sent(self) -> str:
        """The request as a curl command."""
        headers = dict(self.response.request.headers) if self.response is not None else None
        return shortened(self.case.as_curl_command(headers=headers))

    @property
    def received(self) -> str:
        """The status and the body."""
        if self.response is None:
            return "no answer"
        body = shortened(self.response.content[: 4 * SHOWN].decode("utf-8", "replace"))
        return f"{self.response.status_code} {self.response.message}\n{body}".strip()


def contains(response: Response, secret: str) -> bool:
    """Whether an answer has a secret anywhere in it, as it is or in a form that gives it away."""
    headers = [value for values in response.headers.values() for value in values]
    return any(gives_away(text, secret) for text in [response.content.decode("utf-8", "replace"), *headers])


def _failure_text(failure: BaseException) -> str:
    title = getattr(failure, "title", "")
    message = getattr(failure, "message", "") or str(failure)
    return f"{title}: {message}" if title else message
