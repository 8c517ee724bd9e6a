"""The fast lane gives the answers that the framework gives, to every kind of request."""

import asyncio
import json
import random
import re
from dataclasses import replace

import pytest
from tests.spacely_mock import lanes
from tests.spacely_mock.helpers import CONTRACT
from tests.spacely_mock.lanes import FILES

from spacely_mock import _lane
from spacely_mock._bodies import BodyError
from spacely_mock._director import Director
from spacely_mock._heads import Heads
from spacely_mock._journal import Journal
from spacely_mock._redis import RedisState
from spacely_mock._wire import AnswerWriter
from spacely_spec import load


def _keys_in_query(spec):
    return any(scheme.location == "query" for operation in spec.operations for scheme in operation.security[0])


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_both_lanes_answer_every_request_alike(file):
    result = asyncio.run(lanes.compare(file, 500))
    assert result.compared == 500
    assert result.differences == []
    assert result.taken > 50 or _keys_in_query(load(file))
    assert {200, 400, 401, 404, 405} <= result.statuses.keys()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_both_lanes_answer_every_request_alike_where_what_is_shared_is_in_redis(file, redis_url):
    result = asyncio.run(lanes.compare(file, 150, variety=1, store=redis_url.rpartition("/")[0]))
    assert result.compared == 150
    assert result.differences == []
    assert result.taken > 20 or _keys_in_query(load(file))
    assert 429 in result.statuses or _keys_in_query(load(file))


@pytest.mark.parametrize("store", ["memory", "redis"])
@pytest.mark.parametrize(
    ("options", "expected"),
    [({}, [200, 200, 429, 429, 200, 200, 429]), ({"rate_limit_block": True}, [200, 200, *[429] * 5])],
    ids=["limited", "blocked"],
)
def test_the_lane_takes_what_a_limit_lets_pass_and_what_it_refuses(options, expected, store, request):
    states = None
    if store == "redis":
        server = request.getfixturevalue("redis_url").rpartition("/")[0]
        states = RedisState(server + "/1"), RedisState(server + "/2")

    async def send():
        pair = lanes.Lanes(CONTRACT, states, rate_limit=2, progress="polls:1", **options)
        chance, statuses = random.Random(1), []
        for seconds, operation in zip((0, 0.4, 0.4, 0, 0.4, 0.4, 0.1), pair.spec.operations * 4, strict=False):
            pair.clock.advance(seconds)
            statuses.append((await pair.send(pair.ordinary(operation, chance), operation))[0])
        await pair.close()
        return statuses, pair.taken, pair.result.differences

    assert asyncio.run(send()) == (expected, len(expected), [])


def test_the_short_cut_takes_what_a_limit_lets_pass_and_what_it_refuses():
    async def send():
        pair = lanes.Lanes(CONTRACT, rate_limit=2, progress="polls:1")
        submit, poll = pair.spec.operations
        for operation in (submit, poll, poll, submit):
            await pair.send_bytes(pair.ordinary(operation, random.Random(1)), _Whole(), operation)
        # Where there has been no cycle, uvicorn has never been asked to call the application.
        return pair.result, pair.taken, pair.wires[0]._protocol.cycle

    result, taken, cycle = asyncio.run(send())
    assert result.statuses == {200: 2, 429: 2}
    assert (result.differences, taken, cycle) == ([], 4, None)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_lane_takes_every_ordinary_request_whose_key_is_in_a_header(file):
    async def send():
        pair = lanes.Lanes(file)
        chance = random.Random(1)
        for operation in sorted(pair.spec.operations, key=lambda each: each.polling is None):
            before = pair.taken
            answer = await pair.send(pair.ordinary(operation, chance), operation)
            assert answer[0] < 300, answer
            assert pair.taken - before == (not _keys_in_query(pair.spec)), operation.id
        assert pair.result.differences == []

    asyncio.run(send())


def test_a_body_that_no_one_asked_for_is_noted_by_both_lanes():
    async def send():
        pair = lanes.Lanes(CONTRACT)
        for operation in pair.spec.operations:
            await pair.send(replace(pair.ordinary(operation, random.Random(1)), chunks=[b"odd"]))
        return pair.result

    result = asyncio.run(send())
    assert (result.taken, result.differences) == (0, [])


def test_the_framework_is_not_imported_for_ordinary_requests():
    async def send():
        pair = lanes.Lanes(CONTRACT)
        for operation in pair.spec.operations:
            await pair.send(pair.ordinary(operation, random.Random(1)), operation)
        return pair.fast._framework._app

    assert asyncio.run(send()) is None


def _lenient(body):
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BodyError("no JSON") from error


async def _sent_to_a_lane_that_breaks(breaking, monkeypatch):
    """The answers to an ordinary request by ASGI and over HTTP/1.1, where something raises in the lane alone."""
    pair = lanes.Lanes(CONTRACT)
    raw = pair.ordinary(pair.spec.operations[0], random.Random(1))
    monkeypatch.setattr(*breaking, lambda *_, **__: {}[raw])
    return await lanes.exchange(pair.fast, raw), await pair.wires[0].exchange(lanes.on_the_wire(raw, _Whole()))


class _Whole(random.Random):
    """Sends requests in one piece."""

    def choice(self, options):
        return options[0]


BREAKING = {
    "looking for parameters": (_lane._Lane, "parameters"),
    "weighing the head": (Heads, "_weigh"),
    "asking for the owner": (Heads, "_owner"),
    "reading the body": (_lane, "read_json"),
    "asking for rules": (Director, "leaves_alone"),
    "counting": (_lane.FastLane, "_count"),
}


@pytest.mark.parametrize("breaking", BREAKING.values(), ids=BREAKING.keys())
def test_where_the_lane_breaks_the_framework_answers_and_the_log_says_so_without_the_key(breaking, monkeypatch, caplog):
    by_asgi, by_http = asyncio.run(_sent_to_a_lane_that_breaks(breaking, monkeypatch))
    assert by_asgi[0] == 200
    assert by_http.startswith(b"HTTP/1.1 200 OK\r\n")
    assert "the fast lane failed" in caplog.text
    assert lanes.KEY not in caplog.text


@pytest.mark.parametrize("breaking", [(AnswerWriter, "write"), (Journal, "note")], ids=["writing", "noting"])
def test_where_the_short_cut_breaks_the_framework_answers_too(breaking, monkeypatch, caplog):
    _, by_http = asyncio.run(_sent_to_a_lane_that_breaks(breaking, monkeypatch))
    assert by_http.startswith(b"HTTP/1.1 200 OK\r\n")
    assert "the fast lane failed" in caplog.text


_NOTE, _WRITE = Journal.note, AnswerWriter.write


def _note_uncounted(journal, entry, reply):
    entry.job = reply.job
    entry.answered(reply.status)
    journal._at_hand.append_at_once(entry)


_ARRIVED = Journal.arrived
_MAKE, _READ = Heads.__init__, Heads.read


def _without_prefer(heads, *arguments):
    _MAKE(heads, *arguments)
    heads._unusual -= {b"prefer"}


async def _arrived_untold(journal, *arguments, **options):
    entry = await _ARRIVED(journal, *arguments, **options)
    entry.wait = None
    return entry


FAULTS = {
    "reads JSON as Python does": ("read_json", _lenient),
    "does not read the Prefer header": ("Heads.__init__", _without_prefer),
    "takes all heads for one": ("Heads.read", lambda heads, raw: next(iter(heads._known.values()), _READ(heads, raw))),
    "takes any query for plain": ("_PLAIN_QUERY", re.compile(rb"[\x00-\x7f]*")),
    "forgets the body it has received": ("_again", lambda message, receive: receive),
    "does not ask for rules": ("Director.leaves_alone", lambda *_: True),
    "does not hold calls against the limit": ("FastLane._refused", lambda *_: None),
    "counts a call that is not its own twice": ("Journal.arrived", _arrived_untold),
    "does not count": ("Journal.note", _note_uncounted),
    "does not note the job": ("Journal.note", lambda self, entry, reply: _NOTE(self, entry, replace(reply, job=""))),
    "leaves out the server's headers": ("AnswerWriter.write", lambda self, reply, _: _WRITE(self, reply, ())),
    "writes another length": ("Reply.has_body", False),
}


@pytest.mark.parametrize(("name", "value"), FAULTS.values(), ids=FAULTS.keys())
def test_a_lane_that_answers_differently_is_found_out(name, value, monkeypatch):
    monkeypatch.setattr(f"spacely_mock._lane.{name}", value)
    assert asyncio.run(lanes.compare(CONTRACT, 4000, most=1)).differences


def test_a_lane_that_leaves_a_header_out_of_its_answers_is_found_out(monkeypatch):
    monkeypatch.setattr(_lane.FastLane, "__init__", _without_headers(_lane.FastLane.__init__))
    assert asyncio.run(lanes.compare(CONTRACT, 200, most=1)).differences


def _without_headers(make):
    return lambda self, **options: make(self, **{**options, "headers": ()})


def test_a_request_that_fails_the_short_way_is_answered_the_long_way(monkeypatch):
    async def send():
        pair = lanes.Lanes(CONTRACT)
        raw = pair.ordinary(pair.spec.operations[0], random.Random(1))
        for compiled in {lane.compiled for lane in pair.fast._lane._concrete.values()}:
            monkeypatch.setattr(compiled, "answer_at_once", lambda call: 1 / 0)
        return await lanes.exchange(pair.fast, raw), await pair.wires[0].exchange(lanes.on_the_wire(raw, _Whole()))

    (status, _, body), by_http = asyncio.run(send())
    assert status == 500
    assert by_http.startswith(b"HTTP/1.1 500 ")
    for answer in (body, by_http.partition(b"\r\n\r\n")[2]):
        assert json.loads(answer)["title"] == "The mock has a defect"


def test_with_the_lane_off_every_request_goes_through_the_framework():
    assert lanes.Lanes(CONTRACT).slow._lane is None
