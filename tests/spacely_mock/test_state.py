"""What requests share: the same behaviour in memory and in Redis."""

import asyncio
import json
from math import inf

import pytest

from spacely_mock._redis import RedisState
from spacely_mock._state import EVERYONE, PUBLIC, Hit, MemoryState, namespace_of


class Line:
    """A line of the journal."""

    def __init__(self, namespace="a", size=1):
        self.id = ""
        self.namespace = namespace
        self.size = size
        self.status = None
        self.wait = None

    def arrival(self):
        return {"namespace": self.namespace, "status": None}

    def outcome(self):
        return {"status": self.status} if self.status else {}


@pytest.fixture(params=["memory", "redis"])
def run(request):
    """Runs a coroutine function with a state of its own."""
    make = MemoryState
    if request.param == "redis":
        url = request.getfixturevalue("redis_url")

        def make(*arguments):
            return RedisState(url, *arguments)

    def run(use, *arguments):
        async def with_state():
            state = make(*arguments)
            try:
                return await use(state)
            finally:
                await state.close()

        return asyncio.run(with_state())

    return run


def test_counters_count_from_one_in_each_namespace(run):
    async def use(state):
        return [await state.increment(*key) for key in (("a", "x"), ("a", "x"), ("a", "y"), ("b", "x"))]

    assert run(use) == [1, 2, 1, 1]


def test_a_window_lets_as_many_calls_pass_as_its_limit_and_tells_when_the_next_may(run):
    async def use(state):
        times = (0.0, 0.4, 0.5, 0.9, 1.1, 1.2, 1.5)
        return [await state.hit("a", Hit(1e9 + now, 2, 1.0)) for now in times]

    # Calls that were refused do not count: 1.1 is more than a second after 0.0, 1.5 after 0.4.
    assert run(use) == pytest.approx([0, 0, 0.5, 0.1, 0, 0.2, 0], abs=1e-4)


def test_windows_of_different_namespaces_do_not_touch(run):
    async def use(state):
        return [await state.hit(name, Hit(5.0, 1, 1.0)) for name in ("a", "b", "a")]

    assert run(use) == [0, 0, 1]


def test_a_limit_of_nothing_lets_nothing_pass(run):
    async def use(state):
        return await state.hit("a", Hit(5.0, 0, 2.0))

    assert run(use) == 2


def test_whoever_exceeds_a_limit_that_blocks_stays_refused_until_reset(run):
    async def use(state):
        first = [await state.hit("a", Hit(now, 1, 1.0, blocks=True)) for now in (5.0, 5.5, 1e9)]
        others = await state.hit("b", Hit(1e9, 1, 1.0, blocks=True)), await state.hit("a", Hit(1e9, 1, 1.0))
        await state.reset("a")
        return first, others, await state.hit("a", Hit(1e9, 1, 1.0, blocks=True))

    assert run(use) == ([0, inf, inf], (0, 0), 0)


def test_a_line_is_told_what_its_call_has_to_wait(run):
    async def use(state):
        lines = [Line() for _ in range(5)]
        for line, hit in zip(lines, (None, *[Hit(5.0, 1, 2.0)] * 2, *[Hit(5.0, 1, 2.0, blocks=True)] * 2), strict=True):
            await state.append(line, rules_of="a", hit=hit)
        return [line.wait for line in lines], await state.length()

    assert run(use) == ([None, 0, 2, inf, inf], 5)


def test_rules_are_kept_in_order_for_each_namespace_and_for_everyone(run):
    async def use(state):
        await state.set_rules("a", [{"n": 1}, {"n": 2}])
        await state.add_rule("a", {"n": 3})
        await state.add_rule(EVERYONE, {"n": 4})
        replaced = await state.rules("a")
        await state.set_rules("a", [])
        return replaced, await state.rules("a"), await state.rules(EVERYONE), await state.rules("b")

    assert run(use) == ([{"n": 1}, {"n": 2}, {"n": 3}], [], [{"n": 4}], [])


def test_a_namespace_whose_rules_were_removed_takes_no_memory():
    async def use():
        state = MemoryState()
        for number in range(100):
            await state.set_rules(f"n{number}", [{"n": 1}])
            await state.set_rules(f"n{number}", [])
        return state.has_rules(), len(state._rules)

    assert asyncio.run(use()) == (False, 0)


def test_a_line_is_in_the_journal_before_its_request_is_answered(run):
    async def use(state):
        line = Line()
        await state.append(line)
        before = await state.lines()
        line.status = 200
        await state.complete(line)
        return before, await state.lines()

    before, after = run(use)
    assert [line["status"] for line in before] == [None]
    assert [line["status"] for line in after] == [200]
    assert before[0]["id"] == after[0]["id"] != ""


def test_the_journal_keeps_the_latest_lines(run):
    async def use(state):
        lines = [Line() for _ in range(5)]
        for line in lines:
            await state.append(line)
        return [line.id for line in lines], [line["id"] for line in await state.lines()], await state.length()

    appended, kept, length = run(use, 3)
    assert kept == appended[-3:]
    assert length == 3


def test_a_journal_of_nothing_keeps_nothing(run):
    async def use(state):
        line = Line()
        await state.append(line)
        await state.complete(line)
        return await state.lines()

    assert run(use, 0) == []


def test_the_journal_in_memory_is_bounded_in_bytes_too():
    async def use():
        state = MemoryState(100, 1000)
        for size in (400, 400, 400, 5000, 300):
            await state.append(Line(size=size))
        return [line["id"] for line in await state.lines()]

    assert asyncio.run(use()) == ["5"]


def test_clearing_a_namespace_leaves_the_others(run):
    async def use(state):
        for name in "aba":
            await state.append(Line(name))
        first = await state.clear("a")
        left = [line["namespace"] for line in await state.lines()]
        return first, left, await state.clear(None), await state.lines()

    assert run(use) == (2, ["b"], 1, [])


@pytest.mark.parametrize("namespace", ["a", None])
def test_reset_forgets_all_there_is_of_a_namespace_or_of_all(run, namespace):
    async def fill(state, name):
        await state.increment(name, "x")
        await state.hit(name, Hit(1.0, 1, 60.0))
        await state.set_rules(name, [{}])
        await state.append(Line(name))

    async def look(state, name):
        lines = [line for line in await state.lines() if line["namespace"] == name]
        hit = await state.hit(name, Hit(1.0, 1, 60.0))
        return (await state.increment(name, "x"), hit, await state.rules(name), len(lines))

    async def use(state):
        for name in "ab":
            await fill(state, name)
        await state.reset(namespace)
        return await look(state, "a"), await look(state, "b")

    fresh = (1, 0, [], 0)
    kept = (2, 60, [{}], 1)
    assert run(use) == (fresh, fresh if namespace is None else kept)


def test_whoever_waits_is_told_of_a_change(run):
    async def use(state):
        version = await state.version()
        waiting = asyncio.create_task(state.changed(version, 10))
        await asyncio.sleep(0)
        await state.append(Line())
        await asyncio.wait_for(waiting, 5)
        # A change that has come already is not waited for.
        await asyncio.wait_for(state.changed(version, 10), 5)
        return await state.version() != version

    assert run(use)


def test_whoever_waits_in_vain_waits_no_longer_than_asked(run):
    async def use(state):
        await asyncio.wait_for(state.changed(await state.version(), 0.01), 5)
        return True

    assert run(use)


def test_counters_nobody_uses_are_forgotten_in_the_end(monkeypatch):
    monkeypatch.setattr("spacely_mock._state._COUNTERS", 2)

    async def use():
        state = MemoryState()
        return [await state.increment("a", name) for name in "xyxzxy"]

    assert asyncio.run(use()) == [1, 1, 2, 1, 3, 1]


def test_a_namespace_is_a_digest_that_does_not_tell_the_key():
    assert namespace_of("sk-one") == namespace_of("sk-one") != namespace_of("sk-two")
    assert "sk" not in json.dumps(namespace_of("sk-one"))
    assert namespace_of("") == PUBLIC
