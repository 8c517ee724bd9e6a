"""The time, and waiting for it to pass: the one place to hold on to when a test moves time by hand."""

from __future__ import annotations

import asyncio
import time


def monotonic() -> float:
    """Seconds on a clock that is never set back."""
    return time.monotonic()


def sleep(seconds: float) -> None:
    """Wait; not at all for zero or less."""
    if seconds > 0:
        time.sleep(seconds)


async def sleep_async(seconds: float) -> None:
    """Wait without holding up the event loop."""
    if seconds > 0:
        await asyncio.sleep(seconds)
