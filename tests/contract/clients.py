"""The generated client under test: loaded from its folder, called sync and async, its requests caught."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import io
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

import httpx
from openapi_python_client.strings import PythonIdentifier

from spacely_spec import Operation, Spec

from .recording import Message, of_httpx

PACKAGE = "spacely_client"
ERRORS = "spacely_runtime.errors"
CLOCK = "spacely_runtime._clock"
BASE_URL = "http://contract.invalid/base/path"
# Polls follow each other at once; the pace is not what is checked here.
_INTERVAL = 1e-6
# More requests than any call that is checked here has a reason for; a wait at its own pace has more of them.
_ENDLESS, _ENDLESS_WAIT = 100, 5000
_TICK = 1e-6

Answerer: TypeAlias = Callable[[httpx.Request], httpx.Response]
Prepare: TypeAlias = Callable[[type[Any]], type[Any]]


class WrongPackage(Exception):
    """The package that was imported is not the one that is to be tested; the message says which it is."""


class Endless(BaseException):
    """A call sends one request after the other and would never end; nothing in a client catches this."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one call.

    Attributes:
        call: The call as code, with the kind of client that made it.
        value: What it returned.
        error: What it raised instead, or None.
        sent: The requests that left the client.
        updates: The states of the job that was waited for, in their order.
        messages: The requests with their answers, as they went over the wire.
        number: The number of the last of them in the run; None until they are recorded.
        log: What was logged meanwhile, by whichever logger, with its tracebacks.
        pauses: The seconds that the client waited meanwhile, where its time is moved by hand.
    """

    call: str
    value: Any
    error: BaseException | None
    sent: tuple[httpx.Request, ...]
    updates: tuple[tuple[str, Any], ...] = ()
    messages: tuple[Message, ...] = ()
    number: int | None = None
    log: str = ""
    pauses: tuple[float, ...] = ()


@dataclass(slots=True)
class Wire(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """A transport for both kinds of client: keeps what is sent, and answers what it is told to."""

    answer: Answerer = field(default=lambda _: httpx.Response(500))
    sent: list[httpx.Request] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    most: int = _ENDLESS

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request of the synchronous client."""
        self.sent.append(request)
        if len(self.sent) > self.most:
            raise Endless(f"{self.most} requests, and no end")
        started, response = time.time(), None
        try:
            response = self.answer(request)
        finally:
            self.messages.append(of_httpx(request, response, started, time.time() - started))
        return response

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request of the asynchronous client."""
        return self.handle_request(request)


@dataclass(slots=True)
class ClientUnderTest:
    """One generated client.

    Attributes:
        spec: The contract it was generated from.
        key: The key it was given.
        sync: Its synchronous client.
        asynchronous: Its asynchronous client.
        wire: What both send through.
        runner: The event loop that the asynchronous one lives in.
        errors: The module of its errors.
        most: How many requests a wait may take before it counts as endless.
    """

    spec: Spec
    key: str
    sync: Any
    asynchronous: Any
    wire: Wire
    runner: asyncio.Runner
    errors: ModuleType
    most: int = _ENDLESS

    @property
    def operations(self) -> tuple[Operation, ...]:
        """The operations of the contract that it has a method for."""
        return tuple(operation for operation in self.spec.operations if self.offers(operation))

    def offers(self, operation: Operation) -> bool:
        """Whether there is a method for an operation."""
        return any(known.id == operation.id for known in type(self.sync).operations.values())

    def method(self, operation: Operation) -> str:
        """The name of the method for an operation; AttributeError where there is none."""
        for name, known in type(self.sync).operations.items():
            if known.id == operation.id:
                return str(name)
        raise AttributeError(f"{type(self.sync).__name__} has no method for {operation.id}")

    def parameters(self, operation: Operation) -> set[str]:
        """The names of a method's keyword arguments."""
        signature = inspect.signature(getattr(type(self.sync), self.method(operation)))
        return {name for name, each in signature.parameters.items() if each.kind is inspect.Parameter.KEYWORD_ONLY}

    def call(self, operation: Operation, arguments: Mapping[str, Any], answer: Answerer) -> Iterator[Outcome]:
        """Call an operation's method on both clients, one after the other."""
        name = self.method(operation)

        async def run() -> Any:
            return await getattr(self.asynchronous, name)(**arguments)

        code = _code(name, arguments)
        self.wire.most = _ENDLESS
        yield self._outcome(f"client.{code}", answer, lambda: getattr(self.sync, name)(**arguments))
        yield self._outcome(f"await client.{code}", answer, lambda: self.runner.run(run()))

    def wait(self, operation: Operation, arguments: Mapping[str, Any], answer: Answerer) -> Iterator[Outcome]:
        """Submit a job on both clients and wait for its end."""
        seen: list[tuple[str, Any]] = []

        def update(each: Any) -> None:
            seen.append((each.state, plain(each.result)))

        yield from self.with_job(
            operation,
            arguments,
            answer,
            ".wait()",
            lambda job: job.wait(on_update=update),
            seen,
        )

    def with_job(
        self,
        operation: Operation,
        arguments: Mapping[str, Any],
        answer: Answerer,
        code: str,
        use: Callable[[Any], Any],
        seen: list[tuple[str, Any]] | None = None,
    ) -> Iterator[Outcome]:
        """Submit a job on both clients and do something with it.

        Args:
            operation: The submit.
            arguments: Its arguments.
            answer: What requests are answered.
            code: What is done, as code.
            use: Does it; what it returns is awaited for the asynchronous client.
            seen: Where updates are kept.

        Yields:
            What came of it for each client.
        """
        name = self.method(operation)

        async def run() -> Any:
            return await use(await getattr(self.asynchronous, name)(**arguments))

        code = _code(name, arguments) + code
        self.wire.most = self.most
        yield self._outcome(f"client.{code}", answer, lambda: use(getattr(self.sync, name)(**arguments)), seen)
        yield self._outcome(f"await client.{code}", answer, lambda: self.runner.run(run()), seen)

    def resume(self, operation: Operation, job_id: str, answer: Answerer) -> Iterator[Outcome]:
        """Take a job up again on both clients and wait for its end."""
        name = self.method(operation)

        async def run() -> Any:
            return await self.asynchronous.job(name, job_id).wait()

        code = f"job({name!r}, {job_id!r}).wait()"
        yield self._outcome(f"client.{code}", answer, lambda: self.sync.job(name, job_id).wait())
        yield self._outcome(f"await client.{code}", answer, lambda: self.runner.run(run()))

    def _outcome(
        self, code: str, answer: Answerer, run: Callable[[], Any], seen: list[tuple[str, Any]] | None = None
    ) -> Outcome:
        self.wire.answer = answer
        self.wire.sent.clear()
        self.wire.messages.clear()
        updates = [] if seen is None else seen
        updates.clear()
        value: Any = None
        error: BaseException | None = None
        with _logged() as log, time_moved_by_hand() as pauses:
            try:
                value = run()
            except (Exception, Endless) as raised:  # noqa: BLE001 - what a client raises is what is looked at
                error = raised
        wire = self.wire
        sent, messages = tuple(wire.sent), tuple(wire.messages)
        return Outcome(code, value, error, sent, tuple(updates), messages, None, log.getvalue(), tuple(pauses))


@contextmanager
def _logged() -> Iterator[io.StringIO]:
    """What is logged while the block runs."""
    text = io.StringIO()
    handler, root = logging.StreamHandler(text), logging.getLogger()
    # httpx logs the URL of each request; a key that the contract wants in there is in it.
    handler.addFilter(lambda record: record.name != "httpx")
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield text
    finally:
        root.setLevel(level)
        root.removeHandler(handler)


@contextmanager
def time_moved_by_hand() -> Iterator[list[float]]:
    """Let the client's time pass when it waits, at once, and by a tick at each look; gives the waits, in seconds."""
    clock: Any = importlib.import_module(CLOCK)
    kept = (clock.monotonic, clock.sleep, clock.sleep_async)
    pauses: list[float] = []
    now = time.monotonic()

    def monotonic() -> float:
        nonlocal now
        now += _TICK
        return now

    def sleep(seconds: float) -> None:
        nonlocal now
        pauses.append(max(0.0, seconds))
        now += pauses[-1]

    async def sleep_async(seconds: float) -> None:
        sleep(seconds)

    clock.monotonic, clock.sleep, clock.sleep_async = monotonic, sleep, sleep_async
    try:
        yield pauses
    finally:
        clock.monotonic, clock.sleep, clock.sleep_async = kept


@contextmanager
def open_client(
    spec: Spec, key: str, folder: Path | None = None, prepare: Prepare | None = None, *, retrying: bool = False
) -> Iterator[ClientUnderTest]:
    """Load a generated client and make one of each kind.

    Args:
        spec: The contract.
        key: The key to give it.
        folder: Where the package must be; None takes whichever is on the path.
        prepare: Changes a class of the client before it is used, as a seeded fault does; None changes nothing.
        retrying: Whether it makes calls again and paces its polls, as it does by default.

    Yields:
        The client.

    Raises:
        WrongPackage: The package on the path is another one.
    """
    package = importlib.import_module(PACKAGE)
    found = Path(package.__file__ or "").resolve().parents[1]
    if folder is not None and found != folder.resolve():
        raise WrongPackage(f"{PACKAGE} is imported from {found}, not from {folder.resolve()}")
    changed: Prepare = prepare or (lambda each: each)
    wire = Wire()
    options: Any = {
        "api_key": key,
        "base_url": BASE_URL,
        "rate_limit": None,
        **({} if retrying else {"max_retries": 0, "poll_interval": _INTERVAL}),
    }
    sync = changed(getattr(package, spec.sdk_name))(**options, transport=wire)
    with asyncio.Runner() as runner:

        async def make() -> Any:
            return changed(getattr(package, f"Async{spec.sdk_name}"))(**options, transport=wire)

        asynchronous = runner.run(make())
        errors = importlib.import_module(ERRORS)
        try:
            most = _ENDLESS_WAIT if retrying else _ENDLESS
            yield ClientUnderTest(spec, key, sync, asynchronous, wire, runner, errors, most)
        finally:
            sync.close()
            runner.run(asynchronous.close())


def argument_name(wire_name: str) -> str:
    """What the client calls a parameter or property in Python."""
    return str(PythonIdentifier(wire_name, "field_"))


def plain(value: Any) -> Any:
    """What a client returned, as JSON knows it."""
    if hasattr(value, "to_dict"):
        return plain(value.to_dict())
    if isinstance(value, dict):
        return {key: plain(member) for key, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, Enum):
        return value.value
    return value.isoformat() if isinstance(value, (date, datetime)) else value


def same(left: Any, right: Any) -> bool:
    """Whether two JSON values say the same; two ways to write one moment do."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, str) and isinstance(right, str):
        return left == right or _moment(left) == _moment(right) is not None
    return isinstance(left, bool) is isinstance(right, bool) and bool(left == right)


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _code(name: str, arguments: Mapping[str, Any]) -> str:
    return f"{name}({', '.join(f'{key}={value!r}' for key, value in arguments.items())})"
