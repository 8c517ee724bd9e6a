"""Known violations: accepted for as long as they were given, and not a day longer."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from spacely_spec import SpecError

from .baseline import Baseline
from .outcome import HELD, VIOLATED, Outcome, Result
from .report import Exchange, Report

TODAY = date(2030, 1, 15)
ENTRY = """\
# The nightly copy.
- operation: GET /jobs
  check: answered
  rule: within a second
  reason: It sleeps at night.
  expires: {expires}
"""


def report(*rules: str) -> Report:
    found = Report("server", "openapi.yaml", 1)
    found.passed("jobs", "GET /jobs", "answered")
    found.passed("jobs", "POST /jobs", "submit_accepted")
    for rule in rules:
        found.violated("jobs", "GET /jobs", "answered", rule, Exchange())
    return found


def baseline(tmp_path: Path, text: str) -> Baseline:
    path = tmp_path / "baseline.yaml"
    path.write_text(text)
    return Baseline.read(path)


def status(found: Report) -> int:
    return Outcome([Result(found)]).status


@pytest.mark.parametrize("last", ["2030-01-15", "2031-12-31"])
def test_a_known_violation_does_not_fail_the_run_until_its_day_is_over(last: str, tmp_path: Path) -> None:
    found = report("It answers within a second.")
    judgement = baseline(tmp_path, ENTRY.format(expires=last)).judge([found], TODAY)
    assert status(found) == HELD
    assert [*found.known.values()] == [f"It sleeps at night. (accepted until {last})"]
    assert (judgement.expired, judgement.stale) == ((), ())


def test_an_expired_entry_accepts_nothing_and_is_named(tmp_path: Path) -> None:
    found = report("It answers within a second.")
    judgement = baseline(tmp_path, ENTRY.format(expires="2030-01-14")).judge([found], TODAY)
    assert status(found) == VIOLATED
    assert [str(entry) for entry in judgement.expired] == ["answered of GET /jobs (line 2, until 2030-01-14)"]


def test_another_rule_of_the_same_check_is_not_hidden_by_a_known_one(tmp_path: Path) -> None:
    found = report("It answers within a second.", "It answers at all.")
    baseline(tmp_path, ENTRY.format(expires="2030-02-01")).judge([found], TODAY)
    assert status(found) == VIOLATED
    assert [violation.rule for violation in found.unknown] == ["It answers at all."]


def test_an_entry_that_nothing_matches_is_stale_if_its_check_was_made_to_the_end(tmp_path: Path) -> None:
    known = baseline(tmp_path, ENTRY.format(expires="2030-02-01"))
    assert known.judge([report()], TODAY).stale == known.entries
    assert known.judge([Report("client", "openapi.yaml", 1)], TODAY).stale == ()
    cut = report()
    cut.left_out(["jobs"], "the time is over")
    assert known.judge([cut], TODAY).stale == ()


def test_new_violations_are_written_for_thirty_days_and_the_file_stays_as_it_was(tmp_path: Path) -> None:
    known = baseline(tmp_path, ENTRY.format(expires="2030-02-01"))
    found = report("It answers within a second.", "It answers: at #all\nand well.")
    assert known.extended(found.violations, TODAY) == 1
    assert known.path.read_text().startswith(ENTRY.format(expires="2030-02-01"))
    again = Baseline.read(known.path)
    assert (again.entries[1].rule, again.entries[1].expires) == ("It answers: at #all", date(2030, 2, 14))
    assert again.extended(found.violations, TODAY) == 0
    again.judge([found], TODAY)
    assert status(found) == HELD


def test_pruning_removes_the_lines_of_stale_entries_and_no_others(tmp_path: Path) -> None:
    other = ENTRY.replace("GET", "PUT").format(expires="2030-02-01")
    known = baseline(tmp_path, ENTRY.format(expires="2030-02-01") + other)
    assert known.pruned(known.entries[:1]) == 1
    assert known.path.read_text() == "# The nightly copy.\n" + other
    assert Baseline.read(known.path).pruned(known.entries[:0]) == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("operation: GET /jobs\n", "baseline.yaml:1: the baseline is no list of entries"),
        ("- GET /jobs\n", "baseline.yaml:1: an entry is no mapping"),
        (ENTRY.format(expires="soon"), "baseline.yaml:6: 'soon' is no day"),
        (ENTRY.format(expires="2030-02-30"), "baseline.yaml:6: '2030-02-30' is no day"),
        (ENTRY.format(expires="[]"), "baseline.yaml:6: expires is no text"),
        (ENTRY.format(expires="2030-02-01").replace("reason", "reasons"), "baseline.yaml:5: an entry has no 'reasons'"),
        (
            ENTRY.format(expires="2030-02-01").replace("answered", "anwsered"),
            "baseline.yaml:3: there is no check 'anwsered' (at /0/check)\n  remedy: write 'answered'?",
        ),
        ("- check: answered\n", "baseline.yaml:1: the entry has no operation"),
        ("- [\n", "is not YAML"),
    ],
)
def test_a_file_that_is_wrong_is_refused_with_its_line_and_a_remedy(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(SpecError) as refused:
        baseline(tmp_path, text)
    assert said in str(refused.value)
    assert "remedy: " in str(refused.value)


def test_an_empty_file_is_a_baseline_without_entries(tmp_path: Path) -> None:
    known = baseline(tmp_path, "# Nothing yet.\n[]\n")
    assert known.entries == ()
    assert known.extended(report("It answers at all.").violations, TODAY) == 1
    assert known.path.read_text().startswith("# Nothing yet.\n- operation: GET /jobs\n")
