"""Rules from a YAML file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from spacely_spec import SpecError, read_source

from ._rules import RuleError, RuleSet


def load_rules(path: Path, operations: Sequence[str]) -> RuleSet:
    """Read the rules in a file.

    Args:
        path: The file.
        operations: The operations that the contract has, by operationId.

    Returns:
        The rules.

    Raises:
        SpecError: The file cannot be read, or a rule in it cannot be understood; it names line and remedy.
    """
    source = read_source(path)
    try:
        rules = RuleSet.from_json(source.document)
        rules.check_operations(operations)
    except RuleError as error:
        raise SpecError([source.problem(error.pointer, error.message, error.remedy)]) from error
    return rules
