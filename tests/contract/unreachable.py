"""Why a cell that is empty could not have been filled: rules on kinds of places, none on any place of one contract."""

from __future__ import annotations

from functools import cached_property
from typing import Literal, TypeAlias

from spacely_spec import Operation, Parameter, Spec

from . import expectations
from .client_requests import body_media_type, properties
from .coverage import MISSING, SECURITY, WRONG, Cell, Coverage, shown_by_examples
from .pointers import found
from .schema_cells import VIOLATED

Target: TypeAlias = Literal["mock", "server", "client"]


class Unreachable:
    """Tells why a cell is out of reach of a run.

    Args:
        spec: The contract.
        target: What the run was made against: the mock, another server, or the client.
    """

    def __init__(self, spec: Spec, target: Target) -> None:
        self._spec = spec
        self._target = target
        self._operations = {expectations.label(each): each for each in spec.operations}

    def reason(self, coverage: Coverage, cell: Cell) -> str | None:
        """The rule by which an empty cell stays empty; None where it could have been filled."""
        if cell in coverage.impossible:
            return "No value fills it: the contract itself rules nothing out there."
        operation = self._operations[cell.operation]
        of_target = self._of_client if self._target == "client" else self._of_server
        return of_target(operation, cell)

    def _of_server(self, operation: Operation, cell: Cell) -> str | None:
        if cell.part.startswith("answer "):
            return self._of_answer(operation, cell)
        for parameter in operation.parameters:
            if cell.part == f"{parameter.location} {parameter.name}":
                return self._of_parameter(parameter, cell)
        return None

    def _of_answer(self, operation: Operation, cell: Cell) -> str | None:
        status, at_a_url = cell.part.split()[1], self._target == "server"
        plain = cell.rule in {"status", "media type"}
        rules = (
            (cell.case == VIOLATED, "An answer that breaks the contract is a violation, not a case to be reached."),
            (not status.isdecimal(), f"{status} stands for statuses without a name: none of them can be asked for."),
            (
                at_a_url and status not in _provoked(operation),
                "A request cannot make a server at a URL answer this status.",
            ),
            (at_a_url and cell.rule != "status", "A server at a URL cannot be asked for a certain answer."),
            (
                not at_a_url and not plain and cell not in self._shown,
                "No example of the contract shows it, and examples are what the mock can be asked for.",
            ),
        )
        if cell.rule.startswith("Link "):
            return None
        return next((reason for holds, reason in rules if holds), None)

    @cached_property
    def _shown(self) -> set[Cell]:
        return shown_by_examples(self._spec)

    def _of_parameter(self, parameter: Parameter, cell: Cell) -> str | None:
        if cell.pointer == parameter.pointer:
            absent_from_path = parameter.location == "path" and cell.rule == "required"
            return "A path without its parameter is another path." if absent_from_path else None
        schema, _ = found(self._spec, cell.pointer.rpartition("/")[0])
        if cell.rule == "nullable":
            return "There is no null outside a body."
        if cell.rule == "type" and cell.case == VIOLATED and schema.get("type") in {"string", "array", "object"}:
            return "What stands outside a body is text, and any text is one."
        shortest = cell.case == VIOLATED and schema.get(cell.rule) == 1
        if shortest and cell.rule == "minItems":
            return "A list without items is a parameter that is left out."
        if shortest and cell.rule == "minLength" and parameter.location == "path":
            return "A path with an empty segment is another path."
        return None

    def _of_client(self, operation: Operation, cell: Cell) -> str | None:
        if cell.part.startswith(SECURITY):
            if cell.case in {MISSING, WRONG}:
                return "A client shows the key it was given."
            first = next(filter(None, operation.security), ())
            of_first = cell.part.removeprefix(SECURITY).strip() in {scheme.id for scheme in first}
            return None if of_first else "A client shows its key as the first alternative wants it."
        if cell.part.startswith("answer ") and " header " in cell.part:
            return "A client makes nothing of the headers of an answer."
        if cell.rule.startswith("Link "):
            polled = operation.polling is not None and cell.pointer == operation.polling.pointer
            return None if polled else "A client follows Links with x-polling only."
        if cell.part.startswith("request body"):
            return self._of_arguments(operation, cell)
        return None

    def _of_arguments(self, operation: Operation, cell: Cell) -> str | None:
        media_type = body_media_type(operation)
        if cell.part not in {"request body", f"request body {media_type}"}:
            return f"A client sends this body as {media_type}."
        if properties(self._spec, operation) is None:
            return None
        named = "A client is given the members of this body as keyword arguments, so it is an object of those."
        if cell.part == "request body":
            return named
        return named if not cell.at and cell.rule not in {"enum", "not", "anyOf", "oneOf"} else None


def _provoked(operation: Operation) -> set[str]:
    """The statuses that a request alone brings about, whatever state the server is in."""
    return {
        *expectations.successes(operation),
        *expectations.rejections(operation),
        *expectations.unknowns(operation),
        *expectations.refusals(operation),
    }
