"""What became of a batch: as an object, and as a file for programs to read."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import _contact_sheet, errors
from ._download import whole_file

if TYPE_CHECKING:  # Whoever runs no batch does without SQLite.
    from ._journal import Journal, State


@dataclass(frozen=True, slots=True)
class BatchProgress:
    """How a batch stands.

    Attributes:
        rows: How many rows there are.
        done: How many of them have their result.
        running: How many are being submitted, followed or downloaded.
        failed: How many failed or were refused.
        uncertain: How many may have been accepted, which is not known.
        pending: How many were not sent yet.
        credits: How many submits were made, or may have been, by all runs together.
        credit_limit: How many there may be.
        calls: How many calls this run has made.
        elapsed: Seconds since this run began.
        left: About how many seconds this run goes on, at the rate at which rows have ended since the first one did;
            None before a second one has.
        note: What holds it up, if anything does.
    """

    rows: int
    done: int
    running: int
    failed: int
    uncertain: int
    pending: int
    credits: int
    credit_limit: int | None
    calls: int
    elapsed: float
    left: float | None
    note: str | None


@dataclass(frozen=True, slots=True)
class BatchRow:
    """One row of a batch.

    Attributes:
        number: From 1, in the order of the input.
        name: What its files are called.
        state: ``done``; ``failed`` (the job failed, or the server refused the row: then there is no ``job_id``);
            ``uncertain`` (it may have been accepted, and charged for); ``pending`` (not sent); ``submitted`` and
            ``succeeded`` (the job is not at its end, or its files are not here: the next run goes on with it);
            ``submitting`` (another process is at it).
        request: What was asked for, by argument name.
        job_id: The id of its job.
        result: What the job produced; the whole answer where the contract does not say what that is, or it failed.
        files: The downloaded files.
        error: Why it is not done.
        other_ids: The ids of jobs that were submitted for it before, where it was sent again.
        seconds: From the submit to the end.
    """

    number: int
    name: str
    state: State
    request: Mapping[str, Any]
    job_id: str | None
    result: Any
    files: tuple[Path, ...]
    error: str | None
    other_ids: tuple[str, ...]
    seconds: float | None


@dataclass(frozen=True)
class BatchReport:
    """A batch as it stands at the end of a run.

    Attributes:
        operation: The operationId.
        directory: The output folder.
        rows: Every row of the input.
        credits: How many submits were made, or may have been, by all runs together.
        credit_limit: How many there may be.
        calls: How many calls this run made.
        seconds: How long this run took.
        begun_at: When the batch was begun.
        stopped: Why this run submitted no more, where it stopped early.
    """

    operation: str
    directory: Path
    rows: tuple[BatchRow, ...]
    credits: int
    credit_limit: int | None
    calls: int
    seconds: float
    begun_at: datetime
    stopped: str | None

    @cached_property
    def counts(self) -> Mapping[State, int]:
        """How many rows are in each state."""
        return Counter(row.state for row in self.rows)

    @property
    def complete(self) -> bool:
        """Whether every row has ended, well or badly, so that another run would find nothing to do."""
        return self.counts.get("done", 0) + self.counts.get("failed", 0) == len(self.rows)

    @property
    def path(self) -> Path:
        """The contact sheet, to look at in a browser."""
        return self.directory / "report.html"

    def summary(self) -> dict[str, Any]:
        """The report without its rows, as JSON values."""
        return {
            "operation": self.operation,
            "complete": self.complete,
            "stopped": self.stopped,
            "rows": len(self.rows),
            "states": dict(self.counts),
            "credits": self.credits,
            "credit_limit": self.credit_limit,
            "calls": self.calls,
            "seconds": round(self.seconds, 3),
            "begun_at": self.begun_at.isoformat(timespec="seconds"),
            "report": str(self.path),
        }


def write_report(
    journal: Journal,
    directory: Path,
    *,
    operation: str,
    credit_limit: int | None,
    calls: int,
    seconds: float,
    stopped: str | None,
) -> BatchReport:
    """Make the report out of the journal, and write it as report.json and report.html."""
    # Within a transaction, so that of two processes that end at once each writes what is so.
    with journal.transaction():
        report = BatchReport(
            operation=operation,
            directory=directory,
            rows=tuple(_row(noted, directory) for noted in journal.rows()),
            credits=journal.credits(),
            credit_limit=credit_limit,
            calls=calls,
            seconds=seconds,
            begun_at=datetime.fromtimestamp(journal.begun_at(), UTC),
            stopped=stopped,
        )
        document = {**report.summary(), "rows": [_row_document(row, directory) for row in report.rows]}
        _write(directory / "report.json", json.dumps(document, indent=2, ensure_ascii=False))
        _write(report.path, _contact_sheet.render(document))
    return report


def _write(path: Path, text: str) -> None:
    try:
        with whole_file(path) as file:
            file.write(text.encode())
    except OSError as error:  # Told here: the journal, in whose transaction this is, would take it for its own.
        raise errors.JournalError(
            f"The report {path} cannot be written: {error}; the journal has all that it would say: make room for it, "
            "and run the batch again"
        ) from error


def _row(noted: Mapping[str, Any], directory: Path) -> BatchRow:
    ended, began = noted["ended_at"], noted["submitted_at"]
    return BatchRow(
        number=noted["number"],
        name=noted["name"],
        state=noted["state"],
        request=json.loads(noted["request"]),
        job_id=noted["job_id"],
        result=None if noted["result"] is None else json.loads(noted["result"]),
        files=tuple(directory / name for name in json.loads(noted["files"] or "[]")),
        error=noted["error"],
        other_ids=tuple((noted["other_ids"] or "").split()),
        seconds=round(ended - began, 3) if ended and began and noted["job_id"] else None,
    )


def _row_document(row: BatchRow, directory: Path) -> dict[str, Any]:
    return {
        "number": row.number,
        "name": row.name,
        "state": row.state,
        "job_id": row.job_id,
        "request": row.request,
        "result": row.result,
        "files": [path.relative_to(directory).as_posix() for path in row.files],
        "error": row.error,
        "other_ids": list(row.other_ids),
        "seconds": row.seconds,
    }
