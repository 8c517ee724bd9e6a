"""What a request may cost, and what its answer says that it did cost; read from the contract and the request itself."""

from __future__ import annotations

from dataclasses import dataclass

import httpx

from spacely_spec import Answer, Operation, Polling

from .. import expectations
from ..redaction import gives_away
from .observations import Reader, presented

# RFC 9110, 9.2.1: these ask for nothing but an answer.
_SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
# Blocked, out of credits, too fast: whatever is sent after these makes it worse.
STOPPING = frozenset({402, 403, 429})
_TIMED_OUT = 408  # May come from something on the way, which does not know what the API did.


def is_safe(operation: Operation) -> bool:
    """Whether calling an operation changes nothing: it only asks, and starts no job."""
    return operation.method in _SAFE and operation.polling is None


@dataclass(frozen=True)
class Tariff:
    """Tells of each request what it may cost.

    Args:
        reader: Finds the operation of a request.
        key: The key; a request that does not carry it is on nobody's account. None where there is no key.
    """

    reader: Reader
    key: str | None

    def carries_key(self, request: httpx.Request) -> bool:
        """Whether the key, in whatever form and case, is anywhere in a request: some server may not mind the case."""
        if not self.key:
            return False
        headers = "\n".join(value for _, value in request.headers.multi_items())
        text = f"{request.url}\n{headers}\n{request.content.decode('utf-8', 'replace')}"
        return gives_away(text, self.key)

    def at_most(self, request: httpx.Request) -> int:
        """The credits that a request may cost: one, unless it only asks, or is on nobody's account."""
        if self.key and not self.carries_key(request):
            return 0
        operation = self._operation(request)
        safe = request.method in _SAFE if operation is None else is_safe(operation)
        return 0 if safe else 1

    def after(self, request: httpx.Request, status: int) -> int:
        """The credits that a request is taken to have cost: what it may, unless the API has refused it."""
        refused = 400 <= status < 500 and status != _TIMED_OUT
        return 0 if refused else self.at_most(request)

    def stops(self, request: httpx.Request, status: int) -> bool:
        """Whether an answer ends the run: one of the API does, one of a host that keeps its results does not."""
        if status not in STOPPING or not self.reader.is_here(request.url):
            return False
        operation = self._operation(request)
        # A request without the key in its place may be refused with 403, where the contract says so.
        foreseen = operation is not None and expectations.allows(expectations.refusals(operation), status)
        return not foreseen or self._is_authorised(request, operation)

    def job(self, request: httpx.Request, response: httpx.Response) -> tuple[str, str] | None:
        """The operationId and the id of the job that an answer says was started, or None."""
        operation = self._operation(request)
        polling: Polling | None = operation.polling if operation is not None else None
        if operation is None or polling is None or not response.is_success:
            return None
        try:
            body = response.json()
        except (ValueError, RecursionError):
            body = None
        job = polling.job_id.read(Answer(response.status_code, response.headers, body))
        return None if job is None else (operation.id, str(job))

    def _is_authorised(self, request: httpx.Request, operation: Operation | None) -> bool:
        alternatives = [alternative for alternative in (operation.security if operation else ()) if alternative]
        return any(all(presented(scheme, request) == self.key for scheme in each) for each in alternatives)

    def _operation(self, request: httpx.Request) -> Operation | None:
        found = self.reader.find(request.method, request.url)
        return found[0] if found else None
