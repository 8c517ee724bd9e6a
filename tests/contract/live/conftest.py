"""The mock as the live API: over a socket, with a journal that counts what was charged, and a clock that tests move."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeAlias

import httpx
import pytest

from spacely_mock import ManualClock, MockServer
from spacely_spec import Spec

from ..seams import Asgi, Fault, Receive, Scope, Send, around
from . import cli, settings

KEY = "sk-live-4b1d9f0e7c35a826"
RENDER_TIME = 5.0
MakeApi: TypeAlias = Callable[..., "LiveApi"]


class Time:
    """A clock of the ladder that moves when it waits, and the mock's with it."""

    def __init__(self, mock: ManualClock) -> None:
        self._mock = mock
        self.waited = 0.0

    def time(self) -> float:
        """Seconds since the Unix epoch."""
        return self._mock.now()

    def monotonic(self) -> float:
        """The same: nobody sets it back."""
        return self._mock.now()

    def sleep(self, seconds: float, /) -> None:
        """Let the time pass at once."""
        self.waited += seconds
        self._mock.advance(seconds)


class LiveApi:
    """A mock that plays the API.

    Args:
        server: The mock, running.
        clock: Its clock.
        folder: Where the ledger is.
    """

    def __init__(self, server: MockServer, clock: ManualClock, folder: Path) -> None:
        self.server = server
        self.time = Time(clock)
        self.ledger = folder / "ledger.jsonl"
        self.reports = folder / "reports"

    @property
    def url(self) -> str:
        """Where the paths of the contract begin."""
        return self.server.url

    def climb(self, *arguments: str, spec: Spec | None = None, inner: httpx.BaseTransport | None = None) -> int:
        """Run the ladder against it, its waits without time; the exit status."""
        contract = self.server.spec if spec is None else spec
        given = ["--spec", str(contract.path), "--base-url", self.url, "--ledger", str(self.ledger)]
        given += ["--report-dir", str(self.reports)]
        options = settings.parser().parse_args([*given, *arguments])
        return cli.run(contract, options, inner, self.time)

    def lines(self, kind: str) -> list[dict[str, Any]]:
        """The ledger's lines of a kind."""
        return [line for line in map(json.loads, self.ledger.read_text().splitlines()) if line["kind"] == kind]

    def assumptions(self) -> dict[str, Mapping[str, Any]]:
        """The table of the last run, by pointer."""
        return {row["pointer"]: row for row in json.loads((self.reports / "assumptions.json").read_text())}

    def journal(self, **filters: Any) -> list[dict[str, Any]]:
        """What came to the mock."""
        found = httpx.get(f"{self.server.origin}/__mock__/requests", params=filters, trust_env=False)
        assert found.is_success, found.text
        requests: list[dict[str, Any]] = found.json()["requests"]
        return requests

    def charged(self) -> int:
        """How many submits it accepted: what a user would have paid for."""
        return len(self.journal(operation="generateAdvance", status="200"))

    def rule(self, then: Mapping[str, Any], **parts: Any) -> None:
        """Have it do something else from now on."""
        made = httpx.post(f"{self.server.origin}/__mock__/rules", json={"then": then, **parts}, trust_env=False)
        assert made.is_success, made.text


def undrawn(app: Asgi) -> Asgi:
    """The mock, but that no image is drawn, which takes long."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/__mock__/images/"):
            await app(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"image/png")]})
        await send({"type": "http.response.body", "body": b"an image"})

    return answer


@pytest.fixture
def api(spec: Spec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeApi]:
    """Makes a mock that plays the API, with a fault around it where one is given."""
    monkeypatch.setenv("SPACELY_API_KEY", KEY)
    monkeypatch.delenv("SPACELY_BASE_URL", raising=False)
    monkeypatch.setattr(os, "fsync", lambda _: None)  # It takes long; test_ledger sees that it is done.
    with ExitStack() as running:

        def make(fault: Fault | None = None, contract: Spec = spec, **options: Any) -> LiveApi:
            clock = ManualClock(time.time())
            settings = {"render_time": RENDER_TIME, "api_keys": (KEY,), "clock": clock, **options}
            server = MockServer(contract, **settings)
            server.app = undrawn(server.app)
            if fault is not None:
                server.app = around(server.app, fault)
            return LiveApi(running.enter_context(server), clock, tmp_path)

        yield make
