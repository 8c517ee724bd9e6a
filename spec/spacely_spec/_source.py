"""A YAML or JSON file as a document in which every place knows its line."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import yaml

from ._expressions import join_pointer
from ._problems import Problem, SpecError

_TAG = "tag:yaml.org,2002:"
_STRING = _TAG + "str"
_JSON_TAGS = frozenset(_TAG + kind for kind in ("map", "seq", "str", "int", "float", "bool", "null"))
# A file of a few hundred bytes can name 10^9 places by aliases of aliases.
_ALIASED_PLACES = 100_000


class _Loader(yaml.SafeLoader):
    """Reads what JSON can say, as OpenAPI asks: a date stays text, `no` is a word, and 0755 and 1:30 are no numbers."""


_Loader.yaml_implicit_resolvers = {}
for _kind, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", r"-?(?:0|[1-9][0-9]*)", "-0123456789"),
    ("float", r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?", "-0123456789"),
    ("float", r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", "-+."),
):
    cast("Any", _Loader).add_implicit_resolver(_TAG + _kind, re.compile(rf"(?:{_pattern})\Z"), list(_first))


@dataclass(frozen=True)
class Source:
    """A file, its bytes, the document in it and the line of every JSON pointer into that document."""

    path: Path
    content: bytes
    document: Any
    lines: Mapping[str, int]

    def line(self, pointer: str) -> int | None:
        """The line of a place, or of the nearest place around it that the file has; None if there is none."""
        while pointer not in self.lines:
            if not pointer:
                return None
            pointer = pointer.rpartition("/")[0]
        return self.lines[pointer]

    def problem(self, pointer: str, message: str, remedy: str) -> Problem:
        """A problem at a place of this file."""
        return Problem(self.path, self.line(pointer), pointer, message, remedy)


class Report:
    """Gathers what is wrong with a file, each thing once."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.problems: list[Problem] = []

    def add(self, pointer: str, message: str, remedy: str) -> None:
        """Take note of a problem at a place; several ways may lead to the same one."""
        problem = self._source.problem(pointer, message, remedy)
        if problem not in self.problems:
            self.problems.append(problem)


def read_source(path: Path) -> Source:
    """Read a file; raise SpecError where it is missing, unreadable, or says what JSON cannot."""
    try:
        content = path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a path with a null character
        reason = getattr(error, "strerror", None) or str(error)
        raise SpecError(
            [Problem(path, None, "", f"cannot be read: {reason}", "give the path of a file that can be read")]
        ) from error
    try:
        loader = _Loader(content)
        try:
            node = loader.get_single_node()
            survey = _Survey(path, loader)
            if node is not None:
                survey.visit(node, "", frozenset())
            if survey.problems:
                raise SpecError(survey.problems)
            document = None if node is None else cast("Any", loader).construct_document(node)
        finally:
            loader.dispose()
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        if isinstance(error, SpecError):
            raise
        raise SpecError([_syntax_problem(path, error)]) from error
    return Source(path, content, document, survey.lines)


@dataclass
class _Survey:
    """Notes the line of every place, and what is YAML but no JSON."""

    path: Path
    loader: _Loader
    lines: dict[str, int] = field(default_factory=dict[str, int])
    problems: list[Problem] = field(default_factory=list[Problem])
    _seen: set[int] = field(default_factory=set[int])
    _aliased: int = 0

    def visit(self, node: yaml.Node, pointer: str, above: frozenset[int]) -> None:
        line = node.start_mark.line + 1
        self.lines.setdefault(pointer, line)
        if id(node) in self._seen:
            self._aliased += 1
            if self._aliased > _ALIASED_PLACES:
                message = f"aliases stand for more than {_ALIASED_PLACES} values"
                raise SpecError([Problem(self.path, line, "", message, "use $ref instead of YAML aliases")])
        self._seen.add(id(node))
        if id(node) in above:
            self._object(line, pointer, "an alias contains itself", "write the value out")
        elif node.tag == _TAG + "value":  # What YAML 1.1 makes of a lone "=".
            node.tag = _STRING
        elif node.tag not in _JSON_TAGS:
            tag = node.tag.replace(_TAG, "!!")
            self._object(line, pointer, f"the tag {tag} says what JSON cannot", "write the value as JSON has it")
        elif isinstance(node, yaml.MappingNode):
            self._visit_mapping(node, pointer, above | {id(node)})
        elif isinstance(node, yaml.SequenceNode):
            for index, item in enumerate(node.value):
                self.visit(item, pointer + join_pointer(index), above | {id(node)})
        else:
            self._visit_scalar(node, line, pointer)

    def _visit_mapping(self, node: yaml.MappingNode, pointer: str, above: frozenset[int]) -> None:
        names: set[str] = set()
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                self._object(line, pointer, "a key is a list or a mapping", "JSON's keys are text: write a name")
                continue
            name = str(key.value)
            child = pointer + join_pointer(name)
            self.lines.setdefault(child, line)
            if name == "<<" and key.style is None:
                self._object(line, child, "the merge key << is not part of YAML 1.2", "use $ref, or write the keys out")
            elif name in names:
                self._object(line, child, f"the key {name!r} stands here twice", "keep one of the two")
            key.tag = _STRING  # JSON's keys are text: an unquoted status is no number.
            names.add(name)
            self.visit(value, child, above)

    def _visit_scalar(self, node: yaml.Node, line: int, pointer: str) -> None:
        try:
            value = cast("Any", self.loader).construct_object(node)
        except ValueError as error:
            self._object(line, pointer, f"the value cannot be read: {error}", "write it as JSON has it")
            return
        if isinstance(value, float) and not math.isfinite(value):
            self._object(line, pointer, f"{node.value} is no number that JSON has", "write a finite number")

    def _object(self, line: int, pointer: str, message: str, remedy: str) -> None:
        self.problems.append(Problem(self.path, line, pointer, message, remedy))


def _syntax_problem(path: Path, error: Exception) -> Problem:
    line = None
    message = "is not YAML"
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        line = error.problem_mark.line + 1
        said = ", ".join(part for part in (error.context, error.problem) if part)
        message = f"is not YAML: {said} (column {error.problem_mark.column + 1})"
    elif isinstance(error, RecursionError):
        return Problem(path, None, "", "is nested too deeply to be read", "nest it less deeply")
    elif str(error):
        message = f"is not YAML: {str(error).splitlines()[0]}"
    return Problem(path, line, "", message, "mend the syntax at that place")
