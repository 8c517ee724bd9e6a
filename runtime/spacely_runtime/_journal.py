"""The journal of a batch: what is known of each row, on disk before anything is done that depends on it.

A row goes from state to state; each change is one SQLite transaction that is on the disk when it returns:

    pending ─▶ submitting ─▶ submitted ─▶ succeeded ─▶ done        its files are there
       ▲           │  │          └───────▶ failed                  the job has failed, or the server refused the row
       └───────────┘  └────────▶ uncertain                         whether it was accepted is not known

``submitting`` is written before the request goes out. A process that dies leaves its rows in hand; whoever notices
turns those that were ``submitting`` to ``uncertain``, and takes up the jobs of the others by their ids.
"""

from __future__ import annotations

import os
import socket
import sqlite3
import sys
import time
import uuid
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from . import errors
from ._defaults import BATCH_DEAD_SECONDS
from ._rows import Row

State: TypeAlias = Literal["pending", "submitting", "submitted", "succeeded", "done", "failed", "uncertain"]

_VERSION: Final = 1
_BUSY_SECONDS: Final = 60.0
_TABLES: Final = """
CREATE TABLE batch (operation TEXT NOT NULL, base_url TEXT NOT NULL, begun_at REAL NOT NULL);
CREATE TABLE runs (id TEXT PRIMARY KEY, host TEXT NOT NULL, pid INTEGER NOT NULL, seen_at REAL NOT NULL);
CREATE TABLE submits (  -- One entry for each that was ever begun.
    id INTEGER PRIMARY KEY,
    row INTEGER NOT NULL,
    begun_at REAL NOT NULL,
    outcome TEXT NOT NULL,  -- open, accepted, uncertain, or free: certainly not accepted
    job_id TEXT
);
CREATE TABLE rows (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    request TEXT NOT NULL,
    state TEXT NOT NULL,
    submit INTEGER,  -- the last one
    owner TEXT,  -- the run that has the row in hand
    job_id TEXT,
    error TEXT,
    result TEXT,  -- JSON
    files TEXT,  -- JSON
    ended_at REAL
);
CREATE INDEX rows_by_state ON rows (state, owner);
CREATE INDEX submits_by_row ON submits (row);
PRAGMA user_version = 1
"""


class CreditsSpent(Exception):
    """As many submits were begun as may be."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A row that this run has in hand: its number, the submit under way, and the job's id once there is one."""

    number: int
    submit: int
    job_id: str | None = None


class Journal:
    """The journal at a path, joined by one process. Every method may raise JournalError.

    Raises:
        ConfigurationError: At this path can be no journal, or what is there is none.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._run = uuid.uuid4().hex
        _living.add(self._run)
        try:
            with self._told():
                path.parent.mkdir(parents=True, exist_ok=True)
                self._db = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
                self._db.row_factory = sqlite3.Row
                self._db.execute("PRAGMA journal_mode = WAL")
                self._db.execute("PRAGMA synchronous = FULL")
        except (errors.JournalError, ValueError) as error:
            raise errors.ConfigurationError(f"{error}; give another output folder") from error

    def leave(self) -> None:
        """Let go of all rows; a submit of this run that is still open is uncertain from now on."""
        with self.transaction():
            self._bury(self._run)

    def close(self) -> None:
        """Let go of the file."""
        _living.discard(self._run)
        self._db.close()

    @contextmanager
    def transaction(self) -> Generator[None]:
        """A block whose changes are on the disk all or none when it has ended, and that no other process sees half."""
        with self._told():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            finally:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")

    @contextmanager
    def _told(self) -> Generator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise errors.JournalError(f"The journal {self._path} cannot be read or written: {error}") from error

    # Joining.

    def join(self, operation: str, base_url: str, rows: Sequence[Row]) -> None:
        """Begin the batch, or go on with it; take over from processes that died.

        Raises:
            ConfigurationError: The journal is of another batch.
        """
        with self.transaction():
            if self._value("PRAGMA user_version") == 0:
                for statement in _TABLES.split(";\n"):
                    self._db.execute(statement)
                self._db.execute("INSERT INTO batch VALUES (?, ?, ?)", (operation, base_url, time.time()))
            self._check(operation, base_url, rows)
            known = self._value("SELECT COUNT(*) FROM rows")
            self._db.executemany(
                "INSERT INTO rows (number, name, request, state) VALUES (?, ?, ?, 'pending')",
                [(row.number, row.name, row.request) for row in rows[known:]],
            )
            self._db.execute(
                "INSERT INTO runs VALUES (?, ?, ?, ?)", (self._run, socket.gethostname(), os.getpid(), time.time())
            )
        self.take_over()

    def _check(self, operation: str, base_url: str, rows: Sequence[Row]) -> None:
        if (version := self._value("PRAGMA user_version")) != _VERSION:
            raise errors.ConfigurationError(
                f"{self._path} was written by another version of this program ({version}); give another output folder"
            )
        batch = self._db.execute("SELECT operation, base_url FROM batch").fetchone()
        remedy = "give another output folder"
        for what, was, now in (("operation", batch["operation"], operation), ("base URL", batch["base_url"], base_url)):
            if was != now:
                raise errors.ConfigurationError(
                    f"{self._path} is of a batch with the {what} {was}, not {now}; {remedy}"
                )
        noted = self._db.execute("SELECT number, name, request FROM rows ORDER BY number").fetchall()
        for was, row in zip(noted, rows, strict=False):
            if (was["name"], was["request"]) != (row.name, row.request):
                raise errors.ConfigurationError(
                    f"{self._path} is of a batch with another input: row {row.number} was {was['name']} "
                    f"{was['request']} and is {row.name} {row.request}; rows may be appended, not changed: {remedy}"
                )
        if len(noted) > len(rows):
            raise errors.ConfigurationError(
                f"{self._path} is of a batch with {len(noted)} rows, and the input has {len(rows)}; {remedy}"
            )

    def send_uncertain_again(self) -> None:
        """Make the uncertain rows pending: whoever asks for it accepts that some may be charged for twice."""
        with self.transaction():
            self._db.execute("UPDATE rows SET state = 'pending', error = NULL WHERE state = 'uncertain'")

    def send_refused_again(self) -> None:
        """Make the rows pending that the server refused: they cost nothing, and the reason may be gone."""
        with self.transaction():
            self._db.execute("UPDATE rows SET state = 'pending' WHERE state = 'failed' AND job_id IS NULL")

    def fetch_again(self, numbers: Sequence[int]) -> None:
        """Take up the jobs of rows again whose files are gone."""
        with self.transaction():
            self._db.executemany(
                "UPDATE rows SET state = 'submitted' WHERE state = 'done' AND number = ?",
                [(number,) for number in numbers],
            )

    # Living among other processes.

    def beat(self) -> bool:
        """Note that this process lives; False where others have taken it for dead, and its rows over."""
        with self.transaction():
            lives = self._db.execute("UPDATE runs SET seen_at = ? WHERE id = ?", (time.time(), self._run)).rowcount == 1
        self.take_over()
        return lives

    def take_over(self) -> None:
        """Take the rows out of the hands of processes that died."""
        with self.transaction():
            for run in self._db.execute("SELECT * FROM runs WHERE id != ?", (self._run,)).fetchall():
                if not _lives(run["id"], run["host"], run["pid"], run["seen_at"]):
                    self._bury(run["id"])

    def _bury(self, run: str) -> None:
        self._db.execute(
            "UPDATE submits SET outcome = 'uncertain' WHERE id IN"
            " (SELECT submit FROM rows WHERE owner = ? AND state = 'submitting')",
            (run,),
        )
        self._db.execute(
            "UPDATE rows SET state = 'uncertain', error = 'The process ended while the submit was in the air'"
            " WHERE owner = ? AND state = 'submitting'",
            (run,),
        )
        self._db.execute("UPDATE rows SET owner = NULL WHERE owner = ?", (run,))
        self._db.execute("DELETE FROM runs WHERE id = ?", (run,))

    # One row.

    def take_up(self) -> Claim | None:
        """Take a job in hand that was submitted before and that nobody follows."""
        with self.transaction():
            row = self._db.execute(
                "SELECT number, submit, job_id FROM rows WHERE state IN ('submitted', 'succeeded') AND owner IS NULL"
                " ORDER BY number LIMIT 1"
            ).fetchone()
            if row is None:
                return None
            self._db.execute("UPDATE rows SET owner = ? WHERE number = ?", (self._run, row["number"]))
            return Claim(row["number"], row["submit"], row["job_id"])

    def begin_submit(self, credit_limit: int | None) -> Claim | None:
        """Take a pending row in hand and note that it is submitted now; None where none is pending.

        Raises:
            CreditsSpent: There is one, and no credit left for it.
        """
        with self.transaction():
            row = self._db.execute(
                # Those first that were never sent: what the server refused before does not hold up the others.
                "SELECT number FROM rows WHERE state = 'pending' ORDER BY submit IS NOT NULL, number LIMIT 1"
            ).fetchone()
            if row is None:
                return None
            if credit_limit is not None and self.credits() >= credit_limit:
                raise CreditsSpent
            submit = self._db.execute(
                "INSERT INTO submits (row, begun_at, outcome) VALUES (?, ?, 'open')", (row["number"], time.time())
            ).lastrowid
            self._db.execute(
                "UPDATE rows SET state = 'submitting', owner = ?, submit = ?, error = NULL WHERE number = ?",
                (self._run, submit, row["number"]),
            )
            return Claim(row["number"], submit or 0)

    def accepted(self, claim: Claim, job_id: str) -> None:
        """Note the id of a row's job, even where others have taken this process for dead meanwhile."""
        with self.transaction():
            self._db.execute("UPDATE submits SET outcome = 'accepted', job_id = ? WHERE id = ?", (job_id, claim.submit))
            self._db.execute(
                "UPDATE rows SET state = 'submitted', job_id = ?, error = NULL WHERE number = ? AND submit = ?"
                " AND state IN ('submitting', 'uncertain', 'pending')",
                (job_id, claim.number, claim.submit),
            )

    def not_accepted(self, claim: Claim, state: Literal["pending", "failed"], error: str) -> None:
        """Note that a submit was certainly not accepted, so that it costs nothing."""
        self._submit_ended(claim, "free", state, error)

    def uncertain(self, claim: Claim, error: str) -> None:
        """Note that a submit may have been accepted."""
        self._submit_ended(claim, "uncertain", "uncertain", error)

    def _submit_ended(self, claim: Claim, outcome: str, state: State, error: str) -> None:
        with self.transaction():
            self._db.execute("UPDATE submits SET outcome = ? WHERE id = ?", (outcome, claim.submit))
            self._db.execute(
                "UPDATE rows SET state = ?, owner = NULL, error = ?, ended_at = ?"
                " WHERE number = ? AND submit = ? AND state IN ('submitting', 'uncertain')",
                (state, error, time.time(), claim.number, claim.submit),
            )

    def ended(
        self,
        claim: Claim,
        state: Literal["succeeded", "done", "failed"],
        *,
        result: str | None = None,
        files: str | None = None,
        error: str | None = None,
    ) -> None:
        """Note how a job ended; ``done`` is after its files are there."""
        with self.transaction():
            self._db.execute(
                "UPDATE rows SET state = ?, result = COALESCE(?, result), files = ?, error = ?, ended_at = ?,"
                " owner = CASE ? WHEN 'succeeded' THEN owner END WHERE number = ? AND submit = ?",
                (state, result, files, error, time.time(), state, claim.number, claim.submit),
            )

    def left(self, claim: Claim, error: str) -> None:
        """Note why a job was not followed to its end. It stays in hand, so that this run takes it up no second time."""
        with self.transaction():
            self._db.execute(
                "UPDATE rows SET error = ? WHERE number = ? AND submit = ?", (error, claim.number, claim.submit)
            )

    # What is told.

    def credits(self) -> int:
        """How many submits were made, or may have been."""
        return int(self._value("SELECT COUNT(*) FROM submits WHERE outcome != 'free'"))

    def counts(self) -> dict[State, int]:
        """How many rows are in each state."""
        with self._told():
            found = self._db.execute("SELECT state, COUNT(*) AS rows FROM rows GROUP BY state").fetchall()
        return {row["state"]: row["rows"] for row in found}

    def begun_at(self) -> float:
        """When the batch was begun, in seconds since 1970."""
        return float(self._value("SELECT begun_at FROM batch"))

    def rows(self) -> list[dict[str, Any]]:
        """All that is noted of each row; ``other_ids`` are those of its earlier submits, one a line."""
        with self._told():
            found = self._db.execute(
                "SELECT rows.*, submits.begun_at AS submitted_at,"
                " (SELECT GROUP_CONCAT(job_id, char(10)) FROM submits AS other WHERE other.row = rows.number"
                " AND other.job_id != COALESCE(rows.job_id, '')) AS other_ids"
                " FROM rows LEFT JOIN submits ON submits.id = rows.submit ORDER BY number"
            ).fetchall()
        return [dict(row) for row in found]

    def _value(self, query: str) -> Any:
        with self._told():
            return self._db.execute(query).fetchone()[0]


_living: Final[set[str]] = set()  # The runs of this very process.


def _lives(run: str, host: str, pid: int, seen_at: float) -> bool:
    """Whether a run may still be at work: it was heard of, and where it can be looked for, it is there."""
    if host == socket.gethostname() and pid == os.getpid():
        return run in _living  # A container's first process has the same number each time.
    if time.time() - seen_at > BATCH_DEAD_SECONDS:
        return False
    if host != socket.gethostname() or sys.platform == "win32":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
