"""A YAML or JSON file as a document in which every place knows its line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ._expressions import join_pointer
from ._problems import Problem, SpecError

_STRING = "tag:yaml.org,2002:str"
_BOOLEAN = "tag:yaml.org,2002:bool"
_TIMESTAMP = "tag:yaml.org,2002:timestamp"


class _Loader(yaml.SafeLoader):
    """Reads what JSON can say, as OpenAPI asks: a date stays text, and `no` is a word, not false."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in {_BOOLEAN, _TIMESTAMP}]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(_BOOLEAN, re.compile(r"true|True|TRUE|false|False|FALSE"), list("tTfF"))


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


def read_source(path: Path) -> Source:
    """Read a file; raise SpecError where it is missing, unreadable or not YAML."""
    try:
        content = path.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise SpecError(
            [Problem(path, None, "", f"cannot be read: {reason}", "give the path of an OpenAPI file")]
        ) from error
    try:
        loader = _Loader(content)
        try:
            node = loader.get_single_node()
            lines: dict[str, int] = {}
            problems: list[Problem] = []
            if node is not None:
                _walk(node, "", path, lines, problems, set())
            if problems:
                raise SpecError(problems)
            document = None if node is None else loader.construct_document(node)
        finally:
            loader.dispose()
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        if isinstance(error, SpecError):
            raise
        raise SpecError([_syntax_problem(path, error)]) from error
    return Source(path, content, document, lines)


def _walk(
    node: yaml.Node, pointer: str, path: Path, lines: dict[str, int], problems: list[Problem], above: set[int]
) -> None:
    lines.setdefault(pointer, node.start_mark.line + 1)
    if id(node) in above:
        problems.append(
            Problem(path, node.start_mark.line + 1, pointer, "an alias contains itself", "write the value out")
        )
        return
    above = above | {id(node)}
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            name = str(key.value)
            if isinstance(key, yaml.ScalarNode) and name != "<<":
                key.tag = _STRING  # JSON's keys are text: an unquoted status is no number.
            child = pointer + join_pointer(name)
            lines[child] = key.start_mark.line + 1
            if name in seen and name != "<<":
                problems.append(
                    Problem(path, lines[child], child, f"the key {name!r} stands here twice", "keep one of the two")
                )
            seen.add(name)
            _walk(value, child, path, lines, problems, above)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _walk(item, pointer + join_pointer(index), path, lines, problems, above)


def _syntax_problem(path: Path, error: Exception) -> Problem:
    line = None
    message = "is not YAML"
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        line = error.problem_mark.line + 1
        message = f"is not YAML: {error.problem} (column {error.problem_mark.column + 1})"
    elif isinstance(error, RecursionError):
        message = "is nested too deeply to be read"
    elif str(error):
        message = f"is not YAML: {str(error).splitlines()[0]}"
    return Problem(path, line, "", message, "mend the syntax at that place")
