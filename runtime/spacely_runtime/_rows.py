"""The rows of a batch: read from CSV, JSON Lines or Python, and held to the contract all at once."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias, cast

from . import errors
from ._call import Call
from ._operation import Operation
from ._secret import Secret
from ._wire import parse_json, to_json
from .errors import Violation
from .types import UNSET

Source: TypeAlias = str | Path | Iterable[Mapping[str, Any]]

_NAME_CHARACTERS: Final = 100


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the input, held to the contract.

    Attributes:
        number: From 1, in the order of the input.
        name: What its files are called: its name column, made safe, or its number.
        arguments: What is no part of the body, by argument name.
        body: The body, by property names, or whatever the operation takes.
        request: All that was given, as one JSON text: two rows with the same text ask for the same.
    """

    number: int
    name: str
    arguments: Mapping[str, Any]
    body: Any
    request: str


@dataclass(frozen=True, slots=True)
class _Given:
    """A row as it was read: where it stands, its values by column, and whether they have types or are all texts."""

    place: str
    values: Mapping[str, Any]
    typed: bool


def read_rows(source: Source, operation: Operation, secret: Secret | None) -> list[Row]:
    """Read an input and hold every row of it to the contract.

    Args:
        source: The path of a CSV or JSON Lines file, or an iterable of mappings.
        operation: The operation to call with each row.
        secret: The API key; no row may hold it.

    Raises:
        ConfigurationError: The input cannot be read at all, or is empty.
        InvalidRows: Rows break the contract; all of them are listed.
    """
    columns = _Columns(operation)
    rows: list[Row] = []
    violations: list[Violation] = []
    places: dict[str, str] = {}
    for given in _given(source, violations):
        found = [Violation(f"{given.place}: {name}", why) for name, why in columns.problems(given)]
        name = columns.name(given) or str(len(rows) + 1)
        if (other := places.setdefault(name.casefold(), given.place)) != given.place:
            found.append(Violation(given.place, f"its files would be called {name!r}, as those of {other} are"))
        arguments, body = columns.split(given)
        request = ""
        try:
            request = json.dumps(to_json(columns.values(given)), sort_keys=True, ensure_ascii=False, allow_nan=False)
            request.encode()  # Half a character of UTF-16 is none that can be sent or noted.
            Call(operation, secret).encode(arguments, body)
        except errors.InvalidRequest as error:
            found += [
                Violation(f"{given.place}: {each.place}" if each.place else given.place, each.message)
                for each in error.violations
            ]
        except (TypeError, ValueError) as error:
            found.append(Violation(given.place, f"holds what JSON cannot: {error}"))
        if secret is not None and secret.redact(request) != request:
            found.append(Violation(given.place, "holds the API key, which must not get into a journal"))
        violations += found
        rows.append(Row(len(rows) + 1, name, arguments, body, request))
    if violations:
        raise errors.InvalidRows(violations, operation=operation.id)
    if not rows:
        named = f"{source} has" if isinstance(source, (str, Path)) else "The input has"
        raise errors.ConfigurationError(f"{named} no rows; give at least one")
    return rows


class _Columns:
    """What a column's name stands for: an argument, a property of the body, or the row's own name."""

    def __init__(self, operation: Operation) -> None:
        self._operation = operation
        self._properties = {argument: name for name, argument in operation.body_names.items()}
        self._whole_body = not self._properties and operation.body is not None
        known = {*operation.parameters, *self._properties, *({"body"} if self._whole_body else ())}
        self._names = {name: name for name in known}
        for name, argument in operation.body_names.items():
            self._names.setdefault(name, argument)
        self._name_column = "row_name" if "name" in self._names else "name"

    def name(self, given: _Given) -> str:
        """The row's name as a file can have it; empty where it has none."""
        text = str(given.values.get(self._name_column) or "").strip()
        return re.sub(r"[^\w.-]+", "_", text).lstrip(".")[:_NAME_CHARACTERS]

    def problems(self, given: _Given) -> Iterator[tuple[str, str]]:
        """Columns that stand for nothing, or for what another one stands for."""
        seen: dict[str, str] = {}
        for column in given.values:
            if column == self._name_column:
                continue
            argument = self._names.get(column)
            if argument is None:
                known = ", ".join(sorted({*self._names.values(), self._name_column}))
                yield column, f"is no argument of {self._operation.id}; these are: {known}"
            elif (other := seen.setdefault(argument, column)) != column:
                yield column, f"says the same as the column {other}"

    def values(self, given: _Given) -> dict[str, Any]:
        """The row's values by argument name, each of the type that the contract asks for."""
        return {
            argument: value if given.typed else self._typed(argument, value)
            for column, value in given.values.items()
            if (argument := self._names.get(column)) is not None
        }

    def split(self, given: _Given) -> tuple[dict[str, Any], Any]:
        """The row as arguments and body."""
        values = self.values(given)
        if self._whole_body:
            body = values.pop("body", UNSET)
        else:
            body = {name: values.pop(argument) for argument, name in self._properties.items() if argument in values}
        return values, body

    def _typed(self, argument: str, text: str) -> Any:
        """A cell as text where the contract takes it as text, else as the JSON value that it spells."""
        readings: list[Any] = [text]
        try:
            readings.append(parse_json((text.lower() if text.lower() in {"true", "false"} else text).encode()))
        except ValueError:
            return text
        # The fewest errors, and any other before one of type: "0 is less than 1" helps, "'0' is no integer" does not.
        return min(readings, key=lambda value: self._badness(argument, value))

    def _badness(self, argument: str, value: Any) -> int:
        found = self._errors(argument, value)
        return 0 if not found else 2 if any(" is not of type " in message for message in found) else 1

    def _errors(self, argument: str, value: Any) -> list[str]:
        if argument in self._operation.parameters:
            return [message for _, message in self._operation.parameters[argument].errors(value)]
        if self._operation.body is None:
            return []
        if self._whole_body:
            return [message for _, message in self._operation.body.errors(value)]
        name = self._properties[argument]
        pointer = "/" + name
        found = self._operation.body.errors({name: value})
        return [message for place, message in found if place == pointer or place.startswith(pointer + "/")]


def _given(source: Source, violations: list[Violation]) -> Iterator[_Given]:
    if not isinstance(source, (str, Path)):
        for number, values in enumerate(cast("Iterable[Any]", source), start=1):
            if isinstance(values, Mapping):
                yield _Given(f"row {number}", cast("Mapping[str, Any]", values), typed=True)
            else:
                violations.append(Violation(f"row {number}", f"is no mapping but a {type(values).__name__}"))
        return
    path = Path(source)
    readers = {".csv": _given_in_csv, ".tsv": _given_in_csv, ".jsonl": _given_in_lines, ".ndjson": _given_in_lines}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise errors.ConfigurationError(f"{path} is neither a .csv nor a .jsonl file")
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise errors.ConfigurationError(f"{path} is not UTF-8 at byte {error.start}; save it as UTF-8") from error
    except (OSError, ValueError) as error:
        raise errors.ConfigurationError(
            f"{path} cannot be read: {getattr(error, 'strerror', None) or error}"
        ) from error
    yield from reader(path, text, violations)


def _given_in_csv(path: Path, text: str, violations: list[Violation]) -> Iterator[_Given]:
    # Spreadsheets in many countries write semicolons.
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header: list[str] | None = None
    try:
        for cells in reader:
            place = f"{path.name}:{reader.line_num}"
            if not any(cells):
                continue
            if header is None:
                header = [cell.strip() for cell in cells]
                repeated = {name for name in header if name and header.count(name) > 1}
                violations += [Violation(f"{place}: {name}", "stands twice in the header") for name in sorted(repeated)]
                continue
            if len(cells) > len(header):
                violations.append(Violation(place, f"has {len(cells)} cells under a header of {len(header)}"))
            yield _Given(place, {name: cell for name, cell in zip(header, cells, strict=False) if cell}, typed=False)
    except csv.Error as error:
        violations.append(Violation(f"{path.name}:{reader.line_num}", f"is no CSV: {error}"))


def _given_in_lines(path: Path, text: str, violations: list[Violation]) -> Iterator[_Given]:
    for number, line in enumerate(text.split("\n"), start=1):
        place = f"{path.name}:{number}"
        if not line.strip():
            continue
        try:
            values = parse_json(line.encode())
        except ValueError as error:
            violations.append(Violation(place, f"is no JSON: {error}"))
            continue
        if isinstance(values, dict):
            yield _Given(place, cast("dict[str, Any]", values), typed=True)
        else:
            violations.append(Violation(place, "is no JSON object"))
