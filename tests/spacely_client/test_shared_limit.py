"""Two processes with one key: together they keep to the rate limit where they share it, and not where they do not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.spacely_mock.redis_server import RedisServer

from spacely_mock import Mock

ROOT = Path(__file__).parents[2]
LIMIT = 40


def most_in_a_second(moments: list[float]) -> int:
    return max(sum(start <= each < start + 1 for each in moments) for start in moments)


def hammer(mock: Mock, calls: int) -> list[float]:
    """The moments of all calls of two processes that begin together, one of them with a clock an hour fast."""
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.spacely_client.hammer", str(calls), offset],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for offset in ("0", "3600")
    ]
    assert [process.stdout.readline() for process in running if process.stdout] == ["ready\n"] * 2
    for process in running:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in running:
        process.communicate()
        assert process.returncode == 0
    moments = [request["time"] for request in mock.requests()]
    assert len(moments) == 2 * calls
    return moments


def test_processes_that_share_a_limit_keep_to_it_together(spacely_mock: Mock, monkeypatch: pytest.MonkeyPatch) -> None:
    with RedisServer() as store:
        monkeypatch.setenv("SPACELY_RATE_LIMIT_STORE", store.url)
        moments = hammer(spacely_mock, calls=60)
    assert most_in_a_second(moments) <= LIMIT
    assert spacely_mock.count("generate_advance", status=200) == 20


def test_processes_that_do_not_share_it_exceed_it(spacely_mock: Mock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPACELY_RATE_LIMIT_STORE", raising=False)
    assert most_in_a_second(hammer(spacely_mock, calls=40)) > LIMIT
