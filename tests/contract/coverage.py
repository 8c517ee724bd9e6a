"""What of a contract a run has exercised: every operation, status, parameter, property and keyword, cell by cell.

The cells are read from the contract. What fills them is what went over the wire or, for the client, into its methods.
A cell that is empty makes a run incomplete, unless a rule of ``unreachable.py`` says why nothing could fill it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from spacely_spec import Answer, Expression, ExpressionError, Operation, Response, Spec, join_pointer

from . import credentials
from .expectations import allows, label, successes
from .pointers import found
from .recording import NOTHING, Answered, Input, Message, Record
from .report import Report
from .schema_cells import GIVEN, LEFT_OUT, VIOLATED, Mark, SchemaCells
from .wire import json_of, text_at, value_of_text, values_of

OPERATION, SECURITY = "operation", "security"
RIGHT, WRONG, MISSING = "right", "wrong", "missing"
FOLLOWED = "followed"


class Cell(NamedTuple):
    """One thing to exercise.

    Attributes:
        operation: The operation, as reports name it.
        part: What of it: a parameter, the body of the request, an answer, a security scheme.
        at: Where in the value, as a path; empty for the whole of it.
        rule: What the contract says there: a keyword, or that there is such a thing.
        case: Which side of it: satisfied, violated, a value, or what is to be seen.
        pointer: Where the contract says so.
    """

    operation: str
    part: str
    at: str
    rule: str
    case: str
    pointer: str

    def __str__(self) -> str:
        at = f" at {self.at}" if self.at else ""
        return f"{self.operation}, {self.part}{at}: {self.rule} {self.case}"


@dataclass(slots=True)
class Coverage:
    """How often the cells of a contract were filled.

    Attributes:
        counts: How often, by cell, in the order of the contract.
        impossible: Cells that no value there is can fill.
    """

    counts: dict[Cell, int] = field(default_factory=dict)
    impossible: set[Cell] = field(default_factory=set)

    def plan(self, cells: Iterable[tuple[Cell, bool]]) -> None:
        """Take up cells, each with whether there is a value that fills it."""
        for cell, possible in cells:
            self.counts.setdefault(cell, 0)
            if not possible:
                self.impossible.add(cell)

    def fill(self, cells: Iterable[Cell]) -> None:
        """Count what something has filled."""
        for cell in cells:
            self.counts[cell] += 1

    @property
    def filled(self) -> list[Cell]:
        """The cells that were filled."""
        return [cell for cell, count in self.counts.items() if count]

    @property
    def empty(self) -> list[Cell]:
        """The cells that were not filled."""
        return [cell for cell, count in self.counts.items() if not count]


def measure(spec: Spec, report: Report) -> Coverage:
    """Find what of a contract a run has exercised.

    Args:
        spec: The contract.
        report: The run.

    Returns:
        Its cells, each with how often it was filled.
    """
    coverage = Coverage()
    cells = {label(operation): OperationCells(spec, operation) for operation in spec.operations}
    links = [link for operation in spec.operations for link in _links(spec, operation)]
    for each in cells.values():
        coverage.plan(each.all())
    coverage.plan((link.cell, True) for link in links)
    for given in report.inputs:
        coverage.fill(cells[label(spec.operation(given.operation))].asked(given))
    for record in report.records:
        operation, asked = _asked(spec, cells, record)
        if operation is None:
            continue
        coverage.fill(operation.keys(record.message, report.secrets))
        if asked is not None:
            coverage.fill(operation.asked(asked))
        if record.message.answer is not None:
            coverage.fill(operation.answered(record.message.answer))
            if asked is not None:
                coverage.fill(link.cell for link in links if link.followed(operation.operation, asked, record.message))
    return coverage


def _asked(
    spec: Spec, cells: Mapping[str, OperationCells], record: Record
) -> tuple[OperationCells | None, Input | None]:
    """The operation that a request was sent to, and what it says; a poll is recorded with the submit it belongs to."""
    named = cells.get(record.operation)
    if named is not None and named.operation.method == record.message.method:
        return named, values_of(spec, named.operation, record.message)
    for each in cells.values():
        asked = values_of(spec, each.operation, record.message)
        if asked is not None:
            return each, asked
    return None, None


def shown_by_examples(spec: Spec) -> set[Cell]:
    """The cells of answers that the contract's own examples fill."""
    shown: set[Cell] = set()
    for operation in spec.operations:
        cells = OperationCells(spec, operation)
        for status, response in operation.responses.items():
            for media_type, content in response.content.items():
                for example in content.examples.values():
                    shown.update(cells.content(status, media_type, example))
    return shown


class OperationCells:
    """The cells of one operation.

    Args:
        spec: The contract.
        operation: The operation.
    """

    def __init__(self, spec: Spec, operation: Operation) -> None:
        self.operation = operation
        self._spec = spec
        self._label = label(operation)
        self._parameters = {
            (each.location, each.name): SchemaCells(spec, each.schema, each.pointer + "/schema", "request")
            for each in operation.parameters
        }
        self._bodies = {
            name: SchemaCells(spec, content.schema or {}, content.pointer + "/schema", "request")
            for name, content in (operation.body.content if operation.body else {}).items()
        }
        self._contents = {
            (status, name): SchemaCells(spec, content.schema or {}, content.pointer + "/schema", "response")
            for status, response in operation.responses.items()
            for name, content in response.content.items()
        }
        self._headers = {
            (status, name): SchemaCells(spec, schema, self._header_pointer(status, name) + "/schema", "response")
            for status, response in operation.responses.items()
            for name, schema in response.headers.items()
        }

    def all(self) -> Iterator[tuple[Cell, bool]]:
        """Every cell, and whether there is a value that fills it."""
        pointer = self.operation.pointer
        yield self._cell(OPERATION, "operation", "succeeds", pointer), True
        for parameter in self.operation.parameters:
            part = f"{parameter.location} {parameter.name}"
            yield self._cell(part, "parameter", GIVEN, parameter.pointer), True
            yield self._cell(part, *_absence("parameter", parameter.required), parameter.pointer), True
            yield from self._of(part, self._parameters[parameter.location, parameter.name])
        if self.operation.body is not None:
            yield self._cell("request body", "body", GIVEN, pointer + "/requestBody"), True
            absence = _absence("body", self.operation.body.required)
            yield self._cell("request body", *absence, pointer + "/requestBody"), True
            for name, cells in self._bodies.items():
                yield self._media_type(f"request body {name}", self.operation.body.content[name].pointer), True
                yield from self._of(f"request body {name}", cells)
        for status, response in self.operation.responses.items():
            yield from self._answers(status, response)
        for scheme in self._schemes():
            for case in (RIGHT, WRONG, MISSING):
                place = join_pointer("components", "securitySchemes", scheme.id)
                possible = case != MISSING or credentials.needs_key(self.operation)
                yield self._cell(f"{SECURITY} {scheme.id}", "key", case, place), possible

    def _answers(self, status: str, response: Response) -> Iterator[tuple[Cell, bool]]:
        yield self._cell(f"answer {status}", "status", GIVEN, self._answer_pointer(status)), True
        for name, content in response.content.items():
            yield self._media_type(f"answer {status} {name}", content.pointer), True
            yield from self._of(f"answer {status} {name}", self._contents[status, name])
        for name in response.headers:
            pointer = self._header_pointer(status, name)
            yield self._cell(f"answer {status} header {name}", "header", GIVEN, pointer), True
            yield from self._of(f"answer {status} header {name}", self._headers[status, name])

    def asked(self, given: Input) -> Iterator[Cell]:
        """The cells that the values of a request fill."""
        for parameter in self.operation.parameters:
            part, place = f"{parameter.location} {parameter.name}", (parameter.location, parameter.name)
            if place not in given.parameters:
                yield self._cell(part, *_absence("parameter", parameter.required), parameter.pointer)
                continue
            yield self._cell(part, "parameter", GIVEN, parameter.pointer)
            yield from self._filled(part, self._parameters[place], given.parameters[place])
        body, pointer = self.operation.body, self.operation.pointer + "/requestBody"
        if body is None:
            return
        if given.body is NOTHING and not given.media_type:
            yield self._cell("request body", *_absence("body", body.required), pointer)
        for name in body.content:
            if given.media_type == name:
                yield self._cell("request body", "body", GIVEN, pointer)
                yield self._media_type(f"request body {name}", body.content[name].pointer)
                if given.body is not NOTHING:
                    yield from self._filled(f"request body {name}", self._bodies[name], given.body)

    def answered(self, answer: Answered) -> Iterator[Cell]:
        """The cells that an answer fills."""
        if allows(successes(self.operation), answer.status):
            yield self._cell(OPERATION, "operation", "succeeds", self.operation.pointer)
        status = self._documented(answer.status)
        if status is None:
            return
        yield self._cell(f"answer {status}", "status", GIVEN, self._answer_pointer(status))
        response = self.operation.responses[status]
        media_type = (answer.header("content-type") or "").partition(";")[0].strip().lower()
        if media_type in response.content:
            yield self._media_type(f"answer {status} {media_type}", response.content[media_type].pointer)
            if "json" in media_type:
                yield from self.content(status, media_type, json_of(answer.body))
        for name, schema in response.headers.items():
            text = answer.header(name)
            if text is not None:
                yield self._cell(f"answer {status} header {name}", "header", GIVEN, self._header_pointer(status, name))
                value = value_of_text(self._spec, schema, text)
                yield from self._filled(f"answer {status} header {name}", self._headers[status, name], value)

    def content(self, status: str, media_type: str, value: Any) -> Iterator[Cell]:
        """The cells that the body of an answer fills."""
        if value is not NOTHING:
            yield from self._filled(f"answer {status} {media_type}", self._contents[status, media_type], value)

    def keys(self, message: Message, secrets: Iterable[str]) -> Iterator[Cell]:
        """The cells that what a request shows for a key fills."""
        for scheme in self._schemes():
            there = text_at(message, scheme.location, scheme.name)
            right = there in {scheme.prefix + secret for secret in secrets}
            case = MISSING if there is None else RIGHT if right else WRONG
            place = join_pointer("components", "securitySchemes", scheme.id)
            yield self._cell(f"{SECURITY} {scheme.id}", "key", case, place)

    def _schemes(self) -> list[Any]:
        return list({each.id: each for group in self.operation.security for each in group}.values())

    def _documented(self, status: int) -> str | None:
        written = [str(status), f"{status // 100}XX", "default"]
        return next((each for each in written if each in self.operation.responses), None)

    def _answer_pointer(self, status: str) -> str:
        return self.operation.pointer + join_pointer("responses", status)

    def _header_pointer(self, status: str, name: str) -> str:
        return found(self._spec, self._answer_pointer(status))[1] + join_pointer("headers", name)

    def _cell(self, part: str, rule: str, case: str, pointer: str, at: str = "") -> Cell:
        return Cell(self._label, part, at, rule, case, pointer)

    def _media_type(self, part: str, pointer: str) -> Cell:
        return self._cell(part, "media type", GIVEN, pointer)

    def _of(self, part: str, cells: SchemaCells) -> Iterator[tuple[Cell, bool]]:
        for mark, possible in cells.all():
            yield self._marked(part, mark), possible

    def _filled(self, part: str, cells: SchemaCells, value: Any) -> Iterator[Cell]:
        for mark in cells.filled(value):
            yield self._marked(part, mark)

    def _marked(self, part: str, mark: Mark) -> Cell:
        return self._cell(part, mark.rule, mark.case, mark.pointer, mark.at)


@dataclass(slots=True)
class _Link:
    """One Link: what the answer that has it says of the request that follows it."""

    cell: Cell
    source: Operation
    status: str
    target: Operation
    parameters: Mapping[tuple[str, str], Any]
    _offered: list[dict[tuple[str, str], str]] = field(default_factory=list)

    def followed(self, operation: Operation, given: Input, message: Message) -> bool:
        """Take in the next request of the run; say whether it follows the Link to a success."""
        answer = message.answer
        if answer is None:
            return False
        sent = {place: str(value) for place, value in given.parameters.items()}
        follows = operation == self.target and any(offer.items() <= sent.items() for offer in self._offered)
        if operation == self.source and allows((self.status,), answer.status):
            read = Answer(answer.status, dict(answer.headers), json_of(answer.body))
            values = {
                place: value.read(read) if isinstance(value, Expression) else value
                for place, value in self.parameters.items()
            }
            self._offered.append({place: str(value) for place, value in values.items()})
        return follows and allows(successes(operation), answer.status)


def _links(spec: Spec, operation: Operation) -> Iterator[_Link]:
    by_id = {each.id: each for each in spec.operations}
    for status in operation.responses:
        response, place = found(spec, operation.pointer + join_pointer("responses", status))
        for name in response.get("links", {}):
            link, pointer = found(spec, place + join_pointer("links", name))
            target = by_id.get(link.get("operationId", ""))
            if target is not None:
                cell = Cell(label(operation), f"answer {status}", "", f"Link {name}", FOLLOWED, pointer)
                yield _Link(cell, operation, status, target, _bound(target, link.get("parameters", {})))


def _absence(thing: str, required: bool) -> tuple[str, str]:
    return ("required", VIOLATED) if required else (thing, LEFT_OUT)


def _bound(target: Operation, parameters: Mapping[str, Any]) -> dict[tuple[str, str], Any]:
    bound: dict[tuple[str, str], Any] = {}
    for written, value in parameters.items():
        for each in target.parameters:
            if written in {each.name, f"{each.location}.{each.name}"}:
                try:
                    bound[each.location, each.name] = Expression.parse(value) if str(value).startswith("$") else value
                except ExpressionError:
                    continue  # What cannot be read from an answer is not looked for.
    return bound
