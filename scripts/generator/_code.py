"""Pieces of the generated code: types, expressions, texts."""

from __future__ import annotations

import ast
import re
import textwrap
from typing import Any

from openapi_python_client import strings
from openapi_python_client.parser.properties import EnumProperty, ModelProperty
from openapi_python_client.parser.properties.list_property import ListProperty
from openapi_python_client.parser.properties.none import NoneProperty
from openapi_python_client.parser.properties.protocol import PropertyProtocol
from openapi_python_client.parser.properties.union import UnionProperty

from spacely_spec import Criterion, Expression

_DOCSTRING_WIDTH = 110


def accepted(prop: PropertyProtocol) -> str:
    """What a method takes for a property, as code: plain values beside the generated types."""
    match prop:
        case EnumProperty():
            values = ", ".join(repr(value) for value in prop.values.values())
            return f"{prop.class_info.name} | Literal[{values}]"
        case ListProperty():
            return f"Sequence[{accepted(prop.inner_property)}]"
        case ModelProperty():
            return f"{prop.class_info.name} | Mapping[str, Any]"
        case UnionProperty():
            return " | ".join(dict.fromkeys(accepted(inner) for inner in prop.inner_properties))
        case NoneProperty():
            return "None"
        case _:
            return prop.get_type_string(no_optional=True).as_unembedded_code()


def is_model_import(line: str) -> bool:
    """Whether a line imports a model, rather than what models are written with."""
    return re.match(r"from \.+models\.", line) is not None


class _ThroughModels(ast.NodeTransformer):
    def __init__(self, names: frozenset[str]) -> None:
        self._names = names

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.Attribute(ast.Name("_models"), node.id) if node.id in self._names else node


def through_models(code: str, names: frozenset[str]) -> str:
    """A type, as code, with the models named as attributes of their package, which imports them when asked for."""
    return ast.unparse(_ThroughModels(names).visit(ast.parse(code, mode="eval")))


def raw(text: Any) -> str:
    """The text itself of what the generator marks as untrusted; never put into code but through ``code``."""
    return str(text.get_untrusted_value()) if hasattr(text, "get_untrusted_value") else str(text)


def read(expression: Expression) -> str:
    match expression.source:
        case "status":
            return "answer.status_code"
        case "header":
            return f"answer.header({expression.key!r})"
        case "body":
            return f"answer.at({expression.key!r})"


def compare(criterion: Criterion) -> str:
    # JSON tells true from 1; Python's == does not, its `is` does.
    singleton = criterion.value is None or isinstance(criterion.value, bool)
    operator = {"==": "is", "!=": "is not"}[criterion.operator] if singleton else criterion.operator
    return f"{read(criterion.expression)} {operator} {criterion.value!r}"


def prose(text: str) -> str:
    """A text of the contract, wrapped and made safe to stand in a docstring."""
    return "\n\n".join(_wrap(paragraph) for paragraph in re.split(r"\n\s*\n", text.strip()))


def entry(name: str, text: str) -> str:
    return _wrap(f"{name}: {text}".rstrip(), initial_indent="    ", subsequent_indent="        ")


def _wrap(text: str, **indents: str) -> str:
    safe = strings.safe_for_docstring(" ".join(text.split()))
    options: dict[str, Any] = {"break_long_words": False, "break_on_hyphens": False, **indents}
    return textwrap.fill(safe, _DOCSTRING_WIDTH, **options)
