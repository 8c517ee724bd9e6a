"""The Links of operations: where they lead, and the loop that one of them may describe."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ._expressions import Criterion, Expression, ExpressionError, join_pointer
from ._model import Operation, Polling, Response, Schema
from ._reach import schemas_at
from ._source import Report

_DELAY_SECONDS = 1.0
_INTERVAL_SECONDS = 1.0
_TIMEOUT_SECONDS = 600.0
_LOCATED = re.compile(r"(path|query|header|cookie)\.(.+)")


@dataclass(frozen=True)
class Link:
    """One Link Object as written: its name, the status of the response that has it, and where it stands."""

    name: str
    status: str
    raw: Mapping[str, Any]
    pointer: str


def with_polling(
    operations: Sequence[Operation], links: Mapping[str, Sequence[Link]], document: Mapping[str, Any], report: Report
) -> Iterator[Operation]:
    """The operations, each with what its polling Link says.

    Args:
        operations: All operations of the contract.
        links: The Links of each, by operationId.
        document: The document they stand in.
        report: Takes what is wrong with a Link.

    Returns:
        The operations in the same order.
    """
    if report.problems:  # A Link to an operation that has been objected to would be objected to as well.
        yield from operations
        return
    reader = _LinkReader({operation.id: operation for operation in operations}, document, report)
    for operation in operations:
        looping = [link for link in links[operation.id] if "x-polling" in link.raw]
        for extra in looping[1:]:
            place = extra.pointer + "/x-polling"
            report.add(place, "an operation can have one polling Link only", "remove x-polling from this one")
        for link in links[operation.id]:
            reader.check(link)
        polling = reader.polling(operation, looping[0]) if looping and not report.problems else None
        yield replace(operation, polling=polling)


class _LinkReader:
    def __init__(self, operations: Mapping[str, Operation], document: Mapping[str, Any], report: Report) -> None:
        self._operations = operations
        self._document = document
        self._report = report

    def check(self, link: Link) -> None:
        """Object to a Link that does not lead to an operation and its parameters."""
        polling = "x-polling" in link.raw
        if "operationId" not in link.raw:
            if polling or "operationRef" not in link.raw:
                self._report.add(
                    link.pointer,
                    f"the Link {link.name!r} names no operationId",
                    "set its operationId to the operation it leads to"
                    + (" (a polling Link takes no operationRef)" if "operationRef" in link.raw else ""),
                )
            return
        target = self._operations.get(link.raw["operationId"])
        if target is None:
            self._report.add(
                link.pointer + "/operationId",
                f"the Link {link.name!r} leads to the operation {link.raw['operationId']!r}, which does not exist",
                f"name one of: {', '.join(self._operations)}",
            )
            return
        before = len(self._report.problems)
        bound = self._bound(link, target)
        if polling and target.body is not None and target.body.required:
            self._report.add(
                link.pointer + "/operationId",
                f"the operation {target.id!r} needs a body, so it cannot be polled",
                "lead the Link to an operation that needs none",
            )
        if len(self._report.problems) > before or not polling:
            return
        for parameter in target.parameters:
            if parameter.required and parameter.name not in bound:
                self._report.add(
                    link.pointer,
                    f"the polling Link {link.name!r} does not say what {parameter.name!r} is, which is required",
                    f"set it under parameters, as in parameters: {{{parameter.name}: $response.body#/id}}",
                )

    def _bound(self, link: Link, target: Operation) -> dict[str, tuple[Any, str]]:
        """What a Link sets each parameter of its target to, and where; what the target lacks is objected to."""
        bound: dict[str, tuple[Any, str]] = {}
        for written, value in link.raw.get("parameters", {}).items():
            found = [p for p in target.parameters if written in {p.name, f"{p.location}.{p.name}"}]
            if found:
                bound[found[0].name] = value, link.pointer + join_pointer("parameters", written)
            else:
                self._report.add(
                    link.pointer + join_pointer("parameters", written),
                    f"the operation {target.id!r} has no parameter {written!r}",
                    f"name one of: {', '.join(p.name for p in target.parameters) or 'none, it has no parameters'}",
                )
        return bound

    def polling(self, operation: Operation, link: Link) -> Polling | None:
        """What a polling Link that has been checked says; None where it is objected to."""
        before = len(self._report.problems)
        target = self._operations[link.raw["operationId"]]
        loop: Mapping[str, Any] = link.raw["x-polling"]
        place = link.pointer + "/x-polling"
        bound = self._bound(link, target)
        ids = [name for name, (value, _) in bound.items() if isinstance(value, str) and value.startswith("$")]
        if len(ids) != 1:
            self._report.add(
                link.pointer + ("/parameters" if bound else ""),
                f"the polling Link {link.name!r} takes {len(ids)} parameters from the response",
                "take exactly one from it, as in parameters: {id: $response.body#/id}: it is the job's id",
            )
            return None
        submitted = [operation.responses[link.status]]
        answers = [response for status, response in target.responses.items() if status.startswith("2")]
        job_id = self._expression(*bound[ids[0]], submitted)
        success = self._criteria(loop, "successCriteria", place, answers)
        failure = self._criteria(loop, "failureCriteria", place, answers)
        result = self._expression(loop["result"], place + "/result", answers) if "result" in loop else None
        if job_id is None or len(self._report.problems) > before:
            return None
        return Polling(
            link=link.name,
            status=link.status,
            target=target.id,
            parameter=ids[0],
            job_id=job_id,
            constants={name: value for name, (value, _) in bound.items() if name != ids[0]},
            delay_seconds=float(loop.get("delaySeconds", _DELAY_SECONDS)),
            interval_seconds=float(loop.get("intervalSeconds", _INTERVAL_SECONDS)),
            timeout_seconds=float(loop.get("timeoutSeconds", _TIMEOUT_SECONDS)),
            success=success,
            failure=failure,
            result=result,
            pointer=link.pointer,
        )

    def _criteria(
        self, loop: Mapping[str, Any], key: str, pointer: str, answers: Sequence[Response]
    ) -> tuple[Criterion, ...]:
        criteria: list[Criterion] = []
        for index, entry in enumerate(loop.get(key, [])):
            place = pointer + join_pointer(key, index, "condition")
            try:
                criterion = Criterion.parse(entry["condition"])
            except ExpressionError as error:
                self._report.add(place, f"the criterion {entry['condition']!r} cannot be parsed", str(error))
                continue
            criteria.append(criterion)
            schemas = self._schemas(criterion.expression, place, answers)
            words = [word for schema in schemas for word in schema.get("enum", ())]
            if schemas and all("enum" in schema for schema in schemas) and criterion.value not in words:
                self._report.add(
                    place,
                    f"the criterion compares with {criterion.value!r}, which the contract says is never there",
                    f"compare with one of: {', '.join(map(str, words))}",
                )
        return tuple(criteria)

    def _expression(self, text: str, pointer: str, answers: Sequence[Response]) -> Expression | None:
        try:
            expression = Expression.parse(text)
        except ExpressionError as error:
            self._report.add(pointer, f"the runtime expression {text!r} cannot be parsed", str(error))
            return None
        self._schemas(expression, pointer, answers)
        return expression

    def _schemas(self, expression: Expression, pointer: str, answers: Sequence[Response]) -> list[Schema]:
        """What the contract says of the value that an expression reads; none documented is objected to."""
        if expression.source == "status":
            return []
        if expression.source == "header":
            schemas = [
                schema
                for answer in answers
                for name, schema in answer.headers.items()
                if name.lower() == expression.key.lower()
            ]
        else:
            schemas = [
                schema
                for answer in answers
                for media_type in answer.content.values()
                for schema in schemas_at(self._document, media_type.schema or {}, expression.key)
            ]
        if not schemas:
            self._report.add(
                pointer,
                f"{expression.text} reads a place that the documented response does not have",
                "correct it, or document that place in the schema of the response",
            )
        return schemas
