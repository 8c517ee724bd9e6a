"""Every fault of the table, at a submit, a wait and a download, in both clients: the error, the requests, the id."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import pickle
import socket
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
from spacely_mock import Mock, MockServer
from spacely_runtime import _client, _clock, _download, _wait

CallName: TypeAlias = Literal["submit", "poll", "download"]
Kind: TypeAlias = type[Spacely] | type[AsyncSpacely]

KEY = "sk-secret-of-the-tests-0123456"
RENDER = {"model": "spacely-v1", "image_url": "https://example.com/room.jpg", "renovate_type": "residential"}
CALLS: tuple[CallName, ...] = ("submit", "poll", "download")
KINDS: tuple[Kind, ...] = (Spacely, AsyncSpacely)
ROOM = 6  # So many times the time of a step has a whole attempt: enough to be sent, also on a busy machine.
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
    monkeypatch.setattr(_wait, "FAILED_POLLS", 2)
    monkeypatch.setattr(_client, "ATTEMPT_TIMEOUTS", ROOM)
    monkeypatch.setattr(_download, "FILE_BYTES", 16 * 1024**2)


@pytest.fixture(autouse=True)
def _no_name_server(monkeypatch: pytest.MonkeyPatch) -> None:
    def look_up(host: str | bytes | None, *rest: Any, **options: Any) -> Any:
        if host in {"host.invalid", b"host.invalid"}:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return getaddrinfo(host, *rest, **options)

    getaddrinfo = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", look_up)


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
        self._clients: dict[tuple[Kind, str], Any] = {}

    def set(self, fault: Fault, name: CallName, *, passing: bool = False) -> None:
        """Let the server do what the fault is, at the requests of one call, or the first of them; else it does well."""
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
        self.server.scripts = {path: [script] for path, script in scripts.items()}
        self.server.scripts[PATHS[name]] = [filled, scripts[PATHS[name]]] if passing else [filled]
        self.server.scripts["TLS"] = [filled]

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
        client = self.client(kind, f"{origin}/api/v1", KEY)
        with pytest.MonkeyPatch.context() as monkeypatch:
            hurry(monkeypatch, client, fault, name)
            if fault.where == "full pool":
                monkeypatch.setattr(http_of(client, name)._transport._pool, "_max_connections", 0)
            return self.run(call(client, name, REF, folder))

    def run(self, outcome: object) -> object:
        """What came of a call, or comes of it where it was an asynchronous one."""
        return self._runner.run(outcome) if asyncio.iscoroutine(outcome) else outcome

    def client(self, kind: Kind, url: str, key: str) -> Any:
        """A client, made once."""
        if (kind, url) not in self._clients:
            self._clients[kind, url] = kind(api_key=key, base_url=url, timeout=5, rate_limit=None, poll_interval=10)
        return self._clients[kind, url]

    def close(self) -> None:
        for client in self._clients.values():
            self.run(client.close())


@pytest.fixture(scope="module")
def mock(spacely_mock_server: MockServer) -> Iterator[Mock]:
    mock = Mock(spacely_mock_server)
    yield mock
    mock.close()


def good(body: object) -> Script:
    return [b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + json.dumps(body).encode()]


def http_of(client: Any, name: CallName) -> Any:
    return client._files if name == "download" else client._http


def hurry(monkeypatch: pytest.MonkeyPatch, client: Any, fault: Fault, name: CallName) -> None:
    """Give a call that a slow fault holds up a tenth of a second, and what is not to fail the time that it needs."""
    if not fault.slow:
        return
    seconds = 0.1
    connecting = seconds if fault.where in {"full port", "https"} else 5
    monkeypatch.setattr(http_of(client, name), "timeout", httpx.Timeout(seconds, connect=connecting))
    if name == "download":
        monkeypatch.setattr(_client, "DOWNLOAD_SECONDS", seconds * ROOM)
    else:
        monkeypatch.setattr(client, "_timeout", seconds)


def call(client: Any, name: CallName, job_id: str, folder: Path) -> Any:
    """A call of the synchronous client, or a coroutine that makes it with the other one; both give the same."""
    job = client.job("generate_advance", job_id)
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


def check_error(ends: Ends, error: ClientError, job_id: str | None, caplog: pytest.LogCaptureFixture) -> None:
    """It is of the class it should be, knows its call and job, is of a bounded size, and does not hold the key."""
    assert type(error) is ends.error
    assert ends.says in str(error)
    assert error.attempts == (ends.requests if ends.attempts is None else ends.attempts)
    assert error.operation
    assert error.job_id == (job_id or ends.job_id)
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
    assert {record.__dict__["job_id"] for record in records} <= {job_id}
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
    ends: Ends = getattr(fault, name)
    stage.set(fault, name)
    if ends.error is None:
        check_success(name, stage.call(kind, fault, name, tmp_path))
    else:
        with pytest.raises(ClientError) as caught:
            stage.call(kind, fault, name, tmp_path)
        check_error(ends, caught.value, None if name == "submit" else REF, caplog)
        assert list(tmp_path.iterdir()) == []
    elsewhere = 1 if ends.error is None and ends.requests > 1 else 0
    assert stage.server.wait_for(PATHS[name], ends.requests - elsewhere) == ends.requests - elsewhere
    assert stage.server.count("/elsewhere") == elsewhere
    for head in stage.server.heads:
        assert (KEY.encode() in head) is (b".png" not in head.partition(b"\r\n")[0])


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize(
    ("fault", "name"),
    [
        pytest.param(fault, name, id=f"{fault.name}-{name}")
        for fault in FAULTS
        for name in CALLS
        if fault.where == "here" and not fault.slow and getattr(fault, name).requests == 3
    ],
)
def test_a_fault_that_passes_is_got_over_where_another_attempt_can_do_no_harm(
    stage: Stage, fault: Fault, name: CallName, kind: Kind, tmp_path: Path
) -> None:
    stage.set(fault, name, passing=True)
    check_success(name, stage.call(kind, fault, name, tmp_path))
    assert stage.server.count(PATHS[name]) == 2


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("name", ["submit", "poll"])
@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault.mock], ids=lambda fault: fault.name)
def test_a_fault_of_the_mock_ends_in_the_same(
    stage: Stage,
    mock: Mock,
    fault: Fault,
    name: Literal["submit", "poll"],
    kind: Kind,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mock.reset()  # The rule of the test before.
    job = stage.client(Spacely, mock.url, mock.api_key).generate_advance(**RENDER)
    mock.reset()
    caplog.set_level(logging.DEBUG, "spacely_runtime")
    ends: Ends = getattr(fault, name)
    operation = {"submit": "generate_advance", "poll": "poll_result"}[name]
    mock.rule(fault.mock, operation=operation)
    client = stage.client(kind, mock.url, mock.api_key)
    hurry(monkeypatch, client, fault, name)
    with pytest.raises(ClientError) as caught:
        stage.run(call(client, name, job.id, tmp_path))
    check_error(ends, caught.value, None if name == "submit" else job.id, caplog)
    assert len(mock.wait_for(operation, times=ends.requests)) == ends.requests


def test_the_table_is_as_large_as_it_should_be() -> None:
    assert len(FAULTS) >= 40
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
    assert any(ends.error and issubclass(ends.error, SubmissionUncertain) for ends in (each.submit for each in FAULTS))
