"""Loading a contract file: read it, check it, give it back or say everything that is wrong with it."""

from __future__ import annotations

from pathlib import Path

from ._examples import check_examples, check_schemas
from ._extensions import check_extensions
from ._model import Spec
from ._openapi import check_references, check_structure, check_version
from ._problems import SpecError
from ._read import Reader
from ._source import Report, read_source


def load(path: str | Path) -> Spec:
    """Read an OpenAPI 3.0 file and check all that the client, the mock and the contract tests rely on.

    Args:
        path: A YAML or JSON file.

    Returns:
        The contract.

    Raises:
        SpecError: The file is missing, no YAML, no OpenAPI 3.0, or breaks a rule; its ``problems`` name
            the line, the rule and the remedy for each thing found.
    """
    source = read_source(Path(path))
    # Each step relies on what the ones before it have proven.
    for check in (check_version, check_structure, check_references, check_extensions, check_schemas):
        problems = list(check(source))
        if problems:
            raise SpecError(problems)
    report = Report(source)
    spec = Reader(source, report).spec()
    problems = [*report.problems, *check_examples(source)]
    if problems:
        raise SpecError(problems)
    return spec
