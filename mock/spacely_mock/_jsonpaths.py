"""JSONPath (RFC 9535) for bodies as the mock takes them. Imported when a path is first needed."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, cast

from jsonpath import JSONPathEnvironment, JSONPathMatch, JSONPathTypeError
from jsonpath.filter import StringLiteral
from jsonpath.function_extensions import ExpressionType, FilterFunction
from jsonpath.segments import JSONPathRecursiveDescentSegment
from jsonpath.token import Token
from jsonschema_rs import Draft4Validator, RegexOptions

from ._bodies import DEEPEST


class BodyPaths(JSONPathEnvironment):
    """What compiles JSONPaths."""

    max_recursion_depth = DEEPEST + 1  # A text in the innermost value is visited, too.

    def __init__(self) -> None:
        # Strict: RFC 9535 and nothing of the library's own, so that a rule means the same wherever it is read.
        super().__init__(strict=True)

    def compile(self, path: str) -> Any:
        """Prepare a path to be looked up."""
        compiled: Any = super().compile(path)
        compiled.segments = tuple(
            _Descendants(env=each.env, token=each.token, selectors=each.selectors)
            if isinstance(each, JSONPathRecursiveDescentSegment)
            else each
            for each in compiled.segments
        )
        return compiled

    def setup_function_extensions(self) -> None:
        """Set the functions up, those with regular expressions in place of the library's own."""
        super().setup_function_extensions()
        self.function_extensions["match"] = _Expression("^(?:{})$")
        self.function_extensions["search"] = _Expression("{}")

    def validate_function_extension_signature(self, token: Token, args: list[Any]) -> list[Any]:
        """Refuse arguments that a function cannot take. Expressions, too: of one that stands in a body none is told."""
        args = super().validate_function_extension_signature(token, args)
        if isinstance(self.function_extensions[token.value], _Expression) and isinstance(args[1], StringLiteral):
            expression: str = args[1].value
            if _validator("{}", expression) is None:
                raise JSONPathTypeError(f"{expression!r} is no regular expression as RFC 9485 has them", token=token)
        return args


class _Descendants(JSONPathRecursiveDescentSegment):
    """All that stands in a value, each once: whether it is there is what is asked.

    The library finds it once for each way there, and a path with several ``..`` has more of them in a deep body than
    anyone waits for.
    """

    def resolve(self, nodes: Iterable[JSONPathMatch]) -> Iterable[JSONPathMatch]:
        """Select from each value and from what stands in it."""
        seen: set[int] = set()
        for node in nodes:
            waiting = [node]
            while waiting:
                each = waiting.pop()
                value = cast("dict[str, Any] | list[Any] | None", each.obj if _is_container(each.obj) else None)
                if value is None or id(value) in seen:
                    continue
                seen.add(id(value))
                for selector in self.selectors:
                    yield from selector.resolve(each)
                inner = value.items() if isinstance(value, dict) else enumerate(value)
                waiting += [each.new_child(child, key) for key, child in inner if _is_container(child)]


def _is_container(value: object) -> bool:
    return isinstance(value, (dict, list))


class _Expression(FilterFunction):
    """Whether a text fits a regular expression.

    The library takes Python's, which for some expressions and texts try for ever, while no other request is answered.
    The engine of the validator needs no more time than the text is long.
    """

    def __init__(self, form: str) -> None:
        self._form = form

    @property
    def arg_types(self) -> list[ExpressionType]:
        """What it is given: the text and the expression."""
        return [ExpressionType.VALUE, ExpressionType.VALUE]

    @property
    def return_type(self) -> ExpressionType:
        """What it says."""
        return ExpressionType.LOGICAL

    def __call__(self, value: object, expression: object) -> bool:
        """Whether it does; nothing fits what is no expression, as RFC 9535 has it."""
        if not isinstance(value, str) or not isinstance(expression, str):
            return False
        validator = _validator(self._form, expression)
        return validator is not None and validator.is_valid(value)


@lru_cache(maxsize=300)
def _validator(form: str, expression: str) -> Any:
    try:
        for pattern in (expression, form.format(expression)):  # The first by itself: it could close the brackets.
            validator = Draft4Validator({"pattern": pattern}, pattern_options=RegexOptions())
    except ValueError:
        return None
    return validator
