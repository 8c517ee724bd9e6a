"""Each task in a process of its own, a few at a time, so that no mutant touches another."""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
import time
import traceback
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from tests.contract.mutants.run import Result, Task, run

_ROOT = Path(__file__).resolve().parents[3]


@dataclass
class _Running:
    """A process and what it was given."""

    index: int
    process: ForkServerProcess
    ends: float
    began: float


def run_all(tasks: Iterable[Task], jobs: int, timeout: float) -> Iterator[tuple[int, Result]]:
    """Do tasks, each in a process that has done nothing else.

    Args:
        tasks: The tasks.
        jobs: How many run at a time.
        timeout: Seconds after which a task is ended.

    Yields:
        The number of a task among all, and what came of it, in the order in which they end.
    """
    # A process is forked from one that has imported everything and run nothing.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([f"{__package__}.preload"])
    _make_importable()
    waiting = deque(enumerate(tasks))
    running: dict[Connection, _Running] = {}
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                index, task = waiting.popleft()
                ours, theirs = context.Pipe(duplex=False)
                process = context.Process(target=_work, args=(task, theirs), daemon=False)
                process.start()
                theirs.close()
                now = time.monotonic()
                running[ours] = _Running(index, process, now + timeout, now)
            soonest = min(each.ends for each in running.values())
            ready = wait(list(running), max(0.0, soonest - time.monotonic()))
            for connection, each in list(running.items()):
                if connection in ready:
                    yield each.index, _received(connection, each)
                elif time.monotonic() >= each.ends:
                    _end(each.process)
                    yield each.index, Result(seconds=time.monotonic() - each.began, timed_out=True)
                else:
                    continue
                connection.close()
                del running[connection]
    finally:
        for each in running.values():
            _end(each.process)


def _received(connection: Connection, running: _Running) -> Result:
    try:
        result = connection.recv()
    except EOFError:
        running.process.join()
        return Result(trouble=f"the process ended with status {running.process.exitcode}")
    running.process.join()
    assert isinstance(result, Result)
    return result


def _end(process: ForkServerProcess) -> None:
    process.terminate()
    process.join(5)
    if process.is_alive():
        process.kill()
        process.join()


def _work(task: Task, connection: Connection) -> None:
    """The whole life of a process."""
    home = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder, Path(os.devnull).open("w") as devnull:
        os.chdir(folder)  # Tools leave files where they stand.
        for stream in (sys.stdout, sys.stderr):
            with suppress(Exception):
                os.dup2(devnull.fileno(), stream.fileno())
        try:
            result = run(task)
        except BaseException:  # noqa: BLE001 - a fault must not pass for killed because the suite broke over it
            result = Result(trouble=traceback.format_exc())
        os.chdir(home)
    connection.send(result)
    connection.close()


def _make_importable() -> None:
    """Let processes that start anew find this project, as this one does."""
    known = os.environ.get("PYTHONPATH", "")
    if str(_ROOT) not in known.split(os.pathsep):
        os.environ["PYTHONPATH"] = f"{_ROOT}{os.pathsep}{known}".rstrip(os.pathsep)
