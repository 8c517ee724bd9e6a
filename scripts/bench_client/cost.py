"""What one call costs beside the same call in bare httpx, whose answer is read with ``json()``.

Processor time of this process, not time on the clock: the answer comes from a transport within the process, or from
the mock in another one, whose work is not counted. The two take turns, a few dozen calls at a time.
"""

from __future__ import annotations

import asyncio
import gc
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from bench_mock.requests import KEY, Request, poll_request, submit_request
from bench_mock.servers import MOCK, running
from spacely_client import AsyncSpacely, Spacely
from spacely_runtime._operation import Operation
from spacely_spec import Answer, Spec

_CALLS = 40  # In one turn.
_UNLIMITED = 1e9  # Calls a second: the budget does its work, and lets everything pass.


@dataclass(frozen=True)
class Cost:
    """What a call costs, medians over the rounds.

    Attributes:
        what: The call.
        client: Microseconds of processor time through the client.
        bare: Those through bare httpx.
        ratio: The median of the ratios within each round.
    """

    what: str
    client: float
    bare: float
    ratio: float


@dataclass(frozen=True)
class _Call:
    """One call, both ways."""

    request: Request
    name: str
    arguments: dict[str, Any]


def costs(spec: Spec, cache: Path, rounds: int) -> list[Cost]:
    """Measure a poll, synchronous and asynchronous, over a socket and within the process."""
    submit = submit_request(spec)
    with running(MOCK, spec.path, cache, submit, [spec.base_path]) as mock:
        url = f"http://127.0.0.1:{mock.port}{mock.base}"
        answer = submit.send(mock.port, mock.base)
        assert answer is not None, "the mock does not answer"
        call = _poll(spec, answer)
        content = httpx.request(call.request.method, url + call.request.path, headers=call.request.headers).content

        def answered(request: httpx.Request) -> httpx.Response:
            return httpx.Response(200, content=content, headers={"content-type": "application/json"}, request=request)

        found: list[Cost] = []
        for where, transport in (("over a socket", None), ("in process", httpx.MockTransport(answered))):
            found.append(_sync(f"{where}, sync", call, url, transport, rounds))
            found.append(asyncio.run(_async(f"{where}, async", call, url, transport, rounds)))
    return found


def _poll(spec: Spec, submitted: Answer) -> _Call:
    operations = AsyncSpacely.operations
    submit: Operation = next(each for each in operations.values() if each.polling is not None)
    polling = next(each for each in spec.operations if each.id == submit.id).polling
    assert submit.polling is not None
    assert polling is not None
    job = submit.polling.parse_id(str(polling.job_id.read(submitted)))
    return _Call(
        poll_request(spec, submitted),
        submit.polling.target,
        {**submit.polling.constants, submit.polling.parameter: job},
    )


def _sync(what: str, call: _Call, url: str, transport: Any, rounds: int) -> Cost:
    with (
        Spacely(KEY, url, rate_limit=_UNLIMITED, transport=transport) as client,
        httpx.Client(transport=transport, timeout=30) as http,
    ):
        method = getattr(client, call.name)
        request = call.request

        def ours() -> None:
            for _ in range(_CALLS):
                method(**call.arguments)

        def bare() -> None:
            for _ in range(_CALLS):
                http.request(request.method, url + request.path, headers=request.headers).raise_for_status().json()

        return _cost(what, [(_timed(ours), _timed(bare)) for _ in range(rounds + 1)][1:])


async def _async(what: str, call: _Call, url: str, transport: Any, rounds: int) -> Cost:
    async with (
        AsyncSpacely(KEY, url, rate_limit=_UNLIMITED, transport=transport) as client,
        httpx.AsyncClient(transport=transport, timeout=30) as http,
    ):
        method = getattr(client, call.name)
        request = call.request

        async def ours() -> None:
            for _ in range(_CALLS):
                await method(**call.arguments)

        async def bare() -> None:
            for _ in range(_CALLS):
                response = await http.request(request.method, url + request.path, headers=request.headers)
                response.raise_for_status().json()

        pairs = [(await _timed_async(ours), await _timed_async(bare)) for _ in range(rounds + 1)]
        return _cost(what, pairs[1:])  # The first is to warm up.


def _timed(work: Callable[[], None]) -> float:
    gc.collect()
    before = time.process_time()
    work()
    return time.process_time() - before


async def _timed_async(work: Callable[[], Awaitable[None]]) -> float:
    gc.collect()
    before = time.process_time()
    await work()
    return time.process_time() - before


def _cost(what: str, pairs: list[tuple[float, float]]) -> Cost:
    a_call = 1e6 / _CALLS
    return Cost(
        what,
        statistics.median(ours for ours, _ in pairs) * a_call,
        statistics.median(bare for _, bare in pairs) * a_call,
        statistics.median(ours / bare for ours, bare in pairs),
    )
