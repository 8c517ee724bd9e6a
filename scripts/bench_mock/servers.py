"""The servers that are measured, and how each is started."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from .requests import KEY, Request

_TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Server:
    """A server.

    Attributes:
        name: What the tables call it.
        does: What it does with a request.
        command: Its command line, with ``{spec}`` and ``{port}`` to be filled in, and ``{bin}`` for the folder of the
            package's programs.
        package: The npm package it comes from, with its version; None for Python.
    """

    name: str
    does: str
    command: Sequence[str]
    package: str | None = None


_MOCK = (sys.executable, "-m", "spacely_mock", "--spec", "{spec}", "--port", "{port}", "--api-key", KEY)
_MOCK_JOBS = (*_MOCK, "--render-time", "1h")  # So that a poll finds its job running, as most polls do.
MOCK = Server("this mock", "validates, checks the key, makes and reads jobs, writes its journal", _MOCK_JOBS)
MOCK_DONE = Server("this mock, job done", "the same; the polled job has its images", (*_MOCK, "--render-time", "0"))
MOCK_SLOW = Server("this mock, --no-fast-lane", "the same by way of connexion", (*_MOCK_JOBS, "--no-fast-lane"))
TWO_WORKERS = Server("this mock, --workers 2", "the same in two processes", (*_MOCK_JOBS, "--workers", "2"))
_APP = (sys.executable, "-m", f"{__package__}.apps")
BARE = Server("bare ASGI function", "reads the request, answers a constant", (*_APP, "bare", "{spec}", "{port}"))
SHORT_CUT = Server(
    "short cut alone", "parses the request, answers a constant without ASGI", (*_APP, "short_cut", "{spec}", "{port}")
)
STARLETTE = Server("Starlette", "parses the body, answers the example", (*_APP, "starlette", "{spec}", "{port}"))
CONNEXION = Server(
    "connexion", "validates requests and responses, checks the key", (*_APP, "connexion", "{spec}", "{port}")
)
PRISM = Server(
    "Prism",
    "validates, looks for a key",
    ("{bin}/prism", "mock", "-v", "silent", "-h", "127.0.0.1", "-p", "{port}", "{spec}"),
    "@stoplight/prism-cli@5.14.2",
)
STEADY = Server(
    "Steady",
    "validates",
    ("{bin}/steady", "-q", "--reject-on-sdk-error", "--host", "127.0.0.1", "-p", "{port}", "{spec}"),
    "@stdy/cli@0.22.2",
)
MOCKOON = Server(
    "Mockoon",
    "answers the example",
    ("{bin}/mockoon-cli", "start", "-X", "--disable-admin-api", "-l", "127.0.0.1", "-p", "{port}", "-d", "{spec}"),
    "@mockoon/cli@9.9.0",
)
SERVERS = (MOCK, MOCK_DONE, MOCK_SLOW, CONNEXION, STARLETTE, BARE, SHORT_CUT, STEADY, PRISM, MOCKOON)


def install(server: Server, cache: Path) -> bool:
    """Fetch the package of a server, unless it is there; whether it can be run."""
    if server.package is None:
        return True
    folder = cache / server.package.replace("/", "-").removeprefix("@")
    if not (folder / "node_modules").is_dir():
        if shutil.which("npm") is None:
            return False
        folder.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), server.package]
        return subprocess.run(command, check=False).returncode == 0
    return True


class Running:
    """A server that runs in a process group of its own."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self._process = process
        self.port = port
        self.base = ""
        self.start_seconds = 0.0

    @property
    def cpu_seconds(self) -> float:
        """The processor time that it has used, its children's included."""
        return sum(sum(map(int, fields[11:13])) for fields in self._stats()) / _TICKS

    @property
    def memory(self) -> int:
        """The memory that it holds (resident set), its children's included, in bytes."""
        return sum(int(fields[21]) for fields in self._stats()) * PAGE

    def _stats(self) -> Iterator[list[str]]:
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[2]) == self._process.pid:  # Its process group.
                yield fields

    def first_answer(self, request: Request, bases: Sequence[str], began: float) -> None:
        """Wait for the first answer; under which of the base paths it came is kept."""
        while time.perf_counter() - began < 60:
            for base in bases:
                answer = request.send(self.port, base)
                if answer is not None and answer.status < 300:
                    self.base, self.start_seconds = base, time.perf_counter() - began
                    return
            if self._process.poll() is not None:
                break
            time.sleep(0.005)
        raise RuntimeError(f"it did not answer: {' '.join(map(str, self._process.args))}")  # type: ignore[arg-type] # a list, as it was given


@contextmanager
def running(server: Server, spec: Path, cache: Path, request: Request, bases: Sequence[str]) -> Iterator[Running]:
    """A server, from its first answer to a request on; it is stopped when the block is left."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    programs = (
        ""
        if server.package is None
        else str(cache / server.package.replace("/", "-").removeprefix("@") / "node_modules" / ".bin")
    )
    command = [part.format(spec=spec, port=port, bin=programs) for part in server.command]
    began = time.perf_counter()
    process = subprocess.Popen(
        command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL
    )
    try:
        run = Running(process, port)
        run.first_answer(request, bases, began)
        yield run
    finally:
        with suppress(ProcessLookupError):  # It has ended by itself.
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
