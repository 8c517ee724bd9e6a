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


def hammer(mock: Mock, seconds: float) -> list[float]:
    """The moments of all calls of two processes, one of them with a clock an hour fast."""
    running = [
        subprocess.Popen([sys.executable, "-m", "tests.spacely_client.hammer", str(seconds), offset], cwd=ROOT)
        for offset in ("0", "3600")
    ]
    assert [process.wait() for process in running] == [0, 0]
    return [request["time"] for request in mock.requests()]


def test_processes_that_share_a_limit_keep_to_it_together(spacely_mock: Mock, monkeypatch: pytest.MonkeyPatch) -> None:
    with RedisServer() as store:
        monkeypatch.setenv("SPACELY_RATE_LIMIT_STORE", store.url)
        moments = hammer(spacely_mock, seconds=3)
    assert most_in_a_second(moments) <= LIMIT
    assert len(moments) > LIMIT, "they make use of it"
    assert spacely_mock.count("generate_advance") > 10
    assert spacely_mock.count("poll_result") > LIMIT


def test_processes_that_do_not_share_it_exceed_it(spacely_mock: Mock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPACELY_RATE_LIMIT_STORE", raising=False)
    assert most_in_a_second(hammer(spacely_mock, seconds=0.5)) > LIMIT
