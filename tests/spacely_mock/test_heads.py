"""What the headers of ordinary requests say is found out once, and no client makes the mock remember too much."""

import pytest
from tests.spacely_mock.helpers import CONTRACT

from spacely_mock import _heads, create_app
from spacely_mock._http import Request
from spacely_spec import load

KEY = (b"x-api-key", b"sk-heads")
JSON = (b"content-type", b"application/json")


@pytest.fixture
def weighed(monkeypatch):
    """Every head that is weighed."""
    seen = []
    weigh = _heads.Heads._weigh
    monkeypatch.setattr(_heads.Heads, "_weigh", lambda heads, raw: seen.append(raw) or weigh(heads, raw))
    return seen


def _submit(*headers, body=b"{}", method="POST"):
    """A submit with these headers."""
    return Request(method, "/api/v1/generate/advance", b"", headers, body)


@pytest.fixture
def app():
    return create_app(load(CONTRACT), api_keys=["sk-heads"])


VALID = b'{"model": "spacely-v1", "imageUrl": "https://example.com/room.jpg", "renovateType": "residential"}'


def test_the_same_headers_are_weighed_once_and_kept_once(app, weighed):
    requests = [_submit(KEY, (b"content-type", bytes(bytearray(b"application/json"))), body=VALID) for _ in range(3)]
    assert all(app.answer_at_once(request, []) for request in requests)
    assert len(weighed) == 1
    assert len({id(request.raw_headers) for request in requests}) == 1


def test_headers_that_are_known_do_not_speak_for_the_body(app):
    assert app.answer_at_once(_submit(KEY, JSON, body=VALID), [])
    for body in (b"{}", b"no JSON", b"", b"null"):
        assert app.answer_at_once(_submit(KEY, JSON, body=body), []) is None


def test_each_other_header_is_weighed_anew(app, weighed):
    assert app.answer_at_once(_submit(KEY, JSON, body=VALID), [])
    others = [
        ((b"x-api-key", b"sk-another"), JSON),
        (KEY, (b"content-type", b"text/plain")),
        (KEY, JSON, (b"prefer", b"code=402")),
        (KEY, JSON, KEY),
        (JSON,),
    ]
    for headers in others:
        assert app.answer_at_once(_submit(*headers, body=VALID), []) is None
    assert len(weighed) == 1 + len(others)


def test_no_more_heads_are_remembered_than_a_limit(app, weighed, monkeypatch):
    monkeypatch.setattr(_heads, "_REMEMBERED", 10)
    for number in range(25):
        assert app.answer_at_once(_submit(KEY, JSON, (b"x-number", b"%d" % number), body=VALID), [])
    lane = app._lane._concrete["POST", "/api/v1/generate/advance"]
    assert 0 < len(lane.heads._known) <= 10


def test_a_long_head_is_answered_and_not_remembered(app, weighed):
    for _ in range(2):
        assert app.answer_at_once(_submit(KEY, JSON, (b"x-long", b"x" * 5000), body=VALID), [])
    assert len(weighed) == 2
