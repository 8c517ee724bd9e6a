"""JSONPath (RFC 9535) for bodies of any depth that the mock takes. Imported when a path is first needed."""

from __future__ import annotations

from jsonpath import JSONPathEnvironment

from ._bodies import DEEPEST


class BodyPaths(JSONPathEnvironment):
    """What compiles JSONPaths."""

    max_recursion_depth = DEEPEST + 1  # A text in the innermost value is visited, too.

    def __init__(self) -> None:
        # Strict: RFC 9535 and nothing of the library's own, so that a rule means the same wherever it is read.
        super().__init__(strict=True)
