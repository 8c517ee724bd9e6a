"""Whatever stands in a file, it is taken or refused with sentences: never another exception."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from spacely_spec import Problem, SpecError, join_pointer, load, read_pointer

from .conftest import OPENAPI, ROOT

JUNK: tuple[Any, ...] = (
    None,
    [],
    {},
    0,
    -1.5,
    True,
    "",
    "x",
    "§",
    [None],
    {"$ref": "#/paths"},
    {"$ref": 1},
    {"x": {}},
    "$",
)
TRIES = 120


def _pointers(node: Any, pointer: str) -> Iterator[str]:
    yield pointer
    if isinstance(node, list):
        node = dict(enumerate(node))
    if isinstance(node, dict):
        for name, child in node.items():
            yield from _pointers(child, pointer + join_pointer(name))


def _problems(file: Path, change: str) -> tuple[Problem, ...]:
    try:
        load(file)
    except SpecError as error:
        return error.problems
    except Exception as error:  # It names neither the place nor the junk.
        raise AssertionError(change) from error
    return ()


@pytest.mark.parametrize("path", [OPENAPI, ROOT / "tests/specs/growth/second_submit.yaml"], ids=lambda path: path.stem)
def test_junk_anywhere_in_a_contract_is_taken_or_refused_with_sentences(path: Path, tmp_path: Path) -> None:
    document = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    places = list(_pointers(document, ""))[1:]
    chance = random.Random(7)
    refused = 0
    file = tmp_path / "contract.json"
    for _ in range(TRIES):
        pointer, junk = chance.choice(places), chance.choice(JUNK)
        changed = copy.deepcopy(document)
        holder, _, key = pointer.rpartition("/")
        parent = read_pointer(changed, holder)
        name: Any = int(key) if isinstance(parent, list) else key.replace("~1", "/").replace("~0", "~")
        parent[name] = junk
        file.write_text(json.dumps(changed), encoding="utf-8")
        problems = _problems(file, f"{pointer}: {junk!r}")
        assert all(problem.message and problem.remedy for problem in problems), f"{pointer}: {junk!r}"
        refused += bool(problems)
    assert refused > TRIES / 2
