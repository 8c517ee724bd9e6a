"""The guard: the one way out for every request of the ladder, which holds the limits whatever the ladder does."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from typing import Any, Protocol

import httpx

from spacely_runtime._deadline import check_deadline, deadline
from spacely_spec import RateLimit

from ..deadline import EXCHANGE_SECONDS
from ..report import redact
from .ledger import Ledger
from .tariff import Tariff

MAX_PER_SECOND = 5
OWN_PACE = RateLimit(MAX_PER_SECOND, 1.0)
_LONGEST_ANSWER = 4_000_000
# Raised before anything of the request was written.
_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.LocalProtocolError,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)
# They describe the body as it travelled; what is handed on has been decoded, and may have been cut.
_OF_THE_TRANSFER = frozenset({"content-encoding", "content-length", "transfer-encoding"})


class Clock(Protocol):
    """Tells the time, and waits."""

    def time(self) -> float:
        """Seconds since the Unix epoch."""
        ...

    def monotonic(self) -> float:
        """Seconds since some moment; never goes back."""
        ...

    def sleep(self, seconds: float, /) -> None:
        """Return so many seconds later."""
        ...


class NotAllowed(Exception):
    """The guard does not let this request out; the message says which limit is in the way."""


class Stopped(NotAllowed):
    """The guard lets nothing out any more."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may be sent.

    Attributes:
        requests: Requests in this run.
        credits: Credits in all runs with the same ledger.
        windows: How many requests in how many seconds; the ladder's own limit, and the contract's.
    """

    requests: int
    credits: int
    windows: tuple[RateLimit, ...] = (OWN_PACE,)


class Guard(httpx.BaseTransport):
    """Lets a request out only within the limits, and after the ledger has it.

    Args:
        inner: What sends the requests.
        origin: Scheme, host and port of the API; nowhere else does the key go.
        tariff: Knows what a request may cost.
        limits: How much may be sent.
        ledger: Is told of each request before it is sent.
        clock: The time; the machine's own by default.

    Attributes:
        sent: How many requests it has let out.
        stopped: Why it lets nothing out any more; empty while it does.
    """

    def __init__(
        self,
        inner: httpx.BaseTransport,
        origin: httpx.URL,
        tariff: Tariff,
        limits: Limits,
        ledger: Ledger,
        clock: Clock = time,
    ) -> None:
        self.sent = 0
        self.stopped = ""
        self._inner = inner
        self._origin = _authority(origin)
        self._tariff = tariff
        self._limits = limits
        self._ledger = ledger
        self._clock = clock
        # When the last requests were over. Each arrived before its end, and the next leaves after the wait, so that
        # no second at the API's door sees more than the limit, however long requests travel.
        self._ends = [(window, deque[float](maxlen=window.requests)) for window in limits.windows]
        if ledger.last_send:
            last = clock.monotonic() - max(0.0, clock.time() - ledger.last_send)
            for window, ends in self._ends:
                ends.extend([last] * window.requests)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, if the limits allow it, and say when that was, in the answer's ``extensions["at"]``.

        Raises:
            NotAllowed: They do not.
            httpx.RequestError: There was no answer.
        """
        request.read()
        credits = self._admit(request)
        self._wait()
        number = self._ledger.sending(self._told(request), credits)
        self.sent += 1
        at = self._clock.time()
        try:
            with deadline(EXCHANGE_SECONDS):
                response = self._send(request)
        except httpx.RequestError as error:
            cost = 0 if isinstance(error, _NOT_SENT) else credits
            self._ledger.ended(number, {"error": type(error).__name__}, cost)
            raise
        finally:
            for _, ends in self._ends:
                ends.append(self._clock.monotonic())
        response.extensions["at"] = at
        outcome: dict[str, Any] = {"status": response.status_code}
        job = self._tariff.job(request, response)
        if job is not None:
            outcome |= {"operation": job[0], "job": job[1]}
        self._ledger.ended(number, outcome, min(credits, self._tariff.after(request, response.status_code)))
        if self._tariff.stops(request, response.status_code):
            self.stopped = f"the API answered {response.status_code} to {request.method} {request.url.path}"
        return response

    def job(self, request: httpx.Request, response: httpx.Response) -> str | None:
        """The id of the job that an answer says was started, or None."""
        found = self._tariff.job(request, response)
        return None if found is None else found[1]

    def close(self) -> None:
        """Close the connections."""
        self._inner.close()

    def _admit(self, request: httpx.Request) -> int:
        """What a request may cost, once it is certain that it may go."""
        if not self.stopped and self.sent >= self._limits.requests:
            self.stopped = f"all {self._limits.requests} requests of --max-requests are sent"
        if self.stopped:
            raise Stopped(self.stopped)
        if _authority(request.url) != self._origin and self._tariff.carries_key(request):
            raise NotAllowed(f"the key goes to {self._origin} alone, not to {_authority(request.url)}")
        credits = self._tariff.at_most(request)
        if credits and self._ledger.spent + credits > self._limits.credits:
            raise NotAllowed(
                f"it may cost {credits} credit, and {self._ledger.spent} of the {self._limits.credits} allowed "
                f"by --credits are spent, by the ledger {self._ledger.path}"
            )
        return credits

    def _wait(self) -> None:
        for window, ends in self._ends:
            if len(ends) == window.requests:
                wait = ends[0] + window.seconds - self._clock.monotonic()
                if wait > 0:
                    self._clock.sleep(wait)

    def _told(self, request: httpx.Request) -> dict[str, Any]:
        """What the ledger is told of a request: enough to know it again, and nothing secret."""
        url = redact(str(request.url), [self._tariff.key or ""])
        if _authority(request.url) != self._origin:
            url = url.partition("?")[0]  # It may be signed.
        return {"step": request.extensions.get("step", ""), "method": request.method, "url": url}

    def _send(self, request: httpx.Request) -> httpx.Response:
        """The answer, read; one longer than any that the contract could mean is cut off."""
        response = self._inner.handle_request(request)
        response.request = request
        body = b""
        try:
            for piece in response.iter_bytes():
                check_deadline()
                body += piece
                if len(body) > _LONGEST_ANSWER:
                    break
        finally:
            response.close()
        headers = [(name, value) for name, value in response.headers.multi_items() if name not in _OF_THE_TRANSFER]
        return httpx.Response(
            response.status_code,
            headers=headers,
            content=body[:_LONGEST_ANSWER],
            extensions={**response.extensions, "whole": len(body) <= _LONGEST_ANSWER},
            request=request,
        )


def _authority(url: httpx.URL) -> str:
    port = "" if url.port is None else f":{url.port}"
    return f"{url.scheme}://{url.host}{port}"
