"""Fixtures for the tests of the runtime."""

from __future__ import annotations

import pytest
from tests.spacely_runtime.things import Clock

from spacely_runtime import _budget, _clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("random.uniform", lambda _low, high: high)  # Pauses without chance.
    for name in ("monotonic", "sleep", "sleep_async"):
        monkeypatch.setattr(_clock, name, getattr(clock, name))
    return clock


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("THINGS_API_KEY", "THINGS_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def _no_budget_from_before() -> None:
    # A test's clock may stand before that of the test before it.
    _budget._shared.clear()
