"""The short cut from the HTTP parser to the fast lane: what takes it, and what becomes of the connection."""

import asyncio
import json
import random

import pytest
from tests.spacely_mock import lanes
from tests.spacely_mock.helpers import CONTRACT, RENDER, SUBMIT

from spacely_mock import _direct, create_app
from spacely_mock._direct import DirectProtocol

BODY = json.dumps(RENDER).encode()
HEAD = f"POST {SUBMIT} HTTP/1.1\r\nHost: mock\r\nX-API-KEY: sk-one\r\nContent-Type: application/json\r\n".encode()
WHOLE = HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY


@pytest.fixture
def taken(monkeypatch):
    """Whether each request that was held back was answered at once."""
    found = []
    answer = DirectProtocol._answer

    def noting(self, data):
        found.append(answer(self, data))
        return found[-1]

    monkeypatch.setattr(DirectProtocol, "_answer", noting)
    return found


def talk(*pieces, then=None, **options):
    """Send pieces over one connection; what was written, and what ``then`` makes of the connection."""

    async def run():
        wire = lanes.Wire(create_app(CONTRACT, **options))
        answer = await wire.exchange(list(pieces))
        return answer, None if then is None else await then(wire)

    return asyncio.run(run())


def statuses(answer):
    return [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]]


def test_a_request_in_one_piece_is_answered_at_once_by_one_write(taken):
    answer, tasks = talk(WHOLE, then=_tasks)
    assert taken == [answer]
    assert statuses(answer) == [200]
    assert tasks == 0


async def _tasks(wire):
    return len(wire._server.tasks)


def test_answers_are_sent_once_all_has_been_read_and_before_the_connection_ends():
    async def run():
        wire = lanes.Wire(create_app(CONTRACT))
        await wire.exchange([WHOLE])
        protocol, transport = wire._protocol, wire._transport
        found = []
        for then in (protocol.eof_received, protocol.shutdown, lambda: protocol.data_received(WHOLE[:9])):
            before = len(transport.written)
            protocol.data_received(b"\r\n" + WHOLE)
            unsent = len(transport.written) == before
            transport.closing = False
            then()
            found.append((unsent, len(statuses(bytes(transport.written[before:])))))
            transport.closing = False
        return found

    assert asyncio.run(run()) == [(True, 1)] * 3


ANOTHER_WAY = {
    "in two pieces": ([WHOLE[:-5], WHOLE[-5:]], [200]),
    "in pieces of a byte": ([WHOLE[index : index + 1] for index in range(len(WHOLE))], [200]),
    "to a connection that is to be closed": ([WHOLE.replace(b"Host", b"Connection: close\r\nHost")], [200]),
    "of HTTP/1.0": ([WHOLE.replace(b"HTTP/1.1\r\n", b"HTTP/1.0\r\nConnection: keep-alive\r\n")], [200]),
    "in chunks, with trailers": (
        [HEAD + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\nX-API-KEY: k\r\n\r\n" % (len(BODY), BODY)],
        [200],
    ),
    "that waits for leave to send": ([WHOLE.replace(b"Host", b"Expect: 100-continue\r\nHost")], [100, 200]),
    "for a URL that is none": ([WHOLE.replace(b"/api", b"file:///api")], [400]),
    "for a path with something to decode": ([WHOLE.replace(b"/api", b"/%61pi")], [200]),
    "with an upgrade": ([WHOLE.replace(b"Host", b"Connection: Upgrade\r\nUpgrade: h2c\r\nHost")], [200]),
}


@pytest.mark.parametrize(("pieces", "expected"), ANOTHER_WAY.values(), ids=ANOTHER_WAY.keys())
def test_a_request_that_is_not_plain_goes_the_usual_way(pieces, expected, taken):
    answer, _ = talk(*pieces)
    assert statuses(answer) == expected
    assert taken == []


LEFT = {
    "a body that does not fit": (WHOLE.replace(b'"model"', b'"modem"'), 400),
    "no key": (WHOLE.replace(b"X-API-KEY", b"X-Other"), 401),
    "a gateway in front": (WHOLE.replace(b"Host", b"X-Forwarded-Proto: https\r\nHost"), 200),
    "an unknown path": (WHOLE.replace(b"advance", b"elsewhere"), 404),
}


@pytest.mark.parametrize(("data", "expected"), LEFT.values(), ids=LEFT.keys())
def test_what_the_lane_leaves_gets_its_answer_all_the_same(data, expected, taken):
    answer, _ = talk(data)
    assert statuses(answer) == [expected]
    assert taken == [None]


def test_requests_in_one_piece_are_answered_in_their_order_the_usual_way(taken):
    answer, _ = talk(WHOLE * 5 + WHOLE.replace(b"advance", b"elsewhere") + WHOLE)
    assert statuses(answer) == [200, 200, 200, 200, 200, 404, 200]
    assert taken == []


@pytest.fixture
def parsed(monkeypatch):
    """The URL of each request that went through the parser."""
    found = []
    headers_complete = DirectProtocol.on_headers_complete

    def noting(self):
        found.append(self.url)
        headers_complete(self)

    monkeypatch.setattr(DirectProtocol, "on_headers_complete", noting)
    return found


def _again(wire):
    """Another connection to the same server."""
    wire._protocol = None
    return wire


def test_a_head_that_is_known_is_parsed_once_for_all_connections(parsed):
    other = WHOLE.replace(b"residential", b"commercial!")

    async def go_on(wire):
        answers = [await wire.exchange([data]) for data in (WHOLE, other, WHOLE)]
        return [*answers, await _again(wire).exchange([WHOLE])]

    first, others = talk(WHOLE, then=go_on)
    assert [statuses(answer) for answer in (first, *others)] == [[200], [200], [400], [200], [200]]
    assert len(parsed) == 3  # The body that does not fit went the usual way, and so the request behind it.


def test_a_known_head_does_not_hide_a_body_of_another_length_or_a_second_request(parsed):
    longer = WHOLE + b"\r\n\r\n"

    async def go_on(wire):
        return [await wire.exchange(list(pieces)) for pieces in ([WHOLE * 2], [WHOLE[:-1], WHOLE[-1:]], [longer])]

    _, answers = talk(WHOLE, then=go_on)
    assert [statuses(answer) for answer in answers] == [[200, 200], [200], [200]]
    assert len(parsed) == 5


def test_a_known_head_does_not_hide_a_second_request_where_neither_has_a_body():
    poll = b"GET /api/v1/generate/poll-result?refId=none-such-job HTTP/1.1\r\nHost: mock\r\nX-API-KEY: sk-one\r\n\r\n"

    async def go_on(wire):
        return await wire.exchange([poll * 2])

    first, answer = talk(poll, then=go_on)
    assert (statuses(first), statuses(answer)) == ([400], [400, 400])


@pytest.mark.parametrize("at", [20, len(HEAD) - 20, len(HEAD)])
def test_the_end_of_a_head_is_none_by_itself(at):
    """Else whoever sends that end alone would be answered as the one who sent the beginning, with their key."""

    async def send_the_end(wire):
        return await _again(wire).exchange([WHOLE[at:]])

    _, answer = talk(b"\r\n", WHOLE[:at], WHOLE[at:], then=send_the_end)
    assert statuses(answer) in ([400], [])


def test_no_more_heads_are_known_than_a_limit_and_none_that_is_long(monkeypatch):
    monkeypatch.setattr(_direct, "_REMEMBERED", 10)
    heads = []

    async def send(wire):
        for number in range(25):
            data = WHOLE.replace(b"Host: mock", b"Host: mock%d" % number)
            assert statuses(await wire.exchange([data])) == [200]
            heads.append(len(wire._protocol.heads._heads))
        assert statuses(await wire.exchange([WHOLE.replace(b"Host", b"X-Long: %b\r\nHost" % (b"x" * 3000))])) == [200]
        return max(map(len, wire._protocol.heads._heads))

    _, longest = talk(WHOLE, then=send)
    assert max(heads) == 10
    assert longest < 2048


@pytest.mark.parametrize("garbage", [b"\x00", b"\x00\x01\r\n\r\n", b"GET", b"{}", b"\r\n\x00"])
def test_garbage_behind_a_request_ends_the_connection_after_its_answer(garbage, taken):
    answer, _ = talk(WHOLE + garbage)
    assert statuses(answer) == [200]
    assert taken == []
    assert (b"connection: close" in answer) is (garbage != b"GET")  # Which may be the start of a request.


def test_line_breaks_behind_a_request_are_none_of_the_next(taken):
    answer, _ = talk(WHOLE + b"\r\n", b"\r\n" + WHOLE)
    assert statuses(answer) == [200, 200]
    assert len(taken) == 2


def test_a_connection_at_rest_is_closed_and_its_timer_is_gone():
    async def rest(wire):
        protocol = wire._protocol
        assert protocol._rest_timer is not None
        protocol.timeout_keep_alive = 0
        protocol._rested()
        assert wire._transport.closing
        protocol.connection_lost(None)
        return protocol._rest_timer, protocol._sending, protocol.timeout_keep_alive_task

    _, timers = talk(WHOLE, then=rest)
    assert timers == (None, None, None)


def test_a_connection_that_is_used_again_is_not_closed_by_the_timer_of_the_rest_before():
    async def use(wire):
        protocol = wire._protocol
        protocol.timeout_keep_alive = 0
        protocol.data_received(WHOLE[:-5])
        protocol._rested()  # The timer of the first rest, in the middle of the second request.
        assert not wire._transport.closing
        return await wire.exchange([WHOLE[-5:]])

    _, answer = talk(WHOLE, then=use)
    assert statuses(answer) == [200]


def test_a_connection_that_is_lost_at_rest_leaves_no_timer():
    async def lose(wire):
        wire._protocol.connection_lost(None)
        return wire._protocol._rest_timer

    assert talk(WHOLE, then=lose)[1] is None


def test_the_rest_is_counted_from_the_last_answer():
    async def use(wire):
        protocol = wire._protocol
        protocol._rested()  # Long before its time.
        return wire._transport.closing, protocol._rest_timer is not None

    _, found = talk(WHOLE, then=use)
    assert found == (False, True)


def test_half_a_request_behind_an_answered_one_has_its_time_limit():
    async def timer(wire):
        return wire._protocol._sending

    assert talk(WHOLE, then=timer)[1] is None
    assert talk(WHOLE, WHOLE[:40], then=timer)[1] is not None


def test_a_reader_that_takes_nothing_is_not_answered_at_once(taken):
    async def stop_taking(wire):
        taken.clear()
        wire._protocol.pause_writing()
        wire._protocol.data_received(WHOLE)
        await wire._settle()
        held_back, written = list(taken), len(wire._transport.written)
        wire._protocol.resume_writing()
        await wire._settle()
        return held_back, len(wire._transport.written) > written

    _, found = talk(WHOLE, then=stop_taking)
    assert found == ([], True)


def test_pieces_of_any_size_give_the_same_answers():
    chance = random.Random(1)

    async def send(app, cut):
        wire = lanes.Wire(app)
        return [await wire.exchange([WHOLE[:at], WHOLE[at:]] if cut else [WHOLE]) for at in cuts]

    cuts = [chance.randrange(1, len(WHOLE)) for _ in range(40)]
    whole, cut = (asyncio.run(send(create_app(CONTRACT, seed=1, clock=_Still()), each)) for each in (False, True))
    assert whole == cut


class _Still:
    def now(self):
        return 1_800_000_000.0
