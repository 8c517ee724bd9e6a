"""Violations that are known: a file of them, each with a reason and the day on which it stops being accepted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import yaml

from spacely_spec import Problem, Source, SpecError, join_pointer, read_source

from .checks import check_names, nearest_check
from .report import Report, Violation

DAYS = 30
_WANTED = ("operation", "check", "reason", "expires")
_KNOWN = (*_WANTED, "rule")
_REMEDY = "write it as --baseline-update does: operation, check, reason, expires (YYYY-MM-DD), and rule if you like"


@dataclass(frozen=True, slots=True)
class Entry:
    """One known violation.

    Attributes:
        operation: The operation, as reports name it.
        check: The check that it breaks.
        rule: A text that the violated rule contains; empty where any violation of the check is meant.
        reason: Why it is accepted.
        expires: The last day on which it is.
        line: Where the entry begins in the file.
    """

    operation: str
    check: str
    rule: str
    reason: str
    expires: date
    line: int

    def matches(self, violation: Violation) -> bool:
        """Whether this is the violation that is meant."""
        same = (violation.operation, violation.check) == (self.operation, self.check)
        return same and self.rule in violation.rule

    def __str__(self) -> str:
        return f"{self.check} of {self.operation} (line {self.line}, until {self.expires})"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a baseline makes of a run.

    Attributes:
        expired: Entries that violations still match, after their last day.
        stale: Entries whose check was made, and which nothing matched.
    """

    expired: tuple[Entry, ...] = ()
    stale: tuple[Entry, ...] = ()


@dataclass(frozen=True, slots=True)
class Baseline:
    """A file of known violations.

    Attributes:
        path: The file.
        entries: What it lists.
    """

    path: Path
    entries: tuple[Entry, ...] = field(default=())

    @classmethod
    def read(cls, path: Path) -> Baseline:
        """Read a file; raise SpecError with every line of it that is wrong, and what to do about it."""
        source = read_source(path)
        problems: list[Problem] = []
        entries: list[Entry] = []
        listed = [] if source.document is None else source.document
        if not isinstance(listed, list):
            raise SpecError([source.problem("", "the baseline is no list of entries", "begin each entry with a dash")])
        for index, raw in enumerate(listed):
            found = list(_problems(source, join_pointer(index), raw))
            problems += found
            if not found:
                line = source.line(join_pointer(index)) or 1
                expires = date.fromisoformat(raw["expires"])
                entries.append(Entry(raw["operation"], raw["check"], raw.get("rule", ""), raw["reason"], expires, line))
        if problems:
            raise SpecError(problems)
        return cls(path, tuple(entries))

    def judge(self, reports: Sequence[Report], today: date) -> Judgement:
        """Mark what is known in the reports; find what has expired, and what is known in vain.

        Args:
            reports: The runs. What an entry that has not expired matches becomes known there.
            today: The day to judge by.

        Returns:
            The entries that need a look.
        """
        violations = [(report, violation) for report in reports for violation in report.violations]
        matched: set[Entry] = set()
        for report, violation in violations:
            for entry in self.entries:
                if entry.matches(violation):
                    matched.add(entry)
                    if entry.expires >= today:
                        report.known[violation] = f"{entry.reason} (accepted until {entry.expires})"
        made = {(operation, check) for report in reports for _, operation, check in report.tallies}
        whole = not any(report.unfinished for report in reports)
        return Judgement(
            tuple(entry for entry in self.entries if entry in matched and entry.expires < today),
            tuple(
                entry
                for entry in self.entries
                if whole and entry not in matched and (entry.operation, entry.check) in made
            ),
        )

    def extended(self, violations: Iterable[Violation], today: date) -> int:
        """Write entries for violations that none of the entries matches; return how many."""
        new = {
            (violation.operation, violation.check, violation.rule.splitlines()[0]): None
            for violation in violations
            if not any(entry.matches(violation) for entry in self.entries)
        }
        written = [
            {
                "operation": operation,
                "check": check,
                "rule": rule,
                "reason": "Not looked into yet.",
                "expires": (today + timedelta(days=DAYS)).isoformat(),
            }
            for operation, check, rule in new
        ]
        before = self.path.read_text(encoding="utf-8") if self.path.exists() else ""
        if before.strip() and not self.entries:  # Nothing but comments, or an empty list.
            before = "".join(line for line in before.splitlines(keepends=True) if line.lstrip().startswith("#"))
        if before and not before.endswith("\n"):
            before += "\n"
        if written:
            text = yaml.safe_dump(written, sort_keys=False, allow_unicode=True, width=120)
            self.path.write_text(before + text, encoding="utf-8")
        return len(written)

    def pruned(self, stale: Iterable[Entry]) -> int:
        """Take entries out of the file, their lines and nothing else; return how many."""
        gone = {entry.line for entry in stale}
        lines = self.path.read_text(encoding="utf-8").splitlines(keepends=True)
        starts = sorted(entry.line for entry in self.entries)
        for start, end in reversed(list(zip(starts, [*starts[1:], len(lines) + 1], strict=True))):
            if start in gone:
                while end - 1 > start and lines[end - 2].lstrip().startswith(("#", "\n")):
                    end -= 1  # A comment belongs to what follows it.
                del lines[start - 1 : end - 1]
        self.path.write_text("".join(lines), encoding="utf-8")
        return len(gone)


def _problems(source: Source, pointer: str, raw: Any) -> Iterable[Problem]:
    if not isinstance(raw, dict):
        yield source.problem(pointer, "an entry is no mapping", _REMEDY)
        return
    for name in sorted(raw.keys() - set(_KNOWN)):
        yield source.problem(pointer + join_pointer(name), f"an entry has no {name!r}", _REMEDY)
    for name in _KNOWN:
        if name in raw:
            if not isinstance(raw[name], str) or (name in _WANTED and not raw[name].strip()):
                yield source.problem(pointer + join_pointer(name), f"{name} is no text", "write a text there")
        elif name in _WANTED:
            yield source.problem(pointer, f"the entry has no {name}", _REMEDY)
    check = raw.get("check")
    if isinstance(check, str) and check.strip() and check not in check_names():
        yield source.problem(pointer + "/check", f"there is no check {check!r}", f"write {nearest_check(check)!r}?")
    expires = raw.get("expires")
    if isinstance(expires, str) and expires.strip():
        try:
            date.fromisoformat(expires)
        except ValueError:
            yield source.problem(
                pointer + "/expires", f"{expires!r} is no day", "write it as YYYY-MM-DD, such as 2030-01-31"
            )
