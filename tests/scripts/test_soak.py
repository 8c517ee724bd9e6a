"""scripts/soak: what it sends, and what it finds."""

import asyncio
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MIB = 2**20
FLAT = {"memory": [50 * MIB] * 4 + [90 * MIB] * 8, "descriptors": [14, 30, 14]}
BAD = {
    "memory has grown": {**FLAT, "memory": [50 * MIB] * 8 + [70 * MIB] * 4},
    "descriptors have leaked": {**FLAT, "descriptors": [14, 30, 30]},
    "500 instead of 200": {**FLAT, "wrong": ["500 instead of 200: GET /"]},
}


@pytest.fixture(scope="module")
def soak():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "scripts")
        yield __import__("soak")
        sys.modules.pop("soak")


def test_a_short_one_gets_only_the_answers_it_expects_and_leaves_no_connection(soak):
    spec = soak.load(ROOT / "openapi.yaml")
    with soak._mock(spec) as (process, port, errors):
        tally = asyncio.run(soak._soak(spec, process, port, 2))
        assert errors.read_text() == ""
    assert tally.wrong == []
    assert tally.answers.keys() >= {200, 400, 401, 404}
    assert min(tally.asked, tally.rules) > 0
    assert tally.descriptors[-1] <= tally.descriptors[0] + soak.STRAY_DESCRIPTORS


def test_what_grows_only_while_it_warms_up_is_flat(soak):
    spec = soak.load(ROOT / "openapi.yaml")
    assert soak._report(spec, soak.Tally(**FLAT), "", 60) == []


@pytest.mark.parametrize(("message", "facts"), BAD.items(), ids=BAD.keys())
def test_what_is_not_as_it_should_be_is_named_and_fails(soak, message, facts):
    spec = soak.load(ROOT / "openapi.yaml")
    [failure] = soak._report(spec, soak.Tally(**facts), "", 60)
    assert message in failure


def test_a_traceback_of_the_mock_fails(soak):
    spec = soak.load(ROOT / "openapi.yaml")
    [failure] = soak._report(spec, soak.Tally(**FLAT), "Traceback", 60)
    assert "Traceback" in failure
