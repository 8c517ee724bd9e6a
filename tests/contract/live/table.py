"""The assumed places of a contract and what became of them, as a table: for a terminal, in Markdown, as JSON."""

from __future__ import annotations

import json
import textwrap
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from ..report import redact, shortened
from .observations import Observation, without_signatures
from .provenance import Finding
from .rungs import Rung
from .verdicts import State

_EXCERPT = 240
_WIDTH = 120


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table, free of secrets.

    Attributes:
        place: The place that is marked as assumed.
        place_line: Its line in the file.
        reason: Why it was assumed.
        pointer: The statement's own place, there or below.
        line: Its line in the file.
        statement: What the contract says there.
        state: Confirmed, contradicted, still unknown.
        note: What was seen.
        request: The request line of the exchange that says so; empty where there is none.
        answer: Its status and the beginning of its body.
        told_by: Where nothing is known yet: which rung would tell.
    """

    place: str
    place_line: int | None
    reason: str
    pointer: str
    line: int | None
    statement: str
    state: State
    note: str
    request: str
    answer: str
    told_by: str


def rows(findings: Iterable[Finding], line_of: Callable[[str], int | None], secrets: Sequence[str]) -> list[Row]:
    """The findings as lines of the table.

    Args:
        findings: What was learnt.
        line_of: Gives the line of a pointer.
        secrets: What is kept out.

    Returns:
        The lines, in the order of the findings.
    """
    return [_row(each, line_of, secrets) for each in findings]


def _row(finding: Finding, line_of: Callable[[str], int | None], secrets: Sequence[str]) -> Row:
    verdict, statement = finding.verdict, finding.statement
    request = answer = ""
    if verdict.observation is not None:
        request, answer = _evidence(verdict.observation, secrets)
    told_by = ""
    if verdict.state is State.UNKNOWN and statement is not None:
        rung = statement.told_by
        told_by = f"rung {rung.value}, {rung.title}" if rung is not None else f"{Rung.RECORDED.title} alone, by luck"
    return Row(
        finding.assumption.pointer,
        finding.assumption.line,
        finding.assumption.reason,
        finding.pointer,
        line_of(finding.pointer),
        statement.text if statement is not None else "",
        verdict.state,
        redact(without_signatures(verdict.note), secrets),
        request,
        answer,
        told_by,
    )


def _evidence(observation: Observation, secrets: Sequence[str]) -> tuple[str, str]:
    exchange = observation.evidence(secrets)
    status, _, body = exchange.received.partition("\n")
    body = " ".join(body.split())
    excerpt = body if len(body) <= _EXCERPT else body[:_EXCERPT] + " …"
    return shortened(exchange.sent.partition("\n")[0]), f"{status} {excerpt}".strip()


def counts(table: Iterable[Row]) -> str:
    """How many lines stand how."""
    found = Counter(row.state for row in table)
    return ", ".join(f"{found[state]} {state}" for state in State)


def as_text(table: Sequence[Row]) -> str:
    """The table for a terminal: each assumed place, its reason, what became of it, and evidence against it."""
    return "\n".join(_text(table))


def _text(table: Sequence[Row]) -> Iterator[str]:
    yield f"What the contract assumes: {counts(table)}"
    for place, group in groupby(table, key=lambda row: (row.place, row.place_line, row.reason)):
        pointer, line, reason = place
        yield ""
        yield f"line {line}  {pointer}"
        yield from _wrapped("  assumed: ", reason or "no reason is given")
        for row in group:
            yield from _wrapped(f"  {row.state:13}  ", f"{row.statement}: {row.note}" if row.statement else row.note)
            if row.state is State.CONTRADICTED:
                yield from _wrapped(" " * 17, f"{row.request} -> {row.answer}")
            if row.told_by:
                yield " " * 17 + f"would be told by {row.told_by}"


def _wrapped(start: str, text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent=start, subsequent_indent=" " * len(start), break_on_hyphens=False)


def as_markdown(table: Sequence[Row]) -> str:
    """The table in Markdown."""
    lines = [
        f"## What the contract assumes: {counts(table)}",
        "",
        "| line | place | states | | seen | would tell |",
        "|---:|---|---|---|---|---|",
    ]
    for row in table:
        evidence = f"<br>`{_cell(row.request)}` → `{_cell(row.answer)}`" if row.request else ""
        states = f"{_cell(row.statement)}<br>*{_cell(row.reason)}*"
        seen = _cell(row.note) + evidence
        lines.append(
            f"| {row.line} | `{_cell(row.pointer)}` | {states} | {_bold(row.state)} | {seen} | {row.told_by} |"
        )
    return "\n".join(lines) + "\n"


def as_json(table: Sequence[Row]) -> list[dict[str, Any]]:
    """The table as JSON values."""
    return [
        {
            "place": row.place,
            "reason": row.reason,
            "pointer": row.pointer,
            "line": row.line,
            "statement": row.statement,
            "state": row.state.value,
            "note": row.note,
            "evidence": {"request": row.request, "answer": row.answer} if row.request else None,
            "toldBy": row.told_by or None,
        }
        for row in table
    ]


def write_json(table: Sequence[Row]) -> str:
    """The table as a JSON document."""
    return json.dumps(as_json(table), indent=2) + "\n"


def _bold(state: State) -> str:
    return f"**{state}**" if state is State.CONTRADICTED else str(state)


def _cell(text: str) -> str:
    for character, written in (("|", "\\|"), ("`", "'"), ("<", "&lt;"), ("\n", " ")):
        text = text.replace(character, written)
    return text
