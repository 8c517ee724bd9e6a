"""What the client sends: for every valid input exactly what the contract says, for an invalid one nothing."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import httpx
import requests
import schemathesis
from schemathesis import Config, GenerationMode
from schemathesis.core import NotSet
from schemathesis.core.parameters import DelimitedValue

from spacely_spec import Operation, Parameter, Spec, compile_schema, json_schema, left_out

from . import credentials, expectations
from .answers import Answers, encode
from .clients import BASE_URL, Answerer, ClientUnderTest, Outcome, argument_name, same
from .generation import AnyCase, boundaries, draw
from .pointers import followed
from .recording import NOTHING, Input
from .report import Exchange, Report, shortened
from .server import copied
from .wire import read_back, value_of_text

REQUESTS, REFUSALS = "client sends", "client refuses"
_TEXTS = (" MiXeD Case ", "a&b=c%20+/?#;", "line\nbreak\ttab", "ünï 漢字 ไทย 🏠", '"quoted" \\', "long text " * 200)
_STRANGERS: tuple[Any, ...] = (None, True, 7, -1, 1.5, "", "text", [], [None], {}, {"a": 1})


class Inputs:
    """Arguments for the methods of a client, made from the contract."""

    def __init__(self, spec: Spec, seed: int) -> None:
        self._spec = spec
        self._seed = seed
        config: dict[str, Any] = {
            "analysis": {"constants": {"enabled": False}},
            "generation": {"database": "none", "with-security-parameters": False},
        }
        self._schema: Any = schemathesis.openapi.from_path(spec.path, config=Config.from_dict(config))

    def cases(self, operation: Operation, mode: GenerationMode, count: int) -> list[AnyCase]:
        """Requests as the contract allows them, or does not: at the limits of each keyword, and so many more.

        Where the contract offers several media types, they are JSON.
        """
        target = self._schema[operation.path][operation.method]
        media_type = body_media_type(operation)
        made = [*draw(target.as_strategy(generation_mode=mode), count, self._seed), *boundaries(target, mode)]
        return [case for case in made if case.media_type in {None, media_type}]

    def unusual(self, operation: Operation) -> Iterator[AnyCase]:
        """Valid requests with texts that generators seldom make, in every place that takes any text."""
        case = self.cases(operation, GenerationMode.POSITIVE, 1)[0]
        rules = _rules(self._spec, operation)
        for text in _TEXTS:
            unusual = copied(case)
            for parameter in operation.parameters:
                if parameter.location == "query" and rules[argument_name(parameter.name)][1](text):
                    unusual.query[parameter.name] = text
            names = properties(self._spec, operation)
            if isinstance(case.body, dict) and names:
                texts = {name: text for name in sorted(names) if rules[argument_name(name)][1](text)}
                unusual.body = {**case.body, **texts}
            yield unusual

    def arguments(self, operation: Operation, case: AnyCase) -> dict[str, Any]:
        """The keyword arguments that stand for a request; a property that the contract does not name is left out."""
        containers: Mapping[str, Any] = {
            "path": case.path_parameters,
            "query": case.query,
            "header": case.headers,
            "cookie": case.cookies,
        }
        found = {
            argument_name(parameter.name): self._argument(parameter, containers[parameter.location][parameter.name])
            for parameter in operation.parameters
            if parameter.name in (containers[parameter.location] or {})
        }
        body = self.body(operation, case)
        names = properties(self._spec, operation)
        if names is None:
            return found if body is None else {**found, "body": body}
        return {**found, **{argument_name(name): value for name, value in (body or {}).items()}}

    def _argument(self, parameter: Parameter, value: Any) -> Any:
        """A value as it was before Schemathesis made it text for the wire."""
        schema, _ = followed(self._spec, parameter.schema, "")
        if isinstance(value, DelimitedValue):
            return read_back(self._spec, parameter, [str(value)])
        if isinstance(value, str):
            return value_of_text(self._spec, schema, unquote(value) if parameter.location == "path" else value)
        if isinstance(value, list):
            items = schema.get("items", {})
            return [value_of_text(self._spec, items, each) if isinstance(each, str) else each for each in value]
        return value

    def body(self, operation: Operation, case: AnyCase) -> Any:
        """The body of a request as the client can be given it, or None where there is none."""
        if operation.body is None or isinstance(case.body, NotSet):
            return None
        names = properties(self._spec, operation)
        if names is None or not isinstance(case.body, dict):
            return case.body
        return {name: value for name, value in case.body.items() if name in names}

    def values(self, operation: Operation, arguments: Mapping[str, Any]) -> Input:
        """What keyword arguments say, in the contract's own names."""
        parameters = {
            (parameter.location, parameter.name): arguments[argument_name(parameter.name)]
            for parameter in operation.parameters
            if argument_name(parameter.name) in arguments
        }
        names = properties(self._spec, operation)
        if operation.body is None:
            return Input(operation.id, parameters)
        if names is None:
            return Input(operation.id, parameters, arguments.get("body", NOTHING), body_media_type(operation) or "")
        body = {name: arguments[argument_name(name)] for name in sorted(names) if argument_name(name) in arguments}
        return Input(operation.id, parameters, body, body_media_type(operation) or "")

    def first(self, operation: Operation) -> dict[str, Any]:
        """Valid arguments, about the simplest there are."""
        return self.arguments(operation, self.cases(operation, GenerationMode.POSITIVE, 1)[0])


def body_media_type(operation: Operation) -> str | None:
    """The media type in which a client sends a body: JSON if it may."""
    offered = list(operation.body.content) if operation.body else []
    return next((name for name in offered if "json" in name), next(iter(offered), None))


def properties(spec: Spec, operation: Operation) -> set[str] | None:
    """The properties of an operation's body that a request may have by name; None where the body is no object."""
    media_type = body_media_type(operation)
    if operation.body is None or media_type is None:
        return set()
    schema = operation.body.content[media_type].schema or {}
    if not _is_object(schema, spec.components):
        return None
    return {name for name, _ in _properties(schema, spec.components)} - left_out(schema, spec.components, "request")


@dataclass(frozen=True, slots=True)
class Subject:
    """A client under test, with all that it takes to test it.

    Attributes:
        client: The client, which makes each call once.
        retrying: The same client as it is by default.
        inputs: What its methods are called with.
        answers: What it is answered.
        report: Where findings go.
        examples: How many examples are made of each operation.
    """

    client: ClientUnderTest
    retrying: ClientUnderTest
    inputs: Inputs
    answers: Answers
    report: Report
    examples: int


def check_requests(subject: Subject) -> None:
    """Call every operation with valid input, and compare what is sent with what the contract asks for."""
    client, inputs, report = subject.client, subject.inputs, subject.report
    for operation in client.spec.operations:
        label = expectations.label(operation)
        expected = {argument_name(parameter.name) for parameter in operation.parameters}
        names = properties(client.spec, operation)
        rule = "There is a method for every operation."
        wanted = Exchange(operation.id)
        if not report.check(REQUESTS, label, "operation_offered", client.offers(operation), rule, wanted):
            continue
        expected |= {"body"} if names is None else set(map(argument_name, names))
        found = client.parameters(operation)
        report.check(
            REQUESTS,
            label,
            "arguments_named",
            found == expected,
            "The method has one keyword argument for each parameter, and for each property of the body.",
            Exchange(
                f"{client.method(operation)}({', '.join(sorted(found))})", f"wanted: {', '.join(sorted(expected))}"
            ),
        )
        answer = valid_answer(operation, subject.answers)
        generated = inputs.cases(operation, GenerationMode.POSITIVE, subject.examples)
        for case in chain(generated, inputs.unusual(operation)):
            arguments = inputs.arguments(operation, case)
            report.inputs.append(inputs.values(operation, arguments))
            for outcome in client.call(operation, arguments, answer):
                outcome = recorded(report, REQUESTS, label, outcome)
                _compare(client, operation, case, inputs.body(operation, case), outcome, report)


def check_refusals(subject: Subject) -> None:
    """Call every operation with input that breaks the contract: nothing may be sent."""
    client, inputs, report = subject.client, subject.inputs, subject.report
    for operation in client.operations:
        label = expectations.label(operation)
        answer = valid_answer(operation, subject.answers)
        for arguments in _invalid_arguments(client.spec, operation, inputs, subject.examples):
            report.budget.ask()
            report.inputs.append(inputs.values(operation, arguments))
            for outcome in client.call(operation, arguments, answer):
                # Python itself refuses a call without an argument that must be given.
                refused = isinstance(outcome.error, (client.errors.InvalidRequest, TypeError)) and not outcome.sent
                rule = "Input that breaks the contract is refused with InvalidRequest, and nothing is sent."
                report.check(REFUSALS, label, "invalid_input_refused", refused, rule, CallExchange(outcome))


def valid_answer(operation: Operation, answers: Answers) -> Answerer:
    """Answers as the operation does when all is well."""
    for content in answers.successes(operation):
        (value,) = answers.valid(operation, content, 1)
        headers, body = {"Content-Type": content.media_type}, encode(value)
        return lambda _: httpx.Response(expectations.number(content.status), headers=headers, content=body)
    status = next(iter(expectations.successes(operation)), "200")
    return lambda _: httpx.Response(expectations.number(status))


def recorded(report: Report, phase: str, operation: str, outcome: Outcome) -> Outcome:
    """What came of a call, once the report has the requests that it sent."""
    report.budget.ask()
    report.budget.count(len(outcome.messages))
    number = report.requested(phase, operation, outcome.messages)
    return replace(outcome, number=number if outcome.messages else None)


@dataclass(frozen=True, slots=True)
class CallExchange:
    """One call of the client and what came of it, as evidence."""

    outcome: Outcome

    @property
    def number(self) -> int | None:
        """The number of the last request in the run."""
        return self.outcome.number

    @property
    def sent(self) -> str:
        """The call as code."""
        return shortened(self.outcome.call)

    @property
    def received(self) -> str:
        """The requests that left the client, and what the call returned or raised."""
        outcome = self.outcome
        requested = [f"{request.method} {request.url}" for request in outcome.sent]
        error = outcome.error
        came = repr(outcome.value) if error is None else f"{type(error).__name__}: {error}"
        return shortened("\n".join([*requested, came]))


def _compare(
    client: ClientUnderTest, operation: Operation, case: AnyCase, body: Any, outcome: Outcome, report: Report
) -> None:
    label, exchange = expectations.label(operation), CallExchange(outcome)

    def check(name: str, holds: bool, rule: str) -> bool:
        return report.check(REQUESTS, label, name, holds, rule, exchange)

    if not check(
        "valid_input_sent", len(outcome.sent) == 1 and outcome.error is None, "Valid input is sent, in one request."
    ):
        return
    (sent,) = outcome.sent
    wanted = requests.Request(**_transport_arguments(case)).prepare()
    check("method", sent.method == operation.method, f"The method is {operation.method}.")
    there, path = _segments(sent.url.raw_path), _segments(urlsplit(wanted.url or "").path.encode())
    check("path", there == path, f"The path is {'/'.join(path)}.")
    carried = credentials.right(operation, client.key)
    pairs = _pairs((wanted.url or "").encode()) + Counter(carried.query.items())
    check("query", _pairs(bytes(str(sent.url), "ascii")) == pairs, f"The query has exactly {sorted(pairs.elements())}.")
    if body is None:
        check("body", sent.content == b"", "There is no body.")
    else:
        check("body", _json(sent.content, body), f"The body is {body!r}.")
        media_type = sent.headers.get("content-type", "").partition(";")[0]
        check("content_type", media_type == case.media_type, f"The content type is {case.media_type}.")
    for parameter in operation.parameters:
        if parameter.location == "header" and parameter.name in case.headers:
            value = str(case.headers[parameter.name])
            check("header", sent.headers.get(parameter.name) == value, f"The header {parameter.name} is {value}.")
    in_place = all(sent.headers.get_list(name) == [value] for name, value in carried.header.items()) and all(
        f"{name}={value}" in sent.headers.get("cookie", "").split("; ") for name, value in carried.cookie.items()
    )
    check("key_in_place", in_place, "The key is sent where the security scheme says.")
    places = len(carried.header) + len(carried.query) + len(carried.cookie)
    wire = [str(sent.url), *sent.headers.values(), sent.content.decode("utf-8", "replace")]
    occurrences = sum(text.count(client.key) for text in wire)
    check("key_nowhere_else", occurrences == places, f"The key is sent {places} times, in its place only.")


def _invalid_arguments(spec: Spec, operation: Operation, inputs: Inputs, count: int) -> Iterator[Mapping[str, Any]]:
    """Input that breaks the contract: one argument missing or strange, and what Schemathesis comes up with."""
    valid = inputs.first(operation)
    rules = _rules(spec, operation)
    for name, (required, is_valid) in rules.items():
        if required:
            yield {key: value for key, value in valid.items() if key != name}
        for stranger in _STRANGERS:
            if not is_valid(stranger):
                yield {**valid, name: stranger}
    if not rules:
        return
    for case in inputs.cases(operation, GenerationMode.NEGATIVE, count):
        if isinstance(case.body, bytes) or (operation.body is not None and not isinstance(case.body, dict)):
            continue  # No keyword arguments can say that.
        arguments = inputs.arguments(operation, case)
        missing = any(required and name not in arguments for name, (required, _) in rules.items())
        if missing or any(name in rules and not rules[name][1](value) for name, value in arguments.items()):
            yield arguments


def _rules(spec: Spec, operation: Operation) -> dict[str, tuple[bool, Any]]:
    """For each argument: whether it is required, and what tells a valid value."""
    rules: dict[str, tuple[bool, Any]] = {}
    for parameter in operation.parameters:
        validator = compile_schema(json_schema(parameter.schema, spec.components, direction="request"))
        rules[argument_name(parameter.name)] = (parameter.required, validator.is_valid)
    media_type = body_media_type(operation)
    names = properties(spec, operation)
    if operation.body is None or media_type is None or not names:
        return rules
    schema = operation.body.content[media_type].schema or {}
    members = dict(_properties(schema, spec.components))
    required = set(_required(schema, spec.components))
    for name in names:
        validator = compile_schema(json_schema(members[name], spec.components, direction="request"))
        rules[argument_name(name)] = (name in required, validator.is_valid)
    return rules


def _resolve(schema: Mapping[str, Any], components: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in schema:
        schema = components[schema["$ref"].rpartition("/")[2]]
    return schema


def _properties(schema: Mapping[str, Any], components: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    schema = _resolve(schema, components)
    yield from schema.get("properties", {}).items()
    for part in schema.get("allOf", []):
        yield from _properties(part, components)


def _required(schema: Mapping[str, Any], components: Mapping[str, Any]) -> Iterator[str]:
    schema = _resolve(schema, components)
    yield from schema.get("required", [])
    for part in schema.get("allOf", []):
        yield from _required(part, components)


def _is_object(schema: Mapping[str, Any], components: Mapping[str, Any]) -> bool:
    schema = _resolve(schema, components)
    return schema.get("type") == "object" or "properties" in schema or "allOf" in schema


def _transport_arguments(case: AnyCase) -> dict[str, Any]:
    arguments = case.as_transport_kwargs(base_url=BASE_URL)
    return {name: arguments[name] for name in ("method", "url", "params") if name in arguments}


def _segments(raw_path: bytes) -> list[str]:
    return [unquote(segment) for segment in raw_path.partition(b"?")[0].decode("ascii").split("/")]


def _pairs(url: bytes) -> Counter[tuple[str, str]]:
    query = urlsplit(url).query.decode("ascii")
    return Counter(parse_qsl(query, keep_blank_values=True))


def _json(content: bytes, wanted: Any) -> bool:
    try:
        return same(json.loads(content), wanted)
    except ValueError:
        return False
