"""The command that runs a batch, and what it shows while it runs."""

from __future__ import annotations

import json as json_format
import logging
import os
import shlex
import signal
import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any, Final

from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from ._report import BatchProgress, BatchReport
from ._terminal import ask_for_key, say

if TYPE_CHECKING:
    from ._client import SyncClient

BATCH_EXIT_STATUS: Final = (
    "Exit status: 0 all rows are done; 1 all have ended, and some failed; 2 the call or the input is wrong, and "
    "nothing was sent; 3 there is more to do: the limit of credits, an interruption, a timeout, rows that may have "
    "been accepted, or a journal or report that cannot be written; 4 standard output could not be written, whatever "
    "came of the batch."
)
_FAILED: Final = 1
_INCOMPLETE: Final = 3
_INTERRUPTED: Final = 130
_LINE_SECONDS: Final = 5.0
_LISTED: Final = 20
_SHOW_CURSOR: Final = b"\x1b[?25h\n"  # The display has hidden it.


def batch_command(client_type: type[SyncClient], program: str) -> Callable[..., None]:
    """The command for a client that has operations which start jobs.

    Args:
        client_type: The generated client.
        program: The name of the command line, for the line that says how to go on.
    """

    def batch(
        source: Annotated[Path, Parameter(name="INPUT")],
        /,
        *,
        output: Path,
        operation: str | None = None,
        credits: int | None = None,
        concurrency: int | None = None,
        timeout: float | None = None,
        poll_interval: float | None = None,
        retry_uncertain: Annotated[bool, Parameter(negative="")] = False,
        json: Annotated[bool, Parameter(negative="")] = False,
        base_url: str | None = None,
    ) -> None:
        """Submit a job for each row of a file, each at most once, and fetch what they produce.

        Stopped at any moment and started again with the same words, it goes on where it was.

        Args:
            source: A .csv file whose header names arguments, or a .jsonl file with one object a line. The column
                "name" says what a row's files are called.
            output: The folder for the files, the journal and the report.
            operation: The operation to call with each row; may be left out where only one starts jobs.
            credits: The most submits that may ever be made in this folder.
            concurrency: Rows in hand at a time; by default as many as the rate limit allows.
            timeout: Seconds to wait for each job; by default the contract's.
            poll_interval: Seconds between polls; by default the contract's.
            retry_uncertain: Send rows again that may have been accepted; each may cost a second credit.
            json: Print the outcome as JSON on standard output.
            base_url: Where the calls go.
        """
        # In an outage each of thousands of rows would log each attempt; the display says what holds the batch up.
        logging.getLogger("spacely_runtime").addHandler(logging.NullHandler())
        display = _Display()
        key = ask_for_key(client_type)
        with client_type(api_key=key, base_url=base_url, poll_interval=poll_interval) as client, _signals(), display:
            try:
                report = client.batch(
                    source,
                    output,
                    operation=None if operation is None else operation.replace("-", "_"),
                    credits=credits,
                    concurrency=concurrency,
                    timeout=timeout,
                    retry_uncertain=retry_uncertain,
                    on_progress=display.show,
                )
            except KeyboardInterrupt:
                if display.last is None:
                    raise
                report = None
        last = display.last
        if last is None:
            raise SystemExit(_INCOMPLETE)
        if json:
            _print_json(output)
        else:
            _print_outcome(last, report, output)
        complete = last.done + last.failed == last.rows
        if not complete:
            given = {
                "operation": operation,
                "credits": credits,
                "concurrency": concurrency,
                "timeout": timeout,
                "poll-interval": poll_interval,
                "base-url": base_url,
            }
            words = [program, "batch", str(source), "--output", str(output), *(["--json"] if json else [])]
            _say_why(report)
            _say_how_to_go_on(last, words, given)
            raise SystemExit(_INCOMPLETE)
        if last.failed:
            raise SystemExit(_FAILED)

    return batch


@contextmanager
def _signals() -> Generator[None]:
    """SIGINT and SIGTERM stop the batch, which notes everything; a second one ends the process at once."""
    seen: list[int] = []

    def stop(number: int, _frame: FrameType | None) -> None:
        if seen:
            if sys.stderr.isatty():
                os.write(2, _SHOW_CURSOR)
            os._exit(_INTERRUPTED)  # The journal is as good as after a kill: whole.
        seen.append(number)
        with suppress(OSError):  # The same Ctrl-C may have ended the `tee` that reads this.
            os.write(2, b"\nStopping; what is in the air is noted first. Once more to stop at once.\n")
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Display:
    """Progress on standard error: a bar on a terminal, else a line now and then."""

    def __init__(self) -> None:
        self.last: BatchProgress | None = None
        console = Console(stderr=True)
        self._bar = Progress(
            BarColumn(bar_width=30),
            TextColumn("{task.description}", markup=False),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._task = self._bar.add_task("", total=None)
        self._lines = not console.is_terminal
        self._told_at = float("-inf")

    def __enter__(self) -> None:
        self._bar.start()

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def show(self, progress: BatchProgress) -> None:
        """Show how it stands."""
        self.last = progress
        ended = progress.done + progress.failed + progress.uncertain  # This run has nothing left to do with these.
        self._bar.update(self._task, completed=ended, total=progress.rows, description=_line(progress))
        now = time.monotonic()
        if self._lines and now - self._told_at >= _LINE_SECONDS:
            self._told_at = now
            say(_line(progress))


def _line(progress: BatchProgress) -> str:
    limit = "" if progress.credit_limit is None else f" of {progress.credit_limit}"
    parts = [
        f"{progress.done}/{progress.rows} done",
        f"{progress.running} running",
        *([f"{progress.failed} failed"] if progress.failed else []),
        *([f"{progress.uncertain} uncertain"] if progress.uncertain else []),
        f"{progress.credits}{limit} credits",
        f"{progress.calls} calls",
        *([f"{_duration(progress.left)} left"] if progress.left is not None else []),
        *([progress.note] if progress.note else []),
    ]
    return "  ".join(parts)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _print_json(output: Path) -> None:
    document: dict[str, Any] = json_format.loads((output / "report.json").read_text(encoding="utf-8"))
    print(json_format.dumps({**document, "rows": len(document["rows"])}, indent=2, ensure_ascii=False))


def _print_outcome(last: BatchProgress, report: BatchReport | None, output: Path) -> None:
    counted = {
        "done": last.done,
        "failed": last.failed,
        "uncertain": last.uncertain,
        "under way": last.running,
        "not sent": last.pending,
    }
    told = ", ".join(f"{count} {name}" for name, count in counted.items() if count)
    print(f"{last.rows} rows: {told}; {last.credits} credits, {last.calls} calls, {_duration(last.elapsed)}")
    if last.note:
        print(f"Submits no more: {last.note}")
    remarkable = [row for row in report.rows if row.state in {"failed", "uncertain"}] if report else []
    for line in _first([f"{row.name}: {row.state}: {row.error}" for row in remarkable]):
        print(line)
    print(f"Report: {output / 'report.html'}")


def _say_why(report: BatchReport | None) -> None:
    """Say of each row that was accepted why this run did not bring it to its end; the next may fare no better."""
    whats = {"submitting": "being submitted", "submitted": "under way", "succeeded": "not downloaded"}
    left = [row for row in report.rows if row.state in whats] if report else []
    for line in _first([f"{row.name}: {whats[row.state]}: {row.error or 'another process is at it'}" for row in left]):
        say(line)


def _first(lines: Sequence[str]) -> list[str]:
    more = len(lines) - _LISTED
    return [f"  {line}" for line in lines[:_LISTED]] + ([f"  and {more} more"] if more > 0 else [])


def _say_how_to_go_on(last: BatchProgress, words: Sequence[str], given: Mapping[str, object]) -> None:
    """Say what is left to do, as the command that does it, with all that was given, the limit of credits too."""

    def command(*more: str, **changed: object) -> str:
        options = [(f"--{name}", str(value)) for name, value in {**given, **changed}.items() if value is not None]
        return shlex.join([*words, *(word for option in options for word in option), *more])

    if last.pending and last.credit_limit is not None and last.credits >= last.credit_limit:
        enough = last.credits + last.pending
        say(f"Go on, with as many credits as are needed: {command(credits=enough)}")
    elif last.pending or last.running:
        say(f"Go on: {command()}")
    if last.uncertain:
        say(f"Look in the account; to send the uncertain rows again: {command('--retry-uncertain')}")
