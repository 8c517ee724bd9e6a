"""Requests held to the contract: all that is wrong with one is found at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import jsonschema_rs

from spacely_spec import MediaType, Operation, compile_schema, json_schema

from ._bodies import BodyError, choose, is_json, media_type, read_body
from ._http import Request
from ._parameters import ParameterRule, unknown_parameters
from ._problems import CONTENT_TOO_LARGE, INVALID_REQUEST, UNSUPPORTED_MEDIA_TYPE, Kind, Violation
from ._schemas import properties, resolve, types
from ._texts import typed
from ._violations import broken_rules

Fits = Callable[[Any], bool]
_FORMS = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})


@dataclass(slots=True)
class Checked:
    """A request that has been held to the contract.

    Attributes:
        parameters: The values of the parameters by location and name; None where one is absent.
        body: The body's value.
        violations: All that is wrong; the values mean nothing unless it is empty.
    """

    parameters: Mapping[tuple[str, str], Any]
    body: Any
    violations: list[Violation]


class RequestRules:
    """What one operation asks of a request, compiled."""

    def __init__(
        self,
        operation: Operation,
        components: Mapping[str, Any],
        *,
        security_names: frozenset[str],
        body_limit: int,
    ) -> None:
        rules = (ParameterRule(parameter, components) for parameter in operation.parameters)
        self.parameters = [rule for rule in rules if not rule.ignored]
        self._query_rules = [rule for rule in self.parameters if rule.parameter.location == "query"]
        self._security_names = security_names
        self._body_limit = body_limit
        self._body = operation.body
        content: Mapping[str, MediaType] = operation.body.content if operation.body else {}
        self._bodies = {name: _BodyRule(content[name], components) for name in content}

    @property
    def takes_body(self) -> bool:
        """Whether the contract describes a body."""
        return self._body is not None

    @property
    def media_types(self) -> list[str]:
        """The media types that a body may have."""
        return list(self._bodies)

    def json_validator(self, content_type: str) -> Fits | None:
        """What tells whether a JSON value fits as a body of a media type; None for other media types."""
        name = choose(media_type(content_type)[0], self._bodies)
        return self._bodies[name].fits if name is not None and is_json(name) else None

    def check(self, request: Request, path_values: Mapping[str, str]) -> Checked:
        """Hold a request to the contract."""
        violations: list[Violation] = []
        values: dict[tuple[str, str], Any] = {
            (rule.parameter.location, rule.parameter.name): rule.read(request, path_values, violations)
            for rule in self.parameters
        }
        violations += unknown_parameters(request, self._query_rules, self._security_names)
        body = self._check_body(request, violations)
        return Checked(values, body, violations)

    def _check_body(self, request: Request, violations: list[Violation]) -> Any:
        if self._body is None and not request.oversized:
            return None  # HTTP gives a body no meaning where none is described.
        if not request.body and not request.oversized:
            if self._body is not None and self._body.required:
                violations.append(_body_violation(INVALID_REQUEST, "required", "The body is required and missing."))
            return None
        try:
            return self._read_body(request, violations)
        except BodyError as error:
            violations.append(_body_violation(error.kind, error.rule, str(error)))
            return None

    def _read_body(self, request: Request, violations: list[Violation]) -> Any:
        if request.oversized:
            raise BodyError(f"The body is larger than {self._body_limit} bytes.", CONTENT_TOO_LARGE, "maxBytes")
        if any(coding.strip().lower() not in {"", "identity"} for coding in request.headers("content-encoding")):
            message = "The body has a content coding; send it as it is."
            raise BodyError(message, UNSUPPORTED_MEDIA_TYPE, "contentEncoding")
        header = ", ".join(request.headers("content-type"))
        offered, charset = media_type(header)
        name = choose(offered, self._bodies)
        if name is None:
            what = "has a Content-Type that the operation does not take" if header else "has no Content-Type"
            message = f"The body {what}; send {' or '.join(self._bodies)}."
            raise BodyError(message, UNSUPPORTED_MEDIA_TYPE, "contentType")
        if charset not in {"utf-8", "utf8", "us-ascii"} and (is_json(offered) or offered.startswith("text/")):
            raise BodyError("The body's charset is not UTF-8.", UNSUPPORTED_MEDIA_TYPE, "charset")
        return self._bodies[name].read(request.body, offered, header, violations)


class _BodyRule:
    def __init__(self, content: MediaType, components: Mapping[str, Any]) -> None:
        self._components = components
        self._properties = properties(content.schema or {}, components)
        self._validator: jsonschema_rs.Draft4Validator | None = None
        if content.schema is not None:
            self._validator = compile_schema(json_schema(content.schema, components, direction="request"))
        # Whether a JSON value keeps to the schema.
        self.fits: Fits = (lambda _: True) if self._validator is None else self._validator.is_valid
        self._lists = frozenset(
            name for name, schema in self._properties.items() if schema and "array" in types(schema, components)
        )

    def read(self, body: bytes, name: str, header: str, violations: list[Violation]) -> Any:
        value = read_body(body, name, header, lists=self._lists)
        if self._validator is None or (value is None and not is_json(name)):
            return value
        if name in _FORMS:
            fields = cast("Mapping[str, str | list[str]]", value)
            value = {key: self._typed(key, field) for key, field in fields.items()}
        if not self._validator.is_valid(value):
            violations += [
                _body_violation(INVALID_REQUEST, rule, detail, pointer)
                for pointer, rule, detail in broken_rules(self._validator, value)
            ]
        return value

    def _typed(self, name: str, field: str | list[str]) -> Any:
        """A form's field, all text, as the type that its property has."""
        schema = self._properties.get(name, {})
        if isinstance(field, str):
            return typed(field, schema, self._components)
        items = resolve(schema, self._components).get("items", {})
        return [typed(text, items, self._components) for text in field]


def _body_violation(kind: Kind, rule: str, detail: str, pointer: str = "") -> Violation:
    return Violation(kind, "body", "", pointer, rule, detail)
