"""How many calls a key may make: the contract's rate limit, counted for each key over a sliding window."""

from __future__ import annotations

import math
from dataclasses import dataclass

from spacely_spec import RateLimit

from ._clock import Clock
from ._state import Hit, State


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a call is refused, and the headers that say what to do."""

    detail: str
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Limit:
    """Counts calls and says which are too many. Calls that are refused do not count.

    Attributes:
        rate: How many calls in how many seconds.
        blocks: Whether a key that has exceeded it stays refused until its namespace is reset.
        clock: Tells the time of a call.
        state: Where calls are counted and blocks are noted.
    """

    rate: RateLimit
    blocks: bool
    clock: Clock
    state: State

    async def refuse(self, namespace: str) -> Refusal | None:
        """Count a call; why it is one too many, None where it is not."""
        return self.refusal(await self.state.hit(namespace, self.hit()))

    def hit(self) -> Hit:
        """A call that comes now."""
        return Hit(self.clock.now(), self.rate.requests, self.rate.seconds, self.blocks)

    def refusal(self, wait: float) -> Refusal | None:
        """Why a call is one too many, given what the state says of it; None where it is not."""
        if not wait:
            return None
        if wait == math.inf:
            return _BLOCKED
        detail = f"The key has made more than {self.rate.requests} calls in {self.rate.seconds:g} s."
        return Refusal(detail, (("retry-after", str(math.ceil(wait))),))


_BLOCKED = Refusal("The key has exceeded its rate limit and is blocked until its namespace is reset.")
