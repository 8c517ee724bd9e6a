"""What the command line shows: JSON for programs, tables and moving progress for people at a terminal."""

from __future__ import annotations

import getpass
import json
import os
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TextIO, cast

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, DownloadColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column
from rich.text import Text

from ._wait import JobUpdate

if TYPE_CHECKING:
    from ._client import SyncClient
    from ._progress import DownloadProgress

_NAME_CHARACTERS: Final = 24


def ask_for_key(client_type: type[SyncClient]) -> str | None:
    """The API key from the person at the terminal, unseen; None where it is in the environment or nobody is there.

    A key that were an option would stand in the shell's history and in the list of processes.
    """
    variable = f"{client_type._environment_prefix}_API_KEY"  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # one package, two modules
    needed = any(operation.keys for operation in client_type.operations.values())
    if not needed or os.environ.get(variable) or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    try:
        return getpass.getpass(f"API key ({variable} is not set): ", sys.stderr) or None
    except (EOFError, KeyboardInterrupt) as refusal:
        print(file=sys.stderr)
        if isinstance(refusal, KeyboardInterrupt):
            raise
        return None


def say(text: str) -> None:
    """Print a line on standard error, or not, where that takes nothing: what is paid for goes on without listeners."""
    if sys.stderr is None:  # The shell has closed it, and print() would take standard output in its place.
        return
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:
        _give_up(sys.stderr)


class OutputError(Exception):
    """Standard output does not take what is printed: its reader has gone, or the disk is full."""


@contextmanager
def output_told() -> Generator[None]:
    """A block that prints; all of it has left this process when the block ends, or it ends with OutputError.

    It is for blocks whose other failures are all told by exceptions of their own.
    """
    try:
        try:
            yield
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except OSError as error:
        if sys.stdout is not None:
            _give_up(sys.stdout)
        raise OutputError(f"the output cannot be written: {error}") from error


def _give_up(stream: TextIO) -> None:
    """Throw away what a stream could not write; Python would try again at its end, and print a message of its own."""
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), stream.fileno())


def show_json(value: Any) -> None:
    """Print a JSON value for a program."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def show(value: Any) -> None:
    """Print a JSON value: as a table at a terminal, else as JSON."""
    console = Console()
    if console.is_terminal:
        console.print(_table(value), soft_wrap=True)  # The terminal breaks long lines; a URL stays one to click on.
    else:
        show_json(value)


def show_lines(table: Mapping[str, Any], lines: Sequence[str]) -> None:
    """Print a table at a terminal, else these lines, for the next command of a pipe."""
    if Console().is_terminal:
        show(table)
    else:
        for line in lines:
            print(line)


def _table(value: Any) -> Text:
    """A list of objects as rows, anything else as one line for each of its values."""
    rows = cast("list[Any]", value) if isinstance(value, list) else []
    if rows and all(isinstance(row, dict) for row in rows):
        names = list(dict.fromkeys(name for row in rows for name in row))
        heads = [Text(name, "bold") for name in names]
        return _columns([heads, *([_text(row.get(name, "")) for name in names] for row in rows)])
    return _columns([[Text(name, "bold"), _text(leaf)] for name, leaf in _leaves(value, "")])


def _columns(rows: Sequence[Sequence[Text]]) -> Text:
    """Cells in columns as wide as need be; a table of rich would fold or cut what the terminal has no room for."""
    lines = [line for row in rows for line in zip_longest(*map(_lines, row), fillvalue=Text())]
    widths = [max(cell.cell_len for cell in column) for column in zip(*lines, strict=True)]
    return Text("\n").join(
        Text("  ").join([*map(_padded, line[:-1], widths), line[-1]])  # Nothing to the right of the last one.
        for line in lines
    )


def _lines(cell: Text) -> list[Text]:
    return list(cell.split("\n", allow_blank=True))


def _padded(cell: Text, width: int) -> Text:
    return cell + Text(" " * (width - cell.cell_len))


def _leaves(value: Any, name: str) -> Generator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, child in cast("dict[str, Any]", value).items():
            yield from _leaves(child, f"{name}.{key}" if name else key)
    else:
        yield name, value


def _text(value: Any) -> Text:
    if isinstance(value, list) and all(isinstance(item, str) for item in cast("list[Any]", value)):
        return Text("\n".join(cast("list[str]", value)))
    return Text(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


class JobDisplay:
    """How a job stands, on standard error: lines that move at a terminal, else a line for each answer.

    Args:
        moving: Whether lines may move; a terminal is needed besides.
    """

    def __init__(self, *, moving: bool) -> None:
        self.updates: list[JobUpdate[Any]] = []
        self._console = Console(stderr=True)
        self._moves = moving and self._console.is_terminal
        spinner = SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn()
        self._job = Progress(*spinner, console=self._console)
        name = TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True))
        size = DownloadColumn(table_column=Column(no_wrap=True))
        self._files = Progress(name, BarColumn(), size, console=self._console)
        self._tasks: dict[Path, TaskID] = {}

    @contextmanager
    def moving(self) -> Generator[None]:
        """Show that time goes by, until the block ends."""
        if not self._moves:
            yield
            return
        with Live(Group(self._job, self._files), console=self._console, transient=True):
            self._job.add_task("submitted", total=None)
            yield

    def note(self, update: JobUpdate[Any]) -> None:
        """Take in an answer; to be given as ``on_update``."""
        self.updates.append(update)
        if not self._moves:
            say(f"{update.elapsed:6.1f} s  {update.state}")
            return
        ended = None if update.state == "running" else 1.0
        self._job.update(self._job.task_ids[0], description=update.state, total=ended, completed=ended or 0.0)

    def note_file(self, progress: DownloadProgress) -> None:
        """Take in a piece of a file; to be given as ``on_progress``."""
        if not self._moves:
            return
        task = self._tasks.get(progress.path)
        if task is None:
            task = self._tasks[progress.path] = self._files.add_task(_end(progress.path.name), total=None)
        self._files.update(task, total=progress.total, completed=progress.received)


def _end(name: str) -> str:
    """The end of a name that would leave no room for a bar; what files are told apart by stands there."""
    return name if len(name) <= _NAME_CHARACTERS else "…" + name[1 - _NAME_CHARACTERS :]
