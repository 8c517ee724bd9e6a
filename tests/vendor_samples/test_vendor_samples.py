"""The vendor's samples that need only what the tests need; scripts/vendor-samples runs all the others as well."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ._samples import LANGUAGES, SAMPLES, Language, check

# connexion takes what jsonschema has deprecated; not ours to mend.
pytestmark = pytest.mark.filterwarnings(r"ignore:jsonschema\..* is deprecated:DeprecationWarning")

BY_NAME = {language.name: language for language in LANGUAGES}


@pytest.mark.parametrize("name", ["cURL", "Python requests"])
def test_the_vendors_sample_gets_the_documented_answers(name: str, tmp_path: Path) -> None:
    check(BY_NAME[name], tmp_path)


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not on this machine")
def test_the_vendors_sample_for_node_gets_the_documented_answers(tmp_path: Path) -> None:
    check(BY_NAME["Node fetch"], tmp_path)


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.name)
@pytest.mark.parametrize("operation", ["generate-advance", "poll-result"])
def test_every_language_has_a_sample_of_every_operation(language: Language, operation: str) -> None:
    assert "https://api.spacely.ai/api/v1/" in (SAMPLES / operation / f"{language.file}.txt").read_text(
        encoding="utf-8"
    )


def test_an_answer_that_is_not_the_documented_one_fails(tmp_path: Path) -> None:
    wrong = Language("none", "requests.py", ("echo", '{"data": 3}', "#"), ())
    with pytest.raises(AssertionError):
        check(wrong, tmp_path)
