"""The ledger: a file that is told of every request before it is sent, and of what became of it after."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

_CUT_OFF = {"kind": "cut-off", "means": "the run before this line ended in the middle of writing the line above"}


class LedgerError(Exception):
    """The ledger cannot be used; the message names the file, the line and the remedy."""


@dataclass
class Ledger:
    """An append-only file of JSON lines; each is on the disk before the call that writes it returns.

    What an earlier run wrote counts: a request that was to be sent and has no outcome is taken for one that was
    accepted, since nobody knows.

    Args:
        path: The file; made where there is none. One run at a time may have it open.
        now: Tells the time, in seconds since the Unix epoch.

    Attributes:
        last_send: When the last request was sent, in seconds since the Unix epoch; 0 where none was.

    Raises:
        LedgerError: The file cannot be read, has a line that is none of a ledger's, or is another run's.
    """

    path: Path
    now: Callable[[], float] = time.time
    last_send: float = 0.0
    _credits: dict[int, int] = field(default_factory=dict[int, int])
    _jobs: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    _number: int = 0
    _file: int = -1

    def __enter__(self) -> Self:
        try:
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            content = self.path.read_bytes()
            _sync_folder(self.path.parent)
        except BlockingIOError as error:
            self.__exit__(None, None, None)
            raise LedgerError(f"{self.path} is in use by another run; wait for its end") from error
        except OSError as error:
            reason = error.strerror or str(error)
            raise LedgerError(f"{self.path} cannot be used as the ledger: {reason}; give another --ledger") from error
        try:
            self._read(content)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        os.close(self._file)
        self._file = -1

    @property
    def spent(self) -> int:
        """The credits that all runs with this ledger have spent or may have spent."""
        return sum(self._credits.values())

    def jobs(self, operation: str) -> tuple[str, ...]:
        """The ids of the jobs that an operation has started and whose end has not been seen, the oldest first."""
        return tuple(self._jobs.get(operation, ()))

    def begin(self, facts: Mapping[str, Any]) -> None:
        """Note that a run begins, and what it may do."""
        self._append({"kind": "run", **facts})

    def sending(self, request: Mapping[str, Any], credits: int) -> int:
        """Note that a request is about to be sent; it may be sent once this has returned.

        Args:
            request: What is told of it.
            credits: What it may cost at most.

        Returns:
            Its number, by which its outcome is noted.
        """
        number = self._number + 1
        self._append({"kind": "send", "number": number, **request, "credits": credits})
        return number

    def ended(self, number: int, outcome: Mapping[str, Any], credits: int) -> None:
        """Note what became of a request: what is told of its answer, and what it is taken to have cost."""
        self._append({"kind": "outcome", "number": number, **outcome, "credits": credits})

    def job_ended(self, operation: str, job: str) -> None:
        """Note that a job has been followed to its end."""
        self._append({"kind": "job-ended", "operation": operation, "job": job})

    def _append(self, line: dict[str, Any]) -> None:
        line = {"at": datetime.fromtimestamp(self.now(), UTC).isoformat(timespec="microseconds"), **line}
        data = json.dumps(line).encode() + b"\n"
        while data:  # A full disk writes a part, and raises on the rest.
            data = data[os.write(self._file, data) :]
        os.fsync(self._file)
        self._take(line)

    def _read(self, content: bytes) -> None:
        lines = content.split(b"\n")
        whole, rest = lines[:-1], lines[-1]
        for index, raw in enumerate(whole):
            try:
                self._take(json.loads(raw))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                following = whole[index + 1] if index + 1 < len(whole) else b""
                if _kind(following) == _CUT_OFF["kind"]:
                    continue
                raise LedgerError(
                    f"{self.path}:{index + 1}: is no line of a ledger; mend it, or give another --ledger"
                ) from error
        if rest:
            # It was not on the disk, so its request was not sent, or its outcome is not known.
            os.write(self._file, b"\n")
            self._append(dict(_CUT_OFF))

    def _take(self, line: dict[str, Any]) -> None:
        match line["kind"]:
            case "send":
                self._number = max(self._number, int(line["number"]))
                self._credits[int(line["number"])] = int(line["credits"])
                self.last_send = datetime.fromisoformat(line["at"]).timestamp()
            case "outcome":
                self._credits[int(line["number"])] = int(line["credits"])
                if line.get("job"):
                    self._jobs.setdefault(str(line["operation"]), []).append(str(line["job"]))
            case "job-ended":
                jobs = self._jobs.get(str(line["operation"]), [])
                jobs[:] = [job for job in jobs if job != line["job"]]
            case "run" | "cut-off":
                pass
            case other:
                raise ValueError(other)


def _kind(line: bytes) -> Any:
    try:
        return json.loads(line)["kind"]
    except (ValueError, KeyError, TypeError):
        return None


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
