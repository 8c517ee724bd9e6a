"""Answers of a server held to the contract: all that is wrong with one is found at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import httpx

from spacely_spec import Answer, Operation, Parameter, Response, compile_schema, json_schema

from ._bodies import BodyError, choose, is_json, media_type, read_body
from ._http import Reply, Request
from ._parameters import ParameterRule
from ._problems import BROKEN_ANSWER, Violation
from ._violations import broken_rules

CODINGS = frozenset({"gzip", "deflate", "identity"})
"""The content codings that can be undone here."""

_PIECE = 16 * 1024  # Undone piece by piece, a body that swells is noticed before it fills the memory.


class UndoneError(ValueError):
    """A body's content coding cannot be undone; the message says why."""


def undone(reply: Reply, limit: int) -> bytes:
    """The body of a reply without its content codings.

    Raises:
        UndoneError: They are not what the header says, not known here, or the body is larger than the limit.
    """
    named = [each.strip().lower() for value in _values(reply, "content-encoding") for each in value.split(",")]
    codings = [each for each in named if each not in {"", "identity"}]
    if not codings:
        return reply.body
    unknown = sorted(set(codings) - CODINGS)
    if unknown:
        raise UndoneError(f"The body has the content coding {unknown[0]}, which cannot be undone to check it.")
    pieces = (reply.body[start : start + _PIECE] for start in range(0, len(reply.body), _PIECE))
    coded = httpx.Response(200, headers={"content-encoding": ", ".join(codings)}, content=pieces)
    body = bytearray()
    try:
        for piece in coded.iter_bytes():
            body += piece
            if len(body) > limit:
                raise UndoneError(f"The body is larger than {limit} bytes once its content coding is undone.")
    except httpx.DecodingError as error:
        raise UndoneError(f"The body is not what its content coding says: {error}.") from error
    return bytes(body)


class AnswerRules:
    """What one operation's answers have to be like, compiled."""

    def __init__(self, operation: Operation, components: Mapping[str, Any], *, body_limit: int) -> None:
        self._operation = operation
        self._body_limit = body_limit
        self._rules = {key: _ResponseRule(each, components) for key, each in operation.responses.items()}

    def check(self, reply: Reply, *, has_body: bool) -> tuple[list[Violation], Any]:
        """Hold an answer to the contract.

        Args:
            reply: The answer.
            has_body: Whether an answer to this request has its body with it.

        Returns:
            All that is wrong, and the body's value where it can be read.
        """
        rule = self._rule(reply.status)
        if rule is None:
            detail = f"The contract has no response {reply.status}; it has {', '.join(self._rules)}."
            return [_violation("status", "", "undocumented", detail)], None
        violations = list(rule.check_headers(reply))
        value = None
        if has_body and reply.status not in {204, 304}:
            value = self._body(rule, reply, violations)
        return violations, value

    def job(self, reply: Reply, value: Any) -> tuple[str, list[Violation]]:
        """The id of the job that an answer has started, and what is wrong where it should tell one and does not.

        Args:
            reply: The answer.
            value: The value of its body.
        """
        polling = self._operation.polling
        if polling is None or self._rule(reply.status) is not self._rules[polling.status]:
            return "", []
        found = polling.job_id.read(Answer(reply.status, dict(reply.headers), value))
        if found is None:
            detail = f"There is no job's id at {polling.job_id.text}, where the Link {polling.link!r} says it is."
            return "", [_violation("body", "", "link", detail)]
        return str(found), []

    def _rule(self, status: int) -> _ResponseRule | None:
        keys = (str(status), f"{status // 100}XX", "default")
        return next((self._rules[key] for key in keys if key in self._rules), None)

    def _body(self, rule: _ResponseRule, reply: Reply, violations: list[Violation]) -> Any:
        try:
            body = undone(reply, self._body_limit)
        except UndoneError as error:
            violations.append(_violation("body", "", "contentEncoding", str(error)))
            return None
        return rule.read(body, ", ".join(_values(reply, "content-type")), violations)


class _ResponseRule:
    def __init__(self, response: Response, components: Mapping[str, Any]) -> None:
        self._content = response.content
        self._validators = {
            name: compile_schema(json_schema(each.schema, components, direction="response"))
            for name, each in response.content.items()
            if each.schema is not None
        }
        self._headers = [
            ParameterRule(_header(name, schema, name in response.required_headers), components)
            for name, schema in response.headers.items()
            if name.lower() != "content-type"  # OpenAPI gives it no meaning there.
        ]

    def check_headers(self, reply: Reply) -> Iterator[Violation]:
        raw = tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers)
        carrier = Request("", "", b"", raw, b"")
        found: list[Violation] = []
        for rule in self._headers:
            rule.read(carrier, {}, found)
        return (_violation("header", each.pointer, each.rule, each.detail, each.name) for each in found)

    def read(self, body: bytes, header: str, violations: list[Violation]) -> Any:
        """The value of a body; what is wrong with it is added to the violations."""
        if not self._content:
            return None  # The contract says nothing of a body, so there may be any.
        if not body:
            violations.append(_violation("body", "", "required", "The body is documented and missing."))
            return None
        offered, _ = media_type(header)
        name = choose(offered, self._content)
        if name is None:
            what = "has a Content-Type that the contract does not have here" if header else "has no Content-Type"
            detail = f"The body {what}; it has {' or '.join(self._content)}."
            violations.append(_violation("body", "", "contentType", detail))
            return None
        try:
            value = read_body(body, offered, header)
        except BodyError as error:
            violations.append(_violation("body", "", error.rule, str(error)))
            return None
        validator = self._validators.get(name)
        is_checked = is_json(offered) or isinstance(value, str)  # What a form or bytes mean, the schema does not say.
        if validator is not None and is_checked and not validator.is_valid(value):
            broken = broken_rules(validator, value)
            violations += [_violation("body", pointer, rule, detail) for pointer, rule, detail in broken]
        return value


def _header(name: str, schema: Mapping[str, Any], required: bool) -> Parameter:
    return Parameter(name, "header", required, "", schema, "simple", False, {}, "")


def _values(reply: Reply, name: str) -> list[str]:
    return [value for each, value in reply.headers if each == name]


def _violation(location: str, pointer: str, rule: str, detail: str, name: str = "") -> Violation:
    return Violation(BROKEN_ANSWER, location, name, pointer, rule, detail)
