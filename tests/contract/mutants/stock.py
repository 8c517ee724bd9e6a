"""What Schemathesis says of a mock as it comes: ``st run`` and ``@schema.parametrize()``, both with their defaults."""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from schemathesis.cli import schemathesis as cli
from schemathesis.core.failures import Failure, FailureGroup
from tests.contract import credentials
from tests.contract.gate import RENDER_TIME
from tests.contract.seams import Asgi, Inner, Reply, Request, around
from tests.contract.server import Clock

from spacely_mock import MockServer
from spacely_spec import Spec

Told = tuple[tuple[str, ...], int]
MakeApp = Callable[..., Asgi]

_STEPS = 6  # So many looks at the mock's clock until a job has ended: some polls then find it running, some ended.


def st_run(spec: Spec, seed: int, make_app: MakeApp, folder: Path) -> Told:
    """Run ``st run`` against a mock on a socket, told nothing but the key and the seed.

    Args:
        spec: The contract.
        seed: What generated data depends on.
        make_app: Makes the mock, as ``create_app`` does.
        folder: Where reports may be left.

    Returns:
        Each failure as its title and its operation, and how many requests the mock got.
    """
    mock = _Mock(spec, seed, make_app)
    report = folder / "report.json"
    # Forked before the server has a thread, with all of Schemathesis imported: otherwise it is the command as it is.
    context = multiprocessing.get_context("fork")
    theirs, ours = context.Pipe(duplex=False)
    command = context.Process(target=_command, args=(theirs, folder))
    command.start()
    server = MockServer(spec, **mock.settings)
    server.app = mock.app
    with server:
        ours.send(
            [
                *("run", str(spec.path), "--url", server.url, "--seed", str(seed)),
                *(argument for name, value in mock.headers.items() for argument in ("-H", f"{name}: {value}")),
                *("--report", "json", "--report-json-path", str(report)),
            ]
        )
        command.join()
    if not report.exists():
        raise RuntimeError(f"st run left no report, and the status {command.exitcode}")
    said: dict[str, Any] = json.loads(report.read_text())
    failures = {f"{each['title']} ({label})" for each in said["failures"] for label in each["operations"]}
    failures |= {
        f"{each.get('title', 'error')} ({each.get('label') or each.get('operation')})" for each in said["errors"]
    }
    return tuple(sorted(failures)), mock.requests


def _command(connection: Connection, folder: Path) -> None:
    os.chdir(folder)
    cli.main(connection.recv(), prog_name="st")


def parametrize(spec: Spec, seed: int, make_app: MakeApp, folder: Path) -> Told:
    """Run a test decorated with ``@schema.parametrize()`` under pytest, with the mock in process.

    Args:
        spec: The contract.
        seed: What generated data depends on.
        make_app: Makes the mock, as ``create_app`` does.
        folder: Where the test file is written.

    Returns:
        Each failure as its title and its operation, and how many requests the mock got.
    """
    global subject  # noqa: PLW0603 - the test file that pytest imports takes it from here
    subject = _Mock(spec, seed, make_app)
    test = folder / "test_stock.py"
    test.write_text(_TEST)
    seen = _Seen()
    options = [
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:spacely_mock",
        f"--hypothesis-seed={seed}",
        f"--rootdir={folder}",
    ]
    pytest.main([*options, "-c", os.devnull, str(test)], plugins=[seen])
    if not seen.finished:
        raise RuntimeError("pytest ran no test of the operations")
    return tuple(sorted(seen.failures)), subject.requests


_TEST = f"""\
from {__name__} import subject

schema = subject.schema()


@schema.parametrize()
def test_api(case):
    case.call_and_validate(headers=subject.headers)
"""


class _Mock:
    """A mock as a stock tool meets it."""

    def __init__(self, spec: Spec, seed: int, make_app: MakeApp) -> None:
        key, clock = credentials.made_up_key(seed), Clock()
        clock.step = RENDER_TIME / _STEPS
        self.spec = spec
        self.settings: dict[str, Any] = {"render_time": RENDER_TIME, "seed": seed, "api_keys": (key,), "clock": clock}
        self.requests = 0
        self.app = around(make_app(spec, **self.settings), self._count)
        carried = [credentials.right(operation, key) for operation in spec.operations]
        self.headers = {name: value for each in carried for name, value in each.header.items()}

    async def _count(self, request: Request, inner: Inner) -> Reply:
        self.requests += 1
        return await inner(request)

    def schema(self) -> Any:
        """The contract as a user loads it, bound to the mock."""
        schema = schemathesis.openapi.from_path(self.spec.path)
        schema.app = self.app
        return schema


subject: _Mock


class _Seen:
    """A plugin of pytest that keeps what failed."""

    def __init__(self) -> None:
        self.failures: set[str] = set()
        self.finished = 0

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
        """Take the failures of each test as it ends."""
        report = yield
        if call.when == "call":
            self.finished += 1
            if call.excinfo is not None:
                label = item.name.partition("[")[2].rstrip("]")
                self.failures |= {f"{_title(each)} ({label})" for each in _leaves(call.excinfo.value)}
        return report


def _leaves(error: BaseException) -> list[BaseException]:
    if isinstance(error, (FailureGroup, BaseExceptionGroup)):
        return [leaf for each in error.exceptions for leaf in _leaves(each)]
    return [error]


def _title(error: BaseException) -> str:
    return error.title if isinstance(error, Failure) else type(error).__name__
