"""Several processes that serve one port: started together, replaced when one dies, stopped together."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import threading
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess

Run = Callable[[int, socket.socket, Callable[[], None]], None]
"""Serves as one of the workers: its number, what it listens on, and what to call once it accepts connections."""


class WorkerError(RuntimeError):
    """A worker ended before it was ready.

    Attributes:
        code: Its exit code.
    """

    def __init__(self, code: int) -> None:
        super().__init__(f"a worker ended with code {code} before it was ready")
        self.code = code


class Workers:
    """Serves with one process for each listening socket.

    This process keeps the sockets, so that the connections which wait at a worker that has died are served by the one
    that takes its place.

    Args:
        run: What a worker does.
        sockets: What each of them listens on.
    """

    def __init__(self, run: Run, sockets: Sequence[socket.socket]) -> None:
        self._run = run
        self._sockets = sockets
        self._context = multiprocessing.get_context("fork")
        self._processes: dict[int, ForkProcess] = {}

    def serve(self, on_ready: Callable[[], None]) -> None:
        """Serve until this process is told to end by a signal whose handler raises.

        Args:
            on_ready: Called once all workers accept connections.

        Raises:
            WorkerError: A worker could not start.
        """
        try:
            # One after the other: what keeps one from starting is said once.
            for number in range(len(self._sockets)):
                self._start(number)
            on_ready()
            while True:
                self._replace()
        finally:
            self._stop()

    def _start(self, number: int) -> None:
        reader, writer = self._context.Pipe(duplex=False)
        process = self._context.Process(target=self._work, args=(number, writer), name=f"worker {number}")
        process.start()
        self._processes[number] = process
        writer.close()
        try:
            reader.recv()
        except EOFError as error:
            process.join()
            raise WorkerError(process.exitcode or 0) from error
        finally:
            reader.close()

    def _work(self, number: int, ready: Connection) -> None:
        threading.Thread(target=_end_with_parent, daemon=True).start()
        self._run(number, self._sockets[number], lambda: ready.send(True))

    def _replace(self) -> None:
        wait([process.sentinel for process in self._processes.values()])
        for number, process in list(self._processes.items()):
            if not process.is_alive():
                process.join()
                self._start(number)

    def _stop(self) -> None:
        for process in self._processes.values():
            process.terminate()
        for process in self._processes.values():
            process.join()


def _end_with_parent() -> None:
    """End this process when the one that started it is gone: nobody else would."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
