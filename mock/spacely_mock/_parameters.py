"""Parameters as they travel, turned into the values that their schemas describe."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from spacely_spec import Parameter, compile_schema, json_schema

from ._http import Request
from ._problems import INVALID_REQUEST, Violation
from ._schemas import properties, resolve, types
from ._texts import is_broken, readings_as, typed
from ._violations import broken_rules

_SEPARATORS = {"spaceDelimited": " ", "pipeDelimited": "|"}
# OpenAPI: parameters of these names say nothing, the headers are described elsewhere.
_IGNORED_HEADERS = frozenset({"accept", "content-type", "authorization"})


Key: TypeAlias = tuple[str, str]
"""Location and name of a parameter."""


class ParameterRule:
    """Reads one parameter from a request and holds it to its schema."""

    def __init__(self, parameter: Parameter, components: Mapping[str, Any]) -> None:
        self.parameter = parameter
        self.key: Key = (parameter.location, parameter.name)
        self._components = components
        self._schema = resolve(parameter.schema, components)
        self._types = types(parameter.schema, components)
        self._is_text = self._types == frozenset({"string"}) and parameter.style not in {"label", "matrix"}
        self._validator = compile_schema(json_schema(parameter.schema, components, direction="request"))

    @property
    def ignored(self) -> bool:
        """Whether OpenAPI gives this parameter no meaning."""
        return self.parameter.location == "header" and self.parameter.name.lower() in _IGNORED_HEADERS

    @property
    def is_spread(self) -> bool:
        """Whether it is an object whose properties are query parameters of their own."""
        form = self.parameter.location == "query" and self.parameter.style == "form" and self.parameter.explode
        return form and "object" in self._types

    @property
    def spread_names(self) -> frozenset[str]:
        """The names of those query parameters."""
        return frozenset(properties(self.parameter.schema, self._components))

    @property
    def has_any_name(self) -> bool:
        """Whether those query parameters may have names that the contract does not list."""
        return self.is_spread and self._schema.get("additionalProperties", True) is not False

    @property
    def is_scalar(self) -> bool:
        """Whether its value stands in one text: it is neither a list nor an object."""
        return not self._types & {"object", "array"}

    def scalar(self, text: str) -> Any:
        """The value of a scalar, given as well-formed text; None where it is null or does not fit the schema."""
        for value in [text] if self._is_text else readings_as(self._bare(text), self._types):
            if self._validator.is_valid(value):
                return value
        return None

    def takes(self, name: str) -> bool:
        """Whether a query parameter of this name belongs to this parameter."""
        if self.parameter.style == "deepObject":
            return re.fullmatch(re.escape(self.parameter.name) + r"\[[^\]]*\]", name) is not None
        if self.is_spread:
            return name in self.spread_names
        return name == self.parameter.name

    def read(self, request: Request, path_values: Mapping[str, str], violations: list[Violation]) -> Any:
        """The parameter's value, or None where it is absent; what is wrong with it is added to the violations."""
        texts = self._texts(request, path_values)
        if not texts:
            if self.parameter.required:
                violations.append(self._violation("", "required", "The parameter is missing."))
            return None
        if any(is_broken(text) for _, text in texts):
            violations.append(self._violation("", "encoding", "The value is not UTF-8."))
            return None
        if len(texts) > 1 and not self._is_repeatable:
            violations.append(self._violation("", "repeated", "The parameter is sent more than once."))
            return None
        candidates = list(self._candidates(texts))
        for value in candidates:
            if self._validator.is_valid(value):
                return value
        violations += [
            self._violation(pointer, rule, detail)
            for pointer, rule, detail in broken_rules(self._validator, candidates[0])
        ]
        return None

    def _violation(self, pointer: str, rule: str, detail: str) -> Violation:
        return Violation(INVALID_REQUEST, self.parameter.location, self.parameter.name, pointer, rule, detail)

    @property
    def _is_repeatable(self) -> bool:
        if self.is_spread or self.parameter.style == "deepObject":
            return True
        if "array" not in self._types:
            return False
        return self.parameter.location == "header" or (self.parameter.style == "form" and self.parameter.explode)

    def _texts(self, request: Request, path_values: Mapping[str, str]) -> list[tuple[str, str]]:
        name = self.parameter.name
        match self.parameter.location:
            case "path":
                return [(name, path_values[name])] if name in path_values else []
            case "header":
                return [(name, value) for value in request.headers(name)]
            case "cookie":
                return [(name, request.cookies[name])] if name in request.cookies else []
            case _:
                return [(key, value) for key, value in request.query if self.takes(key)]

    def _candidates(self, texts: list[tuple[str, str]]) -> Iterator[Any]:
        """The values that the texts may stand for, the most likely first."""
        if "object" in self._types:
            yield self._object(texts)
        if "array" in self._types:
            item_schema: Mapping[str, Any] = self._schema.get("items", {})
            yield [typed(text, item_schema, self._components) for text in self._items(texts)]
        if not self._types & {"object", "array"} or self._types - {"object", "array", "null"}:
            yield from readings_as(self._bare(texts[0][1]), self._types)

    def _items(self, texts: list[tuple[str, str]]) -> list[str]:
        if self._is_repeatable and self.parameter.location != "header":
            return [text for _, text in texts]
        separator = _SEPARATORS.get(self.parameter.style, ",")
        if self.parameter.explode and self.parameter.style == "label":
            separator = "."
        if self.parameter.explode and self.parameter.style == "matrix":
            return [piece.partition("=")[2] for piece in texts[0][1].split(";")[1:]]
        pieces = separator.join(self._bare(text) for _, text in texts).split(separator)
        return [] if pieces == [""] else [piece.strip(" ") for piece in pieces]

    def _object(self, texts: list[tuple[str, str]]) -> dict[str, Any]:
        if self.parameter.style == "deepObject":
            pairs = [(key[len(self.parameter.name) + 1 : -1], text) for key, text in texts]
        elif self.is_spread:
            pairs = texts
        elif self.parameter.explode:
            separator = {"label": ".", "matrix": ";"}.get(self.parameter.style, ",")
            parts = (piece.partition("=") for piece in texts[0][1].lstrip(".;").split(separator))
            pairs = [(key, text) for key, _, text in parts]
        else:
            pieces = self._bare(texts[0][1]).split(_SEPARATORS.get(self.parameter.style, ","))
            pairs = list(zip(pieces[::2], pieces[1::2], strict=False))
        known = properties(self.parameter.schema, self._components)
        return {key: typed(text, known.get(key, {}), self._components) for key, text in pairs}

    def _bare(self, text: str) -> str:
        if self.parameter.style == "label":
            return text.removeprefix(".")
        if self.parameter.style == "matrix":
            return text.removeprefix(f";{self.parameter.name}=")
        return text


def unknown_parameters(request: Request, rules: list[ParameterRule], known: frozenset[str]) -> Iterator[Violation]:
    """A violation for each query parameter that the contract does not have."""
    if any(rule.has_any_name for rule in rules):
        return
    names = dict.fromkeys(name for name, _ in request.query)
    for name in names:
        if name not in known and not any(rule.takes(name) for rule in rules):
            shown = name.encode("utf-8", "replace").decode()[:100]
            detail = "The operation has no such query parameter."
            yield Violation(INVALID_REQUEST, "query", shown, "", "unknown", detail)
