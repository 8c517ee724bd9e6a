"""What requests share: counters, rate windows, rules and the journal, kept apart by namespace.

Jobs are not in it: their ids carry them. One process keeps all of this in memory; several share it through a store.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import inf
from typing import Any, Protocol

JOURNAL_ENTRIES = 10_000
JOURNAL_BYTES = 32 * 1024 * 1024
PUBLIC = "public"
EVERYONE = ""  # Where the rules stand that hold for all namespaces.
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


class UnsharedError(StateUnavailableError):
    """Several processes would have to share something, and have no store."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A call that is held against a limit.

    Attributes:
        now: When it came, in seconds since the epoch.
        limit: How many calls may pass in any ``seconds``.
        seconds: How long calls count.
        blocks: Whether a namespace that has exceeded the limit stays refused until it is reset.
    """

    now: float
    limit: int
    seconds: float
    blocks: bool = False


class Line(Protocol):
    """A line of the journal, as a store sees it.

    Attributes:
        id: Given by the store.
        size: About how many bytes it holds.
        wait: What ``hit`` says of the request; None where it has not been asked yet.
    """

    id: str
    size: int
    wait: float | None

    @property
    def namespace(self) -> str:
        """Whose request it is."""
        ...

    def arrival(self) -> dict[str, Any]:
        """What is known when the request arrives, redacted, as JSON."""
        ...

    def outcome(self) -> dict[str, Any]:
        """What is known once it has been answered, or has started a job, as JSON; empty until then."""
        ...


class State(Protocol):
    """What requests share.

    Any method may raise StateUnavailableError, except those that every request needs: ``rules``, ``hit``, ``append``
    and ``complete`` make do with what this process knows.

    Attributes:
        shared: Whether other processes see it too.
    """

    shared: bool

    async def increment(self, namespace: str, name: str) -> int:
        """Count one up, from 0; the new count."""
        ...

    async def hit(self, namespace: str, hit: Hit) -> float:
        """Count a call: 0 where it may pass, else the seconds to wait; infinite where the namespace is blocked."""
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

    async def append(self, line: Line, *, rules_of: str | None = None, hit: Hit | None = None) -> None:
        """Add a line to the journal, and give it its id.

        Args:
            line: The line.
            rules_of: A namespace whose rules are to be known from then on, and those of EVERYONE.
            hit: A call of that namespace to count besides; the line is told its wait.
        """
        ...

    async def complete(self, line: Line) -> None:
        """Add what has come of a line's request."""
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


@dataclass(slots=True)
class _Window:
    """The calls of a namespace that count, the oldest first."""

    calls: deque[float] = field(default_factory=deque[float])
    is_blocked: bool = False


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
        self._windows: OrderedDict[str, _Window] = OrderedDict()
        self._rules: dict[str, list[Any]] = {}
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

    async def hit(self, namespace: str, hit: Hit) -> float:
        """Count a call: 0 where it may pass, else the seconds to wait; infinite where the namespace is blocked."""
        window = self._window(namespace)
        if hit.blocks and window.is_blocked:
            return inf
        calls = window.calls
        while calls and calls[0] <= hit.now - hit.seconds:
            calls.popleft()
        if len(calls) < hit.limit:
            calls.append(hit.now)
            return 0.0
        window.is_blocked = hit.blocks
        if hit.blocks:
            return inf
        return calls[0] + hit.seconds - hit.now if calls else hit.seconds

    def set_blocked(self, namespace: str, *, is_blocked: bool) -> None:
        """Note whether a namespace is blocked, as one knows who has been told elsewhere."""
        self._window(namespace).is_blocked = is_blocked

    def _window(self, namespace: str) -> _Window:
        window = self._windows.pop(namespace, None) or _Window()
        self._windows[namespace] = window
        if len(self._windows) > _WINDOWS:
            self._windows.popitem(last=False)
        return window

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

    async def append(self, line: Line, *, rules_of: str | None = None, hit: Hit | None = None) -> None:
        """Add a line to the journal, and give it its id; count a call besides. All rules are known always."""
        self.append_at_once(line)
        if rules_of is not None and hit is not None:
            line.wait = await self.hit(rules_of, hit)

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
        kept: tuple[dict[str, Any], ...] = (self._rules, self._windows)
        for values in kept:
            for name in [each for each in values if namespace in {None, each}]:
                del values[name]
        for key in [each for each in self._counters if namespace in {None, each[0]}]:
            del self._counters[key]

    async def close(self) -> None:
        """Let go of connections: there are none."""

    def _change(self) -> None:
        self._changes += 1
        self._tell()

    def _tell(self) -> None:
        for change in self._waiting:
            if not change.done():
                change.set_result(None)
