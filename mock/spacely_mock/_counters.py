"""Counters that all processes of a mock share: what cannot be told from an id and the clock."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import Protocol

_MOST = 100_000


class Counters(Protocol):
    """Counts, by namespace and name."""

    async def increment(self, namespace: str, name: str, *, by: int = 1, lifetime: float = 86_400) -> int:
        """Add to a counter, which starts at 0, and return what it then says.

        Args:
            namespace: Whose it is; a reset of the namespace forgets it.
            name: Which it is.
            by: What to add; 0 only reads.
            lifetime: The seconds after its last use for which it must be remembered; later it may be forgotten.
        """
        ...


class MemoryCounters:
    """Counters of one process. Of more than a hundred thousand, those longest unused are forgotten."""

    def __init__(self) -> None:
        self._counts: OrderedDict[tuple[str, str], int] = OrderedDict()

    async def increment(self, namespace: str, name: str, *, by: int = 1, lifetime: float = 86_400) -> int:  # noqa: ARG002 - bounded by number
        """Add to a counter and return what it then says."""
        key = (namespace, name)
        count = self._counts.get(key, 0) + by
        if by:
            self._counts[key] = count
            self._counts.move_to_end(key)
            if len(self._counts) > _MOST:
                self._counts.popitem(last=False)
        return count

    def reset(self, namespace: str | None = None) -> None:
        """Forget a namespace's counters, or all."""
        for key in [key for key in self._counts if namespace is None or key[0] == namespace]:
            del self._counts[key]


def namespace_of(owner: str) -> str:
    """The name of a caller's namespace: a digest of its keys, so that it can be shown where keys cannot."""
    data = owner.encode("utf-8", "surrogateescape")
    return hashlib.blake2b(data, digest_size=8, person=b"namespace").hexdigest()
