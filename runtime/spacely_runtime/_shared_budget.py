"""A rate budget that several processes or machines share through Redis.

The store keeps the moments of all calls with one key, by its own clock, in a script that runs as one step; so no
window of the limit holds more calls than the limit, whoever makes them and whatever their clocks say. A call that was
held up may have arrived as late as its answer: its moment is put forward then. Submits get the next free turn, others
a turn only if there is one now: where both wait, submits go first, as in ``_budget``.
"""

# redis annotates from_url in part only.
# pyright: reportUnknownMemberType=false
from __future__ import annotations

import asyncio
import hashlib
import itertools
import threading
import uuid
import weakref
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import _clock, errors
from ._defaults import SHARED_BUDGET_MARGIN, STORE_TIMEOUT_SECONDS
from ._secret import Secret

if TYPE_CHECKING:
    from ._budget import RateLimit

_BURST = 10  # So many submits of all processes may go at once before they are paced.
_FEW_WINDOWS = 3  # After so many windows' calls, one of them has been there and back as fast as can be.

# Times are whole microseconds: a double holds them exactly, and Lua has no other numbers.
_SCRIPT = """
local turns, pace, known = KEYS[1], KEYS[2], KEYS[3]
local calls, window, spacing = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local submit, burst, id = ARGV[4] == '1', tonumber(ARGV[5]), ARGV[6]
local function text(number) return string.format('%.0f', number) end

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]

-- A store that is new, or has lost its memory, does not know what was called just now: nobody calls for one window.
local since = tonumber(redis.call('GET', known) or now)
redis.call('SET', known, text(since), 'EX', 86400)
local turn = math.max(now, since + window)

-- Whatever comes after the last call but so many, a window later, keeps every window within the limit.
redis.call('ZREMRANGEBYSCORE', turns, '-inf', text(now - window))
local nth = redis.call('ZRANGE', turns, -calls, -calls, 'WITHSCORES')
if nth[2] then turn = math.max(turn, nth[2] + window) end

if submit then
    local paced = math.max(tonumber(redis.call('GET', pace) or 0), now - burst * spacing)
    turn = math.max(turn, paced)
    redis.call('SET', pace, text(paced + spacing), 'PX', text((paced + spacing - now) / 1000 + 60000))
elseif turn > now then
    return {0, turn - now}
end
redis.call('ZADD', turns, text(turn), id)
redis.call('PEXPIRE', turns, text(math.max((turn - now + 2 * window) / 1000, redis.call('PTTL', turns))))
return {1, turn - now}
"""


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn to call: its name in the store, and when it came, in seconds on a monotonic clock."""

    id: str
    moment: float


class SharedBudget:
    """The part that one client has in a shared budget.

    Args:
        url: Of the Redis server.
        key: The API key; the store gets to see a hash of it.
        limit: The limit, the same for all who share it.
        prefix: What the names in the store begin with.
    """

    def __init__(self, url: str, key: Secret | None, limit: RateLimit, prefix: str) -> None:
        try:
            # Whoever shares no budget does without.
            from redis import Redis, RedisError
            from redis.asyncio import Redis as AsyncRedis
            from redis.asyncio.retry import Retry as AsyncRetry
            from redis.backoff import NoBackoff
            from redis.retry import Retry
        except ImportError as error:
            raise errors.ConfigurationError(
                f"A shared rate limit needs redis ({error}); install the client with its extra redis"
            ) from error
        timeouts: dict[str, Any] = {
            "socket_timeout": STORE_TIMEOUT_SECONDS,
            "socket_connect_timeout": STORE_TIMEOUT_SECONDS,
        }
        try:
            # Once more, since a connection that was kept may have died meanwhile. A turn too many does no harm.
            self._redis: Redis = Redis.from_url(url, retry=Retry(NoBackoff(), 1), **timeouts)
            self._async_redis: AsyncRedis = AsyncRedis.from_url(url, retry=AsyncRetry(NoBackoff(), 1), **timeouts)
        except ValueError as error:
            # The URL itself is not told: it may hold a password.
            raise errors.ConfigurationError(
                f"The URL of the rate limit's store is none ({error}); write it as redis://host:6379/0"
            ) from None
        self._ask = self._redis.register_script(_SCRIPT)
        self._ask_async = self._async_redis.register_script(_SCRIPT)
        self._failure: type[Exception] = RedisError
        digest = hashlib.sha256(b"" if key is None else key.reveal().encode()).hexdigest()[:32]
        # One hash tag, so that a cluster keeps all of it in one place.
        name = f"{prefix}:rate-limit:{{{digest}:{limit.seconds:g}s}}"
        self._names = [f"{name}:{part}" for part in ("turns", "pace", "known")]
        self._window = limit.seconds * (1 + SHARED_BUDGET_MARGIN)
        self._limit = limit
        self._fastest = float("inf")  # The least seconds between a turn and its answer.
        self._answers = 0
        self._telling: set[asyncio.Task[None]] = set()
        self._queue = _shared_queue(url, name)

    def take_turn(self, *, submit: bool, polls_a_job: float) -> Turn:
        """Wait until the store lets a call go.

        Args:
            submit: Whether it is a submit.
            polls_a_job: How many polls a job may take; submits are spaced so that their polls find room.

        Returns:
            The turn, for ``answered``.
        """
        turn = Turn("", 0.0)
        with self._queue.place(submit=submit) as ahead:
            granted = False
            while not granted:
                while waiting := ahead():
                    _clock.sleep(waiting * self._spacing(submit, polls_a_job) / 2)
                name = uuid.uuid4().hex
                granted, wait = _read(self._ask(self._names, self._arguments(submit, polls_a_job, name)))
                turn = Turn(name, _clock.monotonic() + wait)
                _clock.sleep(wait)
        return turn

    async def take_turn_async(self, *, submit: bool, polls_a_job: float) -> Turn:
        """Wait until the store lets a call go; see ``take_turn``."""
        turn = Turn("", 0.0)
        with self._queue.place(submit=submit) as ahead:
            granted = False
            while not granted:
                while waiting := ahead():
                    await _clock.sleep_async(waiting * self._spacing(submit, polls_a_job) / 2)
                name = uuid.uuid4().hex
                granted, wait = _read(await self._ask_async(self._names, self._arguments(submit, polls_a_job, name)))
                turn = Turn(name, _clock.monotonic() + wait)
                await _clock.sleep_async(wait)
        return turn

    def answered(self, turn: Turn) -> None:
        """Note that a call was answered, or failed: it cannot have arrived later than now."""
        late = self._late(turn)
        if late:
            with suppress(self._failure):  # The next call will tell.
                self._redis.zadd(self._names[0], {turn.id: late}, xx=True, incr=True)

    def answered_async(self, turn: Turn) -> None:
        """The same for asyncio; told in a task of its own, so that no answer is lost to a cancellation meanwhile."""
        late = self._late(turn)
        if late:
            task = asyncio.get_running_loop().create_task(self._tell(turn, late))
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)

    async def _tell(self, turn: Turn, late: int) -> None:
        with suppress(self._failure):
            await self._async_redis.zadd(self._names[0], {turn.id: late}, xx=True, incr=True)

    def _late(self, turn: Turn) -> int:
        """By how many microseconds a call may have been held up; 0 where the margin covers it."""
        seconds = _clock.monotonic() - turn.moment
        self._fastest = min(self._fastest, seconds)
        self._answers += 1
        # The first calls of a burst hold each other up: none of them tells how long the way takes by itself.
        surely = self._fastest if self._answers > _FEW_WINDOWS * self._limit.calls else 0.0
        late = min(seconds - surely, self._limit.seconds)
        return round(late * 1e6) if late > self._limit.seconds * SHARED_BUDGET_MARGIN / 2 else 0

    def close(self) -> None:
        """Close the connections of a synchronous client."""
        self._redis.close()

    async def aclose(self) -> None:
        """Close the connections of an asynchronous client."""
        await asyncio.gather(*self._telling)
        await self._async_redis.aclose()

    def _spacing(self, submit: bool, polls_a_job: float) -> float:
        return self._window / self._limit.calls * (1 + polls_a_job if submit else 1)

    def _arguments(self, submit: bool, polls_a_job: float, name: str) -> list[Any]:
        spacing = self._spacing(True, polls_a_job)
        window, spacing = round(self._window * 1e6), round(spacing * 1e6)
        return [self._limit.calls, window, spacing, int(submit), _BURST, name]


def _read(answer: Any) -> tuple[bool, float]:
    granted, microseconds = answer
    return bool(granted), microseconds / 1e6


class _Queue:
    """Who of a process asks the store next: one submit, and one other call. So few ask, and in the order they came."""

    def __init__(self) -> None:
        self._tickets = itertools.count()
        self._lines: dict[bool, dict[int, None]] = {True: {}, False: {}}
        self._lock = threading.Lock()

    @contextmanager
    def place(self, *, submit: bool) -> Generator[Callable[[], int]]:
        """A place in the queue, held for the block; what it gives tells how many are ahead."""
        line = self._lines[submit]
        with self._lock:
            ticket = next(self._tickets)
            line[ticket] = None

        def ahead() -> int:
            with self._lock:
                return min(ticket - next(iter(line)), len(line) - 1)

        try:
            yield ahead
        finally:
            with self._lock:
                del line[ticket]


_queues: weakref.WeakValueDictionary[tuple[str, str], _Queue] = weakref.WeakValueDictionary()
_queues_lock = threading.Lock()


def _shared_queue(url: str, name: str) -> _Queue:
    with _queues_lock:
        return _queues.setdefault((url, name), _Queue())
