"""Reports written for people and for machines: text, JUnit XML and HTML."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from jinja2 import Environment, FileSystemLoader

from .report import Report, Violation

# What XML 1.0 cannot hold, even as a reference.
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


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


def as_text(report: Report) -> str:
    """The report as a person reads it in a terminal."""
    return "\n".join(_lines(report))


def _lines(report: Report) -> Iterator[str]:
    yield f"{report.target}, held to {report.contract} (seed {report.seed})"
    table = rows(report)
    width = max((len(row.operation) for row in table), default=0)
    depth = max((len(row.phase) for row in table), default=0)
    yield f"  {'phase':{depth}}  {'operation':{width}}  {'requests':>8}  {'passed':>8}  {'violated':>8}"
    for row in table:
        yield f"  {row.phase:{depth}}  {row.operation:{width}}  {row.requests:8}  {row.passed:8}  {row.violated:8}"
    for violation in report.violations:
        yield ""
        tally = report.tallies[violation.phase, violation.operation, violation.check]
        yield f"VIOLATED {tally.violated} times: {violation.check}  ({violation.operation}, {violation.phase})"
        yield from _evidence(violation)
    yield ""
    verdict = "held" if report.held else "violated" if report.violations else "nothing was checked"
    yield (
        f"{report.target}: {verdict}. {sum(report.requests.values())} requests, {report.checks} checks, "
        f"{sum(tally.violated for tally in report.tallies.values())} violated, in {report.seconds:.1f} s."
    )


def _evidence(violation: Violation) -> Iterator[str]:
    for name, text in (("rule", violation.rule), ("sent", violation.sent), ("got", violation.received)):
        if text:
            first, *others = text.splitlines()
            yield f"  {name:4}  {first}"
            yield from (f"        {line}" for line in others)


def write(reports: Sequence[Report], folder: Path) -> list[Path]:
    """Write reports into a folder, which is made where there is none.

    Args:
        reports: What was found.
        folder: Where ``junit.xml`` and ``report.html`` go.

    Returns:
        The files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    junit, html = folder / "junit.xml", folder / "report.html"
    junit.write_text(_junit(reports), encoding="utf-8", errors="replace")
    environment = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True)
    page = environment.get_template("report.html.jinja").render(reports=reports, rows=rows)
    html.write_text(page, encoding="utf-8", errors="replace")
    return [junit, html]


def _junit(reports: Iterable[Report]) -> str:
    root = ET.Element("testsuites")
    for report in reports:
        failures = sum(bool(tally.violated) for tally in report.tallies.values())
        counts = {"tests": str(len(report.tallies)), "failures": str(failures), "errors": "0", "skipped": "0"}
        suite = ET.SubElement(root, "testsuite", {"name": report.target, "time": f"{report.seconds:.3f}", **counts})
        for (phase, operation, check), tally in report.tallies.items():
            name = {"classname": f"{phase}.{operation}", "name": check}
            case = ET.SubElement(suite, "testcase", {**name, "assertions": str(tally.passed + tally.violated)})
            for violation in report.violations:
                if (violation.phase, violation.operation, violation.check) == (phase, operation, check):
                    failure = ET.SubElement(case, "failure", {"message": _xml(violation.rule.splitlines()[0])})
                    failure.text = _xml("\n".join(_evidence(violation)))
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _xml(text: str) -> str:
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", text)
