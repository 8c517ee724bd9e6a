"""The connections of a client, in several small pools.

Whenever a call begins or ends, httpcore looks at each connection of its pool, and for each idle one at all of them:
with a hundred, that takes ten times as long as the call itself. And once a pool has more of them than it may keep
idle, each one is closed as soon as its call ends, and the next call has to make another.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from . import _httpx

H = TypeVar("H", _httpx.Client, _httpx.AsyncClient)


class Pool(Generic[H]):
    """One of the pools.

    Attributes:
        http: What sends through it.
        calls: How many calls are under way through it.
    """

    __slots__ = ("calls", "http")

    def __init__(self, http: H) -> None:
        self.http: H = http
        self.calls = 0


class Connections(Generic[H]):
    """Pools of connections, each made when all before it are in use, so that few calls keep to few connections.

    Args:
        make: Makes a client with a pool of its own.
        pools: The most pools.
        size: How many connections each of them has.
    """

    def __init__(self, make: Callable[[], H], pools: int, size: float) -> None:
        self._make: Callable[[], H] = make
        self._most = pools
        self._size = size
        self._pools: list[Pool[H]] = [Pool(make())]
        self._free = pools * size
        self._lock = threading.Lock()

    @property
    def first(self) -> H:
        """What sends through the first pool."""
        return self._pools[0].http

    @property
    def free(self) -> float:
        """How many more calls may begin before one has to wait for a connection."""
        return self._free

    def take(self) -> Pool[H]:
        """A pool that has a connection free; where none has, the one for which the fewest wait."""
        with self._lock:
            pool = next((pool for pool in self._pools if pool.calls < self._size), None)
            if pool is None and len(self._pools) < self._most:
                pool = Pool(self._make())
                self._pools.append(pool)
            elif pool is None:
                pool = min(self._pools, key=lambda pool: pool.calls)
            pool.calls += 1
            self._free -= 1
            return pool

    def leave(self, pool: Pool[H]) -> None:
        """Give back what ``take`` gave."""
        with self._lock:
            pool.calls -= 1
            self._free += 1

    def __iter__(self) -> Iterator[H]:
        return iter([pool.http for pool in self._pools])
