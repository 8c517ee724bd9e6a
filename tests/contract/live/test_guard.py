"""The guard by itself: what it lets out, whatever it is handed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from spacely_mock import ManualClock
from spacely_spec import Spec

from .conftest import KEY, Time
from .guard import Guard, Limits, NotAllowed, Stopped
from .ledger import Ledger
from .observations import Reader
from .tariff import Tariff

API = "https://api.example.com/v1"
SUBMIT, POLL = f"{API}/generate/advance", f"{API}/generate/poll-result?refId=1"


@pytest.fixture
def guard(spec: Spec, tmp_path: Path) -> Iterator[Callable[..., Guard]]:
    """Makes a guard before an API that answers whatever it is told to."""
    with Ledger(tmp_path / "ledger") as ledger:

        def make(*answers: int, requests: int = 100, credits: int = 0, key: str | None = KEY) -> Guard:
            left = list(answers)
            inner = httpx.MockTransport(lambda _: httpx.Response(left.pop(0) if left else 200))
            tariff = Tariff(Reader(spec, [API]), key)
            limits = Limits(requests, credits)
            return Guard(inner, httpx.URL(API).copy_with(path="/"), tariff, limits, ledger, Time(ManualClock()))

        yield make


@pytest.mark.parametrize(
    "request_",
    [
        httpx.Request("GET", "https://elsewhere.example.com/", headers={"X-API-KEY": KEY}),
        httpx.Request("GET", f"https://elsewhere.example.com/?key={KEY}"),
        httpx.Request("POST", "https://elsewhere.example.com/", json={"key": KEY}),
        httpx.Request("GET", "http://api.example.com/v1/", headers={"X-API-KEY": KEY}),
        httpx.Request("GET", "https://api.example.com:8443/v1/", headers={"X-API-KEY": KEY}),
        httpx.Request("GET", "https://elsewhere.example.com/", headers={"Authorization": f"Bearer {KEY}"}),
    ],
)
def test_the_key_goes_to_the_api_alone(request_: httpx.Request, guard: Callable[..., Guard]) -> None:
    with pytest.raises(NotAllowed, match=r"the key goes to https://api\.example\.com alone"):
        guard(credits=5).handle_request(request_)


@pytest.mark.parametrize(
    ("method", "url", "headers", "cost"),
    [
        ("POST", SUBMIT, {"X-API-KEY": KEY}, 1),
        ("POST", SUBMIT, {"Authorization": f"Bearer {KEY}"}, 1),
        ("POST", f"{SUBMIT}?key={KEY}", {}, 1),
        ("POST", SUBMIT, {"X-API-KEY": KEY + "x"}, 1),
        ("POST", SUBMIT, {"X-API-KEY": KEY.swapcase()}, 1),
        ("POST", SUBMIT, {"X-API-KEY": "somebody-else"}, 0),
        ("POST", SUBMIT, {}, 0),
        ("POST", f"{API}/what/is/this", {"X-API-KEY": KEY}, 1),
        ("DELETE", POLL, {"X-API-KEY": KEY}, 1),
        ("GET", POLL, {"X-API-KEY": KEY}, 0),
        ("GET", f"{API}/what/is/this", {"X-API-KEY": KEY}, 0),
    ],
)
def test_whatever_may_change_something_on_the_account_may_cost(
    method: str, url: str, headers: dict[str, str], cost: int, spec: Spec
) -> None:
    assert Tariff(Reader(spec, [API]), KEY).at_most(httpx.Request(method, url, headers=headers)) == cost


def test_where_there_is_no_key_every_submit_may_cost(spec: Spec) -> None:
    assert Tariff(Reader(spec, [API]), None).at_most(httpx.Request("POST", SUBMIT)) == 1


def test_a_submit_without_credits_is_not_sent_and_a_poll_is(guard: Callable[..., Guard]) -> None:
    made = guard(credits=0)
    with pytest.raises(NotAllowed, match="0 of the 0 allowed by --credits are spent"):
        made.handle_request(httpx.Request("POST", SUBMIT, headers={"X-API-KEY": KEY}))
    assert made.handle_request(httpx.Request("GET", POLL, headers={"X-API-KEY": KEY})).status_code == 200
    assert made.sent == 1


@pytest.mark.parametrize("status", [402, 403, 429])
def test_nothing_goes_out_after_the_api_has_called_a_halt(status: int, guard: Callable[..., Guard]) -> None:
    made = guard(200, status)
    poll = httpx.Request("GET", POLL, headers={"X-API-KEY": KEY})
    assert [made.handle_request(poll).status_code for _ in range(2)] == [200, status]
    with pytest.raises(Stopped, match=f"the API answered {status} to GET"):
        made.handle_request(poll)


def test_a_refusal_by_a_host_that_keeps_results_is_no_halt(guard: Callable[..., Guard]) -> None:
    made = guard(403)
    image = httpx.Request("GET", "https://storage.example.com/1.png?signature=s3cr3t")
    assert [made.handle_request(image).status_code for _ in range(2)] == [403, 200]


def test_the_signature_of_a_url_is_not_in_the_ledger(guard: Callable[..., Guard], tmp_path: Path) -> None:
    guard().handle_request(httpx.Request("GET", "https://storage.example.com/1.png?signature=s3cr3t"))
    written = (tmp_path / "ledger").read_text()
    assert "https://storage.example.com/1.png" in written
    assert "s3cr3t" not in written


def test_an_answer_says_when_its_request_left_not_when_it_began_to_wait(guard: Callable[..., Guard]) -> None:
    made = guard()
    moments = [made.handle_request(httpx.Request("GET", POLL)).extensions["at"] for _ in range(6)]
    assert moments[5] - moments[0] >= 0.999  # No more than five in a second.


def test_an_answer_without_end_is_cut_off(guard: Callable[..., Guard]) -> None:
    read = 0

    def endless() -> Iterator[bytes]:
        nonlocal read
        while read < 10_000_000:
            read += 100_000
            yield b"x" * 100_000

    made = guard()
    made._inner = httpx.MockTransport(lambda _: httpx.Response(200, content=endless()))
    answer = made.handle_request(httpx.Request("GET", POLL))
    assert read < 5_000_000
    assert len(answer.content) == 4_000_000
    assert answer.extensions["whole"] is False
