"""Rules from a YAML file."""

from __future__ import annotations

from pathlib import Path

from spacely_spec import SpecError, read_source

from ._rules import RuleError, RuleSet


def load_rules(path: Path) -> RuleSet:
    """Read the rules in a file.

    Raises:
        SpecError: The file cannot be read, or a rule in it cannot be understood; it names line and remedy.
    """
    source = read_source(path)
    try:
        return RuleSet.from_json(source.document)
    except RuleError as error:
        raise SpecError([source.problem(error.pointer, error.message, error.remedy)]) from error
