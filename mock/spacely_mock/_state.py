"""What requests share: counters, rate windows, rules, settings and the journal, kept apart by namespace.

Jobs are not in it: their ids carry them. One process keeps all of this in memory; several share it through a store.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict, deque
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Protocol

JOURNAL_ENTRIES = 10_000
JOURNAL_BYTES = 32 * 1024 * 1024
PUBLIC = "public"
EVERYONE = ""  # Where the rules and settings stand that hold for all namespaces.
_COUNTERS = 100_000  # The counters that have not been used for longest are forgotten beyond this number.
_WINDOWS = 10_000


@lru_cache(maxsize=4096)
def namespace_of(owner: str) -> str:
    """The namespace of a caller: a digest of its key, never the key; PUBLIC for callers without one."""
    if not owner:
        return PUBLIC
    return hashlib.blake2b(owner.encode("utf-8", "surrogateescape"), digest_size=8, person=b"namespace").hexdigest()


class StateUnavailableError(Exception):
    """What requests share cannot be reached; the message names the store, without its password."""


class Line(Protocol):
    """A line of the journal, as a store sees it.

    Attributes:
        id: Given by the store.
        size: About how many bytes it holds.
    """

    id: str
    size: int

    @property
    def namespace(self) -> str:
        """Whose request it is."""
        ...

    def arrival(self) -> dict[str, Any]:
        """What is known when the request arrives, redacted, as JSON."""
        ...

    def outcome(self) -> dict[str, Any]:
        """What is known once it has been answered, as JSON; empty until then."""
        ...


class State(Protocol):
    """What requests share.

    Any method may raise StateUnavailableError, except those that every request needs: ``rules``, ``settings``,
    ``hit``, ``append`` and ``complete`` make do with what this process knows.

    Attributes:
        shared: Whether other processes see it too.
    """

    shared: bool

    async def increment(self, namespace: str, name: str) -> int:
        """Count one up, from 0; the new count."""
        ...

    async def hit(self, namespace: str, name: str, *, limit: int, seconds: float, now: float) -> float:
        """Count a call against at most ``limit`` in any ``seconds``: 0 where it may pass, else the seconds to wait."""
        ...

    def has_rules(self) -> bool:
        """Whether any namespace may have rules. Asked for each request, so it answers at once."""
        ...

    async def rules(self, namespace: str) -> list[Any]:
        """The rules of a namespace (JSON), not those of EVERYONE."""
        ...

    def known_rules(self, namespace: str) -> Sequence[Any]:
        """The same as this process knows them: no older than the last line that was appended with ``rules_of`` it."""
        ...

    async def add_rule(self, namespace: str, rule: Any) -> None:
        """Add a rule (JSON) behind those of a namespace."""
        ...

    async def set_rules(self, namespace: str, rules: Sequence[Any]) -> None:
        """Replace the rules of a namespace by others (JSON)."""
        ...

    async def settings(self, namespace: str) -> Mapping[str, Any]:
        """The settings of a namespace, as last set; empty until then."""
        ...

    async def set_settings(self, namespace: str, settings: Mapping[str, Any]) -> None:
        """Replace the settings of a namespace by others (JSON)."""
        ...

    async def append(self, line: Line, *, rules_of: str | None = None) -> None:
        """Add a line to the journal, and give it its id.

        Args:
            line: The line.
            rules_of: A namespace whose rules are to be known from then on, and those of EVERYONE.
        """
        ...

    async def complete(self, line: Line) -> None:
        """Add what a line's request was answered with."""
        ...

    async def lines(self) -> list[dict[str, Any]]:
        """The journal, the oldest line first."""
        ...

    async def length(self) -> int:
        """How many lines the journal has."""
        ...

    async def version(self) -> str:
        """A text that is another one after each change of the journal."""
        ...

    async def changed(self, version: str, timeout: float) -> None:
        """Wait until the journal has another version, at most as many seconds."""
        ...

    async def clear(self, namespace: str | None) -> int:
        """Empty the journal of a namespace, or of all; the number of lines it had."""
        ...

    async def publish(self, metrics: list[list[Any]]) -> None:
        """Tell the other processes what this one has counted."""
        ...

    async def published(self) -> list[list[list[Any]]]:
        """What the processes have counted, this one among them; empty where there is no other."""
        ...

    async def reset(self, namespace: str | None) -> None:
        """Forget all there is of a namespace, or of all."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class MemoryState:
    """What requests share, in the memory of one process.

    Args:
        entries: The most lines that the journal keeps; 0 keeps none.
        size: The most bytes that they hold together.
    """

    shared = False

    def __init__(self, entries: int = JOURNAL_ENTRIES, size: int = JOURNAL_BYTES) -> None:
        self._entries = entries
        self._size = size
        self._counters: OrderedDict[tuple[str, str], int] = OrderedDict()
        self._windows: OrderedDict[tuple[str, str], deque[float]] = OrderedDict()
        self._rules: dict[str, list[Any]] = {}
        self._settings: dict[str, Mapping[str, Any]] = {}
        self._lines: deque[Line] = deque()
        self._held = 0
        self._count = 0
        self._changes = 0
        self._waiting: set[asyncio.Future[None]] = set()

    async def increment(self, namespace: str, name: str) -> int:
        """Count one up, from 0; the new count."""
        key = (namespace, name)
        count = self._counters.pop(key, 0) + 1
        self._counters[key] = count
        if len(self._counters) > _COUNTERS:
            self._counters.popitem(last=False)
        return count

    async def hit(self, namespace: str, name: str, *, limit: int, seconds: float, now: float) -> float:
        """Count a call against at most ``limit`` in any ``seconds``: 0 where it may pass, else the seconds to wait."""
        key = (namespace, name)
        window = self._windows.setdefault(key, deque())
        self._windows.move_to_end(key)
        if len(self._windows) > _WINDOWS:
            self._windows.popitem(last=False)
        while window and window[0] <= now - seconds:
            window.popleft()
        if len(window) < limit:
            window.append(now)
            return 0.0
        return window[0] + seconds - now if window else seconds

    def has_rules(self) -> bool:
        """Whether any namespace has rules."""
        return bool(self._rules)

    async def rules(self, namespace: str) -> list[Any]:
        """The rules of a namespace (JSON), not those of EVERYONE."""
        return self._rules.get(namespace, [])

    def known_rules(self, namespace: str) -> Sequence[Any]:
        """The same."""
        return self._rules.get(namespace, ())

    async def add_rule(self, namespace: str, rule: Any) -> None:
        """Add a rule (JSON) behind those of a namespace."""
        self._rules[namespace] = [*self._rules.get(namespace, []), rule]

    async def set_rules(self, namespace: str, rules: Sequence[Any]) -> None:
        """Replace the rules of a namespace by others (JSON)."""
        self._rules[namespace] = list(rules)
        if not rules:
            del self._rules[namespace]

    async def settings(self, namespace: str) -> Mapping[str, Any]:
        """The settings of a namespace, as last set; empty until then."""
        return self._settings.get(namespace, {})

    async def set_settings(self, namespace: str, settings: Mapping[str, Any]) -> None:
        """Replace the settings of a namespace by others (JSON)."""
        self._settings[namespace] = settings

    async def append(self, line: Line, *, rules_of: str | None = None) -> None:  # noqa: ARG002 - all are known always
        """Add a line to the journal, and give it its id."""
        self.append_at_once(line)

    def append_at_once(self, line: Line) -> None:
        """Add a line to the journal, and give it its id."""
        if self._entries == 0:
            return
        self._count += 1
        line.id = str(self._count)
        self._lines.append(line)
        self._held += line.size
        while len(self._lines) > self._entries or self._held > self._size:
            self._held -= self._lines.popleft().size
        self._changes += 1
        if self._waiting:
            self._tell()

    async def complete(self, line: Line) -> None:  # noqa: ARG002 - the line itself is kept, so it is there already
        """Add what a line's request was answered with."""
        self._change()

    async def lines(self) -> list[dict[str, Any]]:
        """The journal, the oldest line first."""
        return [{"id": line.id, **line.arrival(), **line.outcome()} for line in self._lines]

    async def length(self) -> int:
        """How many lines the journal has."""
        return len(self._lines)

    async def version(self) -> str:
        """A text that is another one after each change of the journal."""
        return str(self._changes)

    async def changed(self, version: str, timeout: float) -> None:
        """Wait until the journal has another version, at most as many seconds."""
        if version != str(self._changes):
            return
        change: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(change)
        await asyncio.wait([change], timeout=timeout)
        self._waiting.discard(change)

    async def clear(self, namespace: str | None) -> int:
        """Empty the journal of a namespace, or of all; the number of lines it had."""
        kept = [line for line in self._lines if namespace is not None and line.namespace != namespace]
        removed = len(self._lines) - len(kept)
        self._lines = deque(kept)
        self._held = sum(line.size for line in kept)
        self._change()
        return removed

    async def publish(self, metrics: list[list[Any]]) -> None:
        """Tell the other processes what this one has counted: there are none."""

    async def published(self) -> list[list[list[Any]]]:
        """What the processes have counted, this one among them; empty where there is no other."""
        return []

    async def reset(self, namespace: str | None) -> None:
        """Forget all there is of a namespace, or of all."""
        await self.clear(namespace)
        for values in (self._rules, self._settings):
            for name in [each for each in values if namespace in {None, each}]:
                del values[name]
        for counted in (self._counters, self._windows):
            for key in [each for each in counted if namespace in {None, each[0]}]:
                del counted[key]

    async def close(self) -> None:
        """Let go of connections: there are none."""

    def _change(self) -> None:
        self._changes += 1
        self._tell()

    def _tell(self) -> None:
        for change in self._waiting:
            if not change.done():
                change.set_result(None)
