"""Every fault of the table, at a submit, a wait and a download, in both clients: the error, the requests, the id."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import pickle
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, TypeAlias

import httpx
import pytest
from tests.spacely_client.faults.server import FullServer, Script, ScriptedServer, closed_port
from tests.spacely_client.faults.table import FAULTS, PNG, REF, Ends, Fault

from spacely_client import AsyncSpacely, ClientError, Spacely, SubmissionUncertain
from spacely_runtime import _client, _clock, _download, _jobs

CallName: TypeAlias = Literal["submit", "poll", "download"]
Kind: TypeAlias = type[Spacely] | type[AsyncSpacely]

KEY = "sk-secret-of-the-tests-0123456"
RENDER = {"model": "spacely-v1", "image_url": "https://example.com/room.jpg", "renovate_type": "residential"}
CALLS: tuple[CallName, ...] = ("submit", "poll", "download")
KINDS: tuple[Kind, ...] = (Spacely, AsyncSpacely)
PATHS = {"submit": "/generate/advance", "poll": "/generate/poll-result", "download": "/room.png"}


class SkippingClock:
    """The clock, except that a wait is over at once."""

    def __init__(self) -> None:
        self._skipped = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self._skipped

    def sleep(self, seconds: float) -> None:
        self._skipped += max(seconds, 0.0)

    async def sleep_async(self, seconds: float) -> None:
        self.sleep(seconds)


@pytest.fixture(autouse=True)
def _short_of_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SkippingClock()
    for name in ("monotonic", "sleep", "sleep_async"):
        monkeypatch.setattr(_clock, name, getattr(clock, name))
    monkeypatch.setattr(_jobs, "FAILED_POLLS", 2)
    monkeypatch.setattr(_client, "ATTEMPT_TIMEOUTS", 2)
    monkeypatch.setattr(_download, "FILE_BYTES", 16 * 1024**2)


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    server = ScriptedServer()
    yield server
    server.close()


@pytest.fixture(scope="module")
def full_server() -> Iterator[FullServer]:
    server = FullServer()
    yield server
    server.close()


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


class Stage:
    """The two clients, and the places they are led to."""

    def __init__(self, server: ScriptedServer, full_server: FullServer, runner: asyncio.Runner) -> None:
        self.server = server
        self._runner = runner
        here = f"http://127.0.0.1:{server.port}"
        self._origins = {
            "here": here,
            "closed port": f"http://127.0.0.1:{closed_port()}",
            "unknown host": "http://host.invalid",
            "full port": f"http://127.0.0.1:{full_server.port}",
            "full pool": here,
            "https": f"https://127.0.0.1:{server.port}",
        }
        self._clients: dict[tuple[Kind, str, bool], Any] = {}

    def set(self, fault: Fault, name: CallName) -> None:
        """Let the server do what the fault is, with the requests of one call; all others it answers well."""
        self.server.heads.clear()
        file = f"{self._origins[fault.where if name == 'download' else 'here']}{PATHS['download']}"
        scripts: dict[str, Script] = {
            PATHS["submit"]: good({"data": REF}),
            PATHS["poll"]: good({"data": {"status": "success", "result": [file]}}),
            PATHS["download"]: [b"HTTP/1.1 200 OK\r\n\r\n" + PNG],
            "/elsewhere.png": [b"HTTP/1.1 200 OK\r\n\r\n" + PNG],
        }
        script = fault.file if name == "download" and fault.file is not None else fault.script
        filled = self._filled(script, scripts[PATHS[name]], file)
        self.server.scripts = {**scripts, PATHS[name]: filled, "TLS": filled}

    def _filled(self, script: Script, answer: Script, file: str) -> Script:
        assert isinstance(answer[0], bytes)
        body = answer[0].partition(b"\r\n\r\n")[2]
        values = {
            b"{json}": body,
            b"{data}": body[len(b'{"data": ') : -1],
            b"{gzip}": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(body),
            b"{port}": str(self.server.port).encode(),
            b"{itself}": file.encode(),
        }

        def fill(data: bytes) -> bytes:
            for name, value in values.items():
                data = data.replace(name, value)
            return data

        return [fill(step) if isinstance(step, bytes) and len(step) < 10_000 else step for step in script]

    def call(self, kind: Kind, fault: Fault, name: CallName, folder: Path) -> object:
        """Make a call."""
        origin = self._origins["here" if name == "download" else fault.where]
        return self.call_at(origin, kind, name, folder, slow=fault.slow, full=fault.where == "full pool")

    def call_at(
        self, origin: str, kind: Kind, name: CallName, folder: Path, *, slow: bool = False, full: bool = False
    ) -> object:
        """Make a call at a base URL."""
        client = self._client(kind, f"{origin}/api/v1", slow=slow)
        if full:
            client = self._make(kind, f"{origin}/api/v1", slow=slow)
            fill_pool(client, "_files" if name == "download" else "_http")
        outcome = call(client, name, folder)
        return self._runner.run(outcome) if asyncio.iscoroutine(outcome) else outcome

    def _client(self, kind: Kind, url: str, *, slow: bool) -> Any:
        key = (kind, url, slow)
        if key not in self._clients:
            self._clients[key] = self._make(kind, url, slow=slow)
        return self._clients[key]

    def _make(self, kind: Kind, url: str, *, slow: bool) -> Any:
        timeout = 0.1 if slow else 5
        with pytest.MonkeyPatch.context() as monkeypatch:
            monkeypatch.setattr(_client, "DOWNLOAD_TIMEOUT_SECONDS", timeout)
            return kind(api_key=KEY, base_url=url, timeout=timeout, rate_limit=None, poll_interval=10)

    def close(self) -> None:
        for (kind, _, _), client in self._clients.items():
            client.close() if kind is Spacely else self._runner.run(client.close())


def good(body: object) -> Script:
    return [b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + json.dumps(body).encode()]


def fill_pool(client: Any, name: str) -> None:
    transports = {httpx.Client: httpx.HTTPTransport, httpx.AsyncClient: httpx.AsyncHTTPTransport}
    http = getattr(client, name)
    http._transport = transports[type(http)](limits=httpx.Limits(max_connections=0))


def call(client: Any, name: CallName, folder: Path) -> Any:
    """A call of the synchronous client, or a coroutine that makes it with the other one; both give the same."""
    job = client.job("generate_advance", REF)
    match name:
        case "submit":
            return client.generate_advance(**RENDER)
        case "poll":
            return job.wait(timeout=60)
        case "download":
            return job.download(folder, timeout=60)


@pytest.fixture(scope="module")
def stage(server: ScriptedServer, full_server: FullServer, runner: asyncio.Runner) -> Iterator[Stage]:
    stage = Stage(server, full_server, runner)
    yield stage
    stage.close()


def check_success(name: CallName, result: Any) -> None:
    match name:
        case "submit":
            assert result.id == REF
        case "poll":
            assert result.data.status == "success"
        case "download":
            assert [path.name for path in result] == [f"{REF}-1.png"]


def check_error(name: CallName, ends: Ends, error: ClientError, caplog: pytest.LogCaptureFixture) -> None:
    """It is of the class it should be, knows its call and job, is of a bounded size, and does not hold the key."""
    assert type(error) is ends.error
    assert ends.says in str(error)
    assert error.attempts == (ends.requests if ends.attempts is None else ends.attempts)
    assert error.operation
    assert error.job_id == (ends.job_id if name == "submit" else REF)
    assert len(str(error)) < 4000
    assert len(getattr(error, "body", "")) <= 2000
    told = f"{error} {error!r} {vars(error)} {''.join(traceback.format_exception(error))}"
    cause = error.__cause__
    if isinstance(cause, httpx.RequestError) and cause._request is not None:
        told += f"{cause.request.url} {cause.request.headers.raw}"
    assert KEY not in told
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), copy.job_id) == (type(error), str(error), error.job_id)
    records = [record for record in caplog.records if record.name == "spacely_runtime"]
    assert all(record.__dict__["operation"] for record in records)
    if name != "submit":
        assert {record.__dict__["job_id"] for record in records} <= {REF}
    assert KEY not in caplog.text


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_ends_in_its_error_after_so_many_requests(
    stage: Stage,
    fault: Fault,
    name: CallName,
    kind: Kind,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(_client, "DOWNLOAD_SECONDS", 0.2 if fault.slow else 10)
    ends: Ends = getattr(fault, name)
    stage.set(fault, name)
    if ends.error is None:
        check_success(name, stage.call(kind, fault, name, tmp_path))
    else:
        with pytest.raises(ClientError) as caught:
            stage.call(kind, fault, name, tmp_path)
        check_error(name, ends, caught.value, caplog)
        assert list(tmp_path.iterdir()) == []
    path = PATHS[name]
    assert stage.server.count(path) + stage.server.count("/elsewhere") == ends.requests
    if name != "download":
        assert stage.server.count("/elsewhere") == 0
    for head in stage.server.heads:
        assert (KEY.encode() in head) is (b".png" not in head.partition(b"\r\n")[0])


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault.where == "here"], ids=lambda fault: fault.name)
def test_a_fault_that_passes_is_got_over_unless_it_could_cost_twice(
    stage: Stage, fault: Fault, name: CallName, kind: Kind, tmp_path: Path
) -> None:
    pass


def test_the_table_is_as_large_as_it_should_be() -> None:
    assert len(FAULTS) >= 40
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
    assert any(ends.error and issubclass(ends.error, SubmissionUncertain) for ends in (each.submit for each in FAULTS))
