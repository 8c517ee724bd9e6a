"""What the mock counts, in the text format of Prometheus."""

from __future__ import annotations

import os
import time
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

TEXT_FORMAT = "text/plain; version=0.0.4; charset=utf-8"
_BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class _Tally:
    """The answers of one operation with one status."""

    __slots__ = ("buckets", "seconds")

    def __init__(self) -> None:
        self.buckets = [0] * (len(_BOUNDS) + 1)
        self.seconds = 0.0


class Metrics:
    """Counts the requests of one process."""

    def __init__(self) -> None:
        self._tallies: defaultdict[tuple[str, int], _Tally] = defaultdict(_Tally)
        self._jobs: Counter[str] = Counter()

    def count(self, operation: str | None, status: int, seconds: float) -> None:
        """Count an answer, and how long it took."""
        tally = self._tallies[operation or "", status]
        tally.buckets[bisect_left(_BOUNDS, seconds)] += 1
        tally.seconds += seconds

    def count_job(self, operation: str) -> None:
        """Count a job that has been started."""
        self._jobs[operation] += 1

    def snapshot(self) -> list[list[Any]]:
        """All that has been counted, as JSON: rows of a sample's name, its labels and its value."""
        rows: list[list[Any]] = []
        for (name, status), tally in self._tallies.items():
            total = 0
            for bound, count in zip((*_BOUNDS, "+Inf"), tally.buckets, strict=True):
                total += count
                rows.append(["spacely_mock_request_seconds_bucket", {"operation": name, "le": str(bound)}, total])
            rows.append(["spacely_mock_request_seconds_sum", {"operation": name}, tally.seconds])
            rows.append(["spacely_mock_request_seconds_count", {"operation": name}, total])
            rows.append(["spacely_mock_requests_total", {"operation": name, "status": str(status)}, total])
        rows += [["spacely_mock_jobs_total", {"operation": name}, count] for name, count in self._jobs.items()]
        return [*rows, *(_row(name, value) for name, value in _process())]


_HELP = {
    "spacely_mock_requests_total": ("counter", "Answers by operation and status; no operation is an unknown path."),
    "spacely_mock_jobs_total": ("counter", "Jobs started."),
    "spacely_mock_violations_total": ("counter", "What broke the contract on its way through a proxy."),
    "spacely_mock_request_seconds": ("histogram", "From a request's arrival to the start of its answer."),
    "spacely_mock_journal_lines": ("gauge", "Requests in the journal."),
    "process_resident_memory_bytes": ("gauge", "Memory of all processes."),
    "process_open_fds": ("gauge", "File descriptors of all processes."),
    "process_cpu_seconds_total": ("counter", "Processor time of all processes."),
}


def exposition(snapshots: Iterable[list[list[Any]]], journal_lines: int) -> bytes:
    """The snapshots of all processes, added up, as Prometheus reads them."""
    totals: dict[str, dict[str, float]] = {}
    rows = [row for snapshot in snapshots for row in snapshot]
    for name, labels, value in [*rows, _row("spacely_mock_journal_lines", journal_lines)]:
        written = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
        series = totals.setdefault(name, {})
        series[written] = series.get(written, 0) + value
    lines: list[str] = []
    for family, (kind, meaning) in _HELP.items():
        names = [f"{family}_{part}" for part in ("bucket", "sum", "count")] if kind == "histogram" else [family]
        lines += [f"# HELP {family} {meaning}", f"# TYPE {family} {kind}"]
        for name in names:
            for written, value in totals.get(name, {}).items():
                lines.append(f"{name}{{{written}}} {value}" if written else f"{name} {value}")
    return ("\n".join(lines) + "\n").encode()


def _row(name: str, value: float) -> list[Any]:
    return [name, {}, value]


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _process() -> Iterator[tuple[str, float]]:
    yield "process_cpu_seconds_total", time.process_time()
    folder = Path("/proc/self")
    if folder.is_dir():  # Linux tells these as files.
        pages = int((folder / "statm").read_text().split()[1])
        yield "process_resident_memory_bytes", pages * os.sysconf("SC_PAGE_SIZE")
        yield "process_open_fds", sum(1 for _ in (folder / "fd").iterdir())
