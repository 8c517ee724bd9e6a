"""How many calls a key may make: the contract's rate limit, counted for each key over a sliding window."""

from __future__ import annotations

import math
from dataclasses import dataclass

from spacely_spec import RateLimit

from ._clock import Clock
from ._counters import Counters


@dataclass(frozen=True, slots=True)
class Limit:
    """Counts calls and says which are too many.

    The calls of the last window are told from those of the present interval and a share of those of the one before it,
    which takes two counters for a key. Calls that are refused do not count.

    Attributes:
        rate: How many calls in how many seconds.
        blocks: Whether a key that has exceeded it stays refused until its namespace is reset.
        clock: Tells which window it is.
        counters: What is counted in.
    """

    rate: RateLimit
    blocks: bool
    clock: Clock
    counters: Counters

    async def refuse(self, namespace: str) -> Refusal | None:
        """Why a call is one too many; None where it is not."""
        count = self.counters.increment
        if self.blocks and await count(namespace, "blocked", by=0):
            return _BLOCKED
        allowed, seconds = self.rate.requests, self.rate.seconds
        window, elapsed = divmod(self.clock.now() / seconds, 1)
        present = await count(namespace, f"calls {window:.0f}", lifetime=2 * seconds)
        before = await count(namespace, f"calls {window - 1:.0f}", by=0)
        if present + before * (1 - elapsed) <= allowed:
            return None
        await count(namespace, f"calls {window:.0f}", by=-1, lifetime=2 * seconds)
        if self.blocks:
            await count(namespace, "blocked", lifetime=math.inf)
            return _BLOCKED
        # In the next window, when so much of this one has slid out that there is room for one call.
        share = max(0.0, 1 - (allowed - 1) / max(present - 1, 1))
        wait = math.ceil((1 - elapsed + share) * seconds)
        detail = f"The key has made more than {allowed} calls in {seconds:g} s."
        return Refusal(detail, (("retry-after", str(wait)),))


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a call is refused, and the headers that say what to do."""

    detail: str
    headers: tuple[tuple[str, str], ...] = ()


_BLOCKED = Refusal("The key has exceeded its rate limit and is blocked until its namespace is reset.")
