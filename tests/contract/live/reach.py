"""Which rung is the lowest that sees something: an answer of an operation, a request, the values of a schema."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, TypeAlias

from spacely_spec import Operation, Spec, join_pointer

from .. import credentials, expectations
from .observations import follow
from .rungs import Rung
from .samples import BREAKABLE
from .tariff import is_safe

Use: TypeAlias = Literal["answer", "body", "parameter"]


class Reach:
    """How far up one must climb.

    Args:
        spec: The contract.
    """

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._targets = {polling.target for polling in expectations.pollings(spec)}
        self._rungs = dict(self._rungs_of_schemas())

    def answers(self, operation: Operation, status: str) -> Rung | None:
        """The rung that sees an answer with a status; None where none brings it about."""
        if status.startswith("2"):
            if operation.polling is not None:
                return Rung.CANARY
            if operation.id in self._targets:
                return Rung.JOB
            return Rung.PROBES if is_safe(operation) else None
        if credentials.needs_key(operation) and status in expectations.refusals(operation):
            return Rung.PROBES
        if status in {*expectations.unknowns(operation), *expectations.rejections(operation)}:
            return self.requests(operation)
        return None

    def requests(self, operation: Operation) -> Rung | None:
        """The rung that sends requests with something wrong in them; None where none does."""
        if is_safe(operation):
            return Rung.PROBES
        return Rung.MORE if operation.polling is not None else None

    def _rungs_of_schemas(self) -> Iterator[tuple[str, dict[Use, Rung]]]:
        """The lowest rung that sees values of each schema in each use, by the schema's pointer."""
        found: dict[str, dict[Use, Rung]] = defaultdict(dict)
        for operation in self._spec.operations:
            asked = self.requests(operation)
            bodies = operation.body.content.values() if operation.body is not None else ()
            roots: list[tuple[str, Use, Rung | None]] = [
                *((parameter.pointer, "parameter", asked) for parameter in operation.parameters),
                *((content.pointer, "body", asked) for content in bodies),
                *(
                    (content.pointer, "answer", self.answers(operation, status))
                    for status, response in operation.responses.items()
                    for content in response.content.values()
                ),
            ]
            for holder, use, rung in roots:
                if rung is not None:
                    for pointer in self._schemas_from(holder + "/schema", set()):
                        found[pointer][use] = min(rung, found[pointer].get(use, rung))
        yield from found.items()

    def told_by(self, pointer: str) -> Callable[[str], Rung | None]:
        """Tells of a keyword of a schema which rung is the lowest that can tell about it."""
        rungs = self._rungs.get(pointer, {})

        def told_by(keyword: str) -> Rung | None:
            uses: set[Use] = {"answer"}
            if keyword in BREAKABLE:
                uses.add("body")
                if keyword != "type":  # Every value is text on its way.
                    uses.add("parameter")
            return min((rung for use, rung in rungs.items() if use in uses), default=None)

        return told_by

    def _schemas_from(self, pointer: str, passed: set[str]) -> Iterator[str]:
        try:
            node, pointer = follow(self._spec, pointer)
        except LookupError:
            return
        if pointer in passed or not isinstance(node, Mapping):
            return
        passed.add(pointer)
        yield pointer
        for place in _schemas_in(node, pointer):
            yield from self._schemas_from(place, passed)


def _schemas_in(node: Mapping[str, Any], pointer: str) -> Iterator[str]:
    """The pointers of the schemas in a schema."""
    for keyword in ("items", "not", "additionalProperties"):
        if isinstance(node.get(keyword), Mapping):
            yield pointer + join_pointer(keyword)
    for name in node.get("properties", {}):
        yield pointer + join_pointer("properties", name)
    for keyword in ("allOf", "anyOf", "oneOf"):
        for index in range(len(node.get(keyword, ()))):
            yield pointer + join_pointer(keyword, index)
