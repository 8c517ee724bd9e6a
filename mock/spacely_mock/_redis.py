"""What requests share, in Redis: for several workers, on one machine or on many."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from math import inf
from typing import Any, TypeVar
from urllib.parse import urlsplit

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, AuthenticationWrongNumberOfArgsError, RedisError, ResponseError

from ._state import EVERYONE, JOURNAL_ENTRIES, Hit, Line, MemoryState, StateUnavailableError

_PREFIX = "spacely-mock:"
_JOURNAL = _PREFIX + "journal"
_METRICS = _PREFIX + "metrics"
_TIMEOUT = 1.0
_PAUSE = 0.5  # Seconds for which a store that failed is not asked again: no request waits for it in vain twice.
_INTERVAL = 0.05
_KEPT = 24 * 60 * 60  # Seconds for which counters and windows are kept that nobody uses; windows at least their own.
_HIT = """
local calls, blocked = KEYS[1], KEYS[2]
local now, seconds, limit, blocks, call = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4] == '1', ARGV[5]
if blocks and redis.call('EXISTS', blocked) == 1 then
  return 'inf'
end
redis.call('ZREMRANGEBYSCORE', calls, '-inf', now - seconds)
if redis.call('ZCARD', calls) < limit then
  redis.call('ZADD', calls, now, call)
  redis.call('EXPIRE', calls, math.max(math.ceil(seconds), tonumber(ARGV[6])))
  return '0'
end
if blocks then
  redis.call('SET', blocked, '1')
  return 'inf'
end
local first = redis.call('ZRANGE', calls, 0, 0, 'WITHSCORES')
return string.format('%.17g', (first[2] or now) + seconds - now)
"""

_Value = TypeVar("_Value")


class RedisState:
    """What requests share, in Redis. Where it cannot be reached, calls fail at once; it is found again by itself.

    The journal is a stream with a record for each arrival and one for each outcome, so that writing never reads.

    Args:
        url: Where Redis is, such as ``redis://localhost:6379/0``.
        entries: About the most lines that the journal keeps; 0 keeps none.
        member: What this process is called among those that share the store; by default a name of its own.
    """

    shared = True

    def __init__(self, url: str, entries: int = JOURNAL_ENTRIES, member: str | None = None) -> None:
        # Its annotations are those of the synchronous and the asynchronous client at once, and fit neither.
        self._redis: Any = Redis.from_url(  # pyright: ignore[reportUnknownMemberType] - see above
            url,
            decode_responses=True,
            socket_timeout=_TIMEOUT,
            socket_connect_timeout=_TIMEOUT,
            retry=Retry(NoBackoff(), 0),
        )
        parts = urlsplit(url)
        self._address = f"{parts.hostname or 'localhost'}:{parts.port or 6379}"
        self._entries = entries
        self._member = member or secrets.token_hex(8)
        self._gone_until = 0.0
        self._trouble = ""
        self._known = MemoryState(0)  # What there is to go on where Redis is gone.

    async def increment(self, namespace: str, name: str) -> int:
        """Count one up, from 0; the new count."""
        key = f"{_PREFIX}counters:{namespace}"

        async def count() -> int:
            async with self._redis.pipeline() as pipe:
                counts = await pipe.hincrby(key, name, 1).expire(key, _KEPT).execute()
            return int(counts[0])

        return await self._ask(count)

    async def hit(self, namespace: str, hit: Hit) -> float:
        """Count a call: 0 where it may pass, else the seconds to wait; infinite where the namespace is blocked."""
        try:
            wait = float(await self._ask(lambda: self._redis.eval(*_hit(namespace, hit))))
        except StateUnavailableError:
            return await self._known.hit(namespace, hit)
        self._known.set_blocked(namespace, is_blocked=wait == inf)
        return wait

    def has_rules(self) -> bool:
        """Whether any namespace may have rules: another process may have set some at any moment."""
        return True

    async def rules(self, namespace: str) -> list[Any]:
        """The rules of a namespace (JSON), not those of EVERYONE."""
        try:
            rules = await self._ask(lambda: self._redis.lrange(_rules_key(namespace), 0, -1))
        except StateUnavailableError:
            return await self._known.rules(namespace)
        return await self._learn(namespace, rules)

    async def add_rule(self, namespace: str, rule: Any) -> None:
        """Add a rule (JSON) behind those of a namespace."""
        await self._ask(lambda: self._redis.rpush(_rules_key(namespace), json.dumps(rule)))

    async def set_rules(self, namespace: str, rules: Sequence[Any]) -> None:
        """Replace the rules of a namespace by others (JSON)."""
        key = _rules_key(namespace)

        async def replace() -> None:
            async with self._redis.pipeline() as pipe:
                pipe.delete(key)
                if rules:
                    pipe.rpush(key, *map(json.dumps, rules))
                await pipe.execute()

        await self._ask(replace)

    def known_rules(self, namespace: str) -> Sequence[Any]:
        """The same as they were when a line was last appended with ``rules_of`` it, or when Redis was last there."""
        return self._known.known_rules(namespace)

    async def append(self, line: Line, *, rules_of: str | None = None, hit: Hit | None = None) -> None:
        """Add a line to the journal, and give it its id; learn rules and count a call in the same trip."""
        asked = () if rules_of is None else (rules_of, EVERYONE)

        async def write() -> list[Any]:
            async with self._redis.pipeline(transaction=False) as pipe:
                for namespace in asked:
                    pipe.lrange(_rules_key(namespace), 0, -1)
                if rules_of is not None and hit is not None:
                    pipe.eval(*_hit(rules_of, hit))
                if self._entries:
                    pipe.xadd(_JOURNAL, {"line": json.dumps(line.arrival())}, maxlen=2 * self._entries)
                return list(await pipe.execute())

        try:
            answers = await self._ask(write)
        except StateUnavailableError:
            await self._known.append(line, rules_of=rules_of, hit=hit)
            return
        if self._entries:
            line.id = str(answers.pop())
        if rules_of is not None and hit is not None:
            line.wait = float(answers.pop())
            self._known.set_blocked(rules_of, is_blocked=line.wait == inf)
        for namespace, rules in zip(asked, answers, strict=True):
            await self._learn(namespace, rules)

    async def complete(self, line: Line) -> None:
        """Add what a line's request was answered with."""
        if line.id:
            await self._write({"of": line.id, "outcome": json.dumps(line.outcome())})

    async def lines(self) -> list[dict[str, Any]]:
        """The journal, the oldest line first."""
        lines: dict[str, dict[str, Any]] = {}
        for record, fields in await self._ask(lambda: self._redis.xrange(_JOURNAL)):
            if "line" in fields:
                lines[record] = {"id": record, **json.loads(fields["line"])}
            elif fields["of"] in lines:
                lines[fields["of"]].update(json.loads(fields["outcome"]))
        return list(lines.values())[-self._entries :] if self._entries else []

    async def length(self) -> int:
        """How many lines the journal has."""
        return len(await self.lines())

    async def version(self) -> str:
        """A text that is another one after each change of the journal."""
        latest = await self._ask(lambda: self._redis.xrevrange(_JOURNAL, count=1))
        return str(latest[0][0]) if latest else ""

    async def changed(self, version: str, timeout: float) -> None:
        """Wait until the journal has another version, at most as many seconds."""
        deadline = time.monotonic() + timeout
        while await self.version() == version and time.monotonic() < deadline:  # noqa: ASYNC110 - the event is in Redis
            await asyncio.sleep(min(_INTERVAL, timeout))

    async def clear(self, namespace: str | None) -> int:
        """Empty the journal of a namespace, or of all; the number of lines it had."""
        lines = [line["id"] for line in await self.lines() if namespace in {None, line["namespace"]}]
        if namespace is None:
            await self._ask(lambda: self._redis.delete(_JOURNAL))
        elif lines:
            await self._ask(lambda: self._redis.xdel(_JOURNAL, *lines))
        return len(lines)

    async def publish(self, metrics: list[list[Any]]) -> None:
        """Tell the other processes what this one has counted."""

        async def put() -> None:
            async with self._redis.pipeline() as pipe:
                await pipe.hset(_METRICS, self._member, json.dumps(metrics)).expire(_METRICS, _KEPT).execute()

        await self._ask(put)

    async def published(self) -> list[list[list[Any]]]:
        """What the processes have counted, this one among them."""
        return [json.loads(metrics) for metrics in await self._ask(lambda: self._redis.hvals(_METRICS))]

    async def reset(self, namespace: str | None) -> None:
        """Forget all there is of a namespace, or of all."""
        await self.clear(namespace)
        await self._known.reset(namespace)
        whose = "*" if namespace is None else namespace
        which = [f"{kind}:{whose}" for kind in ("rules", "counters", "calls", "blocked")]

        async def forget() -> None:
            for pattern in which:
                async for key in self._redis.scan_iter(_PREFIX + pattern, count=1000):
                    await self._redis.delete(key)

        await self._ask(forget)

    async def close(self) -> None:
        """Let go of connections."""
        await self._redis.aclose()

    async def _learn(self, namespace: str, rules: Sequence[str]) -> list[Any]:
        parsed = [json.loads(rule) for rule in rules]
        await self._known.set_rules(namespace, parsed)
        return parsed

    async def _write(self, record: dict[str, str]) -> str:
        """Add a record to the journal; its id, or an empty text where it was lost."""
        try:
            return str(await self._ask(lambda: self._redis.xadd(_JOURNAL, record, maxlen=2 * self._entries)))
        except StateUnavailableError:
            return ""

    async def _ask(self, command: Callable[[], Awaitable[_Value]]) -> _Value:
        if time.monotonic() >= self._gone_until:
            try:
                return await command()
            except (TimeoutError, RedisError, OSError) as error:
                self._gone_until = time.monotonic() + _PAUSE
                self._trouble = f"Redis at {self._address} {_trouble(error)}."
        raise StateUnavailableError(self._trouble)


def _trouble(error: Exception) -> str:
    """What is the matter with Redis, without a word of the password."""
    match error:
        case AuthenticationError() | AuthenticationWrongNumberOfArgsError():
            return "refused the login; give its user and password in the URL, as redis://user:password@host"
        case ResponseError():
            return f"refused what the mock asks of it: {error}"
        case _:
            return "cannot be reached"


def _rules_key(namespace: str) -> str:
    return f"{_PREFIX}rules:{namespace}"


def _hit(namespace: str, hit: Hit) -> tuple[Any, ...]:
    """The arguments of the command that counts a call."""
    keys = [f"{_PREFIX}{kind}:{namespace}" for kind in ("calls", "blocked")]
    call = secrets.token_hex(8)  # Two calls at the same moment are two.
    return (_HIT, len(keys), *keys, repr(hit.now), repr(hit.seconds), hit.limit, int(hit.blocks), call, _KEPT)
