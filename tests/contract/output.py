"""Reports written for people and for machines: text, Markdown, HTML, JUnit XML, HAR, NDJSON and JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any
from xml.etree import ElementTree as ET

from jinja2 import Environment, FileSystemLoader

from .coverage import Cell, Coverage
from .har import as_har
from .ndjson import as_lines
from .outcome import Outcome, Result
from .report import Report, Violation

# What XML 1.0 cannot hold, even as a reference.
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# More violations of one check than this say nothing new to a person.
_TOLD = 3
_LISTED = 10


class CannotWrite(Exception):
    """The reports cannot be written; the message names the folder, the reason and the remedy."""


@dataclass(frozen=True, slots=True)
class Row:
    """What happened to one operation in one phase."""

    phase: str
    operation: str
    requests: int
    passed: int
    violated: int


def rows(report: Report) -> list[Row]:
    """The report by phase and operation, in the order in which they came up."""
    keys = dict.fromkeys([*report.requests, *((phase, operation) for phase, operation, _ in report.tallies)])
    phases = list(dict.fromkeys(phase for phase, _ in keys))
    found: list[Row] = []
    for phase, operation in sorted(keys, key=lambda key: phases.index(key[0])):
        tallies = [tally for (p, o, _), tally in report.tallies.items() if (p, o) == (phase, operation)]
        passed, violated = sum(tally.passed for tally in tallies), sum(tally.violated for tally in tallies)
        found.append(Row(phase, operation, report.requests.get((phase, operation), 0), passed, violated))
    return found


def told(report: Report) -> list[Violation]:
    """The violations that a person is shown: the first few of each check, those that nobody knew of before others."""
    shown: dict[tuple[str, str, str], list[Violation]] = {}
    for violation in sorted(report.violations, key=lambda each: each in report.known):
        of_check = shown.setdefault((violation.phase, violation.operation, violation.check), [])
        if len(of_check) < _TOLD:
            of_check.append(violation)
    return [violation for of_check in shown.values() for violation in of_check]


def by_operation(coverage: Coverage) -> list[tuple[str, int, int]]:
    """For each operation, how many of its cells were filled, and how many there are."""
    counts: dict[str, tuple[int, int]] = {}
    for cell, count in coverage.counts.items():
        filled, cells = counts.get(cell.operation, (0, 0))
        counts[cell.operation] = filled + bool(count), cells + 1
    return [(operation, filled, cells) for operation, (filled, cells) in counts.items()]


def by_reason(result: Result) -> dict[str, list[Cell]]:
    """The cells that nothing could fill, by the rule that says so."""
    reasons: dict[str, list[Cell]] = {}
    for cell, reason in result.unreachable.items():
        reasons.setdefault(reason, []).append(cell)
    return reasons


def as_text(report: Report) -> str:
    """What a run has found, as a person reads it in a terminal."""
    return outcome_text(Outcome([Result(report)])).rstrip()


def outcome_text(outcome: Outcome) -> str:
    """A run as a whole, as a person reads it in a terminal."""
    return "\n".join(_lines(outcome))


def _lines(outcome: Outcome) -> Iterator[str]:
    for result in outcome.results:
        yield from _found(result.report, outcome)
        yield from _coverage(result)
        for unfinished in result.report.unfinished:
            yield f"NOT FINISHED  {unfinished}"
        report = result.report
        violated = sum(tally.violated for tally in report.tallies.values())
        known = f" ({len(report.known)} known to the baseline)" if report.known else ""
        yield (
            f"{report.target}: {result.verdict}. {report.sent} requests, {report.checks} checks, "
            f"{violated} violated{known}, in {report.seconds:.1f} s."
        )
        yield ""
    for entry in outcome.judgement.expired:
        yield f"EXPIRED  the baseline no longer accepts {entry}: {entry.reason}"
    for entry in outcome.judgement.stale:
        yield f"STALE  nothing matches any more what the baseline accepts: {entry}; --baseline-prune removes it"
    yield from outcome.notes


def _found(report: Report, outcome: Outcome) -> Iterator[str]:
    yield f"{report.target}, held to {report.contract} (seed {report.seed})"
    table = rows(report)
    width = max((len(row.operation) for row in table), default=0)
    depth = max((len(row.phase) for row in table), default=0)
    yield f"  {'phase':{depth}}  {'operation':{width}}  {'requests':>8}  {'passed':>8}  {'violated':>8}"
    for row in table:
        yield f"  {row.phase:{depth}}  {row.operation:{width}}  {row.requests:8}  {row.passed:8}  {row.violated:8}"
    for violation in told(report):
        yield ""
        word = "KNOWN" if violation in report.known else "VIOLATED"
        times = report.tallies[violation.phase, violation.operation, violation.check].violated
        rules = sum(each.id == violation.id for each in report.violations)
        of = f" ({rules} rules)" if rules > 1 else ""
        yield f"{word} {times} times{of}: {violation.check}  ({violation.operation}, {violation.phase})"
        yield from _evidence(violation)
        if violation in report.known:
            yield f"  why   {report.known[violation]}"
        if outcome.command:
            yield f"  again {outcome.replay(violation)}"
    yield ""


def _coverage(result: Result) -> Iterator[str]:
    cells = result.coverage.counts
    if not cells:
        return
    filled = len(result.coverage.filled)
    yield (
        f"  coverage of the contract: {filled} of {len(cells)} cells, {len(result.unreachable)} out of reach, "
        f"{len(result.empty)} empty"
    )
    # Of a run that was cut short they are no news; of another one, each tells of something that was never tried.
    most = _LISTED if result.report.unfinished else filled + len(result.empty)
    for cell, line in list(result.empty.items())[:most]:
        yield f"EMPTY  {_placed(cell, line)}"
    if len(result.empty) > most:
        yield f"EMPTY  … and {len(result.empty) - most} more"


def _placed(cell: Cell, line: int | None) -> str:
    return f"{cell}  (line {line}, {cell.pointer})"


def _evidence(violation: Violation) -> Iterator[str]:
    for name, text in (("rule", violation.rule), ("sent", violation.sent), ("got", violation.received)):
        if text:
            first, *others = text.splitlines()
            yield f"  {name:4}  {first}"
            yield from (f"        {line}" for line in others)


def check_folder(folder: Path) -> None:
    """Make the folder for the reports, and raise CannotWrite where no file can be made in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = error.strerror or str(error)
        raise CannotWrite(f"--report-dir {folder}: no report can be written there: {reason}; give another") from error


def write(outcome: Outcome, folder: Path) -> list[Path]:
    """Write all reports of a run that there is anything for into a folder, which is made where there is none.

    Args:
        outcome: The run.
        folder: Where the files go.

    Returns:
        The files.
    """
    reports = [result.report for result in outcome.results]
    texts = {
        "report.html": _rendered("report.html.jinja", outcome, escaped=True),
        "summary.md": summary(outcome),
        "junit.xml": _junit(outcome),
        "run.ndjson": "".join(as_lines(outcome)),
    }
    if any(report.records for report in reports):
        texts["exchanges.har"] = json.dumps(as_har(reports), ensure_ascii=False, indent=1) + "\n"
    if any(result.coverage.counts for result in outcome.results):
        texts["coverage.json"] = json.dumps(_cells(outcome), indent=1) + "\n"
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8", errors="replace")
    return [folder / name for name in texts]


def summary(outcome: Outcome) -> str:
    """A run in Markdown, as CI systems show it beside a change."""
    return _rendered("summary.md.jinja", outcome, escaped=False)


def _rendered(template: str, outcome: Outcome, *, escaped: bool) -> str:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=escaped,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    helpers = {"rows": rows, "told": told, "by_operation": by_operation, "by_reason": by_reason, "listed": _LISTED}
    return environment.get_template(template).render(outcome=outcome, **helpers)


def _cells(outcome: Outcome) -> list[dict[str, Any]]:
    return [
        {
            "target": result.report.target,
            "filled": len(result.coverage.filled),
            "cells": [
                {
                    **cell._asdict(),
                    "count": count,
                    **({"empty": True} if cell in result.empty else {}),
                    **({"unreachable": result.unreachable[cell]} if cell in result.unreachable else {}),
                }
                for cell, count in result.coverage.counts.items()
            ],
        }
        for result in outcome.results
    ]


def _junit(outcome: Outcome) -> str:
    root = ET.Element("testsuites")
    for result in outcome.results:
        report = result.report
        suite = ET.SubElement(root, "testsuite", {"name": report.target, "time": f"{report.seconds:.3f}"})
        for (phase, operation, check), tally in report.tallies.items():
            name = {"classname": f"{phase}.{operation}", "name": check}
            case = ET.SubElement(suite, "testcase", {**name, "assertions": str(tally.passed + tally.violated)})
            _junit_violations(case, outcome, report, (phase, operation, check))
        for title, missing in (
            ("everything that was planned is done", report.unfinished),
            ("every cell of the contract is filled", [_placed(*item) for item in result.empty.items()]),
        ):
            case = ET.SubElement(suite, "testcase", {"classname": "whole run", "name": title})
            if missing:
                error = ET.SubElement(case, "error", {"message": f"{len(missing)} are not"})
                error.text = _xml("\n".join(missing))
        suite.attrib["tests"] = str(len(suite))
        for kind, plural in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
            suite.attrib[plural] = str(len(suite.findall(f"testcase/{kind}")))
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _junit_violations(case: ET.Element, outcome: Outcome, report: Report, name: tuple[str, str, str]) -> None:
    found = [each for each in told(report) if (each.phase, each.operation, each.check) == name]
    unknown = [each for each in found if each not in report.known]
    if unknown:
        failure = ET.SubElement(case, "failure", {"message": _xml(unknown[0].rule.splitlines()[0])})
        again = "  again " if outcome.command else ""
        texts = ["\n".join([*_evidence(each), again + outcome.replay(each)]) for each in unknown]
        failure.text = _xml("\n\n".join(texts))
    elif found:
        ET.SubElement(case, "skipped", {"message": _xml("known: " + report.known[found[0]])})


def _xml(text: str) -> str:
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", text)
